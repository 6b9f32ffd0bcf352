//! Where targets begin: truth tables, and what their texts are.

use super::*;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn function(name: &str) -> TargetId {
    TargetId::function(FunctionId::new("r", "default", name))
}

fn opening(now: Timestamp) -> Opening {
    Opening {
        now,
        first_read: FIRST,
        late_after: LATE,
        listed: None,
    }
}

const FIRST: Duration = Duration::from_secs(900);
const LATE: Duration = Duration::from_secs(60);

#[test]
fn a_target_starts_where_it_or_its_forerunner_settled() {
    let mut targets = Targets::default();
    let now = at(100_000);
    assert_eq!(
        targets.opening(&function("a"), opening(now)),
        at(99_100),
        "never read"
    );

    targets.settle(&function("a"), at(99_500));
    targets.settle(&function("b"), at(99_400));
    assert_eq!(targets.opening(&function("a"), opening(now)), at(99_500));
    let region = TargetId::region("r");
    assert_eq!(
        targets.opening(&region, opening(now)),
        at(99_100),
        "a function may be too new to be known"
    );
    let longer = at(100_400);
    assert_eq!(
        targets.opening(&region, opening(longer)),
        at(99_400),
        "the slowest of its functions"
    );

    targets.settle(&region, at(99_900));
    assert_eq!(
        targets.opening(&function("a"), opening(now)),
        at(99_900),
        "read by region since"
    );
    assert_eq!(targets.opening(&function("new"), opening(now)), at(99_900));
}

#[test]
fn a_position_beyond_retention_says_nothing() {
    let mut targets = Targets::default();
    targets.settle(&function("a"), at(0));
    let now = at(8 * 24 * 3600);
    assert_eq!(targets.opening(&function("a"), opening(now)), now - FIRST);
}

#[test]
fn settled_never_moves_back() {
    let mut targets = Targets::default();
    targets.settle(&function("a"), at(10));
    targets.settle(&function("a"), at(5));
    assert_eq!(targets.settled(&function("a")), at(10));
}

#[test]
fn a_name_survives_its_text_form() {
    let named = FunctionId::new("r", "ns", "f").of_account("b");
    for id in [
        TargetId::region("ap-x"),
        TargetId::region("ap-x").of_account("a"),
        TargetId::namespace("ap-x", "default").of_account("a"),
        TargetId::topic("ap-x", "0-1"),
        TargetId::function(named),
        function("a/b c\""),
    ] {
        assert_eq!(id.to_string().parse(), Ok(id));
    }
}

#[test]
fn a_topic_starts_where_start_times_were_settled_and_the_other_way_round() {
    let now = at(100_000);
    let topic = TargetId::topic("r", "t");
    let mut targets = Targets::default();
    targets.settle(&function("a"), at(98_000));
    targets.settle(&function("b"), at(99_000));
    assert_eq!(targets.opening(&topic, opening(now)), at(98_000));

    let mut targets = Targets::default();
    targets.settle(&topic, at(98_000));
    let start = at(98_000) - LATE;
    assert_eq!(targets.opening(&function("a"), opening(now)), start);
    let other = TargetId::topic("r", "u");
    assert_eq!(targets.opening(&other, opening(now)), now - FIRST);
}

#[test]
fn start_times_are_settled_by_the_furthest_that_covers_them() {
    let function = FunctionId::new("r", "default", "a");
    let mut targets = Targets::default();
    targets.settle(&TargetId::topic("r", "t"), at(50));
    assert_eq!(targets.settled_by_start(&function), Timestamp::MIN);
    targets.settle(&TargetId::function(function.clone()), at(10));
    assert_eq!(targets.settled_by_start(&function), at(10));
    targets.settle(&TargetId::namespace("r", "default"), at(20));
    targets.settle(&TargetId::namespace("r", "other"), at(30));
    assert_eq!(targets.settled_by_start(&function), at(20));
    targets.settle(&TargetId::region("r"), at(15));
    targets.settle(&TargetId::region("r").of_account("b"), at(40));
    assert_eq!(targets.settled_by_start(&function), at(20));
}

#[test]
fn accounts_are_apart() {
    let now = at(100_000);
    let mut targets = Targets::default();
    targets.settle(&TargetId::region("r"), at(99_900));
    let other = TargetId::region("r").of_account("b");
    assert_eq!(targets.opening(&other, opening(now)), now - FIRST);
    assert_eq!(targets.slowest_beside(&other, at(99_950)), at(99_950));
}

/// What is settled where, what is opened, from where lists say, the first read, where it begins.
type Case = (
    Option<(&'static str, i64)>,
    &'static str,
    Option<i64>,
    u64,
    i64,
);

const WEEK: i64 = 7 * 24 * 3_600;

const CASES: &[Case] = &[
    // Nothing is known at all.
    (None, "topic:t", None, 900, 999_100),
    // A list did not name it; the earlier one counts.
    (None, "topic:t", Some(999_950), 0, 999_950),
    (None, "topic:t", Some(999_950), 900, 999_100),
    (None, "topic:t", Some(400_000), 900, 400_000),
    (None, "default/f", Some(999_950), 0, 999_950),
    (None, "default/*", Some(999_950), 0, 999_950),
    // Logs are kept for a week.
    (None, "topic:t", Some(1), 900, 1_000_000 - WEEK),
    // Other topics say nothing of this one.
    (
        Some(("topic:u", 999_990)),
        "topic:t",
        Some(999_950),
        0,
        999_950,
    ),
    // Its own position is better than any list, unless it is too old to say anything.
    (
        Some(("topic:t", 999_970)),
        "topic:t",
        Some(900_000),
        900,
        999_970,
    ),
    (Some(("topic:t", 1)), "topic:t", Some(999_950), 0, 999_950),
    (Some(("topic:t", 1)), "topic:t", None, 0, 1_000_000),
    // What reads it already is as good.
    (
        Some(("*", 999_960)),
        "default/f",
        Some(900_000),
        900,
        999_960,
    ),
    (
        Some(("default/*", 999_960)),
        "default/f",
        Some(900_000),
        900,
        999_960,
    ),
    (
        Some(("default/g", 999_960)),
        "default/f",
        Some(999_950),
        0,
        999_950,
    ),
    // The functions that were read by themselves, and others that are new.
    (
        Some(("default/f", 999_980)),
        "default/*",
        Some(999_950),
        0,
        999_950,
    ),
    (
        Some(("default/f", 999_940)),
        "default/*",
        Some(999_950),
        0,
        999_940,
    ),
    (
        Some(("default/f", 999_980)),
        "topic:t",
        Some(999_950),
        0,
        999_950,
    ),
    (
        Some(("default/f", 999_940)),
        "topic:t",
        Some(999_950),
        0,
        999_940,
    ),
    // A topic settles by log time.
    (
        Some(("topic:t", 999_990)),
        "default/f",
        Some(999_950),
        0,
        999_930,
    ),
    (
        Some(("topic:t", 999_990)),
        "default/f",
        Some(999_920),
        0,
        999_920,
    ),
];

#[test]
fn what_no_target_knew_begins_where_the_lists_did_not_name_it_or_earlier() {
    let id = |name: &str| -> TargetId { format!("r/{name}").parse().unwrap() };
    for (known, target, listed, first_read, begins) in CASES {
        let mut targets = Targets::default();
        if let Some((target, position)) = known {
            targets.settle(&id(target), at(*position));
        }
        let opening = Opening {
            now: at(1_000_000),
            first_read: Duration::from_secs(*first_read),
            late_after: LATE,
            listed: listed.map(at),
        };
        let began = targets.opening(&id(target), opening);
        let case = format!("{known:?} {target} {listed:?} {first_read}");
        assert_eq!(began, at(*begins), "{case}");
    }
}
