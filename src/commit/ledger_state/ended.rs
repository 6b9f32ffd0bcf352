//! The end of series, and the slots that it frees.

use super::{Delta, LedgerState};
use crate::ledger::{DedupWindow, Functions, LastSeen, MISSES, Missed, RETENTION};
use crate::metrics::OVERFLOW;
use crate::model::Timestamp;

impl LedgerState {
    /// Sets the functions that the configuration selects. Others do not count for the limit on
    /// functions, and count as listed last by the present lists.
    pub(super) fn want(&mut self, wanted: Functions) {
        self.lists_before.clone_from(&self.lists);
        let all = self.series.all();
        let unwanted = all.filter(|(_, of)| {
            let is_own = &*of.function.name != OVERFLOW;
            is_own && !wanted.has(&of.function)
        });
        self.unwanted = unwanted.map(|(slot, _)| slot).collect();
        self.wanted = wanted;
        for slot in 0..self.series.slots() {
            self.update_gone(slot);
        }
    }

    /// Ends the series of functions that were neither listed nor called within the retention before
    /// `now`, by the cloud's clock. Slots for which `is_held` is true stay, because their last
    /// values were not shown yet.
    pub fn prepare_ended(&self, change: &mut Delta, now: Timestamp, is_held: impl Fn(u32) -> bool) {
        for (slot, series) in self.series.all() {
            let function = &series.function;
            if &*function.name == OVERFLOW || is_held(slot) || self.is_touched(change, slot) {
                continue;
            }
            self.exclude(change, slot);
            let seen = LastSeen {
                missed: self.missed_after(change, slot),
                is_listable: self.is_listable(function),
                called: series.last_invocation,
            };
            let rules = &self.rules;
            // Only a list, not the clock, can show that a function which is listed no longer
            // exists.
            let as_of = match seen.missed {
                Some(_) if !self.unwanted.contains(&slot) => self.last_list_without(change, slot),
                _ => Some(now),
            };
            if as_of.is_some_and(|at| rules.retention.is_over(&seen, at, rules.allowed_lateness)) {
                // Rows that were counted do not count again if the function comes back.
                let called = series
                    .last_invocation
                    .map(|at| Timestamp::from_millis(at.as_millis().saturating_add(1)));
                let bound = called.max(Some(self.seen[slot as usize].evicted_below()));
                change.ended.insert(function.clone(), bound);
                change.missed.insert(slot, None);
                change.emptied.insert(slot);
            }
        }
        let oldest = now - RETENTION - self.dedup_span();
        for (function, _) in self.ended.iter().filter(|(_, bound)| **bound < oldest) {
            change.ended.entry(function.clone()).or_insert(None);
        }
    }

    /// Marks a function as gone that the configuration no longer selects, because it is in no list
    /// of its sources: it was listed last when it was still selected.
    fn exclude(&self, change: &mut Delta, slot: u32) {
        let missed = self.missed.get(&slot);
        if !self.unwanted.contains(&slot) || missed.is_some_and(Missed::is_gone) {
            return;
        }
        let Some(series) = self.series.get(slot) else {
            return;
        };
        let (account, region) = (&series.function.account, &series.function.region);
        let listed = self.listed_before(account, region).map(|at| at.began);
        if let Some(since) = missed.map(|missed| missed.since).or(listed) {
            let lists = MISSES;
            change.missed.insert(slot, Some(Missed { since, lists }));
        }
    }

    /// Returns when the last list without the function of a slot began, in this process.
    fn last_list_without(&self, change: &Delta, slot: u32) -> Option<Timestamp> {
        let missed_at = change.missed_at.get(&slot);
        missed_at.or(self.missed_at.get(&slot)).copied()
    }

    fn is_touched(&self, change: &Delta, slot: u32) -> bool {
        change.series.contains_key(&slot) || change.reopened.contains_key(&slot)
    }

    /// Ends the series of a slot and drops its keys. Packs in the store may still have some, but
    /// all of them lie below the eviction bound of an empty slot.
    pub(super) fn end(&mut self, slot: u32) {
        self.series.end(slot);
        self.seen[slot as usize] = DedupWindow::starting_at(Timestamp::MAX);
        self.targets_of.remove(&slot);
        self.missed.remove(&slot);
        self.missed_at.remove(&slot);
        self.unwanted.remove(&slot);
    }

    /// Returns how many functions count for [`Rules::functions`](super::Rules::functions) after a
    /// change.
    pub(super) fn functions_after(&self, change: &Delta) -> usize {
        let added = change.added.values();
        let own = added.filter(|(function, _)| &*function.name != OVERFLOW);
        let taken = self.series.functions() - self.unwanted.len();
        taken + own.count()
    }

    /// Returns the slot for a new function: an empty one of which no stored pack has keys, or else
    /// the next one.
    pub(super) fn next_slot(&self, change: &Delta) -> u32 {
        let empty = self.series.empty().iter().copied();
        let is_free = |slot: &u32| {
            let mut notes = self.packs.iter().flat_map(|note| &note.latest);
            !change.added.contains_key(slot) && notes.all(|(of, _)| of != slot)
        };
        let next = self.series.slots();
        let behind = change.added.range(next..).count() as u32;
        empty.into_iter().find(is_free).unwrap_or(next + behind)
    }
}
