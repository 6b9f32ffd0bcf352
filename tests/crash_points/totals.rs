//! What is compared: the sums of each function, whoever counted them.

use std::collections::BTreeMap;

use scf_exporter::metrics::Snapshot;
use scf_sim::Truth;

/// The sums of one function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    pub codes: BTreeMap<String, u64>,
    pub duration_us: u128,
    pub billed_ms: u128,
    pub memory_bytes: u128,
    /// Configured memory in MB times billed milliseconds.
    pub billed_mb_ms: u128,
    pub retries: u64,
}

/// The sums of each function by namespace and name; those never called are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals(pub BTreeMap<String, Sums>);

impl Totals {
    /// What a scrape of `snapshot` shows. The error says what does not fit together in it.
    pub fn shown(snapshot: &Snapshot) -> Result<Self, String> {
        let mut totals = BTreeMap::new();
        for series in &snapshot.series {
            let mut sums = Sums::default();
            for code in series.codes.iter().filter(|code| code.count > 0) {
                *sums.codes.entry(code.ret_code.to_string()).or_default() += code.count;
            }
            let count: u64 = sums.codes.values().sum();
            for histogram in [&series.duration, &series.billed, &series.memory] {
                if histogram.count() != count {
                    let of = histogram.count();
                    return Err(format!(
                        "{}: {count} counted, {of} observed",
                        series.function
                    ));
                }
            }
            sums.duration_us = exactly(series.duration.sum(), 1_000)?;
            sums.billed_ms = exactly(series.billed.sum(), 1_000_000)?;
            sums.memory_bytes = series.memory.sum();
            sums.billed_mb_ms = exactly(series.billed_memory, 1_000_000 << 20)?;
            sums.retries = series.retries;
            if count > 0 {
                let function = &series.function;
                totals.insert(format!("{}/{}", function.namespace, function.name), sums);
            }
        }
        Ok(Self(totals))
    }

    /// What an exact reader of API 3.0 has counted.
    pub fn of(truth: &Truth) -> Self {
        let called = truth
            .functions
            .iter()
            .filter(|function| function.count() > 0);
        let totals = called.map(|function| {
            let codes = function.invocations.iter();
            let sums = Sums {
                codes: codes
                    .map(|(code, count)| (code.to_string(), *count))
                    .collect(),
                duration_us: function.sums.duration_us.into(),
                billed_ms: function.sums.billed_ms.into(),
                memory_bytes: function.sums.mem_bytes.into(),
                billed_mb_ms: function.sums.billed_mb_ms.into(),
                retries: function.sums.retries,
            };
            (
                format!("{}/{}", function.namespace, function.function_name),
                sums,
            )
        });
        Self(totals.collect())
    }

    /// The same without what needs the configured memory to be known when a call is counted.
    pub fn without_configured_memory(mut self) -> Self {
        for sums in self.0.values_mut() {
            sums.billed_mb_ms = 0;
        }
        self
    }

    /// That nothing in here is more than in `limit`; the error names the first that is.
    pub fn within(&self, limit: &Self) -> Result<(), String> {
        let nothing = Sums::default();
        for (function, sums) in &self.0 {
            let limit = limit.0.get(function).unwrap_or(&nothing);
            if !sums.within(limit) {
                return Err(format!("{function}: {sums:?} is more than {limit:?}"));
            }
        }
        Ok(())
    }
}

impl Sums {
    fn within(&self, limit: &Self) -> bool {
        let of = |code: &String| limit.codes.get(code).copied().unwrap_or_default();
        self.codes.iter().all(|(code, count)| *count <= of(code))
            && self.duration_us <= limit.duration_us
            && self.billed_ms <= limit.billed_ms
            && self.memory_bytes <= limit.memory_bytes
            && self.billed_mb_ms <= limit.billed_mb_ms
            && self.retries <= limit.retries
    }
}

fn exactly(sum: u128, unit: u128) -> Result<u128, String> {
    match (sum / unit, sum % unit) {
        (whole, 0) => Ok(whole),
        _ => Err(format!("{sum} is no multiple of {unit}")),
    }
}
