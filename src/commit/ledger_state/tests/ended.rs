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

fn region() -> TargetId {
    TargetId::region("r")
}

/// The ledger and all that was written of it.
struct Kept {
    ledger: LedgerState,
    store: FakeStore,
}

impl Kept {
    fn new(rules: Rules) -> Self {
        Self {
            ledger: LedgerState::new(rules),
            store: FakeStore::default(),
        }
    }

    fn change<T>(&mut self, prepare: impl FnOnce(&LedgerState, &mut Delta) -> T) -> T {
        let mut change = Delta::default();
        let told = prepare(&self.ledger, &mut change);
        self.store.write(self.ledger.to_store(&mut change));
        self.ledger.apply(change);
        told
    }

    /// A list of these functions, all of the region's target.
    fn list(&mut self, now: i64, functions: &[u8]) {
        let all = functions
            .iter()
            .map(|function| listed(*function, &region()));
        let known = list(now, all.collect());
        self.change(|ledger, change| ledger.prepare_functions(change, &known));
    }

    fn count(&mut self, function: u8, id: u128, second: i64) -> PageOutcome {
        let page = logged(function, id, second, second);
        self.change(|ledger, change| ledger.prepare_page(change, &region(), &page))
    }

    fn advance_watermark(&mut self, second: i64) {
        self.change(|ledger, change| {
            ledger.prepare_checkpoint(change, &region(), Checkpoint::Watermark(at(second)))
        });
    }

    fn end(&mut self, now: i64) {
        self.change(|ledger, change| ledger.prepare_ended(change, at(now), |_| false));
    }

    /// The same, where a list that began then named these functions.
    fn list_and_end(&mut self, now: i64, functions: &[u8]) {
        self.list(now, functions);
        self.end(now);
    }

    /// The same after a restart.
    fn restart(&mut self) {
        self.ledger = self.store.restore_by(self.ledger.rules());
    }

    /// What is shown, with the invocations counted.
    fn shown(&self) -> Vec<(String, u64)> {
        let series = self.ledger.snapshot(1).series;
        let shown = series.iter();
        shown
            .map(|series| (series.function.name.to_string(), series.invocations()))
            .collect()
    }
}

fn named(all: &[(&str, u64)]) -> Vec<(String, u64)> {
    let all = all.iter();
    all.map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

#[test]
fn series_end_after_retention_and_a_function_that_returns_begins_anew() {
    let mut kept = Kept::new(rules(10));
    kept.list(1_000, &[0, 1, 2]);
    for function in 0..3 {
        kept.count(function, u128::from(function), 1_020);
    }
    kept.list(2_000, &[0, 2]);
    kept.list(2_010, &[0, 2]);
    kept.list_and_end(2_019, &[0, 2]);
    assert_eq!(kept.shown(), named(&[("f0", 1), ("f1", 1), ("f2", 1)]));
    kept.restart();
    // A list says so, not the clock.
    kept.end(9_000);
    assert_eq!(kept.shown().len(), 3);
    // Called at 1020, listed last at 1000: that is 1000 s.
    kept.list_and_end(2_020, &[0, 2]);
    assert_eq!(kept.shown(), named(&[("f0", 1), ("f2", 1)]));
    assert_eq!(kept.ledger.keys(), 2, "its keys went with it");
    kept.restart();
    assert_eq!(kept.shown(), named(&[("f0", 1), ("f2", 1)]));

    // It comes back: what was counted then is not counted again, and what is new is.
    kept.list(2_030, &[0, 1, 2]);
    assert_eq!(kept.shown().len(), 3);
    assert_eq!(kept.count(1, 1, 1_020).duplicate, 1);
    assert_eq!(kept.count(1, 7, 2_040).counted, 1);
    let shown = |kept: &Kept| {
        let mut shown = kept.shown();
        shown.sort();
        shown
    };
    assert_eq!(shown(&kept), named(&[("f0", 1), ("f1", 1), ("f2", 1)]));
    kept.restart();
    assert_eq!(shown(&kept), named(&[("f0", 1), ("f1", 1), ("f2", 1)]));
    assert_eq!(kept.count(1, 7, 2_040).duplicate, 1);
    kept.end(1_100 + 2 * RETENTION.as_secs() as i64);
    assert!(kept.ledger.ended.is_empty(), "not for ever");
}

#[test]
fn a_function_that_returns_before_the_end_goes_on() {
    let mut kept = Kept::new(rules(10));
    kept.list(1_000, &[0]);
    kept.count(0, 1, 1_020);
    kept.list(1_500, &[]);
    kept.list(1_600, &[]);
    kept.restart();
    kept.list_and_end(1_900, &[]);
    kept.list_and_end(9_000, &[0]);
    assert_eq!(kept.shown(), named(&[("f0", 1)]));
    assert!(!kept.ledger.snapshot(1).series[0].is_gone);
    // Nor does one that is still called end.
    kept.list(9_100, &[]);
    kept.list(9_200, &[]);
    kept.count(0, 2, 9_500);
    kept.list_and_end(10_499, &[]);
    assert_eq!(kept.shown(), named(&[("f0", 2)]));
    kept.list_and_end(10_500, &[]);
    assert_eq!(kept.shown(), []);
}

#[test]
fn what_is_held_at_zero_does_not_end() {
    let mut kept = Kept::new(rules(10));
    kept.list(1_000, &[0]);
    kept.list(2_000, &[]);
    kept.list(2_100, &[]);
    kept.change(|ledger, change| ledger.prepare_ended(change, at(9_000), |slot| slot == 0));
    assert_eq!(kept.shown(), named(&[("f0", 0)]));
    kept.end(9_000);
    assert_eq!(kept.shown(), []);
}

/// A place that is free goes to the next function, and to one that was folded.
#[test]
fn an_end_frees_its_place_and_the_overflow_gives_back() {
    let mut kept = Kept::new(rules(2));
    kept.list(1_000, &[0, 1, 2]);
    for (function, id) in [(0, 0), (1, 1), (2, 2)] {
        kept.count(function, id, 1_020);
    }
    assert_eq!(
        kept.shown(),
        named(&[("f0", 1), ("f1", 1), ("_overflow", 1)])
    );
    kept.list(2_000, &[1, 2]);
    kept.list(2_100, &[1, 2]);
    kept.end(2_100);
    kept.restart();
    assert_eq!(kept.count(2, 3, 2_150).counted, 1);
    assert_eq!(
        kept.count(2, 2, 1_020).duplicate,
        1,
        "counted in the overflow"
    );
    let mut shown = kept.shown();
    shown.sort();
    assert_eq!(shown, named(&[("_overflow", 1), ("f1", 1), ("f2", 1)]));
    assert_eq!(
        kept.count(3, 4, 2_160).overflow,
        1,
        "all places are taken again"
    );
}

/// The keys of the function before stay on the disk with those of others, and mean nothing.
#[test]
fn a_slot_is_used_again_once_no_key_of_before_is_kept_in_it() {
    let mut kept = Kept::new(rules(10));
    kept.list(1_000, &[0, 1]);
    let mut page = logged(0, 1, 1_020, 1_020);
    let other = logged(1, 2, 1_030, 1_030);
    page.functions.extend(other.functions);
    page.rows.push(Row {
        function: 1,
        ..other.rows[0]
    });
    kept.change(|ledger, change| ledger.prepare_page(change, &region(), &page));
    kept.list(2_000, &[1]);
    kept.list(2_100, &[1]);
    kept.end(2_100);
    kept.list(2_200, &[1, 2]);
    assert_eq!(
        kept.ledger.series().slot(&name(2)),
        Some(2),
        "a pack has its keys"
    );
    kept.restart();
    assert_eq!(kept.ledger.keys(), 1);
    kept.advance_watermark(3_000);
    kept.advance_watermark(3_010);
    kept.list(3_100, &[1, 2, 3]);
    assert_eq!(kept.ledger.series().slot(&name(3)), Some(0));
    kept.restart();
    assert_eq!(kept.shown(), named(&[("f3", 0), ("f1", 1), ("f2", 0)]));
}

#[test]
fn a_function_that_is_excluded_frees_its_place_at_once_and_ends_later() {
    let mut kept = Kept::new(rules(1));
    kept.list(1_000, &[0]);
    kept.count(0, 1, 1_020);
    let without = |number: u8| Functions::new(move |one| *one != name(number));
    kept.ledger.reconfigure(rules(1), without(0), &[], &[]);
    assert!(kept.ledger.snapshot(1).series[0].is_gone);
    kept.list(1_100, &[1]);
    assert_eq!(kept.shown(), named(&[("f0", 1), ("f1", 0)]));
    kept.end(1_200);
    kept.restart();
    kept.ledger = kept.ledger.clone().wanting(without(0));
    kept.end(2_019);
    assert_eq!(kept.shown(), named(&[("f0", 1), ("f1", 0)]));
    // It is wanted again before the end, and goes on.
    let mut back = kept.ledger.clone().wanting(Functions::all());
    let mut change = Delta::default();
    back.prepare_functions(&mut change, &list(2_019, vec![listed(0, &region())]));
    back.apply(change);
    assert_eq!(back.snapshot(1).series[0].invocations(), 1);
    assert!(!back.snapshot(1).series[0].is_gone);
    kept.end(2_020);
    assert_eq!(kept.shown(), named(&[("f1", 0)]));
}

#[test]
fn what_no_list_can_hold_ends_by_its_last_call_and_only_where_that_is_written() {
    for is_written in [false, true] {
        let retention = Retention {
            span: Duration::from_secs(1_000),
            is_written,
        };
        let mut kept = Kept::new(Rules {
            retention,
            ..rules(10)
        });
        kept.advance_watermark(1_000);
        kept.count(0, 1, 1_020);
        kept.end(2_019);
        assert_eq!(kept.shown().len(), 1);
        kept.end(2_020);
        assert_eq!(kept.shown().is_empty(), is_written);
    }
}
