//! The one table of every metric: name, type, unit, labels and the text that explains it.
//!
//! Whoever shows or feeds a metric takes its name from here, and `docs/METRICS.md` is compared
//! with [`ALL`] in both directions, so that no metric exists outside this table.

mod exporter;
mod process;
mod workload;

pub use exporter::*;
pub use process::*;
pub use workload::*;

/// The longest family name, `_bucket` and the like not counted, that a test allows: a name has to
/// fit into one line of a dashboard's legend.
#[cfg(test)]
const NAME_MAX: usize = 64;

/// One metric family.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Full name; a counter's ends in `_total`, one with a unit ends in the unit (before
    /// `_total`).
    pub name: &'static str,
    /// What it means and where the number comes from, in one line.
    pub help: &'static str,
    /// Type.
    pub kind: Kind,
    /// Base unit of the value, where it has one.
    pub unit: Option<Unit>,
    /// Names of its labels, `le` not among them. The labels of functions are written in this
    /// order, those of the exporter itself by name.
    pub labels: &'static [&'static str],
}

/// The type of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bound, with a sum.
    Histogram,
}

/// The base unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Seconds; Unix time where the name ends in `_timestamp_seconds`.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes times seconds.
    ByteSeconds,
}

/// Every metric, in the order in which they are documented.
pub static ALL: &[&Metric] = &[
    &INVOCATIONS,
    &DURATION,
    &BILLED_DURATION,
    &MEMORY_USAGE,
    &LAST_INVOCATION,
    &RETRIES,
    &BILLED_MEMORY,
    &COLD_STARTS,
    &COLD_START_DURATION,
    &COLD_START_PARTS,
    &MEMORY_LIMIT,
    &TIMEOUT,
    &FUNCTION_INFO,
    &BUILD_INFO,
    &API_REQUESTS,
    &API_REQUEST_DURATION,
    &RECORDS,
    &REJECTED_ROWS,
    &INGESTION_LAG,
    &WATERMARK,
    &LAST_SUCCESSFUL_POLL,
    &POLLS,
    &INCOMPLETE_READS,
    &TRUNCATED_READS,
    &TARGETS,
    &UNMATCHED_SELECTORS,
    &SERIES,
    &RENDERED_BYTES,
    &OVERFLOW_INVOCATIONS,
    &UNKNOWN_CODES,
    &CLOCK_OFFSET,
    &LEDGER_ENTRIES,
    &COMMIT_DURATION,
    &COMMIT_ERRORS,
    &CONFIG_RELOAD_SUCCESSFUL,
    &CONFIG_RELOAD_TIME,
    &PROCESS_CPU,
    &PROCESS_MAX_FDS,
    &PROCESS_OPEN_FDS,
    &PROCESS_RESIDENT_MEMORY,
    &PROCESS_START_TIME,
    &PROCESS_THREADS,
    &PROCESS_VIRTUAL_MEMORY,
];

/// The unit of the metric with this name, where it has one.
pub fn unit_of(name: &str) -> Option<Unit> {
    let metric = ALL.iter().find(|metric| metric.name == name);
    metric.and_then(|metric| metric.unit)
}

// === impl Kind ===

impl Kind {
    /// The word that the text formats use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

// === impl Unit ===

impl Unit {
    /// The word that ends a metric's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::ByteSeconds => "byte_seconds",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_follow_the_conventions_of_prometheus() {
        for metric in ALL {
            let name = metric.name;
            assert!(name.len() <= NAME_MAX, "{name} is too long");
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{name} has other characters than a-z and _"
            );
            assert_eq!(
                metric.kind == Kind::Counter,
                name.ends_with("_total"),
                "{name}: _total belongs to counters, and to each of them"
            );
            for suffix in ["_count", "_sum", "_bucket"] {
                assert!(!name.ends_with(suffix), "{name} clashes with a histogram");
            }
            let base = name.strip_suffix("_total").unwrap_or(name);
            // The longer word first, which ends in the shorter one.
            let ends = |unit: &&Unit| base.ends_with(&format!("_{}", unit.as_str()));
            let units = [Unit::ByteSeconds, Unit::Seconds, Unit::Bytes];
            let named = units.iter().find(ends).copied();
            assert_eq!(
                metric.unit, named,
                "{name}: unit and end of the name differ"
            );
        }
    }

    #[test]
    fn every_metric_is_there_once_and_explains_itself_in_one_line() {
        let (mut names, mut helps) = (HashSet::new(), HashSet::new());
        for metric in ALL {
            assert!(
                helps.insert(metric.help),
                "{}: text of another",
                metric.name
            );
            assert!(names.insert(metric.name), "{} is there twice", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
            assert!(!metric.help.contains(['\n', '\\']), "{}", metric.name);
            let labels: HashSet<_> = metric.labels.iter().collect();
            assert_eq!(labels.len(), metric.labels.len(), "{}", metric.name);
            assert!(!labels.contains(&"le"), "{}", metric.name);
        }
    }
}
