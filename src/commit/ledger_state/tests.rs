//! The ledger against a count by hand: whatever the split, order, repetition or replay of rows.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::commit::{ListRequest, ListedFunctions};
use crate::ledger::{ListScan, ListedFunction, RETENTION};
use crate::model::{Batch, Bytes, FunctionConfig, InvocationKey, Nanos, RetCode, Row};
use fixture::{Fixture, RULES, START, at, list, listed, logged, name, region, topic};

mod batches;
mod corrected;
mod ended;
mod fixture;
mod listed;
mod lowered;
mod topics;

/// One invocation: function number, request number, second after [`START`].
type Call = (u8, u16, u16);

fn row_of(page: &mut Page, &(function, id, second): &Call) -> Row {
    let function_id = name(function);
    let known = page.functions.iter().position(|f| *f == function_id);
    let index = known.unwrap_or_else(|| {
        page.functions.push(function_id);
        page.functions.len() - 1
    });
    Row {
        function: index as u16,
        ret_code: RetCode::new(i64::from(id % 3)),
        key: InvocationKey {
            id: u128::from(id),
            attempt: u32::from(second),
        },
        position: at(START + i64::from(second)),
        duration: Nanos(u64::from(id) * 1_000_003),
        billed: Nanos(u64::from(id) * 1_000_000),
        memory: Bytes(u64::from(id) << 16),
        ..Row::default()
    }
}

fn page_of(calls: &[Call]) -> Page {
    let mut page = Page::default();
    page.rows = calls.iter().map(|call| row_of(&mut page, call)).collect();
    page
}

/// Of one function: calls, and the sums of run time, billed time and memory.
type Sums = (u64, u128, u128, u128);

/// Counts and sums by function, by hand: every distinct call once.
fn by_hand(calls: &[Call]) -> BTreeMap<FunctionId, Sums> {
    let mut sums: BTreeMap<_, Sums> = BTreeMap::new();
    for (function, id, _) in calls.iter().copied().collect::<BTreeSet<Call>>() {
        let (sum, id) = (sums.entry(name(function)).or_default(), u128::from(id));
        sum.0 += 1;
        sum.1 += id * 1_000_003;
        sum.2 += id * 1_000_000;
        sum.3 += id << 16;
    }
    sums
}

fn as_counted(ledger: &LedgerState) -> BTreeMap<FunctionId, Sums> {
    let series = ledger.snapshot(0).series;
    let called = series.iter().filter(|series| series.invocations() > 0);
    let sums = called.map(|of| {
        assert_eq!(of.invocations(), of.duration.count());
        let sums = (of.duration.sum(), of.billed.sum(), of.memory.sum());
        let all = (of.invocations(), sums.0, sums.1, sums.2);
        (of.function.clone(), all)
    });
    sums.collect()
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    proptest::collection::vec((0..4u8, 0..60u16, 0..40u16), 0..120)
}

proptest! {
    #[test]
    fn any_split_order_and_repetition_gives_the_same_totals(
        calls in calls(),
        shuffled in calls().prop_flat_map(|_| any::<u64>()),
        size in 1..30usize,
        together in 1..4usize,
        repeats in 0..3usize,
    ) {
        let mut order = calls.repeat(repeats + 1);
        order.sort_by_key(|(f, id, at)| {
            (u64::from(*f) << 40 ^ u64::from(*id) << 20 ^ u64::from(*at) ^ shuffled)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        });
        let mut fixture = Fixture::opened(100);
        let pages: Vec<Page> = order.chunks(size).map(page_of).collect();
        let mut met = 0;
        for group in pages.chunks(together) {
            let (counted, duplicate, _) = fixture.read(&region(), group);
            met += counted + duplicate;
        }
        prop_assert_eq!(as_counted(&fixture.ledger), by_hand(&calls));
        prop_assert_eq!(met, order.len() as u64);
    }

    #[test]
    fn a_restart_between_any_two_commits_changes_nothing(
        calls in calls(),
        size in 1..30usize,
        restarts in proptest::collection::vec(any::<bool>(), 0..40),
        advances in proptest::collection::vec(0..60u8, 0..40),
    ) {
        let mut fixture = Fixture::opened(100);
        for (at, chunk) in calls.chunks(size).enumerate() {
            fixture.read(&region(), &[page_of(chunk)]);
            // The rows above the watermark come again and again.
            prop_assert_eq!(fixture.read(&region(), &[page_of(chunk)]).0, 0);
            if let Some(&back) = advances.get(at) {
                // All calls lie above START, so nothing counted is ever below this.
                fixture.advance(&region(), START - i64::from(back));
            }
            if restarts.get(at) == Some(&true) {
                fixture.restart();
            }
        }
        prop_assert_eq!(as_counted(&fixture.ledger), by_hand(&calls));
    }

    #[test]
    fn a_refused_change_changes_nothing(calls in calls()) {
        let ledger = Fixture::opened(100).ledger;
        let before = format!("{ledger:?}");
        let mut change = Delta::default();
        ledger.prepare_page(&mut change, &region(), &page_of(&calls));
        let to = Checkpoint::Watermark(at(START + 20));
        ledger.prepare_checkpoint(&mut change, &region(), to);
        let _changes = ledger.to_store(&mut change);
        drop(change);
        prop_assert_eq!(format!("{ledger:?}"), before);
    }

    #[test]
    fn the_limit_on_functions_holds_and_loses_nothing(calls in calls(), limit in 0..4usize) {
        let mut fixture = Fixture::opened(limit);
        for chunk in calls.chunks(7) {
            fixture.read(&region(), &[page_of(chunk)]);
        }
        let distinct = calls.iter().collect::<BTreeSet<_>>().len() as u64;
        // In the overflow calls of two functions with one id at one second are one.
        let in_overflow = calls.iter().map(|(_, id, at)| (id, at)).collect::<BTreeSet<_>>().len();
        let series = fixture.ledger.snapshot(0).series;
        let total: u64 = series.iter().map(|series| series.invocations()).sum();
        prop_assert!(series.len() <= limit + 1);
        prop_assert!(total <= distinct && total >= in_overflow as u64);
    }
}

#[test]
fn a_watermark_evicts_keys_and_drops_their_packs_but_counts_nothing_again() {
    let mut fixture = Fixture::opened(100);
    let old = page_of(&[(0, 1, 5), (0, 2, 6)]);
    let new = page_of(&[(0, 3, 300), (0, 4, 7)]);
    for page in [&old, &new] {
        fixture.page(&region(), page);
    }
    let kept = |fixture: &Fixture| (fixture.ledger.keys(), fixture.store.keys.len());
    assert_eq!(kept(&fixture), (4, 2));
    fixture.advance(&region(), START + 250);
    assert_eq!(kept(&fixture), (1, 1), "keys are kept from START + 150 on");

    assert_eq!(
        fixture.read(&region(), std::slice::from_ref(&old)),
        (0, 2, 0)
    );
    fixture.restart();
    assert_eq!(kept(&fixture), (1, 1), "a pack with old keys and new ones");
    assert_eq!(fixture.read(&region(), &[old, new]), (0, 4, 0));
}

#[test]
fn a_late_row_is_said_to_be_late_once() {
    let mut fixture = Fixture::opened(100);
    fixture.read(&region(), &[page_of(&[(0, 9, 60)])]);
    fixture.advance(&region(), START + 50);
    let late = [page_of(&[(0, 1, 49)])];
    assert_eq!(fixture.read(&region(), &late), (0, 0, 1));
    assert_eq!(fixture.read(&region(), &late), (0, 1, 0));
}

#[test]
fn reading_by_region_after_reading_by_function_counts_nothing_twice() {
    let mut fixture = Fixture::new(RULES);
    for function in 0..3 {
        let target = TargetId::function(name(function));
        fixture.advance(&target, START);
        let page = page_of(&[(function, 1, 9), (function, 2, 8)]);
        fixture.read(&target, &[page]);
    }
    fixture.restart();
    let begins = fixture.ledger.opening(&region(), at(START + 1_060));
    assert_eq!(begins, at(START));
    let page = page_of(&[(0, 1, 9), (1, 1, 9), (2, 2, 8), (2, 3, 12)]);
    assert_eq!(fixture.read(&region(), &[page]), (1, 3, 0));
}

#[test]
fn a_function_that_left_the_overflow_counts_nothing_twice() {
    let mut fixture = Fixture::opened(1);
    let page = page_of(&[(0, 1, 5), (1, 2, 6), (2, 3, 7)]);
    let outcome = fixture.page(&region(), &page);
    assert_eq!((outcome.counted, outcome.overflow), (3, 2));
    fixture.restart_by(RULES);
    assert_eq!(fixture.read(&region(), &[page]), (0, 3, 0));
}

#[test]
fn what_lies_before_counting_began_is_neither_new_nor_late() {
    let mut fixture = Fixture::opened(100);
    fixture.register(&ListedFunctions {
        listed: vec![listed(0, &region())],
        ..ListedFunctions::default()
    });
    let mut before = page_of(&[(0, 1, 0), (1, 2, 0)]);
    for row in &mut before.rows {
        row.position = at(START - 1);
    }
    assert_eq!(fixture.read(&region(), &[before]), (0, 2, 0));
}

/// After a restart a single row may come that does not tell its retry number, before any has told.
#[test]
fn a_row_without_a_retry_number_is_the_first_attempt_that_started_with_it() {
    let mut fixture = Fixture::new(RULES);
    let target = TargetId::namespace("r", "default");
    for (attempt, second, counts, case) in [
        (0, 1_000, (1, 0, 0), "the first attempt"),
        (1_000, 1_000, (0, 1, 0), "the same one"),
        (1_060, 1_060, (1, 0, 0), "a retry, a minute later"),
    ] {
        let mut page = logged(0, 7, second, second);
        page.rows[0].key.attempt = attempt;
        assert_eq!(fixture.read(&target, &[page]), counts, "{case}");
    }
}
