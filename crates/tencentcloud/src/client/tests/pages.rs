//! Answers that cannot be had as they were asked for, bodies that are no UTF-8, and waits that an
//! overloaded service asks for.

use serde_json::json;

use super::*;

async fn call_for(rows: &str, script: &Arc<Script>) -> ApiError {
    let params = [("limit", rows.to_owned())];
    let client = client(config(), script);
    client.call("A", &params, parse).await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_too_slow_is_not_asked_for_again_as_it_was() {
    // It flows, but 40 s are more than the 30 s that one answer may take.
    let slow = || Script::taking(Duration::from_secs(40), [ok(200, OK)]);
    let started = Instant::now();
    let error = call_for("1000", &slow()).await;
    assert_eq!((&*error.code, error.attempts), ("timeout", 1));
    assert_eq!(started.elapsed().as_secs(), 30);
    assert!(error.asks_for_less());
    // One row cannot be halved: it is tried again while the budget of 60 s lasts.
    let error = call_for("1", &slow()).await;
    assert_eq!((&*error.code, error.attempts), ("timeout", 2));
    assert!(error.asks_for_less());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_at_one_place_twice_asks_for_less_and_one_cut_by_chance_does_not() {
    let error = call_for("1000", &Script::new([cut_after(70)])).await;
    assert_eq!((&*error.code, error.attempts), ("cut_body", 2));
    assert!(error.asks_for_less(), "{error}");
    let by_chance = [70, 80, 70, 90, 71].map(cut_after);
    let error = call_for("1000", &Script::new(by_chance)).await;
    assert_eq!((&*error.code, error.attempts), ("cut_body", 5));
    assert!(!error.asks_for_less(), "{error}");
    let nothing_came = call_for("1000", &Script::new([cut()])).await;
    assert!(!nothing_came.asks_for_less());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_json_at_one_place_twice_asks_for_less_and_a_page_of_a_proxy_does_not() {
    let broken = r#"{"code":0,"message":"","data":[{"log":"\x"}]}"#;
    let error = call_for("1000", &Script::new([ok(200, broken)])).await;
    assert_eq!((&*error.code, error.attempts), ("non_json", 2));
    assert!(error.asks_for_less(), "{error}");
    assert!(error.to_string().contains("as the one before"), "{error}");
    let page = call_for("1000", &Script::new([ok(200, "<html>busy</html>")])).await;
    assert_eq!(&*page.code, "non_json");
    assert!(!page.asks_for_less() && page.attempts > 2, "{page}");
    // What stands before the text at fault may be written otherwise.
    let elsewhere = [broken, r#"{"code":0,"data":["\x"]}"#].map(|body| ok(200, body));
    let error = call_for("1000", &Script::new(elsewhere)).await;
    assert!(error.asks_for_less() && error.attempts == 2, "{error}");
    // Bodies that end early at places that differ are cut by chance.
    let ends = [r#"{"code":0,"#, r#"{"code":0,"da"#].map(|body| ok(200, body));
    let ends = ends.into_iter().cycle().take(8);
    let error = call_for("1000", &Script::new(ends)).await;
    assert!(!error.asks_for_less() && error.attempts > 2, "{error}");
}

#[tokio::test(start_paused = true)]
async fn refusals_for_size_ask_for_less() {
    let of_parameter = |name: &str| {
        format!(r#"{{"code":4000,"message":"(100001)invalid value of parameter {name}"}}"#)
    };
    for (answer, asks_for_less) in [
        (of_parameter("limit"), true),
        (of_parameter("order"), false),
        (r#"{"code":4100,"message":"limit"}"#.to_owned(), false),
    ] {
        let error = call_for("1000", &Script::new([ok(200, &answer)])).await;
        assert_eq!(error.asks_for_less(), asks_for_less, "{answer}");
    }
    let too_large = Err(TransportError::TooLarge {
        host: "h".to_owned(),
        limit: 5,
    });
    assert!(
        call_for("1000", &Script::new([too_large]))
            .await
            .asks_for_less()
    );
    let throttled = call_for("1000", &Script::new([ok(200, THROTTLED)])).await;
    assert!(!throttled.asks_for_less());
}

/// The bytes are those of two words in GBK, of which no field needs anything.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_utf_8_is_read_but_for_the_text_at_fault() {
    let legacy = b"{\"code\":0,\"message\":\"\",\"data\":[\"\xb1\xa8\",{\"a\":7}]}".to_vec();
    let script = Script::new([Ok(HttpResponse::new(200, legacy))]);
    let client_ = client(config(), &script);
    let data = client_.call("A", &[], parse).await.unwrap();
    assert_eq!(data, json!(["\u{fffd}\u{fffd}", {"a": 7}]));

    let body = b"{\"Response\":{\"Log\":\"\x95\\\",\"N\":7,\"RequestId\":\"\xb8\"}}".to_vec();
    let script = Script::new([Ok(HttpResponse::new(200, body))]);
    let config = ClientConfig::new(Service::Scf, "ap-x");
    let client = client(config, &script);
    let payload: Value = client.call_json("A", &json!({})).await.unwrap();
    assert_eq!(
        (&payload["Log"], &payload["N"]),
        (&json!("\u{fffd}"), &json!(7))
    );
    assert_eq!(script.requests().len(), 1, "the first answer was enough");
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_service_says_when_to_ask_again() {
    let at = "Tue, 14 Nov 2023 22:13:28 GMT"; // 8 s after the time of the runtime
    for (status, header, waits) in [
        (503, "7", 7..8),
        (429, "7", 7..8),
        (503, at, 8..9),
        // No longer than is configured.
        (503, "3600", 10..11),
        // Nobody sends it with these, or it is no wait.
        (502, "7", 0..1),
        (503, "soon", 0..1),
    ] {
        let mut busy = HttpResponse::new(status, "");
        busy.headers
            .push(("retry-after".to_owned(), header.to_owned()));
        let script = Script::new([Ok(busy), ok(200, OK)]);
        let config = ClientConfig {
            longest_wait: Duration::from_secs(10),
            ..config()
        };
        let client = client(config, &script);
        client.call("A", &[], parse).await.unwrap();
        let times = script.times();
        let waited = (times[1] - times[0]).as_secs();
        assert!(waits.contains(&waited), "{status} {header}: {waited} s");
    }
}
