//! Settling a target: what closes with it, and what need not be remembered any more.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::delta::{Delta, PackNote};
use super::{LedgerState, Rules};
use crate::ledger::{DedupWindow, Functions, RETENTION, Scope, TargetId};
use crate::model::{FunctionId, Timestamp};
use crate::series::OVERFLOW;

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
    pub fn keep_by(
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

    /// Settles a target at `position`: nothing below it can still appear. For a function that was
    /// never read counting begins there.
    pub fn prepare_settled(&self, change: &mut Delta, target: &TargetId, position: Timestamp) {
        // Where this change lowers it, it was asked for before that: nothing is forgotten for it.
        let position = position.min(change.lowered_to(target));
        if position <= self.settled_after(change, target) {
            return;
        }
        change.settled.insert(target.clone(), position);
        for slot in self.slots_of(target) {
            let first = self.seen[slot as usize].forgotten() == Timestamp::MIN;
            let below = if first { Duration::ZERO } else { self.memory() };
            let settled = self.settled_at_home(slot, target, position);
            change.forget(slot, settled - below);
        }
        for slot in change.added_for(target) {
            change.forget(slot, position);
        }
        self.forget_overflow(change, target, position);
        if matches!(target.scope, Scope::Topic(_)) {
            self.forget_homeless(change, target, position);
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
        let beside = |function: &FunctionId| {
            function.account == target.account && function.region == target.region
        };
        for (slot, series) in self.series.all() {
            if is_sure && beside(&series.function) && self.forgotten_after(change, slot) > now {
                change.recalled.insert(slot, since);
            }
        }
        for (id, _) in self.targets.beside(target) {
            let settled = self.settled_after(change, id);
            // What is forgotten of a function that moved from topic to topic says nothing of one of
            // them: they wait until it is certain that they lie in the future.
            let waits = !is_sure && self.targets.has_topic_since(id, settled - RETENTION);
            if settled <= now || waits {
                continue;
            }
            let kept = settled - self.memory();
            let known = if kept > now { since } else { kept };
            let lowered = known.max(self.kept_from(change, id, settled));
            if lowered < settled {
                change.lowered.insert(id.clone(), lowered);
            }
        }
        self.settled_after(change, target)
    }

    /// How far back a target that is `settled` up to there may go: to where the keys of all are kept
    /// that it may have read. Which functions a topic ever held is not known. Keys that an API by
    /// start left behind lie where the attempt started, as long before its line as that may be late.
    fn kept_from(&self, change: &Delta, target: &TargetId, settled: Timestamp) -> Timestamp {
        let is_topic = |id: &TargetId| matches!(id.scope, Scope::Topic(_));
        let by_start = |(id, at)| !is_topic(id) && at > settled - RETENTION;
        let before_lines = is_topic(target) && self.targets.beside(target).any(by_start);
        let kept_after = if before_lines {
            self.rules.late_after
        } else {
            Duration::ZERO
        };
        let read = |function: &FunctionId| {
            let is_beside = function.account == target.account && function.region == target.region;
            let is_shared = is_topic(target) || &*function.name == OVERFLOW;
            target.covers(function) || (is_beside && is_shared)
        };
        let own = self.series.all();
        own.filter(|(_, series)| read(&series.function))
            .map(|(slot, _)| self.forgotten_after(change, slot) + kept_after)
            .fold(Timestamp::MIN, Timestamp::max)
            .min(settled)
    }

    /// How many attempts of each function of `target` within `span` were met, those of the change
    /// included: together as many as an API that orders rows by start must count, if all are
    /// there. `None` where a topic had a part in it, whose attempts are kept by log time.
    pub fn met(
        &self,
        change: &Delta,
        target: &TargetId,
        span: &Range<Timestamp>,
    ) -> Option<Vec<(FunctionId, u64)>> {
        if self.targets.has_topic_since(target, span.start - RETENTION) {
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
    /// functions that are listed with no topic any more.
    fn forget_homeless(&self, change: &mut Delta, target: &TargetId, position: Timestamp) {
        let oldest = position - RETENTION - self.memory();
        for (slot, series) in self.series.all() {
            let function = &series.function;
            let beside = function.account == target.account && function.region == target.region;
            if beside && !self.homes.contains_key(&slot) && !self.seen[slot as usize].is_empty() {
                change.forget(slot, oldest);
            }
        }
    }

    /// The slots of the functions that a target reads, those in the overflow apart.
    fn slots_of(&self, target: &TargetId) -> Vec<u32> {
        match &target.scope {
            Scope::Function(function) => self.series.slot(function).into_iter().collect(),
            Scope::Topic(_) => {
                let homes = self.homes.iter();
                let own = homes.filter(|(_, topics)| topics.contains(target));
                own.map(|(slot, _)| *slot).collect()
            }
            Scope::Region | Scope::Namespace(_) => {
                let all = self.series.all();
                let own = |name: &FunctionId| target.covers(name) && &*name.name != OVERFLOW;
                all.filter(|(_, series)| own(&series.function))
                    .map(|(slot, _)| slot)
                    .collect()
            }
        }
    }

    /// The position up to which a function is settled when one of its topics is. A function that
    /// moved from one topic to another has two for a while.
    fn settled_at_home(&self, slot: u32, target: &TargetId, position: Timestamp) -> Timestamp {
        let topics = self.homes.get(&slot).into_iter().flatten();
        let others = topics.filter(|topic| *topic != target);
        let at_work = others
            .map(|topic| self.targets.settled(topic))
            .filter(|settled| *settled > position - RETENTION);
        at_work.fold(position, Timestamp::min)
    }

    /// The overflow of a region holds keys of many functions: it forgets only what every target
    /// of the region has settled.
    fn forget_overflow(&self, change: &mut Delta, target: &TargetId, position: Timestamp) {
        let Some(slot) = self.series.overflow_slot(&target.account, &target.region) else {
            return;
        };
        let settled = self.targets.slowest_beside(target, position);
        change.forget(slot, settled - self.memory());
    }

    /// The positions that a change moves.
    pub(super) fn positions(&self, change: &Delta) -> Vec<(TargetId, Timestamp)> {
        let moved = change.settled.iter().chain(&change.lowered);
        moved
            .map(|(target, _)| (target.clone(), self.settled_after(change, target)))
            .collect()
    }

    /// The packs whose every key is forgotten after this change, in ascending order.
    pub(super) fn useless_packs(&self, change: &Delta) -> Vec<u64> {
        if change.forgotten.is_empty() && change.emptied.is_empty() {
            return Vec::new();
        }
        let forgotten = |slot: u32, at: Timestamp| at < self.forgotten_after(change, slot);
        let useless = |note: &&PackNote| note.latest.iter().all(|&(s, at)| forgotten(s, at));
        self.packs
            .iter()
            .filter(useless)
            .map(|note| note.number)
            .collect()
    }

    pub(super) fn forgotten_after(&self, change: &Delta, slot: u32) -> Timestamp {
        let own = match self.seen.get(slot as usize) {
            _ if change.emptied.contains(&slot) => Timestamp::MAX,
            _ if change.added.contains_key(&slot) => Timestamp::MIN,
            seen => seen.map_or(Timestamp::MIN, DedupWindow::forgotten),
        };
        let now = change.reopened.get(&slot).map_or(own, |at| own.min(*at));
        let bound = change.forgotten.get(&slot).copied().unwrap_or(now).max(now);
        let recalled = change.recalled.get(&slot).copied();
        recalled.map_or(bound, |recalled| bound.min(recalled))
    }
}

#[cfg(test)]
mod tests;
