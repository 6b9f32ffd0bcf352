use std::collections::HashMap;

use prometheus::proto::MetricType;

use super::*;
use crate::metrics::catalog::{ALL, Kind};

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
    telemetry.api_attempt("v2", "ListFunctions", "ok", Duration::from_millis(3));
    let source = telemetry.source("main");
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
fn closed_label_sets_are_there_at_zero() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    for disposition in ["counted", "duplicate", "late", "unfinished", "invalid"] {
        let name = "scf_exporter_records_total";
        assert_eq!(value(&telemetry, name, &[disposition]), Some(0.0));
    }
    for reason in RejectReason::ALL {
        let name = "scf_exporter_rejected_rows_total";
        assert_eq!(value(&telemetry, name, &[reason.as_str()]), Some(0.0));
    }
    telemetry.source("main");
    for result in ["success", "failure"] {
        let name = "scf_exporter_polls_total";
        assert_eq!(value(&telemetry, name, &["main", result]), Some(0.0));
    }
}

#[test]
fn each_kind_of_row_has_its_own_counter() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    for (rows, disposition) in (1..).zip(Disposition::ALL) {
        telemetry.records(disposition, rows);
    }
    for (rows, reason) in (1..).zip(RejectReason::ALL) {
        telemetry.rejected(reason, rows);
    }
    for (rows, disposition) in (1u32..).zip(Disposition::ALL) {
        let shown = value(
            &telemetry,
            "scf_exporter_records_total",
            &[disposition.as_str()],
        );
        assert_eq!(shown, Some(f64::from(rows)), "{disposition:?}");
    }
    for (rows, reason) in (1u32..).zip(RejectReason::ALL) {
        let shown = value(
            &telemetry,
            "scf_exporter_rejected_rows_total",
            &[reason.as_str()],
        );
        assert_eq!(shown, Some(f64::from(rows)), "{reason:?}");
    }
}

#[test]
fn what_is_not_known_yet_is_not_shown() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    let source = telemetry.source("main");
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
fn codes_from_outside_cannot_fill_the_memory() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    for code in 0..1_000 {
        telemetry.api_attempt("v2", "GetFunctionLogs", &code.to_string(), Duration::ZERO);
    }
    let name = "scf_exporter_api_requests_total";
    let series = families(&telemetry)[name].get_metric().len();
    assert_eq!(series, CODES_MAX + 1);
    let other = value(&telemetry, name, &["v2", "GetFunctionLogs", "other"]);
    assert_eq!(other, Some(1_000.0 - CODES_MAX as f64));
}

#[test]
fn two_handles_of_one_source_count_together() {
    let telemetry = Telemetry::new(&BUILD).unwrap();
    let now = Timestamp::from_secs(7);
    telemetry.source("main").poll_succeeded(now);
    telemetry.source("main").poll_succeeded(now);
    let polls = "scf_exporter_polls_total";
    assert_eq!(value(&telemetry, polls, &["main", "success"]), Some(2.0));
    let last = "scf_exporter_last_successful_poll_timestamp_seconds";
    assert_eq!(value(&telemetry, last, &["main"]), Some(7.0));
}
