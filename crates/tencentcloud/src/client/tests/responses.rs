//! Calls of API 3.0, and which of its answers ends a call as what.

use serde_json::json;

use super::*;

const LIST: &str = r#"{"Response":{"TotalCount":1,"Functions":[],"RequestId":"r-1"}}"#;

fn error(code: &str) -> String {
    json!({"Response": {"Error": {"Code": code, "Message": "m"}, "RequestId": "r-9"}}).to_string()
}

async fn json_call(answers: Vec<ScriptedResult>) -> (Result<Value, ApiError>, Vec<String>) {
    let script = Script::new(answers);
    let client = client(of(Service::Scf), &script);
    let result = client.call_json("A", &json!({})).await;
    (result, script.labels())
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

#[tokio::test(start_paused = true)]
async fn a_call_answers_what_stands_in_response() {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct List {
        total_count: u64,
    }
    let script = Script::new([ok(200, LIST)]);
    let client = client(of(Service::Cls), &script);
    let list: List = client
        .call_json("SearchLog", &json!({"Limit": 1}))
        .await
        .unwrap();
    assert_eq!(list.total_count, 1);
    assert_eq!(script.labels(), ["cls SearchLog 0"]);
    let request = script.requests().remove(0);
    assert_eq!(request.url, "https://cls.tencentcloudapi.com/");
    assert_eq!(&*request.body, br#"{"Limit":1}"#);
    assert_eq!(header(&request, "x-tc-version"), Some("2020-10-16"));
    assert_eq!(header(&request, "x-tc-timestamp"), Some("1700000000"));
    assert_eq!(client.now(), Timestamp::from_secs(1_700_000_000));
}

#[tokio::test(start_paused = true)]
async fn labels_name_the_api_and_the_family_of_the_code() {
    let (result, labels) = json_call(vec![
        ok(200, &error("RequestLimitExceeded.UinLimitExceeded")),
        ok(200, &error("Novel.Code")),
        ok(503, "<html>"),
        ok(200, r#"{"code":6000,"message":"m"}"#),
        ok(200, LIST),
    ])
    .await;
    assert!(result.is_ok());
    assert_eq!(
        labels,
        [
            "v3 A RequestLimitExceeded",
            "v3 A other",
            "v3 A http_503",
            "v3 A 6000",
            "v3 A 0"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn odd_answers_have_their_own_words() {
    use ErrorClass::*;
    let offset = error("LimitExceeded.Offset");
    for (status, body, class, code) in [
        (200, "", Transient, "non_json"),
        (200, "[]", Transient, "other_json"),
        (200, r#"{"code":0}"#, Transient, "other_json"),
        (200, "{}", Transient, "other_json"),
        (200, r#"{"Response":{"Er"#, Transient, "non_json"),
        (404, "not here", Invalid, "http_404"),
        (500, LIST, Transient, "http_500"),
        (403, &offset, Invalid, "LimitExceeded.Offset"),
        (
            200,
            r#"{"code":4104,"message":"m"}"#,
            Authentication,
            "4104",
        ),
    ] {
        let error = json_call(vec![ok(status, body)]).await.0.unwrap_err();
        assert_eq!(
            (error.class, &*error.code),
            (class, code),
            "{status} {body}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_says_which_setting_to_change() {
    let (result, _) = json_call(vec![ok(200, &error("ActionOffline"))]).await;
    let error = result.unwrap_err();
    assert_eq!(error.request_id.as_deref(), Some("r-9"));
    assert_eq!(
        error.to_string(),
        "A at scf.tencentcloudapi.com failed with ActionOffline: m; this API no longer serves \
         logs: set `api: cls`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_once() {
    let refusal = error("AuthFailure.TokenFailure");
    let script = Script::new([ok(200, &refusal), ok(200, LIST)]);
    let keys = ["AKID0", "AKID1"].map(credentials).into();
    let client = rotating(of(Service::Scf), &script, keys);
    let _: Value = client.call_json("A", &json!({})).await.unwrap();
    for (request, id) in script.requests().iter().zip(["AKID0", "AKID1"]) {
        let authorization = header(request, "authorization").unwrap();
        assert!(authorization.contains(&format!("Credential={id}/")));
    }
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_call_needs_no_credentials() {
    let answers = [ok(200, &error("InternalError")), ok(200, LIST)];
    let script = Script::new(answers);
    let client = rotating(of(Service::Sts), &script, VecDeque::new());
    let params = json!({"WebIdentityToken": "eyJ"});
    let action = "AssumeRoleWithWebIdentity";
    let done: Result<Value, _> = client.call_unsigned_json(action, &params).await;
    assert!(done.is_ok());
    for request in script.requests() {
        assert_eq!(header(&request, "authorization"), Some("SKIP"));
    }
    let signed: Result<Value, _> = client.call_json(action, &params).await;
    assert_eq!(&*signed.unwrap_err().code, "credentials");
    assert_eq!(script.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_format_shows_a_secret() {
    let first = Script::new([ok(200, LIST)]);
    let asking = client(of(Service::Scf), &first);
    let _: Value = asking.call_json("A", &json!({})).await.unwrap();
    let request = first.requests().remove(0);
    let authorization = header(&request, "authorization").unwrap();
    let signature = authorization.rsplit_once('=').unwrap().1;
    assert_eq!(header(&request, "x-tc-token"), Some(TOKEN));
    // The same seed and clock sign the same request, so its echo can be scripted beforehand.
    let echo = json!({"Response": {
        "Error": {"Code": format!("AuthFailure.{TOKEN}"), "Message": format!("{authorization} {TOKEN} {KEY}")},
        "RequestId": TOKEN,
    }});
    let script = Script::new([ok(200, &echo.to_string())]);
    let client = client(of(Service::Scf), &script);
    let error = client
        .call_json::<Value>("A", &json!({}))
        .await
        .unwrap_err();
    assert!(error.message.contains("Signature=<secret>"), "{error}");
    for shown in [
        format!("{client:?} {client:#?}"),
        format!("{request:?} {request:#?}"),
        format!("{error} {error:?} {error:#?}"),
    ] {
        for secret in [KEY, TOKEN, "t0ken", signature] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
