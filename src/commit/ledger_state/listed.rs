//! What lists of functions change: functions that are shown before they are called, new targets,
//! and functions that are gone.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Delta, LedgerState};
use crate::ledger::{
    Checkpoint, ListId, ListScan, ListedAt, ListedFunction, Missed, Opening, RETENTION, TargetId,
};
use crate::metrics::OVERFLOW;
use crate::model::{FunctionConfig, FunctionId, Timestamp};

/// Maximum time between two lists of an active source.
const LISTS_APART: Duration = Duration::from_secs(24 * 3_600);

/// A list of functions, or a part of one.
#[derive(Debug, Default)]
pub struct ListedFunctions {
    /// The functions, with their targets.
    pub listed: Vec<ListedFunction>,
    /// Functions whose configuration is no longer known, although they may still exist.
    pub gone: Vec<FunctionId>,
    /// How it was requested; `None` where nothing follows from the functions that it lacks.
    pub asked: Option<ListRequest>,
}

/// The request of a list.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// The source of the list.
    pub by: ListId,
    /// When the request began, by the cloud's clock.
    pub began: Timestamp,
    /// The time of the answer, by the same clock.
    pub now: Timestamp,
    /// The content of a complete list; `None` for a part of one.
    pub look: Option<ListScan>,
}

impl LedgerState {
    /// Returns where reading a target starts that was not found by a list, see [`Opening`].
    pub fn opening(&self, target: &TargetId, now: Timestamp) -> Timestamp {
        let listed = self.listed_before(&target.account, &target.region);
        self.opening_after(target, now, listed.map(|at| at.from))
    }

    /// Returns when all sources of a region had listed their functions last, as of the load of the
    /// present configuration. Sources without a list for [`LISTS_APART`] have ended and do not
    /// count.
    pub(super) fn listed_before(&self, account: &str, region: &str) -> Option<ListedAt> {
        let lists = || {
            let all = self.lists_before.iter();
            let own = all.filter(|(id, _)| &*id.account == account && &*id.region == region);
            own.map(|(_, at)| *at)
        };
        let began = lists().map(|at| at.began).max()?;
        let at_work = lists().filter(|at| at.began >= began - LISTS_APART);
        let from = at_work.map(|at| at.from).min()?;
        Some(ListedAt { began, from })
    }

    fn opening_after(
        &self,
        target: &TargetId,
        now: Timestamp,
        listed: Option<Timestamp>,
    ) -> Timestamp {
        let at = Opening {
            now,
            first_read: self.rules.first_read,
            allowed_lateness: self.rules.allowed_lateness,
            listed,
        };
        self.checkpoints.opening(target, at)
    }

    /// Prepares listed functions: new ones are shown at zero, and their targets are opened in the
    /// same change, because the next complete list moves the point from which new targets are read.
    /// Functions that are gone lose their configuration and keep their counts.
    pub fn prepare_functions(&self, change: &mut Delta, known: &ListedFunctions) {
        let opened = match &known.asked {
            Some(asked) => self.open_listed(change, &known.listed, asked),
            None => BTreeSet::new(),
        };
        for one in &known.listed {
            let slot = self.slot(change, &one.function, &one.target);
            // A list without a configuration does not remove the known one.
            if one.about.is_some() {
                self.set_config(change, slot, one.about.clone());
            }
            // Rows below are counted: by this target, or by another API.
            let by_start = self.checkpoints.closed_by_start(&one.function);
            let began = self.late_below_after(change, &one.target).max(by_start);
            let is_new_place = opened.contains(&one.target) && !change.added.contains_key(&slot);
            if is_new_place && self.evicted_below_after(change, slot) > began {
                change.reopen(slot, began);
            }
        }
        let gone = known.gone.iter();
        for slot in gone.filter_map(|function| self.series.slot(function)) {
            self.set_config(change, slot, None);
        }
        if let Some(asked) = &known.asked {
            self.note_list(change, asked);
        }
    }

    /// Opens the targets without a usable checkpoint. Returns those of them to which a function may
    /// have moved from another target.
    fn open_listed(
        &self,
        change: &mut Delta,
        listed: &[ListedFunction],
        asked: &ListRequest,
    ) -> BTreeSet<TargetId> {
        let before = self.listed_at(change, asked).map(|at| at.from);
        let oldest = asked.now - RETENTION;
        let targets: BTreeSet<&TargetId> = listed.iter().map(|one| &one.target).collect();
        let is_new = |target: &&TargetId| {
            let known = self.checkpoint_after(change, target);
            known.is_none_or(|at| at.time() <= oldest)
        };
        let new: Vec<&TargetId> = targets.into_iter().filter(is_new).collect();
        for target in &new {
            let begins = self.opening_after(target, asked.now, before);
            self.prepare_checkpoint(change, target, Checkpoint::Watermark(begins));
        }
        let places = new.into_iter();
        let places = places.filter(|target| !target.kind().names_functions);
        places.cloned().collect()
    }

    /// Returns when this source listed its functions last; for a new source, when the sources of
    /// its region did that the configuration before had.
    fn listed_at(&self, change: &Delta, asked: &ListRequest) -> Option<ListedAt> {
        let own = change.lists.get(&asked.by).or(self.lists.get(&asked.by));
        let ListId {
            account, region, ..
        } = &asked.by;
        own.copied().or_else(|| self.listed_before(account, region))
    }

    /// Notes when a list began and, if it is complete, which functions it has and lacks.
    fn note_list(&self, change: &mut Delta, asked: &ListRequest) {
        let before = self.listed_at(change, asked);
        let began = asked.began;
        let Some(look) = &asked.look else {
            // Later parts of the first list of a source open their targets where its first part
            // does.
            if before.is_none() {
                let from = began - self.rules.first_read;
                change
                    .lists
                    .insert(asked.by.clone(), ListedAt { began, from });
            }
            return;
        };
        let since = before.map_or(began, |at| at.began);
        for (slot, series) in self.series.all() {
            let function = &series.function;
            if &*function.name == OVERFLOW || !look.would_name.has(function) {
                continue;
            }
            if look.named.contains(function) {
                self.note_named(change, slot);
            } else {
                self.note_missed(change, slot, since, began);
            }
        }
        let from = match look.is_certain {
            true => self.rules.allowed_lateness.closed_at(began),
            // An existing function may be missing from it.
            false => before.map_or(began - self.rules.first_read, |at| at.from),
        };
        change
            .lists
            .insert(asked.by.clone(), ListedAt { began, from });
    }

    fn note_named(&self, change: &mut Delta, slot: u32) {
        change.missed.remove(&slot);
        if self.missed.contains_key(&slot) {
            change.missed.insert(slot, None);
        }
    }

    fn note_missed(&self, change: &mut Delta, slot: u32, since: Timestamp, now: Timestamp) {
        change.missed_at.insert(slot, now);
        let before = self.missed_after(change, slot);
        let missed = Missed::once_more(before, since);
        if missed.is_gone() {
            self.set_config(change, slot, None);
        }
        // The number of further lists means nothing and need not be written.
        if before.is_none_or(|before| !before.is_gone()) {
            change.missed.insert(slot, Some(missed));
        }
    }

    /// Returns how long complete lists have missed a function, after the change.
    pub(super) fn missed_after(&self, change: &Delta, slot: u32) -> Option<Missed> {
        let changed = change.missed.get(&slot).copied();
        changed.unwrap_or_else(|| self.missed.get(&slot).copied())
    }

    fn set_config(&self, change: &mut Delta, slot: u32, about: Option<Arc<FunctionConfig>>) {
        let known = self.series.get(slot);
        if known.is_some_and(|series| series.about == about) {
            change.about.remove(&slot);
        } else {
            change.about.insert(slot, about);
        }
    }

    pub(super) fn apply_lists(&mut self, change: Delta) {
        self.lists.extend(change.lists);
        for (slot, missed) in change.missed {
            match missed {
                Some(missed) => self.missed.insert(slot, missed),
                None => self.missed.remove(&slot),
            };
            self.update_gone(slot);
        }
        self.missed_at.extend(change.missed_at);
        for (function, bound) in change.ended {
            match bound {
                Some(bound) => self.ended.insert(function, bound),
                None => self.ended.remove(&function),
            };
        }
        for slot in change.emptied {
            self.end(slot);
        }
    }

    pub(super) fn update_gone(&mut self, slot: u32) {
        let is_missed = self.missed.get(&slot).is_some_and(Missed::is_gone);
        let is_gone = is_missed || self.unwanted.contains(&slot);
        if self
            .series
            .get(slot)
            .is_some_and(|of| of.is_gone != is_gone)
        {
            self.series.change(slot, |of| of.is_gone = is_gone);
        }
    }

    /// Returns whether some source has listed the functions of its region.
    pub(super) fn is_listable(&self, function: &FunctionId) -> bool {
        let mut lists = self.lists.keys();
        lists.any(|id| id.account == function.account && id.region == function.region)
    }
}
