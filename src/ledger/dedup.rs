//! The attempts of one function that were met and may be met again.

use std::ops::Range;

use hashbrown::HashMap;

use crate::model::{InvocationKey, Timestamp};

/// Invocation keys with their positions, from `evicted_below` on.
#[derive(Clone)]
pub struct DedupWindow {
    keys: HashMap<InvocationKey, Timestamp>,
    evicted_below: Timestamp,
}

/// What the rows of one target are judged by, beside the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// A row below it that was not met before is late.
    pub late_below: Timestamp,
    /// A row below it was counted if its key may have been evicted. A stream counts what lies above
    /// however old it is, for its offset tells that it was not read before.
    pub counted_below: Timestamp,
}

/// What a row is to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not met before: to be counted.
    New,
    /// Met before, or from a time that is closed: its rows were counted, or lie before counting
    /// began.
    Duplicate,
    /// Not met before, but below the watermark: too late to be counted.
    Late,
}

impl Default for DedupWindow {
    fn default() -> Self {
        Self {
            keys: HashMap::new(),
            evicted_below: Timestamp::MIN,
        }
    }
}

impl DedupWindow {
    /// No keys, and nothing known below `evicted_below`.
    pub fn starting_at(evicted_below: Timestamp) -> Self {
        Self {
            keys: HashMap::new(),
            evicted_below,
        }
    }

    /// Judges a row against what was met, and against the bounds of its target.
    pub fn judge(&self, key: &InvocationKey, position: Timestamp, bounds: Bounds) -> Verdict {
        if self.holds(key) || position < self.evicted_below.min(bounds.counted_below) {
            Verdict::Duplicate
        } else if position < bounds.late_below {
            Verdict::Late
        } else {
            Verdict::New
        }
    }

    /// Whether an attempt is remembered.
    pub fn holds(&self, key: &InvocationKey) -> bool {
        self.keys.contains_key(key)
    }

    /// Where an attempt that is remembered stands.
    pub fn position_of(&self, key: &InvocationKey) -> Option<Timestamp> {
        self.keys.get(key).copied()
    }

    /// Remembers an attempt, unless it lies where all is evicted_below: a stored pack is kept whole
    /// as long as one key of it is needed.
    pub fn insert(&mut self, key: InvocationKey, position: Timestamp) {
        if position >= self.evicted_below {
            self.keys.insert(key, position);
        }
    }

    /// Forgets the attempts below `bound`; from then on rows below it are duplicates. A bound
    /// that lies further back than the last one changes nothing.
    pub fn evict_below(&mut self, bound: Timestamp) {
        if bound <= self.evicted_below {
            return;
        }
        self.evicted_below = bound;
        self.keys.retain(|_, position| *position >= bound);
        if self.keys.capacity() > 4 * self.keys.len().max(64) {
            self.keys.shrink_to_fit();
        }
    }

    /// Remembers attempts from `bound` on, where they were evicted_below up to some point in the future
    /// by a clock that was ahead.
    pub fn remember_from(&mut self, bound: Timestamp) {
        self.evicted_below = bound.min(self.evicted_below);
    }

    /// Counts from `position` on again, for a place where nothing was read before: what lies below
    /// the present bound was met nowhere else and can come from there alone.
    pub fn reopen_at(&mut self, position: Timestamp) {
        self.evicted_below = self.evicted_below.min(position);
    }

    /// How many attempts within `span` are remembered, cold starts not among them.
    pub fn count_in(&self, span: &Range<Timestamp>) -> u64 {
        let keys = self.keys.iter();
        let counted =
            keys.filter(|(key, position)| span.contains(position) && !key.is_cold_start());
        counted.count() as u64
    }

    /// The position below which nothing is remembered.
    pub fn evicted_below(&self) -> Timestamp {
        self.evicted_below
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
            self.evicted_below
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u128) -> InvocationKey {
        InvocationKey { id, attempt: 0 }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn late_below(position: Timestamp) -> Bounds {
        Bounds {
            late_below: position,
            counted_below: Timestamp::MAX,
        }
    }

    #[test]
    fn a_row_is_new_once() {
        let mut seen = DedupWindow::default();
        assert_eq!(
            seen.judge(&key(1), at(50), late_below(at(10))),
            Verdict::New
        );
        seen.insert(key(1), at(50));
        assert_eq!(
            seen.judge(&key(1), at(50), late_below(at(10))),
            Verdict::Duplicate
        );
        assert_eq!(
            seen.judge(&key(2), at(9), late_below(at(10))),
            Verdict::Late,
            "settled is at 10"
        );
        assert_eq!(
            seen.judge(&key(2), at(10), late_below(at(10))),
            Verdict::New,
            "10 itself is not settled"
        );
    }

    #[test]
    fn what_is_forgotten_is_never_counted_again() {
        let mut seen = DedupWindow::default();
        seen.insert(key(1), at(50));
        seen.insert(key(2), at(60));
        seen.evict_below(at(60));
        assert_eq!(seen.len(), 1);
        assert_eq!(
            seen.judge(&key(1), at(50), late_below(Timestamp::MIN)),
            Verdict::Duplicate
        );
        seen.evict_below(at(40));
        assert_eq!(seen.evicted_below(), at(60), "the bound never moves back");
        seen.reopen_at(at(30));
        assert_eq!(
            seen.judge(&key(3), at(30), late_below(at(30))),
            Verdict::New
        );
        seen.reopen_at(at(50));
        assert_eq!(seen.evicted_below(), at(30), "but for a new place");
    }
}
