//! Errors of calls, classified by what the caller can do about them.

mod refusal;

use std::fmt;

use super::codes::{self, ErrorClass, Verdict, verdict};
use super::credentials::CredentialError;
use super::envelope::Malformed;
use super::text::one_line;
use super::transport::TransportError;

pub(super) use refusal::Refusal;

/// A call that failed for good, because the error is not retryable or the budget is exhausted.
///
/// Its text names the action, the endpoint, what failed and what to do. The vendor's message is cut
/// to one short line, and the credentials of the request are masked in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// What the caller can do.
    pub class: ErrorClass,
    /// The action that was called.
    pub action: Box<str>,
    /// Host and port that were called.
    pub endpoint: Box<str>,
    /// The vendor's whole code, such as `4400` or `LimitExceeded.Offset`; or the kind of failure if
    /// no code was received: `network`, `timeout`, `cut_body`, `too_large`, `non_json`,
    /// `other_json`, `no_payload`, `http_502`, `credentials`.
    pub code: Box<str>,
    /// The message of the vendor or of a library.
    pub message: Box<str>,
    /// Advice for the operator.
    pub advice: &'static str,
    /// The vendor's request id, if the response names one.
    pub request_id: Option<Box<str>>,
    /// Number of requests that were sent.
    pub attempts: u32,
}

/// Why one attempt failed.
#[derive(Debug)]
pub(super) enum AttemptError {
    /// The API refused the request.
    Api(Box<Refusal>),
    /// No complete response was received.
    Transport(TransportError),
    /// The response broke off after as many bytes as the one before it.
    CutAgain(TransportError),
    /// A status other than 200, and a body without a code.
    Status(u16),
    /// A body that is not a valid response. Content type and length help to tell what it was.
    Body {
        malformed: Malformed,
        content_type: String,
        bytes: usize,
    },
    /// The response is unreadable for the same reason as the one before it: one of its rows is the
    /// cause.
    UnreadableAgain(Malformed),
    /// A successful response without a payload.
    NoPayload,
    /// No usable credentials were found.
    Credentials(CredentialError),
    /// The process is stopping, so nothing more is sent.
    Stopping,
}

const SMALLER_PAGES: &str = "ask for smaller pages";
const ANOTHER_API: &str = "it is tried again; if it stays, another API or something in front of \
     the API answers: check that `endpoint`, `region` and `api` belong together";
const NOT_THE_API: &str = "it is tried again; if it stays, check that the endpoint is the cloud's \
     API and not a proxy's page";

// === impl ApiError ===

impl ApiError {
    /// Returns whether the same request may succeed if it asks for fewer rows: the response was
    /// refused for its size, exceeded the transport's limit, did not arrive in time, or twice broke
    /// off or was unreadable at the same place. Never for throttling, permissions or time ranges.
    pub fn asks_for_less(&self) -> bool {
        match &*self.code {
            "timeout" | "too_large" => true,
            // Different places suggest chance, so only a repeated failure has this class.
            "cut_body" | "non_json" => self.class == ErrorClass::Invalid,
            code => codes::is_about_size(code, &self.message),
        }
    }

    /// Returns the error message without the advice.
    pub fn failure(&self) -> String {
        let attempts = match self.attempts {
            0 | 1 => String::new(),
            n => format!(" after {n} attempts"),
        };
        format!(
            "{} at {} failed{attempts} with {}: {}",
            self.action, self.endpoint, self.code, self.message
        )
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = self.failure();
        if self.advice.is_empty() {
            return f.write_str(&failure);
        }
        // Some of the vendor's messages end with a full stop.
        write!(f, "{}; {}", failure.trim_end_matches('.'), self.advice)
    }
}

impl std::error::Error for ApiError {}

// === impl AttemptError ===

impl AttemptError {
    /// Returns label, class and advice.
    pub fn verdict(&self) -> Verdict {
        use ErrorClass::{Authentication, Invalid, Transient};
        match self {
            Self::Api(refusal) => refusal.verdict,
            Self::Status(status) => codes::classify_status(*status),
            // The messages of transport errors and of credentials contain the advice.
            Self::Transport(TransportError::Timeout { .. }) => verdict("timeout", Transient, ""),
            Self::Transport(TransportError::CutBody { .. }) => verdict("cut_body", Transient, ""),
            // It will be too large again; every other failure may be chance.
            Self::Transport(TransportError::TooLarge { .. }) => verdict("too_large", Invalid, ""),
            Self::Transport(_) => verdict("network", Transient, ""),
            Self::CutAgain(_) => verdict("cut_body", Invalid, SMALLER_PAGES),
            Self::UnreadableAgain(_) => verdict("non_json", Invalid, SMALLER_PAGES),
            Self::Credentials(_) => verdict("credentials", Authentication, ""),
            Self::NoPayload => verdict("no_payload", Transient, ANOTHER_API),
            Self::Stopping => verdict("stopping", Transient, ""),
            Self::Body { malformed, .. } if malformed.is_json() => {
                verdict("other_json", Transient, ANOTHER_API)
            }
            Self::Body { .. } => verdict("non_json", Transient, NOT_THE_API),
        }
    }

    /// Applies `hide` to the vendor's message, which may repeat secrets of the request.
    pub fn masked(mut self, hide: impl Fn(&str) -> String) -> Self {
        if let Self::Api(refusal) = &mut self {
            refusal.message = hide(&refusal.message);
            refusal.code = hide(&refusal.code);
            refusal.request_id = refusal.request_id.as_deref().map(hide);
        }
        self
    }

    /// Converts the failure of the last attempt into the error of the call.
    pub fn into_error(self, action: &str, endpoint: &str, attempts: u32) -> ApiError {
        let verdict = self.verdict();
        let (code, request_id) = match &self {
            Self::Api(refusal) => (one_line(&refusal.code), refusal.request_id.as_deref()),
            Self::Status(status) => (format!("http_{status}"), None),
            _ => (verdict.label.to_owned(), None),
        };
        ApiError {
            class: verdict.class,
            action: action.into(),
            endpoint: endpoint.into(),
            code: code.into(),
            request_id: request_id.map(|id| one_line(id).into()),
            message: one_line(&self.message()).into(),
            advice: verdict.advice,
            attempts,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Api(refusal) => refusal.text(),
            Self::Transport(error) => error.to_string(),
            Self::CutAgain(error) => format!("{error}, each time at the same place"),
            Self::UnreadableAgain(malformed) => {
                format!("the answer is unreadable: {malformed}, as the one before it was")
            }
            Self::Status(status) => format!("the answer has HTTP status {status}"),
            Self::Body {
                malformed,
                content_type,
                bytes,
            } => {
                format!("the answer is no API answer ({content_type}, {bytes} bytes): {malformed}")
            }
            Self::NoPayload => "the answer says success but holds no data".to_owned(),
            Self::Credentials(error) => error.to_string(),
            Self::Stopping => "the process is stopping".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Code, Head, NamedError};
    use crate::service::Service;

    fn head(code: i64, message: &str, code_desc: &str) -> Head {
        let own = |text: &str| Some(text.to_owned());
        Head::new(Code(code), own(message), own(code_desc))
    }

    fn api(code: i64, message: &str, code_desc: &str) -> ApiError {
        let refusal = Refusal::legacy(head(code, message, code_desc));
        AttemptError::Api(Box::new(refusal)).into_error("ListFunctions", "h:1", 1)
    }

    #[test]
    fn the_text_says_what_failed_and_what_to_do() {
        assert_eq!(
            api(4104, "no such id.", "AuthFailure").to_string(),
            "ListFunctions at h:1 failed with 4104: AuthFailure: no such id; the secret id does \
             not exist: check it, or make a new key"
        );
        let status = AttemptError::Status(502).into_error("A", "h", 5);
        assert_eq!(
            status.to_string(),
            "A at h failed after 5 attempts with http_502: the answer has HTTP status 502; it is \
             the cloud's own fault and is tried again"
        );
    }

    #[test]
    fn a_request_id_is_taken_from_the_message() {
        let with = api(4102, "[request id:ab-1]no", "");
        assert_eq!(with.request_id.as_deref(), Some("ab-1"));
        let empty = api(4102, "[request id:]you are not authorized\n", "");
        assert_eq!(empty.request_id, None);
        assert_eq!(&*empty.message, "[request id:]you are not authorized");
    }

    #[test]
    fn an_unknown_code_keeps_its_number_in_the_error_but_not_in_the_label() {
        let fault = AttemptError::Api(Box::new(Refusal::legacy(head(123_456, "", ""))));
        assert_eq!(fault.verdict().label, "other");
        let error = fault.into_error("A", "h", 1);
        assert_eq!((&*error.code, &*error.message), ("123456", "no message"));
    }

    #[test]
    fn a_name_stays_whole_in_the_error_and_its_family_is_the_label() {
        let of = |code: &str| {
            let error = NamedError {
                code: code.to_owned(),
                message: "slow\ndown".to_owned(),
                request_id: Some("r-1".to_owned()),
            };
            AttemptError::Api(Box::new(Refusal::named(Service::Cls, error)))
        };
        let fault = of("RequestLimitExceeded.UinLimitExceeded");
        assert_eq!(fault.verdict().label, "RequestLimitExceeded");
        let error = fault.into_error("SearchLog", "h", 1);
        assert_eq!(&*error.code, "RequestLimitExceeded.UinLimitExceeded");
        assert_eq!(&*error.message, "slow down");
        assert_eq!(error.request_id.as_deref(), Some("r-1"));
        let novel = of(&"x".repeat(10_000));
        assert_eq!(novel.verdict().label, "other");
        assert!(novel.into_error("A", "h", 1).code.len() < 400);
    }

    #[test]
    fn only_throttled_and_transient_are_retried() {
        use ErrorClass::*;
        for (class, again) in [
            (Throttled, true),
            (Transient, true),
            (Authentication, false),
            (NotFound, false),
            (Invalid, false),
            (Offline, false),
        ] {
            assert_eq!(class.is_retryable(), again);
        }
    }
}
