//! Tests of issued keys and their lifetimes.

use serde_json::{Value, json};

use super::client::{Client, HOST, json as body_of};
use super::client3::{Client3, Started, owned};
use crate::{Request, Response, Role, Settings};

const LIST: &str = "/latest/meta-data/cam/security-credentials/";
const ARN: &str = "qcs::cam::uin/100000000001:roleName/scf-exporter";

fn settings() -> Settings {
    Settings {
        role: Role {
            lifetime_s: 60,
            ..Role::default()
        },
        ..Settings::new(8)
    }
}

/// Returns the client with the key of a document from either service.
fn with(client: &Client3, document: &Value) -> Client3 {
    let text = |name: &str| document[name].as_str().unwrap().to_owned();
    Client3 {
        id: text("TmpSecretId"),
        key: text("TmpSecretKey"),
        token: Some(text("Token")),
        ..client.clone()
    }
}

fn assume(lifetime_s: u64) -> Value {
    json!({"RoleArn": ARN, "RoleSessionName": "s", "DurationSeconds": lifetime_s})
}

fn unsigned(action: &str, now_ms: i64, params: &Value) -> Request {
    let headers = [
        ("Authorization", "SKIP".to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("X-TC-Action", action.to_owned()),
        ("X-TC-Version", "2018-08-13".to_owned()),
        ("X-TC-Timestamp", (now_ms / 1_000).to_string()),
    ];
    Request {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        host: HOST.to_owned(),
        headers: owned(headers),
        body: params.to_string().into_bytes(),
        ..Request::default()
    }
}

#[test]
fn an_assumed_role_is_valid_in_every_api_until_it_expires() {
    let Started {
        cloud,
        now_ms,
        client,
    } = Started::new(settings(), 0);
    let sts = client.of_service("sts", "2018-08-13");
    let answer = sts.ask(&cloud, now_ms, "AssumeRole", &assume(7_200));
    // The start is 2023-11-14 22:13:20 UTC, and the setting allows a minute.
    assert_eq!(answer["ExpiredTime"], 1_700_000_060);
    assert_eq!(answer["Expiration"], "2023-11-14T22:14:20Z");
    let borrowed = with(&client, &answer["Credentials"]);
    let code = |at_ms| borrowed.code(&cloud, at_ms, "ListFunctions", &json!({}));
    assert_eq!(code(now_ms + 59_999), "");
    assert_eq!(code(now_ms + 60_000), "AuthFailure.TokenFailure");
    let mut v2 = Client::new(&settings());
    (v2.id, v2.key) = (borrowed.id.clone(), borrowed.key.clone());
    let token = borrowed.token.clone().unwrap();
    let params = [("Token", token.as_str())];
    assert_eq!(v2.ask(&cloud, now_ms, "ListFunctions", &params)["code"], 0);
    assert_eq!(v2.ask(&cloud, now_ms, "ListFunctions", &[])["code"], 4105);
    let again = sts.ask(&cloud, now_ms, "AssumeRole", &assume(30));
    assert_eq!(again["ExpiredTime"], 1_700_000_030);
    assert_ne!(again["Credentials"], answer["Credentials"]);
}

#[test]
fn a_role_is_assumed_with_complete_parameters_only() {
    let mut sts = Started::new(settings(), 0).of_service("sts", "2018-08-13");
    for (params, expected) in [
        (json!({"RoleSessionName": "s"}), "MissingParameter"),
        (json!({"RoleArn": ARN}), "MissingParameter"),
        (
            json!({"RoleArn": "x", "RoleSessionName": "s"}),
            "InvalidParameter.ParamError",
        ),
        (assume(0), "InvalidParameter.ParamError"),
        (assume(43_201), "InvalidParameter.OverTimeError"),
        (assume(43_200), ""),
    ] {
        assert_eq!(sts.code("AssumeRole", params), expected);
    }
    // Keys can be requested from any region.
    sts.client.region = Some("ap-nowhere");
    assert_eq!(sts.code("AssumeRole", assume(60)), "");
    let unsigned = unsigned("AssumeRole", sts.now_ms, &assume(60));
    assert_eq!(sts.code_of(&unsigned), "AuthFailure.InvalidAuthorization");
}

#[test]
fn a_web_identity_needs_no_signature_but_the_right_token() {
    let started = Started::new(settings(), 0);
    let request = |token: &str| {
        let mut params = assume(60);
        params["ProviderId"] = json!("tke-oidc");
        params["WebIdentityToken"] = json!(token);
        unsigned("AssumeRoleWithWebIdentity", started.now_ms, &params)
    };
    for (token, expected) in [
        ("other", "InvalidParameter.WebIdentityTokenError"),
        ("", "MissingParameter"),
    ] {
        assert_eq!(started.code_of(&request(token)), expected);
    }
    let request = request(&Role::default().web_identity_token);
    let answer = body_of(&started.cloud.handle(started.now_ms, &request));
    let borrowed = with(&started.client, &answer["Response"]["Credentials"]);
    let listing = borrowed.request(started.now_ms, "ListNamespaces", &json!({}));
    assert_eq!(started.code_of(&listing), "");
}

#[test]
fn a_machine_has_its_role_and_keys_that_are_renewed_in_time() {
    let Started {
        cloud,
        now_ms,
        client,
    } = Started::new(settings(), 0);
    let get = |at_ms: i64, path: &str| -> Response {
        let request = Request {
            method: "GET".to_owned(),
            path: path.to_owned(),
            host: "metadata.tencentyun.com".to_owned(),
            ..Request::default()
        };
        cloud.handle(at_ms, &request)
    };
    let own = format!("{LIST}scf-reader");
    let other = format!("{LIST}other");
    for (path, status) in [
        (LIST, 200),
        (LIST.trim_end_matches('/'), 200),
        (&own, 200),
        (&other, 404),
        ("/latest/meta-data/", 404),
    ] {
        let response = get(now_ms, path);
        assert_eq!(response.status, status, "{path}");
        let is_list = status == 200 && path != own;
        assert!(!is_list || response.body == b"scf-reader", "{path}");
    }
    let document = |at_ms| body_of(&get(at_ms, &own));
    let first = document(now_ms);
    assert_eq!(first["ExpiredTime"], 1_700_000_060);
    assert_eq!(first["Expiration"], "2023-11-14T22:14:20Z");
    assert_eq!(first["Code"], "Success");
    assert_eq!(document(now_ms + 30_000), first);
    assert_ne!(document(now_ms + 30_001)["Token"], first["Token"]);
    // A client that asks every half minute always has a valid key.
    for second in (60..3_660).step_by(29) {
        let at_ms = now_ms + second * 1_000;
        let borrowed = with(&client, &document(at_ms));
        let code = |after_ms| borrowed.code(&cloud, at_ms + after_ms, "ListNamespaces", &json!({}));
        assert_eq!((code(0), code(29_000)), (String::new(), String::new()));
    }
}
