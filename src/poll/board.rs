//! What people are shown about sources and targets. Never on the way of the data or of a scrape.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::sink::Tally;
use crate::config::Api;
use crate::ledger::TargetId;
use crate::model::Timestamp;
use crate::telemetry::{Cell, Recent, Requests, Rows, Trouble};
use crate::tencent::{ApiError, CloudClock};

/// The state of every target and source.
#[derive(Debug, Default)]
pub struct Board(Mutex<Shown>);

#[derive(Debug, Default)]
struct Shown {
    /// Sources whose functions are not known yet and whose discovery has not failed either.
    discovering: BTreeSet<String>,
    discovery: BTreeMap<String, Trouble>,
    sources: BTreeMap<String, SourceInfo>,
    targets: BTreeMap<TargetId, TargetState>,
    /// How the functions of each stream are read, by source.
    strategies: BTreeMap<String, Vec<(TargetId, String)>>,
}

/// What a source is.
#[derive(Debug, Clone)]
pub struct SourceInfo {
    /// The API that is read.
    pub api: Api,
    /// The region.
    pub region: String,
    /// The account's name in the configuration, or nothing.
    pub account: String,
    /// Requests a second that each action may take.
    pub limit: f64,
    /// The requests that are made.
    pub requests: Arc<Requests>,
    /// The cloud's clock, by which all times of the source and its targets are.
    pub clock: CloudClock,
}

/// How a source stands.
#[derive(Debug, Clone)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// What it is.
    pub info: SourceInfo,
    /// What is wrong with its list of functions.
    pub trouble: Option<Trouble>,
    /// Each stream of many functions, and how these are read.
    pub strategies: Vec<(String, String)>,
}

/// How a target stands.
#[derive(Debug, Clone)]
pub struct TargetState {
    /// The source that it is of.
    pub source: Arc<str>,
    /// End of the last poll.
    pub last_poll: Option<Timestamp>,
    /// What goes wrong, or went wrong last.
    pub trouble: Option<Trouble>,
    /// Below it everything is counted.
    pub settled: Option<Timestamp>,
    /// How long after its position a row may still appear, as of the last poll: what is younger
    /// cannot be settled.
    pub late_after: Option<Duration>,
    /// Rows read since the start of the process.
    pub rows: Rows,
    /// Invocations counted, by the minute of their position.
    pub recent: Recent,
}

/// A poll that went well.
pub(super) struct Polled {
    pub(super) settled: Timestamp,
    pub(super) late_after: Duration,
    pub(super) hint: Option<Trouble>,
}

impl Board {
    /// Shows a source, and waits for its functions.
    pub fn begun(&self, source: &str, info: SourceInfo) {
        let mut shown = self.lock();
        shown.discovering.insert(source.to_owned());
        shown.sources.insert(source.to_owned(), info);
    }

    /// Forgets a source; the targets that it read.
    pub fn ended(&self, source: &str) -> Vec<TargetId> {
        let mut shown = self.lock();
        shown.discovering.remove(source);
        shown.discovery.remove(source);
        shown.strategies.remove(source);
        shown.sources.remove(source);
        let targets = &mut shown.targets;
        let ended = targets.extract_if(.., |_, state| &*state.source == source);
        ended.map(|(target, _)| target).collect()
    }

    pub(super) fn discovered(
        &self,
        source: &str,
        now: Timestamp,
        strategy: Vec<(TargetId, String)>,
    ) {
        let mut shown = self.lock();
        shown.strategies.insert(source.to_owned(), strategy);
        shown.discovering.remove(source);
        if let Some(trouble) = shown.discovery.get_mut(source) {
            trouble.end(now);
        }
    }

    pub(super) fn discovery_failed(&self, source: &str, now: Timestamp, error: &ApiError) {
        let mut shown = self.lock();
        shown.discovering.remove(source);
        let met = trouble_of(error).met(shown.discovery.get(source), now);
        shown.discovery.insert(source.to_owned(), met);
    }

    pub(super) fn added(&self, target: &TargetId, source: &Arc<str>) {
        let new = || TargetState::of(source.clone());
        let mut shown = self.lock();
        shown.targets.entry(target.clone()).or_insert_with(new);
    }

    pub(super) fn opened(&self, target: &TargetId, settled: Timestamp, late_after: Duration) {
        self.change(target, |state| {
            state.settled = Some(settled);
            state.late_after = Some(late_after);
        });
    }

    /// Shows what a read brought, whether it went well or not.
    pub(super) fn counted(&self, target: &TargetId, now: Timestamp, tally: &Tally) {
        self.change(target, |state| {
            state.rows.add(tally.rows);
            for minute in &tally.minutes {
                let count = Cell {
                    total: minute.invocations,
                    failed: minute.failed,
                };
                state.recent.add(now, minute.begins(), count);
            }
        });
    }

    /// Shows a poll that went well, perhaps with something that a person should change.
    pub(super) fn polled(&self, target: &TargetId, at: Timestamp, poll: Polled) {
        self.change(target, |state| {
            state.last_poll = Some(at);
            state.settled = Some(poll.settled);
            state.late_after = Some(poll.late_after);
            match (poll.hint, &mut state.trouble) {
                (Some(hint), before) => *before = Some(hint.met(before.as_ref(), at)),
                (None, Some(trouble)) => trouble.end(at),
                (None, None) => {}
            }
        });
    }

    pub(super) fn failed(&self, target: &TargetId, at: Timestamp, trouble: Trouble) {
        self.change(target, |state| {
            state.last_poll = Some(at);
            state.trouble = Some(trouble.met(state.trouble.as_ref(), at));
        });
    }

    pub(super) fn closed(&self, target: &TargetId) {
        self.lock().targets.remove(target);
    }

    /// Whether the functions of some source are not known yet.
    pub fn is_discovering(&self) -> bool {
        !self.lock().discovering.is_empty()
    }

    /// Every target, by name.
    pub fn targets(&self) -> Vec<(TargetId, TargetState)> {
        let shown = self.lock();
        let targets = shown.targets.iter();
        targets
            .map(|(id, state)| (id.clone(), state.clone()))
            .collect()
    }

    /// Every source, by name.
    pub fn sources(&self) -> Vec<SourceState> {
        let shown = self.lock();
        let state = |(name, info): (&String, &SourceInfo)| {
            let strategies = shown.strategies.get(name).into_iter().flatten();
            SourceState {
                name: name.clone(),
                info: info.clone(),
                trouble: shown.discovery.get(name).cloned(),
                strategies: strategies
                    .map(|(stream, how)| (stream.to_string(), how.clone()))
                    .collect(),
            }
        };
        shown.sources.iter().map(state).collect()
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

impl TargetState {
    fn of(source: Arc<str>) -> Self {
        Self {
            source,
            last_poll: None,
            trouble: None,
            settled: None,
            late_after: None,
            rows: Rows::default(),
            recent: Recent::hour(),
        }
    }
}

/// A refused or failed request, for people.
pub(super) fn trouble_of(error: &ApiError) -> Trouble {
    Trouble::of(&error.code, error.failure(), error.advice)
}
