//! What is remembered of a target from one read to the next.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::Timestamp;

/// Rows remembered at the most.
const ROWS_MAX: usize = 200_000;
/// Further pages that may be read in advance, and those that must be free to begin.
const CREDIT_MAX: f64 = 32.0;
const CREDIT_MIN: f64 = 2.0;
/// Further pages that a page of new rows is good for: less than one, since spot checks cost too.
const EARNED: f64 = 0.8;
/// After so long without proof that nothing is missing, it is looked for.
const PROVE_AFTER: Duration = Duration::from_secs(300);

/// The rows that were passed over, and how many pages may be spent on looking for missing ones.
///
/// The API counts rows that no attempt is counted for: calls that run, functions that are not
/// wanted. Those that were seen and not met since are remembered, as far as one can tell: that is
/// no proof that nothing is missing, but good enough to decide whether to look.
///
/// A call that took long stands far down the list when it ends, among rows that are known. To look
/// for each at once would cost a page or several every time, so as many further pages are read as
/// the new rows themselves fill: a row is paid for twice, not more.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The second of each row by its mark.
    passed_over: HashMap<u64, i64>,
    credit: f64,
    proven: Option<Timestamp>,
    /// Rows that the last read knew to be missing.
    pub(super) missing: u64,
}

/// What a row is to the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// An attempt is counted for it.
    Counted,
    /// None is: the call runs, is not wanted, or cannot be read.
    PassedOver,
}

impl Memory {
    /// A read begins: what stands before `from` is forgotten.
    pub(super) fn begin(&mut self, from: i64) {
        self.passed_over.retain(|_, second| *second >= from);
    }

    /// Takes in a row of an answer. One whose second cannot be read would never be forgotten.
    pub(super) fn note(&mut self, mark: u64, second: Option<i64>, fate: Fate) {
        let Some(second) = second.filter(|_| fate != Fate::Counted) else {
            self.passed_over.remove(&mark);
            return;
        };
        if self.passed_over.len() < ROWS_MAX {
            self.passed_over.insert(mark, second);
        }
    }

    /// How many rows were passed over and not counted since, as far as is known.
    pub(super) fn passed_over(&self) -> u64 {
        self.passed_over.len() as u64
    }

    /// The second of the oldest of them.
    pub(super) fn oldest(&self) -> Option<i64> {
        self.passed_over.values().min().copied()
    }

    /// So many pages were filled by new rows.
    pub(super) fn earn(&mut self, pages: f64) {
        self.credit = (self.credit + pages * EARNED).min(CREDIT_MAX);
    }

    /// Whether missing rows may be looked for.
    pub(super) fn may_look(&self) -> bool {
        self.credit >= CREDIT_MIN
    }

    /// Notes that a further page is read.
    pub(super) fn spend(&mut self) {
        self.credit = (self.credit - 1.0).max(-CREDIT_MAX);
    }

    /// Notes that a proof was found at `now`, or tried.
    pub(super) fn proven(&mut self, now: Timestamp) {
        self.proven = Some(now);
    }

    /// Whether it is time for a proof.
    pub(super) fn is_proof_due(&self, now: Timestamp) -> bool {
        self.proven.is_none_or(|proven| now - PROVE_AFTER >= proven)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_passed_over_until_it_counts_or_is_settled() {
        let mut memory = Memory::default();
        memory.begin(0);
        for (mark, second) in [(1, 10), (2, 20), (2, 20)] {
            memory.note(mark, Some(second), Fate::PassedOver);
        }
        memory.begin(5);
        assert_eq!((memory.passed_over(), memory.oldest()), (2, Some(10)));
        memory.note(1, Some(10), Fate::Counted);
        assert_eq!((memory.passed_over(), memory.oldest()), (1, Some(20)));
        memory.begin(21);
        assert_eq!(memory.passed_over(), 0);
    }

    #[test]
    fn further_pages_are_earned_and_a_proof_is_wanted_now_and_then() {
        let mut memory = Memory::default();
        let at = Timestamp::from_secs(1_000_000);
        assert!(!memory.may_look() && memory.is_proof_due(at));
        // 3.75 x 0.8 = 3, less the pages that are spent.
        memory.earn(3.75);
        assert!(memory.may_look());
        memory.spend();
        memory.spend();
        assert!(!memory.may_look());
        memory.proven(at);
        assert!(!memory.is_proof_due(at + Duration::from_secs(299)));
        assert!(memory.is_proof_due(at + PROVE_AFTER));
    }
}
