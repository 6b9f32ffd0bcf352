//! Tests of the errors of the log service.

use serde_json::{Value, json};

use super::cls::{REPORTS, Service};
use crate::{Faults, Index, Settings};

fn code(service: &Service, changes: Value) -> &'static str {
    let now_ms = service.settings.start_ms + 20_000;
    service.search(now_ms, changes).unwrap_err().code
}

#[test]
fn bad_parameters_are_named() {
    let service = Service::new(Settings::new(31));
    let topic = service.topics(service.settings.start_ms)[0].clone();
    let listed = json!([{ "TopicId": topic }]);
    let long = "a".repeat(12_001);
    let many = vec![json!({ "TopicId": topic }); 51];
    for (changes, expected) in [
        (json!({ "From": null }), "MissingParameter"),
        (json!({ "To": null }), "MissingParameter"),
        (json!({ "From": "x" }), "InvalidParameter"),
        (json!({ "From": 9, "To": 8 }), "InvalidParameterValue"),
        (json!({ "TopicId": null }), "MissingParameter"),
        (json!({ "Topics": listed }), "InvalidParameterValue"),
        (
            json!({ "TopicId": null, "Topics": many }),
            "InvalidParameterValue",
        ),
        (
            json!({ "TopicId": "601c2a87" }),
            "ResourceNotFound.TopicNotExist",
        ),
        (json!({ "Limit": 1_001 }), "InvalidParameterValue"),
        (json!({ "Limit": 0 }), "InvalidParameterValue"),
        (json!({ "Offset": -1 }), "InvalidParameterValue"),
        (json!({ "Sort": "up" }), "InvalidParameterValue"),
        (json!({ "QuerySyntax": 0 }), "InvalidParameterValue"),
        (json!({ "QuerySyntax": 2 }), "InvalidParameterValue"),
        (json!({ "Query": "*" }), "InvalidParameterValue"),
        (json!({ "QueryString": long }), "InvalidParameterValue"),
        (
            json!({ "QueryString": "SCF_Type:" }),
            "FailedOperation.SyntaxError",
        ),
        (
            json!({ "QueryString": "* | select 1" }),
            "FailedOperation.SyntaxError",
        ),
        (
            json!({ "Context": "made up" }),
            "FailedOperation.InvalidContext",
        ),
    ] {
        assert_eq!(code(&service, changes.clone()), expected, "{changes}");
    }
    let unknown = service.try_ask(0, "SearchLogs", &json!({})).unwrap_err();
    assert_eq!(unknown.code, "InvalidAction");
}

#[test]
fn contexts_belong_to_their_parameters_and_end_after_an_hour() {
    let service = Service::new(Settings {
        topics: 2,
        ..Settings::new(31)
    });
    let now_ms = service.settings.start_ms + 20_000;
    let params = |context: &Value| json!({ "Context": context, "To": now_ms, "Limit": 10, "QueryString": REPORTS });
    let context = service.search(now_ms, params(&json!(""))).unwrap()["Context"].clone();
    let invalid = "FailedOperation.InvalidContext";
    for (changes, after_ms, expected) in [
        (json!({}), 3_599_999, ""),
        (json!({}), 3_600_000, invalid),
        (json!({ "From": 1 }), 0, invalid),
        (json!({ "To": now_ms + 1 }), 0, invalid),
        (json!({ "Limit": 11 }), 0, invalid),
        (json!({ "Sort": "desc" }), 0, invalid),
        (json!({ "QueryString": "*" }), 0, invalid),
        (json!({ "TopicId": service.topics(now_ms)[1] }), 0, invalid),
        (json!({ "Offset": 5 }), 0, "InvalidParameterValue"),
    ] {
        let mut all = params(&context);
        let added = changes.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(added);
        let found = service.search(now_ms + after_ms, all);
        let code = found.map_or_else(|problem| problem.code, |_| "");
        assert_eq!(code, expected, "{changes}");
    }
}

#[test]
fn indexes_decide_what_is_found() {
    let with = |index| {
        let mut settings = Settings::new(31);
        settings.cls.index = index;
        Service::new(settings)
    };
    let missing = with(Index::Missing);
    assert_eq!(code(&missing, json!({})), "ResourceNotFound.IndexNotExist");
    let full_text = with(Index::FullText);
    let now_ms = full_text.settings.start_ms + 20_000;
    let found = |query: &str| {
        let answer = full_text
            .search(now_ms, json!({ "QueryString": query }))
            .unwrap();
        assert_eq!(answer["ListOver"], true);
        answer["Results"].as_array().unwrap().len()
    };
    assert_eq!(found(REPORTS), 0);
    assert!(found("\"Report RequestId\"") > 0);
    let topic = json!({ "TopicId": full_text.topics(now_ms)[0] });
    let index = |service: &Service| service.ask(now_ms, "DescribeIndex", &topic)["Rule"].clone();
    assert_eq!(index(&full_text)["KeyValue"], Value::Null);
    let keys = index(&with(Index::Keys))["KeyValue"]["KeyValues"].clone();
    assert_eq!(keys.as_array().unwrap().len(), 14);
    let refused = missing
        .try_ask(now_ms, "DescribeIndex", &topic)
        .unwrap_err();
    assert_eq!(refused.code, "ResourceNotFound.IndexNotExist");
}

#[test]
fn fifteen_queries_of_a_topic_at_once() {
    let mut service = Service::new(Settings {
        topics: 2,
        ..Settings::new(31)
    });
    service.delay_ms = 100;
    let now_ms = service.settings.start_ms + 20_000;
    let topics = service.topics(now_ms);
    let ask = |topic: usize, now_ms: i64| {
        let answer = service.search(now_ms, json!({ "TopicId": topics[topic] }));
        answer.map_err(|problem| problem.code).err()
    };
    assert!((0..15).all(|n| ask(0, now_ms + n).is_none()));
    let refused = Some("FailedOperation.ReadQpsLimit");
    for (topic, after_ms, expected) in [
        (0, 99, refused),
        (1, 99, None),
        (0, 100, None),
        (0, 100, refused),
        (0, 300, None),
    ] {
        assert_eq!(
            ask(topic, now_ms + after_ms),
            expected,
            "{topic} {after_ms}"
        );
    }
}

#[test]
fn nothing_found_is_empty_or_null() {
    let names = ["Results", "Context", "ColNames", "AnalysisResults"];
    for (odd_fields, empty) in [
        (0.0, [json!([]), json!(""), json!([]), json!([])]),
        (1.0, [Value::Null, Value::Null, Value::Null, Value::Null]),
    ] {
        let service = Service::new(Settings {
            faults: Faults {
                odd_fields,
                ..Faults::none()
            },
            ..Settings::new(31)
        });
        let now_ms = service.settings.start_ms;
        let answer = service.search(now_ms, json!({ "To": 5 })).unwrap();
        assert_eq!(names.map(|name| answer[name].clone()), empty);
        assert_eq!(answer["ListOver"], true);
    }
}
