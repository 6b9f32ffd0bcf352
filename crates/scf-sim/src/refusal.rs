//! Errors of the v2 API.

/// An error in the envelope of a response with HTTP 200.
///
/// The codes are the vendor's. Its pages give no `codeDesc` for most of them and no messages, so
/// these are invented; the module number in front of a message follows the documented form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) desc: &'static str,
    pub(crate) message: String,
}

// === impl Refusal ===

impl Refusal {
    fn new(code: u16, desc: &'static str, module: u32, text: &str) -> Self {
        Self {
            code,
            desc,
            message: format!("({module}){text}"),
        }
    }

    pub(crate) fn parameter(text: &str) -> Self {
        Self::new(4000, "InvalidParameter", 100_001, text)
    }

    pub(crate) fn missing(name: &str) -> Self {
        Self::parameter(&format!("missing parameter {name}"))
    }

    pub(crate) fn invalid(name: &str) -> Self {
        Self::parameter(&format!("invalid value of parameter {name}"))
    }

    pub(crate) fn bad_signature() -> Self {
        Self::new(4100, "AuthFailure", 100_004, "signature check failed")
    }

    pub(crate) fn unknown_id() -> Self {
        Self::new(4104, "SecretIdNotFound", 100_005, "secretId not found")
    }

    pub(crate) fn bad_token(text: &str) -> Self {
        Self::new(4105, "TokenFailure", 100_006, text)
    }

    pub(crate) fn replay(text: &str) -> Self {
        Self::new(4500, "ReplayAttack", 100_007, text)
    }

    pub(crate) fn throttled() -> Self {
        Self::new(
            4400,
            "RequestLimitExceeded",
            100_008,
            "request quota exceeded",
        )
    }

    pub(crate) fn throttled_by_qps() -> Self {
        Self::new(
            4420,
            "QpsLimitExceeded",
            100_008,
            "too many requests in one second",
        )
    }

    pub(crate) fn unknown_function() -> Self {
        Self::new(5000, "ResourceNotFound", 200_001, "function does not exist")
    }

    pub(crate) fn internal() -> Self {
        Self::new(6000, "InternalError", 300_001, "internal error")
    }

    pub(crate) fn maintenance() -> Self {
        Self::new(
            6200,
            "Maintenance",
            300_002,
            "interface is under maintenance",
        )
    }
}
