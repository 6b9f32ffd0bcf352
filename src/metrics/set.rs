//! The bounded set of functions that have series of their own.

use std::sync::Arc;

use hashbrown::HashMap;

use super::{FunctionSeries, Snapshot};
use crate::model::FunctionId;

/// The name of the function that stands for all functions of a region beyond the limit.
pub const OVERFLOW: &str = "_overflow";

/// The series of all functions. Each has a slot: a number that stays the same, also in the store. A
/// slot whose series ended is empty until another function gets it.
#[derive(Debug, Clone)]
pub struct SeriesSet {
    index: HashMap<FunctionId, u32>,
    series: Vec<Option<Arc<FunctionSeries>>>,
    empty: Vec<u32>,
    overflows: usize,
    limit: usize,
}

impl SeriesSet {
    /// An empty set of at most `limit` functions, not counting overflows.
    pub fn new(limit: usize) -> Self {
        Self {
            index: HashMap::new(),
            series: Vec::new(),
            empty: Vec::new(),
            overflows: 0,
            limit,
        }
    }

    /// Sets another limit; functions with a slot keep it.
    pub fn limit_to(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Returns the slot of a function; `None` for those that are counted in the overflow.
    pub fn slot(&self, function: &FunctionId) -> Option<u32> {
        self.index.get(function).copied()
    }

    /// Returns the slot of the overflow of a region, if it exists.
    pub fn overflow_slot(&self, account: &Arc<str>, region: &Arc<str>) -> Option<u32> {
        self.slot(&overflow_of(account, region))
    }

    /// Returns the function under which a new one counts while the set has `entered` functions:
    /// itself, or the overflow of its region.
    pub fn admit(&self, function: &FunctionId, entered: usize) -> FunctionId {
        if entered < self.limit {
            function.clone()
        } else {
            overflow_of(&function.account, &function.region)
        }
    }

    /// Adds a series, or replaces that of the same function, and returns its slot.
    pub fn put(&mut self, series: Arc<FunctionSeries>) -> u32 {
        let known = self.index.get(&series.function).copied();
        let slot = known.unwrap_or(self.slots());
        self.put_at(slot, series);
        slot
    }

    /// Puts a series into a slot: that of the same function, an empty one, or the next one.
    pub fn put_at(&mut self, slot: u32, mut series: Arc<FunctionSeries>) {
        let place = slot as usize;
        if place >= self.series.len() {
            self.series.resize(place + 1, None);
        }
        let is_known = self.series[place].is_some();
        let before = if is_known {
            place
        } else {
            place.wrapping_sub(1)
        };
        let like = self.series.get(before).and_then(Option::as_ref);
        if let (Some(like), Some(series)) = (like, Arc::get_mut(&mut series)) {
            series.function.share(&like.function);
        }
        if !is_known {
            self.index.insert(series.function.clone(), slot);
            self.overflows += usize::from(&*series.function.name == OVERFLOW);
            self.empty.retain(|empty| *empty != slot);
        }
        self.series[place] = Some(series);
    }

    /// Ends the series of a slot, or adds the next slot as an empty one.
    pub fn end(&mut self, slot: u32) {
        let place = slot as usize;
        if place >= self.series.len() {
            self.series.resize(place + 1, None);
        }
        if let Some(series) = self.series[place].take() {
            self.index.remove(&series.function);
            self.overflows -= usize::from(&*series.function.name == OVERFLOW);
        }
        if let Err(at) = self.empty.binary_search(&slot) {
            self.empty.insert(at, slot);
        }
    }

    /// Changes the series of a slot that is not empty.
    pub fn change(&mut self, slot: u32, change: impl FnOnce(&mut FunctionSeries)) {
        if let Some(Some(series)) = self.series.get_mut(slot as usize) {
            change(Arc::make_mut(series));
        }
    }

    /// Returns the series of a slot; `None` if it is empty.
    pub fn get(&self, slot: u32) -> Option<&Arc<FunctionSeries>> {
        self.series.get(slot as usize)?.as_ref()
    }

    /// Returns all series with their slots.
    pub fn all(&self) -> impl Iterator<Item = (u32, &Arc<FunctionSeries>)> {
        let slots = (0..).zip(&self.series);
        slots.filter_map(|(slot, series)| Some((slot, series.as_ref()?)))
    }

    /// Returns the number of slots, including empty ones.
    pub fn slots(&self) -> u32 {
        self.series.len() as u32
    }

    /// Returns the empty slots, ascending.
    pub fn empty(&self) -> &[u32] {
        &self.empty
    }

    /// Returns the number of functions, without overflows.
    pub fn functions(&self) -> usize {
        self.index.len() - self.overflows
    }

    /// Returns the snapshot for a scrape; `accounts` as in [`Snapshot::accounts`].
    pub fn snapshot(&self, generation: u64, accounts: bool) -> Snapshot {
        let series = self.series.iter().flatten().cloned().collect();
        Snapshot::new(generation, accounts, series).with_empty(&self.empty)
    }
}

/// Returns the function that stands for those of a region once the set is full.
fn overflow_of(account: &Arc<str>, region: &Arc<str>) -> FunctionId {
    FunctionId {
        account: account.clone(),
        region: region.clone(),
        namespace: OVERFLOW.into(),
        name: OVERFLOW.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RetCode;

    fn series(name: &str) -> Arc<FunctionSeries> {
        let function = FunctionId::new("r", "n", name);
        Arc::new(FunctionSeries::new(function, RetCode::ZERO))
    }

    #[test]
    fn a_slot_whose_series_ended_is_empty_until_another_function_gets_it() {
        let mut set = SeriesSet::new(9);
        for name in ["a", "b", OVERFLOW, "c"] {
            set.put(series(name));
        }
        set.end(1);
        let names = |set: &SeriesSet| -> Vec<String> {
            let all = set.all();
            all.map(|(slot, series)| format!("{slot}{}", series.function.name))
                .collect()
        };
        assert_eq!(names(&set), ["0a", "2_overflow", "3c"]);
        assert_eq!(
            (set.functions(), set.slots(), set.empty()),
            (2, 4, &[1][..])
        );
        let snapshot = set.snapshot(1, false);
        assert_eq!(snapshot.series.len(), 3);
        let places = [0, 1, 2, 3, 4].map(|slot| snapshot.place(slot));
        assert_eq!(places, [Some(0), None, Some(1), Some(2), None]);

        set.put_at(1, series("d"));
        assert_eq!(names(&set), ["0a", "1d", "2_overflow", "3c"]);
        assert_eq!(
            (set.slot(&series("b").function), set.empty()),
            (None, &[][..])
        );
    }
}
