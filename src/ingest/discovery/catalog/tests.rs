use proptest::prelude::*;

use super::*;

fn id(name: &str) -> FunctionId {
    FunctionId::new("ap-x", "n", name)
}

/// A scan that saw functions of one namespace, each with its modification time.
fn scan(seen: &[(&str, &str)]) -> Scan {
    let listed = |changed: &str| Seen::Listed(Some(changed.into()));
    let seen = seen.iter();
    Scan {
        seen: seen.map(|(name, at)| (id(name), listed(at))).collect(),
        ..Scan::default()
    }
}

/// A catalog after one scan.
fn catalog(seen: &[(&str, &str)]) -> FunctionCatalog {
    let mut catalog = FunctionCatalog::default();
    catalog.take(scan(seen));
    catalog
}

fn details() -> Details {
    Details {
        about: None,
        topic: Topic::None,
    }
}

fn names(known: &FunctionCatalog) -> Vec<String> {
    let found = known.found(false).into_iter();
    found.map(|one| one.function.name.to_string()).collect()
}

fn due(known: &FunctionCatalog, now: Instant) -> Vec<String> {
    let due = known.due(now).into_iter();
    due.map(|one| one.name.to_string()).collect()
}

#[test]
fn what_was_not_read_to_the_end_misses_nothing() {
    let mut known = catalog(&[("a", "1")]);
    for _ in 0..5 {
        known.take(Scan {
            unsure: [Arc::from("n")].into(),
            ..scan(&[("b", "1")])
        });
    }
    assert_eq!(names(&known), ["a", "b"]);
}

#[test]
fn details_are_due_once_then_after_a_change_or_an_hour() {
    let (mut known, start) = (catalog(&[("a", "1"), ("b", "1")]), Instant::now());
    assert_eq!(due(&known, start), ["a", "b"]);
    for name in ["a", "b"] {
        known.fetched(&id(name), Some("1".into()), details(), start);
    }
    assert!(due(&known, start).is_empty());

    known.take(scan(&[("a", "1"), ("b", "2")]));
    assert_eq!(due(&known, start), ["b"], "changed");
    known.fetched(&id("b"), Some("2".into()), details(), start + DETAILS_KEPT);

    let minute = Duration::from_secs(60);
    assert!(due(&known, start + DETAILS_KEPT - minute).is_empty());
    assert_eq!(due(&known, start + DETAILS_KEPT), ["a"], "old");

    known.take(scan(&[("b", "2")]));
    assert_eq!(due(&known, start), ["a"], "missed");
}

#[test]
fn a_change_while_it_was_being_asked_about_is_asked_about_again() {
    let (mut known, now) = (catalog(&[("a", "1")]), Instant::now());
    let changed = known.changed(&id("a"));
    known.take(scan(&[("a", "2")]));
    known.fetched(&id("a"), changed, details(), now);
    assert_eq!(due(&known, now), ["a"]);
}

#[test]
fn failures_keep_the_last_details_and_wait_behind_those_never_asked() {
    let (mut known, now) = (catalog(&[("a", "1"), ("b", "1")]), Instant::now());
    known.fetched(&id("a"), Some("1".into()), details(), now);
    known.failed(&id("a"), now);
    assert_eq!(known.found(true).len(), 1, "b has none yet");
    assert_eq!(due(&known, now), ["b", "a"]);
    known.failed(&id("b"), now - Duration::from_secs(1));
    assert_eq!(due(&known, now), ["b", "a"], "longest ago first");
}

#[test]
fn a_name_of_the_configuration_exists_when_the_cloud_says_so_or_says_nothing() {
    let (mut known, now) = (FunctionCatalog::default(), Instant::now());
    let named = || Scan {
        seen: ["a", "b", "c", "d"]
            .map(|name| (id(name), Seen::Named))
            .into(),
        ..Scan::default()
    };
    known.take(named());
    assert!(names(&known).is_empty());
    known.fetched(&id("a"), None, details(), now);
    known.failed(&id("b"), now);
    known.assume(&id("c"));
    known.absent(&id("d"));
    assert_eq!(names(&known), ["a", "b", "c"]);
    known.take(named());
    assert_eq!(names(&known), ["a", "b", "c"]);
    assert_eq!(due(&known, now), ["c", "d", "b"]);
}

proptest! {
    /// Against the definition: a function is there if either of the last two scans saw it.
    #[test]
    fn known_is_what_one_of_the_last_two_scans_saw(
        scans in prop::collection::vec(prop::collection::btree_set("[a-f]", 0..6), 1..20),
    ) {
        let mut known = FunctionCatalog::default();
        for (at, seen) in scans.iter().enumerate() {
            let listed: Vec<_> = seen.iter().map(|name| (name.as_str(), "1")).collect();
            known.take(scan(&listed));
            let mut expected = seen.clone();
            if at > 0 {
                expected.extend(scans[at - 1].iter().cloned());
            }
            prop_assert_eq!(names(&known), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
