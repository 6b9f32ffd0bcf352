//! Tests of namespaces and functions in API 3.0.

use serde_json::{Value, json};

use super::client3::{Client3, code};
use crate::{Api3, Cloud, Settings};

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
