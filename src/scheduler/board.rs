//! What the status page shows of sources and targets. Neither the data path nor a scrape waits for
//! it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::totals::ReadTotals;
use crate::config::Api;
use crate::ledger::{AllowedLateness, TargetId};
use crate::model::Timestamp;
use crate::telemetry::{Awaited, Cell, Issue, Recent, Requests, Rows, Unread};
use tencentcloud::{ApiError, CloudClock};

/// The state of every target and source.
#[derive(Debug, Default)]
pub struct StatusBoard(Mutex<TargetEntry>);

#[derive(Debug, Default)]
struct TargetEntry {
    /// Sources without a successful read so far.
    unread: BTreeMap<String, Discovery>,
    discovery: BTreeMap<String, Issue>,
    sources: BTreeMap<String, SourceInfo>,
    targets: BTreeMap<TargetId, TargetState>,
    /// How the functions of each stream are read, by source.
    stream_modes: BTreeMap<String, Vec<(TargetId, String)>>,
    /// Advice on each source although nothing failed.
    remarks: BTreeMap<String, Remarked>,
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

#[derive(Debug, Default)]
struct Remarked {
    unmatched: usize,
    hints: Vec<Issue>,
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
    /// Request limit of each action, per second.
    pub limit: f64,
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
    /// What it is.
    pub info: SourceInfo,
    /// The latest problem with its list of functions.
    pub trouble: Option<Issue>,
    /// Each stream of many functions, and a text on how they are read.
    pub stream_modes: Vec<(String, String)>,
    /// Whether a read has succeeded since the start.
    pub ready: bool,
    /// Number of configured names, patterns and topics that match nothing.
    pub unmatched: usize,
    /// Advice for the operator although nothing failed.
    pub hints: Vec<Issue>,
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
        let mut shown = self.lock();
        shown.unread.insert(source.to_owned(), Discovery::UnderWay);
        shown.sources.insert(source.to_owned(), info);
    }

    /// Removes a source and returns the targets that it read.
    pub fn ended(&self, source: &str) -> Vec<TargetId> {
        let mut shown = self.lock();
        shown.unread.remove(source);
        shown.discovery.remove(source);
        shown.remarks.remove(source);
        shown.stream_modes.remove(source);
        shown.sources.remove(source);
        let targets = &mut shown.targets;
        let ended = targets.extract_if(.., |_, state| &*state.source == source);
        ended.map(|(target, _)| target).collect()
    }

    pub(super) fn discovered(
        &self,
        source: &str,
        now: Timestamp,
        stream_modes: Vec<(TargetId, String)>,
        whole: bool,
    ) {
        let mut shown = self.lock();
        shown.stream_modes.insert(source.to_owned(), stream_modes);
        shown.discovered(
            source,
            match whole {
                true => Discovery::Whole,
                false => Discovery::Begun,
            },
        );
        if let Some(trouble) = shown.discovery.get_mut(source) {
            trouble.end(now);
        }
    }

    pub(super) fn discovery_failed(&self, source: &str, now: Timestamp, error: &ApiError) {
        let mut shown = self.lock();
        shown.discovered(source, Discovery::Failed);
        let met = issue_of(error).met(shown.discovery.get(source), now);
        shown.discovery.insert(source.to_owned(), met);
    }

    /// Replaces the advice on a source.
    pub(super) fn remarked(
        &self,
        source: &str,
        now: Timestamp,
        unmatched: usize,
        texts: &[String],
    ) {
        let mut shown = self.lock();
        let remarked = shown.remarks.entry(source.to_owned()).or_default();
        let hint = |text: &String| {
            let before = remarked.hints.iter().find(|hint| hint.what == *text);
            Issue::hint(text).met(before, now)
        };
        let hints = texts.iter().map(hint).collect();
        *remarked = Remarked { unmatched, hints };
    }

    pub(super) fn added(&self, target: &TargetId, source: &Arc<str>) {
        let new = || TargetState::of(source.clone());
        let mut shown = self.lock();
        shown.targets.entry(target.clone()).or_insert_with(new);
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
        let mut shown = self.lock();
        let Some(state) = shown.targets.get_mut(target) else {
            return;
        };
        let source = state.source.clone();
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
        let known = |how: &Discovery| *how != Discovery::UnderWay;
        if shown.unread.get(&*source).is_some_and(known) {
            shown.unread.remove(&*source);
        }
    }

    pub(super) fn failed(&self, target: &TargetId, at: Timestamp, trouble: Issue) {
        self.change(target, |state| {
            state.last_poll = Some(at);
            state.trouble = Some(trouble.met(state.trouble.as_ref(), at));
        });
    }

    pub(super) fn closed(&self, target: &TargetId) {
        self.lock().targets.remove(target);
    }

    /// The sources without a successful read, and what each of them waits for.
    pub fn unread(&self) -> Vec<Unread> {
        let shown = self.lock();
        let unread = shown.unread.iter();
        unread
            .map(|(source, how)| Unread {
                source: source.clone(),
                why: shown.why(source, *how),
            })
            .collect()
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
            let stream_modes = shown.stream_modes.get(name).into_iter().flatten();
            SourceState {
                name: name.clone(),
                info: info.clone(),
                trouble: shown.discovery.get(name).cloned(),
                stream_modes: stream_modes
                    .map(|(stream, how)| (stream.to_string(), how.clone()))
                    .collect(),
                ready: !shown.unread.contains_key(name),
                unmatched: shown.remarks.get(name).map_or(0, |one| one.unmatched),
                hints: shown
                    .remarks
                    .get(name)
                    .map_or_else(Vec::new, |one| one.hints.clone()),
            }
        };
        shown.sources.iter().map(state).collect()
    }

    /// The lowest watermark of the region of `beside`; `None` until each of its targets has one.
    pub fn watermark(&self, beside: &TargetId) -> Option<Timestamp> {
        let shown = self.lock();
        let of_region = shown.targets.iter().filter(|(id, _)| id.is_beside(beside));
        of_region.map(|(_, state)| state.watermark).min().flatten()
    }

    fn change(&self, target: &TargetId, change: impl FnOnce(&mut TargetState)) {
        if let Some(state) = self.lock().targets.get_mut(target) {
            change(state);
        }
    }

    fn lock(&self) -> MutexGuard<'_, TargetEntry> {
        self.0.lock()
    }
}

impl TargetEntry {
    /// Records the progress of discovery. A source without functions counts as read.
    fn discovered(&mut self, source: &str, how: Discovery) {
        let mut own = self.targets.values().filter(|one| &*one.source == source);
        let has_none = own.clone().next().is_none() && how == Discovery::Whole;
        if has_none || own.any(|one| one.succeeded) {
            self.unread.remove(source);
        } else if let Some(before) = self.unread.get_mut(source) {
            *before = how;
        }
    }

    fn why(&self, source: &str, how: Discovery) -> Awaited {
        let own = || self.targets.values().filter(|one| &*one.source == source);
        let untried = own().filter(|one| one.last_poll.is_none()).count();
        match how {
            Discovery::UnderWay => Awaited::Functions,
            Discovery::Failed if own().next().is_none() => Awaited::Listing,
            Discovery::Begun if own().next().is_none() => Awaited::Functions,
            _ if untried > 0 => Awaited::FirstRead,
            _ => Awaited::Success,
        }
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
