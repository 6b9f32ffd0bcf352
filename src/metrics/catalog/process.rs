//! The metrics of the process, as Linux shows it under `/proc`. Names and texts are those that
//! Prometheus clients use in all languages.
#![allow(missing_docs, reason = "the text of each metric says what it is")]

use super::{Metric, Unit, counter, gauge};

pub static PROCESS_CPU: Metric = counter(
    "process_cpu_seconds_total",
    "Total user and system CPU time spent in seconds.",
    &[],
)
.measured_in(Unit::Seconds);

pub static PROCESS_MAX_FDS: Metric = gauge(
    "process_max_fds",
    "Maximum number of open file descriptors.",
    &[],
);

pub static PROCESS_OPEN_FDS: Metric =
    gauge("process_open_fds", "Number of open file descriptors.", &[]);

pub static PROCESS_RESIDENT_MEMORY: Metric = gauge(
    "process_resident_memory_bytes",
    "Resident memory size in bytes.",
    &[],
)
.measured_in(Unit::Bytes);

pub static PROCESS_START_TIME: Metric = gauge(
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    &[],
)
.measured_in(Unit::Seconds);

pub static PROCESS_THREADS: Metric = gauge(
    "process_threads",
    "Number of OS threads in the process.",
    &[],
);

pub static PROCESS_VIRTUAL_MEMORY: Metric = gauge(
    "process_virtual_memory_bytes",
    "Virtual memory size in bytes.",
    &[],
)
.measured_in(Unit::Bytes);
