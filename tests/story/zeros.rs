//! That no scrape shows a value of a series that none showed at zero before.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::checks::{Broken, function_of};
use super::support::exposition::Exposition;

/// Whether a function has these depends on what is known of it, which each life learns anew: they
/// may appear, and grow, at any time.
const OF_THE_LIST: [&str; 2] = [
    "scf_invocation_retries_total",
    "scf_billed_memory_byte_seconds_total",
];

/// Remembers which series were shown, over all lives of the exporter.
///
/// A series that is above zero at a scrape, and was at none before, was at zero for a whole span
/// since the last one. So there is none of these where less time passed than that, the time between
/// two lives apart.
#[derive(Default)]
pub struct Zeros {
    /// With the function of each.
    shown: HashMap<String, String>,
    last: Option<ListScan>,
    /// Whether nothing can have come and gone unseen before the life that begins.
    is_seen: bool,
}

struct ListScan {
    at: Instant,
    span: Duration,
}

impl Zeros {
    /// A life ends.
    pub fn end(&mut self) {
        self.is_seen = self.last.take().is_some_and(|last| last.is_close());
    }

    /// From now on new series are held for `span`, also those that are held already.
    pub fn hold_for(&mut self, span: Duration) {
        if let Some(last) = &mut self.last {
            last.span = last.span.min(span);
        }
    }

    /// The series of a function ended: they begin anew, at zero.
    pub fn forget(&mut self, function: &str) {
        self.shown.retain(|_, of| of != function);
    }

    /// What is seen of a life that holds new series at zero for `span`; `scrape` is none where it is
    /// what was seen last.
    pub fn check(&mut self, span: Duration, scrape: Option<&Exposition>) -> Result<(), Broken> {
        let is_seen = self.last.as_ref().map_or(self.is_seen, ListScan::is_close);
        let at = Instant::now();
        self.last = Some(ListScan { at, span });
        let families = scrape.iter().flat_map(|scrape| &scrape.families);
        let of_calls = families.filter(|family| {
            let own = family.name.starts_with("scf_exporter_");
            let of_the_list = OF_THE_LIST.contains(&family.name.as_str());
            !own && !of_the_list && ["counter", "histogram"].contains(&family.kind.as_str())
        });
        for sample in of_calls.flat_map(|family| &family.samples) {
            let series = format!("{}{:?}", sample.name, sample.labels);
            if is_seen && sample.value > 0.0 && !self.shown.contains_key(&series) {
                let value = sample.value;
                return Err(format!("{series} is {value} and was never shown at zero"));
            }
            self.shown.insert(series, function_of(&sample.labels));
        }
        Ok(())
    }
}

impl ListScan {
    /// Whether it is so short ago that no series can have been held for the whole span since.
    fn is_close(&self) -> bool {
        self.at.elapsed() < self.span
    }
}
