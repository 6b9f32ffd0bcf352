//! Tests of the lines that a call writes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regex::Regex;
use serde_json::{Value, json};

use super::cls::{REPORTS, Service, fields, message};
use crate::replay::parse_replay;
use crate::world::World;
use crate::{Faults, Settings};

/// The vendor's own sample of a call, from its page on the structure of logs.
const SAMPLE: &str = concat!(
    r#"{"function_name":"log-test","request_id":"6f71a3f5-0000-4c49-a566-1e0f6e5d0001","#,
    r#""start_offset_ms":5000,"duration_ms":1,"mem_bytes":31178752,"log":"hello\n"}"#,
);

fn replay(text: &str, settings: Settings) -> Service {
    let settings = Arc::new(settings);
    let lines = parse_replay("test", text).unwrap();
    Service::over(World::replayed(Arc::clone(&settings), lines), settings)
}

fn busy(changes: fn(&mut Settings)) -> Service {
    let mut settings = Settings {
        rate_per_second: 100.0,
        faults: Faults {
            long_calls: 0.02,
            ..Faults::none()
        },
        ..Settings::new(41)
    };
    changes(&mut settings);
    Service::new(settings)
}

/// Returns the lines that `query` finds in the first minutes.
fn found(service: &Service, query: &str) -> Vec<Value> {
    let now_ms = service.settings.start_ms + 120_000;
    service.chain(now_ms, &json!({ "QueryString": query })).0
}

#[test]
fn a_call_leaves_the_lines_of_the_vendors_sample() {
    let service = replay(SAMPLE, Settings::new(1));
    let lines = found(&service, "*");
    let kinds: BTreeSet<String> = lines
        .iter()
        .map(|line| message(line).split(' ').next().unwrap().trim().to_owned())
        .collect();
    let expected = ["END", "Event", "Report", "Response", "START", "hello"];
    assert_eq!(kinds, expected.map(str::to_owned).into());
    let of = |query| fields(&found(&service, query)[0]);
    let start = of("SCF_Message:START");
    let sample = json!({
        "SCF_Alias": "", "SCF_Duration": "0", "SCF_FunctionName": "log-test", "SCF_Level": "INFO",
        "SCF_MemUsage": "0.00", "SCF_Namespace": "default", "SCF_Qualifier": "$LATEST",
        "SCF_RequestId": "6f71a3f5-0000-4c49-a566-1e0f6e5d0001", "SCF_RetryNum": "0",
        "SCF_StartTime": "1700000005000", "SCF_StatusCode": "202", "SCF_Type": "Platform",
    });
    for (key, value) in sample.as_object().unwrap() {
        assert_eq!(&start[key], value, "{key}");
    }
    assert_eq!(start.as_object().unwrap().len(), 14);
    let report = of(REPORTS);
    let hello = of("SCF_Type:Custom");
    for (line, key, value) in [
        (&report, "SCF_Duration", "1"),
        (&report, "SCF_StatusCode", "200"),
        (&report, "SCF_MemUsage", "31178752.00"),
        (&hello, "SCF_Message", "hello\n"),
        (&hello, "SCF_StatusCode", "202"),
    ] {
        assert_eq!(line[key], value, "{key}");
    }
    let log_time = report["SCF_LogTime"].as_str().unwrap();
    assert!(log_time.len() == 19 && log_time.starts_with("1700000005001"));
}

#[test]
fn reports_come_in_every_spacing() {
    let service = busy(|_| {});
    let mut met = BTreeSet::new();
    let id = "[0-9a-f-]{36}";
    let styles = [
        ("pages", format!(r"^Report RequestId:{id} Duration:\d+ms Memory:\d+MB MemUsage:\d+\.\d{{6}}MB$")),
        ("console", format!(r"^Report RequestId: {id} Duration:\d+ms Memory:\d+MB MemUsage:\d+(\.\d{{1,4}})?MB$")),
        ("spaced, 2", format!(r"^Report RequestId: {id} Duration: \d+ms Memory: \d+MB MemUsage: \d+\.\d\dMB$")),
        ("spaced, 6", format!(r"^Report RequestId: {id} Duration: \d+ms Memory: \d+MB MemUsage: \d+\.\d{{6}}MB$")),
        ("2019", format!(r"^Report RequestId: {id} Duration:\d+ms Memory:\d+MB MaxMemoryUsed:\d+\.\d{{6}}MB$")),
        ("init, old", format!(r"^Init Report RequestId: ?{id} InitDuration: \d+ms Duration: \d+ms Memory: \d+MB MemUsage: \d+\.\d\dMB$")),
        ("init", format!(r"^Init Report RequestId: {id} Coldstart: \d+ms \(PullCode: \d+ms InitRuntime: \d+ms InitFunction: \d+ms\) Memory: ")),
        ("init, cached", format!(r"^Init Report RequestId: {id} Coldstart: \d+ms \(InitRuntime: \d+ms InitFunction: \d+ms\) Memory: ")),
        ("provisioned", format!(r"^Pr(ov|ev)isioned Report RequestId:{id} InitDuration: ")),
    ]
    .map(|(name, pattern)| (name, Regex::new(&pattern).unwrap()));
    for line in found(&service, REPORTS) {
        let text = message(&line);
        let style = styles.iter().find(|(_, pattern)| pattern.is_match(&text));
        met.insert(style.unwrap_or_else(|| panic!("{text}")).0);
    }
    assert_eq!(met.len(), styles.len(), "{met:?}");
}

#[test]
fn failures_have_their_status_and_an_error_line() {
    let service = busy(|_| {});
    let query = format!("({REPORTS}) AND NOT SCF_StatusCode:200 NOT SCF_StatusCode:202");
    let failed = found(&service, &query);
    let status = |line| fields(line)["SCF_StatusCode"].as_str().unwrap().to_owned();
    let statuses: BTreeSet<String> = failed.iter().map(status).collect();
    assert!(statuses.into_iter().eq(["430", "432", "433", "434", "439"]));
    let errors = found(&service, "SCF_Level:ERROR");
    assert!(errors.len().abs_diff(failed.len()) < 20);
    let is_error = |line| message(line).starts_with("ERROR RequestId:");
    assert!(errors.iter().all(is_error));
}

#[test]
fn the_simplified_format_spares_reports_only() {
    let service = busy(|settings| settings.cls.simplified = true);
    let sizes = |query: &str| -> BTreeSet<usize> {
        let lines = found(&service, query);
        let size = |line: &Value| fields(line).as_object().unwrap().len();
        lines.iter().map(size).collect()
    };
    let reports = format!("{REPORTS} NOT Init NOT Provisioned NOT Previsioned");
    assert_eq!(sizes(&reports), [14].into());
    assert_eq!(sizes("SCF_Message:\"START RequestId\""), [10, 14].into());
    assert_eq!(sizes("SCF_Type:Custom"), [9, 14].into());
}

#[test]
fn init_reports_stand_before_and_after_start() {
    let service = busy(|_| {});
    let times = |query: &str| -> BTreeMap<String, i64> {
        // Retries share the request id.
        let key = |line: &Value| {
            let fields = fields(line);
            format!("{} {}", fields["SCF_RequestId"], fields["SCF_RetryNum"])
        };
        let lines = found(&service, query);
        lines
            .iter()
            .map(|line| (key(line), line["Time"].as_i64().unwrap()))
            .collect()
    };
    let inits = times("SCF_Type:Platform AND SCF_Message:\"Init Report\"");
    let starts = times("SCF_Message:\"START RequestId\"");
    let gaps: Vec<i64> = inits
        .iter()
        .filter_map(|(id, time)| Some(time - starts.get(id)?))
        .collect();
    assert!(gaps.contains(&0) && gaps.iter().any(|gap| *gap > 0));
    assert!(gaps.iter().all(|gap| *gap >= 0));
}

#[test]
fn fewer_lines_are_looked_at_for_reports_without_changing_the_answer() {
    // An equivalent query from which the simulator cannot see that only reports match.
    let roundabout = "NOT (NOT SCF_Type:Platform OR NOT SCF_Message:report*)";
    let service = busy(|settings| {
        settings.faults.duplicate_lines = 0.01;
        settings.faults.odd_lines = 0.1;
    });
    let direct = found(&service, "SCF_Type:Platform AND SCF_Message:report*");
    assert!(direct.len() > 9_000);
    assert_eq!(direct, found(&service, roundabout));
    let quoting = SAMPLE.replace("6f71a3f5", "report-7");
    let service = replay(&quoting, Settings::new(1));
    let direct = found(&service, "SCF_Type:Platform AND SCF_Message:report*");
    assert_eq!(direct.len(), 5);
    assert_eq!(direct, found(&service, roundabout));
}
