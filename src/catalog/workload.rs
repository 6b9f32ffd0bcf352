//! What the functions did. HELP says that the exporter polls by itself: a scrape shows what is
//! known, it does not ask the cloud.

use super::{Kind, Metric, Unit};

/// The labels by which a function is told from every other.
pub const FUNCTION_LABELS: &[&str] = &["region", "function_namespace", "function_name"];

/// Invocations by return code and outcome.
pub static INVOCATIONS: Metric = Metric {
    name: "scf_invocations_total",
    help: "Finished invocations by return code and outcome, each counted once, from the \
           function's invocation logs. The exporter polls them on its own timer, not at scrape.",
    kind: Kind::Counter,
    unit: None,
    labels: &[
        "region",
        "function_namespace",
        "function_name",
        "ret_code",
        "outcome",
    ],
};

/// Run time.
pub static DURATION: Metric = Metric {
    name: "scf_invocation_duration_seconds",
    help: "Run time of finished invocations, as the invocation logs give it (duration). The \
           exporter polls them on its own timer, not at scrape.",
    kind: Kind::Histogram,
    unit: Some(Unit::Seconds),
    labels: FUNCTION_LABELS,
};

/// Billed time.
pub static BILLED_DURATION: Metric = Metric {
    name: "scf_invocation_billed_duration_seconds",
    help: "Billed time of finished invocations, as the invocation logs give it (billDuration). \
           The exporter polls them on its own timer, not at scrape.",
    kind: Kind::Histogram,
    unit: Some(Unit::Seconds),
    labels: FUNCTION_LABELS,
};

/// Memory used.
pub static MEMORY_USAGE: Metric = Metric {
    name: "scf_invocation_memory_usage_bytes",
    help: "Memory used by finished invocations, as the invocation logs give it (memUsage). The \
           exporter polls them on its own timer, not at scrape.",
    kind: Kind::Histogram,
    unit: Some(Unit::Bytes),
    labels: FUNCTION_LABELS,
};

/// When a function was last called.
pub static LAST_INVOCATION: Metric = Metric {
    name: "scf_function_last_invocation_timestamp_seconds",
    help: "Start of the latest invocation that was counted (log time where the source orders by \
           it), as Unix time. Absent until there is one. The exporter polls the invocation logs \
           on its own timer, not at scrape.",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    labels: FUNCTION_LABELS,
};

/// One for every function.
pub static FUNCTION_INFO: Metric = Metric {
    name: "scf_function_info",
    help: "Always 1, for every function met in the function list or in the invocation logs. The \
           exporter polls both on its own timer, not at scrape.",
    kind: Kind::Gauge,
    unit: None,
    labels: FUNCTION_LABELS,
};
