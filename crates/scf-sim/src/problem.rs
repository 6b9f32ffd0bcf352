//! An error as API 3.0 words it.

/// Why a request of API 3.0 is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The vendor's code, such as `InvalidParameterValue.Limit`.
    pub(crate) code: &'static str,
    /// The message, in words of our own.
    pub(crate) message: String,
}
