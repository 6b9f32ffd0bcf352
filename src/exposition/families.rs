//! The families of functions and what each shows of one function.

use super::writer::{Number, Observed, Writer};
use crate::metrics::catalog::{self, Metric};
use crate::metrics::{Exemplar, FunctionSeries, Histogram, NativeHistogram};
use crate::model::{ColdStart, RetCode};

/// A family of which every function may have samples.
pub(super) struct Family {
    pub(super) metric: &'static Metric,
    pub(super) write: fn(&mut dyn Writer, &'static Metric, &FunctionSeries),
}

/// The families of functions, in the order in which they are shown.
pub(super) static FAMILIES: [Family; 13] = [
    Family {
        metric: &catalog::INVOCATIONS,
        write: |to, metric, of| to.codes(metric, of),
    },
    Family {
        metric: &catalog::DURATION,
        write: |to, metric, of| {
            let both = (&of.duration, &of.duration_native);
            histogram(to, metric, of, both, of.exemplars.of_duration());
        },
    },
    Family {
        metric: &catalog::BILLED_DURATION,
        write: |to, metric, of| {
            let both = (&of.billed, &of.billed_native);
            histogram(to, metric, of, both, &[]);
        },
    },
    Family {
        metric: &catalog::MEMORY_USAGE,
        write: |to, metric, of| {
            let both = (&of.memory, &of.memory_native);
            histogram(to, metric, of, both, of.exemplars.of_memory());
        },
    },
    Family {
        metric: &catalog::LAST_INVOCATION,
        write: |to, metric, of| {
            if let Some(at) = of.last_invocation {
                gauge(to, metric, of, Number::Millis(at.as_millis()));
            }
        },
    },
    Family {
        metric: &catalog::RETRIES,
        write: |to, metric, of| {
            if of.retries > 0 || of.about.is_some() || is_cls(of) {
                counter(to, metric, of, Number::Whole(of.retries.into()));
            }
        },
    },
    Family {
        metric: &catalog::BILLED_MEMORY,
        write: |to, metric, of| {
            if of.billed_memory > 0 || of.about.is_some() || is_cls(of) {
                counter(to, metric, of, Number::Nanos(of.billed_memory));
            }
        },
    },
    Family {
        metric: &catalog::COLD_STARTS,
        write: |to, metric, of| {
            let starts = of.cold_starts.as_ref();
            if starts.is_some() || is_cls(of) {
                let count = starts.map_or(0, |starts| starts.duration.count());
                counter(to, metric, of, Number::Whole(count.into()));
            }
        },
    },
    Family {
        metric: &catalog::COLD_START_DURATION,
        write: |to, metric, of| {
            if let Some(starts) = &of.cold_starts {
                let observed = Observed {
                    classic: &starts.duration,
                    native: None,
                    exemplars: &[],
                    since: starts.since,
                };
                to.histogram(metric, &of.function, &observed);
            }
        },
    },
    Family {
        metric: &catalog::COLD_START_PARTS,
        write: |to, metric, of| {
            let Some(starts) = &of.cold_starts else {
                return;
            };
            for (name, sum) in ColdStart::PARTS.iter().zip(starts.parts) {
                let (part, sum) = (Some(("part", *name)), Number::Nanos(sum));
                to.value(metric, &of.function, part, sum, starts.since);
            }
        },
    },
    Family {
        metric: &catalog::MEMORY_LIMIT,
        write: |to, metric, of| {
            if let Some(about) = &of.about {
                gauge(to, metric, of, Number::Whole(about.memory_limit.0.into()));
            }
        },
    },
    Family {
        metric: &catalog::TIMEOUT,
        write: |to, metric, of| {
            if let Some(about) = &of.about {
                gauge(to, metric, of, Number::Nanos(about.timeout.as_nanos()));
            }
        },
    },
    Family {
        metric: &catalog::FUNCTION_INFO,
        write: |to, metric, of| {
            if of.is_gone {
                return;
            }
            let runtime = of.about.as_ref().map(|about| about.runtime.as_str());
            let runtime = runtime.map(|runtime| ("runtime", runtime));
            to.value(metric, &of.function, runtime, Number::Whole(1), None);
        },
    },
];

/// Writes a counter that began with its function.
fn counter(to: &mut dyn Writer, metric: &'static Metric, of: &FunctionSeries, value: Number) {
    to.value(metric, &of.function, None, value, of.since);
}

fn gauge(to: &mut dyn Writer, metric: &'static Metric, of: &FunctionSeries, value: Number) {
    to.value(metric, &of.function, None, value, None);
}

/// Writes the classic and the native histogram of one function.
fn histogram(
    to: &mut dyn Writer,
    metric: &'static Metric,
    of: &FunctionSeries,
    (classic, native): (&Histogram, &NativeHistogram),
    exemplars: &[Exemplar],
) {
    let observed = Observed {
        classic,
        native: Some(native),
        exemplars,
        since: of.since,
    };
    to.histogram(metric, &of.function, &observed);
}

/// Returns whether a function is read from a log topic: only there success has a status code.
fn is_cls(series: &FunctionSeries) -> bool {
    let statuses = series.codes.iter();
    statuses
        .rev()
        .any(|code| code.ret_code == RetCode::OK_STATUS)
}
