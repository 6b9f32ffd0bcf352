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
    /// The slots that no function has, ascending.
    empty: Vec<u32>,
}

impl Snapshot {
    /// A view of these series.
    pub fn new(generation: u64, accounts: bool, series: Vec<Arc<FunctionSeries>>) -> Self {
        Self {
            generation,
            accounts,
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
}
