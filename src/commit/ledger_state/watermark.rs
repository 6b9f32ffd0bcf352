//! Moving a checkpoint: what closes with it, and what need not be remembered any more.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::delta::{Delta, PackNote};
use super::{LedgerState, Rules};
use crate::ledger::{
    Checkpoint, DedupWindow, Functions, RETENTION, RowOrder, Scope, TargetId, TargetKind,
};
use crate::metrics::OVERFLOW;
use crate::model::{FunctionId, Timestamp};

/// The right time, where another was gone by.
#[derive(Debug, Clone, Copy)]
pub struct Correction {
    /// What lies behind it lies in the future.
    pub now: Timestamp,
    /// Since when the right time is known.
    pub since: Timestamp,
    /// Whether that is certain enough to remember again what was forgotten.
    pub is_sure: bool,
}

impl LedgerState {
    /// Counts by other rules from now on. Which functions the `ended` targets had is no longer
    /// known: nothing waits for what they would settle. Of functions that are `gone` nothing is.
    pub fn reconfigure(
        &mut self,
        rules: Rules,
        wanted: Functions,
        ended: &[TargetId],
        gone: &[FunctionId],
    ) {
        self.rules = rules;
        self.series.limit_to(rules.functions);
        self.homes.retain(|_, topics| {
            topics.retain(|topic| !ended.contains(topic));
            !topics.is_empty()
        });
        for function in gone {
            if let Some(slot) = self.series.slot(function) {
                self.series.change(slot, |series| series.about = None);
            }
        }
        self.want(wanted);
    }

    /// Moves the checkpoint of a target forward, and evicts keys that need not be kept after it. For
    /// a function that was never polled counting begins at a watermark.
    pub fn prepare_checkpoint(&self, change: &mut Delta, target: &TargetId, to: Checkpoint) {
        // Where this change lowers it, it was asked for before that: nothing is evicted for it.
        let to = match to {
            Checkpoint::Watermark(at) => Checkpoint::Watermark(at.min(change.lowered_to(target))),
            offset @ Checkpoint::Offset { .. } => offset,
        };
        let before = self.checkpoint_after(change, target);
        if before.is_some_and(|before| before.advanced_to(to) == before) {
            return;
        }
        change.checkpoints.insert(target.clone(), to);
        let (kind, time) = (target.kind(), to.time());
        for slot in self.slots_of(target) {
            let first = self.seen[slot as usize].evicted_below() == Timestamp::MIN;
            let below = match first && !kind.is_streamed {
                true => Duration::ZERO,
                false => self.dedup_span(),
            };
            let read = self.read_at_home(slot, target, time);
            change.evict_below(slot, read - below);
        }
        for slot in change.added_for(target) {
            change.evict_below(slot, time);
        }
        self.evict_overflow(change, target, time);
        if !kind.names_functions {
            self.evict_homeless(change, target, time);
        }
    }

    /// Lowers what lies in the future beside `target`: it was set by a clock that was ahead, or the
    /// one that says so is wrong. So what is settled goes back no further than keys are still kept,
    /// or rows that were counted count again where a watermark is all that tells, as in a topic that
    /// is new. Where the keys themselves were forgotten up to the future, they are kept again from
    /// when the right time is known: what came before may have been counted, what comes after was
    /// not. Answers where the target is settled then.
    pub fn prepare_corrected(
        &self,
        change: &mut Delta,
        target: &TargetId,
        correction: Correction,
    ) -> Timestamp {
        let Correction {
            now,
            since,
            is_sure,
        } = correction;
        for (slot, series) in self.series.all() {
            if is_sure
                && target.shares_region_of(&series.function)
                && self.evicted_below_after(change, slot) > now
            {
                change.recalled.insert(slot, since);
            }
        }
        for (id, _) in self.checkpoints.beside(target) {
            let watermark = self.late_below_after(change, id);
            // What is forgotten of a function that moved from topic to topic says nothing of one of
            // them: they wait until it is certain that they lie in the future.
            let waits = !is_sure && self.checkpoints.has_lines_since(id, watermark - RETENTION);
            if watermark <= now || waits {
                continue;
            }
            let kept = watermark - self.dedup_span();
            let known = if kept > now { since } else { kept };
            let lowered = known.max(self.kept_from(change, id, watermark));
            if lowered < watermark {
                change.lowered.insert(id.clone(), lowered);
            }
        }
        self.late_below_after(change, target)
    }

    /// How far back a target that is `settled` up to there may go: to where the keys of all are kept
    /// that it may have read. Which functions a topic ever held is not known. Keys that an API by
    /// start left behind lie where the attempt started, as long before its line as that may be late.
    fn kept_from(&self, change: &Delta, target: &TargetId, watermark: Timestamp) -> Timestamp {
        let TargetKind {
            order,
            names_functions,
            ..
        } = target.kind();
        let by_start = |(id, at): (&TargetId, Checkpoint)| {
            id.kind().order == RowOrder::StartTime && at.time() > watermark - RETENTION
        };
        let is_by_log = order == RowOrder::LogTime;
        let kept_after = match is_by_log && self.checkpoints.beside(target).any(by_start) {
            true => self.rules.allowed_lateness.as_duration(),
            false => Duration::ZERO,
        };
        let read = |function: &FunctionId| {
            let is_shared = !names_functions || &*function.name == OVERFLOW;
            target.covers(function) || (is_shared && target.shares_region_of(function))
        };
        let own = self.series.all();
        own.filter(|(_, series)| read(&series.function))
            .map(|(slot, _)| self.evicted_below_after(change, slot) + kept_after)
            .fold(Timestamp::MIN, Timestamp::max)
            .min(watermark)
    }

    /// How many attempts of each function of `target` within `span` were met, those of the change
    /// included: together as many as an API that orders rows by start must count, if all are
    /// there. `None` where a target had a part in it whose attempts are kept by log time.
    pub fn met(
        &self,
        change: &Delta,
        target: &TargetId,
        span: &Range<Timestamp>,
    ) -> Option<Vec<(FunctionId, u64)>> {
        if self
            .checkpoints
            .has_lines_since(target, span.start - RETENTION)
        {
            return None;
        }
        let mut met: BTreeMap<u32, u64> = BTreeMap::new();
        for slot in self.slots_of(target) {
            let seen = self.seen.get(slot as usize);
            met.insert(slot, seen.map_or(0, |seen| seen.count_in(span)));
        }
        met.extend(change.added_for(target).into_iter().map(|slot| (slot, 0)));
        for seen in change.packs.iter().flat_map(|pack| &pack.0) {
            if span.contains(&seen.position)
                && !seen.key.is_cold_start()
                && let Some(count) = met.get_mut(&seen.slot)
            {
                *count += 1;
            }
        }
        let met = met.into_iter().filter(|(_, count)| *count > 0);
        Some(
            met.filter_map(|(slot, count)| Some((self.function_in(change, slot)?.clone(), count)))
                .collect(),
        )
    }

    fn function_in<'s>(&'s self, change: &'s Delta, slot: u32) -> Option<&'s FunctionId> {
        let added = change.added.get(&slot).map(|(function, _)| function);
        added.or_else(|| self.series.get(slot).map(|series| &series.function))
    }

    /// Attempts older than the cloud keeps its logs cannot come again. This ends those of
    /// functions that are known to be in no such target any more.
    fn evict_homeless(&self, change: &mut Delta, target: &TargetId, time: Timestamp) {
        let oldest = time - RETENTION - self.dedup_span();
        for (slot, series) in self.series.all() {
            let beside = target.shares_region_of(&series.function);
            if beside && !self.homes.contains_key(&slot) && !self.seen[slot as usize].is_empty() {
                change.evict_below(slot, oldest);
            }
        }
    }

    /// The slots of the functions that a target reads, those in the overflow apart.
    fn slots_of(&self, target: &TargetId) -> Vec<u32> {
        if let Scope::Function(function) = &target.scope {
            return self.series.slot(function).into_iter().collect();
        }
        if target.kind().names_functions {
            let own = |name: &FunctionId| target.covers(name) && &*name.name != OVERFLOW;
            let all = self.series.all();
            let own = all.filter(|(_, series)| own(&series.function));
            return own.map(|(slot, _)| slot).collect();
        }
        let homes = self.homes.iter();
        let own = homes.filter(|(_, homes)| homes.contains(target));
        own.map(|(slot, _)| *slot).collect()
    }

    /// The time up to which a function was read once one of the targets that it is in was up to
    /// `time`. One that moved from one topic to another is in two for a while; one that is in a
    /// stream may be in each of its partitions.
    fn read_at_home(&self, slot: u32, target: &TargetId, time: Timestamp) -> Timestamp {
        let homes = self.homes.get(&slot).into_iter().flatten();
        let others = homes.filter(|home| *home != target);
        let at_work = others
            .filter_map(|home| Some(self.checkpoints.get(home)?.time()))
            .filter(|at| *at > time - RETENTION);
        let of_stream = self.checkpoints.slowest_of_stream(target, time);
        at_work.fold(of_stream, Timestamp::min)
    }

    /// The overflow of a region holds keys of many functions: it forgets only what every target
    /// of the region has read.
    fn evict_overflow(&self, change: &mut Delta, target: &TargetId, time: Timestamp) {
        let Some(slot) = self.series.overflow_slot(&target.account, &target.region) else {
            return;
        };
        let read = self.checkpoints.slowest_beside(target, time);
        change.evict_below(slot, read - self.dedup_span());
    }

    /// The checkpoints that a change moves.
    pub(super) fn checkpoints_in(&self, change: &Delta) -> Vec<(TargetId, Checkpoint)> {
        let lowered = change.lowered.keys().map(|target| {
            let watermark = self.late_below_after(change, target);
            (target.clone(), Checkpoint::Watermark(watermark))
        });
        let moved = change.checkpoints.iter();
        let moved = moved.map(|(target, to)| (target.clone(), *to));
        moved.chain(lowered).collect()
    }

    /// The packs whose every key is forgotten after this change, in ascending order.
    pub(super) fn useless_packs(&self, change: &Delta) -> Vec<u64> {
        if change.evicted_below.is_empty() && change.emptied.is_empty() {
            return Vec::new();
        }
        let evicted_below = |slot: u32, at: Timestamp| at < self.evicted_below_after(change, slot);
        let useless = |note: &&PackNote| note.latest.iter().all(|&(s, at)| evicted_below(s, at));
        self.packs
            .iter()
            .filter(useless)
            .map(|note| note.number)
            .collect()
    }

    pub(super) fn evicted_below_after(&self, change: &Delta, slot: u32) -> Timestamp {
        let own = match self.seen.get(slot as usize) {
            _ if change.emptied.contains(&slot) => Timestamp::MAX,
            _ if change.added.contains_key(&slot) => Timestamp::MIN,
            seen => seen.map_or(Timestamp::MIN, DedupWindow::evicted_below),
        };
        let now = change.reopened.get(&slot).map_or(own, |at| own.min(*at));
        let bound = change
            .evicted_below
            .get(&slot)
            .copied()
            .unwrap_or(now)
            .max(now);
        let recalled = change.recalled.get(&slot).copied();
        recalled.map_or(bound, |recalled| bound.min(recalled))
    }
}
