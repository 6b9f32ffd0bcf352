//! The attempts of one function that were met and may be met again.

use std::ops::Range;

use hashbrown::HashMap;

use crate::model::{AttemptKey, Timestamp};

/// Attempt keys with their positions, from `forgotten` on.
#[derive(Clone)]
pub struct DedupWindow {
    keys: HashMap<AttemptKey, Timestamp>,
    forgotten: Timestamp,
}

/// What a row is to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not met before: to be counted.
    New,
    /// Met before, or from a time that is closed: its rows were counted, or lie before counting
    /// began.
    Duplicate,
    /// Not met before, but older than what was settled: too late to be counted.
    Late,
}

impl Default for DedupWindow {
    fn default() -> Self {
        Self {
            keys: HashMap::new(),
            forgotten: Timestamp::MIN,
        }
    }
}

impl DedupWindow {
    /// No keys, and nothing known below `forgotten`.
    pub fn starting_at(forgotten: Timestamp) -> Self {
        Self {
            keys: HashMap::new(),
            forgotten,
        }
    }

    /// Judges a row against what was met, and against the position that its target has settled.
    pub fn judge(&self, key: &AttemptKey, position: Timestamp, settled: Timestamp) -> Verdict {
        if self.holds(key) || position < self.forgotten {
            Verdict::Duplicate
        } else if position < settled {
            Verdict::Late
        } else {
            Verdict::New
        }
    }

    /// Whether an attempt is remembered.
    pub fn holds(&self, key: &AttemptKey) -> bool {
        self.keys.contains_key(key)
    }

    /// Where an attempt that is remembered stands.
    pub fn position_of(&self, key: &AttemptKey) -> Option<Timestamp> {
        self.keys.get(key).copied()
    }

    /// Remembers an attempt, unless it lies where all is forgotten: a stored pack is kept whole
    /// as long as one key of it is needed.
    pub fn insert(&mut self, key: AttemptKey, position: Timestamp) {
        if position >= self.forgotten {
            self.keys.insert(key, position);
        }
    }

    /// Forgets the attempts below `bound`; from then on rows below it are duplicates. A bound
    /// that lies further back than the last one changes nothing.
    pub fn forget_below(&mut self, bound: Timestamp) {
        if bound <= self.forgotten {
            return;
        }
        self.forgotten = bound;
        self.keys.retain(|_, position| *position >= bound);
        if self.keys.capacity() > 4 * self.keys.len().max(64) {
            self.keys.shrink_to_fit();
        }
    }

    /// Remembers attempts from `bound` on, where they were forgotten up to some point in the future
    /// by a clock that was ahead.
    pub fn remember_from(&mut self, bound: Timestamp) {
        self.forgotten = bound.min(self.forgotten);
    }

    /// Counts from `position` on again, for a place where nothing was read before: what lies below
    /// the present bound was met nowhere else and can come from there alone.
    pub fn reopen_at(&mut self, position: Timestamp) {
        self.forgotten = self.forgotten.min(position);
    }

    /// How many attempts within `span` are remembered, cold starts not among them.
    pub fn count_in(&self, span: &Range<Timestamp>) -> u64 {
        let keys = self.keys.iter();
        let counted =
            keys.filter(|(key, position)| span.contains(position) && !key.is_cold_start());
        counted.count() as u64
    }

    /// The position below which nothing is remembered.
    pub fn forgotten(&self) -> Timestamp {
        self.forgotten
    }

    /// How many attempts are remembered.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl std::fmt::Debug for DedupWindow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "DedupWindow({} keys from {})",
            self.keys.len(),
            self.forgotten
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u128) -> AttemptKey {
        AttemptKey { id, attempt: 0 }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_row_is_new_once() {
        let mut seen = DedupWindow::default();
        assert_eq!(seen.judge(&key(1), at(50), at(10)), Verdict::New);
        seen.insert(key(1), at(50));
        assert_eq!(seen.judge(&key(1), at(50), at(10)), Verdict::Duplicate);
        assert_eq!(
            seen.judge(&key(2), at(9), at(10)),
            Verdict::Late,
            "settled is at 10"
        );
        assert_eq!(
            seen.judge(&key(2), at(10), at(10)),
            Verdict::New,
            "10 itself is not settled"
        );
    }

    #[test]
    fn what_is_forgotten_is_never_counted_again() {
        let mut seen = DedupWindow::default();
        seen.insert(key(1), at(50));
        seen.insert(key(2), at(60));
        seen.forget_below(at(60));
        assert_eq!(seen.len(), 1);
        assert_eq!(
            seen.judge(&key(1), at(50), Timestamp::MIN),
            Verdict::Duplicate
        );
        seen.forget_below(at(40));
        assert_eq!(seen.forgotten(), at(60), "the bound never moves back");
        seen.reopen_at(at(30));
        assert_eq!(seen.judge(&key(3), at(30), at(30)), Verdict::New);
        seen.reopen_at(at(50));
        assert_eq!(seen.forgotten(), at(30), "but for a new place");
    }
}
