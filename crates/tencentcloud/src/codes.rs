//! Classifies the numeric codes of the legacy API and HTTP statuses. `names` has the table of all
//! codes and classifies the named ones of API 3.0.
//!
//! The codes come from the vendor's pages (the error code page of API 2.0; 4420 only from the page
//! of its key service). Their class and advice are this project's interpretation.

mod names;

use std::fmt;

use super::service::Service;

pub(super) use names::classify_name;

/// What a caller can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Too many requests were sent: retry more slowly.
    Throttled,
    /// The failure is temporary: retry later.
    Transient,
    /// The credentials, permissions or clock must be corrected first.
    Authentication,
    /// The requested object does not exist.
    NotFound,
    /// The request itself must be changed.
    Invalid,
    /// This API is not offered at the endpoint: use another one.
    Offline,
}

/// Label, class and advice of one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// A label from a closed set: the code itself, its longest known part, or `other`.
    pub label: &'static str,
    /// What the caller can do.
    pub class: ErrorClass,
    /// Advice for the operator.
    pub advice: &'static str,
}

/// The label of a successful call of any API.
pub(super) const SUCCESS: &str = "0";

/// The label of every unknown code.
const OTHER: &str = "other";

const KEY: &str = "check the secret key: it is of another id, or was copied in part; the log's line \
     `credentials found` says where it came from. If it is right, check `signature_method`";
const ID: &str = "the secret id does not exist: check it, or make a new key";
const TOKEN: &str = "the token is wrong, missing or expired: renew the temporary credentials, \
     or use a role, which is renewed by itself";
const MFA: &str = "the account asks for a second factor: use a key without one";
const RIGHTS: &str = "give this account scf:ListFunctions and scf:GetFunctionLogs, as the policy \
     QcloudSCFReadOnlyAccess does";
const BARRED: &str = "the account is barred from this API: ask the vendor";
const VERIFY: &str = "the account is not verified: verify it with the vendor";
const PAY: &str = "the account cannot pay: check its balance";
const CLOCK: &str = "check this machine's clock; the vendor allows a few minutes at most";
const REPLAY: &str =
    "taken for a replay: check this machine's clock, and that no proxy sends twice";
const PACE: &str = "it slows down by itself; if it stays, lower `requests_per_second`, or let other \
     clients of this account rest";
const PARAMETER: &str = "check the configured region, functions and page size";
const SCHEME: &str = "use an https endpoint";
const NAMES: &str = "check the configured region and function names";
const OTHER_API: &str =
    "this domain or version is not offered: check the endpoint, or use another api";
const SERVER: &str = "it is the cloud's own fault and is tried again";
const MAINTENANCE: &str = "the cloud is under maintenance; it is tried again";

pub(super) const fn verdict(
    label: &'static str,
    class: ErrorClass,
    advice: &'static str,
) -> Verdict {
    Verdict {
        label,
        class,
        advice,
    }
}

/// Classifies a nonzero code of the legacy API. Undocumented codes are classified by their range;
/// any other is treated as transient, because a retry within the budget does no harm.
pub(super) fn classify(code: i64) -> Verdict {
    names::find(&code.to_string()).unwrap_or(match code {
        4000..4100 => verdict(OTHER, ErrorClass::Invalid, PARAMETER),
        4100..4200 => verdict(OTHER, ErrorClass::Authentication, RIGHTS),
        _ => verdict(OTHER, ErrorClass::Transient, SERVER),
    })
}

/// Codes that are used for any invalid parameter; only the message says which one.
const ANY_PARAMETER: [&str; 3] = ["4000", "InvalidParameter", "InvalidParameterValue"];

/// Returns whether a request was refused because it asked for too much. The legacy API has one code
/// for every invalid parameter, so its message is searched for the name.
pub(super) fn is_about_size(code: &str, message: &str) -> bool {
    let mut parts = code.split('.');
    let (family, last) = (parts.next().unwrap_or_default(), parts.next_back());
    if family == "ResponseSizeLimitExceeded" {
        return true;
    }
    if let Some(last) = last {
        let of_answer = !last.starts_with("Request");
        return matches!(last, "Limit" | "PageSize" | "ResponseSizeLimitExceeded")
            || (of_answer && last.ends_with("TooLarge"));
    }
    let mut words = message.split(|c: char| !c.is_ascii_alphanumeric());
    ANY_PARAMETER.contains(&family)
        && words.any(|word| word.eq_ignore_ascii_case("limit") || word.ends_with("TooLarge"))
}

/// Classifies an HTTP status other than 200 whose body has no code. The vendor documents 200 for
/// every response, so another one comes from a gateway or proxy.
pub(super) fn classify_status(status: u16) -> Verdict {
    let (class, advice) = match status {
        401 | 403 | 407 => (
            ErrorClass::Authentication,
            "something in front of the API refuses: check proxy and endpoint",
        ),
        200..=299 | 408 | 500..=599 => (ErrorClass::Transient, SERVER),
        429 => (ErrorClass::Throttled, PACE),
        _ => (
            ErrorClass::Invalid,
            "check the scheme, host, port and path of the endpoint; redirects are not followed",
        ),
    };
    verdict(status_label(status), class, advice)
}

/// Returns a label from a closed set: one for each status that proxies and gateways use, and one
/// for each family of the others.
fn status_label(status: u16) -> &'static str {
    match (status, status / 100) {
        (400, _) => "http_400",
        (401, _) => "http_401",
        (403, _) => "http_403",
        (404, _) => "http_404",
        (407, _) => "http_407",
        (408, _) => "http_408",
        (413, _) => "http_413",
        (414, _) => "http_414",
        (429, _) => "http_429",
        (500, _) => "http_500",
        (502, _) => "http_502",
        (503, _) => "http_503",
        (504, _) => "http_504",
        (_, 3) => "http_3xx",
        (_, 4) => "http_4xx",
        (_, 5) => "http_5xx",
        _ => "http_other",
    }
}

/// Returns all labels of refusals with their classes, so that documentation can be checked against
/// them. A label can occur more than once.
pub fn known_codes() -> impl Iterator<Item = (&'static str, ErrorClass)> {
    let all = (300..600).map(classify_status).chain(names::known());
    all.map(|verdict| (verdict.label, verdict.class))
}

// === impl ErrorClass ===

impl ErrorClass {
    /// Returns the class as one word, for labels and log fields.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::Authentication => "authentication",
            Self::NotFound => "not_found",
            Self::Invalid => "invalid",
            Self::Offline => "offline",
        }
    }

    /// Returns whether the same request may succeed soon.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Throttled | Self::Transient)
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected classes are written out here, independently of the table.
    #[test]
    fn codes_fall_into_the_classes_asked_for() {
        use ErrorClass::*;
        for (class, codes) in [
            (Throttled, &[4400, 4420][..]),
            (Transient, &[6000, 6200, 7777, -1]),
            (
                Authentication,
                &[4100, 4101, 4102, 4103, 4104, 4105, 4106, 4110, 4199, 4500],
            ),
            (NotFound, &[5000]),
            (Invalid, &[4000, 4001]),
            (Offline, &[6100]),
        ] {
            for code in codes {
                assert_eq!(classify(*code).class, class, "{code}");
            }
        }
    }

    #[test]
    fn a_refusal_for_size_differs_from_one_for_pace_time_or_rights() {
        let judged = |refusal: &str| {
            let (code, message) = refusal.split_once(": ").unwrap();
            is_about_size(code, message)
        };
        for refusal in [
            "LimitExceeded.SearchResultTooLarge: search result too large",
            "ResponseSizeLimitExceeded: ",
            "InvalidParameterValue.Limit: ",
            "InvalidParameter.Limit: ",
            "InvalidParameterValue: Limit must lie between 1 and 500",
            "4000: InvalidParameter: (100001)invalid value of parameter limit",
            "4000: InvalidParameterValue.Limit: no",
        ] {
            assert!(judged(refusal), "{refusal}");
        }
        for refusal in [
            "InvalidParameterValue.StartTimeOrEndTime: a span beyond the limit",
            "InvalidParameterValue.Offset: ",
            "LimitExceeded.Offset: ",
            "LimitExceeded: limit",
            "LimitExceeded.LogSearch: ",
            "RequestLimitExceeded: limit",
            "RequestSizeLimitExceeded: ",
            "InvalidParameter.RequestTooLarge: ",
            "FailedOperation.SyntaxError: limit",
            "InvalidParameterValue: From lies behind To",
            "4000: InvalidParameter: (100001)invalid value of parameter offset",
            "4400: RequestLimitExceeded: (100008)request quota exceeded",
            "4100: limit",
            ": ",
        ] {
            assert!(!judged(refusal), "{refusal}");
        }
    }

    #[test]
    fn labels_are_the_code_or_other() {
        for code in [4000, 4100, 4400, 5100, 6200] {
            assert_eq!(classify(code).label, code.to_string());
        }
        for code in [1, 4107, 4999, i64::MIN, i64::MAX] {
            assert_eq!(classify(code).label, "other");
        }
    }

    #[test]
    fn statuses_fall_into_few_labels() {
        let labels: std::collections::BTreeSet<_> =
            (0..=u16::MAX).map(|s| classify_status(s).label).collect();
        assert!(labels.len() <= 20, "{labels:?}");
        assert_eq!(classify_status(502).label, "http_502");
        assert_eq!(classify_status(502).class, ErrorClass::Transient);
        assert_eq!(classify_status(302).class, ErrorClass::Invalid);
        assert_eq!(classify_status(429).class, ErrorClass::Throttled);
    }
}
