//! The process, as Linux shows it under `/proc`. Names and texts are those that Prometheus clients use
//! in all languages.

use super::{Kind, Metric, Unit};

/// CPU time.
pub static PROCESS_CPU: Metric = Metric {
    name: "process_cpu_seconds_total",
    help: "Total user and system CPU time spent in seconds.",
    kind: Kind::Counter,
    unit: Some(Unit::Seconds),
    labels: &[],
};

/// Limit of open files.
pub static PROCESS_MAX_FDS: Metric = Metric {
    name: "process_max_fds",
    help: "Maximum number of open file descriptors.",
    kind: Kind::Gauge,
    unit: None,
    labels: &[],
};

/// Open files.
pub static PROCESS_OPEN_FDS: Metric = Metric {
    name: "process_open_fds",
    help: "Number of open file descriptors.",
    kind: Kind::Gauge,
    unit: None,
    labels: &[],
};

/// Memory in use.
pub static PROCESS_RESIDENT_MEMORY: Metric = Metric {
    name: "process_resident_memory_bytes",
    help: "Resident memory size in bytes.",
    kind: Kind::Gauge,
    unit: Some(Unit::Bytes),
    labels: &[],
};

/// Start of the process.
pub static PROCESS_START_TIME: Metric = Metric {
    name: "process_start_time_seconds",
    help: "Start time of the process since unix epoch in seconds.",
    kind: Kind::Gauge,
    unit: Some(Unit::Seconds),
    labels: &[],
};

/// Threads.
pub static PROCESS_THREADS: Metric = Metric {
    name: "process_threads",
    help: "Number of OS threads in the process.",
    kind: Kind::Gauge,
    unit: None,
    labels: &[],
};

/// Address space.
pub static PROCESS_VIRTUAL_MEMORY: Metric = Metric {
    name: "process_virtual_memory_bytes",
    help: "Virtual memory size in bytes.",
    kind: Kind::Gauge,
    unit: Some(Unit::Bytes),
    labels: &[],
};
