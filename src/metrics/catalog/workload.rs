//! What the functions did. HELP says that the exporter polls by itself: a scrape shows what is
//! known, it does not ask the cloud.

use super::{Kind, Metric, Unit};

/// The label of a function's account, before all others; shown where several accounts are read.
pub const ACCOUNT_LABEL: &str = "account";

/// The labels by which a function of one account is told from every other.
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

/// Attempts after the first.
pub static RETRIES: Metric = Metric {
    name: "scf_invocation_retries_total",
    help: "Invocations that were not the first attempt of their request. API 3.0 and CLS tell; \
           absent where the source does not. The exporter polls the invocation logs on its own \
           timer, not at scrape.",
    kind: Kind::Counter,
    unit: None,
    labels: FUNCTION_LABELS,
};

/// What is paid for.
pub static BILLED_MEMORY: Metric = Metric {
    name: "scf_billed_memory_byte_seconds_total",
    help: "Configured memory in bytes times billed seconds, over finished invocations: the quantity \
           that the platform charges for. Absent where the configured memory is not known. The \
           exporter polls the invocation logs on its own timer, not at scrape.",
    kind: Kind::Counter,
    unit: Some(Unit::ByteSeconds),
    labels: FUNCTION_LABELS,
};

/// How often a new instance had to start.
pub static COLD_STARTS: Metric = Metric {
    name: "scf_cold_starts_total",
    help: "Cold starts, from the Init Report lines of the log topic (CLS only). The exporter \
           polls the logs on its own timer, not at scrape.",
    kind: Kind::Counter,
    unit: None,
    labels: FUNCTION_LABELS,
};

/// How long that took.
pub static COLD_START_DURATION: Metric = Metric {
    name: "scf_cold_start_duration_seconds",
    help: "Time of cold starts as a whole, from the Init Report lines of the log topic (CLS \
           only). Absent until there is one. The exporter polls the logs on its own timer, not at \
           scrape.",
    kind: Kind::Histogram,
    unit: Some(Unit::Seconds),
    labels: FUNCTION_LABELS,
};

/// What it was spent on.
pub static COLD_START_PARTS: Metric = Metric {
    name: "scf_cold_start_part_seconds_total",
    help: "Time of cold starts by part, as far as the Init Report lines tell (CLS only). Absent \
           until there is a cold start. The exporter polls the logs on its own timer, not at \
           scrape.",
    kind: Kind::Counter,
    unit: Some(Unit::Seconds),
    labels: &["region", "function_namespace", "function_name", "part"],
};

/// Memory configured.
pub static MEMORY_LIMIT: Metric = Metric {
    name: "scf_function_memory_limit_bytes",
    help: "Memory configured, from the list of functions. The exporter polls it on its own \
           timer, not at scrape.",
    kind: Kind::Gauge,
    unit: Some(Unit::Bytes),
    labels: FUNCTION_LABELS,
};

/// Longest run.
pub static TIMEOUT: Metric = Metric {
    name: "scf_function_timeout_seconds",
    help: "Longest run time configured, from the list of functions. The exporter polls it on its \
           own timer, not at scrape.",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    labels: FUNCTION_LABELS,
};

/// One for every function.
pub static FUNCTION_INFO: Metric = Metric {
    name: "scf_function_info",
    help: "Always 1, for every function met in the function list or in the invocation logs; the \
           runtime where the list tells it. The exporter polls both on its own timer, not at \
           scrape.",
    kind: Kind::Gauge,
    unit: None,
    labels: &["region", "function_namespace", "function_name", "runtime"],
};
