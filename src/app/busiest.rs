//! Picks the busiest functions of a snapshot for the status page.

use std::cmp::Reverse;

use crate::metrics::{FunctionSeries, Histogram, Snapshot};
use crate::model::Outcome;
use crate::web::{FunctionStatus, FunctionTable};

/// Functions that are shown, so that the page stays small with thousands of them.
const SHOWN_MAX: usize = 200;

/// Returns the functions with the most invocations, these first.
pub(super) fn of(snapshot: &Snapshot) -> FunctionTable {
    let series = snapshot.series.iter();
    let mut all: Vec<(Reverse<u64>, &FunctionSeries)> = series
        .map(|one| (Reverse(one.invocations()), &**one))
        .collect();
    let shown = all.len().min(SHOWN_MAX);
    let left_out = all.len() - shown;
    if left_out > 0 {
        all.select_nth_unstable_by_key(shown, |(calls, one)| (*calls, &one.function));
        all.truncate(shown);
    }
    all.sort_unstable_by_key(|(calls, one)| (*calls, &one.function));
    FunctionTable {
        rows: all
            .into_iter()
            .map(|(calls, one)| row(one, calls.0))
            .collect(),
        left_out,
    }
}

fn row(series: &FunctionSeries, invocations: u64) -> FunctionStatus {
    let codes = series.codes.iter();
    let succeeded = codes.filter(|code| code.outcome == Outcome::Success);
    let timeout = series
        .about
        .as_ref()
        .map(|about| about.timeout.as_secs_f64());
    let timeout = timeout.filter(|seconds| *seconds > 0.0);
    let p95 = quantile(&series.duration, 0.95);
    FunctionStatus {
        name: series.function.to_string(),
        invocations,
        failed: invocations - succeeded.map(|code| code.count).sum::<u64>(),
        last_invocation: series.last_invocation,
        p95_seconds: p95.map(|p95| timeout.map_or(p95, |most| p95.min(most))),
    }
}

/// Estimates a quantile in seconds as `histogram_quantile` of Prometheus does: evenly within its
/// bucket, and the highest bound for what lies above all.
fn quantile(histogram: &Histogram, part: f64) -> Option<f64> {
    let all = histogram.count();
    let rank = part * all as f64;
    let (mut below, mut lower) = (0.0, 0.0);
    for (&count, &bound) in histogram.counts().iter().zip(histogram.bounds().upper) {
        let (count, upper) = (count as f64, seconds(bound));
        if count > 0.0 && below + count >= rank {
            return Some(lower + (upper - lower) * (rank - below) / count);
        }
        (below, lower) = (below + count, upper);
    }
    (all > 0).then_some(lower)
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::model::{FunctionConfig, FunctionId, Nanos, RetCode, Row, Timestamp};

    fn called(name: &str, calls: &[(u64, Outcome)]) -> FunctionSeries {
        let mut series = FunctionSeries::new(FunctionId::new("r", "n", name), RetCode::ZERO);
        for (millis, outcome) in calls {
            let row = Row {
                duration: Nanos(millis * 1_000_000),
                outcome: *outcome,
                ..Row::default()
            };
            series.count(&row, Timestamp::default());
        }
        series
    }

    #[test]
    fn the_busiest_come_first_and_the_rest_is_counted() {
        let many = (0..SHOWN_MAX + 3).map(|number| called(&format!("f{number:03}"), &[]));
        let busy = [(1, Outcome::Success), (1, Outcome::Timeout)];
        let series = many.chain([called("once", &busy[..1]), called("twice", &busy)]);
        let table = of(&Snapshot::new(1, false, series.map(Arc::new).collect()));
        assert_eq!((table.rows.len(), table.left_out), (SHOWN_MAX, 5));
        let shown = |at: usize| {
            let row = &table.rows[at];
            (row.name.as_str(), row.invocations, row.failed)
        };
        assert_eq!(shown(0), ("r/n/twice", 2, 1));
        assert_eq!(shown(1), ("r/n/once", 1, 0));
        assert_eq!(shown(2), ("r/n/f000", 0, 0));
        assert_eq!(table.rows[2].p95_seconds, None);
    }

    #[test]
    fn a_percentile_is_that_of_prometheus_and_never_above_the_timeout() {
        // Buckets up to 10 s and 30 s: rank 19 of 20 is 9/10 of the way through the second one.
        let mut calls = vec![(9_000, Outcome::Success); 10];
        calls.extend([(15_000, Outcome::Success); 10]);
        let mut series = called("f", &calls);
        assert_eq!(row(&series, 20).p95_seconds, Some(28.0));
        series.about = Some(Arc::new(FunctionConfig {
            memory_limit: Default::default(),
            timeout: Duration::from_secs(20),
            runtime: String::new(),
        }));
        assert_eq!(row(&series, 20).p95_seconds, Some(20.0));
        // Above the highest bound of 900 s.
        let long = called("f", &[(1_000_000, Outcome::Success)]);
        assert_eq!(row(&long, 1).p95_seconds, Some(900.0));
    }
}
