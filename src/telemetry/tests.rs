use std::collections::HashMap;

use prometheus::proto::MetricType;

use super::*;
use crate::metrics::catalog::{ALL, Kind};
use crate::model::RejectReason;

const BUILD: BuildInfo = BuildInfo {
    version: "1.2.3",
    revision: "abc",
    rustversion: "1.95.0",
};

fn families(telemetry: &Telemetry) -> HashMap<String, MetricFamily> {
    let gathered = telemetry.gather();
    gathered
        .into_iter()
        .map(|family| (family.name().to_owned(), family))
        .collect()
}

/// The value of the counter or gauge `name` whose label values are `labels`, in any order.
fn value(telemetry: &Telemetry, name: &str, labels: &[&str]) -> Option<f64> {
    let families = families(telemetry);
    let family = families.get(name)?;
    let metric = family.get_metric().iter().find(|metric| {
        let values: Vec<&str> = metric.get_label().iter().map(|pair| pair.value()).collect();
        values.len() == labels.len() && labels.iter().all(|label| values.contains(label))
    })?;
    Some(match family.get_field_type() {
        MetricType::COUNTER => metric.get_counter().get_value(),
        _ => metric.get_gauge().get_value(),
    })
}

#[test]
fn every_family_it_shows_is_in_the_catalog_with_the_same_type_and_text() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    let source = telemetry.source("main").unwrap();
    source.request("v2", "ListFunctions", "ok", Duration::from_millis(3));
    source.counted(Timestamp::from_secs(5), Timestamp::from_secs(9));
    source.set_watermark(Timestamp::from_secs(5));
    telemetry.set_rendered("text", "gzip", 1_000);
    let shown = families(&telemetry);
    let own = ALL.iter().filter(|metric| {
        metric.name.starts_with("scf_exporter_") || metric.name.starts_with("process_")
    });
    let mut named = 0;
    for metric in own {
        named += 1;
        let family = &shown[metric.name];
        assert_eq!(family.help(), metric.help, "{}", metric.name);
        let kind = match family.get_field_type() {
            MetricType::COUNTER => Kind::Counter,
            MetricType::GAUGE => Kind::Gauge,
            MetricType::HISTOGRAM => Kind::Histogram,
            other => panic!("{}: {other:?}", metric.name),
        };
        assert_eq!(kind, metric.kind, "{}", metric.name);
        let mut labels = metric.labels.to_vec();
        labels.sort_unstable();
        let pairs = family.get_metric()[0].get_label();
        let names: Vec<&str> = pairs.iter().map(|pair| pair.name()).collect();
        assert_eq!(names, labels, "{}", metric.name);
    }
    assert_eq!(shown.len(), named, "a family outside the catalog");
}

#[test]
fn closed_label_sets_begin_at_zero_and_each_value_has_its_own_counter() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    let source = telemetry.source("main").unwrap();
    let polls = "scf_exporter_polls_total";
    for result in ["success", "failure"] {
        assert_eq!(value(&telemetry, polls, &["main", result]), Some(0.0));
    }
    let records = "scf_exporter_records_total";
    let rejected = "scf_exporter_rejected_rows_total";
    let shown = || {
        let of = |one: Disposition| value(&telemetry, records, &["main", one.as_str()]);
        let by = |one: RejectReason| value(&telemetry, rejected, &["main", one.as_str()]);
        [
            Disposition::ALL.map(of).to_vec(),
            RejectReason::ALL.map(by).to_vec(),
        ]
        .concat()
    };
    assert_eq!(shown(), vec![Some(0.0); 14]);
    for (rows, disposition) in (1..).zip(Disposition::ALL) {
        source.records(disposition, rows);
    }
    for (rows, reason) in (6..).zip(RejectReason::ALL) {
        source.rejected(reason, rows);
    }
    let expected: Vec<_> = (1u32..=14).map(|rows| Some(f64::from(rows))).collect();
    assert_eq!(shown(), expected);
}

#[test]
fn what_is_not_known_yet_is_not_shown() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    let source = telemetry.source("main").unwrap();
    let lag = "scf_exporter_ingestion_lag_seconds";
    let watermark = "scf_exporter_watermark_timestamp_seconds";
    assert_eq!(value(&telemetry, lag, &["main"]), None);
    assert_eq!(value(&telemetry, watermark, &["main"]), None);
    source.counted(Timestamp::from_millis(1_500), Timestamp::from_secs(4));
    source.set_watermark(Timestamp::from_millis(250));
    assert_eq!(value(&telemetry, lag, &["main"]), Some(2.5));
    assert_eq!(value(&telemetry, watermark, &["main"]), Some(0.25));
    source.counted(Timestamp::from_secs(9), Timestamp::from_secs(4));
    assert_eq!(
        value(&telemetry, lag, &["main"]),
        Some(0.0),
        "clocks differ: a row from the future is not late"
    );
}

#[test]
fn two_handles_of_one_source_count_together() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    let now = Timestamp::from_secs(7);
    telemetry.source("main").unwrap().poll_succeeded(now);
    telemetry.source("main").unwrap().poll_succeeded(now);
    let polls = "scf_exporter_polls_total";
    assert_eq!(value(&telemetry, polls, &["main", "success"]), Some(2.0));
    let last = "scf_exporter_last_successful_poll_timestamp_seconds";
    assert_eq!(value(&telemetry, last, &["main"]), Some(7.0));
}

/// The names are chosen so that name and code together read the same.
#[test]
fn sources_have_series_of_their_own_and_a_removed_one_has_none_but_stays_in_the_totals() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    let series_of = |name: &str| {
        let of = |family: &MetricFamily| {
            let metrics = family.get_metric().iter();
            let labels = metrics.flat_map(|metric| metric.get_label());
            labels
                .filter(|pair| pair.name() == "source" && pair.value() == name)
                .count()
        };
        telemetry.gather().iter().map(of).sum::<usize>()
    };
    for (name, code) in [("gz", "4400"), ("gz4", "400")] {
        let source = telemetry.source(name).unwrap();
        source.request("v2", "GetFunctionLogs", code, Duration::ZERO);
        source.records(Disposition::Counted, 5);
        source.overflowed(2);
        source.unknown_codes(1);
    }
    let requests = "scf_exporter_api_requests_total";
    for labels in [["gz", "4400"], ["gz4", "400"]] {
        let [name, code] = labels;
        let labels = [name, "v2", "GetFunctionLogs", code];
        assert_eq!(value(&telemetry, requests, &labels), Some(1.0), "{name}");
    }
    let kept = telemetry.source("gz").unwrap();
    telemetry.source_ended("gz");
    kept.records(Disposition::Counted, 1);
    assert_eq!((series_of("gz"), series_of("gz4")), (0, 26));
    assert_eq!(
        (
            telemetry.recorded(Disposition::Counted),
            telemetry.overflow()
        ),
        (11, 4)
    );
    telemetry.source("gz").unwrap();
    let records = "scf_exporter_records_total";
    assert_eq!(
        value(&telemetry, records, &["gz", "counted"]),
        Some(0.0),
        "it begins anew"
    );
}
