//! A delta: a change to the ledger that is prepared but not applied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};
use tracing::info;

use crate::ledger::{Checkpoint, ListId, ListedAt, Missed, TargetId};
use crate::metrics::FunctionSeries;
use crate::model::{FunctionConfig, FunctionId, InvocationKey, RetCode, Timestamp};
use crate::store::KeyPack;

/// A prepared change. Absent from a map means unchanged.
#[derive(Debug, Default)]
pub struct Delta {
    /// The time of counting, by this machine's clock; new series begin then.
    pub(super) now: Timestamp,
    /// New functions by slot, each with the return code of success in its API. The slots are empty
    /// in the ledger or follow its last one.
    pub(super) added: BTreeMap<u32, (FunctionId, RetCode)>,
    pub(super) added_slots: HashMap<FunctionId, u32>,
    pub(super) series: HashMap<u32, Arc<FunctionSeries>>,
    /// Keys of this change, so that a row that it contains twice counts once.
    pub(super) keys: HashSet<(u32, InvocationKey)>,
    /// The keys of each page, as they are stored.
    pub(super) packs: Vec<Arc<KeyPack>>,
    pub(super) checkpoints: BTreeMap<TargetId, Checkpoint>,
    /// Positions below which keys are evicted, by slot.
    pub(super) evicted_below: HashMap<u32, Timestamp>,
    /// Watermarks that lay in the future, and their lower values; applied after `checkpoints`.
    pub(super) lowered: BTreeMap<TargetId, Timestamp>,
    /// Bounds of eviction that lay in the future, and their lower values, by slot.
    pub(super) recalled: HashMap<u32, Timestamp>,
    /// Positions from which functions count again in a target that is new for them, by slot.
    pub(super) reopened: BTreeMap<u32, Timestamp>,
    pub(super) dropped: Vec<u64>,
    /// Targets that are newly known to contain rows of a slot's function.
    pub(super) targets_of: Vec<(u32, TargetId)>,
    pub(super) about: BTreeMap<u32, Option<Arc<FunctionConfig>>>,
    pub(super) lists: BTreeMap<ListId, ListedAt>,
    /// Functions that complete lists miss, or `None` where they list it again, by slot.
    pub(super) missed: BTreeMap<u32, Option<Missed>>,
    /// When the last list without the function of a slot began.
    pub(super) missed_at: BTreeMap<u32, Timestamp>,
    pub(super) emptied: BTreeSet<u32>,
    /// Positions below which rows of functions whose series ended are duplicates; `None` once no
    /// such row can appear.
    pub(super) ended: BTreeMap<FunctionId, Option<Timestamp>>,
}

/// What is known of a stored key pack, to decide when it is no longer needed.
#[derive(Debug, Clone)]
pub(super) struct PackNote {
    pub(super) number: u64,
    /// Its slots, each with the latest position of its keys.
    pub(super) latest: Vec<(u32, Timestamp)>,
}

// === impl Delta ===

impl Delta {
    /// An empty change that counts at `now`, by this machine's clock.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            ..Self::default()
        }
    }

    /// Returns whether it changes nothing that is stored.
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

    /// Returns whether it changes something that is not stored.
    pub fn changes_memory(&self) -> bool {
        !self.targets_of.is_empty() || !self.about.is_empty()
    }

    /// Logs the functions whose series end.
    pub fn log_ended(&self, ledger: &super::LedgerState) {
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

    /// Returns the lower value of a watermark; [`Timestamp::MAX`] if the change does not lower it.
    pub(super) fn lowered_to(&self, target: &TargetId) -> Timestamp {
        let lowered = self.lowered.get(target).copied();
        lowered.unwrap_or(Timestamp::MAX)
    }

    /// Returns the slots that this change adds for functions of a target.
    pub(super) fn added_for(&self, target: &TargetId) -> Vec<u32> {
        let added = self
            .added_slots
            .iter()
            .filter(|(function, _)| target.covers(function));
        added.map(|(_, slot)| *slot).collect()
    }

    /// Evicts keys below `bound`, but none that [`Self::reopen`] needs.
    pub(super) fn evict_below(&mut self, slot: u32, bound: Timestamp) {
        let bound = self.reopened.get(&slot).map_or(bound, |at| bound.min(*at));
        let entry = self.evicted_below.entry(slot).or_insert(bound);
        *entry = bound.max(*entry);
    }

    /// Counts a function from `position` on, although keys above it may have been evicted.
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
