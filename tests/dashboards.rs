//! The shipped dashboards: the rules that a person would check by eye.
//!
//! Whether each query answers is the business of the end-to-end checks, with a real Prometheus.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use scf_exporter::catalog::{ALL, Kind};
use serde_json::Value;

/// Columns of the grid on which panels are laid out.
const COLUMNS: i64 = 24;
/// The newest schema that every Grafana from 10.4 on reads; newer ones migrate it on load.
const SCHEMA: i64 = 39;
/// Panel types that all those versions have.
const TYPES: [&str; 5] = ["row", "stat", "timeseries", "heatmap", "table"];
/// What the exposition appends to the name of a histogram.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];
/// The filters that every metric of a function carries, so that the variables work everywhere.
/// `account` matches metrics without that label too, as `.*` matches nothing.
const FILTERS: [&str; 4] = [
    r#"account=~"$account""#,
    r#"region=~"$region""#,
    r#"function_namespace=~"$namespace""#,
    r#"function_name=~"$function""#,
];

#[test]
fn every_dashboard_keeps_the_rules() {
    let catalog = catalog_names();
    let mut seen = 0;
    for entry in fs::read_dir(root().join("dashboards")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let board: Value = serde_json::from_str(&text).unwrap();
        let faults = faults(&board, &catalog);
        assert!(
            faults.is_empty(),
            "{}:\n{}",
            path.display(),
            faults.join("\n")
        );
        seen += 1;
    }
    assert!(seen > 0, "no dashboard found");
}

#[test]
fn each_rule_bites() {
    for (place, value, word) in [
        ("/schemaVersion", Value::from(38), "schemaVersion"),
        ("/uid", Value::from(""), "uid"),
        ("/editable", Value::from(true), "editable"),
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
        ("/panels/2/gridPos/x", Value::from(5), "overlaps"),
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
        ("/templating/list/1/refresh", Value::from(1), "refresh"),
        ("/templating/list/1/allValue", Value::Null, "allValue"),
        (
            "/templating/list/2/name",
            Value::from("place"),
            "variable region",
        ),
    ] {
        must_bite(place, value, word);
    }
}

#[test]
fn each_rule_of_queries_bites() {
    let rates = r#"rate(scf_invocations_total[$__rate_interval])"#;
    for (query, word) in [
        ("scf_invocations_total", "outside rate"),
        (&rates.replace("$__rate_interval", "5m"), "fixed"),
        (&rates.replace("invocations", "calls"), "catalog"),
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
    ] {
        must_bite("/panels/1/targets/0/expr", Value::from(query), word);
    }
}

/// With `value` at `place` the dashboard has a fault that is told with `word`.
fn must_bite(place: &str, value: Value, word: &str) {
    let text = fs::read_to_string(root().join("dashboards/scf-overview.json")).unwrap();
    let mut board: Value = serde_json::from_str(&text).unwrap();
    *board.pointer_mut(place).unwrap() = value;
    let faults = faults(&board, &catalog_names());
    assert!(
        faults.iter().any(|fault| fault.contains(word)),
        "{place}: no fault with {word:?} in {faults:?}"
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every metric name that stands in the catalog.
fn catalog_names() -> BTreeSet<String> {
    ALL.iter().map(|metric| metric.name.to_owned()).collect()
}

fn faults(board: &Value, catalog: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    faults.extend(board_faults(board));
    let names = variable_names(board);
    for needed in ["datasource", "account", "region", "namespace", "function"] {
        if !names.contains(needed) {
            faults.push(format!("variable {needed} is missing"));
        }
    }
    for variable in array(&board["templating"]["list"]) {
        faults.extend(variable_faults(variable, catalog));
    }
    let panels = array(&board["panels"]);
    let mut ids = BTreeSet::new();
    for panel in panels {
        if !ids.insert(panel["id"].as_i64()) {
            faults.push(format!("id {} twice", panel["id"]));
        }
        faults.extend(panel_faults(panel, &names, catalog));
    }
    faults.extend(layout_faults(panels));
    faults
}

fn board_faults(board: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if board["schemaVersion"] != SCHEMA {
        faults.push(format!("schemaVersion is not {SCHEMA}"));
    }
    if text(&board["uid"]).is_empty() || text(&board["title"]).is_empty() {
        faults.push("uid and title must not be empty".into());
    }
    if board["editable"] != false {
        faults.push("editable must be false: edits in place would be lost".into());
    }
    faults
}

fn variable_faults(variable: &Value, catalog: &BTreeSet<String>) -> Vec<String> {
    let name = text(&variable["name"]);
    let mut faults = Vec::new();
    if variable["type"] != "query" {
        return faults;
    }
    if variable["refresh"] != 2 {
        faults.push(format!("{name}: refresh must be 2, on time range change"));
    }
    if variable["allValue"] != ".*" || variable["includeAll"] != true {
        faults.push(format!("{name}: needs includeAll and allValue .*"));
    }
    faults.extend(datasource_fault(name, &variable["datasource"]));
    faults.extend(unknown_metrics(
        name,
        text(&variable["query"]["query"]),
        catalog,
    ));
    faults
}

fn panel_faults(panel: &Value, names: &BTreeSet<&str>, catalog: &BTreeSet<String>) -> Vec<String> {
    let title = text(&panel["title"]);
    let mut faults = Vec::new();
    if title.is_empty() {
        faults.push(format!("panel {} has no title", panel["id"]));
    }
    if !TYPES.contains(&text(&panel["type"])) {
        faults.push(format!(
            "{title}: type {} is not allowed",
            text(&panel["type"])
        ));
    }
    if panel["type"] == "row" {
        return faults;
    }
    if text(&panel["description"]).trim().is_empty() {
        faults.push(format!("{title}: no description"));
    }
    if text(&panel["fieldConfig"]["defaults"]["unit"]).is_empty() {
        faults.push(format!("{title}: no unit"));
    }
    faults.extend(datasource_fault(title, &panel["datasource"]));
    if array(&panel["targets"]).is_empty() {
        faults.push(format!("{title}: no query"));
    }
    faults.extend(twin_faults(title, panel));
    for target in array(&panel["targets"]) {
        let query = text(&target["expr"]);
        faults.extend(datasource_fault(title, &target["datasource"]));
        faults.extend(unknown_metrics(title, query, catalog));
        faults.extend(query_faults(title, query, names));
        faults.extend(filter_faults(title, query));
    }
    faults
}

fn datasource_fault(place: &str, datasource: &Value) -> Option<String> {
    (datasource["uid"] != "${datasource}")
        .then(|| format!("{place}: the data source is not ${{datasource}}"))
}

/// The metrics of a query that the catalog does not have.
fn unknown_metrics(place: &str, query: &str, catalog: &BTreeSet<String>) -> Vec<String> {
    metric_names(query)
        .into_iter()
        .filter(|name| {
            let stems = SUFFIXES
                .iter()
                .filter_map(|suffix| name.strip_suffix(suffix));
            !std::iter::once(name.as_str())
                .chain(stems)
                .any(|known| catalog.contains(known))
        })
        .map(|name| format!("{place}: {name} is not in the catalog"))
        .collect()
}

/// Histograms of which a panel shows only what is stored of one kind: Prometheus stores `x_bucket`,
/// `x_sum` and `x_count` of a classic one, and `x` alone of a native one. A query asks for both; a
/// heatmap may do it in two queries, because it draws the native one if there is any.
fn twin_faults(title: &str, panel: &Value) -> Vec<String> {
    let queries = array(&panel["targets"]).iter().map(|t| text(&t["expr"]));
    let together: Vec<String> = match text(&panel["type"]) {
        "heatmap" => vec![queries.collect::<Vec<_>>().join(" ")],
        _ => queries.map(str::to_owned).collect(),
    };
    let histograms = ALL.iter().filter(|metric| metric.kind == Kind::Histogram);
    let mut faults = Vec::new();
    for (query, metric) in together
        .iter()
        .flat_map(|query| histograms.clone().map(move |metric| (query, metric.name)))
    {
        let names = metric_names(query);
        let native = names.contains(metric);
        let classic = SUFFIXES
            .iter()
            .any(|suffix| names.contains(&format!("{metric}{suffix}")));
        if native != classic {
            let kind = if native { "classic" } else { "native" };
            faults.push(format!("{title}: {metric} without its {kind} twin"));
        }
    }
    faults
}

fn query_faults(title: &str, query: &str, names: &BTreeSet<&str>) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, _) in query.match_indices('[') {
        let span = query[at + 1..].split(']').next().unwrap_or_default();
        if !["$__rate_interval", "$__range"].contains(&span) {
            faults.push(format!("{title}: fixed range [{span}]"));
        }
    }
    for name in metric_names(query) {
        let counter = name.ends_with("_total")
            || SUFFIXES.iter().any(|end| name.ends_with(end))
            || ALL
                .iter()
                .any(|metric| metric.name == name && metric.kind == Kind::Histogram);
        let ranged = ["rate", "increase"]
            .iter()
            .flat_map(|function| ["{", "["].map(|next| format!("{function}({name}{next}")))
            .any(|call| query.contains(&call));
        if counter && !ranged {
            faults.push(format!("{title}: {name} outside rate or increase"));
        }
    }
    for used in query.split('$').skip(1) {
        let used: &str = used
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .next()
            .unwrap_or("");
        if !used.starts_with("__") && !names.contains(used) {
            faults.push(format!("{title}: no variable {used}"));
        }
    }
    faults
}

/// Metrics of functions that the variables do not reach, and codes whose meaning depends on the
/// API: v2 and API 3.0 say 0 where CLS says 200.
fn filter_faults(title: &str, query: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for name in metric_names(query) {
        if name.starts_with("scf_exporter_") {
            continue;
        }
        for (at, _) in query.match_indices(&name) {
            let behind = &query[at + name.len()..];
            if behind.starts_with('_') {
                continue; // The longer name is looked at by itself.
            }
            let selector = behind
                .strip_prefix('{')
                .and_then(|inside| inside.split('}').next())
                .unwrap_or_default();
            for filter in FILTERS.iter().filter(|filter| !selector.contains(**filter)) {
                let label = filter.split('=').next().unwrap_or_default();
                faults.push(format!("{title}: {name} is not filtered by {label}"));
            }
        }
    }
    for matcher in ["ret_code=", "ret_code!"] {
        if query.contains(matcher) {
            faults.push(format!("{title}: choose by outcome, not by ret_code"));
        }
    }
    faults
}

fn layout_faults(panels: &[Value]) -> Vec<String> {
    let mut faults = Vec::new();
    let places: Vec<_> = panels
        .iter()
        .map(|panel| (text(&panel["title"]), grid(panel)))
        .collect();
    for (index, (title, [x, y, w, h])) in places.iter().enumerate() {
        if *x < 0 || *w <= 0 || *h <= 0 || x + w > COLUMNS {
            faults.push(format!("{title}: outside the {COLUMNS} columns"));
        }
        for (other, [ox, oy, ow, oh]) in &places[index + 1..] {
            if *x < ox + ow && *ox < x + w && *y < oy + oh && *oy < y + h {
                faults.push(format!("{title}: overlaps {other}"));
            }
        }
    }
    faults
}

fn grid(panel: &Value) -> [i64; 4] {
    ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_i64().unwrap_or(-1))
}

fn variable_names(board: &Value) -> BTreeSet<&str> {
    array(&board["templating"]["list"])
        .iter()
        .map(|variable| text(&variable["name"]))
        .collect()
}

/// Every word that begins with `scf_`.
fn metric_names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("scf_"))
        .map(str::to_owned)
        .collect()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
