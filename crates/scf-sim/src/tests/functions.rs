//! What API 3.0 tells of namespaces and functions.

use serde_json::{Value, json};

use super::client3::{Client3, code};
use crate::{Api3, Cloud, Settings, parse_replay};

fn started(settings: Settings) -> (Cloud, i64, Client3) {
    let (client, now_ms) = (Client3::new(&settings), settings.start_ms);
    (Cloud::new(settings), now_ms, client)
}

fn names(answer: &Value) -> Vec<String> {
    let rows = answer["Functions"].as_array().unwrap().iter();
    rows.map(|row| row["FunctionName"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn functions_are_listed_page_by_page() {
    let settings = Settings {
        functions: 130,
        ..Settings::new(42)
    };
    let (cloud, now_ms, client) = started(settings);
    let list = |params: Value| client.ask(&cloud, now_ms, "ListFunctions", &params);
    let first = list(json!({}));
    assert_eq!(names(&first).len(), 20);
    assert_eq!(names(&list(json!({"Limit": 1_000}))).len(), 100);
    let row = &first["Functions"][0];
    for field in [
        "FunctionName",
        "Namespace",
        "Runtime",
        "Status",
        "Type",
        "AddTime",
        "ModTime",
    ] {
        assert!(row[field].is_string(), "{field}");
    }
    // The functions of every namespace together are those of the world.
    let spaces = client.ask(&cloud, now_ms, "ListNamespaces", &json!({"Limit": 100}));
    let mut met = Vec::new();
    for space in spaces["Namespaces"].as_array().unwrap() {
        let space = space["Name"].as_str().unwrap();
        let mut total = 1;
        let mut read = 0;
        while read < total {
            let answer = list(json!({
                "Namespace": space, "Offset": read, "Limit": 50, "Orderby": "FunctionName",
                "Order": "ASC",
            }));
            total = answer["TotalCount"].as_u64().unwrap() as usize;
            let page = names(&answer);
            assert!(page.is_sorted());
            read += page.len();
            met.extend(page.into_iter().map(|name| (space.to_owned(), name)));
        }
    }
    let truth = cloud.truth(now_ms);
    let mut expected: Vec<(String, String)> = truth
        .functions
        .into_iter()
        .map(|f| (f.namespace, f.function_name))
        .collect();
    met.sort();
    expected.sort();
    assert_eq!(met, expected);
    let found = list(json!({"SearchKey": expected[0].1, "Namespace": expected[0].0}));
    assert!(names(&found).contains(&expected[0].1));
    let wrong = list(json!({"Orderby": "Size"}));
    assert_eq!(code(&wrong), "InvalidParameterValue.Orderby");
}

#[test]
fn the_largest_page_is_a_setting() {
    let api3 = Api3 {
        list_page: 7,
        ..Api3::default()
    };
    let (cloud, now_ms, client) = started(Settings {
        api3,
        ..Settings::new(42)
    });
    let answer = client.ask(&cloud, now_ms, "ListFunctions", &json!({"Limit": 20}));
    assert_eq!(names(&answer).len(), 7);
}

#[test]
fn a_function_tells_its_memory_timeout_and_topic() {
    let (cloud, now_ms, client) = started(Settings::new(42));
    let truth = cloud.truth(now_ms);
    let ask = |params: Value| client.ask(&cloud, now_ms, "GetFunction", &params);
    for function in &truth.functions {
        let answer = ask(json!({
            "FunctionName": function.function_name, "Namespace": function.namespace,
        }));
        assert_eq!(answer["FunctionName"], json!(function.function_name));
        assert_eq!(answer["Namespace"], json!(function.namespace));
        assert_eq!(answer["MemorySize"], function.memory_mb);
        assert_eq!(answer["Timeout"], 60);
        assert!(answer["InitTimeout"].is_u64());
        assert_eq!(
            (&answer["Type"], &answer["Status"]),
            (&json!("Event"), &json!("Active"))
        );
        let [topic, logset] = ["ClsTopicId", "ClsLogsetId"].map(|id| answer[id].as_str().unwrap());
        assert_eq!(topic.is_empty(), logset.is_empty());
        assert!(answer["ProtocolParams"].is_null());
    }
    assert_eq!(code(&ask(json!({}))), "MissingParameter");
    let unknown = ask(json!({"FunctionName": "none such"}));
    assert_eq!(code(&unknown), "ResourceNotFound.FunctionName");
}

#[test]
fn namespaces_are_told_apart() {
    let text = concat!(
        r#"{"function_name":"f","namespace":"prod","request_id":"r","start_offset_ms":0,"#,
        r#""duration_ms":1}"#,
        "\n",
        r#"{"function_name":"f","request_id":"s","start_offset_ms":0,"duration_ms":1}"#,
    );
    let settings = Settings::new(1);
    let (client, now_ms) = (Client3::new(&settings), settings.start_ms + 10_000);
    let cloud = Cloud::with_replay(settings, parse_replay("x", text).unwrap());
    let answer = client.ask(&cloud, now_ms, "ListNamespaces", &json!({}));
    assert_eq!(answer["TotalCount"], 2);
    let name = |at: usize| answer["Namespaces"][at]["Name"].clone();
    assert_eq!([name(0), name(1)], ["default", "prod"]);
    for (namespace, id) in [("default", "s"), ("prod", "r")] {
        let listed = client.ask(
            &cloud,
            now_ms,
            "ListFunctions",
            &json!({"Namespace": namespace}),
        );
        assert_eq!(names(&listed), ["f"]);
        let params = json!({"Namespace": namespace});
        let logs = client.ask(&cloud, now_ms, "GetFunctionLogs", &params);
        assert_eq!(logs["TotalCount"], 1);
        assert_eq!(logs["Data"][0]["RequestId"], id);
    }
}
