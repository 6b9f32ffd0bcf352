//! Tests of the rules and faults of v2.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, json as body_of};
use crate::replay::parse_replay;
use crate::{Cloud, Faults, Response, Settings, Wire};

/// Returns a cloud that has run for a minute, the current time, and a client.
fn started(settings: Settings) -> (Cloud, i64, Client) {
    let (client, now_ms) = (Client::new(&settings), settings.start_ms + 60_000);
    (Cloud::new(settings), now_ms, client)
}

fn code(answer: &Value) -> i64 {
    let code = answer["code"].as_i64().unwrap();
    let message = answer["message"].as_str().unwrap();
    if code == 0 {
        assert_eq!((message, &answer["codeDesc"]), ("", &json!("Success")));
    } else {
        assert!(message.starts_with('('), "{message}");
        assert!(answer["data"].is_null() && answer["total"].is_null());
    }
    code
}

#[test]
fn identity_failures_have_their_codes() {
    let (cloud, now_ms, mut client) = started(Settings::new(42));
    let request = client.request(now_ms, "ListFunctions", &[]);
    let stale = client.request(now_ms - 7_201_000, "ListFunctions", &[]);
    let recent = client.request(now_ms - 7_199_000, "ListFunctions", &[]);
    for (request, expected) in [
        (&request, 0),
        (&request, 4500),
        (&stale, 4500),
        (&recent, 0),
    ] {
        let answer = body_of(&cloud.handle(now_ms, request));
        assert_eq!(code(&answer), expected);
    }
    client.key.push('x');
    let answer = client.ask(&cloud, now_ms, "ListFunctions", &[]);
    assert_eq!(code(&answer), 4100);
    client.id.push('x');
    let answer = client.ask(&cloud, now_ms, "ListFunctions", &[]);
    assert_eq!(code(&answer), 4104);
    for part in ["SecretId", "Timestamp", "Nonce", "Signature"] {
        let mut request = client.request(now_ms, "ListFunctions", &[]);
        let changed = format!("{part}X=");
        request.query = request.query.replace(&format!("{part}="), &changed);
        let answer = body_of(&cloud.handle(now_ms, &request));
        assert_eq!(code(&answer), 4000, "{part}");
    }
}

#[test]
fn a_wrong_key_is_reported_whatever_else_goes_wrong() {
    let (cloud, now_ms, mut client) = started(Settings {
        faults: Faults {
            throttle: 0.5,
            html: 0.5,
            ..Faults::none()
        },
        ..Settings::new(21)
    });
    client.key.push('x');
    for _ in 0..20 {
        let answer = client.ask(&cloud, now_ms, "ListFunctions", &[]);
        assert_eq!(code(&answer), 4100);
    }
}

#[test]
fn other_paths_and_methods_get_pages() {
    let (cloud, now_ms, mut client) = started(Settings::new(42));
    for (method, path, status) in [
        ("GET", "/v3", 404),
        ("PUT", "/v2/index.php", 405),
        ("PUT", "/", 405),
    ] {
        let mut request = client.request(now_ms, "ListFunctions", &[]);
        (request.method, request.path) = (method.to_owned(), path.to_owned());
        assert_eq!(
            cloud.handle(now_ms, &request).status,
            status,
            "{method} {path}"
        );
    }
}

#[test]
fn invalid_parameters_are_rejected() {
    let (cloud, now_ms, mut client) = started(Settings::new(42));
    const LOGS: &str = "GetFunctionLogs";
    for (action, param, expected) in [
        (LOGS, ("offset", "-1"), 4000),
        (LOGS, ("offset", "x"), 4000),
        (LOGS, ("limit", "1.5"), 4000),
        (LOGS, ("order", "up"), 4000),
        (LOGS, ("orderby", "start"), 4000),
        (LOGS, ("filter.retCode", "1"), 4000),
        (LOGS, ("Region", "ap-nowhere"), 4000),
        ("getFunctionLogs", ("", ""), 4000),
        ("", ("", ""), 4000),
        ("GetFunction", ("", ""), 4000),
        (LOGS, ("functionName", "none such"), 5000),
        ("ListFunctions", ("Region", "ap-guangzhou"), 0),
        ("ListFunctions", ("Region", ""), 0),
    ] {
        let answer = client.ask(&cloud, now_ms, action, &[param]);
        assert_eq!(code(&answer), expected, "{action} {param:?}");
    }
}

const EXAMPLE: &str = concat!(
    r#"{"function_name":"helljin89","request_id":"b684ef85-250a-11e7-839d-5254007d2563","#,
    r#""start_ms":1492611360015,"duration_ms":0.241,"billed_ms":100,"mem_bytes":131072,"#,
    r#""ret_code":1,"log":"a\n"}"#,
);

fn example(wire: Wire) -> Value {
    let settings = Settings {
        wire,
        start_ms: 1_492_611_000_000,
        ..Settings::new(42)
    };
    let mut client = Client::new(&settings);
    let cloud = Cloud::with_replay(settings, parse_replay("x", EXAMPLE).unwrap());
    client.ask(&cloud, 1_492_611_400_000, "GetFunctionLogs", &[])
}

#[test]
fn rows_are_written_in_either_style() {
    let answer = example(Wire::default());
    assert_eq!((&answer["code"], &answer["total"]), (&json!(0), &json!(1)));
    let mut row = answer["data"][0].clone();
    assert!(row["retMsg"].is_string());
    row["retMsg"] = json!("");
    // In the vendor's own sample, 14:16:00 UTC is shown as 22:16:00.
    assert_eq!(
        row,
        json!({
            "functionName": "helljin89", "retMsg": "", "retCode": 1, "log": "a\n",
            "requestId": "b684ef85-250a-11e7-839d-5254007d2563",
            "startTime": "2017-04-19 22:16:00", "duration": 0.241, "billDuration": 100,
            "memUsage": 131072, "invokeFinished": 1,
        })
    );
    let answer = example(Wire {
        snake_case: true,
        invoke_finished: false,
        code_as_string: true,
        ..Wire::default()
    });
    assert_eq!(answer["code"], json!("0"));
    let names: Vec<&String> = answer["data"][0].as_object().unwrap().keys().collect();
    let expected = "bill_duration duration function_name log mem_usage request_id ret_code ret_msg \
                    start_time";
    assert!(names.into_iter().eq(expected.split(' ')));
}

#[test]
fn functions_are_listed_with_the_total_inside_data() {
    let (cloud, now_ms, mut client) = started(Settings::new(42));
    let mut list = |params: &[(&str, &str)]| {
        let answer = client.ask(&cloud, now_ms, "ListFunctions", params);
        assert!(answer["total"].is_null());
        let data = &answer["data"];
        let rows = data["functions"].as_array().unwrap().clone();
        (rows, data["total"].as_u64().unwrap())
    };
    let name = |row: &Value| row["functionName"].as_str().unwrap().to_owned();
    let (first, total) = list(&[]);
    assert_eq!((first.len(), total), (20, 30));
    for field in ["modTime", "addTime", "runtime", "functionName"] {
        assert!(first[0][field].is_string());
    }
    let (rest, _) = list(&[("offset", "20")]);
    let mut names: Vec<String> = first.iter().chain(&rest).map(name).collect();
    names.sort();
    let functions = cloud.truth(now_ms).functions.into_iter();
    let mut expected: Vec<String> = functions.map(|f| f.function_name).collect();
    expected.sort();
    assert_eq!(names, expected);
    let (named, _) = list(&[
        ("orderby", "functionname"),
        ("order", "asc"),
        ("limit", "100"),
    ]);
    assert_eq!(named.iter().map(name).collect::<Vec<_>>(), expected);
}

#[test]
fn old_rows_are_gone() {
    let (cloud, now_ms, mut client) = started(Settings {
        retention_ms: 20_000,
        ..Settings::new(42)
    });
    let (rows, total) = client.all_rows(&cloud, now_ms);
    assert!(rows.len() == total && total > 100);
    assert!((total as u64) < cloud.truth(now_ms).total() / 2);
}

#[test]
fn each_fault_has_its_shape() {
    let answers = |change: fn(&mut Faults)| -> Vec<Response> {
        let mut settings = Settings::new(21);
        change(&mut settings.faults);
        let (cloud, now_ms, mut client) = started(settings);
        let mut send = |_| client.send(&cloud, now_ms, "GetFunctionLogs", &[]);
        (0..60).map(&mut send).collect()
    };
    let codes = |responses: &[Response]| {
        let mut codes: Vec<i64> = responses.iter().map(|r| code(&body_of(r))).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    };
    assert_eq!(
        codes(&answers(|faults| faults.throttle = 1.0)),
        [4400, 4420]
    );
    assert_eq!(codes(&answers(|faults| faults.errors = 1.0)), [6000, 6200]);
    for response in answers(|faults| faults.html = 1.0) {
        assert!(response.status == 502 && response.body.starts_with(b"<html>"));
    }
    for response in answers(|faults| faults.empty_body = 1.0) {
        assert_eq!((response.status, response.body.len()), (200, 0));
    }
    for response in answers(|faults| faults.cut_body = 1.0) {
        assert!(response.cut_after.unwrap() < response.body.len());
    }
    let max_delay = Duration::from_millis(300);
    for response in answers(|faults| {
        faults.slow_body = 1.0;
        faults.max_delay = Duration::from_millis(300);
    }) {
        assert!(!response.delay.is_zero() && response.delay < max_delay);
    }
    let fine = answers(|_| {});
    let undisturbed = |r: &Response| r.delay.is_zero() && r.cut_after.is_none();
    assert!(fine.iter().all(undisturbed));
    assert_eq!(codes(&fine), [0]);
}

#[test]
fn the_rate_limit_of_the_cloud_throttles() {
    let (cloud, now_ms, mut client) = started(Settings {
        requests_per_second: Some(5.0),
        ..Settings::new(22)
    });
    let mut code = |action, now_ms| code(&client.ask(&cloud, now_ms, action, &[]));
    let first: Vec<i64> = (0..7).map(|_| code("ListFunctions", now_ms)).collect();
    assert_eq!(first, [0, 0, 0, 0, 0, 4400, 4400]);
    assert_eq!(code("GetFunctionLogs", now_ms), 0);
    assert_eq!(code("ListFunctions", now_ms + 200), 0);
}
