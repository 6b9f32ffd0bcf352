//! The one walk over everything that a scrape shows.

use prometheus::proto::MetricFamily;

use super::text::Text;
use crate::catalog::{self, Metric};
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
static FAMILIES: [Family; 6] = [
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
        metric: &catalog::FUNCTION_INFO,
        write: |text, metric, of| text.one(metric, &of.function),
    },
];

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
