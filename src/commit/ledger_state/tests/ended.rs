//! When series end, and what that frees.

use super::*;

fn rules(functions: usize) -> Rules {
    Rules {
        functions,
        first_read: Duration::ZERO,
        retention: Retention {
            span: Duration::from_secs(1_000),
            is_written: false,
        },
        ..RULES
    }
}

impl Fixture {
    /// Takes in a list of these functions, all of the region's target.
    fn list(&mut self, began: i64, functions: &[u8]) {
        let all = functions.iter().map(|number| listed(*number, &region()));
        self.register(&list(began, all.collect()));
    }

    /// Reads one invocation; counted and duplicate.
    fn call(&mut self, function: u8, id: u128, second: i64) -> (u64, u64) {
        let page = logged(function, id, second, second);
        let (counted, duplicate, _) = self.read(&region(), &[page]);
        (counted, duplicate)
    }

    fn end(&mut self, now: i64) {
        self.change(|ledger, change| ledger.prepare_ended(change, at(now), |_| false));
    }

    /// Ends series after a list that began then named these functions.
    fn list_and_end(&mut self, now: i64, functions: &[u8]) {
        self.list(now, functions);
        self.end(now);
    }

    /// [`Fixture::shown`] in the order of the names.
    fn shown_by_name(&self) -> String {
        let shown = self.shown();
        let mut all: Vec<&str> = shown.split(", ").collect();
        all.sort_unstable();
        all.join(", ")
    }
}

#[test]
fn series_end_after_retention_and_a_function_that_returns_begins_anew() {
    let mut kept = Fixture::new(rules(10));
    kept.list(1_000, &[0, 1, 2]);
    for function in 0..3 {
        kept.call(function, u128::from(function), 1_020);
    }
    kept.list(2_000, &[0, 2]);
    kept.list(2_010, &[0, 2]);
    kept.list_and_end(2_019, &[0, 2]);
    assert_eq!(kept.shown(), "f0 1, f1 1, f2 1");
    kept.restart();
    // A list decides, not the clock.
    kept.end(9_000);
    assert_eq!(kept.shown(), "f0 1, f1 1, f2 1");
    // Called at 1020, listed last at 1000: that is 1000 s.
    kept.list_and_end(2_020, &[0, 2]);
    assert_eq!(kept.shown(), "f0 1, f2 1");
    assert_eq!(kept.ledger.keys(), 2, "its keys went with it");
    kept.restart();
    assert_eq!(kept.shown(), "f0 1, f2 1");

    // It comes back: what was counted then is not counted again, and what is new is.
    kept.list(2_030, &[0, 1, 2]);
    assert_eq!(kept.shown_by_name(), "f0 1, f1 0, f2 1");
    assert_eq!(kept.call(1, 1, 1_020), (0, 1));
    assert_eq!(kept.call(1, 7, 2_040), (1, 0));
    assert_eq!(kept.shown_by_name(), "f0 1, f1 1, f2 1");
    kept.restart();
    assert_eq!(kept.shown_by_name(), "f0 1, f1 1, f2 1");
    assert_eq!(kept.call(1, 7, 2_040), (0, 1));
    kept.end(1_100 + 2 * RETENTION.as_secs() as i64);
    assert!(kept.ledger.ended.is_empty(), "not for ever");
}

#[test]
fn a_function_that_returns_before_the_end_goes_on() {
    let mut kept = Fixture::new(rules(10));
    kept.list(1_000, &[0]);
    kept.call(0, 1, 1_020);
    kept.list(1_500, &[]);
    kept.list(1_600, &[]);
    kept.restart();
    kept.list_and_end(1_900, &[]);
    kept.list_and_end(9_000, &[0]);
    assert_eq!(kept.shown(), "f0 1");
    assert!(!kept.ledger.snapshot(1).series[0].is_gone);
    // Nor does one that is still called end.
    kept.list(9_100, &[]);
    kept.list(9_200, &[]);
    kept.call(0, 2, 9_500);
    kept.list_and_end(10_499, &[]);
    assert_eq!(kept.shown(), "f0 2");
    kept.list_and_end(10_500, &[]);
    assert_eq!(kept.shown(), "");
}

#[test]
fn what_is_held_at_zero_does_not_end() {
    let mut kept = Fixture::new(rules(10));
    kept.list(1_000, &[0]);
    kept.list(2_000, &[]);
    kept.list(2_100, &[]);
    kept.change(|ledger, change| ledger.prepare_ended(change, at(9_000), |slot| slot == 0));
    assert_eq!(kept.shown(), "f0 0");
    kept.end(9_000);
    assert_eq!(kept.shown(), "");
}

/// A place that is free goes to the next function, and to one that was folded.
#[test]
fn an_end_frees_its_place_and_the_overflow_gives_back() {
    let mut kept = Fixture::new(rules(2));
    kept.list(1_000, &[0, 1, 2]);
    for number in 0..3 {
        kept.call(number, number.into(), 1_020);
    }
    assert_eq!(kept.shown(), "f0 1, f1 1, _overflow 1");
    kept.list(2_000, &[1, 2]);
    kept.list_and_end(2_100, &[1, 2]);
    kept.restart();
    assert_eq!(kept.call(2, 3, 2_150), (1, 0));
    assert_eq!(kept.call(2, 2, 1_020), (0, 1), "counted in the overflow");
    assert_eq!(kept.shown_by_name(), "_overflow 1, f1 1, f2 1");
    // All places are taken again.
    assert_eq!(kept.call(3, 4, 2_160), (1, 0));
    assert_eq!(kept.shown_by_name(), "_overflow 2, f1 1, f2 1");
}

/// The keys of the function before stay on the disk with those of others, and mean nothing.
#[test]
fn a_slot_is_used_again_once_no_key_of_before_is_kept_in_it() {
    let mut kept = Fixture::new(rules(10));
    kept.list(1_000, &[0, 1]);
    let mut page = logged(0, 1, 1_020, 1_020);
    let other = logged(1, 2, 1_030, 1_030);
    page.functions.extend(other.functions);
    page.rows.push(Row {
        function: 1,
        ..other.rows[0]
    });
    kept.page(&region(), &page);
    kept.list(2_000, &[1]);
    kept.list_and_end(2_100, &[1]);
    kept.list(2_200, &[1, 2]);
    let slot = |kept: &Fixture, number| kept.ledger.series().slot(&name(number));
    assert_eq!(slot(&kept, 2), Some(2), "a pack has keys of slot 0");
    kept.restart();
    assert_eq!(kept.ledger.keys(), 1);
    kept.advance(&region(), 3_000);
    kept.advance(&region(), 3_010);
    kept.list(3_100, &[1, 2, 3]);
    assert_eq!(slot(&kept, 3), Some(0));
    kept.restart();
    assert_eq!(kept.shown(), "f3 0, f1 1, f2 0");
}

#[test]
fn a_function_that_is_excluded_frees_its_place_at_once_and_ends_later() {
    let mut kept = Fixture::new(rules(1));
    kept.list(1_000, &[0]);
    kept.call(0, 1, 1_020);
    let without = |number: u8| Functions::new(move |one| *one != name(number));
    kept.ledger.reconfigure(rules(1), without(0), &[], &[]);
    assert!(kept.ledger.snapshot(1).series[0].is_gone);
    kept.list(1_100, &[1]);
    assert_eq!(kept.shown(), "f0 1, f1 0");
    kept.end(1_200);
    kept.restart();
    kept.ledger = kept.ledger.clone().wanting(without(0));
    kept.end(2_019);
    assert_eq!(kept.shown(), "f0 1, f1 0");
    // It is wanted again before the end, and goes on.
    let mut back = kept.ledger.clone().wanting(Functions::all());
    let mut change = Delta::default();
    back.prepare_functions(&mut change, &list(2_019, vec![listed(0, &region())]));
    back.apply(change);
    let first = &back.snapshot(1).series[0];
    assert_eq!((first.invocations(), first.is_gone), (1, false));
    kept.end(2_020);
    assert_eq!(kept.shown(), "f1 0");
}

#[test]
fn what_no_list_can_hold_ends_by_its_last_call_and_only_where_that_is_written() {
    for (is_written, shown) in [(false, "f0 1"), (true, "")] {
        let mut rules = rules(10);
        rules.retention.is_written = is_written;
        let mut kept = Fixture::new(rules);
        kept.advance(&region(), 1_000);
        kept.call(0, 1, 1_020);
        kept.end(2_019);
        assert_eq!(kept.shown(), "f0 1");
        kept.end(2_020);
        assert_eq!(kept.shown(), shown);
    }
}
