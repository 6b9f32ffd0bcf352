//! The metrics of the exporter itself.
#![allow(missing_docs, reason = "the text of each metric says what it is")]

use super::{Metric, Unit, counter, gauge, histogram};

pub static BUILD_INFO: Metric = gauge(
    "scf_exporter_build_info",
    "Always 1; the labels say what this exporter was built from.",
    &["version", "revision", "rustversion"],
);

pub static API_REQUESTS: Metric = counter(
    "scf_exporter_api_requests_total",
    "Requests sent to the cloud's API, each retry counted, by the code of the answer.",
    &["source", "api", "action", "code"],
);

pub static API_REQUEST_DURATION: Metric = histogram(
    "scf_exporter_api_request_duration_seconds",
    "Time from sending a request to the cloud's API until its whole answer was there or \
     had failed, each retry on its own.",
    &["source", "api", "action"],
)
.measured_in(Unit::Seconds);

pub static RECORDS: Metric = counter(
    "scf_exporter_records_total",
    "Rows of invocation logs read, by what became of them: counted, duplicate (met \
     before), late (below the watermark, not counted), unfinished (comes again), \
     invalid (unreadable). The sum is the number of rows read.",
    &["source", "disposition"],
);

pub static REJECTED_ROWS: Metric = counter(
    "scf_exporter_rejected_rows_total",
    "Rows of invocation logs that could not be read, by the field at fault.",
    &["source", "reason"],
);

pub static INGESTION_LAG: Metric = gauge(
    "scf_exporter_ingestion_lag_seconds",
    "Age of the newest invocation of the last commit that counted any, at the time of that \
     commit. Absent until there is one.",
    &["source"],
)
.measured_in(Unit::Seconds);

pub static WATERMARK: Metric = gauge(
    "scf_exporter_watermark_timestamp_seconds",
    "Unix time below which every invocation is counted and none can still appear: the \
     oldest over the targets of the source. Absent until every target has one.",
    &["source"],
)
.measured_in(Unit::Seconds);

pub static LAST_SUCCESSFUL_POLL: Metric = gauge(
    "scf_exporter_last_successful_poll_timestamp_seconds",
    "Unix time of the end of the last poll without error, 0 before the first.",
    &["source"],
)
.measured_in(Unit::Seconds);

pub static POLLS: Metric = counter(
    "scf_exporter_polls_total",
    "Polls of a target that ended, by result (success or failure).",
    &["source", "result"],
);

pub static INCOMPLETE_READS: Metric = counter(
    "scf_exporter_incomplete_reads_total",
    "Reads of a window that did not meet all rows the API had announced. What they met is \
     counted; the window is read again.",
    &["source"],
);

pub static TRUNCATED_READS: Metric = counter(
    "scf_exporter_truncated_reads_total",
    "Reads that ended at a limit of the API while rows were left that no smaller read can \
     reach. Those rows are not counted.",
    &["source"],
);

pub static TARGETS: Metric = gauge(
    "scf_exporter_targets",
    "Targets (functions or regions) that are polled.",
    &["source"],
);

pub static UNMATCHED_SELECTORS: Metric = gauge(
    "scf_exporter_unmatched_selectors",
    "Names, patterns and log topics of the configuration that fit nothing in the last whole \
     list of functions. The status page and the log name them.",
    &["source"],
);

pub static SERIES: Metric = gauge(
    "scf_exporter_functions",
    "Functions that have series of their own, the overflow ones included.",
    &[],
);

pub static RENDERED_BYTES: Metric = gauge(
    "scf_exporter_rendered_bytes",
    "Bytes of rendered functions kept in memory for the next scrape, by format and encoding. \
     They are dropped five minutes after they were last asked for, at the next scrape.",
    &["format", "encoding"],
)
.measured_in(Unit::Bytes);

pub static OVERFLOW_INVOCATIONS: Metric = counter(
    "scf_exporter_overflow_invocations_total",
    "Invocations counted under function_name=\"_overflow\", because the limit of functions \
     was reached.",
    &["source"],
);

pub static UNKNOWN_CODES: Metric = counter(
    "scf_exporter_unknown_codes_total",
    "Invocations counted whose return code has no known meaning: their outcome is unknown, \
     or their ret_code other.",
    &["source"],
);

pub static CLOCK_OFFSET: Metric = gauge(
    "scf_exporter_clock_offset_seconds",
    "How far the cloud's clock is ahead of this machine's, as the dates of its answers tell. \
     0 as long as they are within some seconds of each other.",
    &["source"],
)
.measured_in(Unit::Seconds);

pub static LEDGER_ENTRIES: Metric = gauge(
    "scf_exporter_ledger_entries",
    "Invocations remembered so that none is counted twice.",
    &[],
);

pub static COMMIT_DURATION: Metric = histogram(
    "scf_exporter_commit_duration_seconds",
    "Time to make one page durable, the sync of the file included.",
    &[],
)
.measured_in(Unit::Seconds);

pub static COMMIT_ERRORS: Metric = counter(
    "scf_exporter_commit_errors_total",
    "Commits that failed. Nothing of them is counted; their rows are read again.",
    &[],
);

pub static CONFIG_RELOAD_SUCCESSFUL: Metric = gauge(
    "scf_exporter_config_last_reload_successful",
    "1 if the last attempt to load the configuration worked, else 0.",
    &[],
);

pub static CONFIG_RELOAD_TIME: Metric = gauge(
    "scf_exporter_config_last_reload_success_timestamp_seconds",
    "Unix time of the last load of the configuration that worked, 0 before the first.",
    &[],
)
.measured_in(Unit::Seconds);
