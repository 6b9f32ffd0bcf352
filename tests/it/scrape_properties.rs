//! Whatever the functions are called and whatever they did, a strict reader gets back exactly
//! that.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use scf_exporter::exposition::{self, ExpositionOptions, Format};
use scf_exporter::metrics::{FunctionSeries, Snapshot};
use scf_exporter::model::{
    Bytes, FunctionId, InvocationKey, Nanos, Outcome, RetCode, Row, Timestamp,
};
use scf_exporter::telemetry::{BuildInfo, Telemetry};

use crate::support::exposition::Exposition;

/// Return code, outcome, duration and billed time in ns, memory.
type Call = (i64, usize, u64, u64, u64);

fn call() -> impl Strategy<Value = Call> {
    // Whole milliseconds are what the cloud gives; any nanosecond must come out right too.
    let nanos = prop_oneof![0u64..100_000_000_000, any::<u64>()];
    let billed = prop_oneof![0u64..100_000_000_000, any::<u64>()];
    let memory = prop_oneof![0u64..4_000_000_000, any::<u64>()];
    (-3i64..1_100, 0usize..8, nanos, billed, memory)
}

fn row(&(ret_code, outcome, duration, billed, memory): &Call) -> Row {
    Row {
        function: 0,
        ret_code: RetCode::new(ret_code),
        outcome: Outcome::ALL[outcome],
        key: InvocationKey { id: 0, attempt: 0 },
        position: Timestamp::from_secs(1),
        duration: Nanos(duration),
        billed: Nanos(billed),
        memory: Bytes(memory),
        ..Row::default()
    }
}

fn rendered(functions: &[(String, Vec<Call>)]) -> String {
    let series = functions.iter().enumerate().map(|(number, (name, calls))| {
        // The number in the namespace makes equal names two functions.
        let mut series = FunctionSeries::new(
            FunctionId::new("r", &number.to_string(), name),
            RetCode::ZERO,
        );
        calls
            .iter()
            .for_each(|call| series.count(&row(call), Timestamp::from_secs(1)));
        Arc::new(series)
    });
    let snapshot = Snapshot::new(1, false, series.collect());
    let telemetry = Telemetry::new(&BuildInfo::current()).unwrap();
    let options = ExpositionOptions::default();
    let text = exposition::render(Format::Text, options, &snapshot, &telemetry.gather());
    String::from_utf8(text).unwrap()
}

/// An exact decimal of seconds, as nanoseconds.
fn nanos(text: &str) -> u128 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{rest:0<9}").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_scrape_reads_back_as_what_was_counted(
        functions in vec((any::<String>(), vec(call(), 0..12)), 0..5),
    ) {
        let text = rendered(&functions);
        let scrape = Exposition::parse(&text).map_err(TestCaseError::fail)?;
        for (number, (name, calls)) in functions.iter().enumerate() {
            let number = number.to_string();
            let labels = [
                ("region", "r"),
                ("function_namespace", number.as_str()),
                ("function_name", name.as_str()),
            ];
            let text_of = |metric: &str| scrape.sample(metric, &labels).unwrap().text.clone();
            let sum = |of: fn(&Call) -> u64| calls.iter().map(|c| u128::from(of(c))).sum::<u128>();
            prop_assert_eq!(nanos(&text_of("scf_invocation_duration_seconds_sum")), sum(|c| c.2));
            let billed = text_of("scf_invocation_billed_duration_seconds_sum");
            prop_assert_eq!(nanos(&billed), sum(|c| c.3));
            let memory = text_of("scf_invocation_memory_usage_bytes_sum");
            prop_assert_eq!(memory, sum(|c| c.4).to_string());
            for bucket in scrape.matching("scf_invocation_memory_usage_bytes_bucket", &labels) {
                let bound: u64 = bucket.labels["le"].parse().unwrap_or(u64::MAX);
                let below = calls.iter().filter(|call| call.4 <= bound).count();
                prop_assert_eq!(&bucket.text, &below.to_string());
            }
            let mut codes: BTreeMap<String, f64> = BTreeMap::new();
            for sample in scrape.matching("scf_invocations_total", &labels) {
                *codes.entry(sample.labels["ret_code"].clone()).or_default() += sample.value;
            }
            let mut expected = BTreeMap::from([("0".to_owned(), 0.0)]);
            for call in calls {
                let known = (-1..=999).contains(&call.0);
                let code = if known { call.0.to_string() } else { "other".to_owned() };
                *expected.entry(code).or_default() += 1.0;
            }
            prop_assert_eq!(codes, expected);
        }
    }
}
