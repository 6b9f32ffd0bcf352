//! A wrong clock: what a refusal teaches, and who profits.

use serde_json::json;

use super::*;

const V3_EXPIRED: &str =
    r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"m"}}}"#;
const V3_OK: &str = r#"{"Response":{"RequestId":"r"}}"#;

/// Seven minutes and a second after the simulated now, 1,700,000,000.
const LATER: &str = "Tue, 14 Nov 2023 22:20:21 GMT";

/// As a cloud says it whose clock shows `date`.
fn at(date: &str, body: &str) -> ScriptedResult {
    let mut response = HttpResponse::new(200, body.to_owned());
    response.headers.push(("date".to_owned(), date.to_owned()));
    Ok(response)
}

fn scf() -> ClientConfig {
    ClientConfig::new(Service::Scf, "ap-guangzhou")
}

fn stamps(script: &Script) -> Vec<String> {
    script.each(|request| {
        let mut headers = request.headers.iter();
        let found = headers.find(|(name, _)| name == "x-tc-timestamp");
        found.unwrap().1.clone()
    })
}

#[tokio::test(start_paused = true)]
async fn an_expired_signature_teaches_the_offset_for_all_later_calls() {
    let script = Script::new([at(LATER, V3_EXPIRED), at(LATER, V3_OK)]);
    let config = scf();
    let other = ClientConfig {
        clock: config.clock.clone(),
        ..ClientConfig::new(Service::Cls, "ap-guangzhou")
    };
    let first = client(config, &script);
    let second = client(other, &script);
    let _: Value = first.call_json("A", &json!({})).await.unwrap();
    let _: Value = first.call_json("A", &json!({})).await.unwrap();
    let _: Value = second.call_json("B", &json!({})).await.unwrap();
    assert_eq!(
        stamps(&script),
        ["1700000000", "1700000421", "1700000421", "1700000421"]
    );
    assert_eq!(
        script.labels(),
        [
            "v3 A AuthFailure.SignatureExpire",
            "v3 clock 421000",
            "v3 A 0",
            "v3 A 0",
            "cls B 0",
        ]
    );
    assert_eq!(second.now(), Timestamp::from_secs(1_700_000_421));
}

#[tokio::test(start_paused = true)]
async fn the_time_is_asked_once_in_a_call() {
    let script = Script::new([
        at(LATER, V3_EXPIRED),
        at("Tue, 14 Nov 2023 23:20:21 GMT", V3_EXPIRED),
    ]);
    let client = client(scf(), &script);
    let result: Result<Value, _> = client.call_json("A", &json!({})).await;
    let error = result.unwrap_err();
    assert_eq!(
        (error.class, error.attempts),
        (ErrorClass::Authentication, 2)
    );
    assert!(
        error.to_string().contains("(the cloud's clock: "),
        "{error}"
    );
    assert!(error.advice.contains("clock"));
}

#[tokio::test(start_paused = true)]
async fn a_date_that_teaches_nothing_is_no_reason_to_go_again() {
    for date in [
        // Now; one second on; not a date; eleven years on.
        "Tue, 14 Nov 2023 22:13:20 GMT",
        "Tue, 14 Nov 2023 22:13:21 GMT",
        "soon",
        "Tue, 14 Nov 2034 22:13:20 GMT",
    ] {
        let script = Script::new([at(date, V3_EXPIRED)]);
        let client = client(scf(), &script);
        let result: Result<Value, _> = client.call_json("A", &json!({})).await;
        assert_eq!(result.unwrap_err().attempts, 1, "{date}");
        let off = client.now().as_millis() - 1_700_000_000_000;
        assert!((0..=1_000).contains(&off), "{date}");
    }
}

#[tokio::test(start_paused = true)]
async fn other_refusals_teach_nothing() {
    let body = r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure"}}}"#;
    let script = Script::new([at(LATER, body)]);
    let client = client(scf(), &script);
    let result: Result<Value, _> = client.call_json("A", &json!({})).await;
    assert_eq!(result.unwrap_err().attempts, 1);
    assert_eq!(client.now(), Timestamp::from_secs(1_700_000_000));
}

/// All are refused before any has learned; each goes again, though but the first finds the offset
/// known already.
#[tokio::test(start_paused = true)]
async fn calls_under_way_together_all_go_again() {
    let expired = || at(LATER, V3_EXPIRED);
    let answers = [expired(), expired(), expired(), at(LATER, V3_OK)];
    let script = Script::taking(Duration::from_millis(100), answers);
    let client = client(scf(), &script);
    let (params, mut calls) = (json!({}), Vec::new());
    for _ in 0..3 {
        let (client, params) = (client.clone(), params.clone());
        calls.push(runtime::spawn(async move {
            client.call_json::<Value>("A", &params).await.is_ok()
        }));
    }
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!(script.requests().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_legacy_api_teaches_it_too() {
    for code in [4200, 4500] {
        let refusal = format!(r#"{{"code":{code},"message":"m"}}"#);
        let script = Script::new([at(LATER, &refusal), at(LATER, OK)]);
        let client = client(config(), &script);
        client.call("A", &[], parse).await.unwrap();
        let times = script.each(|request| param(request, "Timestamp"));
        assert_eq!(times, ["1700000000", "1700000421"]);
        assert_eq!(script.labels()[1], "v2 clock 421000");
    }
}
