use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::metrics::{DURATION_BOUNDS, FunctionSeries, MEMORY_BOUNDS};
use crate::model::{Bytes, FunctionId, InvocationKey, Nanos, Row};

const HOUR: i64 = 3_600_000;
const NOW: Timestamp = Timestamp::from_secs(2_000_000_000);

fn row(id: u128, at: i64, outcome: Outcome) -> Row {
    Row {
        outcome,
        key: InvocationKey { id, attempt: 0 },
        id_is_uuid: true,
        position: Timestamp::from_millis(at),
        ..Row::default()
    }
}

fn counted(rows: &[Row]) -> FunctionSeries {
    let mut series = FunctionSeries::new(FunctionId::new("r", "n", "f"), RetCode::ZERO);
    rows.iter().for_each(|row| series.count(row, NOW));
    series
}

/// The request shown for the lowest bucket of run time.
fn shown(rows: &[Row]) -> Option<u128> {
    let series = counted(rows);
    let first = series.exemplars.of_duration().first();
    first.map(|one| one.request_id)
}

#[test]
fn a_failure_stays_for_an_hour_against_successes() {
    let failed = row(1, 0, Outcome::Timeout);
    let success = |at| row(2, at, Outcome::Success);
    assert_eq!(shown(&[failed, success(HOUR - 1)]), Some(1));
    assert_eq!(shown(&[success(HOUR + 1), failed]), Some(2));
    let later = row(3, 1, Outcome::FunctionError);
    assert_eq!(shown(&[later, success(HOUR), failed]), Some(3));
    assert_eq!(shown(&[success(1), row(9, 0, Outcome::Success)]), Some(2));
    assert_eq!(
        shown(&[row(7, 5, Outcome::Success), row(8, 5, Outcome::Success)]),
        Some(8)
    );
}

#[test]
fn an_id_that_is_no_uuid_is_not_shown() {
    let hashed = Row {
        id_is_uuid: false,
        ..row(1, 0, Outcome::Timeout)
    };
    assert_eq!(counted(&[hashed]).exemplars, Exemplars::default());
    assert_eq!(shown(&[hashed, row(2, 0, Outcome::Success)]), Some(2));
}

#[test]
fn its_time_is_that_of_counting_and_never_goes_back() {
    let mut series = counted(&[]);
    let mut before = Timestamp::MIN;
    for (now, position) in [(10, 500), (20, 400), (30, 600), (40, 601)] {
        let one = row(position as u128, position, Outcome::Success);
        series.count(&one, Timestamp::from_secs(now));
        let time = series.exemplars.of_duration()[0].counted;
        assert!(time >= before);
        before = time;
    }
    assert_eq!(before, Timestamp::from_secs(40));
}

fn any_row() -> impl Strategy<Value = Row> {
    let amounts = (0u64..2_000_000_000_000, 0u64..1 << 33);
    let code = prop_oneof![Just(0i64), Just(1), 400i64..600];
    (
        0u128..8,
        0i64..3 * HOUR,
        0usize..8,
        code,
        amounts,
        any::<bool>(),
    )
        .prop_map(|(id, at, outcome, code, (time, memory), id_is_uuid)| Row {
            duration: Nanos(time),
            memory: Bytes(memory),
            ret_code: RetCode::new(code),
            id_is_uuid,
            // Few positions, so that there are ties.
            ..row(id, at - at % (HOUR / 4), Outcome::ALL[outcome])
        })
}

/// The rule by itself: all candidates of each place, sorted.
fn reference(rows: &[Row]) -> BTreeMap<ExemplarSlot, (i64, u128, u64)> {
    let mut best = BTreeMap::new();
    for row in rows.iter().filter(|row| row.id_is_uuid) {
        let stays = if row.outcome == Outcome::Success {
            0
        } else {
            HOUR
        };
        let places = [
            (
                ExemplarSlot::Duration(DURATION_BOUNDS.bucket(row.duration.0) as u8),
                row.duration.0,
            ),
            (
                ExemplarSlot::Memory(MEMORY_BOUNDS.bucket(row.memory.0) as u8),
                row.memory.0,
            ),
            (ExemplarSlot::Code(row.ret_code, row.outcome), 1),
        ];
        for (place, value) in places {
            let candidate = (row.position.as_millis() + stays, row.key.id, value);
            let kept = best.entry(place).or_insert(candidate);
            *kept = candidate.max(*kept);
        }
    }
    best
}

proptest! {
    #[test]
    fn any_order_and_any_split_of_rows_gives_the_same(
        (rows, shuffled) in vec(any_row(), 0..40)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        let whole = counted(&rows);
        prop_assert_eq!(&whole.exemplars, &counted(&shuffled).exemplars);
        let found: BTreeMap<_, _> = [
            whole.exemplars.of_duration(),
            whole.exemplars.of_memory(),
            whole.exemplars.of_codes(),
        ]
        .concat()
        .iter()
        .map(|one| (one.place, (one.rank.as_millis(), one.request_id, one.value)))
        .collect();
        prop_assert_eq!(found, reference(&rows));
        prop_assert!(whole.exemplars.0.iter().all(|one| one.counted == NOW));
    }
}
