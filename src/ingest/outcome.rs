//! The outcome of an invocation, from its return code or status code.

use crate::model::Outcome;

/// Status codes of the platform, from the vendor's status page; comments show where another of its
/// pages (events of the bus) disagrees. They are in CLS records and in error messages. 202, "running",
/// is no end and has no entry.
///
/// The outcomes are this project's interpretation: whose fault a failure is.
const STATUS: &[(i64, &str, Outcome)] = {
    use Outcome::*;
    &[
        (200, "Success", Success),
        (400, "InvalidParameterValue", PlatformError),
        (401, "InvalidCredentials", PlatformError),
        (402, "ServiceSuspended", Throttled),
        (403, "InvalidResponseFormat", FunctionError),
        (404, "InvalidSubnetID", PlatformError),
        (405, "ContainerStateExited", FunctionError),
        (406, "RequestTooLarge", PlatformError),
        (407, "ResponseTooLarge", FunctionError),
        (410, "InsufficientBalance", Throttled),
        // The other page: BorrowContainerLimit. A limit either way.
        (429, "ResourceLimit", Throttled),
        (430, "UserCodeException", FunctionError),
        (432, "ResourceLimitReached", Throttled),
        (433, "TimeLimitReached", Timeout),
        (434, "MemoryLimitReached", OutOfMemory),
        (435, "FunctionNotFound", PlatformError),
        (436, "InvalidParameterValue", PlatformError),
        (437, "HandlerNotFound", FunctionError),
        (438, "FunctionStatusError", PlatformError),
        (439, "UserProcessExit", FunctionError),
        // On the other page alone: degraded for lack of containers.
        (440, "BorrowContainerDegradeError", Throttled),
        (441, "UnauthorizedOperation", PlatformError),
        (442, "QualifierNotFound", PlatformError),
        // The other page: the code could not be unpacked. The code is at fault either way.
        (443, "UserCodeError", FunctionError),
        (444, "PullImageFailed", PlatformError),
        (445, "ContainerInitError", FunctionError),
        (446, "PortBindingFailed", FunctionError),
        (447, "PullImageTimeOut", PlatformError),
        (449, "InsufficientResources", Throttled),
        (450, "InitContainerTimeout", PlatformError),
        (499, "RequestCanceled", Interrupted),
        (500, "InternalError", PlatformError),
        // On the other page alone, these three.
        (532, "ResourceExhausted", Throttled),
        (600, "NodeAsyncInvokeReturn", PlatformError),
        (601, "ContainerNotExists", PlatformError),
    ]
};

/// Words that show the reason of a failure without a status code: from older responses, and from the
/// texts of the status page for 432.
const WORDS: [(&str, Outcome); 3] = [
    ("timed out after", Outcome::Timeout),
    ("memory exceeded", Outcome::OutOfMemory),
    ("concurrency exceeded", Outcome::Throttled),
];

/// Returns the outcome of a status code of CLS.
pub(super) fn outcome_of_status(status: i64) -> Outcome {
    let entry = STATUS.iter().find(|(code, ..)| *code == status);
    entry.map_or(Outcome::Unknown, |(_, _, outcome)| *outcome)
}

/// Returns the outcome of the `retCode` of v2 or the `RetCode` of API 3.0, with its message.
///
/// Zero is success and three is interrupted; any other code only says that the invocation failed. The
/// reason is in the message, mostly a small JSON object such as
/// `{"errorCode":-1,"errorMessage":"Invoking task timed out after 3 seconds","statusCode":433}`,
/// whose `statusCode` older responses lack, and which may be cut. So the text is searched, not parsed. A
/// code other than zero with the message "Success" (the documents have one) is a failure: the documents
/// define the code.
pub(super) fn outcome_of(code: i64, message: Option<&str>) -> Outcome {
    match code {
        0 => return Outcome::Success,
        3 => return Outcome::Interrupted,
        _ => {}
    }
    let message = message.unwrap_or_default();
    let of_status = |status| match outcome_of_status(status) {
        Outcome::Unknown | Outcome::Success => None,
        outcome => Some(outcome),
    };
    let of_words = || WORDS.iter().find(|(words, _)| message.contains(words));
    status_in(message)
        .and_then(of_status)
        .or_else(|| of_words().map(|(_, outcome)| *outcome))
        .or_else(|| of_status(code))
        .unwrap_or(Outcome::FunctionError)
}

/// Returns the number after `"statusCode":`, if there is one.
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

    #[test]
    fn status_codes_have_the_outcomes_of_the_table() {
        assert!(STATUS.is_sorted_by_key(|(code, ..)| *code));
        for (status, outcome) in [
            (200, Outcome::Success),
            (202, Outcome::Unknown),
            (430, Outcome::FunctionError),
            (432, Outcome::Throttled),
            (433, Outcome::Timeout),
            (434, Outcome::OutOfMemory),
            (440, Outcome::Throttled),
            (499, Outcome::Interrupted),
            (500, Outcome::PlatformError),
            (532, Outcome::Throttled),
            (601, Outcome::PlatformError),
            (602, Outcome::Unknown),
            (-1, Outcome::Unknown),
        ] {
            assert_eq!(outcome_of_status(status), outcome, "{status}");
        }
    }
}
