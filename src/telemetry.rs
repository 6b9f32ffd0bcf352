//! The exporter's own metrics, and what the status page shows beside them ([`Recent`], [`Issue`],
//! [`Unread`]).
//!
//! Names, texts and labels come from [`crate::metrics::catalog`].

mod family;
mod process;
mod recent;
mod requests;
mod rows;
mod source;
mod trouble;
mod unread;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Gauge, GaugeVec, Histogram, IntCounter, Registry};

use crate::metrics::catalog;
use crate::model::Timestamp;
use family::Families;
use source::Totals;

pub use recent::{CELLS, Cell, Recent};
pub use requests::Requests;
pub use rows::Rows;
pub use source::SourceTelemetry;
pub use trouble::Issue;
pub(crate) use trouble::{seconds, seconds_if_any};
pub use unread::{Awaited, Unread};

/// Upper bounds of the time of a commit, in seconds: from memory only to a disk in trouble.
const COMMIT_BOUNDS: [f64; 10] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];

/// Characters of the reason of a failed reload that are kept.
const FAULT_MAX: usize = 1_000;

/// The exporter's own metrics and those of its process.
#[derive(Debug)]
pub struct Telemetry {
    registry: Registry,
    sources: Sources,
    totals: Arc<Totals>,
    functions: Gauge,
    rendered: GaugeVec,
    ledger_entries: Gauge,
    commit_duration: Histogram,
    commit_errors: IntCounter,
    reload_successful: Gauge,
    reload_time: Gauge,
    reload_fault: Mutex<Option<String>>,
}

/// The metrics of each source by its name.
#[derive(Debug, Clone, Default)]
struct Sources(Arc<RwLock<BTreeMap<Box<str>, Arc<SourceTelemetry>>>>);

/// What happened to a row that was read, as a label value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// Counted.
    Counted,
    /// Counted before.
    Duplicate,
    /// Below the eviction bound: it cannot be told from a row that was counted before.
    Late,
    /// Not finished yet. It comes again.
    Unfinished,
    /// Unreadable.
    Invalid,
}

/// The source and the compiler of this build.
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
    /// Registers all metrics that belong to no source.
    ///
    /// # Errors
    /// Two entries of the catalog have the same name, or an entry is malformed.
    pub fn new(build: &BuildInfo) -> Result<Self, prometheus::Error> {
        let (registry, sources) = (Registry::new(), Sources::default());
        registry.register(Box::new(sources.clone()))?;
        let of = Families::of_process(&registry);
        of.gauges(&catalog::BUILD_INFO)?
            .with_label_values(&[build.version, build.revision, build.rustversion])
            .set(1.0);
        Ok(Self {
            sources,
            totals: Arc::default(),
            functions: of.gauge(&catalog::SERIES)?,
            rendered: of.gauges(&catalog::RENDERED_BYTES)?,
            ledger_entries: of.gauge(&catalog::LEDGER_ENTRIES)?,
            commit_duration: of.histogram(&catalog::COMMIT_DURATION, &COMMIT_BOUNDS)?,
            commit_errors: of.counter(&catalog::COMMIT_ERRORS)?,
            reload_successful: of.gauge(&catalog::CONFIG_RELOAD_SUCCESSFUL)?,
            reload_time: of.gauge(&catalog::CONFIG_RELOAD_TIME)?,
            reload_fault: Mutex::default(),
            registry,
        })
    }

    /// Returns the metrics of the source `name`, which begin at zero. The same name gives the same
    /// metrics until [`Self::source_ended`].
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn source(&self, name: &str) -> Result<Arc<SourceTelemetry>, prometheus::Error> {
        let mut sources = self.sources.0.write();
        if let Some(source) = sources.get(name) {
            return Ok(source.clone());
        }
        let source = Arc::new(SourceTelemetry::new(name, self.totals.clone())?);
        sources.insert(name.into(), source.clone());
        Ok(source)
    }

    /// Hides how far a source was read; see [`SourceTelemetry::changed`].
    pub fn source_changed(&self, name: &str) {
        if let Some(source) = self.sources.0.read().get(name) {
            source.changed();
        }
    }

    /// Ends the metrics of a source that is no longer read.
    pub fn source_ended(&self, name: &str) {
        self.sources.0.write().remove(name);
    }

    /// Returns the rows of a disposition since the start, over all sources that were ever read.
    pub fn recorded(&self, disposition: Disposition) -> u64 {
        self.totals.records(disposition)
    }

    /// Returns the invocations that went to the overflow series since the start.
    pub fn overflow(&self) -> u64 {
        self.totals.overflow()
    }

    /// Counts a commit that became durable after `took`.
    pub fn commit(&self, took: Duration) {
        self.commit_duration.observe(took.as_secs_f64());
    }

    /// Counts a commit that failed.
    pub fn commit_failed(&self) {
        self.commit_errors.inc();
    }

    /// Sets the number of functions that have series.
    pub fn set_series(&self, functions: usize) {
        self.functions.set(functions as f64);
    }

    /// Sets how many bytes are kept in a format (`text`, ...) and an encoding (`gzip`, `identity`).
    pub fn set_rendered(&self, format: &str, encoding: &str, bytes: usize) {
        let rendered = self.rendered.with_label_values(&[format, encoding]);
        rendered.set(bytes as f64);
    }

    /// Sets the number of invocation keys that are kept.
    pub fn set_ledger_entries(&self, entries: usize) {
        self.ledger_entries.set(entries as f64);
    }

    /// Records that a configuration was loaded at `now`.
    pub fn config_loaded(&self, now: Timestamp) {
        self.reload_successful.set(1.0);
        self.reload_time.set(now.as_secs_f64());
        *self.reload_fault.lock() = None;
    }

    /// Records that a configuration could not be loaded; the one before it stays.
    /// `why` is kept for [`Self::config_fault`], up to 1,000 characters.
    pub fn config_failed(&self, why: &str) {
        self.reload_successful.set(0.0);
        *self.reload_fault.lock() = Some(why.chars().take(FAULT_MAX).collect());
    }

    /// Returns why the last load of the configuration failed; `None` if it succeeded.
    pub fn config_fault(&self) -> Option<String> {
        self.reload_fault.lock().clone()
    }

    /// Returns whether the last load of the configuration succeeded, and the time of the last one
    /// that did.
    pub fn config_state(&self) -> (bool, Timestamp) {
        let seconds = self.reload_time.get();
        (
            self.reload_successful.get() == 1.0,
            Timestamp::from_millis((seconds * 1_000.0).round() as i64),
        )
    }

    /// Returns all families as they are now, sorted by name.
    pub fn gather(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }
}

// === impl Sources ===

/// Collects the metrics of which there are more or fewer from scrape to scrape: those of the sources
/// and of the process.
impl Collector for Sources {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = process::families(Path::new("/proc"));
        for source in self.0.read().values() {
            families.extend(source.registry.gather());
        }
        families
    }
}

// === impl Disposition ===

impl Disposition {
    /// All dispositions in the order of the enum.
    pub const ALL: [Self; 5] = [
        Self::Counted,
        Self::Duplicate,
        Self::Late,
        Self::Unfinished,
        Self::Invalid,
    ];

    /// Returns the label value.
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
    /// Returns those of this build. The build sets `SCF_EXPORTER_REVISION` and
    /// `SCF_EXPORTER_RUSTVERSION`.
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
