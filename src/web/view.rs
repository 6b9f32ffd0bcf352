//! What the server shows, and by what it asks for it.

use std::sync::Arc;
use std::time::Duration;

use crate::metrics::Snapshot;
use crate::model::Timestamp;
use crate::telemetry::{Cell, Issue, Rows, Unread};

/// What the server shows. Called for each request, so it must be quick and must not wait for the
/// way of the data: an atomic load, a copy of a small table.
pub trait View: Send + Sync + 'static {
    /// The published series.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// Whether the numbers can be relied on.
    fn readiness(&self) -> Readiness;

    /// How everything is doing.
    fn status(&self) -> Status;
}

/// Whether every source was once read with success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// These were not.
    Waiting(Vec<Unread>),
    /// All were.
    Ready,
}

/// How everything is doing, for people.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Status {
    /// The present instant.
    pub now: Timestamp,
    /// When the process began.
    pub began: Timestamp,
    /// All sources, in any order.
    pub sources: Vec<SourceStatus>,
    /// All targets, in any order.
    pub targets: Vec<TargetStatus>,
    /// All rows read since the start, those of targets that are gone included.
    pub rows: Rows,
    /// The series.
    pub series: SeriesStatus,
    /// What is kept on the disk.
    pub state: StateStatus,
    /// The configuration.
    pub config: ConfigStatus,
}

/// How one source is doing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceStatus {
    /// Its name.
    pub name: String,
    /// The API that is read.
    pub api: String,
    /// The region.
    pub region: String,
    /// The account's name in the configuration, or nothing.
    pub account: String,
    /// Requests a second that each action may take.
    pub requests_limit: f64,
    /// What was asked for in the last minute, the action asked most first.
    pub requests: Vec<ActionRate>,
    /// Each stream of many functions, and how these are read.
    pub stream_modes: Vec<(String, String)>,
    /// What is wrong with its list of functions.
    pub trouble: Option<Issue>,
    /// Whether it was once read with success.
    pub ready: bool,
    /// How many names, patterns and topics of its configuration fit nothing.
    pub unmatched: usize,
    /// What a person should know of it although nothing failed.
    pub hints: Vec<Issue>,
    /// How far the cloud's clock is ahead of this machine's.
    pub clock_offset_seconds: f64,
    /// That this is too much.
    pub clock: Option<Issue>,
}

/// The requests of one action.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ActionRate {
    /// The action.
    pub action: String,
    /// Requests a second over the last minute.
    pub per_second: f64,
    /// Of these, the ones that failed.
    pub failed_per_second: f64,
}

/// How one target is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetStatus {
    /// Its name.
    pub name: String,
    /// The source that it is of.
    pub source: String,
    /// End of the last poll, with or without success.
    pub last_poll: Option<Timestamp>,
    /// What goes wrong, or went wrong last.
    pub trouble: Option<Issue>,
    /// Up to where everything is counted.
    pub watermark: Option<Timestamp>,
    /// How long after its position a row may still appear.
    pub allowed_lateness: Option<Duration>,
    /// Rows read since the start.
    pub rows: Rows,
    /// Invocations of the last hour by minute, oldest first; empty where there were none.
    pub recent: Vec<Cell>,
}

/// How many functions have series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SeriesStatus {
    /// Functions that have.
    pub functions: usize,
    /// Functions that may have.
    pub limit: usize,
    /// Invocations of functions past the limit, counted together.
    pub overflow: u64,
}

/// What is kept on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateStatus {
    /// What it takes; `None` where it is in memory only.
    pub bytes: Option<u64>,
    /// What is wrong with writing it.
    pub trouble: Option<Issue>,
}

/// The configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConfigStatus {
    /// Whether the last attempt to load it went well.
    pub successful: bool,
    /// When it was loaded last.
    pub loaded: Timestamp,
}

/// How a target is doing, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// The last poll failed.
    Failing,
    /// It is read, but a person should change something.
    Advice,
    /// Not read yet.
    Waiting,
    /// All is well.
    Ok,
}

// === impl TargetStatus ===

impl TargetStatus {
    /// How it is doing.
    pub fn health(&self) -> Health {
        match &self.trouble {
            Some(trouble) if trouble.is_going_on() && trouble.hint => Health::Advice,
            Some(trouble) if trouble.is_going_on() => Health::Failing,
            _ if self.last_poll.is_none() => Health::Waiting,
            _ => Health::Ok,
        }
    }

    /// How far what is settled lies behind `now`.
    pub fn behind(&self, now: Timestamp) -> Option<Duration> {
        Some(now.since(self.watermark?))
    }

    /// What could be settled by now and is not: the part of [`Self::behind`] in which no row can
    /// appear any more and that waits to be read through.
    pub fn waiting(&self, now: Timestamp) -> Option<Duration> {
        Some(self.behind(now)?.saturating_sub(self.allowed_lateness?))
    }
}

// === impl Health ===

impl Health {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Advice => "advice",
            Self::Waiting => "waiting",
            Self::Ok => "ok",
        }
    }
}
