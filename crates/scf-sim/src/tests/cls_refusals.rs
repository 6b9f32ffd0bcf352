//! Tests of the errors of the log service.

use serde_json::{Value, json};

use super::cls::{REPORTS, Service};
use crate::{ClsWire, Faults, Index, Settings};

fn service() -> Service {
    Service::new(Settings::new(31))
}

fn code(service: &Service, changes: Value) -> &'static str {
    let now_ms = service.settings.start_ms + 20_000;
    service.search(now_ms, changes).unwrap_err().code
}

#[test]
fn bad_parameters_are_named() {
    let service = service();
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
        (json!({ "QuerySyntax": 2 }), "InvalidParameterValue"),
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
    let with = |changes: Value, after_ms: i64| {
        let mut all = params(&context);
        all.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        service
            .search(now_ms + after_ms, all)
            .map_err(|problem| problem.code)
    };
    assert!(with(json!({}), 3_599_999).is_ok());
    let expired = with(json!({}), 3_600_000).unwrap_err();
    assert_eq!(expired, "FailedOperation.InvalidContext");
    for changes in [
        json!({ "From": 1 }),
        json!({ "To": now_ms + 1 }),
        json!({ "Limit": 11 }),
        json!({ "Sort": "desc" }),
        json!({ "QueryString": "*" }),
        json!({ "QuerySyntax": 0 }),
        json!({ "TopicId": service.topics(now_ms)[1] }),
    ] {
        let refused = with(changes.clone(), 0).unwrap_err();
        assert_eq!(refused, "FailedOperation.InvalidContext", "{changes}");
    }
    assert_eq!(
        with(json!({ "Offset": 5 }), 0).unwrap_err(),
        "InvalidParameterValue"
    );
}

#[test]
fn an_older_parameter_reads_lucene() {
    let service = service();
    let now_ms = service.settings.start_ms + 20_000;
    let count = |changes: Value| {
        let answer = service.search(now_ms, changes).unwrap();
        answer["Results"].as_array().unwrap().len()
    };
    let text = "SCF_Type:Platform SCF_Message:START";
    let both = count(json!({ "QueryString": text }));
    let either = count(json!({ "QueryString": null, "Query": text }));
    assert!(either > both && both > 0);
    assert_eq!(
        count(json!({ "QueryString": text, "QuerySyntax": 0 })),
        either
    );
    let newer = json!({ "QueryString": null, "Query": text, "SyntaxRule": 1 });
    assert_eq!(count(newer), both);
}

#[test]
fn indexes_decide_what_is_found() {
    let with = |index| {
        let wire = ClsWire {
            index,
            ..ClsWire::default()
        };
        Service::new(Settings {
            cls: wire,
            ..Settings::new(31)
        })
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
    assert_eq!(ask(0, now_ms + 99), Some("FailedOperation.ReadQpsLimit"));
    assert_eq!(ask(1, now_ms + 99), None);
    assert_eq!(ask(0, now_ms + 100), None);
    assert_eq!(ask(0, now_ms + 100), Some("FailedOperation.ReadQpsLimit"));
    assert_eq!(ask(0, now_ms + 300), None);
}

#[test]
fn nothing_found_is_empty_or_null() {
    let empty = |nulls, odd_fields| {
        let service = Service::new(Settings {
            cls: ClsWire {
                nulls,
                ..ClsWire::default()
            },
            faults: Faults {
                odd_fields,
                ..Faults::none()
            },
            ..Settings::new(31)
        });
        service
            .search(service.settings.start_ms, json!({ "To": 5 }))
            .unwrap()
    };
    let usual = empty(false, 0.0);
    assert_eq!(usual["Results"], json!([]));
    assert_eq!(
        (&usual["Context"], &usual["ListOver"]),
        (&json!(""), &json!(true))
    );
    for odd in [empty(true, 0.0), empty(false, 1.0)] {
        for name in ["Results", "Context", "ColNames", "AnalysisResults"] {
            assert_eq!(odd[name], Value::Null, "{name}");
        }
        assert_eq!(odd["ListOver"], true);
    }
}
