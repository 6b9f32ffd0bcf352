//! Tests of each rule of `GetFunctionLogs` of API 3.0.

use serde_json::{Value, json};

use super::client3::{Client3, code};
use crate::{Billing, Cloud, Order, Settings, Wire, parse_replay};

fn settings() -> Settings {
    Settings::new(42)
}

fn started(settings: Settings) -> (Cloud, i64, Client3) {
    let (client, now_ms) = (Client3::new(&settings), settings.start_ms + 60_000);
    (Cloud::new(settings), now_ms, client)
}

const ACTION: &str = "GetFunctionLogs";

fn rows(answer: &Value) -> &Vec<Value> {
    answer["Data"].as_array().unwrap()
}

/// Returns a cloud with three rows: 14:16:00.015, 14:16:00.999 and 14:16:01.000 UTC, which are
/// 22:16 in Beijing. The second one is in a namespace of its own.
fn three(wire: Wire) -> (Cloud, i64, Client3) {
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
        wire,
        billing: Billing::Per100Ms,
        start_ms: 1_492_611_000_000,
        ..settings()
    };
    let client = Client3::new(&settings);
    let cloud = Cloud::with_replay(settings, parse_replay("x", &text).unwrap());
    (cloud, 1_492_611_400_000, client)
}

#[test]
fn a_row_has_all_documented_fields() {
    let (cloud, now_ms, client) = three(Wire::default());
    let params = json!({"FunctionName": "helljin89"});
    let answer = client.ask(&cloud, now_ms, ACTION, &params);
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
    let (cloud, now_ms, client) = three(Wire::default());
    let ids = |params: Value| -> Vec<String> {
        let answer = client.ask(&cloud, now_ms, ACTION, &params);
        assert_eq!(code(&answer), "", "{params}");
        let id = |row: &Value| row["RequestId"].as_str().unwrap().to_owned();
        rows(&answer).iter().map(id).collect()
    };
    let span = |first: &str, last: &str| {
        let text = |t: &str| format!("2017-04-19 22:{t}");
        json!({"StartTime": text(first), "EndTime": text(last), "Order": "asc"})
    };
    assert_eq!(ids(span("16:00", "16:01")), ["id-1", "id-3"]);
    assert_eq!(ids(span("16:00", "16:00")), ["id-1"]);
    assert_eq!(ids(span("16:01", "17:00")), ["id-3"]);
    assert!(ids(span("15:00", "15:59")).is_empty());
    assert!(ids(span("16:02", "16:59")).is_empty());
    let mut prod = span("16:00", "16:00");
    prod["Namespace"] = json!("prod");
    assert_eq!(ids(prod), ["id-2"]);
    // With an end alone the range is the day before it.
    assert_eq!(ids(json!({"EndTime": "2017-04-20 22:16:01"})), ["id-3"]);
    assert_eq!(ids(json!({"Order": "desc"})), ["id-3", "id-1"]);
    assert_eq!(ids(json!({"FunctionRequestId": "id-3"})), ["id-3"]);
    assert_eq!(ids(json!({"Filter": {"RetCode": "not0"}})), ["id-1"]);
    assert_eq!(
        ids(json!({"Filter": {"RetCode": ""}, "FunctionName": "other"})),
        ["id-3"]
    );
    assert_eq!(
        ids(json!({"Qualifier": "$LATEST", "Limit": 1, "Order": "acs"})),
        ["id-1"]
    );
}

#[test]
fn faulty_parameters_have_codes_of_their_own() {
    let (cloud, now_ms, client) = three(Wire::default());
    let value = |what: &str| format!("InvalidParameterValue{what}");
    for (params, expected) in [
        (
            json!({"Offset": 9_990, "Limit": 11}),
            "LimitExceeded.Offset".to_owned(),
        ),
        (json!({"Offset": 9_999, "Limit": 1}), String::new()),
        (json!({"Limit": "20"}), value(".Limit")),
        (json!({"Offset": 0.5}), value(".Offset")),
        (json!({"Order": "up"}), value(".Order")),
        (json!({"OrderBy": "start"}), value(".OrderBy")),
        (json!({"Filter": {"RetCode": "1"}}), value(".RetCode")),
        (json!({"Filter": "is0"}), value("")),
        (json!({"StartTime": "2017-04-19"}), value(".StartTime")),
        (json!({"EndTime": "now"}), value(".DateTime")),
        (
            json!({"StartTime": "2017-04-18 22:16:00"}),
            value(".StartTimeOrEndTime"),
        ),
        (
            json!({"FunctionName": "none"}),
            "ResourceNotFound.FunctionName".to_owned(),
        ),
        (
            json!({"FunctionName": "other", "Namespace": "prod"}),
            "ResourceNotFound.FunctionName".to_owned(),
        ),
        (
            json!({"Namespace": "none"}),
            "ResourceNotFound.Namespace".to_owned(),
        ),
        (
            json!({"Qualifier": "7"}),
            "ResourceNotFound.Qualifier".to_owned(),
        ),
        (json!({"Region": "x"}), "UnknownParameter".to_owned()),
    ] {
        assert_eq!(
            client.code(&cloud, now_ms, ACTION, &params),
            expected,
            "{params}"
        );
    }
    for (first, last, well) in [
        ("2017-04-18 22:00:00", "2017-04-19 22:00:00", true),
        ("2017-04-18 22:00:00", "2017-04-19 22:00:01", false),
        ("2017-04-18 22:00:01", "2017-04-18 22:00:00", false),
    ] {
        let params = json!({"StartTime": first, "EndTime": last});
        let expected = if well {
            ""
        } else {
            "InvalidParameterValue.StartTimeOrEndTime"
        };
        assert_eq!(client.code(&cloud, now_ms, ACTION, &params), expected);
    }
}

#[test]
fn pages_have_a_default_and_a_largest_size() {
    let (cloud, now_ms, client) = started(Settings {
        max_page: 50,
        ..settings()
    });
    let length = |params: Value| rows(&client.ask(&cloud, now_ms, ACTION, &params)).len();
    assert_eq!(length(json!({})), 20);
    assert_eq!(length(json!({"Limit": 30})), 30);
    assert_eq!(length(json!({"Limit": 51})), 50);
    assert_eq!(length(json!({"Limit": 0})), 0);
    assert_eq!(length(json!({"Offset": 9_000})), 0);
    let wire = Wire {
        reject_large_page: true,
        default_order: Order::Descending,
        ..Wire::default()
    };
    let (cloud, now_ms, client) = started(Settings {
        max_page: 50,
        wire,
        ..settings()
    });
    assert_eq!(
        client.code(&cloud, now_ms, ACTION, &json!({"Limit": 51})),
        "InvalidParameterValue.Limit"
    );
    let start = |params| {
        let answer = client.ask(&cloud, now_ms, ACTION, &params);
        rows(&answer)[0]["StartTime"].as_str().unwrap().to_owned()
    };
    assert_eq!(start(json!({})), start(json!({"Order": "desc"})));
    assert!(start(json!({})) > start(json!({"Order": "asc"})));
}

#[test]
fn filters_name_kinds_of_failure() {
    let mut settings = settings();
    settings.rate_per_second = 200.0;
    settings.history_ms = 600_000;
    let (cloud, now_ms, client) = started(settings);
    let ask = |filter: &str| {
        let params = json!({"Filter": {"RetCode": filter}, "Limit": 1_000});
        client.ask(&cloud, now_ms, ACTION, &params)
    };
    let total = |answer: &Value| answer["TotalCount"].as_u64().unwrap();
    let all = total(&client.ask(&cloud, now_ms, ACTION, &json!({})));
    let failed = ask("not0");
    assert_eq!(total(&ask("is0")) + total(&failed), all);
    let mut named = 0;
    for (filter, says) in [
        ("TimeLimitExceeded", "timed out"),
        ("ResourceLimitExceeded", "xceed"),
        ("UserCodeException", ""),
    ] {
        let answer = ask(filter);
        named += total(&answer);
        assert!(total(&answer) > 0, "{filter}");
        for row in rows(&answer) {
            assert!(row["RetMsg"].as_str().unwrap().contains(says), "{row}");
        }
    }
    assert_eq!(named, total(&failed));
}
