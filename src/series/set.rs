//! The bounded set of functions that have series of their own.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{FunctionSeries, Snapshot};
use crate::model::FunctionId;

/// The function name under which those beyond the limit are counted together.
pub const OVERFLOW: &str = "_overflow";

/// The functions met so far, each with a slot: a number that stays the same, also in the store.
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

    /// The same set with another limit: who has a slot keeps it.
    pub fn limit_to(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The slot of exactly this function, if it has one.
    pub fn slot(&self, function: &FunctionId) -> Option<u32> {
        self.index.get(function).copied()
    }

    /// The slot under which the functions of a region beyond the limit are counted, if there is
    /// one yet.
    pub fn overflow_slot(&self, account: &Arc<str>, region: &Arc<str>) -> Option<u32> {
        self.slot(&overflow_of(account, region))
    }

    /// The name under which a function without a slot is entered where `entered` slots are taken:
    /// its own, or that of the overflow of its region.
    pub fn admit(&self, function: &FunctionId, entered: usize) -> FunctionId {
        if entered < self.limit {
            function.clone()
        } else {
            overflow_of(&function.account, &function.region)
        }
    }

    /// Enters a series, in place of the one of the same function or at the end; its slot.
    pub fn put(&mut self, mut series: Arc<FunctionSeries>) -> u32 {
        let known = self.index.get(&series.function).copied();
        let like = known.map_or(self.series.last(), |at| self.series.get(at as usize));
        if let (Some(like), Some(series)) = (like, Arc::get_mut(&mut series)) {
            series.function.share(&like.function);
        }
        if let Some(at) = known {
            self.series[at as usize] = series;
            return at;
        }
        let at = self.series.len() as u32;
        self.index.insert(series.function.clone(), at);
        self.series.push(series);
        at
    }

    /// Changes the series of a slot that is taken.
    pub fn change(&mut self, slot: u32, change: impl FnOnce(&mut FunctionSeries)) {
        if let Some(series) = self.series.get_mut(slot as usize) {
            change(Arc::make_mut(series));
        }
    }

    /// All series.
    pub fn all(&self) -> &[Arc<FunctionSeries>] {
        &self.series
    }

    /// The view for a scrape; `accounts` as in [`Snapshot::accounts`].
    pub fn snapshot(&self, generation: u64, accounts: bool) -> Snapshot {
        Snapshot::new(generation, accounts, self.series.clone())
    }
}

/// Where the functions of a region are counted once the set is full.
fn overflow_of(account: &Arc<str>, region: &Arc<str>) -> FunctionId {
    FunctionId {
        account: account.clone(),
        region: region.clone(),
        namespace: OVERFLOW.into(),
        name: OVERFLOW.into(),
    }
}
