//! From a return code and its message to an outcome.

use crate::model::Outcome;

/// What the `retCode` of v2 and 3.0 means, with the error text that may come with it.
///
/// Zero is success and three is interrupted; any other code only says that the call failed. Why
/// it did stands in the message, mostly a small JSON object such as
/// `{"errorCode":-1,"errorMessage":"Invoking task timed out after 3 seconds","statusCode":433}`,
/// whose `statusCode` older answers lack, and which may be cut. So the text is searched, not
/// parsed.
pub(super) fn outcome_of(code: i64, message: Option<&str>) -> Outcome {
    match code {
        0 => return Outcome::Success,
        3 => return Outcome::Interrupted,
        _ => {}
    }
    let message = message.unwrap_or_default();
    match status_in(message).map(Outcome::of_status) {
        Some(Outcome::Unknown | Outcome::Success) | None => {}
        Some(outcome) => return outcome,
    }
    if message.contains("timed out after") {
        Outcome::Timeout
    } else if message.contains("memory exceeded") {
        Outcome::OutOfMemory
    } else if (400..=601).contains(&code) && Outcome::of_status(code) != Outcome::Unknown {
        Outcome::of_status(code)
    } else {
        Outcome::FunctionError
    }
}

/// The number behind `"statusCode":`, if there is one.
fn status_in(message: &str) -> Option<i64> {
    let (_, behind) = message.split_once("\"statusCode\":")?;
    let behind = behind.trim_start();
    let digits = behind
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(behind.len());
    behind.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_tells_why_a_call_failed() {
        for (code, message, outcome) in [
            (0, "Success", Outcome::Success),
            (
                1,
                "'module' object has no attribute 'lambda_handler'",
                Outcome::FunctionError,
            ),
            (
                -1,
                r#"{"errorCode":-1,"errorMessage":"Invoking task timed out after 3 seconds","requestId":"7a2ae0d9","statusCode":433}"#,
                Outcome::Timeout,
            ),
            (
                -1,
                r#"{"errorCode":-1,"errorMessage":"Task timed out after 3 seconds"}"#,
                Outcome::Timeout,
            ),
            (
                -1,
                r#"{"errorCode":-1,"errorMessage":"Task memory exceeded 128 MB","statusCode":434}"#,
                Outcome::OutOfMemory,
            ),
            (
                1,
                r#"{"errorCode":1,"errorMessage":"x","statusCode": 430}"#,
                Outcome::FunctionError,
            ),
            (
                1,
                r#"{"errorCode":1,"errorMessage":"x","statusCode":"#,
                Outcome::FunctionError,
            ),
            (
                1,
                r#"{"statusCode":99999999999999999999}"#,
                Outcome::FunctionError,
            ),
            (432, "", Outcome::Throttled),
            (3, "", Outcome::Interrupted),
            (7, "", Outcome::FunctionError),
        ] {
            assert_eq!(outcome_of(code, Some(message)), outcome, "{code} {message}");
        }
        assert_eq!(outcome_of(1, None), Outcome::FunctionError);
    }
}
