//! The errors of API 3.0 that all services share. The codes are the vendor's, the messages are not.

use super::keys::TokenFault;
use super::problem::Problem;

pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Problem {
    Problem {
        code,
        message: message.into(),
    }
}

pub(crate) fn parameter(text: &str) -> Problem {
    new("InvalidParameter", text)
}

pub(crate) fn missing(name: &str) -> Problem {
    let text = format!("the request lacks the required parameter `{name}`");
    new("MissingParameter", text)
}

/// Returns the error for a value of the wrong type or format.
pub(crate) fn invalid(name: &str) -> Problem {
    let text = format!("the value of parameter `{name}` is not valid");
    new("InvalidParameterValue", text)
}

pub(crate) fn unknown_parameter(name: &str) -> Problem {
    let name: String = name.chars().take(60).collect();
    new(
        "UnknownParameter",
        format!("parameter `{name}` is not known"),
    )
}

pub(crate) fn bad_authorization(text: &str) -> Problem {
    new(
        "AuthFailure.InvalidAuthorization",
        format!("the Authorization header is not valid: {text}"),
    )
}

pub(crate) fn unknown_id() -> Problem {
    new("AuthFailure.SecretIdNotFound", "the SecretId is not found")
}

pub(crate) fn bad_signature() -> Problem {
    new(
        "AuthFailure.SignatureFailure",
        "the signature does not fit the request",
    )
}

pub(crate) fn expired_signature(skew_s: i64) -> Problem {
    new(
        "AuthFailure.SignatureExpire",
        format!("the signature is more than {skew_s} seconds off the server's time"),
    )
}

pub(crate) fn bad_token(fault: TokenFault) -> Problem {
    new("AuthFailure.TokenFailure", fault.to_string())
}

pub(crate) fn no_product() -> Problem {
    new("NoSuchProduct", "the service in the scope does not exist")
}

pub(crate) fn no_version() -> Problem {
    new("NoSuchVersion", "the API has no such version")
}

pub(crate) fn no_action(service: &str) -> Problem {
    new(
        "InvalidAction",
        format!("service {service} has no such action"),
    )
}

pub(crate) fn wrong_region(ours: &str) -> Problem {
    new(
        "UnsupportedRegion",
        format!("the region is not supported; only {ours} is simulated"),
    )
}

pub(crate) fn offline() -> Problem {
    new("ActionOffline", "the action has been taken offline")
}

pub(crate) fn denied(service: &str, action: &str) -> Problem {
    new(
        "UnauthorizedOperation",
        format!("the key may not perform {service}:{action}"),
    )
}

pub(crate) fn throttled() -> Problem {
    throttled_as("RequestLimitExceeded")
}

/// Returns a throttling error with another of its codes.
pub(crate) fn throttled_as(code: &'static str) -> Problem {
    new(code, "the request rate is above the limit")
}

pub(crate) fn internal() -> Problem {
    internal_as("InternalError")
}

/// Returns an internal error with another of its codes.
pub(crate) fn internal_as(code: &'static str) -> Problem {
    new(code, "an internal error occurred")
}
