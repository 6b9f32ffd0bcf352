use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::ledger::window::tests::fake::{Fake, Sorting, ends, sortings};

fn answer(fake: &mut Fake, window: &Range<i64>, limit: usize) -> (Vec<Mark>, u64) {
    fake.answer((window.start, window.end), 0, limit, true)
}

/// Rows that are there before the first answer.
fn at_first(fake: &Fake) -> BTreeSet<(i64, u64)> {
    let rows = fake.rows.iter().filter(|row| row.seen == 0);
    rows.map(|row| (row.second, row.id)).collect()
}

/// What is known, as the caller of a search has it.
struct Known<'k> {
    /// Rows that were met, passed over or not.
    met: &'k mut BTreeSet<(i64, u64)>,
    /// Ids of rows for which nothing is ever counted.
    passed: BTreeSet<u64>,
    /// What is remembered of each second beyond what the ledger counts.
    differs: Vec<(i64, i64)>,
}

/// Searches to the end; whether it came there.
fn search(fake: &mut Fake, mut search: Search, limit: usize, known: &mut Known<'_>) -> bool {
    while let Some(window) = search.next() {
        let (marks, total) = answer(fake, &window, limit);
        let marked = marks.iter().map(|mark| (mark.second.unwrap(), mark.id));
        known.met.extend(marked);
        let shown = AnsweredWindow::of(&window, &marks, Some(total));
        let counted = known.met.iter();
        let counted =
            counted.filter(|(second, id)| window.contains(second) && !known.passed.contains(id));
        let differs = known.differs.iter();
        let differs = differs.filter(|(second, _)| window.contains(second));
        let there = counted.count() as i64 + differs.map(|(_, by)| by).sum::<i64>();
        known.differs.extend(search.took(&shown, Some(there)));
    }
    search.is_done() && search.take_wide().is_empty()
}

fn find(
    fake: &mut Fake,
    seconds: Range<i64>,
    limit: usize,
    met: &mut BTreeSet<(i64, u64)>,
) -> bool {
    let mut known = Known {
        met,
        passed: BTreeSet::new(),
        differs: Vec::new(),
    };
    search(fake, Search::new(seconds, 1_000), limit, &mut known)
}

#[test]
fn one_answer_is_enough_for_any_number_of_rows_that_are_known() {
    // Twenty rows a second for five minutes, in answers of a thousand.
    let mut fake = Fake::new((0..6_000).map(|row| row / 20));
    let mut met = at_first(&fake);
    assert!(find(&mut fake, 0..300, 1_000, &mut met));
    assert_eq!(fake.answers, 1);
}

#[test]
fn a_row_that_is_missing_among_thousands_is_found_in_few_answers() {
    // Half an hour of twenty rows a second fills 36 pages.
    for hole in [0, 1_234, 17_999, 18_000, 30_000, 34_999, 35_000, 35_999] {
        let mut fake = Fake::new((0..36_000).map(|row| row / 20));
        let all = at_first(&fake);
        let mut met = all.clone();
        met.remove(&(hole / 20, hole as u64 + 1));
        assert!(find(&mut fake, 0..1_800, 1_000, &mut met));
        assert!(met == all, "{hole}");
        // By pages it takes up to 36; so it is the whole, its rest, and two for each halving.
        assert!(
            fake.answers <= 14,
            "{} answers for row {hole}",
            fake.answers
        );
    }
}

#[test]
fn rows_below_the_newest_page_are_met_in_as_many_answers_as_they_fill_pages() {
    let mut fake = Fake::new((0..6_000).map(|row| row / 20));
    let mut met = BTreeSet::new();
    assert!(find(&mut fake, 0..300, 1_000, &mut met));
    assert_eq!(met, at_first(&fake));
    assert!(fake.answers <= 10, "{} answers for six pages", fake.answers);
}

#[test]
fn what_the_list_has_more_than_the_ledger_is_reported_by_second_and_costs_nothing_then() {
    let mut fake = Fake::new((0..600).map(|row| row / 20));
    fake.rows[100].times = 3;
    let mut known = Known {
        met: &mut at_first(&fake),
        passed: BTreeSet::from([fake.rows[500].id]),
        differs: Vec::new(),
    };
    let mut search_all = || {
        let done = search(&mut fake, Search::new(0..30, 1_000), 1_000, &mut known);
        known.differs.sort_unstable();
        (done, known.differs.clone(), fake.answers)
    };
    let (done, differs, answers) = search_all();
    assert_eq!((done, differs), (true, vec![(5, 2), (25, 1)]));
    let (done, _, later) = search_all();
    assert_eq!((done, later), (true, answers + 1));
}

#[test]
fn a_second_wider_than_an_answer_is_named() {
    let mut fake = Fake::new((0..100).map(|row| if row < 50 { 7 } else { row }));
    let mut search = Search::new(0..200, 1_000);
    while let Some(window) = search.next() {
        let (marks, total) = answer(&mut fake, &window, 20);
        search.took(&AnsweredWindow::of(&window, &marks, Some(total)), Some(0));
    }
    assert!(search.is_done());
    // Of second 6 nothing is seen: behind it the rows of second 7 fill the answers.
    assert_eq!(search.take_wide(), [7, 6]);
}

#[test]
fn a_total_at_the_depth_is_not_believed_and_one_beyond_it_is() {
    let rows = |seconds: i64| (0..seconds * 20).map(|row| row / 20);
    for (seconds, total_max, is_told) in [
        (500, u64::MAX, false),
        (600, 10_000, false),
        (600, u64::MAX, true),
    ] {
        let mut fake = Fake::new(rows(seconds));
        fake.total_max = total_max;
        let window = 0..seconds;
        let (marks, total) = answer(&mut fake, &window, 1_000);
        let shown = AnsweredWindow::of(&window, &marks, Some(total));
        assert_eq!(shown.total.is_some(), is_told, "{seconds} s, {total}");
        assert_eq!(shown.whole, seconds - 49..seconds);
        let mut met = at_first(&fake);
        met.pop_first();
        assert!(find(&mut fake, window, 1_000, &mut met));
        assert_eq!(met, at_first(&fake));
    }
}

#[test]
fn nothing_is_done_at_once_and_a_long_time_is_cut() {
    let reversed = Range { start: 10, end: 9 };
    assert!(Search::new(10..10, 5).is_done() && Search::new(reversed, 5).is_done());
    let days = 3 * SECONDS_MAX;
    let mut fake = Fake::new((0..90).map(|row| row * (days / 90)));
    let mut met = BTreeSet::new();
    assert!(find(&mut fake, 0..days, 100, &mut met));
    assert_eq!(met, at_first(&fake));
}

#[test]
fn an_answer_that_does_not_know_the_window_tells_nothing() {
    let mark = |second| Mark {
        second: Some(second),
        id: 1,
    };
    for second in [4, 21] {
        let shown = AnsweredWindow::of(&(5..20), &[mark(second)], Some(1));
        assert!(!shown.is_all && !shown.is_counted && shown.whole.is_empty());
    }
    assert!(!AnsweredWindow::of(&(5..20), &[mark(6)], None).is_all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever the API's habits, whatever was met before and whatever comes in meanwhile: at the
    /// end of a search all that was there at its begin was met, or it says that it is not done.
    #[test]
    fn what_was_there_at_the_begin_is_met_at_the_end(
        rows in prop::collection::vec(
            (prop_oneof![0i64..60, 20i64..24], prop::bool::weighted(0.1), prop_oneof![3 => Just(0u64), 1 => 0u64..30], prop_oneof![9 => Just(1usize), 1 => 1usize..4]),
            0..200,
        ),
        missing in prop::collection::btree_set(0usize..200, 0..12),
        (end, order) in (ends(), sortings()),
        page_max in 4usize..40,
        limit in 4usize..40,
        asks_max in prop_oneof![Just(1_000u32), 1u32..20],
        remembered in any::<bool>(),
    ) {
        let mut fake = Fake::new(rows.iter().map(|row| row.0));
        let mut passed = BTreeSet::new();
        for (row, (_, is_passed, seen, times)) in fake.rows.iter_mut().zip(rows) {
            (row.seen, row.times) = (seen, times);
            passed.extend(is_passed.then_some(row.id));
        }
        (fake.end, fake.order, fake.page_max) = (end, order, page_max);
        // What is remembered is of rows that were there before: all that nothing is counted for.
        let extra = |at: i64| {
            let rows = fake.rows.iter().filter(|row| row.seen == 0 && row.second == at);
            rows.map(|row| row.times as i64 - i64::from(!passed.contains(&row.id))).sum::<i64>()
        };
        let differs = (0..60).filter(|_| remembered).map(|at| (at, extra(at)));
        let differs = differs.filter(|(_, by)| *by != 0).collect();
        let within: BTreeSet<_> = at_first(&fake).into_iter().filter(|(second, _)| (5..50).contains(second)).collect();
        let holes: BTreeSet<u64> = missing.iter().map(|row| *row as u64 + 1).collect();
        let mut met = within.clone();
        met.retain(|(_, id)| passed.contains(id) || !holes.contains(id));
        let mut known = Known { met: &mut met, passed, differs };
        let done = search(&mut fake, Search::new(5..50, asks_max), limit, &mut known);
        prop_assert!(!done || met.is_superset(&within));
        // Where the order is kept and a second fits into an answer, it comes to its end.
        let second = |at| fake.rows.iter().filter(|row| row.second == at).map(|row| row.times).sum::<usize>();
        let fits = (0..60).map(second).max().unwrap_or(0) * 2 < page_max.min(limit);
        prop_assert!(done || !fits || order == Sorting::Reversed || asks_max < 1_000);
    }
}
