//! The dedup window: keys of the invocations of one function that may be read again.

use std::ops::Range;

use hashbrown::HashMap;

use crate::model::{InvocationKey, Timestamp};

/// Invocation keys with their positions; those below `evicted_below` were evicted.
#[derive(Debug, Clone)]
pub struct DedupWindow {
    keys: HashMap<InvocationKey, Timestamp>,
    evicted_below: Timestamp,
}

/// The bounds of a target by which its rows are judged, besides the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// A new row below it is late.
    pub late_below: Timestamp,
    /// A row below it is a duplicate if its key may have been evicted. A stream counts rows above
    /// it however old they are, because their offsets show that they were not read before.
    pub counted_below: Timestamp,
}

/// Whether a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not read before: it counts.
    New,
    /// Read before, or so old that its key was evicted or lies before counting began.
    Duplicate,
    /// Not read before, but below the watermark: too late to be counted.
    Late,
}

impl Default for DedupWindow {
    fn default() -> Self {
        Self::starting_at(Timestamp::MIN)
    }
}

impl DedupWindow {
    /// An empty window that treats all rows below `evicted_below` as duplicates.
    pub fn starting_at(evicted_below: Timestamp) -> Self {
        Self {
            keys: HashMap::new(),
            evicted_below,
        }
    }

    /// Judges a row by the keys and by the bounds of its target.
    pub fn judge(&self, key: &InvocationKey, position: Timestamp, bounds: Bounds) -> Verdict {
        if self.holds(key) || position < self.evicted_below.min(bounds.counted_below) {
            Verdict::Duplicate
        } else if position < bounds.late_below {
            Verdict::Late
        } else {
            Verdict::New
        }
    }

    /// Returns whether the window has the key.
    pub fn holds(&self, key: &InvocationKey) -> bool {
        self.keys.contains_key(key)
    }

    /// Returns the position of a key.
    pub fn position_of(&self, key: &InvocationKey) -> Option<Timestamp> {
        self.keys.get(key).copied()
    }

    /// Adds a key, unless it lies below `evicted_below`: a stored pack is kept as a whole as long
    /// as one of its keys is needed, and so brings keys back that were evicted.
    pub fn insert(&mut self, key: InvocationKey, position: Timestamp) {
        if position >= self.evicted_below {
            self.keys.insert(key, position);
        }
    }

    /// Evicts the keys below `bound`; from then on rows below it are duplicates. A bound below the
    /// present one changes nothing.
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

    /// Lowers `evicted_below` to `bound`, where a clock that was ahead has set it in the future.
    pub fn remember_from(&mut self, bound: Timestamp) {
        self.evicted_below = bound.min(self.evicted_below);
    }

    /// Lowers `evicted_below` to `position` for a new target of the function: rows below the
    /// present bound come from that target alone, and it was not read before.
    pub fn reopen_at(&mut self, position: Timestamp) {
        self.evicted_below = self.evicted_below.min(position);
    }

    /// Returns the number of keys within `span`, without those of cold starts.
    pub fn count_in(&self, span: &Range<Timestamp>) -> u64 {
        let keys = self.keys.iter();
        let counted =
            keys.filter(|(key, position)| span.contains(position) && !key.is_cold_start());
        counted.count() as u64
    }

    /// Returns the position below which keys were evicted.
    pub fn evicted_below(&self) -> Timestamp {
        self.evicted_below
    }

    /// Returns the number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
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

    fn judge(keys: &DedupWindow, id: u128, position: i64, late_below: Timestamp) -> Verdict {
        let bounds = Bounds {
            late_below,
            counted_below: Timestamp::MAX,
        };
        keys.judge(&key(id), at(position), bounds)
    }

    #[test]
    fn a_row_is_new_once() {
        let mut keys = DedupWindow::default();
        assert_eq!(judge(&keys, 1, 50, at(10)), Verdict::New);
        keys.insert(key(1), at(50));
        assert_eq!(judge(&keys, 1, 50, at(10)), Verdict::Duplicate);
        assert_eq!(judge(&keys, 2, 9, at(10)), Verdict::Late);
        assert_eq!(judge(&keys, 2, 10, at(10)), Verdict::New, "not below it");
    }

    #[test]
    fn what_is_evicted_is_never_counted_again() {
        let mut keys = DedupWindow::default();
        keys.insert(key(1), at(50));
        keys.insert(key(2), at(60));
        keys.evict_below(at(60));
        assert_eq!(keys.len(), 1);
        assert_eq!(judge(&keys, 1, 50, Timestamp::MIN), Verdict::Duplicate);
        keys.evict_below(at(40));
        assert_eq!(keys.evicted_below(), at(60), "the bound never moves back");
        keys.reopen_at(at(30));
        assert_eq!(judge(&keys, 3, 30, at(30)), Verdict::New);
        keys.reopen_at(at(50));
        assert_eq!(keys.evicted_below(), at(30), "but for a new target");
    }
}
