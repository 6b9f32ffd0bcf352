//! Where targets begin: a truth table, and what their texts are.

use super::*;
use crate::ledger::AllowedLateness;

const WEEK: i64 = 7 * 24 * 3_600;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn watermark(secs: i64) -> Checkpoint {
    Checkpoint::Watermark(at(secs))
}

fn offset(next: u64, secs: i64) -> Checkpoint {
    let reached = at(secs);
    Checkpoint::Offset { next, reached }
}

fn function(name: &str) -> TargetId {
    TargetId::function(FunctionId::new("r", "default", name))
}

/// At 1,000,000 s, rows being up to 60 s late: the checkpoints that are known, the target that is
/// opened, from where lists say that it is new, how far the first read goes back, where it begins.
const OPENINGS: &str = "
    # Nothing is known at all.
    -                   topic:t       -      900  999100
    -                   default/a     -      900  999100
    # A list did not name it; the earlier one counts.
    -                   topic:t       999950 0    999950
    -                   topic:t       999950 900  999100
    -                   topic:t       400000 900  400000
    -                   default/f     999950 0    999950
    -                   default/*     999950 0    999950
    # Logs are kept for a week.
    -                   topic:t       1      900  395200
    # Other topics say nothing of this one.
    topic:u=999990      topic:t       999950 0    999950
    topic:u=998000      topic:t       -      900  999100
    # Its own position is better than any list, unless it is too old to say anything.
    topic:t=999970      topic:t       900000 900  999970
    topic:t=1           topic:t       999950 0    999950
    topic:t=1           topic:t       -      0    1000000
    default/a=1         default/a     -      900  999100
    # What reads it already is as good.
    *=999960            default/f     900000 900  999960
    default/*=999960    default/f     900000 900  999960
    default/g=999960    default/f     999950 0    999950
    default/a=999500,default/b=999400           default/a   - 900 999500
    default/a=999500,default/b=999400,*=999900  default/a   - 900 999900
    default/a=999500,default/b=999400,*=999900  default/new - 900 999900
    # The functions that were read by themselves, the slowest of them, and others that are new.
    default/f=999980    default/*     999950 0    999950
    default/f=999940    default/*     999950 0    999940
    default/f=999980    topic:t       999950 0    999950
    default/f=999940    topic:t       999950 0    999940
    default/a=999500,default/b=999400           *           - 900 999100
    default/a=999100,default/b=999000           *           - 900 999000
    default/a=998000,default/b=999000           topic:t     - 900 998000
    # A topic is read by log time.
    topic:t=999990      default/f     999950 0    999930
    topic:t=999990      default/f     999920 0    999920
    topic:t=998000      default/a     -      900  997940
    # A stream begins where its functions were read before, and beside its partitions with its
    # first record; what it read is known by key for the allowed lateness.
    -                   partition:s:0 -      900  999100
    -                   partition:s:0 999950 0    999950
    topic:t=999940      partition:s:0 999950 0    999940
    topic:t=999990      partition:s:0 -      900  999100
    default/f=990000    partition:s:0 -      900  990000
    topic:t=1           partition:s:0 -      900  999100
    partition:s:1=999990  partition:s:0 -    900  first
    partition:s:1=1     partition:s:0 -      900  999100
    partition:r:0=990000  partition:s:0 -    900  999100
    partition:s:0=999000  topic:t     -      900  998940
    partition:s:0=999900  topic:t     -      900  999100
    partition:s:0=999000  default/f   -      900  998940
    partition:s:0=999000  *           -      900  998940
    # Accounts are apart.
    *=999900            b@r/*         -      900  999100
";

#[test]
fn targets_begin_where_the_table_says() {
    let id = |name: &str| -> TargetId {
        let full = match name.contains('@') {
            true => name.to_owned(),
            false => format!("r/{name}"),
        };
        full.parse().unwrap()
    };
    let rows = OPENINGS.lines().map(str::trim);
    for row in rows.filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let fields: Vec<&str> = row.split_whitespace().collect();
        let [known, target, listed, first_read, begins] = fields[..] else {
            panic!("{row}");
        };
        let mut targets = Checkpoints::default();
        for (target, secs) in known.split(',').filter_map(|one| one.split_once('=')) {
            let (target, secs) = (id(target), secs.parse().unwrap());
            let to = match target.kind().is_streamed {
                true => offset(1, secs),
                false => watermark(secs),
            };
            targets.advance(&target, to);
        }
        let opening = Opening {
            now: at(1_000_000),
            first_read: Duration::from_secs(first_read.parse().unwrap()),
            allowed_lateness: AllowedLateness::of_lines(Duration::from_secs(60)),
            listed: listed.parse().ok().map(at),
        };
        let expected = match begins {
            "first" => Timestamp::MIN,
            secs => at(secs.parse().unwrap()),
        };
        assert_eq!(targets.opening(&id(target), opening), expected, "{row}");
    }
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
fn start_times_are_closed_by_the_furthest_that_covers_them() {
    let id = FunctionId::new("r", "default", "a");
    let mut targets = Checkpoints::default();
    for (target, secs, closed) in [
        (TargetId::topic("r", "t"), 50, Timestamp::MIN),
        (function("a"), 10, at(10)),
        (TargetId::namespace("r", "default"), 20, at(20)),
        (TargetId::namespace("r", "other"), 30, at(20)),
        (TargetId::region("r"), 15, at(20)),
        (TargetId::region("r").of_account("b"), 40, at(20)),
    ] {
        targets.advance(&target, watermark(secs));
        assert_eq!(targets.closed_by_start(&id), closed, "{target}");
    }
}

#[test]
fn no_checkpoint_goes_back_and_an_offset_makes_nothing_late() {
    let mut targets = Checkpoints::default();
    targets.advance(&function("a"), watermark(10));
    targets.advance(&function("a"), watermark(5));
    assert_eq!(targets.late_below(&function("a")), at(10));

    let partition = TargetId::partition("r", "s", 0);
    targets.advance(&partition, offset(10, 500));
    targets.advance(&partition, offset(7, 900));
    assert_eq!(targets.get(&partition), Some(offset(10, 900)));
    assert_eq!(targets.late_below(&partition), Timestamp::MIN);
    targets.lower(&partition, at(100));
    assert_eq!(targets.get(&partition), Some(offset(10, 900)));
}

#[test]
fn a_stream_is_as_slow_as_its_slowest_partition_at_work() {
    let partition = |stream, number| TargetId::partition("r", stream, number);
    let mut targets = Checkpoints::default();
    targets.advance(&partition("s", 1), offset(1, WEEK + 400));
    targets.advance(&partition("s", 2), offset(1, 1));
    targets.advance(&partition("other", 0), offset(1, WEEK + 300));
    let slowest = |secs| targets.slowest_of_stream(&partition("s", 0), at(WEEK + secs));
    assert_eq!(slowest(900), at(WEEK + 400), "the second one has ended");
    assert_eq!(slowest(350), at(WEEK + 350));
    let elsewhere = TargetId::region("r").of_account("b");
    assert_eq!(targets.slowest_beside(&elsewhere, at(950)), at(950));
}
