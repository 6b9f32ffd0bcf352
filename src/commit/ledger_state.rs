//! The ledger: series and invocation keys by function, checkpoints by target. Pure.
//!
//! The `prepare_` methods collect a [`Delta`] without touching the ledger;
//! [`LedgerState::to_store`] turns it into rows of the store, and [`LedgerState::apply`] makes it
//! once those are durable.
//!
//! Each function has a slot: its number in the series, the dedup windows and the store.

mod batch;
mod delta;
mod ended;
mod judge;
mod listed;
mod outcome;
mod watermark;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;

use crate::ledger::{
    AllowedLateness, Bounds, Checkpoint, Checkpoints, DedupWindow, Functions, ListId, ListedAt,
    Missed, Retention, TargetId, Verdict,
};
use crate::metrics::{FunctionSeries, OVERFLOW, SeriesSet, Snapshot};
use crate::model::{ColdStart, FunctionId, Outcome, Page, RetCode, Row, Timestamp};
use crate::store::{Changes, KeyPack, SeenKey, Stored, StoredFunction};
pub use batch::{BatchOutcome, StartFrom};
pub use delta::Delta;
use delta::PackNote;
use judge::is_closed;
pub use listed::{ListRequest, ListedFunctions};
pub use outcome::{Minute, PageOutcome};
pub use watermark::Correction;

/// The part of the configuration that decides how rows count.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Maximum number of functions with series of their own; further ones are counted as one
    /// `_overflow` function of their region.
    pub functions: usize,
    /// Whether several accounts are read.
    pub several_accounts: bool,
    /// How long after its position a row may still appear.
    pub allowed_lateness: AllowedLateness,
    /// How far back the first read of a target goes.
    pub first_read: Duration,
    /// How long series stay once their functions are gone.
    pub retention: Retention,
}

/// Everything that was counted, and what is needed to count nothing twice.
#[derive(Debug, Clone)]
pub struct LedgerState {
    series: SeriesSet,
    seen: Vec<DedupWindow>,
    checkpoints: Checkpoints,
    /// The targets that contain rows of each slot's function or list it, of those whose ids do not
    /// name their functions.
    targets_of: HashMap<u32, BTreeSet<TargetId>>,
    packs: Vec<PackNote>,
    next_pack: u64,
    rules: Rules,
    lists: BTreeMap<ListId, ListedAt>,
    /// A copy of `lists` from when the present configuration was loaded.
    lists_before: BTreeMap<ListId, ListedAt>,
    missed: HashMap<u32, Missed>,
    /// When the last complete list without the function of a slot began. Not stored.
    missed_at: HashMap<u32, Timestamp>,
    /// For functions whose series ended: the position below which their rows are duplicates.
    ended: BTreeMap<FunctionId, Timestamp>,
    wanted: Functions,
    /// Slots of functions that it does not select; they do not count for [`Rules::functions`].
    unwanted: HashSet<u32>,
}

// === impl LedgerState ===

impl LedgerState {
    /// An empty ledger.
    pub fn new(rules: Rules) -> Self {
        Self {
            series: SeriesSet::new(rules.functions),
            seen: Vec::new(),
            checkpoints: Checkpoints::default(),
            targets_of: HashMap::new(),
            packs: Vec::new(),
            next_pack: 0,
            rules,
            lists: BTreeMap::new(),
            lists_before: BTreeMap::new(),
            missed: HashMap::new(),
            missed_at: HashMap::new(),
            ended: BTreeMap::new(),
            wanted: Functions::all(),
            unwanted: HashSet::new(),
        }
    }

    /// The ledger as it was stored.
    pub fn restore(rules: Rules, stored: Stored) -> Self {
        let mut ledger = Self::new(rules);
        for (slot, function) in (0..).zip(stored.functions) {
            let evicted_below = match function {
                Some(function) => {
                    ledger.series.put_at(slot, function.series);
                    function.evicted_below
                }
                None => {
                    ledger.series.end(slot);
                    Timestamp::MAX
                }
            };
            ledger.seen.push(DedupWindow::starting_at(evicted_below));
        }
        for (number, pack) in stored.keys {
            ledger.next_pack = ledger.next_pack.max(number + 1);
            ledger.packs.push(PackNote::of(number, &pack));
            ledger.insert_keys(&pack);
        }
        for (target, checkpoint) in stored.targets {
            ledger.checkpoints.advance(&target, checkpoint);
        }
        ledger.lists = stored.lists.into_iter().collect();
        ledger.missed = stored.missed.into_iter().collect();
        ledger.ended = stored.ended.into_iter().collect();
        ledger.want(Functions::all());
        ledger
    }

    /// The same ledger under a configuration that selects the `wanted` functions.
    #[must_use]
    pub fn wanting(mut self, wanted: Functions) -> Self {
        self.want(wanted);
        self
    }

    /// The same ledger with the parts of `others` that are not stored.
    pub fn with_functions_of(mut self, others: &Self) -> Self {
        self.want(others.wanted.clone());
        self.lists_before.clone_from(&others.lists_before);
        for (_, series) in others.series.all() {
            if let (Some(about), Some(slot)) = (&series.about, self.series.slot(&series.function)) {
                self.series
                    .change(slot, |series| series.about = Some(about.clone()));
            }
        }
        self
    }

    fn dedup_span(&self) -> Duration {
        self.rules.allowed_lateness.dedup_span()
    }

    /// Returns the number of invocation keys.
    pub fn keys(&self) -> usize {
        self.seen.iter().map(DedupWindow::len).sum()
    }

    /// Returns the rules by which it counts.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    pub(super) fn series(&self) -> &SeriesSet {
        &self.series
    }

    /// Returns the view for a scrape.
    pub fn snapshot(&self, generation: u64) -> Snapshot {
        self.series
            .snapshot(generation, self.rules.several_accounts)
    }

    /// Prepares a page of `target`.
    pub fn prepare_page(&self, change: &mut Delta, target: &TargetId, page: &Page) -> PageOutcome {
        let bounds = self.bounds(change, target);
        let slots: Vec<u32> = page
            .functions
            .iter()
            .map(|function| self.slot(change, function, target))
            .collect();
        let closed = self.closed_by_start(target, page);
        let overflow = self.series.overflow_slot(&target.account, &target.region);
        let mut outcome = PageOutcome {
            unfinished: page.unfinished,
            invalid: page.rejects.len() as u64,
            ..PageOutcome::default()
        };
        let mut pack = Vec::with_capacity(page.rows.len());
        let mut new = Vec::with_capacity(page.rows.len());
        change.keys.reserve(page.rows.len());
        for row in &page.rows {
            let slot = slots[usize::from(row.function)];
            let verdict = match self.judge(change, slot, row, bounds) {
                Verdict::Duplicate => Verdict::Duplicate,
                _ if is_closed(row, &closed) => Verdict::Duplicate,
                _ if self.is_in(overflow, &row.key) => Verdict::Duplicate,
                _ if self.was_met_through_v2(slot, row) => Verdict::Duplicate,
                _ if self.was_met_with_number(slot, row) => Verdict::Duplicate,
                _ if !change.keys.insert((slot, row.key)) => Verdict::Duplicate,
                verdict => verdict,
            };
            match verdict {
                Verdict::Duplicate => outcome.duplicate += 1,
                Verdict::Late => outcome.late += 1,
                Verdict::New => new.push((slot, row)),
            }
            if verdict != Verdict::Duplicate {
                pack.push(SeenKey {
                    slot,
                    key: row.key,
                    position: row.position,
                });
            }
        }
        self.count(change, &new, &mut outcome);
        self.count_cold_starts(change, &slots, bounds, &page.cold_starts, &mut pack);
        if !pack.is_empty() {
            change.packs.push(Arc::new(KeyPack(pack)));
        }
        outcome
    }

    /// Counts new rows. A page is mostly of one function, so the series is looked up once for each
    /// run of rows.
    fn count(&self, change: &mut Delta, new: &[(u32, &Row)], outcome: &mut PageOutcome) {
        for run in new.chunk_by(|(one, _), (next, _)| one == next) {
            let now = change.now;
            let series = self.touch(change, run[0].0);
            for (_, row) in run {
                series.count(row, now);
                outcome.unknown += u64::from(has_no_meaning(row));
                outcome.count_minute(row);
            }
            let rows = run.len() as u64;
            outcome.counted += rows;
            if &*series.function.name == OVERFLOW {
                outcome.overflow += rows;
            }
        }
    }

    fn count_cold_starts(
        &self,
        change: &mut Delta,
        slots: &[u32],
        bounds: Bounds,
        starts: &[ColdStart],
        pack: &mut Vec<SeenKey>,
    ) {
        for start in starts {
            let slot = slots[usize::from(start.function)];
            let cold = Row {
                key: start.key,
                position: start.position,
                ..Row::default()
            };
            let verdict = self.judge(change, slot, &cold, bounds);
            if verdict == Verdict::New && change.keys.insert((slot, start.key)) {
                let now = change.now;
                self.touch(change, slot).count_cold_start(start, now);
                pack.push(SeenKey {
                    slot,
                    key: start.key,
                    position: start.position,
                });
            }
        }
    }

    /// Returns what the store must write for a change, and notes the packs that it makes useless.
    pub fn to_store(&self, change: &mut Delta) -> Changes {
        let touched = change.series.keys().chain(change.evicted_below.keys());
        let touched = touched.chain(change.recalled.keys());
        let touched = touched.chain(change.reopened.keys());
        let touched: BTreeSet<u32> = touched.chain(change.added.keys()).copied().collect();
        let functions = touched
            .difference(&change.emptied)
            .map(|slot| (*slot, self.stored(change, *slot)));
        let dropped = self.useless_packs(change);
        let changes = Changes {
            functions: functions.collect(),
            keys: (self.next_pack..)
                .zip(change.packs.iter().cloned())
                .collect(),
            dropped_keys: dropped.clone(),
            targets: self.checkpoints_in(change),
            held: Vec::new(),
            emptied: change.emptied.iter().copied().collect(),
            lists: change.lists.clone().into_iter().collect(),
            missed: change.missed.clone().into_iter().collect(),
            ended: change.ended.clone().into_iter().collect(),
        };
        change.dropped = dropped;
        changes
    }

    /// Applies a prepared change.
    pub fn apply(&mut self, mut change: Delta) {
        let now = change.now;
        for (slot, (function, success)) in std::mem::take(&mut change.added) {
            let series = FunctionSeries::begun(function, success, now);
            self.series.put_at(slot, Arc::new(series));
            let slots = self.seen.len().max(slot as usize + 1);
            self.seen.resize_with(slots, DedupWindow::default);
            self.seen[slot as usize] = DedupWindow::default();
        }
        for (slot, series) in std::mem::take(&mut change.series) {
            self.series.put_at(slot, series);
        }
        for (slot, target) in std::mem::take(&mut change.targets_of) {
            self.targets_of.entry(slot).or_default().insert(target);
        }
        for (slot, about) in std::mem::take(&mut change.about) {
            self.series.change(slot, |series| series.about = about);
        }
        for (slot, bound) in std::mem::take(&mut change.reopened) {
            self.seen[slot as usize].reopen_at(bound);
        }
        for pack in std::mem::take(&mut change.packs) {
            self.packs.push(PackNote::of(self.next_pack, &pack));
            self.next_pack += 1;
            self.insert_keys(&pack);
        }
        for (slot, bound) in std::mem::take(&mut change.evicted_below) {
            self.seen[slot as usize].evict_below(bound);
        }
        for (target, checkpoint) in std::mem::take(&mut change.checkpoints) {
            self.checkpoints.advance(&target, checkpoint);
        }
        for (slot, bound) in std::mem::take(&mut change.recalled) {
            self.seen[slot as usize].remember_from(bound);
        }
        for (target, position) in std::mem::take(&mut change.lowered) {
            self.checkpoints.lower(&target, position);
        }
        let dropped = std::mem::take(&mut change.dropped);
        if !dropped.is_empty() {
            self.packs
                .retain(|note| dropped.binary_search(&note.number).is_err());
        }
        self.apply_lists(change);
    }

    /// Returns the slot of a function that `target` reads; a new function gets one by this change.
    fn slot(&self, change: &mut Delta, function: &FunctionId, target: &TargetId) -> u32 {
        let slot = self.entered(change, function, target);
        let known = self.targets_of.get(&slot);
        if !target.kind().names_functions && !known.is_some_and(|known| known.contains(target)) {
            change.targets_of.push((slot, target.clone()));
        }
        slot
    }

    fn entered(&self, change: &mut Delta, function: &FunctionId, target: &TargetId) -> u32 {
        let known = |change: &Delta, function: &FunctionId| {
            let own = self.series.slot(function);
            own.or_else(|| change.added_slot(function))
        };
        if let Some(slot) = known(change, function) {
            return slot;
        }
        let admitted = self.series.admit(function, self.functions_after(change));
        if let Some(slot) = known(change, &admitted) {
            return slot;
        }
        let slot = self.next_slot(change);
        change.added_slots.insert(admitted.clone(), slot);
        let began = self.late_below_after(change, target);
        let closed = self.ended.get(&admitted).copied();
        change.added.insert(slot, (admitted, target.kind().success));
        change.evict_below(slot, closed.map_or(began, |closed| closed.max(began)));
        slot
    }

    /// Returns the checkpoint of a target after the change, except that a watermark which the
    /// change lowers is not lowered yet.
    fn checkpoint_after(&self, change: &Delta, target: &TargetId) -> Option<Checkpoint> {
        let changed = change.checkpoints.get(target).copied();
        changed.or_else(|| self.checkpoints.get(target))
    }

    fn late_below_after(&self, change: &Delta, target: &TargetId) -> Timestamp {
        let at = self.checkpoint_after(change, target);
        at.map_or(Timestamp::MIN, Checkpoint::late_below)
            .min(change.lowered_to(target))
    }

    /// Returns the version of a series in the change, which begins as a copy of the present one.
    fn touch<'a>(&self, change: &'a mut Delta, slot: u32) -> &'a mut FunctionSeries {
        let (added, now) = (&change.added, change.now);
        let series = change
            .series
            .entry(slot)
            .or_insert_with(|| self.series_before(added, now, slot));
        // The first time it is shared with the ledger and the published snapshot, and so copied.
        Arc::make_mut(series)
    }

    /// Returns the series of a slot before the change; empty for a function that the change adds.
    fn series_before(
        &self,
        added: &BTreeMap<u32, (FunctionId, RetCode)>,
        now: Timestamp,
        slot: u32,
    ) -> Arc<FunctionSeries> {
        match self.series.get(slot) {
            Some(present) => present.clone(),
            None => {
                let (function, success) = &added[&slot];
                Arc::new(FunctionSeries::begun(function.clone(), *success, now))
            }
        }
    }

    fn stored(&self, change: &Delta, slot: u32) -> StoredFunction {
        let changed = change.series.get(&slot).cloned();
        let series = changed.unwrap_or_else(|| self.series_before(&change.added, change.now, slot));
        StoredFunction {
            series,
            evicted_below: self.evicted_below_after(change, slot),
        }
    }

    fn insert_keys(&mut self, pack: &KeyPack) {
        for run in pack.0.chunk_by(|one, next| one.slot == next.slot) {
            let seen = &mut self.seen[run[0].slot as usize];
            for one in run {
                seen.insert(one.key, one.position);
            }
        }
    }
}

fn has_no_meaning(row: &Row) -> bool {
    row.ret_code == RetCode::OTHER || row.outcome == Outcome::Unknown
}

#[cfg(test)]
mod tests;
