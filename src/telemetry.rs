//! What the exporter says about itself: its own metrics, on a registry of its own.
//!
//! What people are shown beside the metrics is described here as well ([`Recent`], [`Issue`],
//! [`Unread`]).
//! Names, texts and labels come from [`crate::metrics::catalog`]. Counts on the way of the data (records,
//! commits, polls) are plain atomics held by their handles, so that a scrape never makes that way
//! wait; only a request to the cloud looks its series up behind a read lock.

mod bounded;
mod family;
mod recent;
mod requests;
mod rows;
mod source;
mod trouble;
mod unread;

use std::time::Duration;

use prometheus::proto::MetricFamily;
use prometheus::{
    Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
};

use crate::metrics::catalog;
use crate::model::{RejectReason, Timestamp};
use bounded::Bounded;
use family::Families;
use source::SourceFamilies;

pub use recent::{CELLS, Cell, Recent};
pub use requests::Requests;
pub use rows::Rows;
pub use source::SourceTelemetry;
pub use trouble::Issue;
pub use unread::{Awaited, Unread};

/// Upper bounds for a request to the cloud, in seconds: from one in the same region to one that
/// runs into its time limit.
const REQUEST_BOUNDS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Upper bounds for a commit, in seconds: from memory only to a disk in trouble.
const COMMIT_BOUNDS: [f64; 10] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];
/// How many APIs, and how many actions, may have series.
const ACTIONS_MAX: usize = 32;
/// How many answer codes may have series; the cloud's documents name fewer.
const CODES_MAX: usize = 64;
/// How many sources may have series.
const SOURCES_MAX: usize = 256;

/// The exporter's own metrics and those of its process.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    records: [IntCounter; Disposition::ALL.len()],
    rejected: [IntCounter; RejectReason::ALL.len()],
    apis: Bounded,
    actions: Bounded,
    codes: Bounded,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    source_names: Bounded,
    sources: SourceFamilies,
    series: IntGauge,
    rendered: IntGaugeVec,
    overflow: IntCounter,
    unknown_codes: IntCounter,
    ledger_entries: IntGauge,
    commit_duration: Histogram,
    commit_errors: IntCounter,
    reload_successful: IntGauge,
    reload_time: Gauge,
}

/// What became of a row that was read. A closed set: it is a label value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// Counted now.
    Counted,
    /// Counted before.
    Duplicate,
    /// Older than what is settled: too late to be told from a row counted before.
    Late,
    /// Not finished yet; it comes again.
    Unfinished,
    /// Unreadable.
    Invalid,
}

/// What the program was built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInfo {
    /// Version of the package.
    pub version: &'static str,
    /// Commit, or `unknown`.
    pub revision: &'static str,
    /// Version of the compiler, or `unknown`.
    pub rustversion: &'static str,
}

// === impl Telemetry ===

impl Telemetry {
    /// All metrics at their start: closed label sets at zero. Fails only if the catalog itself
    /// is at fault (two entries of one name, say).
    pub fn new(build: &BuildInfo) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let of = Families::new(&registry);
        register_process(&registry)?;
        of.gauges(&catalog::BUILD_INFO)?
            .with_label_values(&[build.version, build.revision, build.rustversion])
            .set(1.0);
        let records = of.counters(&catalog::RECORDS)?;
        let rejected = of.counters(&catalog::REJECTED_ROWS)?;
        Ok(Self {
            records: Disposition::ALL.map(|one| records.with_label_values(&[one.as_str()])),
            rejected: RejectReason::ALL.map(|one| rejected.with_label_values(&[one.as_str()])),
            apis: Bounded::new(ACTIONS_MAX),
            actions: Bounded::new(ACTIONS_MAX),
            codes: Bounded::new(CODES_MAX),
            requests: of.counters(&catalog::API_REQUESTS)?,
            request_duration: of.histograms(&catalog::API_REQUEST_DURATION, &REQUEST_BOUNDS)?,
            source_names: Bounded::new(SOURCES_MAX),
            sources: SourceFamilies::new(&of)?,
            series: of.int_gauge(&catalog::SERIES)?,
            rendered: of.int_gauges(&catalog::RENDERED_BYTES)?,
            overflow: of.counter(&catalog::OVERFLOW_INVOCATIONS)?,
            unknown_codes: of.counter(&catalog::UNKNOWN_CODES)?,
            ledger_entries: of.int_gauge(&catalog::LEDGER_ENTRIES)?,
            commit_duration: of.histogram(&catalog::COMMIT_DURATION, &COMMIT_BOUNDS)?,
            commit_errors: of.counter(&catalog::COMMIT_ERRORS)?,
            reload_successful: of.int_gauge(&catalog::CONFIG_RELOAD_SUCCESSFUL)?,
            reload_time: of.gauge(&catalog::CONFIG_RELOAD_TIME)?,
            registry,
        })
    }

    /// Counts rows by what became of them.
    pub fn records(&self, disposition: Disposition, rows: u64) {
        self.records[disposition as usize].inc_by(rows);
    }

    /// The rows of a disposition so far.
    pub fn recorded(&self, disposition: Disposition) -> u64 {
        self.records[disposition as usize].get()
    }

    /// Counts unreadable rows by the field at fault.
    pub fn rejected(&self, reason: RejectReason, rows: u64) {
        self.rejected[reason as usize].inc_by(rows);
    }

    /// Counts one request to the cloud: `api` such as `v2`, the action's name, the code of the
    /// answer (the cloud's own, or a word such as `ok` or `network`) and the time it took.
    ///
    /// Codes come from outside: past a fixed number of them, and where one is no plain word, they
    /// count as `other`.
    pub fn api_attempt(&self, api: &str, action: &str, code: &str, took: Duration) {
        let api = self.apis.fold(api);
        let action = self.actions.fold(action);
        let code = self.codes.fold(code);
        self.requests.with_label_values(&[api, action, code]).inc();
        self.request_duration
            .with_label_values(&[api, action])
            .observe(took.as_secs_f64());
    }

    /// The metrics of one source, at zero from now on. `name` comes from the configuration; the
    /// same name gives the same metrics. Keep it: looking it up is the slow part.
    pub fn source(&self, name: &str) -> SourceTelemetry {
        self.sources.of(self.source_names.fold(name))
    }

    /// A source of this name is read in another way from now on: how far it was is not how far
    /// it is.
    pub fn source_changed(&self, name: &str) {
        self.sources.clear_watermark(name);
    }

    /// No source of this name is read any more: its metrics end.
    pub fn source_ended(&self, name: &str) {
        if self.source_names.release(name) {
            self.sources.remove(name);
        }
    }

    /// A commit became durable after `took`.
    pub fn commit(&self, took: Duration) {
        self.commit_duration.observe(took.as_secs_f64());
    }

    /// A commit was refused.
    pub fn commit_failed(&self) {
        self.commit_errors.inc();
    }

    /// How many functions have series.
    pub fn set_series(&self, functions: usize) {
        self.series.set(whole(functions));
    }

    /// How many bytes are kept in a format (`text`, ...) and an encoding (`gzip`, `identity`).
    pub fn set_rendered(&self, format: &str, encoding: &str, bytes: usize) {
        let rendered = self.rendered.with_label_values(&[format, encoding]);
        rendered.set(whole(bytes));
    }

    /// Counts invocations that went to the overflow series.
    pub fn overflowed(&self, invocations: u64) {
        self.overflow.inc_by(invocations);
    }

    /// The invocations that went to the overflow series so far.
    pub fn overflow(&self) -> u64 {
        self.overflow.get()
    }

    /// Counts invocations whose return code has no known meaning.
    pub fn unknown_codes(&self, invocations: u64) {
        self.unknown_codes.inc_by(invocations);
    }

    /// How many invocations are remembered.
    pub fn set_ledger_entries(&self, entries: usize) {
        self.ledger_entries.set(whole(entries));
    }

    /// The configuration was loaded at `now`.
    pub fn config_loaded(&self, now: Timestamp) {
        self.reload_successful.set(1);
        self.reload_time.set(now.as_secs_f64());
    }

    /// A configuration could not be loaded: the one before it stays.
    pub fn config_failed(&self) {
        self.reload_successful.set(0);
    }

    /// Whether the last load of the configuration went well, and when the last good one was.
    pub fn config_state(&self) -> (bool, Timestamp) {
        let seconds = self.reload_time.get();
        (
            self.reload_successful.get() == 1,
            Timestamp::from_millis((seconds * 1_000.0).round() as i64),
        )
    }

    /// All families, sorted by name, as they are now. The figures of the process are read from
    /// `/proc` here: memory of the kernel, no disk.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

/// A size as a gauge holds it.
fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(target_os = "linux")]
fn register_process(registry: &Registry) -> Result<(), prometheus::Error> {
    let process = prometheus::process_collector::ProcessCollector::for_self();
    registry.register(Box::new(process))
}

/// Elsewhere the `prometheus` crate knows no way to read them.
#[cfg(not(target_os = "linux"))]
fn register_process(_: &Registry) -> Result<(), prometheus::Error> {
    Ok(())
}

// === impl Disposition ===

impl Disposition {
    /// Every disposition, in the order of its number.
    pub const ALL: [Self; 5] = [
        Self::Counted,
        Self::Duplicate,
        Self::Late,
        Self::Unfinished,
        Self::Invalid,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Unfinished => "unfinished",
            Self::Invalid => "invalid",
        }
    }
}

// === impl BuildInfo ===

impl BuildInfo {
    /// This build. Commit and compiler are known where the build sets `SCF_EXPORTER_REVISION`
    /// and `SCF_EXPORTER_RUSTVERSION`.
    pub const fn current() -> Self {
        const fn or_unknown(value: Option<&'static str>) -> &'static str {
            match value {
                Some(value) => value,
                None => "unknown",
            }
        }
        Self {
            version: env!("CARGO_PKG_VERSION"),
            revision: or_unknown(option_env!("SCF_EXPORTER_REVISION")),
            rustversion: or_unknown(option_env!("SCF_EXPORTER_RUSTVERSION")),
        }
    }
}

#[cfg(test)]
mod tests;
