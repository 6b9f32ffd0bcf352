//! Tests of each rule of the v2 wire format.

use serde_json::{Value, json};

use super::client::Client;
use crate::{Cloud, Settings, Wire, parse_replay};

fn settings() -> Settings {
    Settings::new(42)
}

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
    let (cloud, now_ms, mut client) = started(settings());
    let request = client.request(now_ms, "ListFunctions", &[]);
    assert_eq!(
        code(&super::client::json(&cloud.handle(now_ms, &request))),
        0
    );
    assert_eq!(
        code(&super::client::json(&cloud.handle(now_ms, &request))),
        4500
    );
    let stale = client.request(now_ms - 7_201_000, "ListFunctions", &[]);
    assert_eq!(
        code(&super::client::json(&cloud.handle(now_ms, &stale))),
        4500
    );
    let recent = client.request(now_ms - 7_199_000, "ListFunctions", &[]);
    assert_eq!(
        code(&super::client::json(&cloud.handle(now_ms, &recent))),
        0
    );
    client.key.push('x');
    assert_eq!(
        code(&client.ask(&cloud, now_ms, "ListFunctions", &[])),
        4100
    );
    client.id.push('x');
    assert_eq!(
        code(&client.ask(&cloud, now_ms, "ListFunctions", &[])),
        4104
    );
}

#[test]
fn faulty_parameters_are_refused() {
    let (cloud, now_ms, mut client) = started(settings());
    for params in [
        [("offset", "-1")],
        [("offset", "x")],
        [("limit", "1.5")],
        [("order", "up")],
        [("orderby", "start")],
        [("filter.retCode", "1")],
        [("Region", "ap-nowhere")],
    ] {
        let answer = client.ask(&cloud, now_ms, "GetFunctionLogs", &params);
        assert_eq!(code(&answer), 4000, "{params:?}");
    }
    assert_eq!(
        code(&client.ask(&cloud, now_ms, "getFunctionLogs", &[])),
        4000
    );
    assert_eq!(code(&client.ask(&cloud, now_ms, "", &[])), 4000);
    assert_eq!(code(&client.ask(&cloud, now_ms, "GetFunction", &[])), 4000);
    for action in ["GetFunction", "GetFunctionLogs"] {
        let unknown = client.ask(&cloud, now_ms, action, &[("functionName", "none such")]);
        assert_eq!(code(&unknown), 5000);
    }
    for part in ["SecretId", "Timestamp", "Nonce", "Signature"] {
        let mut request = client.request(now_ms, "ListFunctions", &[]);
        request.query = request
            .query
            .replace(&format!("{part}="), &format!("{part}X="));
        assert_eq!(
            code(&super::client::json(&cloud.handle(now_ms, &request))),
            4000,
            "{part}"
        );
    }
    for region in ["gz", "ap-guangzhou", ""] {
        let answer = client.ask(&cloud, now_ms, "ListFunctions", &[("Region", region)]);
        assert_eq!(code(&answer), 0);
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
        ..settings()
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
    let snake = Wire {
        snake_case: true,
        invoke_finished: false,
        code_as_string: true,
        ..Wire::default()
    };
    let answer = example(snake);
    assert_eq!(answer["code"], json!("0"));
    let names: Vec<&String> = answer["data"][0].as_object().unwrap().keys().collect();
    let mut expected = vec![
        "function_name",
        "ret_msg",
        "request_id",
        "start_time",
        "ret_code",
        "duration",
        "bill_duration",
        "mem_usage",
        "log",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn functions_are_listed_with_the_total_inside_data() {
    let (cloud, now_ms, mut client) = started(settings());
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
    let mut expected: Vec<String> = cloud
        .truth(now_ms)
        .functions
        .into_iter()
        .map(|f| f.function_name)
        .collect();
    expected.sort();
    assert_eq!(names, expected);
    let (named, _) = list(&[
        ("orderby", "functionname"),
        ("order", "asc"),
        ("limit", "100"),
    ]);
    assert_eq!(named.iter().map(name).collect::<Vec<_>>(), expected);
    let (added, _) = list(&[("orderby", "addtime"), ("order", "asc"), ("limit", "100")]);
    assert!(added.is_sorted_by_key(|row| row["addTime"].as_str().unwrap()));
    let (found, total) = list(&[("searchKey", &expected[0])]);
    assert!(total >= 1 && found.iter().all(|row| name(row).contains(&expected[0])));
}

#[test]
fn old_rows_are_gone() {
    let (cloud, now_ms, mut client) = started(Settings {
        retention_ms: 20_000,
        ..settings()
    });
    let (rows, total) = client.all_rows(&cloud, now_ms);
    assert!(rows.len() == total && total > 100);
    assert!((total as u64) < cloud.truth(now_ms).total() / 2);
}
