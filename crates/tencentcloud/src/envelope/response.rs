//! The envelope of API 3.0: `{"Response": {..., "RequestId": ".."}}`.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use super::{Head, Malformed, parse_head};

/// A parsed response of API 3.0.
#[derive(Debug)]
pub(crate) enum Api3Response<T> {
    /// Success, with the content of `Response`.
    Payload(T),
    /// An error of API 3.0, which has HTTP status 200 too.
    Error(NamedError),
    /// An error in the format of the legacy API, which the vendor's gateway can also send.
    Legacy(Head),
}

/// The error of API 3.0 in a response.
#[derive(Debug)]
pub(crate) struct NamedError {
    pub code: String,
    pub message: String,
    pub request_id: Option<String>,
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow, rename = "Response")]
    response: Option<&'a RawValue>,
}

/// The fields that are read before the payload. All others, such as a deprecation warning, are
/// skipped.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Probe {
    #[serde(default)]
    error: Option<ErrorBody>,
    #[serde(default)]
    request_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody {
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// Parses a response. The payload is never held as a tree, because a response may have tens of
/// megabytes.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<Api3Response<T>, Malformed> {
    // A derived struct would accept a list as its fields in order.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(match serde_json::from_slice::<IgnoredAny>(body) {
            Ok(_) => Malformed::other("JSON that is no object"),
            Err(error) => error.into(),
        });
    }
    let outer: Outer<'_> = serde_json::from_slice(body)?;
    let response = outer.response.filter(|raw| raw.get().starts_with('{'));
    let Some(response) = response else {
        return match parse_head(body) {
            Ok(head) if head.code != 0 => Ok(Api3Response::Legacy(head)),
            Ok(_) => Err(Malformed::other("an answer of the legacy API v2")),
            Err(_) => Err(Malformed::other("JSON without a Response")),
        };
    };
    let probe: Probe = serde_json::from_str(response.get())?;
    match probe.error {
        None => Ok(Api3Response::Payload(serde_json::from_str(response.get())?)),
        Some(error) => Ok(Api3Response::Error(NamedError {
            code: error.code,
            message: error.message.unwrap_or_default(),
            request_id: probe.request_id,
        })),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Page {
        total_count: u64,
    }

    fn page(body: &str) -> Result<Api3Response<Page>, Malformed> {
        read(body.as_bytes())
    }

    #[test]
    fn a_payload_is_what_stands_in_response() {
        for body in [
            r#"{"Response":{"TotalCount":7,"Data":[{}],"RequestId":"r"}}"#,
            r#" {"x":[1],"Response":{"RequestId":null,"TotalCount":7,"Error":null}} "#,
            r#"{"Response":{"TotalCount":7,"DeprecatedWarning":"old"},"code":5}"#,
        ] {
            let Ok(Api3Response::Payload(page)) = page(body) else {
                panic!("{body}");
            };
            assert_eq!(page.total_count, 7);
        }
    }

    #[test]
    fn an_error_has_its_request_id() {
        let body = r#"{"Response":{"Error":{"Code":"A.B","Message":"m","X":1},"RequestId":"r"}}"#;
        let Ok(Api3Response::Error(error)) = page(body) else {
            panic!();
        };
        assert_eq!((&*error.code, &*error.message), ("A.B", "m"));
        assert_eq!(error.request_id.as_deref(), Some("r"));
        let bare = page(r#"{"Response":{"Error":{"Code":"A"}}}"#);
        assert!(matches!(bare, Ok(Api3Response::Error(_))));
    }

    #[test]
    fn a_legacy_error_is_recognized() {
        let body = r#"{"code":4100,"message":"m","codeDesc":"AuthFailure"}"#;
        let Ok(Api3Response::Legacy(head)) = page(body) else {
            panic!();
        };
        assert_eq!((head.code, head.message.as_str()), (4100, "m"));
    }

    #[test]
    fn what_is_neither_shape_is_malformed() {
        for (body, reason) in [
            ("", "the JSON ends too early at line 1 column 0"),
            ("<html>", "not JSON at line 1 column 1"),
            ("{}", "JSON without a Response"),
            (r#"{"code":0}"#, "an answer of the legacy API v2"),
            ("[", "the JSON ends too early at line 1 column 1"),
            (r#"{"Response":null}"#, "JSON without a Response"),
            (
                r#"{"Response":{"Err"#,
                "the JSON ends too early at line 1 column 17",
            ),
            (r#"{"Response":[]}"#, "JSON without a Response"),
            (r#"[{"TotalCount":7}]"#, "JSON that is no object"),
            (
                r#"{"Response":{"Error":{"Code":5}}}"#,
                "JSON of another shape at line 1 column 18",
            ),
            (
                r#"{"Response":{"TotalCount":"secret"}}"#,
                "JSON of another shape at line 1 column 22",
            ),
        ] {
            let fault = page(body).unwrap_err().to_string();
            assert_eq!(fault, reason, "{body}");
        }
    }

    proptest! {
        #[test]
        fn a_cut_answer_is_never_a_payload(cut in 0usize..60, bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let whole = json!({"Response": {"TotalCount": 7, "Data": [1, 2, {"a": "b"}]}}).to_string();
            let cut = cut.min(whole.len() - 1);
            prop_assert!(page(&whole[..cut]).is_err());
            let _ = read::<Value>(&bytes);
        }
    }
}
