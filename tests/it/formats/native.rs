//! Native histograms, which protobuf alone has.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use scf_exporter::exposition::{ExpositionOptions, Format};
use scf_exporter::metrics::{FunctionSeries, Snapshot};
use scf_exporter::model::{Bytes, FunctionId, Nanos, RetCode, Row, Timestamp};

use super::{amount, of_one, own, snapshot, styled};
use crate::support::flat::Flat;
use crate::support::protobuf::{self, Histogram, MetricFamily};

const NATIVE: [&str; 3] = [
    "scf_invocation_duration_seconds",
    "scf_invocation_billed_duration_seconds",
    "scf_invocation_memory_usage_bytes",
];
const ONLY: ExpositionOptions = ExpositionOptions {
    native_histograms_only: true,
    created_series: false,
    began: None,
};

fn families(snapshot: &Snapshot, options: ExpositionOptions) -> Vec<MetricFamily> {
    protobuf::parse(&styled(Format::Protobuf, snapshot, &own(), options)).unwrap()
}

/// The buckets of the finest schema up to 3 at which there are no more than 256 from the lowest to
/// the highest, by the formula of the format: bucket `i` ends at `2^(i / 2^schema)`.
fn reference(values: &[f64]) -> (i32, BTreeMap<i32, u64>) {
    for schema in (-4..=3).rev() {
        let parts = 2f64.powi(schema);
        let bound = |bucket: i32| 2f64.powf(f64::from(bucket) / parts);
        let mut buckets = BTreeMap::new();
        for value in values.iter().filter(|value| **value > 0.0) {
            let near = (value.log2() * parts) as i32;
            let holds = |bucket: &i32| bound(bucket - 1) < *value && *value <= bound(*bucket);
            let bucket = (near - 2..=near + 2).find(holds).unwrap();
            *buckets.entry(bucket).or_default() += 1;
        }
        let ends = (buckets.first_key_value(), buckets.last_key_value());
        if let (Some((first, _)), Some((last, _))) = ends
            && last - first >= 256
        {
            continue;
        }
        return (schema, buckets);
    }
    panic!("no schema holds {values:?}");
}

fn check(found: &Histogram, values: &[f64]) -> Result<(), TestCaseError> {
    let (schema, expected) = reference(values);
    let mut buckets = found.native_buckets().map_err(TestCaseError::fail)?;
    buckets.retain(|_, count| *count > 0);
    prop_assert_eq!(buckets, expected, "schema {}", schema);
    prop_assert_eq!(found.schema, Some(schema));
    let zeros = values.iter().filter(|value| **value == 0.0).count() as u64;
    prop_assert_eq!(found.zero_count, Some(zeros));
    prop_assert_eq!(found.zero_threshold, Some(2f64.powi(-128)));
    prop_assert_eq!(found.sample_count, Some(values.len() as u64));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_was_observed_is_in_the_bucket_that_holds_it(
        values in vec((amount(), 0u64..1 << 40, amount()), 0..40),
    ) {
        let mut series = FunctionSeries::new(FunctionId::new("r", "n", "f"), RetCode::ZERO);
        for (duration, billed, memory) in &values {
            series.count(&Row {
                duration: Nanos(*duration),
                billed: Nanos(*billed),
                memory: Bytes(*memory),
                ..Row::default()
            }, Timestamp::from_secs(1));
        }
        let families = families(&of_one(series), ExpositionOptions::default());
        let of = |pick: fn(&(u64, u64, u64)) -> f64| values.iter().map(pick).collect::<Vec<_>>();
        let observed = [
            of(|one| one.0 as f64 / 1e9),
            of(|one| one.1 as f64 / 1e9),
            of(|one| one.2 as f64),
        ];
        for (name, values) in NATIVE.iter().zip(observed) {
            let family = families.iter().find(|family| family.name() == *name).unwrap();
            check(family.metric[0].histogram.as_ref().unwrap(), &values)?;
        }
    }

    #[test]
    fn classic_buckets_are_left_out_of_protobuf_alone_and_where_there_are_native_ones(
        snapshot in snapshot(),
    ) {
        for format in [Format::Text, Format::OpenMetrics] {
            let usual = styled(format, &snapshot, &[], ExpositionOptions::default());
            prop_assert_eq!(styled(format, &snapshot, &[], ONLY), usual);
        }
        let mut expected = families(&snapshot, ExpositionOptions::default());
        for family in &mut expected {
            let native = NATIVE.contains(&family.name());
            // Also the exporter's own histograms and those of cold starts have classic ones alone.
            for histogram in family.metric.iter_mut().filter_map(|one| one.histogram.as_mut()) {
                prop_assert_eq!(histogram.schema.is_some(), native);
                if histogram.schema.is_some() {
                    prop_assert!(!histogram.bucket.is_empty());
                    let classic = std::mem::take(&mut histogram.bucket);
                    histogram.exemplars = classic.into_iter().filter_map(|one| one.exemplar).collect();
                }
            }
        }
        let only = styled(Format::Protobuf, &snapshot, &own(), ONLY);
        prop_assert!(Flat::protobuf(&only).is_ok());
        // The exporter's own figures, such as its memory, change from one gathering to the next.
        let workload = |mut families: Vec<MetricFamily>| {
            families.retain(|family| !family.name().starts_with("process_"));
            families
        };
        prop_assert_eq!(workload(protobuf::parse(&only).unwrap()), workload(expected));
    }
}

/// Prometheus takes a histogram for a native one if it has spans, or a zero bucket of any width.
#[test]
fn an_empty_native_histogram_is_still_one() {
    let series = FunctionSeries::new(FunctionId::new("r", "n", "f"), RetCode::ZERO);
    let families = families(&of_one(series), ONLY);
    for name in NATIVE {
        let family = families.iter().find(|family| family.name() == name);
        let histogram = family.unwrap().metric[0].histogram.as_ref().unwrap();
        assert_eq!(histogram.schema, Some(3), "{name}");
        assert!(histogram.zero_threshold() > 0.0, "{name}");
        assert_eq!(
            (histogram.sample_count, histogram.zero_count),
            (Some(0), Some(0))
        );
        assert_eq!(histogram.native_buckets(), Ok(BTreeMap::new()), "{name}");
    }
}
