//! The errors of all APIs. The codes are the vendor's, the messages are not.

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The code in API 3.0, such as `InvalidParameterValue.Limit`.
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

// === impl Problem ===

impl Problem {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn missing(name: &str) -> Self {
        let text = format!("the request lacks the required parameter `{name}`");
        Self::new("MissingParameter", text)
    }

    /// Returns the error for a value of the wrong type or format.
    pub(crate) fn invalid(name: &str) -> Self {
        Self::wrong(name, "InvalidParameterValue")
    }

    /// Like [`Problem::invalid`], with a code of its own.
    pub(crate) fn wrong(name: &str, code: &'static str) -> Self {
        Self::new(
            code,
            format!("the value of parameter `{name}` is not valid"),
        )
    }

    pub(crate) fn too_many_parameters() -> Self {
        Self::new("InvalidParameter", "too many parameters")
    }

    pub(crate) fn unknown_id() -> Self {
        Self::new("AuthFailure.SecretIdNotFound", "the SecretId is not found")
    }

    pub(crate) fn bad_signature() -> Self {
        let text = "the signature does not fit the request";
        Self::new("AuthFailure.SignatureFailure", text)
    }

    pub(crate) fn bad_authorization(text: &str) -> Self {
        let text = format!("the Authorization header is not valid: {text}");
        Self::new("AuthFailure.InvalidAuthorization", text)
    }

    pub(crate) fn unknown_version() -> Self {
        Self::new("NoSuchVersion", "the API has no such version")
    }

    pub(crate) fn unknown_function() -> Self {
        let text = "the function does not exist in this namespace";
        Self::new("ResourceNotFound.FunctionName", text)
    }

    /// Returns the error for too many requests, with one of its codes.
    pub(crate) fn throttled(code: &'static str) -> Self {
        Self::new(code, "the request rate is above the limit")
    }

    /// Returns an internal error with one of its codes.
    pub(crate) fn internal(code: &'static str) -> Self {
        Self::new(code, "an internal error occurred")
    }
}
