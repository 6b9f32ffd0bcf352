//! A change to the ledger that is not made yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use tracing::info;

use crate::ledger::{Checkpoint, ListId, ListedAt, Missed, TargetId};
use crate::metrics::FunctionSeries;
use crate::model::{FunctionConfig, FunctionId, InvocationKey, RetCode, Timestamp};
use crate::store::KeyPack;

/// A change that was worked out against the ledger but not made yet.
#[derive(Debug, Default)]
pub struct Delta {
    /// When it is counted, by this machine's clock: series that are new with it begin then.
    pub(super) now: Timestamp,
    /// New functions with their slots, which are empty or follow those in the ledger, each with what
    /// its API says where all went well.
    pub(super) added: BTreeMap<u32, (FunctionId, RetCode)>,
    pub(super) added_slots: HashMap<FunctionId, u32>,
    /// New versions of series, by slot.
    pub(super) series: HashMap<u32, Arc<FunctionSeries>>,
    /// Keys of this change, so that a row twice in it counts once.
    pub(super) keys: HashSet<(u32, InvocationKey)>,
    pub(super) packs: Vec<Arc<KeyPack>>,
    pub(super) checkpoints: BTreeMap<TargetId, Checkpoint>,
    /// Positions below which keys are forgotten, by slot.
    pub(super) evicted_below: HashMap<u32, Timestamp>,
    /// Positions that lay in the future, and where they are put instead; made after all others.
    pub(super) lowered: BTreeMap<TargetId, Timestamp>,
    /// The same of positions below which keys were forgotten, by slot.
    pub(super) recalled: HashMap<u32, Timestamp>,
    /// Positions from which functions are counted again, by slot: a place is new for them.
    pub(super) reopened: BTreeMap<u32, Timestamp>,
    pub(super) dropped: Vec<u64>,
    /// Targets newly known for a slot.
    pub(super) homes: Vec<(u32, TargetId)>,
    /// What is newly known about a slot's function.
    pub(super) about: BTreeMap<u32, Option<Arc<FunctionConfig>>>,
    /// Sources that have listed their functions.
    pub(super) lists: BTreeMap<ListId, ListedAt>,
    /// Slots whose functions complete lists miss, or name again.
    pub(super) missed: BTreeMap<u32, Option<Missed>>,
    /// When lists began that miss the functions of slots.
    pub(super) missed_at: BTreeMap<u32, Timestamp>,
    /// Slots whose series end.
    pub(super) emptied: BTreeSet<u32>,
    /// The position below which rows of a function whose series ended are closed; none once there
    /// can be no such row.
    pub(super) ended: BTreeMap<FunctionId, Option<Timestamp>>,
}

/// Where a stored pack of keys belongs, to know when nothing needs it any more.
#[derive(Debug, Clone)]
pub(super) struct PackNote {
    pub(super) number: u64,
    /// Each function in it with the latest position of its keys.
    pub(super) latest: Vec<(u32, Timestamp)>,
}

// === impl Delta ===

impl Delta {
    /// A change made at `now`, by this machine's clock.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// Whether it changes nothing that is kept.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.packs.is_empty()
            && self.checkpoints.is_empty()
            && self.evicted_below.is_empty()
            && self.lowered.is_empty()
            && self.recalled.is_empty()
            && self.reopened.is_empty()
            && self.lists.is_empty()
            && self.missed.is_empty()
            && self.emptied.is_empty()
            && self.ended.is_empty()
    }

    /// Whether it changes what is shown or remembered beside that, until the process ends.
    pub fn has_news(&self) -> bool {
        !self.homes.is_empty() || !self.about.is_empty()
    }

    /// Says whose series end with it.
    pub fn tell_ended(&self, ledger: &super::LedgerState) {
        let series = self
            .emptied
            .iter()
            .filter_map(|slot| ledger.series().get(*slot));
        for series in series {
            info!(
                function = %series.function,
                "its series end: it was neither listed nor called for as long as series.retention says"
            );
        }
    }

    pub(super) fn added_slot(&self, function: &FunctionId) -> Option<u32> {
        self.added_slots.get(function).copied()
    }

    /// Where a target that lay in the future is put, if the change does that.
    pub(super) fn lowered_to(&self, target: &TargetId) -> Timestamp {
        let lowered = self.lowered.get(target).copied();
        lowered.unwrap_or(Timestamp::MAX)
    }

    /// The slots that this change adds and that a target covers.
    pub(super) fn added_for(&self, target: &TargetId) -> Vec<u32> {
        let added = self
            .added_slots
            .iter()
            .filter(|(function, _)| target.covers(function));
        added.map(|(_, slot)| *slot).collect()
    }

    pub(super) fn evict_below(&mut self, slot: u32, bound: Timestamp) {
        let bound = self.reopened.get(&slot).map_or(bound, |at| bound.min(*at));
        let entry = self.evicted_below.entry(slot).or_insert(bound);
        *entry = bound.max(*entry);
    }

    /// Counts a function from `position` on, whatever was forgotten of it.
    pub(super) fn reopen(&mut self, slot: u32, position: Timestamp) {
        let entry = self.reopened.entry(slot).or_insert(position);
        *entry = position.min(*entry);
        self.evicted_below.remove(&slot);
    }
}

// === impl PackNote ===

impl PackNote {
    pub(super) fn of(number: u64, pack: &KeyPack) -> Self {
        let mut latest: HashMap<u32, Timestamp> = HashMap::new();
        for run in pack.0.chunk_by(|one, next| one.slot == next.slot) {
            let of_run = run.iter().map(|seen| seen.position).max();
            let at = latest.entry(run[0].slot).or_insert(Timestamp::MIN);
            *at = of_run.unwrap_or(Timestamp::MIN).max(*at);
        }
        Self {
            number,
            latest: latest.into_iter().collect(),
        }
    }
}
