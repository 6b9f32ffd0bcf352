//! Watermarks that are lowered, rightly or by one wrong date: no row counts again for that.

use super::*;
use crate::commit::Correction;

/// A function that is called every twenty seconds, is read by v3 and then from topics, and moves
/// from one topic to another meanwhile.
struct Life {
    fixture: Fixture,
    now: i64,
    /// From which second on it writes to its second topic.
    moves: i64,
    is_logged: bool,
    open: BTreeSet<TargetId>,
    /// How often each call was counted, by its start.
    counted: BTreeMap<i64, u64>,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Read,
    Advance,
    /// One wrong date says that it is earlier.
    Correct,
    /// Nothing but the state survives.
    Restart,
    List,
    /// Lists and reads topics from now on.
    Switch,
}

impl Life {
    fn begun(moves: i64) -> Self {
        let mut life = Self {
            fixture: Fixture::new(RULES),
            now: START,
            moves,
            is_logged: false,
            open: BTreeSet::new(),
            counted: BTreeMap::new(),
        };
        life.list();
        life
    }

    fn step(&mut self, step: Step, far: i64) {
        self.now += far;
        match step {
            Step::Read => self.read(),
            Step::Advance => self.advance(),
            Step::Correct => self.correct(20 * far),
            Step::Restart => {
                self.fixture.ledger.targets_of.clear();
                self.list();
            }
            Step::List => self.list(),
            Step::Switch if self.is_logged => {}
            Step::Switch => {
                self.is_logged = true;
                self.open.clear();
                self.list();
            }
        }
    }

    fn topic_at(&self, second: i64) -> TargetId {
        topic(if second < self.moves { "old" } else { "new" })
    }

    fn list(&mut self) {
        let target = match self.is_logged {
            true => self.topic_at(self.now),
            false => TargetId::function(name(0)),
        };
        self.fixture
            .register(&list(self.now - 10, vec![listed(0, &target)]));
        self.open.insert(target);
    }

    /// Reads all that there is, as a read that begins too early does.
    fn read(&mut self) {
        for target in self.open.clone() {
            for start in (START..self.now).step_by(20) {
                // Up to fifty seconds until it ends and is logged.
                let log = start + start * 7 % 50;
                let is_there = target.kind().names_functions
                    || (log < self.now && self.topic_at(start) == target);
                if !is_there {
                    continue;
                }
                let position = if self.is_logged { log } else { start };
                let page = logged(0, start as u128, position, start);
                let outcome = self.fixture.page(&target, &page);
                *self.counted.entry(start).or_default() += outcome.counted;
            }
        }
    }

    fn advance(&mut self) {
        let position = RULES.allowed_lateness.closed_at(at(self.now));
        for target in &self.open {
            self.fixture.advance(target, position.as_secs());
        }
    }

    fn correct(&mut self, earlier: i64) {
        let correction = Correction {
            now: at(self.now - earlier),
            since: at(self.now - earlier - 10),
            is_sure: false,
        };
        for target in &self.open {
            self.fixture
                .change(|ledger, change| ledger.prepare_corrected(change, target, correction));
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<(Step, i64)>> {
    let step = prop_oneof![
        4 => Just(Step::Read),
        4 => Just(Step::Advance),
        2 => Just(Step::Correct),
        1 => Just(Step::Restart),
        1 => Just(Step::List),
        1 => Just(Step::Switch),
    ];
    prop::collection::vec((step, 0..60_i64), 1..40)
}

proptest! {
    #[test]
    fn no_call_counts_again_after_a_watermark_was_lowered(
        steps in steps(),
        moves in START..START + 1_200,
    ) {
        let mut life = Life::begun(moves);
        for (step, far) in steps {
            life.step(step, far);
        }
        life.read();
        let again = life.counted.iter().find(|(_, times)| **times > 1);
        prop_assert_eq!(again, None);
    }
}

/// One wrong date lowers the watermark, and then the function is read from a topic that is new and
/// holds all that was counted.
#[test]
fn what_was_counted_is_not_counted_again_from_a_new_topic() {
    let mut life = Life::begun(i64::MAX);
    let steps = [
        (Step::Read, 900),
        (Step::Advance, 0),
        (Step::Correct, 25),
        (Step::Switch, 0),
        (Step::Read, 0),
    ];
    for (step, far) in steps {
        life.step(step, far);
    }
    // One every twenty seconds from 10,000 on; the last two came after the first read, and one of
    // them is not logged yet.
    let times: Vec<u64> = life.counted.into_values().collect();
    assert_eq!(times, [1; 46]);
}
