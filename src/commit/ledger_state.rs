//! The ledger: series and invocation keys by function, checkpoints by target. Pure.

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

/// What the configuration says about counting.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Functions with series of their own; later ones fold into one for each region.
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

/// All that was counted, and all that says what was.
#[derive(Debug, Clone)]
pub struct LedgerState {
    series: SeriesSet,
    seen: Vec<DedupWindow>,
    checkpoints: Checkpoints,
    /// The targets that each function was met in or is listed with, of those whose names do not
    /// tell their functions.
    homes: HashMap<u32, BTreeSet<TargetId>>,
    packs: Vec<PackNote>,
    next_pack: u64,
    rules: Rules,
    /// When each source listed its functions.
    lists: BTreeMap<ListId, ListedAt>,
    /// The same as it was when this configuration began to be read.
    lists_before: BTreeMap<ListId, ListedAt>,
    /// Functions that complete lists miss, by slot.
    missed: HashMap<u32, Missed>,
    /// When the last complete list began that missed the function of a slot.
    missed_at: HashMap<u32, Timestamp>,
    /// Positions below which rows of functions are closed whose series ended.
    ended: BTreeMap<FunctionId, Timestamp>,
    /// What the configuration reads.
    wanted: Functions,
    /// The slots of functions that it does not read, which take up no place.
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
            homes: HashMap::new(),
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
            match function {
                Some(function) => {
                    ledger.series.put_at(slot, function.series);
                    ledger
                        .seen
                        .push(DedupWindow::starting_at(function.evicted_below));
                }
                None => {
                    ledger.series.end(slot);
                    ledger.seen.push(DedupWindow::starting_at(Timestamp::MAX));
                }
            }
        }
        for (number, pack) in stored.keys {
            ledger.next_pack = ledger.next_pack.max(number + 1);
            ledger.packs.push(PackNote::of(number, &pack));
            ledger.remember(&pack);
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

    /// The same ledger, read by a configuration that has the `wanted` functions.
    #[must_use]
    pub fn wanting(mut self, wanted: Functions) -> Self {
        self.want(wanted);
        self
    }

    /// The same ledger with what `others` know of the functions, which no store keeps.
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

    /// How far below a checkpoint keys are kept.
    fn dedup_span(&self) -> Duration {
        self.rules.allowed_lateness.dedup_span()
    }

    /// How many attempts are remembered.
    pub fn keys(&self) -> usize {
        self.seen.iter().map(DedupWindow::len).sum()
    }

    /// The rules that it is kept by.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// All series, by slot.
    pub(super) fn series(&self) -> &SeriesSet {
        &self.series
    }

    /// The view for a scrape.
    pub fn snapshot(&self, generation: u64) -> Snapshot {
        self.series
            .snapshot(generation, self.rules.several_accounts)
    }

    /// Works out what a page of `target` adds.
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

    /// Counts new rows. Mostly a page is of one function, so the series is looked up once for
    /// each run of rows.
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

    /// What the store has to write for a change. Also finds the packs that it makes useless.
    pub fn to_store(&self, change: &mut Delta) -> Changes {
        let mut touched: Vec<u32> = change
            .series
            .keys()
            .chain(change.evicted_below.keys())
            .chain(change.recalled.keys())
            .chain(change.reopened.keys())
            .chain(change.added.keys())
            .copied()
            .filter(|slot| !change.emptied.contains(slot))
            .collect();
        touched.sort_unstable();
        touched.dedup();
        let functions = touched
            .into_iter()
            .map(|slot| (slot, self.stored(change, slot)));
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

    /// Makes a prepared change.
    pub fn apply(&mut self, mut change: Delta) {
        let now = change.now;
        for (slot, (function, success)) in std::mem::take(&mut change.added) {
            let series = FunctionSeries::begun(function, success, now);
            self.series.put_at(slot, Arc::new(series));
            if slot as usize >= self.seen.len() {
                self.seen.push(DedupWindow::default());
            }
            self.seen[slot as usize] = DedupWindow::default();
        }
        for (slot, series) in std::mem::take(&mut change.series) {
            self.series.put_at(slot, series);
        }
        for (slot, target) in std::mem::take(&mut change.homes) {
            self.homes.entry(slot).or_default().insert(target);
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
            self.remember(&pack);
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

    /// The slot of a function that `target` reads, entered by this change where it is new.
    fn slot(&self, change: &mut Delta, function: &FunctionId, target: &TargetId) -> u32 {
        let slot = self.entered(change, function, target);
        if !target.kind().names_functions
            && !self
                .homes
                .get(&slot)
                .is_some_and(|homes| homes.contains(target))
        {
            change.homes.push((slot, target.clone()));
        }
        slot
    }

    fn entered(&self, change: &mut Delta, function: &FunctionId, target: &TargetId) -> u32 {
        if let Some(slot) = self
            .series
            .slot(function)
            .or_else(|| change.added_slot(function))
        {
            return slot;
        }
        let admitted = self.series.admit(function, self.places_taken(change));
        if let Some(slot) = self
            .series
            .slot(&admitted)
            .or_else(|| change.added_slot(&admitted))
        {
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

    /// How far a target was read once the change is made, if it was opened; a watermark that the
    /// change lowers apart.
    fn checkpoint_after(&self, change: &Delta, target: &TargetId) -> Option<Checkpoint> {
        let changed = change.checkpoints.get(target).copied();
        changed.or_else(|| self.checkpoints.get(target))
    }

    /// The position below which new rows of a target are late once the change is made.
    fn late_below_after(&self, change: &Delta, target: &TargetId) -> Timestamp {
        let at = self.checkpoint_after(change, target);
        at.map_or(Timestamp::MIN, Checkpoint::late_below)
            .min(change.lowered_to(target))
    }

    /// The changed version of a series, begun from the present one.
    fn touch<'a>(&self, change: &'a mut Delta, slot: u32) -> &'a mut FunctionSeries {
        let (added, now) = (&change.added, change.now);
        let series = change
            .series
            .entry(slot)
            .or_insert_with(|| self.series_before(added, now, slot));
        // The first time the ledger and the published snapshot hold it too, so it is copied then.
        Arc::make_mut(series)
    }

    /// The series of a slot before the change that adds these functions at `now`.
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

    fn remember(&mut self, pack: &KeyPack) {
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
