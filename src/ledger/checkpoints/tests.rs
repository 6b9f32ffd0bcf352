//! Where targets begin: truth tables, and what their texts are.

use super::*;
use crate::ledger::AllowedLateness;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn watermark(secs: i64) -> Checkpoint {
    Checkpoint::Watermark(at(secs))
}

/// Where a target of this name was read up to.
fn checkpoint(id: &TargetId, secs: i64) -> Checkpoint {
    match id.kind().is_streamed {
        true => Checkpoint::Offset {
            next: 1,
            reached: at(secs),
        },
        false => watermark(secs),
    }
}

fn function(name: &str) -> TargetId {
    TargetId::function(FunctionId::new("r", "default", name))
}

fn opening(now: Timestamp) -> Opening {
    Opening {
        now,
        first_read: FIRST,
        allowed_lateness: LATE,
        listed: None,
    }
}

const FIRST: Duration = Duration::from_secs(900);
const LATE: AllowedLateness = AllowedLateness::of_lines(Duration::from_secs(60));

#[test]
fn a_target_starts_where_it_or_its_forerunner_settled() {
    let mut targets = Checkpoints::default();
    let now = at(100_000);
    assert_eq!(
        targets.opening(&function("a"), opening(now)),
        at(99_100),
        "never read"
    );

    targets.advance(&function("a"), watermark(99_500));
    targets.advance(&function("b"), watermark(99_400));
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

    targets.advance(&region, watermark(99_900));
    assert_eq!(
        targets.opening(&function("a"), opening(now)),
        at(99_900),
        "read by region since"
    );
    assert_eq!(targets.opening(&function("new"), opening(now)), at(99_900));
}

#[test]
fn a_position_beyond_retention_says_nothing() {
    let mut targets = Checkpoints::default();
    targets.advance(&function("a"), watermark(0));
    let now = at(8 * 24 * 3600);
    assert_eq!(targets.opening(&function("a"), opening(now)), now - FIRST);
}

#[test]
fn settled_never_moves_back() {
    let mut targets = Checkpoints::default();
    targets.advance(&function("a"), watermark(10));
    targets.advance(&function("a"), watermark(5));
    assert_eq!(targets.late_below(&function("a")), at(10));
}

#[test]
fn a_name_survives_its_text_form() {
    let named = FunctionId::new("r", "ns", "f").of_account("b");
    for id in [
        TargetId::region("ap-x"),
        TargetId::region("ap-x").of_account("a"),
        TargetId::namespace("ap-x", "default").of_account("a"),
        TargetId::topic("ap-x", "0-1"),
        TargetId::partition("ap-x", "scf:logs", 7).of_account("a"),
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
    let mut targets = Checkpoints::default();
    targets.advance(&function("a"), watermark(98_000));
    targets.advance(&function("b"), watermark(99_000));
    assert_eq!(targets.opening(&topic, opening(now)), at(98_000));

    let mut targets = Checkpoints::default();
    targets.advance(&topic, watermark(98_000));
    let start = LATE.closed_at(at(98_000));
    assert_eq!(targets.opening(&function("a"), opening(now)), start);
    let other = TargetId::topic("r", "u");
    assert_eq!(targets.opening(&other, opening(now)), now - FIRST);
}

#[test]
fn start_times_are_settled_by_the_furthest_that_covers_them() {
    let function = FunctionId::new("r", "default", "a");
    let mut targets = Checkpoints::default();
    targets.advance(&TargetId::topic("r", "t"), watermark(50));
    assert_eq!(targets.closed_by_start(&function), Timestamp::MIN);
    targets.advance(&TargetId::function(function.clone()), watermark(10));
    assert_eq!(targets.closed_by_start(&function), at(10));
    targets.advance(&TargetId::namespace("r", "default"), watermark(20));
    targets.advance(&TargetId::namespace("r", "other"), watermark(30));
    assert_eq!(targets.closed_by_start(&function), at(20));
    targets.advance(&TargetId::region("r"), watermark(15));
    targets.advance(&TargetId::region("r").of_account("b"), watermark(40));
    assert_eq!(targets.closed_by_start(&function), at(20));
}

#[test]
fn accounts_are_apart() {
    let now = at(100_000);
    let mut targets = Checkpoints::default();
    targets.advance(&TargetId::region("r"), watermark(99_900));
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
    // A stream begins where its functions were read before, and beside its partitions with its
    // first record; what it read is known by key for the allowed lateness.
    (None, "partition:s:0", None, 900, 999_100),
    (None, "partition:s:0", Some(999_950), 0, 999_950),
    (
        Some(("topic:t", 999_940)),
        "partition:s:0",
        Some(999_950),
        0,
        999_940,
    ),
    (
        Some(("topic:t", 999_990)),
        "partition:s:0",
        None,
        900,
        999_100,
    ),
    (
        Some(("default/f", 990_000)),
        "partition:s:0",
        None,
        900,
        990_000,
    ),
    (Some(("topic:t", 1)), "partition:s:0", None, 900, 999_100),
    (
        Some(("partition:s:1", 999_990)),
        "partition:s:0",
        None,
        900,
        FIRST_RECORD,
    ),
    (
        Some(("partition:s:1", 1)),
        "partition:s:0",
        None,
        900,
        999_100,
    ),
    (
        Some(("partition:r:0", 990_000)),
        "partition:s:0",
        None,
        900,
        999_100,
    ),
    (
        Some(("partition:s:0", 999_000)),
        "topic:t",
        None,
        900,
        998_940,
    ),
    (
        Some(("partition:s:0", 999_900)),
        "topic:t",
        None,
        900,
        999_100,
    ),
    (
        Some(("partition:s:0", 999_000)),
        "default/f",
        None,
        900,
        998_940,
    ),
    (Some(("partition:s:0", 999_000)), "*", None, 900, 998_940),
];

const FIRST_RECORD: i64 = i64::MIN;

#[test]
fn what_no_target_knew_begins_where_the_lists_did_not_name_it_or_earlier() {
    let id = |name: &str| -> TargetId { format!("r/{name}").parse().unwrap() };
    for (known, target, listed, first_read, begins) in CASES {
        let mut targets = Checkpoints::default();
        if let Some((target, position)) = known {
            targets.advance(&id(target), checkpoint(&id(target), *position));
        }
        let opening = Opening {
            now: at(1_000_000),
            first_read: Duration::from_secs(*first_read),
            allowed_lateness: LATE,
            listed: listed.map(at),
        };
        let began = targets.opening(&id(target), opening);
        let case = format!("{known:?} {target} {listed:?} {first_read}");
        let begins = match *begins {
            FIRST_RECORD => Timestamp::MIN,
            secs => at(secs),
        };
        assert_eq!(began, begins, "{case}");
    }
}

#[test]
fn an_offset_never_goes_back_and_makes_nothing_late() {
    let partition = TargetId::partition("r", "s", 0);
    let at_offset = |next, secs| Checkpoint::Offset {
        next,
        reached: at(secs),
    };
    let mut targets = Checkpoints::default();
    targets.advance(&partition, at_offset(10, 500));
    targets.advance(&partition, at_offset(7, 900));
    assert_eq!(targets.get(&partition), Some(at_offset(10, 900)));
    assert_eq!(targets.late_below(&partition), Timestamp::MIN);
    targets.lower(&partition, at(100));
    assert_eq!(targets.get(&partition), Some(at_offset(10, 900)));
}

#[test]
fn a_stream_is_as_slow_as_its_slowest_partition_at_work() {
    let partition = |stream, number| TargetId::partition("r", stream, number);
    let mut targets = Checkpoints::default();
    let reached = |secs| Checkpoint::Offset {
        next: 1,
        reached: at(secs),
    };
    targets.advance(&partition("s", 1), reached(WEEK + 400));
    targets.advance(&partition("s", 2), reached(1));
    targets.advance(&partition("other", 0), reached(WEEK + 300));
    let slowest = |secs| targets.slowest_of_stream(&partition("s", 0), at(WEEK + secs));
    assert_eq!(slowest(900), at(WEEK + 400), "the second one has ended");
    assert_eq!(slowest(350), at(WEEK + 350));
}
