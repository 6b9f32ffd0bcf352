//! What the exporter says about itself.

use super::{Kind, Metric, Unit};

/// Version of the program.
pub static BUILD_INFO: Metric = Metric {
    name: "scf_exporter_build_info",
    help: "Always 1; the labels say what this exporter was built from.",
    kind: Kind::Gauge,
    unit: None,
    labels: &["version", "revision", "rustversion"],
};

/// Requests to the cloud.
pub static API_REQUESTS: Metric = Metric {
    name: "scf_exporter_api_requests_total",
    help: "Requests sent to the cloud's API, each retry counted, by the code of the answer.",
    kind: Kind::Counter,
    unit: None,
    labels: &["source", "api", "action", "code"],
};

/// How long the cloud took.
pub static API_REQUEST_DURATION: Metric = Metric {
    name: "scf_exporter_api_request_duration_seconds",
    help: "Time from sending a request to the cloud's API until its whole answer was there or \
           had failed, each retry on its own.",
    kind: Kind::Histogram,
    unit: Some(Unit::Seconds),
    labels: &["source", "api", "action"],
};

/// What became of the rows read.
pub static RECORDS: Metric = Metric {
    name: "scf_exporter_records_total",
    help: "Rows of invocation logs read, by what became of them: counted, duplicate (met \
           before), late (below the watermark, not counted), unfinished (comes again), \
           invalid (unreadable). The sum is the number of rows read.",
    kind: Kind::Counter,
    unit: None,
    labels: &["source", "disposition"],
};

/// Why rows were unreadable.
pub static REJECTED_ROWS: Metric = Metric {
    name: "scf_exporter_rejected_rows_total",
    help: "Rows of invocation logs that could not be read, by the field at fault.",
    kind: Kind::Counter,
    unit: None,
    labels: &["source", "reason"],
};

/// How old the news was.
pub static INGESTION_LAG: Metric = Metric {
    name: "scf_exporter_ingestion_lag_seconds",
    help: "Age of the newest invocation of the last commit that counted any, at the time of that \
           commit. Absent until there is one.",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    labels: &["source"],
};

/// Up to where everything is counted.
pub static WATERMARK: Metric = Metric {
    name: "scf_exporter_watermark_timestamp_seconds",
    help: "Unix time below which every invocation is counted and none can still appear: the \
           oldest over the targets of the source. Absent until every target has one.",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    labels: &["source"],
};

/// When polling last worked.
pub static LAST_SUCCESSFUL_POLL: Metric = Metric {
    name: "scf_exporter_last_successful_poll_timestamp_seconds",
    help: "Unix time of the end of the last poll without error, 0 before the first.",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    labels: &["source"],
};

/// Polls.
pub static POLLS: Metric = Metric {
    name: "scf_exporter_polls_total",
    help: "Polls of a target that ended, by result (success or failure).",
    kind: Kind::Counter,
    unit: None,
    labels: &["source", "result"],
};

/// Reads that have to be repeated.
pub static INCOMPLETE_READS: Metric = Metric {
    name: "scf_exporter_incomplete_reads_total",
    help: "Reads of a window that did not meet all rows the API had announced. What they met is \
           counted; the window is read again.",
    kind: Kind::Counter,
    unit: None,
    labels: &["source"],
};

/// Reads that met a limit of the API.
pub static TRUNCATED_READS: Metric = Metric {
    name: "scf_exporter_truncated_reads_total",
    help: "Reads that ended at a limit of the API while rows were left that no smaller read can \
           reach. Those rows are not counted.",
    kind: Kind::Counter,
    unit: None,
    labels: &["source"],
};

/// What is polled.
pub static TARGETS: Metric = Metric {
    name: "scf_exporter_targets",
    help: "Targets (functions or regions) that are polled.",
    kind: Kind::Gauge,
    unit: None,
    labels: &["source"],
};

/// What the configuration names and nobody has.
pub static UNMATCHED_SELECTORS: Metric = Metric {
    name: "scf_exporter_unmatched_selectors",
    help: "Names, patterns and log topics of the configuration that fit nothing in the last whole \
           list of functions. The status page and the log name them.",
    kind: Kind::Gauge,
    unit: None,
    labels: &["source"],
};

/// How many functions are shown.
pub static SERIES: Metric = Metric {
    name: "scf_exporter_functions",
    help: "Functions that have series of their own, the overflow ones included.",
    kind: Kind::Gauge,
    unit: None,
    labels: &[],
};

/// What is kept for the next scrape.
pub static RENDERED_BYTES: Metric = Metric {
    name: "scf_exporter_rendered_bytes",
    help: "Bytes of rendered functions kept in memory for the next scrape, by format and encoding. \
           They are dropped five minutes after they were last asked for, at the next scrape.",
    kind: Kind::Gauge,
    unit: Some(Unit::Bytes),
    labels: &["format", "encoding"],
};

/// What went past the limit of functions.
pub static OVERFLOW_INVOCATIONS: Metric = Metric {
    name: "scf_exporter_overflow_invocations_total",
    help: "Invocations counted under function_name=\"_overflow\", because the limit of functions \
           was reached.",
    kind: Kind::Counter,
    unit: None,
    labels: &["source"],
};

/// Codes that nobody has explained.
pub static UNKNOWN_CODES: Metric = Metric {
    name: "scf_exporter_unknown_codes_total",
    help: "Invocations counted whose return code has no known meaning: their outcome is unknown, \
           or their ret_code other.",
    kind: Kind::Counter,
    unit: None,
    labels: &["source"],
};

/// How wrong a clock is.
pub static CLOCK_OFFSET: Metric = Metric {
    name: "scf_exporter_clock_offset_seconds",
    help: "How far the cloud's clock is ahead of this machine's, as the dates of its answers tell. \
           0 as long as they are within some seconds of each other.",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    labels: &["source"],
};

/// What is remembered.
pub static LEDGER_ENTRIES: Metric = Metric {
    name: "scf_exporter_ledger_entries",
    help: "Invocations remembered so that none is counted twice.",
    kind: Kind::Gauge,
    unit: None,
    labels: &[],
};

/// How long a durable commit takes.
pub static COMMIT_DURATION: Metric = Metric {
    name: "scf_exporter_commit_duration_seconds",
    help: "Time to make one page durable, the sync of the file included.",
    kind: Kind::Histogram,
    unit: Some(Unit::Seconds),
    labels: &[],
};

/// Commits refused by the disk.
pub static COMMIT_ERRORS: Metric = Metric {
    name: "scf_exporter_commit_errors_total",
    help: "Commits that failed. Nothing of them is counted; their rows are read again.",
    kind: Kind::Counter,
    unit: None,
    labels: &[],
};

/// Whether the configuration on disk is the one that runs.
pub static CONFIG_RELOAD_SUCCESSFUL: Metric = Metric {
    name: "scf_exporter_config_last_reload_successful",
    help: "1 if the last attempt to load the configuration worked, else 0.",
    kind: Kind::Gauge,
    unit: None,
    labels: &[],
};

/// When the configuration was last loaded.
pub static CONFIG_RELOAD_TIME: Metric = Metric {
    name: "scf_exporter_config_last_reload_success_timestamp_seconds",
    help: "Unix time of the last load of the configuration that worked, 0 before the first.",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    labels: &[],
};
