//! The immutable snapshot that a scrape renders.

use std::sync::Arc;

use super::FunctionSeries;

/// The series of all functions at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Increases with every publication.
    pub generation: u64,
    /// Whether several accounts are read, so that series have a label for the account.
    pub accounts: bool,
    /// The series, in the order of their slots.
    pub series: Vec<Arc<FunctionSeries>>,
    empty: Vec<u32>,
}

impl Snapshot {
    /// A snapshot of these series, without empty slots.
    pub fn new(generation: u64, accounts: bool, series: Vec<Arc<FunctionSeries>>) -> Self {
        Self {
            generation,
            accounts,
            series,
            empty: Vec::new(),
        }
    }

    /// The same snapshot of a set in which these slots, ascending, are empty.
    pub fn with_empty(self, empty: &[u32]) -> Self {
        let empty = empty.to_vec();
        Self { empty, ..self }
    }

    /// Returns the index of a slot in [`Snapshot::series`]; `None` if the slot is empty.
    pub fn place(&self, slot: u32) -> Option<usize> {
        let before = self.empty.binary_search(&slot).err()?;
        let place = slot as usize - before;
        (place < self.series.len()).then_some(place)
    }
}
