//! Metrics of the process, from `/proc`. On systems without it they are absent.

use std::fs;
use std::path::Path;

use prometheus::proto::{Counter, Gauge, Metric as Sample, MetricFamily, MetricType};

use crate::metrics::catalog::{self, Kind, Metric};

/// Clock ticks a second in `/proc`: Linux reports hundredths on every architecture that Rust
/// compiles for, whatever the kernel's own timer.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads the metrics of this process from `proc`, which is `/proc`. Those that cannot be read are
/// left out.
pub(super) fn families(proc: &Path) -> Vec<MetricFamily> {
    let read = |name: &str| fs::read_to_string(proc.join(name)).unwrap_or_default();
    let (stat, status, limits) = (read("self/stat"), read("self/status"), read("self/limits"));
    // The name of the program comes before these, in parentheses, and may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let field = |number: usize| number_at(fields, number - 3);
    let boot = number_after(&read("stat"), "btime ");
    let open_fds = fs::read_dir(proc.join("self/fd")).ok();
    let values = [
        (
            &catalog::PROCESS_CPU,
            field(14)
                .zip(field(15))
                .map(|(user, system)| (user + system) / TICKS_PER_SECOND),
        ),
        (
            &catalog::PROCESS_MAX_FDS,
            number_after(&limits, "Max open files"),
        ),
        // The listing itself holds one open.
        (
            &catalog::PROCESS_OPEN_FDS,
            open_fds.map(|open| open.count().saturating_sub(1) as f64),
        ),
        (
            &catalog::PROCESS_RESIDENT_MEMORY,
            number_after(&status, "VmRSS:").map(|kib| kib * 1_024.0),
        ),
        (
            &catalog::PROCESS_START_TIME,
            boot.zip(field(22))
                .map(|(boot, ticks)| boot + ticks / TICKS_PER_SECOND),
        ),
        (&catalog::PROCESS_THREADS, field(20)),
        (&catalog::PROCESS_VIRTUAL_MEMORY, field(23)),
    ];
    let known = values
        .into_iter()
        .filter_map(|(metric, value)| Some((metric, value?)));
    known.map(|(metric, value)| family(metric, value)).collect()
}

/// The number that a line has after `prefix`.
fn number_after(text: &str, prefix: &str) -> Option<f64> {
    let mut lines = text.lines();
    number_at(lines.find_map(|line| line.strip_prefix(prefix))?, 0)
}

fn number_at(text: &str, index: usize) -> Option<f64> {
    text.split_whitespace().nth(index)?.parse().ok()
}

fn family(metric: &Metric, value: f64) -> MetricFamily {
    let (mut family, mut sample) = (MetricFamily::default(), Sample::default());
    family.set_name(metric.name.to_owned());
    family.set_help(metric.help.to_owned());
    if metric.kind == Kind::Counter {
        family.set_field_type(MetricType::COUNTER);
        let mut counter = Counter::default();
        counter.set_value(value);
        sample.set_counter(counter);
    } else {
        family.set_field_type(MetricType::GAUGE);
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        sample.set_gauge(gauge);
    }
    family.set_metric(vec![sample]);
    family
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(proc: &Path) -> Vec<(String, f64)> {
        let value = |family: &MetricFamily| {
            let sample = &family.get_metric()[0];
            sample.get_counter().get_value() + sample.get_gauge().get_value()
        };
        let families = families(proc);
        families
            .iter()
            .map(|f| (f.name().to_owned(), value(f)))
            .collect()
    }

    #[test]
    fn cpu_time_and_start_have_fractions_and_the_name_of_the_program_may_be_anything() {
        let proc = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(proc.path().join(name), text).unwrap();
        fs::create_dir_all(proc.path().join("self/fd")).unwrap();
        for number in 0..4 {
            write(&format!("self/fd/{number}"), "");
        }
        // The fields of proc_pid_stat(5) from the first on.
        write(
            "self/stat",
            "7 (a) R 1 b) S 1 7 7 0 -1 4194560 90 91 92 93 1234 567 11 12 20 0 9 0 4250 20480000 300\n",
        );
        write(
            "self/status",
            "Name:\ta\nVmPeak:\t 9 kB\nVmRSS:\t    1200 kB\nThreads:\t9\n",
        );
        write(
            "self/limits",
            "Limit                     Soft Limit           Hard Limit           Units     \n\
             Max open files            1024                 524288               files     \n",
        );
        write("stat", "cpu  1 2 3\nbtime 1700000000\nprocesses 5\n");
        let expected = [
            ("process_cpu_seconds_total", 18.01),
            ("process_max_fds", 1_024.0),
            ("process_open_fds", 3.0),
            ("process_resident_memory_bytes", 1_228_800.0),
            ("process_start_time_seconds", 1_700_000_042.5),
            ("process_threads", 9.0),
            ("process_virtual_memory_bytes", 20_480_000.0),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(values(proc.path()), expected);
    }

    #[test]
    fn without_proc_and_without_a_limit_they_are_absent() {
        let proc = tempfile::tempdir().unwrap();
        assert_eq!(values(proc.path()), []);
        fs::create_dir(proc.path().join("self")).unwrap();
        let unlimited =
            "Max open files            unlimited            unlimited            files\n";
        fs::write(proc.path().join("self/limits"), unlimited).unwrap();
        assert_eq!(values(proc.path()), []);
    }
}
