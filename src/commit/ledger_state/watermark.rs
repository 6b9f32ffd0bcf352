//! Moving a checkpoint, and evicting the keys that are no longer needed after it.

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

/// The right time, after a wrong clock was used.
#[derive(Debug, Clone, Copy)]
pub struct Correction {
    /// The present; positions above it lie in the future.
    pub now: Timestamp,
    /// Since when the right time is known.
    pub since: Timestamp,
    /// Whether it is certain enough to keep keys again that were evicted.
    pub is_sure: bool,
}

impl LedgerState {
    /// Applies another configuration. The functions of `ended` targets are dropped, so that no
    /// eviction waits for those targets. Functions that are `gone` lose their configuration.
    pub fn reconfigure(
        &mut self,
        rules: Rules,
        wanted: Functions,
        ended: &[TargetId],
        gone: &[FunctionId],
    ) {
        self.rules = rules;
        self.series.limit_to(rules.functions);
        self.targets_of.retain(|_, topics| {
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

    /// Moves the checkpoint of a target forward, and evicts keys that are no longer needed. For a
    /// function that was never polled, counting begins at the watermark.
    pub fn prepare_checkpoint(&self, change: &mut Delta, target: &TargetId, to: Checkpoint) {
        // A watermark that this change lowers was requested before that, and evicts nothing above.
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
            let read = self.read_by_all(slot, target, time);
            change.evict_below(slot, read - below);
        }
        for slot in change.added_for(target) {
            change.evict_below(slot, time);
        }
        self.evict_overflow(change, target, time);
        if !kind.names_functions {
            self.evict_unclaimed(change, target, time);
        }
    }

    /// Lowers what lies in the future in the region of `target`. Either a clock that was ahead has
    /// set it, or the clock that says so is wrong. So a watermark goes back no further than keys
    /// are still kept; otherwise counted rows would count again where only the watermark identifies
    /// them, as in a new topic. Where the keys themselves were evicted up to the future, they are
    /// kept again from `since` on: rows before it may have been counted, rows after it were not.
    /// Returns the watermark of the target afterwards.
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
            // The evictions of a function that moved between topics say nothing about one of them,
            // so topics wait until it is certain that their watermarks lie in the future.
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

    /// Returns how far back a watermark may go: to where the keys of all functions are kept that
    /// the target may have read. For a topic these are all functions of the region. Keys from an
    /// API that orders by start time lie at the start of the call, up to the allowed lateness
    /// before the line.
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

    /// Returns the number of known invocations of each function of `target` within `span`,
    /// including those of the change: as many as the total of an API that orders rows by start
    /// time, if none is missing. `None` where a target contributed whose keys have log times.
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

    /// Evicts keys of functions without a known target once they are older than the retention of
    /// the logs, because such rows cannot be read again.
    fn evict_unclaimed(&self, change: &mut Delta, target: &TargetId, time: Timestamp) {
        let oldest = time - RETENTION - self.dedup_span();
        for (slot, series) in self.series.all() {
            let beside = target.shares_region_of(&series.function);
            if beside
                && !self.targets_of.contains_key(&slot)
                && !self.seen[slot as usize].is_empty()
            {
                change.evict_below(slot, oldest);
            }
        }
    }

    /// Returns the slots of the functions that a target reads, without the overflow.
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
        let targets = self.targets_of.iter();
        let own = targets.filter(|(_, targets)| targets.contains(target));
        own.map(|(slot, _)| *slot).collect()
    }

    /// Returns the time up to which all targets of a function are read once `target` is read up to
    /// `time`. A function that moved between topics is in two for a while; one in a stream may be
    /// in each of its partitions.
    fn read_by_all(&self, slot: u32, target: &TargetId, time: Timestamp) -> Timestamp {
        let targets = self.targets_of.get(&slot).into_iter().flatten();
        let others = targets.filter(|other| *other != target);
        let at_work = others
            .filter_map(|other| Some(self.checkpoints.get(other)?.time()))
            .filter(|at| *at > time - RETENTION);
        let of_stream = self.checkpoints.slowest_of_stream(target, time);
        at_work.fold(of_stream, Timestamp::min)
    }

    /// Evicts keys of the overflow. It has keys of many functions, so only those below what every
    /// target of the region has read.
    fn evict_overflow(&self, change: &mut Delta, target: &TargetId, time: Timestamp) {
        let Some(slot) = self.series.overflow_slot(&target.account, &target.region) else {
            return;
        };
        let read = self.checkpoints.slowest_beside(target, time);
        change.evict_below(slot, read - self.dedup_span());
    }

    /// Returns the checkpoints that a change moves, as they are stored.
    pub(super) fn checkpoints_in(&self, change: &Delta) -> Vec<(TargetId, Checkpoint)> {
        let lowered = change.lowered.keys().map(|target| {
            let watermark = self.late_below_after(change, target);
            (target.clone(), Checkpoint::Watermark(watermark))
        });
        let moved = change.checkpoints.iter();
        let moved = moved.map(|(target, to)| (target.clone(), *to));
        moved.chain(lowered).collect()
    }

    /// Returns the numbers of the packs whose keys are all evicted after this change, ascending.
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
