//! What holds of the queries of a panel.

use std::collections::BTreeSet;

use scf_exporter::metrics::catalog::{ALL, Kind};
use serde_json::Value;

use super::board::{array, datasource_fault, text, variable_names};

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
/// The dashboards on which these hold, and the one that shows single calls.
const EXPORTER: &str = "scf-exporter";
const FUNCTION: &str = "scf-function";
/// The histograms behind whose buckets a request id stands (docs/METRICS.md).
const WITH_EXEMPLARS: [&str; 2] = [
    "scf_invocation_duration_seconds",
    "scf_invocation_memory_usage_bytes",
];

/// What no call can exceed, by the histogram of it.
const LIMITS: [(&str, &str); 2] = [
    (
        "scf_invocation_duration_seconds",
        "scf_function_timeout_seconds",
    ),
    (
        "scf_invocation_memory_usage_bytes",
        "scf_function_memory_limit_bytes",
    ),
];

/// All that is wrong with the queries of a `panel` of `board`.
pub fn faults(board: &Value, panel: &Value, catalog: &BTreeSet<String>) -> Vec<String> {
    let title = text(&panel["title"]);
    if panel["type"] == "row" {
        return Vec::new();
    }
    let mut faults = twin_faults(title, panel);
    if array(&panel["targets"]).is_empty() {
        faults.push(format!("{title}: no query"));
    }
    let uid = text(&board["uid"]);
    if uid == FUNCTION {
        faults.extend(exemplar_faults(title, panel));
    }
    let names: BTreeSet<&str> = variable_names(board).into_iter().collect();
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
        faults.extend(query_faults(title, query, &names));
        faults.extend(filter_faults(title, query, uid == EXPORTER));
        if panel["type"] == "timeseries" {
            faults.extend(rainbow_fault(title, query));
        }
        faults.extend(limit_fault(title, query));
        faults.extend(legend_fault(title, target));
        if !text(&panel["description"]).contains("xtrapolated") && extrapolates(query) {
            faults.push(format!(
                "{title}: does not say that counts are extrapolated"
            ));
        }
    }
    faults
}

/// A quantile out of buckets may lie above what can be: up to the end of the bucket. Where a limit is
/// configured the query names it, so that it can be the smaller of both.
fn limit_fault(title: &str, query: &str) -> Option<String> {
    let (_, limit) = LIMITS.iter().find(|(histogram, _)| {
        query.contains("histogram_quantile(") && metric_names(query).contains(*histogram)
    })?;
    (!query.contains(limit)).then(|| format!("{title}: a percentile above {limit} is shown"))
}

/// The name of a function comes first in a legend, as only its beginning is seen where it is long.
fn legend_fault(title: &str, target: &Value) -> Option<String> {
    let legend = text(&target["legendFormat"]);
    (legend.contains("{{function_name}}") && !legend.starts_with("{{function_name}}"))
        .then(|| format!("{title}: the legend does not begin with the function"))
}

/// Whether `query` answers with a count that `increase` has extrapolated: neither with a quantile,
/// which does not depend on it, nor with the number of series that it holds for.
fn extrapolates(query: &str) -> bool {
    let counter = |rest: &str| {
        let name = rest.split(['{', '[']).next().unwrap_or_default();
        name.ends_with("_total")
    };
    let counts = query.starts_with("count(max by (");
    let chooses = query.contains("$__range] @ end()");
    !counts && !chooses && query.split("increase(").skip(1).any(counter)
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

/// Where one function is shown over time, what has exemplars shows them: once, since each query of
/// a panel would bring the same ones. A heatmap asks twice, for the one kind of histogram and the
/// other, of which a store has one.
fn exemplar_faults(title: &str, panel: &Value) -> Vec<String> {
    let kind = text(&panel["type"]);
    let expected = match kind {
        "timeseries" => 1,
        "heatmap" => 2,
        _ => 0,
    };
    let (with, without): (Vec<&Value>, Vec<&Value>) = array(&panel["targets"])
        .iter()
        .partition(|target| target["exemplar"] == true);
    let carries = |target: &&Value| {
        let query = text(&target["expr"]);
        let quantile = kind == "heatmap" || query.contains("histogram_quantile(");
        quantile && WITH_EXEMPLARS.iter().any(|name| query.contains(name))
    };
    let mut faults = Vec::new();
    if !with.iter().all(carries) {
        faults.push(format!("{title}: exemplars of what has none"));
    }
    if with.len() != expected && with.iter().chain(&without).any(carries) {
        let found = with.len();
        faults.push(format!(
            "{title}: {found} queries with exemplars, not {expected}"
        ));
    }
    faults
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
        // A forecast goes on at the pace of the last day, whatever range is chosen.
        let of_forecast = ["1d", "1d:15s"].contains(&span) && query.contains("days_in_month()");
        if !["$__rate_interval", "$__range"].contains(&span) && !of_forecast {
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
                continue; // The longer name is looked at by itself.
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
