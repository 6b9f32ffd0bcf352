//! Batches of a stream: counted once each, whatever comes again, and nothing is late.

use super::*;
use crate::commit::{BatchOutcome, StartFrom};

fn partition(number: u32) -> TargetId {
    TargetId::partition("r", "s", number)
}

/// A batch of one record that stands at `from`; its partition was read up to when it was logged.
fn record(from: u64, id: u128, log: i64) -> Batch {
    Batch {
        page: logged(0, id, log, log),
        from,
        next: from + 1,
        reached: at(log),
    }
}

/// A ledger in which so many partitions begin at a second.
fn begun(partitions: u32, second: i64) -> LedgerState {
    let mut ledger = LedgerState::new(RULES);
    let mut change = Delta::default();
    for number in 0..partitions {
        let to = Checkpoint::Offset {
            next: 0,
            reached: at(second),
        };
        ledger.prepare_checkpoint(&mut change, &partition(number), to);
    }
    ledger.apply(change);
    ledger
}

/// Counted and met again; none where the batch begins elsewhere.
fn take(ledger: &mut LedgerState, number: u32, batch: &Batch) -> Option<(u64, u64)> {
    let mut change = Delta::default();
    let outcome = ledger.prepare_batch(&mut change, &partition(number), batch);
    let _stored = ledger.to_store(&mut change);
    ledger.apply(change);
    match outcome {
        BatchOutcome::Counted(outcome) => {
            assert_eq!(outcome.late, 0);
            Some((outcome.counted, outcome.duplicate))
        }
        BatchOutcome::Misplaced(_) => None,
    }
}

#[test]
fn a_batch_counts_only_where_the_partition_was_read_to() {
    let mut ledger = begun(1, START);
    let batch = record(0, 1, START + 1);
    assert_eq!(take(&mut ledger, 0, &batch), Some((1, 0)));
    assert_eq!(take(&mut ledger, 0, &batch), None, "again");
    assert_eq!(
        take(&mut ledger, 0, &record(2, 2, START + 2)),
        None,
        "beyond"
    );
    let overlapping = Batch {
        next: 2,
        ..record(0, 3, START + 3)
    };
    assert_eq!(take(&mut ledger, 0, &overlapping), None);
    let mut change = Delta::default();
    let told = ledger.prepare_batch(&mut change, &partition(0), &overlapping);
    assert_eq!(told, BatchOutcome::Misplaced(Some(1)));
    assert!(change.is_empty(), "nothing of it is kept");
    assert_eq!(take(&mut ledger, 0, &record(1, 2, START + 2)), Some((1, 0)));
    assert_eq!(take(&mut ledger, 1, &batch), None, "never begun");
}

#[test]
fn a_change_takes_batches_that_follow_one_another() {
    let ledger = begun(1, START);
    let mut change = Delta::default();
    for from in 0..3 {
        let batch = record(from, u128::from(from), START);
        let outcome = ledger.prepare_batch(&mut change, &partition(0), &batch);
        assert!(matches!(outcome, BatchOutcome::Counted(counted) if counted.counted == 1));
    }
}

#[test]
fn copies_count_once_across_partitions_as_long_as_the_slower_one_needs() {
    let mut ledger = begun(2, START);
    assert_eq!(take(&mut ledger, 0, &record(0, 1, START + 1)), Some((1, 0)));
    let far = record(1, 2, START + 10_000);
    assert_eq!(take(&mut ledger, 0, &far), Some((1, 0)));
    assert_eq!(ledger.keys(), 2, "the other partition is behind");
    assert_eq!(take(&mut ledger, 1, &record(0, 1, START + 1)), Some((0, 1)));
    // Both have passed it by more than the allowed lateness of 100 s.
    assert_eq!(
        take(&mut ledger, 1, &record(1, 3, START + 9_000)),
        Some((1, 0))
    );
    assert_eq!(ledger.keys(), 2);
}

#[test]
fn a_record_counts_however_old_it_is() {
    let mut ledger = begun(1, START);
    take(&mut ledger, 0, &record(0, 1, START + 10_000));
    take(&mut ledger, 0, &record(1, 2, START + 20_000));
    assert_eq!(take(&mut ledger, 0, &record(2, 3, START + 1)), Some((1, 0)));
    let counted = ledger.snapshot(0).series[0].duration.count();
    assert_eq!(counted, 3);
}

#[test]
fn what_a_topic_counted_is_not_counted_again_from_a_stream_and_the_other_way_round() {
    let mut ledger = LedgerState::new(RULES);
    let topic = TargetId::topic("r", "t");
    let advance_watermark = |ledger: &mut LedgerState, second: i64| {
        let mut change = Delta::default();
        ledger.prepare_checkpoint(&mut change, &topic, Checkpoint::Watermark(at(second)));
        let _stored = ledger.to_store(&mut change);
        ledger.apply(change);
    };
    advance_watermark(&mut ledger, START);
    let early = logged(0, 1, START + 10, START + 10);
    let young = logged(0, 2, START + 5_010, START + 5_010);
    assert_eq!(commit(&mut ledger, &topic, &[early, young]).0.counted, 2);
    advance_watermark(&mut ledger, START + 5_000);
    assert_eq!(ledger.keys(), 1, "the key of the first one is evicted");

    let now = at(START + 6_000);
    let start = ledger.start_of(&partition(0), now);
    assert_eq!(start, StartFrom::Time(at(START + 5_000)));
    let mut change = Delta::default();
    let to = Checkpoint::Offset {
        next: 0,
        reached: at(START + 5_000),
    };
    ledger.prepare_checkpoint(&mut change, &partition(0), to);
    ledger.apply(change);
    let mut batch = record(0, 1, START + 10);
    for (id, log) in [(2, START + 5_010), (3, START + 5_020)] {
        batch.page.rows.extend(logged(0, id, log, log).rows);
    }
    batch.reached = at(START + 20_000);
    assert_eq!(take(&mut ledger, 0, &batch), Some((1, 2)));

    // The topic is read on from its own watermark: only what the stream did not bring is new.
    let both = [(3, START + 5_020), (4, START + 20_010)];
    let pages = both.map(|(id, log)| logged(0, id, log, log));
    let (outcome, _) = commit(&mut ledger, &topic, &pages);
    assert_eq!((outcome.counted, outcome.duplicate), (1, 1));
}

#[test]
fn offsets_and_keys_come_back_from_the_store() {
    let ledger = begun(2, START);
    let mut store = FakeStore::default();
    let mut change = Delta::default();
    for number in 0..2 {
        let batch = record(0, u128::from(number), START + 1);
        ledger.prepare_batch(&mut change, &partition(number), &batch);
    }
    store.write(ledger.to_store(&mut change));
    let mut restored = store.restore(100);
    assert_eq!(take(&mut restored, 0, &record(0, 0, START + 1)), None);
    assert_eq!(
        take(&mut restored, 0, &record(1, 1, START + 1)),
        Some((0, 1))
    );
    let start = restored.start_of(&partition(0), at(START + 9_000));
    let read_to = Checkpoint::Offset {
        next: 2,
        reached: at(START + 1),
    };
    assert_eq!(start, StartFrom::Checkpoint(read_to));
}
