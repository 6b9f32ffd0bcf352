//! Tests of authentication, permissions, faults and functions in API 3.0.

use serde_json::{Value, json};

use super::client3::{Started, code};
use crate::{Api3, Faults, Settings};

const SCF: (&str, &str) = ("scf", "2018-04-16");
const CLS: (&str, &str) = ("cls", "2020-10-16");

fn started(settings: Settings) -> Started {
    Started::new(settings, 60_000)
}

#[test]
fn identity_failures_have_their_codes() {
    let started = started(Settings::new(42));
    let (client, now_ms) = (&started.client, started.now_ms);
    for (off_ms, expected) in [
        (-300_000, ""),
        (300_000, ""),
        (-301_000, "AuthFailure.SignatureExpire"),
        (301_000, "AuthFailure.SignatureExpire"),
    ] {
        let request = client.request(now_ms + off_ms, "ListFunctions", &json!({}));
        assert_eq!(started.code_of(&request), expected, "{off_ms}");
    }
    let mut unknown = client.clone();
    unknown.id.push('x');
    let request = unknown.request(now_ms, "ListFunctions", &json!({}));
    assert_eq!(started.code_of(&request), "AuthFailure.SecretIdNotFound");
    let mut request = client.request(now_ms, "ListFunctions", &json!({}));
    request.body.push(b' ');
    assert_eq!(started.code_of(&request), "AuthFailure.SignatureFailure");
    request.headers.retain(|(name, _)| name != "authorization");
    assert_eq!(started.code_of(&request), "MissingParameter");
    let skip = ("authorization".to_owned(), "SKIP".to_owned());
    request.headers.push(skip);
    assert_eq!(
        started.code_of(&request),
        "AuthFailure.InvalidAuthorization"
    );
    request.method = "PUT".to_owned();
    assert_eq!(started.cloud.handle(now_ms, &request).status, 405);
}

#[test]
fn unknown_targets_and_parameters_have_their_codes() {
    let mut started = started(Settings::new(42));
    for (service, region, action, expected) in [
        (SCF, Some("ap-guangzhou"), "ListAliases", "InvalidAction"),
        (
            ("scf", "2017-03-12"),
            None,
            "ListFunctions",
            "NoSuchVersion",
        ),
        (
            ("cvm", "2017-03-12"),
            None,
            "ListFunctions",
            "NoSuchProduct",
        ),
        (
            SCF,
            Some("ap-nowhere"),
            "ListFunctions",
            "UnsupportedRegion",
        ),
        (SCF, None, "ListFunctions", ""),
        (CLS, None, "NoSuchThing", "InvalidAction"),
    ] {
        started = started.of_service(service.0, service.1);
        started.client.region = region;
        assert_eq!(
            started.code(action, json!({})),
            expected,
            "{service:?} {action}"
        );
    }
    let started = started.of_service(SCF.0, SCF.1);
    for (params, expected) in [
        (json!({"Limits": 1}), "UnknownParameter"),
        (json!({"Limit": "1"}), "InvalidParameterValue.Limit"),
        (json!({"Offset": -1}), "InvalidParameterValue.Offset"),
        (
            json!({"Orderby": "AddTime"}),
            "InvalidParameterValue.Orderby",
        ),
        (json!({"Namespace": 1}), "InvalidParameterValue"),
        (json!({"Namespace": "none"}), "ResourceNotFound.Namespace"),
    ] {
        assert_eq!(started.code("ListFunctions", params), expected);
    }
}

#[test]
fn installations_differ_in_what_they_allow() {
    let api3 = Api3 {
        logs_offline: true,
        denied_actions: vec!["ListFunctions".to_owned(), "SearchLog".to_owned()],
    };
    let mut started = started(Settings {
        api3,
        ..Settings::new(42)
    });
    for (service, action, expected) in [
        (SCF, "GetFunctionLogs", "ActionOffline"),
        (SCF, "ListFunctions", "UnauthorizedOperation"),
        (CLS, "SearchLog", "UnauthorizedOperation"),
        (SCF, "ListNamespaces", ""),
    ] {
        started = started.of_service(service.0, service.1);
        assert_eq!(started.code(action, json!({})), expected, "{action}");
    }
}

#[test]
fn faults_have_the_codes_of_the_service() {
    let of = |throttle, errors| Faults {
        throttle,
        errors,
        ..Faults::none()
    };
    for (faults, service, action, expected) in [
        (
            of(1.0, 0.0),
            SCF,
            "ListNamespaces",
            &[
                "RequestLimitExceeded",
                "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
                "RequestLimitExceeded.IPLimitExceeded",
                "RequestLimitExceeded.UinLimitExceeded",
            ][..],
        ),
        (
            of(1.0, 0.0),
            CLS,
            "SearchLog",
            &["FailedOperation.ReadQpsLimit", "RequestLimitExceeded"],
        ),
        (
            of(0.0, 1.0),
            SCF,
            "ListNamespaces",
            &["InternalError", "InternalError.System"],
        ),
        (
            of(0.0, 1.0),
            CLS,
            "SearchLog",
            &[
                "FailedOperation.SearchTimeout",
                "InternalError",
                "InternalError.SearchFailed",
                "InternalError.ServerBusy",
            ],
        ),
    ] {
        let settings = Settings {
            faults,
            ..Settings::new(42)
        };
        let started = started(settings).of_service(service.0, service.1);
        let mut codes: Vec<String> = (0..80).map(|_| started.code(action, json!({}))).collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes, expected);
    }
}

#[test]
fn a_list_has_at_most_a_hundred_entries() {
    let started = started(Settings {
        functions: 120,
        ..Settings::new(42)
    });
    let answer = started.ask("ListFunctions", json!({"Limit": 110}));
    assert_eq!(answer["Functions"].as_array().unwrap().len(), 100);
    assert_eq!(answer["TotalCount"], 120);
}

#[test]
fn a_function_has_its_memory_timeout_and_topic() {
    let started = started(Settings::new(42));
    let ask = |params: Value| started.ask("GetFunction", params);
    for function in started.cloud.truth(started.now_ms).functions {
        let answer = ask(json!({
            "FunctionName": function.function_name, "Namespace": function.namespace,
        }));
        for (name, value) in [
            ("FunctionName", json!(function.function_name)),
            ("Namespace", json!(function.namespace)),
            ("MemorySize", json!(function.memory_mb)),
            ("Timeout", json!(60)),
            ("Type", json!("Event")),
            ("Status", json!("Active")),
            ("ProtocolParams", Value::Null),
        ] {
            assert_eq!(answer[name], value, "{name}");
        }
        assert!(answer["InitTimeout"].is_u64());
        let [topic, logset] = ["ClsTopicId", "ClsLogsetId"].map(|id| answer[id].as_str().unwrap());
        assert_eq!(topic.is_empty(), logset.is_empty());
    }
    assert_eq!(code(&ask(json!({}))), "MissingParameter");
    let unknown = ask(json!({"FunctionName": "none such"}));
    assert_eq!(code(&unknown), "ResourceNotFound.FunctionName");
}
