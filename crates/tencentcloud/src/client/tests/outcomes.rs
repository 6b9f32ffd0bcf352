//! Which answer ends a call, and as what.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_cannot_pass_is_not_tried_again() {
    for (code, class) in [
        (4000, ErrorClass::Invalid),
        (4100, ErrorClass::Authentication),
        (4500, ErrorClass::Authentication),
        (5000, ErrorClass::NotFound),
        (6100, ErrorClass::Offline),
    ] {
        let body = format!(r#"{{"code":{code},"message":"m"}}"#);
        let (result, labels) = one_call(vec![ok(200, &body)]).await;
        let error = result.unwrap_err();
        assert_eq!((error.class, error.attempts), (class, 1));
        assert_eq!(*error.code, code.to_string());
        assert_eq!(labels, [format!("v2 A {code}")]);
    }
}

/// As a gateway that serves API 3.0 alone, or the wrong endpoint, does.
#[tokio::test(start_paused = true)]
async fn the_error_of_another_api_is_reported_in_its_words() {
    let refusal = r#"{"Response":{"Error":{"Code":"AuthFailure.SignatureExpire","Message":"old"},"RequestId":"r-1"}}"#;
    for status in [200, 403] {
        let error = one_call(vec![ok(status, refusal)]).await.0.unwrap_err();
        assert_eq!(
            (error.class, &*error.code, &*error.message),
            (
                ErrorClass::Authentication,
                "AuthFailure.SignatureExpire",
                "old"
            )
        );
        assert_eq!(error.request_id.as_deref(), Some("r-1"));
        assert!(error.advice.contains("clock"), "{error}");
    }
    let list = r#"{"Response":{"Functions":[],"TotalCount":0,"RequestId":"r"}}"#;
    let error = one_call(vec![ok(200, list)])
        .await
        .0
        .unwrap_err()
        .to_string();
    for words in ["an answer of API 3.0", "`endpoint`"] {
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn odd_answers_have_their_own_words() {
    use ErrorClass::*;
    for (status, body, class, code) in [
        (200, "", Transient, "non_json"),
        (200, "<html>", Transient, "non_json"),
        (200, r#"{"code":0,"mess"#, Transient, "non_json"),
        (200, r#"{"Response":{}}"#, Transient, "other_json"),
        (200, "{}", Transient, "other_json"),
        (500, r#"{"Response":{}}"#, Transient, "http_500"),
        (200, r#"{"code":0}"#, Transient, "no_payload"),
        (404, "not here", Invalid, "http_404"),
        (302, "", Invalid, "http_302"),
        (403, r#"{"code":4104}"#, Authentication, "4104"),
        (500, r#"{"code":0}"#, Transient, "http_500"),
        (200, r#"{"code":424242}"#, Transient, "424242"),
    ] {
        let error = one_call(vec![ok(status, body)]).await.0.unwrap_err();
        assert_eq!(
            (error.class, &*error.code),
            (class, code),
            "{status} {body}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_fault_shows_the_clouds_date() {
    let mut response = HttpResponse::new(200, r#"{"code":4500,"message":"replay"}"#);
    let date = "Tue, 14 Nov 2023 22:13:20 GMT";
    response.headers.push(("date".to_owned(), date.to_owned()));
    let error = one_call(vec![Ok(response)]).await.0.unwrap_err();
    assert_eq!(
        &*error.message,
        format!("replay (the cloud's clock: {date})")
    );
}
