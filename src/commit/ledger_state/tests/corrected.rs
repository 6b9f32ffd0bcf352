//! Watermarks that a clock which was ahead has set, and that are lowered again.

use super::*;
use crate::commit::Correction;

impl Fixture {
    /// The region's target, opened at 1,000 and read up to 10,000.
    fn read_up_to_10_000() -> Self {
        let mut fixture = Self::new(RULES);
        fixture.advance(&region(), 1_000);
        fixture.calls(&region(), &[(1, 9_950), (2, 10_050)]);
        fixture.advance(&region(), 10_000);
        fixture
    }

    /// Reads calls of one function, each by a number of its own and the second of its position.
    fn calls(&mut self, target: &TargetId, calls: &[(u128, i64)]) -> fixture::Counts {
        let pages = calls.iter().map(|&(id, second)| {
            let mut page = logged(0, id, second, second);
            page.rows[0].started = Timestamp::default();
            page
        });
        self.read(target, &pages.collect::<Vec<_>>())
    }

    /// Corrects the ledger at a second; the watermark afterwards, the watermarks that are stored,
    /// and the stored bounds below which keys are evicted.
    fn correct(
        &mut self,
        target: &TargetId,
        (now, since): (i64, i64),
        is_sure: bool,
    ) -> (i64, Vec<i64>, Vec<i64>) {
        let correction = Correction {
            now: at(now),
            since: at(since),
            is_sure,
        };
        let (watermark, stored) =
            self.written(|ledger, change| ledger.prepare_corrected(change, target, correction));
        let watermarks = stored.targets.iter().map(|(_, at)| at.time().as_secs());
        let bounds = stored.functions.iter();
        let bounds = bounds.map(|(_, one)| one.evicted_below.as_secs());
        (watermark.as_secs(), watermarks.collect(), bounds.collect())
    }
}

#[test]
fn what_is_right_is_left_alone() {
    for is_sure in [false, true] {
        let mut fixture = Fixture::read_up_to_10_000();
        let corrected = fixture.correct(&region(), (10_000, 9_000), is_sure);
        assert_eq!(corrected, (10_000, vec![], vec![]));
    }
}

/// A clock that was ahead by less than the allowed lateness: all is as if it never was.
#[test]
fn a_watermark_goes_back_to_where_keys_are_kept() {
    let ahead = || {
        let mut fixture = Fixture::read_up_to_10_000();
        fixture.advance(&region(), 10_080);
        fixture
    };
    let late = ahead().calls(&region(), &[(3, 10_060)]);
    assert_eq!(late, (0, 0, 1));
    // No further than keys are kept, since whenever the time is known.
    let mut fixture = ahead();
    let corrected = fixture.correct(&region(), (10_040, 9_000), false);
    assert_eq!(corrected, (9_980, vec![9_980], vec![]));
    let mut fixture = ahead();
    let corrected = fixture.correct(&region(), (10_040, 10_030), true);
    assert_eq!(corrected, (9_980, vec![9_980], vec![]));
    // The first lies where keys are evicted, the second is known, the third is new.
    let calls = [(1, 9_950), (2, 10_050), (3, 10_060), (4, 9_990)];
    assert_eq!(fixture.calls(&region(), &calls), (2, 2, 0));
    assert_eq!(fixture.calls(&region(), &calls), (0, 4, 0));
    fixture.advance(&region(), 10_200);
    assert_eq!(fixture.calls(&region(), &[(5, 10_150)]), (0, 0, 1));
}

/// A clock that was a day ahead: every key is evicted, and those of the future with them.
#[test]
fn keys_are_kept_again_from_when_the_time_is_known() {
    let day = 86_400;
    let mut fixture = Fixture::read_up_to_10_000();
    fixture.advance(&region(), 10_000 + day);
    // Until that is certain nothing counts, and no key is kept.
    let kept_from = 10_000 + day - 100;
    for watermarks in [vec![kept_from], vec![]] {
        let corrected = fixture.correct(&region(), (10_300, 10_200), false);
        assert_eq!(corrected, (kept_from, watermarks, vec![]));
    }
    assert_eq!(fixture.calls(&region(), &[(3, 10_250)]), (0, 1, 0));
    let corrected = fixture.correct(&region(), (10_300, 10_200), true);
    assert_eq!(corrected, (10_200, vec![10_200], vec![10_200]));
    let calls = [(2, 10_050), (3, 10_250), (4, 10_290)];
    assert_eq!(fixture.calls(&region(), &calls), (2, 1, 0));
    assert_eq!(fixture.calls(&region(), &calls), (0, 3, 0));
}

/// Targets of the region that nobody reads any more judge rows too.
#[test]
fn all_of_the_region_is_corrected_and_nothing_else() {
    let mut fixture = Fixture::read_up_to_10_000();
    let beside = TargetId::function(name(0));
    let (elsewhere, other) = (TargetId::region("s"), region().of_account("b"));
    for one in [&beside, &elsewhere, &other] {
        fixture.advance(one, 90_000);
    }
    let (watermark, stored, _) = fixture.correct(&region(), (10_300, 10_200), true);
    assert_eq!((watermark, stored), (10_000, vec![10_200]));
    assert_eq!(fixture.late_below(&beside), at(10_200));
    for one in [&elsewhere, &other] {
        assert_eq!(fixture.late_below(one), at(90_000));
    }
    assert!(at(90_000) - RETENTION < at(10_200));
}

/// The watermark of a topic waits until it is certain; then it goes back to where keys are kept,
/// and not as far where an API that goes by start left some that lie before the lines.
#[test]
fn topics_wait_until_it_is_certain() {
    for (is_after_v3, kept_from) in [(false, 10_980), (true, 11_080)] {
        let mut fixture = Fixture::new(RULES);
        let topic = topic("t");
        if is_after_v3 {
            fixture.advance(&TargetId::function(name(0)), 10_000);
        }
        fixture.advance(&topic, 10_000);
        fixture.calls(&topic, &[(1, 10_050)]);
        fixture.advance(&topic, 11_000);
        fixture.advance(&topic, 11_080);
        for (is_sure, watermark) in [(false, 11_080), (true, kept_from)] {
            let corrected = fixture.correct(&topic, (11_000, 10_500), is_sure);
            assert_eq!(corrected.0, watermark);
        }
    }
}
