//! The ledger against a count by hand: whatever the split, order, repetition or replay of rows.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::commit::{ListRequest, ListedFunctions};
use crate::ledger::{ListScan, ListedFunction, RETENTION};
use crate::model::{Batch, Bytes, FunctionConfig, InvocationKey, Nanos, Outcome, RetCode, Row};

mod batches;
mod ended;
mod listed;
mod lowered;
mod topics;

const RULES: Rules = Rules {
    functions: 100,
    several_accounts: false,
    allowed_lateness: AllowedLateness::of_lines(Duration::from_secs(100)),
    first_read: Duration::from_secs(1_000),
    retention: Retention {
        span: Duration::ZERO,
        is_written: false,
    },
};
fn rules(functions: usize) -> Rules {
    Rules { functions, ..RULES }
}

const START: i64 = 10_000;

/// One invocation: function number, request number, second after [`START`].
type Call = (u8, u16, u16);

fn name(function: u8) -> FunctionId {
    FunctionId::new("r", "default", &format!("f{function}"))
}

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
        outcome: Outcome::Success,
        key: InvocationKey {
            id: u128::from(id),
            attempt: u32::from(second),
        },
        position: Timestamp::from_secs(START + i64::from(second)),
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

/// Opens the region's target in a new ledger.
fn opened(functions: usize) -> (LedgerState, TargetId) {
    let mut ledger = LedgerState::new(rules(functions));
    let target = TargetId::region("r");
    let mut change = Delta::default();
    ledger.prepare_checkpoint(
        &mut change,
        &target,
        Checkpoint::Watermark(Timestamp::from_secs(START)),
    );
    ledger.apply(change);
    (ledger, target)
}

/// Prepares the pages as one change; what the store was given.
fn commit(ledger: &mut LedgerState, target: &TargetId, pages: &[Page]) -> (PageOutcome, Changes) {
    let mut change = Delta::default();
    let mut sum = PageOutcome::default();
    for page in pages {
        let outcome = ledger.prepare_page(&mut change, target, page);
        sum.counted += outcome.counted;
        sum.duplicate += outcome.duplicate;
        sum.late += outcome.late;
        sum.overflow += outcome.overflow;
    }
    let changes = ledger.to_store(&mut change);
    ledger.apply(change);
    (sum, changes)
}

/// What the store holds after these changes, in order.
#[derive(Default)]
struct FakeStore {
    functions: BTreeMap<u32, Option<StoredFunction>>,
    keys: BTreeMap<u64, Arc<KeyPack>>,
    targets: BTreeMap<TargetId, Checkpoint>,
    lists: BTreeMap<ListId, ListedAt>,
    missed: BTreeMap<u32, Missed>,
    ended: BTreeMap<FunctionId, Timestamp>,
}

impl FakeStore {
    fn write(&mut self, changes: Changes) {
        let functions = changes.functions.into_iter();
        self.functions
            .extend(functions.map(|(slot, function)| (slot, Some(function))));
        self.keys.extend(changes.keys);
        self.keys
            .retain(|number, _| !changes.dropped_keys.contains(number));
        self.targets.extend(changes.targets);
        self.lists.extend(changes.lists);
        for slot in changes.emptied {
            self.functions.insert(slot, None);
        }
        for (slot, missed) in changes.missed {
            match missed {
                Some(missed) => self.missed.insert(slot, missed),
                None => self.missed.remove(&slot),
            };
        }
        for (function, bound) in changes.ended {
            match bound {
                Some(bound) => self.ended.insert(function, bound),
                None => self.ended.remove(&function),
            };
        }
    }

    fn restore(&self, functions: usize) -> LedgerState {
        self.restore_by(rules(functions))
    }

    fn restore_by(&self, rules: Rules) -> LedgerState {
        assert!(
            self.functions
                .keys()
                .copied()
                .eq(0..self.functions.len() as u32),
            "no gap"
        );
        let stored = Stored {
            functions: self.functions.values().cloned().collect(),
            keys: self.keys.clone().into_iter().collect(),
            targets: self.targets.clone().into_iter().collect(),
            held: Vec::new(),
            lists: self.lists.clone().into_iter().collect(),
            missed: self.missed.clone().into_iter().collect(),
            ended: self.ended.clone().into_iter().collect(),
        };
        LedgerState::restore(rules, stored)
    }
}

// === lists ===

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(second)
}

fn listed(function: u8, target: &TargetId) -> ListedFunction {
    ListedFunction {
        function: name(function),
        target: target.clone(),
        about: None,
    }
}

/// A complete list of these functions that began at a second and took ten.
fn list(began: i64, listed: Vec<ListedFunction>) -> ListedFunctions {
    let look = ListScan {
        named: listed.iter().map(|one| one.function.clone()).collect(),
        would_name: Functions::all(),
        is_certain: true,
    };
    let by = ListId {
        account: "".into(),
        region: "r".into(),
        selection: 0,
    };
    ListedFunctions {
        listed,
        gone: Vec::new(),
        asked: Some(ListRequest {
            by,
            began: at(began),
            now: at(began + 10),
            look: Some(look),
        }),
    }
}

/// A page of one row: request `id` of a function, first attempt, logged and started at these seconds.
fn logged(function: u8, id: u128, log: i64, started: i64) -> Page {
    let row = Row {
        ret_code: RetCode::OK_STATUS,
        key: InvocationKey { id, attempt: 0 },
        position: at(log),
        started: at(started),
        ..Row::default()
    };
    Page {
        functions: vec![name(function)],
        rows: vec![row],
        ..Page::default()
    }
}

/// Counts and sums by function, by hand: every distinct call once.
fn by_hand(calls: &[Call]) -> BTreeMap<String, (u64, u128, u128, u128)> {
    let mut sums = BTreeMap::new();
    for (function, id, _) in calls.iter().copied().collect::<BTreeSet<Call>>() {
        let id = u128::from(id);
        let sum: &mut (u64, u128, u128, u128) = sums.entry(name(function).to_string()).or_default();
        *sum = (
            sum.0 + 1,
            sum.1 + id * 1_000_003,
            sum.2 + id * 1_000_000,
            sum.3 + (id << 16),
        );
    }
    sums
}

fn as_counted(ledger: &LedgerState) -> BTreeMap<String, (u64, u128, u128, u128)> {
    let mut sums = BTreeMap::new();
    for series in ledger
        .snapshot(0)
        .series
        .iter()
        .filter(|series| series.invocations() > 0)
    {
        assert_eq!(series.invocations(), series.duration.count());
        let sum = (
            series.invocations(),
            series.duration.sum(),
            series.billed.sum(),
            series.memory.sum(),
        );
        sums.insert(series.function.to_string(), sum);
    }
    sums
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
        let mut order = calls.clone();
        for _ in 0..repeats {
            order.extend_from_slice(&calls);
        }
        order.sort_by_key(|(f, id, at)| {
            (u64::from(*f) << 40 ^ u64::from(*id) << 20 ^ u64::from(*at) ^ shuffled)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        });
        let (mut ledger, target) = opened(100);
        let pages: Vec<Page> = order.chunks(size).map(page_of).collect();
        let mut outcome = PageOutcome::default();
        for group in pages.chunks(together) {
            let (part, _) = commit(&mut ledger, &target, group);
            outcome.counted += part.counted;
            outcome.duplicate += part.duplicate;
        }
        prop_assert_eq!(as_counted(&ledger), by_hand(&calls));
        prop_assert_eq!(outcome.counted + outcome.duplicate, order.len() as u64);
    }

    #[test]
    fn a_restart_between_any_two_commits_changes_nothing(
        calls in calls(),
        size in 1..30usize,
        restarts in proptest::collection::vec(any::<bool>(), 0..40),
        settles in proptest::collection::vec(0..60u8, 0..40),
    ) {
        let (mut ledger, target) = opened(100);
        let mut store = FakeStore::default();
        let mut change = Delta::default();
        ledger.prepare_checkpoint(&mut change, &target, Checkpoint::Watermark(Timestamp::from_secs(START)));
        store.targets.insert(target.clone(), Checkpoint::Watermark(Timestamp::from_secs(START)));
        for (at, chunk) in calls.chunks(size).enumerate() {
            let (_, changes) = commit(&mut ledger, &target, &[page_of(chunk)]);
            store.write(changes);
            // The rows above the settled position come again and again.
            let (again, changes) = commit(&mut ledger, &target, &[page_of(chunk)]);
            store.write(changes);
            prop_assert_eq!(again.counted, 0);
            if let Some(&back) = settles.get(at) {
                // All calls lie above START, so nothing counted is ever below this.
                let mut change = Delta::default();
                let position = Timestamp::from_secs(START - i64::from(back));
                ledger.prepare_checkpoint(&mut change, &target, Checkpoint::Watermark(position));
                store.write(ledger.to_store(&mut change));
                ledger.apply(change);
            }
            if restarts.get(at) == Some(&true) {
                ledger = store.restore(100);
            }
        }
        prop_assert_eq!(as_counted(&ledger), by_hand(&calls));
    }

    #[test]
    fn a_refused_change_changes_nothing(calls in calls()) {
        let (ledger, target) = opened(100);
        let before = format!("{ledger:?}");
        let mut change = Delta::default();
        ledger.prepare_page(&mut change, &target, &page_of(&calls));
        ledger.prepare_checkpoint(&mut change, &target, Checkpoint::Watermark(Timestamp::from_secs(START + 20)));
        let _changes = ledger.to_store(&mut change);
        drop(change);
        prop_assert_eq!(format!("{ledger:?}"), before);
    }

    #[test]
    fn the_limit_on_functions_holds_and_loses_nothing(calls in calls(), limit in 0..4usize) {
        let (mut ledger, target) = opened(limit);
        for chunk in calls.chunks(7) {
            commit(&mut ledger, &target, &[page_of(chunk)]);
        }
        let distinct = calls.iter().collect::<BTreeSet<_>>().len() as u64;
        // In the overflow calls of two functions with one id at one second are one.
        let in_overflow = calls.iter().map(|(_, id, at)| (id, at)).collect::<BTreeSet<_>>().len();
        let snapshot = ledger.snapshot(0);
        let total: u64 = snapshot.series.iter().map(|series| series.invocations()).sum();
        prop_assert!(snapshot.series.len() <= limit + 1);
        prop_assert!(total <= distinct && total >= in_overflow as u64);
    }
}

#[test]
fn settling_forgets_keys_and_drops_their_packs_but_counts_nothing_again() {
    let (mut ledger, target) = opened(100);
    let mut store = FakeStore::default();
    let old = page_of(&[(0, 1, 5), (0, 2, 6)]);
    let new = page_of(&[(0, 3, 300), (0, 4, 7)]);
    for page in [&old, &new] {
        store.write(commit(&mut ledger, &target, std::slice::from_ref(page)).1);
    }
    assert_eq!((ledger.keys(), store.keys.len()), (4, 2));
    let mut change = Delta::default();
    ledger.prepare_checkpoint(
        &mut change,
        &target,
        Checkpoint::Watermark(Timestamp::from_secs(START + 250)),
    );
    store.write(ledger.to_store(&mut change));
    ledger.apply(change);
    assert_eq!(
        (ledger.keys(), store.keys.len()),
        (1, 1),
        "settled - memory lies at 150"
    );

    let (again, _) = commit(&mut ledger, &target, std::slice::from_ref(&old));
    assert_eq!((again.counted, again.duplicate, again.late), (0, 2, 0));
    let mut restored = store.restore(100);
    assert_eq!(restored.keys(), 1, "of a pack with old keys and new ones");
    let (again, _) = commit(&mut restored, &target, &[old, new]);
    assert_eq!(
        (again.counted, again.duplicate),
        (0, 4),
        "also after a restart"
    );
}

#[test]
fn a_late_row_is_said_to_be_late_once() {
    let (mut ledger, target) = opened(100);
    commit(&mut ledger, &target, &[page_of(&[(0, 9, 60)])]);
    let mut change = Delta::default();
    ledger.prepare_checkpoint(
        &mut change,
        &target,
        Checkpoint::Watermark(Timestamp::from_secs(START + 50)),
    );
    ledger.apply(change);
    let late = page_of(&[(0, 1, 49)]);
    let (first, _) = commit(&mut ledger, &target, std::slice::from_ref(&late));
    let (second, _) = commit(&mut ledger, &target, &[late]);
    assert_eq!((first.late, first.counted), (1, 0));
    assert_eq!((second.late, second.duplicate), (0, 1));
}

#[test]
fn reading_by_region_after_reading_by_function_counts_nothing_twice() {
    let mut ledger = LedgerState::new(RULES);
    let mut store = FakeStore::default();
    for function in 0..3 {
        let target = TargetId::function(name(function));
        let mut change = Delta::default();
        ledger.prepare_checkpoint(
            &mut change,
            &target,
            Checkpoint::Watermark(Timestamp::from_secs(START)),
        );
        ledger.prepare_page(
            &mut change,
            &target,
            &page_of(&[(function, 1, 9), (function, 2, 8)]),
        );
        store.write(ledger.to_store(&mut change));
        ledger.apply(change);
    }
    let mut ledger = store.restore(100);
    let region = TargetId::region("r");
    let now = Timestamp::from_secs(START + 1_060);
    assert_eq!(ledger.opening(&region, now), Timestamp::from_secs(START));
    let page = page_of(&[(0, 1, 9), (1, 1, 9), (2, 2, 8), (2, 3, 12)]);
    let (outcome, _) = commit(&mut ledger, &region, &[page]);
    assert_eq!((outcome.counted, outcome.duplicate), (1, 3));
}

#[test]
fn a_function_that_left_the_overflow_counts_nothing_twice() {
    let (mut small, target) = opened(1);
    let mut store = FakeStore::default();
    store.targets.insert(
        target.clone(),
        Checkpoint::Watermark(Timestamp::from_secs(START)),
    );
    let page = page_of(&[(0, 1, 5), (1, 2, 6), (2, 3, 7)]);
    let (outcome, changes) = commit(&mut small, &target, std::slice::from_ref(&page));
    store.write(changes);
    assert_eq!((outcome.counted, outcome.overflow), (3, 2));
    let mut large = store.restore(100);
    let (again, _) = commit(&mut large, &target, &[page]);
    assert_eq!((again.counted, again.duplicate), (0, 3));
}

#[test]
fn what_lies_before_counting_began_is_neither_new_nor_late() {
    let (mut ledger, target) = opened(100);
    let mut change = Delta::default();
    let listed = ListedFunction {
        function: name(0),
        target: TargetId::region("r"),
        about: None,
    };
    let known = ListedFunctions {
        listed: vec![listed],
        ..ListedFunctions::default()
    };
    ledger.prepare_functions(&mut change, &known);
    ledger.apply(change);
    let mut before = page_of(&[(0, 1, 0), (1, 2, 0)]);
    for row in &mut before.rows {
        row.position = Timestamp::from_secs(START - 1);
    }
    let (outcome, _) = commit(&mut ledger, &target, &[before]);
    assert_eq!(
        (outcome.counted, outcome.late, outcome.duplicate),
        (0, 0, 2)
    );
}

/// After a restart a single row may come that does not tell its retry number, before any has told.
#[test]
fn a_row_without_a_retry_number_is_the_first_attempt_that_started_with_it() {
    let mut ledger = LedgerState::new(RULES);
    let target = TargetId::namespace("r", "default");
    let page = |attempt: u32, second: i64| {
        let mut page = logged(0, 7, second, second);
        page.rows[0].key.attempt = attempt;
        page
    };
    let mut counted = |page: &Page| {
        let mut change = Delta::default();
        let outcome = ledger.prepare_page(&mut change, &target, page);
        ledger.apply(change);
        (outcome.counted, outcome.duplicate)
    };
    assert_eq!(counted(&page(0, 1_000)), (1, 0));
    assert_eq!(counted(&page(1_000, 1_000)), (0, 1), "the same one");
    assert_eq!(
        counted(&page(1_060, 1_060)),
        (1, 0),
        "a retry, a minute later"
    );
}
