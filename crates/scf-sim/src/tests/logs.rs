//! Tests of each rule of `GetFunctionLogs` of API 3.0.

use serde_json::{Value, json};

use super::client3::{Client3, Started, code};
use crate::replay::parse_replay;
use crate::{Billing, Cloud, Order, Settings, Wire};

const ACTION: &str = "GetFunctionLogs";

fn rows(answer: &Value) -> &Vec<Value> {
    answer["Data"].as_array().unwrap()
}

/// Returns a cloud with three rows: 14:16:00.015, 14:16:00.999 and 14:16:01.000 UTC, which are
/// 22:16 in Beijing. The second one is in a namespace of its own.
fn three() -> Started {
    let line = |namespace: &str, name: &str, id: u32, start_ms: i64, code: i32| {
        json!({
            "namespace": namespace, "function_name": name, "request_id": format!("id-{id}"),
            "start_ms": start_ms, "duration_ms": 0.241, "billed_ms": 100, "mem_bytes": 131_072,
            "ret_code": code, "log": "a\n", "retry": 1,
        })
    };
    let lines = [
        line("default", "helljin89", 1, 1_492_611_360_015, 1),
        line("prod", "helljin89", 2, 1_492_611_360_999, 0),
        line("default", "other", 3, 1_492_611_361_000, 0),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let settings = Settings {
        billing: Billing::Per100Ms,
        start_ms: 1_492_611_000_000,
        ..Settings::new(42)
    };
    Started {
        now_ms: 1_492_611_400_000,
        client: Client3::new(&settings),
        cloud: Cloud::with_replay(settings, parse_replay("x", &text).unwrap()),
    }
}

#[test]
fn a_row_has_all_documented_fields() {
    let answer = three().ask(ACTION, json!({"FunctionName": "helljin89"}));
    assert_eq!(answer["TotalCount"], 1);
    let mut row = rows(&answer)[0].clone();
    assert!(row["RetMsg"].is_string());
    row["RetMsg"] = json!("");
    // In the vendor's own sample, 14:16:00 UTC is shown as 22:16:00.
    assert_eq!(
        row,
        json!({
            "FunctionName": "helljin89", "RetMsg": "", "RequestId": "id-1",
            "StartTime": "2017-04-19 22:16:00", "RetCode": 1, "InvokeFinished": 1,
            "Duration": 0.241, "BillDuration": 100, "MemUsage": 131_072, "Log": "a\n",
            "Level": "", "Source": "", "RetryNum": 1,
        })
    );
    assert!(answer["SearchContext"].is_object());
}

#[test]
fn both_ends_of_a_span_are_included_to_the_second() {
    let three = three();
    let span = |first: &str, last: &str, namespace: &str| {
        let text = |t: &str| format!("2017-04-19 22:{t}");
        json!({
            "StartTime": text(first), "EndTime": text(last), "Order": "asc", "Namespace": namespace,
        })
    };
    for (params, expected) in [
        (span("16:00", "16:01", ""), &["id-1", "id-3"][..]),
        (span("16:00", "16:00", ""), &["id-1"]),
        (span("16:01", "17:00", ""), &["id-3"]),
        (span("15:00", "15:59", ""), &[]),
        (span("16:02", "16:59", ""), &[]),
        (span("16:00", "16:00", "prod"), &["id-2"]),
        // With an end alone the range is the day before it.
        (json!({"EndTime": "2017-04-20 22:16:01"}), &["id-3"]),
        (json!({"Order": "desc"}), &["id-3", "id-1"]),
        (json!({"FunctionName": "other"}), &["id-3"]),
        (json!({"Limit": 1, "Order": "acs"}), &["id-1"]),
    ] {
        let answer = three.ask(ACTION, params.clone());
        assert_eq!(code(&answer), "", "{params}");
        let ids: Vec<&Value> = rows(&answer).iter().map(|row| &row["RequestId"]).collect();
        assert_eq!(ids, expected, "{params}");
    }
}

#[test]
fn invalid_parameters_have_codes_of_their_own() {
    let three = three();
    let span = |first: &str, last: &str| json!({"StartTime": first, "EndTime": last});
    let (day_before, day) = ("2017-04-18 22:00:00", "2017-04-19 22:00:00");
    let span_code = "InvalidParameterValue.StartTimeOrEndTime";
    for (params, expected) in [
        (
            json!({"Offset": 9_990, "Limit": 11}),
            "LimitExceeded.Offset",
        ),
        (json!({"Offset": 9_999, "Limit": 1}), ""),
        (json!({"Limit": "20"}), "InvalidParameterValue.Limit"),
        (json!({"Offset": 0.5}), "InvalidParameterValue.Offset"),
        (json!({"Order": "up"}), "InvalidParameterValue.Order"),
        (json!({"OrderBy": "start"}), "InvalidParameterValue.OrderBy"),
        (json!({"Filter": {"RetCode": "is0"}}), "UnknownParameter"),
        (
            json!({"StartTime": "2017-04-19"}),
            "InvalidParameterValue.StartTime",
        ),
        (json!({"EndTime": "now"}), "InvalidParameterValue.DateTime"),
        (json!({"StartTime": "2017-04-18 22:16:00"}), span_code),
        (
            json!({"FunctionName": "none"}),
            "ResourceNotFound.FunctionName",
        ),
        (
            json!({"FunctionName": "other", "Namespace": "prod"}),
            "ResourceNotFound.FunctionName",
        ),
        (json!({"Namespace": "none"}), "ResourceNotFound.Namespace"),
        (json!({"Qualifier": "7"}), "UnknownParameter"),
        (json!({"Region": "x"}), "UnknownParameter"),
        (span(day_before, day), ""),
        (span(day_before, "2017-04-19 22:00:01"), span_code),
        (span("2017-04-18 22:00:01", day_before), span_code),
    ] {
        assert_eq!(three.code(ACTION, params.clone()), expected, "{params}");
    }
}

#[test]
fn pages_have_a_default_and_a_largest_size() {
    let started = |wire| {
        let settings = Settings {
            max_page: 50,
            wire,
            ..Settings::new(42)
        };
        Started::new(settings, 60_000)
    };
    let usual = started(Wire::default());
    for (params, length) in [
        (json!({}), 20),
        (json!({"Limit": 30}), 30),
        (json!({"Limit": 51}), 50),
        (json!({"Limit": 0}), 0),
        (json!({"Offset": 9_000}), 0),
    ] {
        let answer = usual.ask(ACTION, params.clone());
        assert_eq!(rows(&answer).len(), length, "{params}");
    }
    let strict = started(Wire {
        reject_large_page: true,
        default_order: Order::Descending,
        ..Wire::default()
    });
    let refused = strict.code(ACTION, json!({"Limit": 51}));
    assert_eq!(refused, "InvalidParameterValue.Limit");
    let start = |params| {
        let answer = strict.ask(ACTION, params);
        rows(&answer)[0]["StartTime"].as_str().unwrap().to_owned()
    };
    assert_eq!(start(json!({})), start(json!({"Order": "desc"})));
    assert!(start(json!({})) > start(json!({"Order": "asc"})));
}
