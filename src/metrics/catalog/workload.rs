//! The metrics of functions. Their HELP says that the exporter polls on its own timer, because a
//! scrape sends no request to the cloud.
#![allow(missing_docs, reason = "the text of each metric says what it is")]

use super::{Metric, Unit, counter, gauge, histogram};

/// The label of a function's account, before all others; shown where several accounts are read.
pub const ACCOUNT_LABEL: &str = "account";

/// The labels by which a function of one account is told from every other.
pub const FUNCTION_LABELS: &[&str] = &["region", "function_namespace", "function_name"];

pub static INVOCATIONS: Metric = counter(
    "scf_invocations_total",
    "Finished invocations by return code and outcome, each counted once, from the \
     function's invocation logs. The exporter polls them on its own timer, not at scrape.",
    &[
        "region",
        "function_namespace",
        "function_name",
        "ret_code",
        "outcome",
    ],
);

pub static DURATION: Metric = histogram(
    "scf_invocation_duration_seconds",
    "Run time of finished invocations, as the invocation logs give it (duration). The \
     exporter polls them on its own timer, not at scrape.",
    FUNCTION_LABELS,
)
.measured_in(Unit::Seconds);

pub static BILLED_DURATION: Metric = histogram(
    "scf_invocation_billed_duration_seconds",
    "Billed time of finished invocations, as the invocation logs give it (billDuration). \
     The exporter polls them on its own timer, not at scrape.",
    FUNCTION_LABELS,
)
.measured_in(Unit::Seconds);

pub static MEMORY_USAGE: Metric = histogram(
    "scf_invocation_memory_usage_bytes",
    "Memory used by finished invocations, as the invocation logs give it (memUsage). The \
     exporter polls them on its own timer, not at scrape.",
    FUNCTION_LABELS,
)
.measured_in(Unit::Bytes);

pub static LAST_INVOCATION: Metric = gauge(
    "scf_function_last_invocation_timestamp_seconds",
    "Start of the latest invocation that was counted (log time where the source orders by \
     it), as Unix time. Absent until there is one. The exporter polls the invocation logs \
     on its own timer, not at scrape.",
    FUNCTION_LABELS,
)
.measured_in(Unit::Seconds);

pub static RETRIES: Metric = counter(
    "scf_invocation_retries_total",
    "Invocations that were not the first attempt of their request. API 3.0 and CLS tell; \
     absent where the source does not. The exporter polls the invocation logs on its own \
     timer, not at scrape.",
    FUNCTION_LABELS,
);

pub static BILLED_MEMORY: Metric = counter(
    "scf_billed_memory_byte_seconds_total",
    "Configured memory in bytes times billed seconds, over finished invocations: the quantity \
     that the platform charges for. Absent where the configured memory is not known. The \
     exporter polls the invocation logs on its own timer, not at scrape.",
    FUNCTION_LABELS,
)
.measured_in(Unit::ByteSeconds);

pub static COLD_STARTS: Metric = counter(
    "scf_cold_starts_total",
    "Cold starts, from the Init Report lines of the log topic (CLS only). The exporter \
     polls the logs on its own timer, not at scrape.",
    FUNCTION_LABELS,
);

pub static COLD_START_DURATION: Metric = histogram(
    "scf_cold_start_duration_seconds",
    "Time of cold starts as a whole, from the Init Report lines of the log topic (CLS \
     only). Absent until there is one. The exporter polls the logs on its own timer, not at \
     scrape.",
    FUNCTION_LABELS,
)
.measured_in(Unit::Seconds);

pub static COLD_START_PARTS: Metric = counter(
    "scf_cold_start_part_seconds_total",
    "Time of cold starts by part, as far as the Init Report lines tell (CLS only). Absent \
     until there is a cold start. The exporter polls the logs on its own timer, not at \
     scrape.",
    &["region", "function_namespace", "function_name", "part"],
)
.measured_in(Unit::Seconds);

pub static MEMORY_LIMIT: Metric = gauge(
    "scf_function_memory_limit_bytes",
    "Memory configured, from the list of functions. The exporter polls it on its own \
     timer, not at scrape.",
    FUNCTION_LABELS,
)
.measured_in(Unit::Bytes);

pub static TIMEOUT: Metric = gauge(
    "scf_function_timeout_seconds",
    "Longest run time configured, from the list of functions. The exporter polls it on its \
     own timer, not at scrape.",
    FUNCTION_LABELS,
)
.measured_in(Unit::Seconds);

pub static FUNCTION_INFO: Metric = gauge(
    "scf_function_info",
    "Always 1, for every function met in the function list or in the invocation logs; the \
     runtime where the list tells it. The exporter polls both on its own timer, not at \
     scrape.",
    &["region", "function_namespace", "function_name", "runtime"],
);
