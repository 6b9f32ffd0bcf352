//! What is held by itself, and over lives that end between any two steps of a commit.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::model::{Bytes, FunctionConfig, FunctionId, Outcome, RetCode, Row, Timestamp};

const SPAN: Duration = Duration::from_secs(10);

fn empty() -> Arc<FunctionSeries> {
    let function = FunctionId::new("r", "default", "f");
    Arc::new(FunctionSeries::new(function, RetCode::ZERO))
}

fn with(series: &Arc<FunctionSeries>, codes: &[i64]) -> Arc<FunctionSeries> {
    let mut series = (**series).clone();
    for code in codes {
        series.count(
            &Row {
                ret_code: RetCode::new(*code),
                outcome: Outcome::FunctionError,
                ..Row::default()
            },
            Timestamp::default(),
        );
    }
    Arc::new(series)
}

fn change(series: &Arc<FunctionSeries>) -> Vec<(u32, StoredFunction)> {
    let series = series.clone();
    let evicted_below = Timestamp::default();
    vec![(
        0,
        StoredFunction {
            series,
            evicted_below,
        },
    )]
}

/// Counts by code; an error of no code yet is not in it.
fn counts(series: &FunctionSeries) -> HashMap<i64, u64> {
    let codes = series.codes.iter();
    let own = codes.filter(|code| code.outcome == Outcome::FunctionError);
    own.map(|code| (i64::from(code.ret_code.to_raw()), code.count))
        .collect()
}

/// A committer without tasks: what it counted, what it holds, what is on its disk.
struct Life {
    ledger: Vec<Arc<FunctionSeries>>,
    zero_first: ZeroFirst,
}

impl Life {
    fn new(span: Duration) -> Self {
        Self {
            ledger: Vec::new(),
            zero_first: ZeroFirst::new(span, Vec::new()),
        }
    }

    /// A change that is durable and published at `now`.
    fn commit(&mut self, codes: &[i64], now: Instant) {
        let series = with(self.ledger.first().unwrap_or(&empty()), codes);
        let ledger = |slot: u32| self.ledger.get(slot as usize);
        let holds = self.zero_first.prepare(ledger, &change(&series), now);
        self.ledger = vec![series];
        self.zero_first.apply(holds, now);
    }

    fn shown(&mut self) -> Arc<FunctionSeries> {
        let mut next = Snapshot::new(1, false, self.ledger.clone());
        self.zero_first.cover(&mut next);
        next.series[0].clone()
    }

    fn counts(&mut self) -> HashMap<i64, u64> {
        counts(&self.shown())
    }
}

#[test]
fn a_new_function_and_a_new_code_of_a_known_one_are_at_zero_for_the_span() {
    let (start, mut life) = (Instant::now(), Life::new(SPAN));
    life.commit(&[1, 1], start);
    assert_eq!(life.counts(), HashMap::from([(1, 0)]));
    assert_eq!(life.shown().duration.count(), 0, "as its counters");
    let end = life.zero_first.next_end().unwrap();
    assert_eq!(end, start + SPAN);
    assert!(!life.zero_first.is_over(end - Duration::from_millis(1)));

    let over = life
        .zero_first
        .prepare(|slot| life.ledger.get(slot as usize), &[], end);
    assert_eq!(over, vec![(0, None)]);
    assert_eq!(life.counts(), HashMap::from([(1, 0)]), "not durable yet");
    life.zero_first.apply(over, end);
    assert_eq!(life.counts(), HashMap::from([(1, 2)]));

    life.commit(&[1, 2], end);
    assert_eq!(life.counts(), HashMap::from([(1, 2), (2, 0)]));
    life.commit(&[1], end + SPAN);
    assert_eq!(life.counts(), HashMap::from([(1, 4), (2, 1)]));
}

#[test]
fn a_further_new_code_begins_the_span_anew_unless_it_is_over() {
    let (start, mut life) = (Instant::now(), Life::new(SPAN));
    life.commit(&[1], start);
    life.commit(&[1, 2], start + SPAN / 2);
    assert_eq!(life.zero_first.next_end(), Some(start + SPAN / 2 + SPAN));
    assert_eq!(life.counts(), HashMap::from([(1, 0), (2, 0)]));
    life.commit(&[1, 3], start + SPAN / 2 + SPAN);
    let shown = HashMap::from([(1, 2), (2, 1), (3, 0)]);
    assert_eq!(life.counts(), shown, "as before the change");
    assert_eq!(life.shown().duration.count(), 3);
}

#[test]
fn without_a_span_nothing_is_held_and_what_was_held_ends() {
    let now = Instant::now();
    let zeros = with(&empty(), &[1]).new_at_zero(None).unwrap();
    let held = vec![(0, Arc::new(zeros))];
    let mut life = Life {
        ledger: vec![with(&empty(), &[1])],
        zero_first: ZeroFirst::new(Duration::ZERO, held),
    };
    life.zero_first.begin(now);
    assert_eq!(
        life.counts(),
        HashMap::from([(1, 0)]),
        "until it is durable"
    );
    assert!(life.zero_first.is_over(now));
    life.commit(&[2], now);
    assert_eq!(life.counts(), HashMap::from([(1, 1), (2, 1)]));
    assert_eq!(life.zero_first.next_end(), None);
}

#[test]
fn how_a_function_is_configured_shows_as_it_is_now() {
    let mut life = Life::new(SPAN);
    life.commit(&[1], Instant::now());
    let about = Arc::new(FunctionConfig {
        memory_limit: Bytes(1 << 20),
        timeout: Duration::from_secs(3),
        runtime: "Go1".into(),
    });
    Arc::make_mut(&mut life.ledger[0]).about = Some(about.clone());
    assert_eq!(life.shown().about, Some(about));
    Arc::make_mut(&mut life.ledger[0]).about = None;
    assert_eq!(life.shown().about, None);
    assert_eq!(life.counts(), HashMap::from([(1, 0)]));
}

// === lives ===

/// How far a commit came.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Published,
    /// On the disk, but nobody was told.
    Durable,
    Lost,
}

#[derive(Debug, Clone)]
struct Step {
    after_ms: u64,
    codes: Vec<i64>,
    fate: Fate,
    /// Whether the program is killed after a commit that was not published; else it reads its state
    /// again, as after a refused commit.
    killed: bool,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fate = prop_oneof![
        3 => Just(Fate::Published),
        1 => Just(Fate::Durable),
        1 => Just(Fate::Lost),
    ];
    let codes = proptest::collection::vec(1..6i64, 0..3);
    let step = (0..15_000u64, codes, fate, any::<bool>());
    let step = step.prop_map(|(after_ms, codes, fate, killed)| Step {
        after_ms,
        codes,
        fate,
        killed,
    });
    proptest::collection::vec(step, 1..60)
}

/// What was shown over all lives, by code: since when at zero without a break, and the last value.
#[derive(Default)]
struct Witness(HashMap<i64, (Option<Instant>, bool, u64)>);

impl Witness {
    /// `counts` replaces what was shown at `now`; `begins` where another life began.
    fn look(&mut self, counts: &HashMap<i64, u64>, now: Instant, begins: bool) {
        for (code, (since, held, last)) in &mut self.0 {
            *held |= since.is_some_and(|since| now >= since + SPAN);
            if begins {
                *since = None;
            }
            assert!(
                counts.get(code).is_some_and(|count| count >= last),
                "{code}"
            );
        }
        for (code, count) in counts {
            let (since, held, last) = self.0.entry(*code).or_default();
            if *count > 0 {
                assert!(*held, "{code} is {count} and was not zero for the span");
            }
            since.get_or_insert(now);
            *last = *count;
        }
    }
}

proptest! {
    /// Whatever becomes of commits and of the program: no life shows a series above zero that none
    /// showed at zero for a whole span before, and what was shown never falls.
    #[test]
    fn no_life_shows_a_value_before_its_zero(steps in steps()) {
        let mut now = Instant::now();
        let mut life = Life::new(SPAN);
        let mut disk: (Vec<Arc<FunctionSeries>>, HashMap<u32, Arc<FunctionSeries>>) = Default::default();
        let mut witness = Witness::default();
        for step in steps {
            now += Duration::from_millis(step.after_ms);
            let series = with(life.ledger.first().unwrap_or(&empty()), &step.codes);
            let holds = life.zero_first.prepare(|slot| life.ledger.get(slot as usize), &change(&series), now);
            if step.fate != Fate::Lost {
                disk.0 = vec![series.clone()];
                for (slot, shown) in &holds {
                    match shown {
                        Some(shown) => disk.1.insert(*slot, shown.clone()),
                        None => disk.1.remove(slot),
                    };
                }
            }
            let begins = if step.fate == Fate::Published {
                life.ledger = vec![series];
                life.zero_first.apply(holds, now);
                false
            } else {
                let held: Vec<_> = disk.1.clone().into_iter().collect();
                life.ledger = disk.0.clone();
                if step.killed {
                    life.zero_first = ZeroFirst::new(SPAN, held);
                    life.zero_first.begin(now);
                } else {
                    life.zero_first.restore(held, now);
                }
                true
            };
            if !life.ledger.is_empty() {
                let counts = life.counts();
                prop_assert_eq!(life.shown().duration.count(), counts.values().sum::<u64>());
                witness.look(&counts, now, begins);
            }
        }
    }
}

#[test]
fn another_span_is_counted_from_when_the_zero_was_first_shown() {
    let (start, mut life) = (Instant::now(), Life::new(SPAN));
    life.commit(&[1], start);
    life.zero_first.hold_for(2 * SPAN);
    assert_eq!(life.zero_first.next_end(), Some(start + 2 * SPAN));
    life.zero_first.hold_for(SPAN / 2);
    assert!(life.zero_first.is_over(start + SPAN / 2));
    let over = life
        .zero_first
        .prepare(|slot| life.ledger.get(slot as usize), &[], start + SPAN);
    assert_eq!(over, vec![(0, None)]);
}
