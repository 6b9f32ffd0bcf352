//! The oracle: what an exact reader must have counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::function::Function;
use super::world::World;

/// Sums over all attempts that the API shows as finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// Time of the sums, in Unix milliseconds.
    pub now_ms: i64,
    /// The region of the world.
    pub region: String,
    /// Sums over all functions.
    pub totals: Totals,
    /// Every function of the world, called or not, in the world's order.
    pub functions: Vec<FunctionTruth>,
}

/// The row of a readable attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowTruth {
    /// Position of its function in the world's order.
    pub function: usize,
    /// Request id.
    pub request_id: String,
    /// Number of the retry; 0 for the first attempt.
    pub retry: u32,
    /// The row is visible as finished from this time on, in Unix milliseconds.
    pub visible_ms: i64,
}

/// Sums over all functions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Number of readable attempts.
    pub invocations: u64,
    /// All other sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Sums of one function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionTruth {
    /// Name of the function.
    pub function_name: String,
    /// Namespace of the function.
    pub namespace: String,
    /// Configured memory in MB.
    pub memory_mb: u32,
    /// Number of readable attempts by return code.
    pub invocations: BTreeMap<i32, u64>,
    /// Number of readable attempts by the vendor's status code, which v2 rows do not show.
    pub statuses: BTreeMap<u16, u64>,
    /// All other sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Sums over the readable attempts of one or all functions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Run time in microseconds; exact milliseconds on the wire.
    #[serde(rename = "duration_ms", with = "exact_ms")]
    pub duration_us: u64,
    /// Billed time in milliseconds.
    pub billed_ms: u64,
    /// Memory used, in bytes.
    pub mem_bytes: u64,
    /// Number of readable attempts that were retries, which v2 rows do not show.
    pub retries: u64,
    /// Number of unreadable rows, which no other sum includes.
    pub unreadable: u64,
    /// Number of cold starts whose Init Report can be found in CLS.
    pub cold_starts: u64,
    /// Total length of these cold starts, in milliseconds.
    pub cold_start_ms: u64,
    /// Run time as CLS shows it, each one rounded up to whole milliseconds.
    pub cls_duration_ms: u64,
    /// Configured memory in MB times billed milliseconds; 1,024,000 of them are a GB-second.
    pub billed_mb_ms: u64,
}

/// Converts microseconds in memory to milliseconds on the wire. Up to 10^15 us (30 years of run
/// time) the shortest decimal of the nearest double is the exact value.
mod exact_ms {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(us: &u64, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_f64(*us as f64 / 1_000.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
        Ok((f64::deserialize(input)? * 1_000.0).round() as u64)
    }
}

// === impl RowTruth ===

impl RowTruth {
    /// Returns the rows that are visible at `now_ms`, became visible at `since_ms` or later, and
    /// can be counted.
    pub(crate) fn all(world: &World, now_ms: i64, since_ms: i64) -> Vec<Self> {
        let visible = since_ms..=now_ms;
        let attempts = world.attempts().iter();
        let shown = attempts.filter(|a| !a.oversized && visible.contains(&a.visible_ms));
        shown
            .map(|attempt| Self {
                function: attempt.function as usize,
                request_id: attempt.request_id_text(),
                retry: attempt.retry,
                visible_ms: attempt.visible_ms,
            })
            .collect()
    }
}

// === impl Truth ===

impl Truth {
    /// Sums up the attempts that are finished and visible at `now_ms` and became visible before
    /// `visible_before_ms`.
    pub(crate) fn of(world: &World, region: &str, now_ms: i64, visible_before_ms: i64) -> Self {
        let shown = |visible_ms| visible_ms <= now_ms && visible_ms < visible_before_ms;
        let mut functions: Vec<_> = world.functions().iter().map(FunctionTruth::new).collect();
        for attempt in world.attempts() {
            let function = &mut functions[attempt.function as usize];
            if shown(attempt.visible_ms) {
                function.add(attempt);
            }
            // The Init Report is a separate line and can often be found before the attempt has
            // ended.
            let init = attempt.init(world.settings());
            if let Some(init) = init.filter(|init| shown(init.visible_ms)) {
                function.sums.cold_starts += 1;
                function.sums.cold_start_ms += init.total_ms();
            }
        }
        Self {
            now_ms,
            region: region.to_owned(),
            totals: functions.iter().fold(Totals::default(), Totals::plus),
            functions,
        }
    }

    /// Returns the number of readable attempts of all functions.
    pub fn total(&self) -> u64 {
        self.totals.invocations
    }
}

// === impl Totals ===

impl Totals {
    fn plus(self, function: &FunctionTruth) -> Self {
        Self {
            invocations: self.invocations + function.count(),
            sums: self.sums.plus(&function.sums),
        }
    }
}

// === impl Sums ===

impl Sums {
    /// Adds other sums. A replay may contain any numbers, so their sums may not fit.
    fn plus(&self, other: &Self) -> Self {
        let plus = |sum: fn(&Self) -> u64| sum(self).saturating_add(sum(other));
        Self {
            duration_us: plus(|sums| sums.duration_us),
            billed_ms: plus(|sums| sums.billed_ms),
            mem_bytes: plus(|sums| sums.mem_bytes),
            retries: plus(|sums| sums.retries),
            unreadable: plus(|sums| sums.unreadable),
            cold_starts: plus(|sums| sums.cold_starts),
            cold_start_ms: plus(|sums| sums.cold_start_ms),
            cls_duration_ms: plus(|sums| sums.cls_duration_ms),
            billed_mb_ms: plus(|sums| sums.billed_mb_ms),
        }
    }
}

// === impl FunctionTruth ===

impl FunctionTruth {
    fn new(function: &Function) -> Self {
        Self {
            function_name: function.name.clone(),
            namespace: function.namespace.clone(),
            memory_mb: function.memory_mb,
            invocations: BTreeMap::new(),
            statuses: BTreeMap::new(),
            sums: Sums::default(),
        }
    }

    fn add(&mut self, attempt: &Attempt) {
        if attempt.oversized {
            self.sums.unreadable += 1;
            return;
        }
        *self.invocations.entry(attempt.ret_code).or_default() += 1;
        *self.statuses.entry(attempt.failure.status()).or_default() += 1;
        self.sums = self.sums.plus(&Sums {
            duration_us: attempt.duration_us,
            billed_ms: attempt.billed_ms,
            mem_bytes: attempt.mem_bytes,
            retries: u64::from(attempt.retry > 0),
            cls_duration_ms: attempt.duration_us.div_ceil(1_000),
            billed_mb_ms: u64::from(self.memory_mb).saturating_mul(attempt.billed_ms),
            ..Sums::default()
        });
    }

    /// Returns the number of readable attempts with any return code.
    pub fn count(&self) -> u64 {
        self.invocations.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn has_the_documented_shape() {
        let truth = || {
            let function = FunctionTruth {
                function_name: "f".to_owned(),
                namespace: "default".to_owned(),
                memory_mb: 128,
                invocations: BTreeMap::from([(-1, 1), (0, 12)]),
                statuses: BTreeMap::from([(200, 12), (430, 1)]),
                sums: Sums {
                    duration_us: 123_456,
                    billed_ms: 200,
                    billed_mb_ms: 25_600,
                    ..Sums::default()
                },
            };
            Truth {
                now_ms: 7,
                region: "ap-guangzhou".to_owned(),
                totals: Totals::default().plus(&function),
                functions: vec![function],
            }
        };
        let json = serde_json::to_value(truth()).unwrap();
        let expected = json!({
            "function_name": "f", "namespace": "default", "memory_mb": 128,
            "invocations": {"-1": 1, "0": 12}, "statuses": {"200": 12, "430": 1},
            "duration_ms": 123.456, "billed_ms": 200, "mem_bytes": 0, "retries": 0,
            "unreadable": 0, "cold_starts": 0, "cold_start_ms": 0, "cls_duration_ms": 0,
            "billed_mb_ms": 25_600,
        });
        assert_eq!(json["functions"], json!([expected]));
        let totals = &json["totals"];
        assert_eq!(
            (&totals["invocations"], &totals["billed_mb_ms"]),
            (&json!(13), &json!(25_600))
        );
        assert_eq!(json["now_ms"], 7);
        assert_eq!(serde_json::from_value::<Truth>(json).unwrap(), truth());
    }

    #[test]
    fn large_sums_of_milliseconds_are_exact() {
        for us in [
            999_999_999_999_999_u64,
            123_456_789_012_345,
            100_000_000_000_001,
        ] {
            let text = serde_json::to_string(&Sums {
                duration_us: us,
                ..Sums::default()
            });
            let expected = format!("\"duration_ms\":{}.{:03}", us / 1_000, us % 1_000);
            assert!(text.unwrap().contains(&expected), "{expected}");
        }
    }
}
