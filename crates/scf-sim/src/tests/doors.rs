//! Who is let in at API 3.0, and with what words the others are refused.

use serde_json::json;

use super::client3::{Client3, Scheme, code, inside};
use crate::{Api3, Cloud, ClsWire, Faults, Request, Settings, TemporaryKey, Windows};

fn settings() -> Settings {
    Settings::new(42)
}

fn started(settings: Settings) -> (Cloud, i64, Client3) {
    let (client, now_ms) = (Client3::new(&settings), settings.start_ms + 60_000);
    (Cloud::new(settings), now_ms, client)
}

#[test]
fn every_way_of_signing_is_let_in() {
    let (cloud, now_ms, client) = started(settings());
    let search = json!({"SearchKey": "\u{51fd} +/=&", "Limit": 5});
    for scheme in [Scheme::Tc3, Scheme::Sha1, Scheme::Sha256] {
        for post in [false, true] {
            let mut client = client.clone();
            (client.scheme, client.post) = (scheme, post);
            let answer = client.ask(&cloud, now_ms, "ListFunctions", &search);
            assert_eq!(answer["TotalCount"], 0, "{scheme:?} {post} {answer}");
            let filter = json!({"Filter": {"RetCode": "not0"}, "Limit": 3});
            let answer = client.ask(&cloud, now_ms, "GetFunctionLogs", &filter);
            assert!(answer["TotalCount"].as_u64() > Some(0), "{answer}");
            client.key.push('x');
            assert_eq!(
                client.code(&cloud, now_ms, "ListFunctions", &search),
                "AuthFailure.SignatureFailure"
            );
        }
    }
}

#[test]
fn hosts_as_the_vendors_clients_sign_them() {
    let (cloud, now_ms, client) = started(settings());
    for (sent, signed, well) in [
        ("127.0.0.1:9000", "127.0.0.1", true),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000", true),
        ("127.0.0.1:9000", "scf.tencentcloudapi.com", true),
        ("127.0.0.1:9000", "cls.tencentcloudapi.com", false),
        ("127.0.0.1:9000", "elsewhere", false),
    ] {
        for scheme in [Scheme::Tc3, Scheme::Sha256] {
            let mut client = client.clone();
            client.scheme = scheme;
            client.sent_host = sent.to_owned();
            client.signed_host = signed.to_owned();
            let code = client.code(&cloud, now_ms, "ListFunctions", &json!({}));
            assert_eq!(code.is_empty(), well, "{sent} {signed} {scheme:?} {code}");
        }
    }
}

#[test]
fn the_first_label_of_an_address_stands_for_the_service() {
    let (cloud, now_ms, client) = started(settings());
    let none = json!({});
    for (label, version, expected) in [
        ("127", "2018-04-16", ""),
        ("128", "2018-04-16", "NoSuchProduct"),
        ("127", "2017-03-12", "NoSuchVersion"),
    ] {
        let mut client = client.of_service(label, version);
        client.signed_host = "127.0.0.1".to_owned();
        assert_eq!(
            client.code(&cloud, now_ms, "ListFunctions", &none),
            expected
        );
    }
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
    for scheme in [Scheme::Tc3, Scheme::Sha256] {
        let with = |token: Option<&str>, at_ms| {
            let mut client = client.clone();
            (client.scheme, client.token) = (scheme, token.map(str::to_owned));
            client.code(&cloud, at_ms, "ListFunctions", &json!({}))
        };
        assert_eq!(with(None, now_ms), "AuthFailure.TokenFailure");
        assert_eq!(with(Some("other"), now_ms), "AuthFailure.TokenFailure");
        assert_eq!(with(Some("tok+/= &en"), now_ms), "");
        assert_eq!(
            with(Some("tok+/= &en"), now_ms + 1_000),
            "AuthFailure.TokenFailure"
        );
    }
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

/// A query is under way as long as its answer takes: the sixteenth at once is refused, and whoever
/// waits for each answer is never in its own way.
#[test]
fn queries_of_a_served_topic_are_under_way_for_a_while() {
    let cls = ClsWire {
        query_ms: 20,
        ..ClsWire::default()
    };
    let (cloud, now_ms, client) = started(Settings { cls, ..settings() });
    let logs = client.of_service("cls", "2020-10-16");
    let topic = cloud.topics().into_keys().next().unwrap();
    let query = json!({"TopicId": topic, "From": 0, "To": now_ms, "QueryString": "*"});
    let at = |now_ms| {
        let response = logs.send(&cloud, now_ms, "SearchLog", &query);
        assert_eq!(response.delay.as_millis(), 20);
        code(&inside(&response))
    };
    let codes: Vec<String> = (0..16).map(|_| at(now_ms)).collect();
    assert_eq!(codes[..15], [""; 15]);
    assert_eq!(codes[15], "FailedOperation.ReadQpsLimit");
    assert!((1..100).all(|n| at(now_ms + n * 20).is_empty()));
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

#[test]
fn faults_of_transport_and_windows_apply() {
    let send = |faults: Faults, after_ms: i64| {
        let (cloud, now_ms, client) = started(Settings {
            faults,
            ..settings()
        });
        client.send(
            &cloud,
            now_ms - 60_000 + after_ms,
            "ListNamespaces",
            &json!({}),
        )
    };
    let none = Faults::none();
    assert_eq!(
        send(
            Faults {
                html: 1.0,
                ..none.clone()
            },
            0
        )
        .status,
        502
    );
    assert!(
        send(
            Faults {
                empty_body: 1.0,
                ..none.clone()
            },
            0
        )
        .body
        .is_empty()
    );
    let cut = send(
        Faults {
            cut_body: 1.0,
            ..none.clone()
        },
        0,
    );
    assert!(cut.cut_after.unwrap() < cut.body.len());
    let windows = Some(Windows {
        every_ms: 10_000,
        lasting_ms: 2_000,
    });
    let storm = Faults {
        storms: windows,
        ..none.clone()
    };
    assert_eq!(code(&inside(&send(storm.clone(), 7_999))), "");
    assert_eq!(code(&inside(&send(storm, 8_000))), "RequestLimitExceeded");
    let outage = Faults {
        outages: windows,
        ..none
    };
    assert_eq!(send(outage, 8_000).status, 503);
}

#[test]
fn the_servers_own_limit_counts_by_key_service_and_action() {
    let (cloud, now_ms, client) = started(Settings {
        requests_per_second: Some(2.0),
        ..settings()
    });
    let ask = |client: &Client3, action, now_ms| client.code(&cloud, now_ms, action, &json!({}));
    assert_eq!(ask(&client, "ListFunctions", now_ms), "");
    assert_eq!(ask(&client, "ListFunctions", now_ms), "");
    assert_eq!(
        ask(&client, "ListFunctions", now_ms),
        "RequestLimitExceeded"
    );
    assert_eq!(ask(&client, "ListNamespaces", now_ms), "");
    let logs = client.of_service("cls", "2020-10-16");
    assert_eq!(ask(&logs, "ListFunctions", now_ms), "InvalidAction");
    assert_eq!(ask(&client, "ListFunctions", now_ms + 500), "");
}

#[test]
fn the_clock_of_the_api_is_told_by_every_answer() {
    let faults = Faults {
        clock_skew_ms: 3_600_000,
        ..Faults::none()
    };
    // The simulation starts at 2023-11-14 22:13:20 UTC.
    let (cloud, now_ms, client) = started(Settings {
        faults,
        ..settings()
    });
    let response = client.send(&cloud, now_ms, "ListFunctions", &json!({}));
    assert_eq!(code(&inside(&response)), "AuthFailure.SignatureExpire");
    let v2 = Request {
        method: "GET".to_owned(),
        path: "/v2/index.php".to_owned(),
        ..Request::default()
    };
    for response in [response, cloud.handle(now_ms, &v2)] {
        let date = response.headers.iter().find(|(name, _)| name == "Date");
        assert_eq!(date.unwrap().1, "Tue, 14 Nov 2023 23:14:20 GMT");
    }
    // A client that learns from it is let in.
    let request = client.request(now_ms + 3_600_000, "ListFunctions", &json!({}));
    assert_eq!(code(&inside(&cloud.handle(now_ms, &request))), "");
}

#[test]
fn only_get_and_post_are_answered() {
    let (cloud, now_ms, client) = started(settings());
    let mut request = client.request(now_ms, "ListFunctions", &json!({}));
    request.method = "PUT".to_owned();
    assert_eq!(cloud.handle(now_ms, &request).status, 405);
}
