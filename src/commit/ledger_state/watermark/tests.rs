//! What was settled by a clock that was ahead.

use super::*;
use crate::ledger::{AllowedLateness, RETENTION, Retention};
use crate::model::{Page, Row};

const MEMORY: Duration = Duration::from_secs(100);
const RULES: Rules = Rules {
    functions: 100,
    several_accounts: false,
    allowed_lateness: AllowedLateness::of_lines(MEMORY),
    first_read: Duration::from_secs(1_000),
    retention: Retention {
        span: Duration::ZERO,
        is_written: false,
    },
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(second)
}

fn name(function: &str) -> FunctionId {
    FunctionId::new("r", "default", function)
}

/// Takes in calls of `f`, each by a number of its own and the second of its position; how many
/// were counted, met again, and late.
fn take(ledger: &mut LedgerState, target: &TargetId, calls: &[(u128, i64)]) -> (u64, u64, u64) {
    let row = |&(id, second): &(u128, i64)| Row {
        key: crate::model::InvocationKey { id, attempt: 0 },
        position: at(second),
        ..Row::default()
    };
    let page = Page {
        functions: vec![name("f")],
        rows: calls.iter().map(row).collect(),
        ..Page::default()
    };
    let mut change = Delta::at(at(0));
    let outcome = ledger.prepare_page(&mut change, target, &page);
    let _ = ledger.to_store(&mut change);
    ledger.apply(change);
    (outcome.counted, outcome.duplicate, outcome.late)
}

fn advance_watermark(ledger: &mut LedgerState, target: &TargetId, second: i64) {
    let mut change = Delta::at(at(0));
    ledger.prepare_checkpoint(&mut change, target, Checkpoint::Watermark(at(second)));
    ledger.apply(change);
}

/// Corrects the ledger at a second; where the target is settled then, and what is stored of that.
fn correct(
    ledger: &mut LedgerState,
    target: &TargetId,
    (now, since): (i64, i64),
    is_sure: bool,
) -> (i64, Vec<i64>, Vec<i64>) {
    let mut change = Delta::at(at(0));
    let correction = Correction {
        now: at(now),
        since: at(since),
        is_sure,
    };
    let watermark = ledger.prepare_corrected(&mut change, target, correction);
    let stored = ledger.to_store(&mut change);
    ledger.apply(change);
    let positions = stored.targets.iter().map(|(_, at)| at.time().as_secs());
    let evicted_below = stored.functions.iter();
    (
        watermark.as_secs(),
        positions.collect(),
        evicted_below
            .map(|(_, one)| one.evicted_below.as_secs())
            .collect(),
    )
}

/// Opened at 1,000 and read up to 10,000.
fn read() -> (LedgerState, TargetId) {
    let (mut ledger, target) = (LedgerState::new(RULES), TargetId::region("r"));
    advance_watermark(&mut ledger, &target, 1_000);
    take(&mut ledger, &target, &[(1, 9_950), (2, 10_050)]);
    advance_watermark(&mut ledger, &target, 10_000);
    (ledger, target)
}

#[test]
fn what_is_right_is_left_alone() {
    for is_sure in [false, true] {
        let (mut ledger, target) = read();
        let corrected = correct(&mut ledger, &target, (10_000, 9_000), is_sure);
        assert_eq!(corrected, (10_000, vec![], vec![]));
    }
}

/// A clock that was ahead by less than rows are remembered for: all is as if it never was.
#[test]
fn a_watermark_goes_back_to_where_keys_are_kept() {
    let (mut ledger, target) = read();
    advance_watermark(&mut ledger, &target, 10_080);
    assert_eq!(
        take(&mut ledger, &target, &[(3, 10_060)]),
        (0, 0, 1),
        "late"
    );
    let (mut ledger, target) = read();
    advance_watermark(&mut ledger, &target, 10_080);
    let corrected = correct(&mut ledger, &target, (10_040, 9_000), false);
    assert_eq!(
        corrected,
        (9_980, vec![9_980], vec![]),
        "no further than keys are kept, since whenever the time is known"
    );
    let (mut ledger, target) = read();
    advance_watermark(&mut ledger, &target, 10_080);
    let corrected = correct(&mut ledger, &target, (10_040, 10_030), true);
    assert_eq!(corrected, (9_980, vec![9_980], vec![]));
    // The first lies where keys are forgotten, the second is known, the third is new.
    let calls = [(1, 9_950), (2, 10_050), (3, 10_060), (4, 9_990)];
    assert_eq!(take(&mut ledger, &target, &calls), (2, 2, 0));
    assert_eq!(take(&mut ledger, &target, &calls), (0, 4, 0));
    advance_watermark(&mut ledger, &target, 10_200);
    assert_eq!(take(&mut ledger, &target, &[(5, 10_150)]), (0, 0, 1));
}

/// A clock that was a day ahead: every key is forgotten, and the future with them.
#[test]
fn keys_are_kept_again_from_when_the_time_is_known() {
    let day = 86_400;
    let (mut ledger, target) = read();
    advance_watermark(&mut ledger, &target, 10_000 + day);
    // Until that is certain nothing counts, and nothing is remembered.
    let kept_from = 10_000 + day - 100;
    for positions in [vec![kept_from], vec![]] {
        let corrected = correct(&mut ledger, &target, (10_300, 10_200), false);
        assert_eq!(corrected, (kept_from, positions, vec![]));
    }
    assert_eq!(take(&mut ledger, &target, &[(3, 10_250)]), (0, 1, 0));
    let corrected = correct(&mut ledger, &target, (10_300, 10_200), true);
    assert_eq!(corrected, (10_200, vec![10_200], vec![10_200]));
    let calls = [(2, 10_050), (3, 10_250), (4, 10_290)];
    assert_eq!(take(&mut ledger, &target, &calls), (2, 1, 0));
    assert_eq!(take(&mut ledger, &target, &calls), (0, 3, 0));
}

/// Targets of the region that nobody reads any more judge rows too.
#[test]
fn all_of_the_region_is_corrected_and_nothing_else() {
    let (mut ledger, target) = read();
    let beside = TargetId::function(name("f"));
    let (elsewhere, other) = (TargetId::region("s"), TargetId::region("r").of_account("b"));
    for one in [&beside, &elsewhere, &other] {
        advance_watermark(&mut ledger, one, 90_000);
    }
    let (watermark, positions, _) = correct(&mut ledger, &target, (10_300, 10_200), true);
    assert_eq!((watermark, positions), (10_000, vec![10_200]));
    assert_eq!(ledger.checkpoints.late_below(&beside), at(10_200));
    for one in [&elsewhere, &other] {
        assert_eq!(ledger.checkpoints.late_below(one), at(90_000));
    }
    assert!(at(90_000) - RETENTION < at(10_200));
}

/// What a topic has settled waits until it is certain; then it goes back to where keys are kept, and
/// not as far where an API that goes by start left some that lie before the lines.
#[test]
fn topics_wait_until_it_is_certain() {
    for (is_after_v3, kept_from) in [(false, 10_980), (true, 11_080)] {
        let mut ledger = LedgerState::new(RULES);
        let topic = TargetId::topic("r", "t");
        if is_after_v3 {
            advance_watermark(&mut ledger, &TargetId::function(name("f")), 10_000);
        }
        advance_watermark(&mut ledger, &topic, 10_000);
        take(&mut ledger, &topic, &[(1, 10_050)]);
        advance_watermark(&mut ledger, &topic, 11_000);
        advance_watermark(&mut ledger, &topic, 11_080);
        let (watermark, ..) = correct(&mut ledger, &topic, (11_000, 10_500), false);
        assert_eq!(watermark, 11_080);
        let (watermark, ..) = correct(&mut ledger, &topic, (11_000, 10_500), true);
        assert_eq!(watermark, kept_from);
    }
}
