use proptest::prelude::*;

use super::*;

fn id(namespace: &str, name: &str) -> FunctionId {
    FunctionId::new("ap-x", namespace, name)
}

/// A look that saw functions of one namespace, each with the time of its change.
fn look(seen: &[(&str, &str)]) -> Survey {
    let listed = |changed: &str| Seen::Listed(Some(changed.into()));
    Survey {
        seen: seen
            .iter()
            .map(|(name, changed)| (id("n", name), listed(changed)))
            .collect(),
        ..Survey::default()
    }
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
fn gone_is_what_two_looks_in_a_row_missed() {
    let mut known = FunctionCatalog::default();
    known.take(look(&[("a", "1"), ("b", "1")]));
    known.take(look(&[("b", "1")]));
    assert_eq!(names(&known), ["a", "b"], "missed once");
    known.take(look(&[("a", "1"), ("b", "1")]));
    known.take(look(&[("b", "1")]));
    assert_eq!(names(&known), ["a", "b"], "not twice in a row");
    known.take(look(&[("b", "1")]));
    assert_eq!(names(&known), ["b"]);
}

#[test]
fn what_was_not_read_to_the_end_misses_nothing() {
    let mut known = FunctionCatalog::default();
    known.take(look(&[("a", "1")]));
    for _ in 0..5 {
        known.take(Survey {
            unsure: [Arc::from("n")].into(),
            ..look(&[("b", "1")])
        });
    }
    assert_eq!(names(&known), ["a", "b"]);
}

#[test]
fn details_are_due_once_then_after_a_change_or_an_hour() {
    let (mut known, start) = (FunctionCatalog::default(), Instant::now());
    known.take(look(&[("a", "1"), ("b", "1")]));
    assert_eq!(due(&known, start), ["a", "b"]);
    for name in ["a", "b"] {
        known.learned(&id("n", name), Some("1".into()), details(), start);
    }
    assert!(due(&known, start).is_empty());

    known.take(look(&[("a", "1"), ("b", "2")]));
    assert_eq!(due(&known, start), ["b"], "changed");
    known.learned(
        &id("n", "b"),
        Some("2".into()),
        details(),
        start + DETAILS_KEPT,
    );

    let minute = Duration::from_secs(60);
    assert!(due(&known, start + DETAILS_KEPT - minute).is_empty());
    assert_eq!(due(&known, start + DETAILS_KEPT), ["a"], "old");

    known.take(look(&[("b", "2")]));
    assert_eq!(due(&known, start), ["a"], "missed");
}

#[test]
fn a_change_while_it_was_being_asked_about_is_asked_about_again() {
    let (mut known, now) = (FunctionCatalog::default(), Instant::now());
    known.take(look(&[("a", "1")]));
    let changed = known.changed(&id("n", "a"));
    known.take(look(&[("a", "2")]));
    known.learned(&id("n", "a"), changed, details(), now);
    assert_eq!(due(&known, now), ["a"]);
}

#[test]
fn failures_keep_the_last_details_and_wait_behind_those_never_asked() {
    let (mut known, now) = (FunctionCatalog::default(), Instant::now());
    known.take(look(&[("a", "1"), ("b", "1")]));
    known.learned(&id("n", "a"), Some("1".into()), details(), now);
    known.failed(&id("n", "a"), now);
    assert_eq!(known.found(true).len(), 1, "b has none yet");
    assert_eq!(due(&known, now), ["b", "a"]);
    known.failed(&id("n", "b"), now - Duration::from_secs(1));
    assert_eq!(due(&known, now), ["b", "a"], "longest ago first");
}

#[test]
fn a_name_of_the_configuration_exists_when_the_cloud_says_so_or_says_nothing() {
    let (mut known, now) = (FunctionCatalog::default(), Instant::now());
    let named = || Survey {
        seen: ["a", "b", "c", "d"]
            .map(|name| (id("n", name), Seen::Named))
            .into(),
        ..Survey::default()
    };
    known.take(named());
    assert!(names(&known).is_empty());
    known.learned(&id("n", "a"), None, details(), now);
    known.failed(&id("n", "b"), now);
    known.unasked(&id("n", "c"));
    known.absent(&id("n", "d"));
    assert_eq!(names(&known), ["a", "b", "c"]);
    known.take(named());
    assert_eq!(names(&known), ["a", "b", "c"]);
    assert_eq!(due(&known, now), ["c", "d", "b"]);
}

proptest! {
    /// Against the definition: a function is there if either of the last two looks saw it.
    #[test]
    fn known_is_what_one_of_the_last_two_looks_saw(
        looks in prop::collection::vec(prop::collection::btree_set("[a-f]", 0..6), 1..20),
    ) {
        let mut known = FunctionCatalog::default();
        for (at, seen) in looks.iter().enumerate() {
            let listed: Vec<_> = seen.iter().map(|name| (name.as_str(), "1")).collect();
            known.take(look(&listed));
            let mut expected = seen.clone();
            if at > 0 {
                expected.extend(looks[at - 1].iter().cloned());
            }
            prop_assert_eq!(names(&known), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
