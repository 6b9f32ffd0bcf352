//! Tests of authentication and permissions of API 3.0.

use serde_json::json;

use super::client3::{Client3, code, inside};
use crate::{Api3, Cloud, Faults, Settings};

fn settings() -> Settings {
    Settings::new(42)
}

fn started(settings: Settings) -> (Cloud, i64, Client3) {
    let (client, now_ms) = (Client3::new(&settings), settings.start_ms + 60_000);
    (Cloud::new(settings), now_ms, client)
}

#[test]
fn identity_failures_have_their_codes() {
    let (cloud, now_ms, client) = started(settings());
    let at = |stamp_ms| {
        let request = client.request(stamp_ms, "ListFunctions", &json!({}));
        code(&inside(&cloud.handle(now_ms, &request)))
    };
    assert_eq!(at(now_ms - 300_000), "");
    assert_eq!(at(now_ms + 300_000), "");
    assert_eq!(at(now_ms - 301_000), "AuthFailure.SignatureExpire");
    assert_eq!(at(now_ms + 301_000), "AuthFailure.SignatureExpire");
    let mut unknown = client.clone();
    unknown.id.push('x');
    assert_eq!(
        unknown.code(&cloud, now_ms, "ListFunctions", &json!({})),
        "AuthFailure.SecretIdNotFound"
    );
    let mut request = client.request(now_ms, "ListFunctions", &json!({}));
    request.body.push(b' ');
    assert_eq!(
        code(&inside(&cloud.handle(now_ms, &request))),
        "AuthFailure.SignatureFailure"
    );
    request.headers.retain(|(name, _)| name != "authorization");
    assert_eq!(
        code(&inside(&cloud.handle(now_ms, &request))),
        "MissingParameter"
    );
    let skip = ("authorization".to_owned(), "SKIP".to_owned());
    request.headers.push(skip);
    assert_eq!(
        code(&inside(&cloud.handle(now_ms, &request))),
        "AuthFailure.InvalidAuthorization"
    );
}

#[test]
fn what_is_not_there_is_told() {
    let (cloud, now_ms, client) = started(settings());
    let none = json!({});
    assert_eq!(
        client.code(&cloud, now_ms, "ListAliases", &none),
        "InvalidAction"
    );
    let old = client.of_service("scf", "2017-03-12");
    assert_eq!(
        old.code(&cloud, now_ms, "ListFunctions", &none),
        "NoSuchVersion"
    );
    let other = client.of_service("cvm", "2017-03-12");
    assert_eq!(
        other.code(&cloud, now_ms, "ListFunctions", &none),
        "NoSuchProduct"
    );
    let mut elsewhere = client.clone();
    elsewhere.region = Some("ap-nowhere");
    assert_eq!(
        elsewhere.code(&cloud, now_ms, "ListFunctions", &none),
        "UnsupportedRegion"
    );
    elsewhere.region = None;
    assert_eq!(elsewhere.code(&cloud, now_ms, "ListFunctions", &none), "");
    let logs = client.of_service("cls", "2020-10-16");
    assert_eq!(
        logs.code(&cloud, now_ms, "NoSuchThing", &none),
        "InvalidAction"
    );
    for (params, expected) in [
        (json!({"Limits": 1}), "UnknownParameter"),
        (json!({"Limit": "1"}), "InvalidParameterValue.Limit"),
        (json!({"Offset": -1}), "InvalidParameterValue.Offset"),
        (json!({"Namespace": 1}), "InvalidParameterValue"),
        (json!({"Namespace": "none"}), "ResourceNotFound.Namespace"),
    ] {
        assert_eq!(
            client.code(&cloud, now_ms, "ListFunctions", &params),
            expected
        );
    }
}

#[test]
fn installations_differ_in_what_they_allow() {
    let api3 = Api3 {
        logs_offline: true,
        denied_actions: vec!["ListFunctions".to_owned(), "SearchLog".to_owned()],
        ..Api3::default()
    };
    let (cloud, now_ms, client) = started(Settings { api3, ..settings() });
    let none = json!({});
    assert_eq!(
        client.code(&cloud, now_ms, "GetFunctionLogs", &none),
        "ActionOffline"
    );
    assert_eq!(
        client.code(&cloud, now_ms, "ListFunctions", &none),
        "UnauthorizedOperation"
    );
    let logs = client.of_service("cls", "2020-10-16");
    assert_eq!(
        logs.code(&cloud, now_ms, "SearchLog", &none),
        "UnauthorizedOperation"
    );
    assert_eq!(client.code(&cloud, now_ms, "ListNamespaces", &none), "");
}

#[test]
fn errors_may_come_in_the_legacy_shape() {
    let api3 = Api3 {
        legacy_errors: true,
        ..Api3::default()
    };
    let (cloud, now_ms, mut client) = started(Settings { api3, ..settings() });
    assert_eq!(client.code(&cloud, now_ms, "ListFunctions", &json!({})), "");
    client.key.push('x');
    let response = client.send(&cloud, now_ms, "ListFunctions", &json!({}));
    let body = super::client::json(&response);
    assert_eq!(
        (&body["code"], &body["codeDesc"]),
        (&json!(4100), &json!("AuthFailure.SignatureFailure"))
    );
    assert!(body["message"].is_string());
}

fn codes(faults: Faults, service: &'static str, version: &'static str) -> Vec<String> {
    let (cloud, now_ms, client) = started(Settings {
        faults,
        ..settings()
    });
    let client = client.of_service(service, version);
    let ask = |_| client.code(&cloud, now_ms, "ListNamespaces", &json!({}));
    let mut codes: Vec<String> = (0..80).map(ask).collect();
    codes.sort();
    codes.dedup();
    codes
}

#[test]
fn faults_come_in_the_services_own_words() {
    let throttle = Faults {
        throttle: 1.0,
        ..Faults::none()
    };
    let errors = Faults {
        errors: 1.0,
        ..Faults::none()
    };
    assert_eq!(
        codes(throttle.clone(), "scf", "2018-04-16"),
        [
            "RequestLimitExceeded",
            "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
            "RequestLimitExceeded.IPLimitExceeded",
            "RequestLimitExceeded.UinLimitExceeded",
        ]
    );
    assert_eq!(
        codes(throttle, "cls", "2020-10-16"),
        ["FailedOperation.ReadQpsLimit", "RequestLimitExceeded"]
    );
    assert_eq!(
        codes(errors.clone(), "scf", "2018-04-16"),
        ["InternalError", "InternalError.System"]
    );
    assert_eq!(
        codes(errors, "cls", "2020-10-16"),
        [
            "FailedOperation.SearchTimeout",
            "InternalError",
            "InternalError.SearchFailed",
            "InternalError.ServerBusy",
        ]
    );
}
