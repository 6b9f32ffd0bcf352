//! What people are shown about the targets. Never on the way of the data or of a scrape.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ledger::TargetId;
use crate::model::Timestamp;
use crate::tencent::ApiError;

/// The state of every target and source.
#[derive(Debug, Default)]
pub struct Board(Mutex<Shown>);

#[derive(Debug, Default)]
struct Shown {
    /// Sources whose functions are not known yet and whose discovery has not failed either.
    discovering: BTreeSet<String>,
    discovery_errors: BTreeMap<String, TargetState>,
    targets: BTreeMap<TargetId, TargetState>,
    /// How the functions of each stream are read, by source.
    strategies: BTreeMap<String, Vec<(TargetId, String)>>,
}

/// How a target stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetState {
    /// End of the last poll.
    pub last_poll: Option<Timestamp>,
    /// What went wrong in it.
    pub last_error: Option<String>,
    /// Below it everything is counted.
    pub settled: Option<Timestamp>,
    /// Rows counted since its source was begun.
    pub rows: u64,
    /// The source that reads it.
    pub source: String,
}

impl Board {
    /// A board that waits for the functions of these sources.
    pub fn waiting_for<'a>(sources: impl IntoIterator<Item = &'a str>) -> Self {
        let discovering = sources.into_iter().map(str::to_owned).collect();
        Self(Mutex::new(Shown {
            discovering,
            ..Shown::default()
        }))
    }

    /// Waits for the functions of one more source.
    pub fn begun(&self, source: &str) {
        self.lock().discovering.insert(source.to_owned());
    }

    /// Forgets a source; the targets that it read.
    pub fn ended(&self, source: &str) -> Vec<TargetId> {
        let mut shown = self.lock();
        shown.discovering.remove(source);
        shown.discovery_errors.remove(source);
        shown.strategies.remove(source);
        let targets = &mut shown.targets;
        let ended = targets.extract_if(.., |_, state| state.source == source);
        ended.map(|(target, _)| target).collect()
    }

    pub(super) fn discovered(&self, source: &str, strategy: Vec<(TargetId, String)>) {
        let mut shown = self.lock();
        shown.strategies.insert(source.to_owned(), strategy);
        shown.discovering.remove(source);
        shown.discovery_errors.remove(source);
    }

    pub(super) fn discovery_failed(&self, source: &str, now: Timestamp, error: &ApiError) {
        let mut shown = self.lock();
        shown.discovering.remove(source);
        let state = TargetState {
            last_poll: Some(now),
            last_error: Some(error.to_string()),
            ..TargetState::default()
        };
        shown.discovery_errors.insert(source.to_owned(), state);
    }

    pub(super) fn added(&self, source: &str, target: &TargetId) {
        let state = || TargetState {
            source: source.to_owned(),
            ..TargetState::default()
        };
        let mut shown = self.lock();
        shown.targets.entry(target.clone()).or_insert_with(state);
    }

    pub(super) fn opened(&self, target: &TargetId, settled: Timestamp) {
        self.change(target, |state| state.settled = Some(settled));
    }

    pub(super) fn polled(&self, target: &TargetId, at: Timestamp, settled: Timestamp, rows: u64) {
        self.change(target, |state| {
            state.last_poll = Some(at);
            state.last_error = None;
            state.settled = Some(settled);
            state.rows += rows;
        });
    }

    pub(super) fn failed(&self, target: &TargetId, at: Timestamp, error: String) {
        self.change(target, |state| {
            state.last_poll = Some(at);
            state.last_error = Some(error);
        });
    }

    pub(super) fn closed(&self, target: &TargetId) {
        self.lock().targets.remove(target);
    }

    /// Whether the functions of some source are not known yet.
    pub fn is_discovering(&self) -> bool {
        !self.lock().discovering.is_empty()
    }

    /// Every target by name, then each source whose functions could not be listed.
    pub fn states(&self) -> Vec<(String, TargetState)> {
        let shown = self.lock();
        let targets = shown
            .targets
            .iter()
            .map(|(id, state)| (id.to_string(), state.clone()));
        let sources = shown
            .discovery_errors
            .iter()
            .map(|(name, state)| (format!("{name} (list of functions)"), state.clone()));
        targets.chain(sources).collect()
    }

    /// Each stream of many functions, and how these are read.
    pub fn strategies(&self) -> Vec<(String, String)> {
        let shown = self.lock();
        let all = shown.strategies.values().flatten();
        all.map(|(stream, how)| (stream.to_string(), how.clone()))
            .collect()
    }

    /// All targets, and how many of them were neither read nor failed yet.
    pub fn waiting(&self) -> (usize, usize) {
        let shown = self.lock();
        let waiting = shown
            .targets
            .values()
            .filter(|state| state.last_poll.is_none())
            .count();
        (shown.targets.len(), waiting)
    }

    /// The oldest settled position of the targets of a target's region, once each has one.
    pub fn settled(&self, beside: &TargetId) -> Option<Timestamp> {
        let shown = self.lock();
        let of_region = shown.targets.iter().filter(|(id, _)| id.is_beside(beside));
        of_region.map(|(_, state)| state.settled).min().flatten()
    }

    fn change(&self, target: &TargetId, change: impl FnOnce(&mut TargetState)) {
        if let Some(state) = self.lock().targets.get_mut(target) {
            change(state);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
