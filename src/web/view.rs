//! What the server shows, and how it asks for it. The status page and the JSON are made of the same
//! structures; fields are named as in the JSON, or renamed to that here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::metrics::Snapshot;
use crate::model::Timestamp;
use crate::telemetry::{Cell, Issue, Rows, Unread, seconds, seconds_if_any};

/// What the server shows. It is called for each request, so it must be quick and must not wait for
/// the readers: an atomic load, a copy of a small table.
pub trait View: Send + Sync + 'static {
    /// Returns the published series.
    fn snapshot(&self) -> Arc<Snapshot>;

    /// Returns whether every source was once read with success.
    fn readiness(&self) -> Readiness;

    /// Returns the state of all parts.
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

/// The state of all parts, for people.
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
    /// The busiest functions.
    pub functions: FunctionTable,
    /// How many functions have series.
    pub series: SeriesStatus,
    /// What is kept on the disk.
    pub state: StateStatus,
    /// The last loads of the configuration.
    pub config: ConfigStatus,
}

/// The state of one source.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
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
    #[serde(rename = "requests_per_second_limit")]
    pub requests_limit: f64,
    /// The requests of the last minute, the most frequent action first.
    #[serde(flatten, serialize_with = "rates")]
    pub requests: Vec<ActionRate>,
    /// Each stream of many functions, and how these are read.
    #[serde(rename = "streams", serialize_with = "by_stream")]
    pub stream_modes: Vec<(String, String)>,
    /// Whether it was once read with success.
    pub ready: bool,
    /// How many configured names, patterns and topics match nothing.
    #[serde(rename = "unmatched_selectors")]
    pub unmatched: usize,
    /// What needs attention although nothing failed.
    #[serde(rename = "advice")]
    pub hints: Vec<Issue>,
    /// How far the cloud's clock is ahead of this machine's.
    pub clock_offset_seconds: f64,
    /// The issue of a clock that is too far off.
    #[serde(skip)]
    pub clock: Option<Issue>,
    /// The issue of its list of functions.
    #[serde(rename = "error")]
    pub trouble: Option<Issue>,
}

/// The requests of one action over the last minute.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ActionRate {
    /// The action.
    pub action: String,
    /// Requests a second.
    pub per_second: f64,
    /// The failed ones of these.
    pub failed_per_second: f64,
    /// The limit of the action.
    pub limit: f64,
}

/// The state of one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TargetStatus {
    /// Its name.
    pub name: String,
    /// The name of its source.
    pub source: String,
    /// End of the last poll, with or without success.
    #[serde(
        rename = "last_poll_timestamp_seconds",
        serialize_with = "seconds_if_any"
    )]
    pub last_poll: Option<Timestamp>,
    /// The position below which every row was read.
    #[serde(
        rename = "watermark_timestamp_seconds",
        serialize_with = "seconds_if_any"
    )]
    pub watermark: Option<Timestamp>,
    /// How long after its position a row may still appear.
    #[serde(skip)]
    pub allowed_lateness: Option<Duration>,
    /// Rows read since the start.
    #[serde(rename = "records")]
    pub rows: Rows,
    /// Invocations of the last hour by minute, oldest first; empty where there were none.
    #[serde(skip)]
    pub recent: Vec<Cell>,
    /// The latest issue, which may have ended.
    #[serde(rename = "error")]
    pub trouble: Option<Issue>,
}

/// How many functions have series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SeriesStatus {
    /// Functions that have series.
    pub functions: usize,
    /// Functions that may have series of their own.
    #[serde(rename = "functions_limit")]
    pub limit: usize,
    /// Invocations of functions past the limit, counted together.
    #[serde(rename = "overflow_invocations")]
    pub overflow: u64,
}

/// What is kept on the disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StateStatus {
    /// Size on the disk; `None` where the state is in memory only.
    pub bytes: Option<u64>,
    /// The issue of writing it.
    #[serde(rename = "error")]
    pub trouble: Option<Issue>,
}

/// The last loads of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ConfigStatus {
    /// Whether the last load succeeded.
    #[serde(rename = "last_reload_successful")]
    pub successful: bool,
    /// Time of the last load that succeeded.
    #[serde(
        rename = "last_reload_success_timestamp_seconds",
        serialize_with = "seconds"
    )]
    pub loaded: Timestamp,
    /// Why the last load failed; `None` if it succeeded.
    #[serde(rename = "last_reload_error")]
    pub fault: Option<String>,
}

/// The busiest functions.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FunctionTable {
    /// Those with the most invocations, these first.
    #[serde(rename = "busiest")]
    pub rows: Vec<FunctionStatus>,
    /// How many others have series.
    #[serde(rename = "others")]
    pub left_out: usize,
}

/// What is known of one function, since its counters began.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FunctionStatus {
    /// Region, namespace and name, with the account where several are read.
    pub name: String,
    /// Invocations counted.
    pub invocations: u64,
    /// Those of them that did not succeed.
    pub failed: u64,
    /// Position of the newest invocation.
    #[serde(
        rename = "last_invocation_timestamp_seconds",
        serialize_with = "seconds_if_any"
    )]
    pub last_invocation: Option<Timestamp>,
    /// The estimated 95th percentile of the run time, never above the configured timeout; `None`
    /// before the first invocation.
    #[serde(rename = "p95_duration_seconds")]
    pub p95_seconds: Option<f64>,
}

/// How a target is doing, in one word; what needs attention most comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// The last poll failed.
    Failing,
    /// It is read, but its configuration needs attention.
    Advice,
    /// It was not read yet.
    Waiting,
    /// It is read.
    Ok,
}

// === impl SourceStatus ===

/// Writes two maps by action.
fn rates<S: Serializer>(requests: &[ActionRate], to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Rates<'s> {
        requests_per_second: BTreeMap<&'s str, f64>,
        failed_requests_per_second: BTreeMap<&'s str, f64>,
    }
    let by = |rate: fn(&ActionRate) -> f64| {
        let rates = requests.iter().map(|one| (one.action.as_str(), rate(one)));
        rates.collect()
    };
    let rates = Rates {
        requests_per_second: by(|one| one.per_second),
        failed_requests_per_second: by(|one| one.failed_per_second),
    };
    rates.serialize(to)
}

fn by_stream<S: Serializer>(modes: &[(String, String)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(modes.iter().map(|(stream, mode)| (stream, mode)))
}

// === impl ActionRate ===

impl ActionRate {
    /// Returns the used share of the limit.
    pub fn used(&self) -> f64 {
        self.per_second / self.limit.max(1e-9)
    }
}

// === impl TargetStatus ===

impl TargetStatus {
    /// Returns its health.
    pub fn health(&self) -> Health {
        match &self.trouble {
            Some(trouble) if trouble.is_going_on() && trouble.hint => Health::Advice,
            Some(trouble) if trouble.is_going_on() => Health::Failing,
            _ if self.last_poll.is_none() => Health::Waiting,
            _ => Health::Ok,
        }
    }

    /// Returns how far the watermark is behind `now`.
    pub fn behind(&self, now: Timestamp) -> Option<Duration> {
        Some(now.since(self.watermark?))
    }

    /// Returns the backlog: the part of [`Self::behind`] in which no row can appear any more, and
    /// which is still to be read.
    pub fn waiting(&self, now: Timestamp) -> Option<Duration> {
        Some(self.behind(now)?.saturating_sub(self.allowed_lateness?))
    }
}

// === impl Health ===

impl Health {
    /// Returns the word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Advice => "advice",
            Self::Waiting => "waiting",
            Self::Ok => "ok",
        }
    }
}
