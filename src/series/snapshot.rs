//! The immutable view that a scrape renders.

use std::sync::Arc;

use super::FunctionSeries;

/// One entry a function, in the order of their slots.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Grows with every publication.
    pub generation: u64,
    /// Whether several accounts are read, so that functions must be told apart by it.
    pub accounts: bool,
    /// The series, in the order in which the functions were first met.
    pub series: Vec<Arc<FunctionSeries>>,
    /// The generation in which each of them came to be as it is.
    changed: Vec<u64>,
    /// The slots that no function has, ascending.
    empty: Vec<u32>,
}

impl Snapshot {
    /// A view in which everything is new.
    pub fn new(generation: u64, accounts: bool, series: Vec<Arc<FunctionSeries>>) -> Self {
        Self {
            generation,
            accounts,
            changed: vec![generation; series.len()],
            series,
            empty: Vec::new(),
        }
    }

    /// The same view of a set in which these slots, ascending, have no function.
    pub fn with_empty(self, empty: &[u32]) -> Self {
        let empty = empty.to_vec();
        Self { empty, ..self }
    }

    /// The place in [`Snapshot::series`] of the function of a slot; none where it has no function.
    pub fn place(&self, slot: u32) -> Option<usize> {
        let before = self.empty.binary_search(&slot).err()?;
        let place = slot as usize - before;
        (place < self.series.len()).then_some(place)
    }

    /// The same view as the one that follows `before`: what is the very same there has not
    /// changed. Both are alive here, so that no other series can be at the same place in memory.
    /// Once other slots are empty, functions stand at other places and everything is new.
    pub fn following(mut self, before: &Self) -> Self {
        if self.empty != before.empty {
            return self;
        }
        for (slot, since) in self.changed.iter_mut().enumerate() {
            let earlier = before.series.get(slot).zip(before.changed.get(slot));
            if let (Some((then, &changed)), Some(now)) = (earlier, self.series.get(slot))
                && Arc::ptr_eq(then, now)
            {
                *since = changed;
            }
        }
        self
    }

    /// The generation in which the series at a place came to be as it is.
    pub fn changed(&self, place: u32) -> u64 {
        let changed = self.changed.get(place as usize);
        changed.copied().unwrap_or(self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FunctionId, RetCode};

    fn series(name: &str) -> Arc<FunctionSeries> {
        let function = FunctionId::new("r", "n", name);
        Arc::new(FunctionSeries::new(function, RetCode::ZERO))
    }

    #[test]
    fn what_is_the_very_same_keeps_its_generation() {
        let (a, b) = (series("a"), series("b"));
        let first = Snapshot::new(1, false, vec![a.clone(), b]);
        // An equal series at another place was touched.
        let second = Snapshot::new(2, false, vec![a.clone(), series("b")]).following(&first);
        assert_eq!([0, 1].map(|place| second.changed(place)), [1, 2]);
        let more = vec![a, second.series[1].clone(), series("c")];
        let third = Snapshot::new(3, false, more).following(&second);
        assert_eq!([0, 1, 2].map(|place| third.changed(place)), [1, 2, 3]);
    }

    #[test]
    fn everything_is_new_once_another_slot_is_empty() {
        let (a, b, c) = (series("a"), series("b"), series("c"));
        let first = Snapshot::new(1, false, vec![a.clone(), b, c.clone()]);
        let second = Snapshot::new(2, false, vec![a.clone(), c.clone()]);
        let second = second.with_empty(&[1]).following(&first);
        assert_eq!([0, 1].map(|place| second.changed(place)), [2, 2]);
        let third = Snapshot::new(3, false, vec![a, c]).with_empty(&[1]);
        let third = third.following(&second);
        assert_eq!([0, 1].map(|place| third.changed(place)), [2, 2]);
    }
}
