//! The books against a count by hand: whatever the split, order, repetition or replay of rows.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::ledger::RETENTION;
use crate::model::{Bytes, Nanos, Outcome, RetCode, Row};

const RULES: Rules = Rules {
    functions: 100,
    several_accounts: false,
    late_after: Duration::from_secs(100),
    first_read: Duration::from_secs(1_000),
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
        key: AttemptKey {
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

/// Opens the region's target in new books.
fn opened(functions: usize) -> (Books, TargetId) {
    let mut books = Books::new(rules(functions));
    let target = TargetId::region("r");
    let mut change = Prepared::default();
    books.prepare_settled(&mut change, &target, Timestamp::from_secs(START));
    books.apply(change);
    (books, target)
}

/// Prepares the pages as one change; what the store was given.
fn commit(books: &mut Books, target: &TargetId, pages: &[Page]) -> (PageOutcome, Changes) {
    let mut change = Prepared::default();
    let mut sum = PageOutcome::default();
    for page in pages {
        let outcome = books.prepare_page(&mut change, target, page);
        sum.counted += outcome.counted;
        sum.duplicate += outcome.duplicate;
        sum.late += outcome.late;
        sum.overflow += outcome.overflow;
    }
    let changes = books.to_store(&mut change);
    books.apply(change);
    (sum, changes)
}

/// What the store holds after these changes, in order.
#[derive(Default)]
struct FakeStore {
    functions: BTreeMap<u32, StoredFunction>,
    keys: BTreeMap<u64, Arc<KeyPack>>,
    targets: BTreeMap<TargetId, Timestamp>,
}

impl FakeStore {
    fn write(&mut self, changes: Changes) {
        self.functions.extend(changes.functions);
        self.keys.extend(changes.keys);
        self.keys
            .retain(|number, _| !changes.dropped_keys.contains(number));
        self.targets.extend(changes.targets);
    }

    fn restore(&self, functions: usize) -> Books {
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
        };
        Books::restore(rules(functions), stored)
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

fn as_counted(books: &Books) -> BTreeMap<String, (u64, u128, u128, u128)> {
    let mut sums = BTreeMap::new();
    for series in books
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
        let (mut books, target) = opened(100);
        let pages: Vec<Page> = order.chunks(size).map(page_of).collect();
        let mut outcome = PageOutcome::default();
        for group in pages.chunks(together) {
            let (part, _) = commit(&mut books, &target, group);
            outcome.counted += part.counted;
            outcome.duplicate += part.duplicate;
        }
        prop_assert_eq!(as_counted(&books), by_hand(&calls));
        prop_assert_eq!(outcome.counted + outcome.duplicate, order.len() as u64);
    }

    #[test]
    fn a_restart_between_any_two_commits_changes_nothing(
        calls in calls(),
        size in 1..30usize,
        restarts in proptest::collection::vec(any::<bool>(), 0..40),
        settles in proptest::collection::vec(0..60u8, 0..40),
    ) {
        let (mut books, target) = opened(100);
        let mut store = FakeStore::default();
        let mut change = Prepared::default();
        books.prepare_settled(&mut change, &target, Timestamp::from_secs(START));
        store.targets.insert(target.clone(), Timestamp::from_secs(START));
        for (at, chunk) in calls.chunks(size).enumerate() {
            let (_, changes) = commit(&mut books, &target, &[page_of(chunk)]);
            store.write(changes);
            // The rows above the settled position come again and again.
            let (again, changes) = commit(&mut books, &target, &[page_of(chunk)]);
            store.write(changes);
            prop_assert_eq!(again.counted, 0);
            if let Some(&back) = settles.get(at) {
                // All calls lie above START, so nothing counted is ever below this.
                let mut change = Prepared::default();
                let position = Timestamp::from_secs(START - i64::from(back));
                books.prepare_settled(&mut change, &target, position);
                store.write(books.to_store(&mut change));
                books.apply(change);
            }
            if restarts.get(at) == Some(&true) {
                books = store.restore(100);
            }
        }
        prop_assert_eq!(as_counted(&books), by_hand(&calls));
    }

    #[test]
    fn a_refused_change_changes_nothing(calls in calls()) {
        let (books, target) = opened(100);
        let before = format!("{books:?}");
        let mut change = Prepared::default();
        books.prepare_page(&mut change, &target, &page_of(&calls));
        books.prepare_settled(&mut change, &target, Timestamp::from_secs(START + 20));
        let _changes = books.to_store(&mut change);
        drop(change);
        prop_assert_eq!(format!("{books:?}"), before);
    }

    #[test]
    fn the_limit_on_functions_holds_and_loses_nothing(calls in calls(), limit in 0..4usize) {
        let (mut books, target) = opened(limit);
        for chunk in calls.chunks(7) {
            commit(&mut books, &target, &[page_of(chunk)]);
        }
        let distinct = calls.iter().collect::<BTreeSet<_>>().len() as u64;
        // In the overflow calls of two functions with one id at one second are one.
        let in_overflow = calls.iter().map(|(_, id, at)| (id, at)).collect::<BTreeSet<_>>().len();
        let snapshot = books.snapshot(0);
        let total: u64 = snapshot.series.iter().map(|series| series.invocations()).sum();
        prop_assert!(snapshot.series.len() <= limit + 1);
        prop_assert!(total <= distinct && total >= in_overflow as u64);
    }
}

#[test]
fn settling_forgets_keys_and_drops_their_packs_but_counts_nothing_again() {
    let (mut books, target) = opened(100);
    let mut store = FakeStore::default();
    let old = page_of(&[(0, 1, 5), (0, 2, 6)]);
    let new = page_of(&[(0, 3, 300), (0, 4, 7)]);
    for page in [&old, &new] {
        store.write(commit(&mut books, &target, std::slice::from_ref(page)).1);
    }
    assert_eq!((books.keys(), store.keys.len()), (4, 2));
    let mut change = Prepared::default();
    books.prepare_settled(&mut change, &target, Timestamp::from_secs(START + 250));
    store.write(books.to_store(&mut change));
    books.apply(change);
    assert_eq!(
        (books.keys(), store.keys.len()),
        (1, 1),
        "settled - memory lies at 150"
    );

    let (again, _) = commit(&mut books, &target, std::slice::from_ref(&old));
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
    let (mut books, target) = opened(100);
    commit(&mut books, &target, &[page_of(&[(0, 9, 60)])]);
    let mut change = Prepared::default();
    books.prepare_settled(&mut change, &target, Timestamp::from_secs(START + 50));
    books.apply(change);
    let late = page_of(&[(0, 1, 49)]);
    let (first, _) = commit(&mut books, &target, std::slice::from_ref(&late));
    let (second, _) = commit(&mut books, &target, &[late]);
    assert_eq!((first.late, first.counted), (1, 0));
    assert_eq!((second.late, second.duplicate), (0, 1));
}

#[test]
fn reading_by_region_after_reading_by_function_counts_nothing_twice() {
    let mut books = Books::new(RULES);
    let mut store = FakeStore::default();
    for function in 0..3 {
        let target = TargetId::function(name(function));
        let mut change = Prepared::default();
        books.prepare_settled(&mut change, &target, Timestamp::from_secs(START));
        books.prepare_page(
            &mut change,
            &target,
            &page_of(&[(function, 1, 9), (function, 2, 8)]),
        );
        store.write(books.to_store(&mut change));
        books.apply(change);
    }
    let mut books = store.restore(100);
    let region = TargetId::region("r");
    let now = Timestamp::from_secs(START + 1_060);
    assert_eq!(books.opening(&region, now), Timestamp::from_secs(START));
    let page = page_of(&[(0, 1, 9), (1, 1, 9), (2, 2, 8), (2, 3, 12)]);
    let (outcome, _) = commit(&mut books, &region, &[page]);
    assert_eq!((outcome.counted, outcome.duplicate), (1, 3));
}

#[test]
fn a_function_that_left_the_overflow_counts_nothing_twice() {
    let (mut small, target) = opened(1);
    let mut store = FakeStore::default();
    store
        .targets
        .insert(target.clone(), Timestamp::from_secs(START));
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
    let (mut books, target) = opened(100);
    let mut change = Prepared::default();
    let listed = Listed {
        function: name(0),
        target: TargetId::region("r"),
        about: None,
    };
    books.prepare_known(&mut change, &[listed], &[]);
    books.apply(change);
    let mut before = page_of(&[(0, 1, 0), (1, 2, 0)]);
    for row in &mut before.rows {
        row.position = Timestamp::from_secs(START - 1);
    }
    let (outcome, _) = commit(&mut books, &target, &[before]);
    assert_eq!(
        (outcome.counted, outcome.late, outcome.duplicate),
        (0, 0, 2)
    );
}

// === topics, accounts, several APIs ===

/// A page of one row: request `id`, first attempt, logged and started at these seconds.
fn logged(id: u128, log: i64, started: i64) -> Page {
    let row = Row {
        ret_code: RetCode::OK_STATUS,
        key: AttemptKey { id, attempt: 0 },
        position: Timestamp::from_secs(log),
        started: Timestamp::from_secs(started),
        ..Row::default()
    };
    Page {
        functions: vec![name(0)],
        rows: vec![row],
        ..Page::default()
    }
}

fn settle(books: &mut Books, target: &TargetId, second: i64) {
    let mut change = Prepared::default();
    books.prepare_settled(&mut change, target, Timestamp::from_secs(second));
    let _stored = books.to_store(&mut change);
    books.apply(change);
}

#[test]
fn an_attempt_that_v2_brought_is_not_counted_again_from_a_topic() {
    let (mut books, region) = opened(100);
    let mut page = logged(7, START + 10, START + 10);
    page.rows[0].key.attempt = (START + 10) as u32;
    assert_eq!(commit(&mut books, &region, &[page]).0.counted, 1);

    let topic = TargetId::topic("r", "t");
    let began = books.opening(&topic, Timestamp::from_secs(START + 1_050));
    assert_eq!(began, Timestamp::from_secs(START), "where v2 has settled");
    settle(&mut books, &topic, START);
    let same = logged(7, START + 12, START + 10);
    let other = logged(8, START + 12, START + 10);
    let (outcome, _) = commit(&mut books, &topic, &[same, other]);
    assert_eq!((outcome.counted, outcome.duplicate), (1, 1));
}

#[test]
fn a_function_in_two_topics_is_remembered_as_long_as_the_slower_one_needs() {
    let mut books = Books::new(RULES);
    let (old, new) = (TargetId::topic("r", "old"), TargetId::topic("r", "new"));
    for topic in [&old, &new] {
        settle(&mut books, topic, START);
    }
    let page = logged(1, START + 1, START);
    assert_eq!(
        commit(&mut books, &old, std::slice::from_ref(&page))
            .0
            .counted,
        1
    );
    assert_eq!(
        commit(&mut books, &new, std::slice::from_ref(&page))
            .0
            .duplicate,
        1
    );

    settle(&mut books, &new, START + 10_000);
    assert_eq!(books.keys(), 1, "the old topic is behind");
    assert_eq!(commit(&mut books, &old, &[page]).0.duplicate, 1);
    settle(&mut books, &old, START + 10_000);
    assert_eq!(books.keys(), 0);
}

#[test]
fn what_no_topic_claims_is_forgotten_after_retention() {
    let (mut books, _) = opened(100);
    let topic = TargetId::topic("r", "t");
    settle(&mut books, &topic, START);
    commit(&mut books, &topic, &[logged(1, START + 1, START)]);
    // As after a restart, with the function gone from the list.
    books.homes.clear();
    settle(&mut books, &topic, START + 10_000);
    assert_eq!(books.keys(), 1);
    let week = RETENTION.as_secs() as i64;
    settle(&mut books, &topic, START + week + 10_000);
    assert_eq!(books.keys(), 0);
}

#[test]
fn a_cold_start_counts_once_beside_its_invocation() {
    let mut books = Books::new(RULES);
    let topic = TargetId::topic("r", "t");
    settle(&mut books, &topic, START);
    let mut page = logged(1, START + 1, START);
    page.cold_starts.push(ColdStart {
        function: 0,
        key: page.rows[0].key.of_cold_start(),
        position: Timestamp::from_secs(START),
        total: Nanos(30),
        parts: [Nanos(0), Nanos(10), Nanos(20)],
    });
    let (outcome, _) = commit(&mut books, &topic, &[page.clone(), page]);
    assert_eq!((outcome.counted, outcome.duplicate), (1, 1));
    let snapshot = books.snapshot(0);
    let starts = snapshot.series[0].cold_starts.as_ref().unwrap();
    assert_eq!((starts.duration.count(), starts.parts), (1, [0, 10, 20]));
}

#[test]
fn what_is_known_of_a_function_is_shown_counted_with_and_ends_with_it() {
    let mut books = Books::new(RULES);
    let target = TargetId::function(name(0));
    let about = Arc::new(About {
        memory_limit: Bytes(1 << 30),
        timeout: Duration::from_secs(3),
        runtime: "Go1".into(),
    });
    let listed = |about: Option<&Arc<About>>| Listed {
        function: name(0),
        target: target.clone(),
        about: about.cloned(),
    };
    let known = |books: &mut Books, listed: &[Listed], gone: &[FunctionId]| {
        let mut change = Prepared::default();
        books.prepare_known(&mut change, listed, gone);
        books.apply(change);
        books.snapshot(0).series[0].about.clone()
    };
    let is_known = known(&mut books, &[listed(Some(&about))], &[]);
    assert_eq!(is_known.as_ref(), Some(&about));
    let not_told = known(&mut books, &[listed(None)], &[]);
    assert_eq!(
        not_told,
        Some(about),
        "a list that cannot tell takes nothing back"
    );

    settle(&mut books, &target, START);
    let mut page = logged(1, START + 1, START + 1);
    page.rows[0].billed = Nanos(500);
    commit(&mut books, &target, &[page]);
    assert_eq!(books.snapshot(0).series[0].billed_memory, 500 << 30);
    assert_eq!(known(&mut books, &[], &[name(0)]), None);
}
