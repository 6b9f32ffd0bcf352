//! Batches of a stream: counted once each, whatever comes again, and nothing is late.

use super::*;
use crate::commit::{BatchOutcome, StartFrom};

fn partition(number: u32) -> TargetId {
    TargetId::partition("r", "s", number)
}

fn offset(next: u64, second: i64) -> Checkpoint {
    let reached = at(second);
    Checkpoint::Offset { next, reached }
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

/// A ledger in which so many partitions begin at [`START`].
fn begun(partitions: u32) -> Fixture {
    let mut fixture = Fixture::new(RULES);
    fixture.change(|ledger, change| {
        for number in 0..partitions {
            ledger.prepare_checkpoint(change, &partition(number), offset(0, START));
        }
    });
    fixture
}

/// Counted and duplicate; none where the batch begins elsewhere.
fn take(fixture: &mut Fixture, number: u32, batch: &Batch) -> Option<(u64, u64)> {
    let target = partition(number);
    match fixture.change(|ledger, change| ledger.prepare_batch(change, &target, batch)) {
        BatchOutcome::Counted(outcome) => {
            assert_eq!(outcome.late, 0);
            Some((outcome.counted, outcome.duplicate))
        }
        BatchOutcome::Misplaced(_) => None,
    }
}

#[test]
fn a_batch_counts_only_where_the_partition_was_read_to() {
    let mut fixture = begun(1);
    let batch = record(0, 1, START + 1);
    let overlapping = Batch {
        next: 2,
        ..record(0, 3, START + 3)
    };
    assert_eq!(take(&mut fixture, 0, &batch), Some((1, 0)));
    assert_eq!(take(&mut fixture, 0, &batch), None, "again");
    let beyond = record(2, 2, START + 2);
    assert_eq!(take(&mut fixture, 0, &beyond), None);
    assert_eq!(take(&mut fixture, 0, &overlapping), None);
    let mut change = Delta::default();
    let outcome = fixture
        .ledger
        .prepare_batch(&mut change, &partition(0), &overlapping);
    assert_eq!(outcome, BatchOutcome::Misplaced(Some(1)));
    assert!(change.is_empty(), "nothing of it is kept");
    let next = record(1, 2, START + 2);
    assert_eq!(take(&mut fixture, 0, &next), Some((1, 0)));
    assert_eq!(take(&mut fixture, 1, &batch), None, "never begun");
}

#[test]
fn a_change_takes_batches_that_follow_one_another() {
    let ledger = begun(1).ledger;
    let mut change = Delta::default();
    for from in 0..3 {
        let batch = record(from, u128::from(from), START);
        let outcome = ledger.prepare_batch(&mut change, &partition(0), &batch);
        assert!(matches!(outcome, BatchOutcome::Counted(counted) if counted.counted == 1));
    }
}

#[test]
fn copies_count_once_across_partitions_as_long_as_the_slower_one_needs() {
    let mut fixture = begun(2);
    for (number, batch, counts, keys) in [
        (0, record(0, 1, START + 1), (1, 0), 1),
        // The other partition is behind.
        (0, record(1, 2, START + 10_000), (1, 0), 2),
        (1, record(0, 1, START + 1), (0, 1), 2),
        // Both have passed the first by more than the allowed lateness of 100 s.
        (1, record(1, 3, START + 9_000), (1, 0), 2),
    ] {
        assert_eq!(take(&mut fixture, number, &batch), Some(counts));
        assert_eq!(fixture.ledger.keys(), keys);
    }
}

#[test]
fn a_record_counts_however_old_it_is() {
    let mut fixture = begun(1);
    take(&mut fixture, 0, &record(0, 1, START + 10_000));
    take(&mut fixture, 0, &record(1, 2, START + 20_000));
    let old = record(2, 3, START + 1);
    assert_eq!(take(&mut fixture, 0, &old), Some((1, 0)));
    assert_eq!(fixture.shown(), "f0 3");
}

#[test]
fn what_a_topic_counted_is_not_counted_again_from_a_stream_and_the_other_way_round() {
    let mut fixture = Fixture::new(RULES);
    let topic = topic("t");
    fixture.advance(&topic, START);
    let early = logged(0, 1, START + 10, START + 10);
    let young = logged(0, 2, START + 5_010, START + 5_010);
    assert_eq!(fixture.read(&topic, &[early, young]), (2, 0, 0));
    fixture.advance(&topic, START + 5_000);
    assert_eq!(fixture.ledger.keys(), 1, "the key of the first is evicted");

    let start = fixture.ledger.start_of(&partition(0), at(START + 6_000));
    assert_eq!(start, StartFrom::Time(at(START + 5_000)));
    fixture.change(|ledger, change| {
        ledger.prepare_checkpoint(change, &partition(0), offset(0, START + 5_000));
    });
    let mut batch = record(0, 1, START + 10);
    for (id, log) in [(2, START + 5_010), (3, START + 5_020)] {
        batch.page.rows.extend(logged(0, id, log, log).rows);
    }
    batch.reached = at(START + 20_000);
    assert_eq!(take(&mut fixture, 0, &batch), Some((1, 2)));

    // The topic is read on from its own watermark: only what the stream did not bring is new.
    let both = [(3, START + 5_020), (4, START + 20_010)];
    let pages = both.map(|(id, log)| logged(0, id, log, log));
    assert_eq!(fixture.read(&topic, &pages), (1, 1, 0));
}

#[test]
fn offsets_and_keys_come_back_from_the_store() {
    let mut fixture = begun(2);
    for number in 0..2 {
        take(&mut fixture, number, &record(0, number.into(), START + 1));
    }
    fixture.restart();
    let (again, next) = (record(0, 0, START + 1), record(1, 1, START + 1));
    assert_eq!(take(&mut fixture, 0, &again), None);
    assert_eq!(take(&mut fixture, 0, &next), Some((0, 1)));
    let start = fixture.ledger.start_of(&partition(0), at(START + 9_000));
    assert_eq!(start, StartFrom::Checkpoint(offset(2, START + 1)));
}
