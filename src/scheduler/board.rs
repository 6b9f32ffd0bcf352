//! What the status page shows of sources and targets. Neither the data path nor a scrape waits for
//! it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::totals::ReadTotals;
use crate::config::{Api, RequestLimits};
use crate::ledger::{AllowedLateness, TargetId};
use crate::model::Timestamp;
use crate::telemetry::{Awaited, Cell, Issue, Recent, Requests, Rows, Unread};
use tencentcloud::{ApiError, CloudClock};

/// The state of every target and source.
#[derive(Debug, Default)]
pub struct StatusBoard(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    sources: BTreeMap<String, SourceState>,
    targets: BTreeMap<TargetId, TargetState>,
}

/// Progress of the discovery of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Discovery {
    /// Nothing is known yet.
    UnderWay,
    /// It failed, and is tried again.
    Failed,
    /// Some functions are known.
    Begun,
    /// All functions are known.
    Whole,
}

/// The configuration of a source, as shown.
#[derive(Debug, Clone)]
pub struct SourceInfo {
    /// The API that is read.
    pub api: Api,
    /// The region.
    pub region: String,
    /// The account's name in the configuration, or nothing.
    pub account: String,
    /// Request limits by action.
    pub limits: RequestLimits,
    /// Counts of the requests made.
    pub requests: Arc<Requests>,
    /// The cloud's clock, which dates everything of this source.
    pub clock: CloudClock,
}

/// The current state of a source.
#[derive(Debug, Clone)]
pub struct SourceState {
    /// Its name.
    pub name: String,
    /// Its configuration.
    pub info: SourceInfo,
    /// The latest problem with its list of functions.
    pub trouble: Option<Issue>,
    /// Each stream of many functions, and a text on how they are read.
    pub stream_modes: Vec<(String, String)>,
    /// Number of configured names, patterns and topics that match nothing.
    pub unmatched: usize,
    /// Advice for the operator although nothing failed.
    pub hints: Vec<Issue>,
    /// The progress of discovery until the first successful read.
    unread: Option<Discovery>,
}

/// The current state of a target.
#[derive(Debug, Clone)]
pub struct TargetState {
    /// The source that reads it.
    pub source: Arc<str>,
    /// End of the last poll.
    pub last_poll: Option<Timestamp>,
    /// The current problem, or the last one.
    pub trouble: Option<Issue>,
    /// The watermark: everything below it is counted.
    pub watermark: Option<Timestamp>,
    /// Allowed lateness as of the last poll. The watermark stays at least this far behind the
    /// clock.
    pub allowed_lateness: Option<AllowedLateness>,
    /// Rows read since the start of the process.
    pub rows: Rows,
    /// Invocations counted, by the minute of their position.
    pub recent: Recent,
    /// Whether it was once read with success.
    succeeded: bool,
}

/// A successful poll.
pub(super) struct Polled {
    pub(super) watermark: Timestamp,
    pub(super) allowed_lateness: AllowedLateness,
    pub(super) hint: Option<Issue>,
}

impl StatusBoard {
    /// Adds a source whose functions are not known yet.
    pub fn begun(&self, source: &str, info: SourceInfo) {
        let state = SourceState {
            name: source.to_owned(),
            info,
            trouble: None,
            stream_modes: Vec::new(),
            unmatched: 0,
            hints: Vec::new(),
            unread: Some(Discovery::UnderWay),
        };
        self.0.lock().sources.insert(source.to_owned(), state);
    }

    /// Removes a source and returns the targets that it read.
    pub fn ended(&self, source: &str) -> Vec<TargetId> {
        let mut entries = self.0.lock();
        entries.sources.remove(source);
        let targets = &mut entries.targets;
        let ended = targets.extract_if(.., |_, state| &*state.source == source);
        ended.map(|(target, _)| target).collect()
    }

    pub(super) fn discovered(
        &self,
        source: &str,
        now: Timestamp,
        stream_modes: Vec<(TargetId, String)>,
        is_whole: bool,
    ) {
        let progress = match is_whole {
            true => Discovery::Whole,
            false => Discovery::Begun,
        };
        self.change_source(source, progress, |state| {
            let modes = stream_modes.into_iter();
            let modes = modes.map(|(stream, mode)| (stream.to_string(), mode));
            state.stream_modes = modes.collect();
            if let Some(trouble) = &mut state.trouble {
                trouble.end(now);
            }
        });
    }

    pub(super) fn discovery_failed(&self, source: &str, now: Timestamp, error: &ApiError) {
        self.change_source(source, Discovery::Failed, |state| {
            state.trouble = Some(issue_of(error).met(state.trouble.as_ref(), now));
        });
    }

    /// Replaces the advice on a source.
    pub(super) fn set_issues(
        &self,
        source: &str,
        now: Timestamp,
        unmatched: usize,
        texts: &[String],
    ) {
        if let Some(state) = self.0.lock().sources.get_mut(source) {
            let hint = |text: &String| {
                let before = state.hints.iter().find(|hint| hint.what == *text);
                Issue::hint(text).met(before, now)
            };
            state.hints = texts.iter().map(hint).collect();
            state.unmatched = unmatched;
        }
    }

    pub(super) fn added(&self, target: &TargetId, source: &Arc<str>) {
        let new = || TargetState::of(source.clone());
        let targets = &mut self.0.lock().targets;
        targets.entry(target.clone()).or_insert_with(new);
    }

    pub(super) fn opened(
        &self,
        target: &TargetId,
        watermark: Timestamp,
        allowed_lateness: AllowedLateness,
    ) {
        self.change(target, |state| {
            state.watermark = Some(watermark);
            state.allowed_lateness = Some(allowed_lateness);
        });
    }

    /// Adds the rows of a read, even of a failed one.
    pub(super) fn counted(&self, target: &TargetId, now: Timestamp, totals: &ReadTotals) {
        self.change(target, |state| {
            state.rows.add(totals.rows);
            for minute in &totals.minutes {
                let count = Cell {
                    total: minute.invocations,
                    failed: minute.failed,
                };
                state.recent.add(now, minute.begins(), count);
            }
        });
    }

    /// Records a successful poll, perhaps with a hint for the operator.
    pub(super) fn polled(&self, target: &TargetId, at: Timestamp, poll: Polled) {
        let entries = &mut *self.0.lock();
        let Some(state) = entries.targets.get_mut(target) else {
            return;
        };
        state.succeeded = true;
        state.last_poll = Some(at);
        state.watermark = Some(poll.watermark);
        state.allowed_lateness = Some(poll.allowed_lateness);
        match (poll.hint, &mut state.trouble) {
            (Some(hint), before) => *before = Some(hint.met(before.as_ref(), at)),
            (None, Some(trouble)) => trouble.end(at),
            (None, None) => {}
        }
        // Once discovery has succeeded or failed, one read target makes its source ready.
        if let Some(source) = entries.sources.get_mut(&*state.source) {
            let under_way = |progress: &Discovery| *progress == Discovery::UnderWay;
            source.unread = source.unread.filter(under_way);
        }
    }

    pub(super) fn failed(&self, target: &TargetId, at: Timestamp, trouble: Issue) {
        self.change(target, |state| {
            state.last_poll = Some(at);
            state.trouble = Some(trouble.met(state.trouble.as_ref(), at));
        });
    }

    pub(super) fn closed(&self, target: &TargetId) {
        self.0.lock().targets.remove(target);
    }

    /// Returns the sources without a successful read, and what each of them waits for.
    pub fn unread(&self) -> Vec<Unread> {
        let entries = self.0.lock();
        let unread = entries.sources.iter().filter_map(|(source, state)| {
            Some(Unread {
                source: source.clone(),
                why: entries.awaited(source, state.unread?),
            })
        });
        unread.collect()
    }

    /// Returns every target, by name.
    pub fn targets(&self) -> Vec<(TargetId, TargetState)> {
        let entries = self.0.lock();
        let targets = entries.targets.iter();
        targets
            .map(|(id, state)| (id.clone(), state.clone()))
            .collect()
    }

    /// Returns every source, by name.
    pub fn sources(&self) -> Vec<SourceState> {
        self.0.lock().sources.values().cloned().collect()
    }

    /// Returns the lowest watermark of the region of `beside`; `None` until each of its targets has
    /// one.
    pub fn watermark(&self, beside: &TargetId) -> Option<Timestamp> {
        let entries = self.0.lock();
        let of_region = entries.targets.iter();
        let of_region = of_region.filter(|(id, _)| id.is_beside(beside));
        of_region.map(|(_, state)| state.watermark).min().flatten()
    }

    fn change(&self, target: &TargetId, change: impl FnOnce(&mut TargetState)) {
        if let Some(state) = self.0.lock().targets.get_mut(target) {
            change(state);
        }
    }

    /// Records the progress of discovery. A source without functions counts as read.
    fn change_source(
        &self,
        source: &str,
        progress: Discovery,
        change: impl FnOnce(&mut SourceState),
    ) {
        let entries = &mut *self.0.lock();
        let Some(state) = entries.sources.get_mut(source) else {
            return;
        };
        let mut own = entries
            .targets
            .values()
            .filter(|one| &*one.source == source);
        let has_none = own.clone().next().is_none() && progress == Discovery::Whole;
        let is_read = state.unread.is_none() || has_none || own.any(|one| one.succeeded);
        state.unread = (!is_read).then_some(progress);
        change(state);
    }
}

impl Entries {
    fn awaited(&self, source: &str, progress: Discovery) -> Awaited {
        let own = || self.targets.values().filter(|one| &*one.source == source);
        let untried = own().filter(|one| one.last_poll.is_none()).count();
        match progress {
            Discovery::UnderWay => Awaited::Functions,
            Discovery::Failed if own().next().is_none() => Awaited::Listing,
            Discovery::Begun if own().next().is_none() => Awaited::Functions,
            _ if untried > 0 => Awaited::FirstRead,
            _ => Awaited::Success,
        }
    }
}

impl SourceState {
    /// Returns whether a read has succeeded since the start.
    pub fn is_ready(&self) -> bool {
        self.unread.is_none()
    }
}

impl TargetState {
    fn of(source: Arc<str>) -> Self {
        Self {
            source,
            last_poll: None,
            trouble: None,
            watermark: None,
            allowed_lateness: None,
            rows: Rows::default(),
            recent: Recent::hour(),
            succeeded: false,
        }
    }
}

/// Describes a refused or failed request for the status page.
pub(super) fn issue_of(error: &ApiError) -> Issue {
    Issue::of(&error.code, error.failure(), error.advice)
}

#[cfg(test)]
mod tests;
