//! Each rule of the v2 wire.

use serde_json::{Value, json};

use super::client::Client;
use crate::{Cloud, Faults, Order, Settings, TemporaryKey, Wire, parse_replay};

fn settings() -> Settings {
    Settings::new(42)
}

/// A cloud that has run for a minute, the present instant, and a client.
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
fn both_methods_hashes_and_hosts_are_let_in() {
    let (cloud, now_ms, mut client) = started(settings());
    for host in ["127.0.0.1:9000", "scf.api.qcloud.com"] {
        for (post, sha256) in [(false, false), (false, true), (true, false), (true, true)] {
            (client.host, client.post, client.sha256) = (host.to_owned(), post, sha256);
            let answer = client.ask(&cloud, now_ms, "GetFunctionLogs", &[("searchKey", "a b+%")]);
            assert_eq!(code(&answer), 0, "{host} {post} {sha256}");
        }
    }
    client.host = "elsewhere".to_owned();
    assert_eq!(
        code(&client.ask(&cloud, now_ms, "ListFunctions", &[])),
        4100
    );
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
fn a_refused_signature_does_not_use_up_its_nonce() {
    let (cloud, now_ms, mut client) = started(settings());
    let good = client.request(now_ms, "ListFunctions", &[]);
    client.nonce -= 1;
    client.key.push('x');
    assert_eq!(
        code(&client.ask(&cloud, now_ms, "ListFunctions", &[])),
        4100
    );
    assert_eq!(code(&super::client::json(&cloud.handle(now_ms, &good))), 0);
}

#[test]
fn temporary_keys_need_their_token_until_they_end() {
    let mut settings = settings();
    let now_ms = settings.start_ms + 60_000;
    settings.temporary_keys.push(TemporaryKey {
        secret_id: "AKIDtmp".to_owned(),
        secret_key: "tmpkey".to_owned(),
        token: "tok+/= &en".to_owned(),
        expires_ms: now_ms + 1_000,
    });
    let (cloud, _, mut client) = started(settings);
    (client.id, client.key) = ("AKIDtmp".to_owned(), "tmpkey".to_owned());
    let mut with =
        |at_ms, params: &[(&str, &str)]| code(&client.ask(&cloud, at_ms, "ListFunctions", params));
    assert_eq!(with(now_ms, &[]), 4105);
    assert_eq!(with(now_ms, &[("Token", "other")]), 4105);
    assert_eq!(with(now_ms, &[("Token", "tok+/= &en")]), 0);
    assert_eq!(with(now_ms + 1_000, &[("Token", "tok+/= &en")]), 4105);
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

#[test]
fn other_paths_and_methods_get_pages() {
    let (cloud, now_ms, mut client) = started(settings());
    let mut request = client.request(now_ms, "ListFunctions", &[]);
    request.path = "/v3".to_owned();
    assert_eq!(cloud.handle(now_ms, &request).status, 404);
    request.path = "/v2/index.php".to_owned();
    request.method = "PUT".to_owned();
    assert_eq!(cloud.handle(now_ms, &request).status, 405);
}

#[test]
fn pages_have_a_default_and_a_largest_size() {
    let (cloud, now_ms, mut client) = started(Settings {
        max_page: 50,
        ..settings()
    });
    let mut length = |params: &[(&str, &str)]| {
        let answer = client.ask(&cloud, now_ms, "GetFunctionLogs", params);
        assert!(answer["total"].as_u64().unwrap() > 500);
        answer["data"].as_array().unwrap().len()
    };
    assert_eq!(length(&[]), 20);
    assert_eq!(length(&[("limit", "30")]), 30);
    assert_eq!(length(&[("limit", "51")]), 50);
    assert_eq!(length(&[("limit", "0")]), 0);
    assert_eq!(length(&[("offset", "18446744073709551615")]), 0);
    let wire = Wire {
        reject_large_page: true,
        ..Wire::default()
    };
    let (cloud, ..) = started(Settings {
        max_page: 50,
        wire,
        ..settings()
    });
    let refused = client.ask(&cloud, now_ms, "GetFunctionLogs", &[("limit", "51")]);
    assert_eq!(code(&refused), 4000);
}

#[test]
fn orders_and_their_spellings() {
    let (cloud, now_ms, mut client) = started(settings());
    let mut rows = |field: &str, params: &[(&str, &str)]| -> Vec<Value> {
        let mut params = params.to_vec();
        params.push(("limit", "1000"));
        let answer = client.ask(&cloud, now_ms, "GetFunctionLogs", &params);
        let rows = answer["data"].as_array().unwrap().iter();
        rows.map(|row| row[field].clone()).collect()
    };
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let ascending = rows("startTime", &[("order", "asc")]);
    assert!(ascending.is_sorted_by_key(text));
    assert_eq!(rows("startTime", &[("order", "acs")]), ascending);
    assert_eq!(rows("startTime", &[]), ascending);
    for (field, spellings) in [
        ("startTime", ["start_time", "startTime"]),
        ("functionName", ["function_name", "functionName"]),
        ("requestId", ["request_id", "requestId"]),
    ] {
        for orderby in spellings {
            let up = rows(field, &[("orderby", orderby), ("order", "asc")]);
            let down = rows(field, &[("orderby", orderby), ("order", "desc")]);
            assert!(up.is_sorted_by_key(text), "{orderby}");
            assert!(down.iter().rev().is_sorted_by_key(text), "{orderby}");
        }
    }
    for (field, orderby) in [
        ("duration", "duration"),
        ("memUsage", "mem_usage"),
        ("memUsage", "memUsage"),
    ] {
        let up = rows(field, &[("orderby", orderby), ("order", "asc")]);
        assert!(
            up.windows(2).all(|w| w[0].as_f64() <= w[1].as_f64()),
            "{orderby}"
        );
    }
}

#[test]
fn the_default_order_is_a_setting() {
    let wire = Wire {
        default_order: Order::Descending,
        ..Wire::default()
    };
    let (cloud, now_ms, mut client) = started(Settings { wire, ..settings() });
    let by_default = client.ask(&cloud, now_ms, "GetFunctionLogs", &[]);
    let descending = client.ask(&cloud, now_ms, "GetFunctionLogs", &[("order", "desc")]);
    let ascending = client.ask(&cloud, now_ms, "GetFunctionLogs", &[("order", "asc")]);
    assert_eq!(by_default["data"], descending["data"]);
    assert_ne!(by_default["data"], ascending["data"]);
}

#[test]
fn filters_split_the_rows() {
    let (cloud, now_ms, mut client) = started(settings());
    let mut ask = |params: &[(&str, &str)]| {
        let mut params = params.to_vec();
        params.push(("limit", "1000"));
        client.ask(&cloud, now_ms, "GetFunctionLogs", &params)
    };
    let total = |answer: &Value| answer["total"].as_u64().unwrap();
    let (all, good, bad) = (
        ask(&[]),
        ask(&[("filter.retCode", "is0")]),
        ask(&[("filter.retCode", "not0")]),
    );
    assert_eq!(total(&good) + total(&bad), total(&all));
    assert!(total(&bad) > 0);
    assert!(
        bad["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["retCode"] != 0)
    );
    let row = &all["data"][3];
    let one = ask(&[("requestId", row["requestId"].as_str().unwrap())]);
    assert_eq!((total(&one), &one["data"][0]), (1, row));
    let name = row["functionName"].as_str().unwrap();
    let mine = ask(&[("functionName", name)]);
    assert!(
        mine["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["functionName"] == name)
    );
    assert_eq!(total(&ask(&[("functionName", "")])), total(&all));
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
    // The vendor's own sample: 14:16:00 UTC is shown as 22:16:00.
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
fn a_function_tells_its_memory_and_timeout() {
    let (cloud, now_ms, mut client) = started(settings());
    let function = &cloud.truth(now_ms).functions[0];
    let params = [("functionName", function.function_name.as_str())];
    let answer = client.ask(&cloud, now_ms, "GetFunction", &params);
    assert_eq!(code(&answer), 0);
    assert_eq!(answer["data"]["memorySize"], function.memory_mb);
    assert_eq!(answer["data"]["timeout"], 60);
    assert_eq!(
        answer["data"]["functionName"],
        json!(function.function_name)
    );
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

#[test]
fn a_clock_that_is_off_shows_in_times_and_judges_timestamps() {
    let faults = Faults {
        clock_skew_ms: 3_600_000,
        ..Faults::none()
    };
    let skewed = Settings {
        faults,
        timestamp_skew_s: 300,
        ..settings()
    };
    let (cloud, now_ms, mut client) = started(skewed);
    assert_eq!(
        code(&client.ask(&cloud, now_ms, "ListFunctions", &[])),
        4500
    );
    let request = client.request(now_ms + 3_600_000, "GetFunctionLogs", &[]);
    let late = super::client::json(&cloud.handle(now_ms, &request));
    let (plain, _, mut client) = started(settings());
    let right = client.ask(&plain, now_ms, "GetFunctionLogs", &[]);
    // The start of the simulation is 2023-11-14 22:13:20 UTC.
    assert_eq!(
        &right["data"][0]["startTime"].as_str().unwrap()[..13],
        "2023-11-15 06"
    );
    assert_eq!(
        &late["data"][0]["startTime"].as_str().unwrap()[..13],
        "2023-11-15 07"
    );
    assert_eq!(late["total"], right["total"]);
}
