//! The shipped recording rules and alerts, their runbook and their cases: what a reader would check
//! by eye. `make e2e` checks expressions and cases by promtool, the mixin, and that each recording
//! rule has values on stores of classic and of native histograms.
pub mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use scf_exporter::metrics::catalog::{ALL, Kind};
use scf_exporter::model::Outcome;
use scf_exporter::telemetry::Disposition;
use serde_json::Value;
use tencentcloud::{ErrorClass, known_codes};

use crate::support::{root, text_of};

const ALERTS: &str = "deploy/mixin/alerts.yaml";
const RULES: &str = "deploy/mixin/rules.yaml";
const RUNBOOK: &str = "docs/RUNBOOK.md";
const CASES: &str = "tests/rules";
/// What the exposition appends to the name of a classic histogram.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];
/// Values that users record, so that a function has objectives of its own (docs/RUNBOOK.md).
const OWN: [&str; 2] = [
    "function:scf_invocation_success:own_objective",
    "function:scf_invocation_duration_seconds:own_objective",
];
/// The labels that make a function, which recorded values and alerts on functions keep.
const FUNCTION: &str = "account, region, function_namespace, function_name";

#[test]
fn alerts_keep_the_rules() {
    let runbook = text_of(RUNBOOK);
    let (alerts, recorded) = (rules(ALERTS, "alert"), recorded());
    assert!(alerts.len() > 15, "only {} alerts", alerts.len());
    let faults: Vec<_> = alerts
        .iter()
        .flat_map(|alert| alert_faults(alert, &runbook, &recorded))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(names(&alerts, "alert").len(), alerts.len(), "a name twice");
}

/// The shipped alerts choose by the labels of codes, which Prometheus cannot know the class of.
#[test]
fn the_alerts_choose_the_codes_of_their_class() {
    let alerts = text_of(ALERTS);
    for (alert, class) in [
        (
            "ScfExporterAuthenticationFailing",
            ErrorClass::Authentication,
        ),
        ("ScfExporterApiThrottled", ErrorClass::Throttled),
    ] {
        let (_, rule) = alerts.split_once(alert).unwrap();
        let (_, behind) = rule.split_once("code=~\"").unwrap();
        let (pattern, _) = behind.split_once('"').unwrap();
        let chosen = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
        for (label, of) in known_codes() {
            let is_of_class = of == class;
            assert_eq!(chosen.is_match(label), is_of_class, "{alert}: {label}");
        }
    }
}

#[test]
fn recorded_values_keep_the_rules_and_are_used() {
    let (rules, recorded) = (rules(RULES, "record"), recorded());
    assert_eq!(recorded.len(), rules.len(), "a name twice");
    let faults: Vec<_> = rules
        .iter()
        .flat_map(|rule| record_faults(rule, &recorded))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    // Alerts, other rules and dashboards, and people who read the runbook.
    let mut users = text_of(ALERTS) + &text_of(RULES).replace("record: ", "record:");
    users.push_str(&text_of(RUNBOOK));
    for (_, board) in files("dashboards", "json") {
        users.push_str(&board);
    }
    let used = words(&users);
    for name in &recorded {
        // Its own `record:` sticks to the word.
        assert!(used.contains(name), "{name} is recorded for nobody");
    }
}

#[test]
fn the_runbook_has_a_section_for_each_alert_and_no_other() {
    let alerts = rules(ALERTS, "alert");
    let sections: BTreeSet<String> = text_of(RUNBOOK)
        .lines()
        .filter_map(|line| line.strip_prefix("### ").map(str::to_owned))
        .collect();
    assert_eq!(sections, names(&alerts, "alert"));
}

/// The runbook speaks of what there is.
#[test]
fn the_runbook_names_metrics_that_exist() {
    let recorded = recorded();
    let faults = unknown_names(RUNBOOK, &text_of(RUNBOOK), &recorded);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_alert_has_a_firing_and_a_silent_case() {
    let (mut firing, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for (name, text) in files(CASES, "yaml") {
        let file = yaml::read(&text);
        for used in [
            "../../deploy/mixin/rules.yaml",
            "../../deploy/mixin/alerts.yaml",
        ] {
            assert!(array(&file["rule_files"]).contains(&used.into()), "{name}");
        }
        let order: BTreeSet<_> = array(&file["group_eval_order"]).iter().map(word).collect();
        let groups: BTreeSet<_> = [RULES, ALERTS]
            .iter()
            .flat_map(|path| groups(path))
            .collect();
        assert_eq!(order, groups, "{name}: the order of groups would be chance");
        for case in array(&file["tests"])
            .iter()
            .flat_map(|t| array(&t["alert_rule_test"]))
        {
            let expected = array(&case["exp_alerts"]);
            let cases = if expected.is_empty() {
                &mut silent
            } else {
                &mut firing
            };
            cases.insert(word(&case["alertname"]));
        }
    }
    let alerts = names(&rules(ALERTS, "alert"), "alert");
    assert_eq!(firing, alerts, "firing cases");
    assert_eq!(silent, alerts, "silent cases");
}

#[test]
fn every_recorded_value_is_compared_with_arithmetic() {
    let expressions: Vec<String> = files(CASES, "yaml")
        .values()
        .flat_map(|text| array(&yaml::read(text)["tests"]).to_vec())
        .flat_map(|test| array(&test["promql_expr_test"]).to_vec())
        .map(|case| word(&case["expr"]))
        .collect();
    let compared: BTreeSet<_> = expressions.iter().flat_map(|expr| words(expr)).collect();
    for name in recorded() {
        assert!(compared.contains(&name), "{name} is in no promql_expr_test");
    }
}

#[test]
fn each_rule_of_alerts_bites() {
    let good = rules(ALERTS, "alert").remove(0);
    let long = |words: &str| Value::from(format!("Words, {words}"));
    for (place, value, said) in [
        ("/alert", "functionErrors".into(), "name"),
        ("/alert", "ScfFunctionNew".into(), "no section"),
        ("/labels/severity", "page".into(), "severity"),
        (
            "/annotations/summary",
            "Two. Sentences.".into(),
            "one sentence",
        ),
        ("/annotations/summary", long("{{ $value }}."), "static"),
        ("/annotations/description", long("nothing."), "value"),
        ("/annotations/description", long("{{ $value }}."), "rounded"),
        (
            "/annotations/runbook_url",
            "docs/RUNBOOK.md#other".into(),
            "runbook_url",
        ),
        ("/for", Value::Null, "for"),
        ("/expr", "up > 5".into(), "without a threshold"),
        (
            "/expr",
            "up > 5 # threshold Seconds".into(),
            "threshold Seconds",
        ),
        ("/expr", "scf_calls_total > 0".into(), "scf_calls_total"),
        (
            "/expr",
            "function:scf_calls:rate5m > 0".into(),
            "function:scf_calls:rate5m",
        ),
        ("/expr", r#"up{outcome="fine"}"#.into(), "outcome"),
        ("/expr", r#"up{disposition="early"}"#.into(), "disposition"),
        (
            "/expr",
            r#"scf_invocations_total{ret_code="0"}"#.into(),
            "ret_code",
        ),
        (
            "/expr",
            "rate(scf_invocation_duration_seconds[1h])".into(),
            "classic twin",
        ),
        (
            "/expr",
            "rate(scf_invocation_duration_seconds_sum[1h])".into(),
            "native twin",
        ),
        ("/expr", "sum by (function_name) (up)".into(), "sum by"),
    ] {
        let mut alert = good.clone();
        *alert.pointer_mut(place).unwrap() = value;
        let faults = alert_faults(&alert, &text_of(RUNBOOK), &recorded());
        let told = faults.iter().any(|fault| fault.contains(said));
        assert!(told, "{place}: no fault with {said:?} in {faults:?}");
    }
}

fn alert_faults(alert: &Value, runbook: &str, recorded: &BTreeSet<String>) -> Vec<String> {
    let name = word(&alert["alert"]);
    let mut faults = Vec::new();
    let mut hold = |holds: bool, rule: &str| {
        if !holds {
            faults.push(format!("{name}: {rule}"));
        }
    };
    let of_function = name.starts_with("ScfFunction");
    hold(
        of_function || name.starts_with("ScfExporter"),
        "its name does not say whose it is",
    );
    let severity = word(&alert["labels"]["severity"]);
    hold(
        ["critical", "warning", "info"].contains(&severity.as_str()),
        "severity",
    );
    hold(!alert["for"].is_null(), "no `for`");
    let note = |key: &str| word(&alert["annotations"][key]);
    let summary = note("summary");
    hold(
        summary.ends_with('.') && !summary.contains(". "),
        "the summary is not one sentence",
    );
    hold(!summary.contains("{{"), "the summary is not static");
    let description = note("description");
    let told = ["$value", "$labels.instance", "$labels.function_name"];
    hold(
        told.iter().any(|what| description.contains(what)) || name == "ScfExporterAbsent",
        "the description tells neither a value nor a place",
    );
    for shown in description.split("{{ $value ").skip(1) {
        let rounded = ["| humanize", "| printf \"%."];
        hold(
            rounded.iter().any(|how| shown.starts_with(how)),
            "a number is not rounded",
        );
    }
    let anchor = format!("docs/RUNBOOK.md#{}", name.to_lowercase());
    hold(note("runbook_url") == anchor, "runbook_url");
    let section = format!("\n### {name}\n");
    hold(runbook.contains(&section), "no section in the runbook");
    faults.extend(threshold_faults(&name, &word(&alert["expr"])));
    faults.extend(expression_faults(&name, &word(&alert["expr"]), recorded));
    faults
}

/// Numbers that a user cannot change: chart and mixin find them by a comment at the end of the line.
fn threshold_faults(place: &str, expr: &str) -> Vec<String> {
    let number = regex::Regex::new(r"[<>*] ([0-9.]+)(?: # threshold ([^ \n]+))?(?:\n|$)").unwrap();
    let name = regex::Regex::new("^[a-z][a-z0-9_]*$").unwrap();
    let mut faults = Vec::new();
    for found in number.captures_iter(expr) {
        match found.get(2) {
            Some(mark) if !name.is_match(mark.as_str()) => {
                faults.push(format!("{place}: threshold {}", mark.as_str()));
            }
            // "None at all", by what `increase` may make of it.
            None if &found[1] != "0.5" => {
                faults.push(format!("{place}: {} without a threshold", &found[0]));
            }
            _ => {}
        }
    }
    let marks = expr.matches("# threshold ").count();
    if marks
        != number
            .captures_iter(expr)
            .filter(|one| one.get(2).is_some())
            .count()
    {
        faults.push(format!(
            "{place}: a threshold is not behind a number at the end of a line"
        ));
    }
    faults
}

fn record_faults(rule: &Value, recorded: &BTreeSet<String>) -> Vec<String> {
    let name = word(&rule["record"]);
    let mut faults = expression_faults(&name, &word(&rule["expr"]), recorded);
    let parts: Vec<&str> = name.split(':').collect();
    let levels = ["fleet", "function", "function_outcome"];
    if parts.len() != 3 || !levels.contains(&parts[0]) || !parts[1].starts_with("scf_") {
        faults.push(format!("{name} is not level:metric:operation"));
    }
    faults
}

/// What is wrong with an expression, whoever has it.
fn expression_faults(place: &str, expr: &str, recorded: &BTreeSet<String>) -> Vec<String> {
    let mut faults = unknown_names(place, expr, recorded);
    let outcomes: Vec<_> = Outcome::ALL.iter().map(|o| o.as_str()).collect();
    let dispositions: Vec<_> = Disposition::ALL.iter().map(|d| d.as_str()).collect();
    for (label, known) in [("outcome", outcomes), ("disposition", dispositions)] {
        for value in matched(expr, label) {
            if !known.contains(&value) {
                faults.push(format!("{place}: there is no {label} {value}"));
            }
        }
    }
    if !matched(expr, "ret_code").is_empty() {
        faults.push(format!(
            "{place}: ret_code depends on the API, choose by outcome"
        ));
    }
    faults.extend(twin_faults(place, &words(expr)));
    for (at, found) in expr.match_indices("by (") {
        let labels = expr[at + found.len()..].split(')').next().unwrap();
        let whole = labels.starts_with(FUNCTION) || labels.starts_with("job, instance");
        if !whole {
            faults.push(format!("{place}: sum by ({labels}) mixes what is not one"));
        }
    }
    faults
}

/// Histograms of which `names` hold what is stored of one kind alone: `x_bucket`, `x_sum` and
/// `x_count` of a classic one, and `x` of a native one.
pub fn twin_faults(place: &str, names: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for metric in ALL.iter().filter(|metric| metric.kind == Kind::Histogram) {
        let native = names.contains(metric.name);
        let named = |end| names.contains(&format!("{}{end}", metric.name));
        if native != SUFFIXES.iter().any(named) {
            let kind = if native { "classic" } else { "native" };
            faults.push(format!("{place}: {} without its {kind} twin", metric.name));
        }
    }
    faults
}

/// The values that `label` is compared with.
fn matched<'e>(expr: &'e str, label: &str) -> Vec<&'e str> {
    let matchers = ["=\"", "!=\"", "=~\"", "!~\""].map(|sign| format!("{label}{sign}"));
    let behind = matchers
        .iter()
        .flat_map(|matcher| expr.split(matcher.as_str()).skip(1));
    behind
        .flat_map(|rest| rest.split('"').next().unwrap().split('|'))
        .collect()
}

/// Names of metrics in `text` that neither the catalog nor a recording rule has.
fn unknown_names(place: &str, text: &str, recorded: &BTreeSet<String>) -> Vec<String> {
    let known = |name: &str| {
        let stems = SUFFIXES.iter().filter_map(|end| name.strip_suffix(end));
        let mut stems = std::iter::once(name).chain(stems);
        recorded.contains(name)
            || OWN.contains(&name)
            || stems.any(|stem| ALL.iter().any(|metric| metric.name == stem))
    };
    let names = words(text).into_iter();
    names
        .filter(|name| name.contains("scf_") && !known(name))
        .map(|name| format!("{place}: {name} does not exist"))
        .collect()
}

/// Words of letters, digits, `_` and `:`, as the names of metrics are.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
        .map(|word| word.trim_end_matches(':').to_owned())
        .collect()
}

fn recorded() -> BTreeSet<String> {
    names(&rules(RULES, "record"), "record")
}

/// The rules of a file, each of which has `key`.
fn rules(path: &str, key: &str) -> Vec<Value> {
    let file = yaml::read(&text_of(path));
    let rules: Vec<Value> = array(&file["groups"])
        .iter()
        .flat_map(|group| array(&group["rules"]).to_vec())
        .collect();
    assert!(
        rules.iter().all(|rule| !rule[key].is_null()),
        "{path}: {key}"
    );
    rules
}

fn groups(path: &str) -> Vec<String> {
    let file = yaml::read(&text_of(path));
    array(&file["groups"])
        .iter()
        .map(|group| word(&group["name"]))
        .collect()
}

fn names(rules: &[Value], key: &str) -> BTreeSet<String> {
    rules.iter().map(|rule| word(&rule[key])).collect()
}

/// The files in `folder` whose names end so, by name.
fn files(folder: &str, end: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let files: BTreeMap<_, _> = entries
        .filter(|path| path.extension().is_some_and(|e| e == end))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    assert!(!files.is_empty(), "nothing in {folder}");
    files
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
