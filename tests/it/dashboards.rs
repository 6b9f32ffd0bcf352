//! The shipped dashboards: the rules that a person would check by eye.
//!
//! Whether each query answers is the business of the end-to-end checks, with a real Prometheus.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod board;
mod queries;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use scf_exporter::metrics::catalog::ALL;
use serde_json::Value;

use crate::support::root;

#[test]
fn every_dashboard_keeps_the_rules() {
    for uid in set().keys() {
        let faults = faults(&board(uid));
        assert!(faults.is_empty(), "{uid}:\n{}", faults.join("\n"));
    }
}

#[test]
fn each_file_is_of_the_set_and_named_by_its_uid() {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(root().join("dashboards")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            board::text(&board(&name)["uid"]),
            name,
            "{}",
            path.display()
        );
        files.insert(name);
    }
    let set = set();
    assert_eq!(files, set.keys().map(|uid| (*uid).to_owned()).collect());
}

#[test]
fn each_rule_bites() {
    for (place, value, word) in [
        ("/schemaVersion", Value::from(38), "schemaVersion"),
        ("/description", Value::from(""), "description must not"),
        ("/tags/0", Value::from("other"), "tag scf"),
        ("/editable", Value::from(true), "editable"),
        (
            "/annotations/list/0/datasource/uid",
            Value::from("prom"),
            "annotation: the data source",
        ),
        ("/panels/1/id", Value::from(1), "id 1 twice"),
        ("/panels/1/type", Value::from("graph"), "type graph"),
        ("/panels/1/title", Value::from(""), "no title"),
        ("/panels/1/description", Value::from(" "), "no description"),
        (
            "/panels/1/fieldConfig/defaults/unit",
            Value::Null,
            "no unit",
        ),
        ("/panels/1/gridPos/w", Value::from(25), "24 columns"),
        ("/panels/2/gridPos/x", Value::from(3), "overlaps"),
        (
            "/panels/1/datasource/uid",
            Value::from("prom"),
            "${datasource}",
        ),
        (
            "/panels/1/targets/0/datasource/uid",
            Value::from("prom"),
            "${datasource}",
        ),
        (
            "/panels/1/targets/0/range",
            Value::from(true),
            "one of them",
        ),
        ("/panels/1/targets", Value::Null, "no query"),
    ] {
        must_bite("scf-fleet", place, value, word);
    }
}

#[test]
fn each_rule_of_variables_and_links_bites() {
    let list = "/templating/list";
    for (uid, place, value, word) in [
        ("scf-fleet", "/1/refresh", Value::from(1), "refresh"),
        ("scf-fleet", "/1/allValue", Value::Null, "allValue"),
        (
            "scf-fleet",
            "/2/name",
            Value::from("place"),
            "variables are",
        ),
        (
            "scf-function",
            "/4/multi",
            Value::from(true),
            "has to be chosen",
        ),
        (
            "scf-exporter",
            "/3/query/query",
            Value::from("label_values(scf_exporter_polls_total{job=~\"$job\"}, source)"),
            "not narrowed by instance",
        ),
        (
            "scf-exporter",
            "/1/query/query",
            Value::from("label_values(scf_exporter_info, job)"),
            "not in the catalog",
        ),
    ] {
        must_bite(uid, &format!("{list}{place}"), value, word);
    }
    for (place, value, word) in [
        (
            "/links/0/url",
            Value::from("/d/scf-overview"),
            "no link to scf-function",
        ),
        (
            "/links/0/url",
            Value::from("/d/scf-fleet"),
            "no other dashboard",
        ),
        (
            "/links/1/keepTime",
            Value::from(false),
            "loses the variables or",
        ),
    ] {
        must_bite("scf-fleet", place, value, word);
    }
}

#[test]
fn each_rule_of_links_behind_values_bites() {
    let time = "${datasource:queryparam}&${__url_time_range}";
    let name = "${__field.labels.function_name}";
    let other = "${__field.labels.topic}";
    let column = "${__data.fields.Function}";
    for (url, word) in [
        (format!("/d/scf-overview?{time}"), "no dashboard of the set"),
        ("https://example.com/".to_owned(), "no dashboard of the set"),
        (
            "/d/scf-function?${datasource:queryparam}".to_owned(),
            "loses ${__url_time_range}",
        ),
        (
            format!("/d/scf-function?{time}&var-name={name}"),
            "no variable name",
        ),
        (
            format!("/d/scf-function?{time}&var-function={other}"),
            "nothing tells",
        ),
        (
            format!("/d/scf-function?{time}&var-function={column}"),
            "nothing tells",
        ),
    ] {
        let panel = index_of("scf-fleet", "bargauge");
        let place = format!("/panels/{panel}/fieldConfig/defaults/links/0/url");
        must_bite("scf-fleet", &place, Value::from(url), word);
    }
}

#[test]
fn each_rule_of_queries_bites() {
    let rates = r#"rate(scf_invocations_total[$__rate_interval])"#;
    for (query, word) in [
        ("scf_invocations_total", "outside rate"),
        (&rates.replace("$__rate_interval", "5m"), "fixed"),
        (&rates.replace("invocations", "calls"), "catalog"),
        (&rates.replace("scf_invocations", "process_io"), "catalog"),
        (r#"scf_function_info{a="$b"}"#, "variable b"),
        (rates, "not filtered by account"),
        (
            "rate(scf_invocation_duration_seconds_bucket[$__rate_interval])",
            "without its native twin",
        ),
        (
            "rate(scf_invocation_duration_seconds[$__rate_interval])",
            "without its classic twin",
        ),
        ("scf_invocation_duration_seconds", "outside rate"),
        (
            r#"rate(scf_invocations_total{ret_code!="0"}[$__rate_interval])"#,
            "by outcome",
        ),
        ("increase(scf_invocations_total[1d])", "fixed"),
        (
            "histogram_quantile(0.9, rate(scf_invocation_duration_seconds[$__rate_interval]))",
            "above scf_function_timeout_seconds",
        ),
    ] {
        must_bite(
            "scf-fleet",
            "/panels/1/targets/0/expr",
            Value::from(query),
            word,
        );
    }
    let graph = index_of("scf-fleet", "timeseries");
    let place = format!("/panels/{graph}/targets/0/expr");
    let lines = "sum by (region, function_name) (scf_function_info)";
    must_bite("scf-fleet", &place, Value::from(lines), "without topk");
    let place = "/panels/1/targets/0/expr";
    let all = Value::from("max(scf_exporter_functions)");
    must_bite("scf-exporter", place, all, "not filtered by instance");
}

#[test]
fn each_rule_of_what_is_read_bites() {
    let stat = index_of("scf-fleet", "stat");
    let place = format!("/panels/{stat}/description");
    must_bite("scf-fleet", &place, Value::from("Share."), "extrapolated");
    let bars = index_of("scf-fleet", "bargauge");
    let place = format!("/panels/{bars}/targets/0/legendFormat");
    let region_first = Value::from("{{region}} {{function_name}}");
    must_bite("scf-fleet", &place, region_first, "begin with the function");
    let graph = index_of("scf-fleet", "timeseries");
    let place = format!("/panels/{graph}/options/legend/sortBy");
    must_bite("scf-fleet", &place, Value::Null, "legend is not sorted");
    let table = index_of("scf-fleet", "table");
    let place = format!("/panels/{table}/fieldConfig/defaults/custom/minWidth");
    must_bite("scf-fleet", &place, Value::from(150), "off the screen");
    let place = format!("/panels/{stat}/fieldConfig/defaults/unit");
    must_bite("scf-fleet", &place, Value::from("short"), "unit short");
}

#[test]
fn each_rule_of_exemplars_bites() {
    let heat = index_of("scf-function", "heatmap");
    let place = format!("/panels/{heat}/targets/0/exemplar");
    must_bite(
        "scf-function",
        &place,
        Value::from(false),
        "1 queries with exemplars",
    );
    let stat = index_of("scf-function", "stat");
    let place = format!("/panels/{stat}/targets/0");
    let mut target = board("scf-function").pointer(&place).unwrap().clone();
    target["exemplar"] = Value::from(true);
    must_bite("scf-function", &place, target, "exemplars of what has none");
}

/// With `value` at `place` the dashboard has a fault that is told with `word`, which it has not
/// without.
fn must_bite(uid: &str, place: &str, value: Value, word: &str) {
    let mut board = board(uid);
    *board.pointer_mut(place).unwrap() = value;
    let faults = faults(&board);
    assert!(
        faults.iter().any(|fault| fault.contains(word)),
        "{uid} {place}: no fault with {word:?} in {faults:?}"
    );
}

fn faults(board: &Value) -> Vec<String> {
    let catalog = ALL.iter().map(|metric| metric.name.to_owned()).collect();
    board::faults(board, &catalog, &set())
}

/// The set of dashboards: their variables, by uid.
fn set() -> BTreeMap<&'static str, &'static [&'static str]> {
    board::VARIABLES.into_iter().collect()
}

fn board(uid: &str) -> Value {
    let path = root().join(format!("dashboards/{uid}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Where the first panel of a type stands.
fn index_of(uid: &str, kind: &str) -> usize {
    board::array(&board(uid)["panels"])
        .iter()
        .position(|panel| panel["type"] == kind)
        .unwrap()
}
