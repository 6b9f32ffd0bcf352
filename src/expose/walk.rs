//! The one walk over everything that a scrape shows.

use prometheus::proto::MetricFamily;

use super::text::Text;
use crate::catalog::{self, Metric};
use crate::model::{ColdStart, RetCode};
use crate::series::{FunctionSeries, Snapshot};

/// A family of which every function may have a part.
struct Family {
    metric: &'static Metric,
    write: fn(&mut Text, &'static Metric, &FunctionSeries),
}

/// How far a walk has come. Families come one after the other, as the formats demand.
#[derive(Debug)]
pub(super) struct Walk {
    family: usize,
    function: usize,
    own: Vec<MetricFamily>,
}

/// The families of functions, in the order in which they are shown.
static FAMILIES: [Family; 13] = [
    Family {
        metric: &catalog::INVOCATIONS,
        write: |text, metric, of| text.codes(metric, &of.function, &of.codes),
    },
    Family {
        metric: &catalog::DURATION,
        write: |text, metric, of| text.histogram(metric, &of.function, &of.duration),
    },
    Family {
        metric: &catalog::BILLED_DURATION,
        write: |text, metric, of| text.histogram(metric, &of.function, &of.billed),
    },
    Family {
        metric: &catalog::MEMORY_USAGE,
        write: |text, metric, of| text.histogram(metric, &of.function, &of.memory),
    },
    Family {
        metric: &catalog::LAST_INVOCATION,
        write: |text, metric, of| {
            if let Some(at) = of.last_invocation {
                text.instant(metric, &of.function, at);
            }
        },
    },
    Family {
        metric: &catalog::RETRIES,
        write: |text, metric, of| {
            if of.retries > 0 || of.about.is_some() || is_cls(of) {
                text.number(metric, &of.function, of.retries);
            }
        },
    },
    Family {
        metric: &catalog::BILLED_MEMORY,
        write: |text, metric, of| {
            if of.billed_memory > 0 || of.about.is_some() || is_cls(of) {
                text.gb_seconds(metric, &of.function, of.billed_memory);
            }
        },
    },
    Family {
        metric: &catalog::COLD_STARTS,
        write: |text, metric, of| {
            let starts = of.cold_starts.as_ref();
            if starts.is_some() || is_cls(of) {
                let count = starts.map_or(0, |starts| starts.duration.count());
                text.number(metric, &of.function, count);
            }
        },
    },
    Family {
        metric: &catalog::COLD_START_DURATION,
        write: |text, metric, of| {
            if let Some(starts) = &of.cold_starts {
                text.histogram(metric, &of.function, &starts.duration);
            }
        },
    },
    Family {
        metric: &catalog::COLD_START_PARTS,
        write: |text, metric, of| {
            let parts = of.cold_starts.iter().flat_map(|starts| starts.parts);
            for (name, sum) in ColdStart::PARTS.iter().zip(parts) {
                text.nanos(metric, &of.function, Some(("part", name)), sum);
            }
        },
    },
    Family {
        metric: &catalog::MEMORY_LIMIT,
        write: |text, metric, of| {
            if let Some(about) = &of.about {
                text.number(metric, &of.function, about.memory_limit.0);
            }
        },
    },
    Family {
        metric: &catalog::TIMEOUT,
        write: |text, metric, of| {
            if let Some(about) = &of.about {
                text.nanos(metric, &of.function, None, about.timeout.as_nanos());
            }
        },
    },
    Family {
        metric: &catalog::FUNCTION_INFO,
        write: |text, metric, of| text.info(metric, &of.function, of.about.as_deref()),
    },
];

/// Whether a function is read from a log topic: only there success has a status code.
fn is_cls(series: &FunctionSeries) -> bool {
    let statuses = series.codes.iter();
    statuses
        .rev()
        .any(|code| code.ret_code == RetCode::OK_STATUS)
}

impl Walk {
    /// A walk that ends with the exporter's `own` families.
    pub(super) fn new(own: Vec<MetricFamily>) -> Self {
        Self {
            family: 0,
            function: 0,
            own,
        }
    }

    /// Writes until `text` holds at least `size` bytes or all is written; whether there is more.
    /// To be called with the same snapshot each time.
    pub(super) fn fill(&mut self, snapshot: &Snapshot, text: &mut Text, size: usize) -> bool {
        text.accounts = snapshot.accounts;
        while let Some(family) = FAMILIES.get(self.family) {
            if !self.fill_family(family, snapshot, text, size) {
                return true;
            }
            self.family += 1;
            self.function = 0;
        }
        for family in self.own.drain(..) {
            text.gathered(&family);
        }
        false
    }

    /// Whether the family is at its end.
    fn fill_family(
        &mut self,
        family: &Family,
        snapshot: &Snapshot,
        text: &mut Text,
        size: usize,
    ) -> bool {
        if self.function == 0 && !snapshot.series.is_empty() {
            text.family(family.metric);
        }
        for series in snapshot.series.iter().skip(self.function) {
            if text.out.len() >= size && self.function > 0 {
                return false;
            }
            (family.write)(text, family.metric, series);
            self.function += 1;
        }
        true
    }
}
