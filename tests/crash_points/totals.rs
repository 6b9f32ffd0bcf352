//! What is compared: the sums of each function, whoever counted them.

use std::collections::BTreeMap;

use scf_exporter::config::Api;
use scf_exporter::metrics::Snapshot;
use scf_sim::Truth;

use crate::support::world::{Sums, exactly, sums_of, sums_shown};

/// The sums of each function; those never called are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    sums: Sums,
    /// By function, configured memory in MB times billed milliseconds.
    billed_mb_ms: BTreeMap<String, u128>,
    retries: BTreeMap<String, u64>,
}

impl Totals {
    /// What a scrape of `snapshot` shows. The error says what does not fit together in it.
    pub fn shown(snapshot: &Snapshot) -> Result<Self, String> {
        let mut totals = Self {
            sums: sums_shown(snapshot)?,
            ..Self::default()
        };
        for series in &snapshot.series {
            let function = format!("{}/{}", series.function.namespace, series.function.name);
            let billed = exactly(series.billed_memory, 1_000_000 << 20)?;
            totals.billed_mb_ms.insert(function.clone(), billed);
            totals.retries.insert(function, series.retries);
        }
        Ok(totals.of_called())
    }

    /// What an exact reader of API 3.0 has counted.
    pub fn of(truth: &Truth) -> Self {
        let mut totals = Self {
            sums: sums_of(truth, Api::V3),
            ..Self::default()
        };
        for of in &truth.functions {
            let function = format!("{}/{}", of.namespace, of.function_name);
            let billed = of.sums.billed_mb_ms.into();
            totals.billed_mb_ms.insert(function.clone(), billed);
            totals.retries.insert(function, of.sums.retries);
        }
        totals.of_called()
    }

    fn of_called(mut self) -> Self {
        self.sums.retain(|_, (codes, ..)| !codes.is_empty());
        let sums = &self.sums;
        self.billed_mb_ms.retain(|name, _| sums.contains_key(name));
        self.retries.retain(|name, _| sums.contains_key(name));
        self
    }

    /// The totals without what needs the configured memory to be known when a call is counted.
    pub fn without_configured_memory(mut self) -> Self {
        self.billed_mb_ms.clear();
        self
    }

    /// That nothing in here is more than in `limit`; the error names the first that is.
    pub fn within(&self, limit: &Self) -> Result<(), String> {
        for function in self.sums.keys() {
            if !self.is_within(limit, function) {
                return Err(format!("{function}: {self:?} is more than {limit:?}"));
            }
        }
        Ok(())
    }

    fn is_within(&self, limit: &Self, function: &str) -> bool {
        let (codes, us, ms, bytes) = &self.sums[function];
        let (most_codes, most_us, most_ms, most_bytes) =
            limit.sums.get(function).cloned().unwrap_or_default();
        codes
            .iter()
            .all(|(code, count)| most_codes.get(code) >= Some(count))
            && *us <= most_us
            && *ms <= most_ms
            && *bytes <= most_bytes
            && self.billed_mb_ms.get(function) <= limit.billed_mb_ms.get(function)
            && self.retries.get(function) <= limit.retries.get(function)
    }
}
