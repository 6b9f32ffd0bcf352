//! The bounded set of functions that have series of their own.

use std::sync::Arc;

use hashbrown::HashMap;

use super::FunctionSeries;
use crate::model::FunctionId;

/// The function name under which those beyond the limit are counted together.
pub const OVERFLOW: &str = "_overflow";

/// The immutable view that a scrape renders: one entry a function, in a stable order.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Grows with every publication.
    pub generation: u64,
    /// The series, in the order in which the functions were first met.
    pub series: Vec<Arc<FunctionSeries>>,
}

/// The functions met so far, each with the index of its series.
#[derive(Debug, Clone)]
pub struct SeriesSet {
    index: HashMap<FunctionId, u32>,
    series: Vec<Arc<FunctionSeries>>,
    limit: usize,
}

impl SeriesSet {
    /// An empty set of at most `limit` functions, the overflow ones apart.
    pub fn new(limit: usize) -> Self {
        Self {
            index: HashMap::new(),
            series: Vec::new(),
            limit,
        }
    }

    /// The index under which `function` is counted already, if it is: its own, or that of the
    /// overflow of its region where the set is full.
    pub fn lookup(&self, function: &FunctionId) -> Option<u32> {
        self.index.get(function).copied().or_else(|| {
            self.is_full()
                .then(|| self.index.get(&overflow_of(function)).copied())
                .flatten()
        })
    }

    /// The name under which `function` would be entered now.
    pub fn admit(&self, function: &FunctionId) -> FunctionId {
        if self.is_full() && !self.index.contains_key(function) {
            overflow_of(function)
        } else {
            function.clone()
        }
    }

    /// Enters a series, in place of the one of the same function or at the end; its index.
    pub fn put(&mut self, series: Arc<FunctionSeries>) -> u32 {
        if let Some(&at) = self.index.get(&series.function) {
            self.series[at as usize] = series;
            return at;
        }
        let at = self.series.len() as u32;
        self.index.insert(series.function.clone(), at);
        self.series.push(series);
        at
    }

    /// The series at an index that this set gave out.
    pub fn get(&self, at: u32) -> &Arc<FunctionSeries> {
        &self.series[at as usize]
    }

    /// All series.
    pub fn all(&self) -> &[Arc<FunctionSeries>] {
        &self.series
    }

    /// The view for a scrape.
    pub fn snapshot(&self, generation: u64) -> Snapshot {
        Snapshot {
            generation,
            series: self.series.clone(),
        }
    }

    fn is_full(&self) -> bool {
        self.series.len() >= self.limit
    }
}

/// Where the functions of a region are counted once the set is full.
fn overflow_of(function: &FunctionId) -> FunctionId {
    FunctionId::new(&function.region, OVERFLOW, OVERFLOW)
}
