//! Tests of issued keys and their lifetimes.

use serde_json::{Value, json};

use super::client::json as body_of;
use super::client3::{Client3, code, inside};
use crate::{Cloud, Request, Response, Role, Settings};

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

fn started(settings: Settings) -> (Cloud, i64, Client3) {
    let (client, now_ms) = (Client3::new(&settings), settings.start_ms);
    (Cloud::new(settings), now_ms, client)
}

fn get(cloud: &Cloud, now_ms: i64, path: &str) -> Response {
    let request = Request {
        method: "GET".to_owned(),
        path: path.to_owned(),
        host: "metadata.tencentyun.com".to_owned(),
        ..Request::default()
    };
    cloud.handle(now_ms, &request)
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

#[test]
fn an_assumed_role_is_good_for_every_api_until_it_ends() {
    let (cloud, now_ms, client) = started(settings());
    let sts = client.of_service("sts", "2018-08-13");
    let answer = sts.ask(&cloud, now_ms, "AssumeRole", &assume(7_200));
    // The start is 2023-11-14 22:13:20 UTC, and the setting allows a minute.
    assert_eq!(answer["ExpiredTime"], 1_700_000_060);
    assert_eq!(answer["Expiration"], "2023-11-14T22:14:20Z");
    let borrowed = with(&client, &answer["Credentials"]);
    let code = |at_ms| borrowed.code(&cloud, at_ms, "ListFunctions", &json!({}));
    assert_eq!(code(now_ms + 59_999), "");
    assert_eq!(code(now_ms + 60_000), "AuthFailure.TokenFailure");
    let mut v2 = super::client::Client::new(&settings());
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
    let (cloud, now_ms, client) = started(settings());
    let sts = client.of_service("sts", "2018-08-13");
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
        assert_eq!(sts.code(&cloud, now_ms, "AssumeRole", &params), expected);
    }
    // Keys can be requested from any region.
    let elsewhere = Client3 {
        region: Some("ap-nowhere"),
        ..sts.clone()
    };
    assert_eq!(
        elsewhere.code(&cloud, now_ms, "AssumeRole", &assume(60)),
        ""
    );
    let unsigned = unsigned("AssumeRole", now_ms, &assume(60));
    assert_eq!(
        code(&inside(&cloud.handle(now_ms, &unsigned))),
        "AuthFailure.InvalidAuthorization"
    );
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
        host: "127.0.0.1:9000".to_owned(),
        headers: headers
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v))
            .collect(),
        body: params.to_string().into_bytes(),
        ..Request::default()
    }
}

#[test]
fn a_web_identity_needs_no_signature_but_the_right_token() {
    let (cloud, now_ms, client) = started(settings());
    let ask = |token: &str| {
        let mut params = assume(60);
        params["ProviderId"] = json!("tke-oidc");
        params["WebIdentityToken"] = json!(token);
        let request = unsigned("AssumeRoleWithWebIdentity", now_ms, &params);
        inside(&cloud.handle(now_ms, &request))
    };
    let answer = ask(&Role::default().web_identity_token);
    let borrowed = with(&client, &answer["Credentials"]);
    assert_eq!(
        borrowed.code(&cloud, now_ms, "ListNamespaces", &json!({})),
        ""
    );
    assert_eq!(
        code(&ask("other")),
        "InvalidParameter.WebIdentityTokenError"
    );
    assert_eq!(code(&ask("")), "MissingParameter");
}

#[test]
fn a_machine_is_told_its_role_and_keys_that_are_renewed_in_time() {
    let (cloud, now_ms, client) = started(settings());
    for path in [LIST, LIST.trim_end_matches('/')] {
        let list = get(&cloud, now_ms, path);
        assert_eq!((list.status, &list.body[..]), (200, &b"scf-reader"[..]));
    }
    let path = format!("{LIST}scf-reader");
    let document = |at_ms| body_of(&get(&cloud, at_ms, &path));
    let first = document(now_ms);
    assert_eq!(
        (&first["ExpiredTime"], &first["Expiration"], &first["Code"]),
        (
            &json!(1_700_000_060),
            &json!("2023-11-14T22:14:20Z"),
            &json!("Success")
        )
    );
    assert_eq!(document(now_ms + 30_000), first);
    assert_ne!(document(now_ms + 30_001)["Token"], first["Token"]);
    assert_eq!(get(&cloud, now_ms, &format!("{LIST}other")).status, 404);
    assert_eq!(get(&cloud, now_ms, "/latest/meta-data/").status, 404);
    // A client that asks every half minute always has a valid key.
    for second in (60..3_660).step_by(29) {
        let at_ms = now_ms + second * 1_000;
        let borrowed = with(&client, &document(at_ms));
        let code = |after_ms| borrowed.code(&cloud, at_ms + after_ms, "ListNamespaces", &json!({}));
        assert_eq!((code(0), code(29_000)), (String::new(), String::new()));
    }
}
