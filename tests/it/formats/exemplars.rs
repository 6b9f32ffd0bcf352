//! Exemplars in the formats that have them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use scf_exporter::exposition::{ExpositionOptions, Format};
use scf_exporter::metrics::{FunctionSeries, Snapshot};
use scf_exporter::model::{
    Bytes, FunctionId, InvocationKey, Nanos, Outcome, RetCode, Row, Timestamp,
};

use super::{of_one, rendered, snapshot, styled};
use crate::support::protobuf::{self, Exemplar};

const LABELS: &str = "region=\"r\",function_namespace=\"n\",function_name=\"f\"";

/// A success of 0.2 s and a failure of 1,000 s, which is above the highest bound.
fn two() -> Snapshot {
    let mut series = FunctionSeries::new(FunctionId::new("r", "n", "f"), RetCode::ZERO);
    let success = Row {
        key: InvocationKey {
            id: 0xb684_ef85_250a_11e7_839d_5254_007d_2563,
            attempt: 0,
        },
        id_is_uuid: true,
        duration: Nanos(200_000_000),
        memory: Bytes(5 << 20),
        ..Row::default()
    };
    let failure = Row {
        key: InvocationKey {
            id: 0xa,
            attempt: 1,
        },
        ret_code: RetCode::new(433),
        outcome: Outcome::Timeout,
        duration: Nanos(1_000_000_000_000),
        ..success
    };
    series.count(&success, Timestamp::from_millis(1_700_000_000_120));
    series.count(&failure, Timestamp::from_millis(1_700_000_060_000));
    of_one(series)
}

#[test]
fn open_metrics_has_one_behind_each_bucket_and_code_that_counted_something() {
    let open = String::from_utf8(rendered(Format::OpenMetrics, &two(), &[])).unwrap();
    let found: Vec<&str> = open.lines().filter(|line| line.contains(" # {")).collect();
    let success = "# {request_id=\"b684ef85-250a-11e7-839d-5254007d2563\"}";
    let failure = "# {request_id=\"00000000-0000-0000-0000-00000000000a\"}";
    let (then, later) = ("1700000000.12", "1700000060");
    let time = format!("scf_invocation_duration_seconds_bucket{{{LABELS}");
    let memory = format!("scf_invocation_memory_usage_bytes_bucket{{{LABELS}");
    let codes = format!("scf_invocations_total{{{LABELS}");
    let expected = [
        format!("{codes},ret_code=\"0\",outcome=\"success\"}} 1 {success} 1 {then}"),
        format!("{codes},ret_code=\"433\",outcome=\"timeout\"}} 1 {failure} 1 {later}"),
        format!("{time},le=\"0.25\"}} 1 {success} 0.2 {then}"),
        format!("{time},le=\"+Inf\"}} 2 {failure} 1000 {later}"),
        // Both used as much: the failure stays.
        format!("{memory},le=\"8388608.0\"}} 2 {failure} 5242880 {later}"),
    ];
    assert_eq!(found, expected);
    let text = String::from_utf8(rendered(Format::Text, &two(), &[])).unwrap();
    assert!(!text.contains("request_id"));
}

fn ids(exemplars: impl IntoIterator<Item = Exemplar>) -> BTreeSet<String> {
    let labels = exemplars.into_iter().flat_map(|one| one.label);
    labels.filter_map(|label| label.value).collect()
}

proptest! {
    /// Without classic buckets they are in the native histogram's own list; never in both places.
    #[test]
    fn protobuf_writes_each_once(snapshot in snapshot()) {
        let of = |native_histograms_only| {
            let options = ExpositionOptions {
                native_histograms_only,
                ..ExpositionOptions::default()
            };
            protobuf::parse(&styled(Format::Protobuf, &snapshot, &[], options)).unwrap()
        };
        for (usual, only) in of(false).iter().zip(of(true)) {
            for (usual, only) in usual.metric.iter().zip(only.metric) {
                prop_assert_eq!(&usual.counter, &only.counter);
                let (Some(usual), Some(only)) = (&usual.histogram, only.histogram) else {
                    continue;
                };
                prop_assert!(usual.exemplars.is_empty());
                let of_buckets = usual.bucket.iter().filter_map(|bucket| bucket.exemplar.clone());
                let of_buckets: Vec<_> = of_buckets.collect();
                if usual.schema.is_some() {
                    prop_assert_eq!(ids(of_buckets), ids(only.exemplars));
                } else {
                    prop_assert_eq!(usual, &only);
                }
            }
        }
    }
}
