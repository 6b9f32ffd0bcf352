//! Rules for a dashboard as a whole: head, variables, links, ids and layout.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::queries;

/// Columns of the grid on which panels are laid out.
const COLUMNS: i64 = 24;
/// The newest schema that every Grafana from 10.4 on reads; newer ones migrate it on load.
const SCHEMA: i64 = 39;
/// Panel types that all those versions have.
const TYPES: [&str; 6] = ["row", "stat", "timeseries", "heatmap", "table", "bargauge"];
/// The variables of each dashboard, in the order in which each is narrowed by those before it.
pub const VARIABLES: [(&str, &[&str]); 3] = [
    ("scf-exporter", &["datasource", "job", "instance", "source"]),
    ("scf-fleet", &OF_FUNCTIONS),
    ("scf-function", &OF_FUNCTIONS),
];
const OF_FUNCTIONS: [&str; 5] = ["datasource", "account", "region", "namespace", "function"];
/// The dashboard that shows one thing of the last variable, and so offers no choice of several.
const OF_ONE: &str = "scf-function";

/// All that is wrong with `board`, which is of the set `set`: the variables by uid.
pub fn faults(
    board: &Value,
    catalog: &BTreeSet<String>,
    set: &BTreeMap<&str, &[&str]>,
) -> Vec<String> {
    let mut faults = head_faults(board);
    faults.extend(variables_faults(board, catalog, set));
    faults.extend(links_faults(board, set));
    let panels = array(&board["panels"]);
    let mut ids = BTreeSet::new();
    for panel in panels {
        if !ids.insert(panel["id"].as_i64()) {
            faults.push(format!("id {} twice", panel["id"]));
        }
        faults.extend(panel_faults(panel));
        faults.extend(panel_link_faults(panel, set));
        faults.extend(queries::faults(board, panel, catalog));
    }
    faults.extend(layout_faults(panels));
    faults
}

fn head_faults(board: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if board["schemaVersion"] != SCHEMA {
        faults.push(format!("schemaVersion is not {SCHEMA}"));
    }
    for place in ["uid", "title", "description"] {
        if text(&board[place]).is_empty() {
            faults.push(format!("{place} must not be empty"));
        }
    }
    if !array(&board["tags"]).contains(&Value::from("scf")) {
        faults.push("the tag scf, by which the set is found, is missing".into());
    }
    if board["editable"] != false {
        faults.push("editable must be false: edits in place would be lost".into());
    }
    for annotation in array(&board["annotations"]["list"]) {
        faults.extend(datasource_fault("annotation", &annotation["datasource"]));
    }
    faults
}

/// The variables of the set, each narrowed by the ones before it.
fn variables_faults(
    board: &Value,
    catalog: &BTreeSet<String>,
    set: &BTreeMap<&str, &[&str]>,
) -> Vec<String> {
    let uid = text(&board["uid"]);
    let mut faults = Vec::new();
    let names: Vec<&str> = variable_names(board);
    let needed = set.get(uid).copied().unwrap_or_default();
    if names != needed {
        faults.push(format!("the variables are {names:?}, not {needed:?}"));
    }
    let mut before: Vec<&str> = Vec::new();
    for variable in array(&board["templating"]["list"]) {
        if variable["type"] != "query" {
            continue;
        }
        let name = text(&variable["name"]);
        let query = text(&variable["query"]["query"]);
        for narrower in before
            .iter()
            .filter(|name| !query.contains(&format!("=~\"${name}\"")))
        {
            faults.push(format!("{name}: not narrowed by {narrower}"));
        }
        before.push(name);
        let one = uid == OF_ONE && Some(&name) == needed.last();
        faults.extend(variable_faults(variable, one));
        faults.extend(queries::unknown_metrics(name, query, catalog));
    }
    faults
}

fn variable_faults(variable: &Value, one: bool) -> Vec<String> {
    let name = text(&variable["name"]);
    let mut faults = Vec::new();
    if variable["refresh"] != 2 {
        faults.push(format!("{name}: refresh must be 2, on time range change"));
    }
    if one && (variable["includeAll"] != false || variable["multi"] != false) {
        faults.push(format!("{name}: one has to be chosen"));
    }
    if !one && (variable["allValue"] != ".*" || variable["includeAll"] != true) {
        faults.push(format!("{name}: needs includeAll and allValue .*"));
    }
    faults.extend(datasource_fault(name, &variable["datasource"]));
    faults
}

/// Every dashboard leads to every other one of the set and takes its variables and time along.
fn links_faults(board: &Value, set: &BTreeMap<&str, &[&str]>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut missing: BTreeSet<&str> = set.keys().copied().collect();
    missing.remove(text(&board["uid"]));
    for link in array(&board["links"]) {
        let url = text(&link["url"]);
        if !missing.remove(url.strip_prefix("/d/").unwrap_or_default()) {
            faults.push(format!("link {url} leads to no other dashboard of the set"));
        }
        if link["includeVars"] != true || link["keepTime"] != true {
            faults.push(format!("link {url} loses the variables or the time"));
        }
    }
    faults.extend(missing.iter().map(|uid| format!("no link to {uid}")));
    faults
}

/// Links from a value lead to a dashboard of the set, set variables that it has from labels or
/// columns that are there, and keep the data source and the time.
fn panel_link_faults(panel: &Value, set: &BTreeMap<&str, &[&str]>) -> Vec<String> {
    let title = text(&panel["title"]);
    let mut faults = Vec::new();
    for url in data_links(panel) {
        let (uid, query) = url
            .strip_prefix("/d/")
            .and_then(|rest| rest.split_once('?'))
            .unwrap_or_default();
        let Some(variables) = set.get(uid) else {
            faults.push(format!("{title}: {url} leads to no dashboard of the set"));
            continue;
        };
        for part in ["${datasource:queryparam}", "${__url_time_range}"] {
            if !query.split('&').any(|pair| pair == part) {
                faults.push(format!("{title}: {url} loses {part}"));
            }
        }
        for pair in query
            .split('&')
            .filter_map(|pair| pair.strip_prefix("var-"))
        {
            let (name, value) = pair.split_once('=').unwrap_or_default();
            if !variables.contains(&name) {
                faults.push(format!("{title}: {uid} has no variable {name}"));
            }
            if !is_shown(panel, value) {
                faults.push(format!("{title}: nothing shows {value}"));
            }
        }
    }
    faults
}

/// Returns whether `value` names a column of the panel's table, or a label that its legend shows.
fn is_shown(panel: &Value, value: &str) -> bool {
    let inside = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    let inside = inside.unwrap_or_default();
    let columns = array(&panel["transformations"])
        .iter()
        .filter_map(|step| step["options"]["renameByName"].as_object())
        .flat_map(|names| names.values().map(text));
    let mut legends = array(&panel["targets"])
        .iter()
        .map(|target| text(&target["legendFormat"]));
    match (
        inside.strip_prefix("__data.fields."),
        inside.strip_prefix("__field.labels."),
    ) {
        (Some(column), _) => columns.into_iter().any(|name| name == column),
        (_, Some(label)) => legends.any(|legend| legend.contains(&format!("{{{{{label}}}}}"))),
        _ => false,
    }
}

/// The addresses behind the values of a panel.
fn data_links(panel: &Value) -> Vec<&str> {
    let config = &panel["fieldConfig"];
    let overrides = array(&config["overrides"])
        .iter()
        .flat_map(|entry| array(&entry["properties"]))
        .filter(|property| property["id"] == "links")
        .flat_map(|property| array(&property["value"]));
    array(&config["defaults"]["links"])
        .iter()
        .chain(overrides)
        .map(|link| text(&link["url"]))
        .collect()
}

fn panel_faults(panel: &Value) -> Vec<String> {
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
    faults
}

/// A fixed data source where the one that is chosen has to stand.
pub fn datasource_fault(place: &str, datasource: &Value) -> Option<String> {
    (datasource["uid"] != "${datasource}")
        .then(|| format!("{place}: the data source is not ${{datasource}}"))
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

/// The names of the dashboard's variables, in order.
pub fn variable_names(board: &Value) -> Vec<&str> {
    array(&board["templating"]["list"])
        .iter()
        .map(|variable| text(&variable["name"]))
        .collect()
}

/// The entries of an array, none where it is something else.
pub fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text, empty where it is something else.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
