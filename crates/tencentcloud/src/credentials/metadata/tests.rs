use super::*;
use crate::Timestamp;
use crate::credentials::tests::scripted::{LIST, Reply, ScriptedTransport, document};

fn answer(status: u16, body: &str) -> Reply {
    Reply::Response(status, body.to_owned())
}

/// Returns the metadata with these answers for the list and the document of the role `r`.
fn metadata(list: Reply, document: Option<Reply>) -> RoleMetadata {
    let of_role = format!("{LIST}r");
    let transport = ScriptedTransport::new(&[(LIST, list)]);
    if let Some(document) = document {
        transport.set(&of_role, document);
    }
    RoleMetadata::new("http://meta.test/", transport)
}

#[tokio::test]
async fn the_role_is_asked_for_and_then_its_credentials() {
    for list in ["r", "r\n", " r \r\n"] {
        let whole = metadata(answer(200, list), Some(document("AKIDx", 1_543_914_376)));
        assert_eq!(whole.role().await.unwrap().as_deref(), Some("r"));
        let found = whole.fetch().await.unwrap();
        assert_eq!(found.credentials.secret_id, "AKIDx");
        assert_eq!(found.credentials.secret_key.expose(), "k3y");
        assert_eq!(found.credentials.token.unwrap().expose(), "t0ken");
        assert_eq!(found.expires, Timestamp::from_millis(1_543_914_376_000));
    }
}

#[tokio::test]
async fn no_role_is_no_error_until_there_was_one() {
    let none = metadata(answer(404, "<html>404</html>"), None);
    assert_eq!(none.role().await, Ok(None));
    let text = none.fetch().await.unwrap_err().to_string();
    assert!(text.contains("has no role any more; bind a role"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn odd_role_lists_are_errors_that_say_what_came() {
    let long = "r".repeat(MAX_ROLE + 1);
    let huge = "r".repeat(MAX_BODY + 1);
    let no_role = [
        "",
        "<html>log in</html>",
        "a\nb",
        "../user-data",
        "..",
        &long,
    ];
    let no_role = no_role.map(|list| (answer(200, list), "something that is no role"));
    let others = [
        (answer(200, &huge), "answered too much"),
        (answer(302, ""), "the status 302"),
        (answer(500, "r"), "the status 500"),
        (Reply::CannotConnect, "cannot be reached (no such host)"),
        (Reply::Silence, "no answer within 2 s"),
    ];
    for (list, words) in no_role.into_iter().chain(others) {
        let began = tokio::time::Instant::now();
        let text = metadata(list, None).role().await.unwrap_err().to_string();
        assert!(text.contains(words), "{text}");
        assert!(text.contains(LIST), "{text}");
        assert!(began.elapsed() <= LIMIT);
    }
}

#[tokio::test(start_paused = true)]
async fn odd_role_documents_are_errors_that_show_no_secret() {
    let huge = format!(r#"{{"Code":"Success","x":"{}"}}"#, "k3y".repeat(MAX_BODY));
    let keys = |key: &str, rest: &str| {
        format!(r#"{{"Code":"Success","TmpSecretId":"a","TmpSecretKey":{key},{rest}}}"#)
    };
    let text = |body: &str| Some(answer(200, body));
    let good = r#""Token":"t","ExpiredTime":1"#;
    for (reply, words) in [
        (None, "does not know the role that it named"),
        (text(""), "no role document"),
        (text("k3y"), "no role document"),
        (text(r#"{"Code":"Success"}"#), "no role document"),
        (text(&keys(r#"["k3y"]"#, good)), "no role document"),
        (
            text(&keys(r#""k3y""#, r#""Token":"t","ExpiredTime":"soon""#)),
            "no role document",
        ),
        (
            text(&keys(r#""k3y""#, r#""Token":"","ExpiredTime":1"#)),
            "the token from http://meta.test/latest/meta-data/cam/security-credentials/r is empty",
        ),
        (text(&keys(r#""k3y\n""#, good)), "the secret key from"),
        (
            text(r#"{"Code":"InternalError\nk","RequestId":"1"}"#),
            "answered with the code InternalError k;",
        ),
        (text(&huge), "answered too much"),
        (Some(answer(503, "")), "the status 503"),
        (Some(Reply::Silence), "no answer within 2 s"),
    ] {
        let error = metadata(answer(200, "r"), reply).fetch().await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(words), "{text}");
        assert!(
            !text.contains("k3y") && !format!("{error:?}").contains("k3y"),
            "{text}"
        );
    }
}

#[test]
fn renewal_is_300_s_before_the_end_or_at_half_of_a_short_life() {
    let metadata = metadata(answer(404, ""), None);
    for (lives, early) in [
        (7_200_000, 300_000),
        (600_000, 300_000),
        (599_000, 299_500),
        (60_000, 30_000),
    ] {
        let early_by = metadata.early(Duration::from_millis(lives));
        assert_eq!(early_by, Duration::from_millis(early));
    }
}
