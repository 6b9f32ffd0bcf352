//! An error of API 3.0.

/// Why a request of API 3.0 is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The vendor's code, such as `InvalidParameterValue.Limit`.
    pub(crate) code: &'static str,
    /// The message, which is not the vendor's.
    pub(crate) message: String,
}
