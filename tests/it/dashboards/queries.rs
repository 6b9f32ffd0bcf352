//! Rules for the queries of a panel. The end-to-end checks ask each of them on stores of classic and
//! of native histograms.

use std::collections::BTreeSet;

use scf_exporter::metrics::catalog::{ALL, Kind};
use serde_json::Value;

use super::board::{array, datasource_fault, text, variable_names};
use crate::rules::twin_faults;

/// What the exposition appends to the name of a histogram.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];
/// How the names of our metrics begin.
const PREFIXES: [&str; 2] = ["scf_", "process_"];
/// The filters that every metric of a function carries, so that the variables work everywhere.
/// `account` matches metrics without that label too, as `.*` matches nothing.
const FUNCTION_FILTERS: [&str; 4] = [
    r#"account=~"$account""#,
    r#"region=~"$region""#,
    r#"function_namespace=~"$namespace""#,
    r#"function_name=~"$function""#,
];
/// Those of a metric of the exporter, on its own dashboard.
const EXPORTER_FILTERS: [&str; 2] = [r#"job=~"$job""#, r#"instance=~"$instance""#];
/// The dashboard on which these hold, and the one that shows single calls.
const EXPORTER: &str = "scf-exporter";
const FUNCTION: &str = "scf-function";
/// The histograms whose buckets have exemplars (docs/METRICS.md).
const WITH_EXEMPLARS: [&str; 2] = [
    "scf_invocation_duration_seconds",
    "scf_invocation_memory_usage_bytes",
];

/// All that is wrong with the queries of a `panel` of `board`.
pub fn faults(board: &Value, panel: &Value, catalog: &BTreeSet<String>) -> Vec<String> {
    let title = text(&panel["title"]);
    if panel["type"] == "row" {
        return Vec::new();
    }
    let mut faults = Vec::new();
    if array(&panel["targets"]).is_empty() {
        faults.push(format!("{title}: no query"));
    }
    let uid = text(&board["uid"]);
    if uid == FUNCTION {
        faults.extend(exemplar_fault(title, panel));
    }
    let queries = array(&panel["targets"]).iter().map(|t| text(&t["expr"]));
    // A heatmap may ask for both kinds in two queries: it draws what any of them has.
    let together = match text(&panel["type"]) {
        "heatmap" => vec![queries.collect::<Vec<_>>().join(" ")],
        _ => queries.map(str::to_owned).collect(),
    };
    for query in &together {
        faults.extend(twin_faults(title, &metric_names(query)));
    }
    let variables = variable_names(board);
    let mut ids = BTreeSet::new();
    for target in array(&panel["targets"]) {
        let query = text(&target["expr"]);
        if !ids.insert(text(&target["refId"])) {
            faults.push(format!("{title}: query {} twice", target["refId"]));
        }
        if target["instant"].as_bool().unwrap_or(false)
            == target["range"].as_bool().unwrap_or(false)
        {
            faults.push(format!("{title}: instant or range, one of them"));
        }
        faults.extend(datasource_fault(title, &target["datasource"]));
        faults.extend(unknown_metrics(title, query, catalog));
        faults.extend(query_faults(title, query, &variables));
        faults.extend(filter_faults(title, query, uid == EXPORTER));
        if panel["type"] == "timeseries" {
            faults.extend(rainbow_fault(title, query));
        }
    }
    faults
}

/// A line for each function has no end: the ten that matter are enough.
fn rainbow_fault(title: &str, query: &str) -> Option<String> {
    let grouped = query
        .split("by (")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .any(|labels| labels.contains("function_name"));
    (grouped && !query.contains("topk(10, "))
        .then(|| format!("{title}: a line for each function without topk"))
}

/// Where one function is shown over time, one query of a panel brings the exemplars, as each would
/// bring the same ones; of a heatmap one for each kind of histogram, of which a store has one.
fn exemplar_fault(title: &str, panel: &Value) -> Option<String> {
    let kind = text(&panel["type"]);
    let has_some = |target: &&Value| {
        let query = text(&target["expr"]);
        (kind == "heatmap" || query.starts_with("histogram_quantile("))
            && WITH_EXEMPLARS.iter().any(|name| query.contains(name))
    };
    let targets = array(&panel["targets"]).iter();
    let asked = targets.clone().filter(|target| target["exemplar"] == true);
    let expected = match kind {
        "timeseries" => usize::from(targets.clone().any(|target| has_some(&target))),
        "heatmap" if targets.clone().any(|target| has_some(&target)) => 2,
        _ => 0,
    };
    let (found, of_calls) = (asked.clone().count(), asked.filter(has_some).count());
    (found != expected || of_calls != expected).then(|| {
        format!("{title}: exemplars of {found} queries, {of_calls} of calls, not of {expected}")
    })
}

/// The metrics of a query that the catalog does not have.
pub fn unknown_metrics(place: &str, query: &str, catalog: &BTreeSet<String>) -> Vec<String> {
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

fn query_faults(title: &str, query: &str, variables: &[&str]) -> Vec<String> {
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
    for behind in query.split('$').skip(1) {
        let in_name = |c: char| c.is_alphanumeric() || c == '_';
        let name = behind.split(|c| !in_name(c)).next().unwrap_or_default();
        if !name.starts_with("__") && !variables.contains(&name) {
            faults.push(format!("{title}: no variable {name}"));
        }
    }
    faults
}

/// Metrics that the variables do not reach, and codes whose meaning depends on the API: v2 and
/// API 3.0 say 0 where CLS says 200.
fn filter_faults(title: &str, query: &str, exporter: bool) -> Vec<String> {
    let mut faults = Vec::new();
    for name in metric_names(query) {
        let of_function = !name.starts_with("scf_exporter_") && name.starts_with("scf_");
        let filters: &[&str] = match (of_function, exporter) {
            (true, _) => &FUNCTION_FILTERS,
            (false, true) => &EXPORTER_FILTERS,
            (false, false) => &[],
        };
        for (at, _) in query.match_indices(&name) {
            let behind = &query[at + name.len()..];
            if behind.starts_with('_') {
                continue; // A longer name, which has a turn of its own.
            }
            let selector = behind
                .strip_prefix('{')
                .and_then(|inside| inside.split('}').next())
                .unwrap_or_default();
            for filter in filters.iter().filter(|filter| !selector.contains(**filter)) {
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

/// Every word that begins as our metrics do.
fn metric_names(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
        .map(str::to_owned)
        .collect()
}
