//! Return code and outcome: the two labels for how an invocation ended.

use std::fmt;

/// The return code as a label value. The set is closed: a code outside
/// [`RetCode::MIN`]..=[`RetCode::MAX`] is `other`.
///
/// The range contains both documented sets, return codes (-1 to 3) and status codes (200 to 601).
/// An undocumented code in it keeps its number, so that users can look it up. Another limit bounds
/// the number of codes of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RetCode(i16);

/// How an invocation ended, for every API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Outcome {
    /// The function returned.
    #[default]
    Success = 0,
    /// The code of the function failed.
    FunctionError = 1,
    /// It exceeded its time limit.
    Timeout = 2,
    /// It exceeded its memory limit.
    OutOfMemory = 3,
    /// It was rejected for lack of concurrency or quota.
    Throttled = 4,
    /// The platform failed.
    PlatformError = 5,
    /// It was interrupted or cancelled.
    Interrupted = 6,
    /// Its code has no known meaning.
    Unknown = 7,
}

// === impl RetCode ===

impl RetCode {
    /// Success in the v2 and 3.0 APIs.
    pub const ZERO: Self = Self(0);
    /// Success as a status code of the platform, which CLS gives.
    pub const OK_STATUS: Self = Self(200);
    /// The smallest code that keeps its number.
    pub const MIN: i64 = -1;
    /// The largest code that keeps its number.
    pub const MAX: i64 = 999;
    /// Stands for every other code.
    pub const OTHER: Self = Self(i16::MAX);

    /// Maps a raw code to the closed set.
    pub fn new(raw: i64) -> Self {
        match i16::try_from(raw) {
            Ok(code) if (Self::MIN..=Self::MAX).contains(&raw) => Self(code),
            _ => Self::OTHER,
        }
    }

    /// Returns the stored form: its number, or the mark of `other`.
    pub const fn to_raw(self) -> i16 {
        self.0
    }

    /// The reverse of [`Self::to_raw`].
    pub fn from_raw(raw: i16) -> Self {
        Self::new(i64::from(raw))
    }
}

impl fmt::Display for RetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::OTHER {
            f.write_str("other")
        } else {
            write!(f, "{}", self.0)
        }
    }
}

// === impl Outcome ===

impl Outcome {
    /// Every outcome, in the order of its number.
    pub const ALL: [Self; 8] = [
        Self::Success,
        Self::FunctionError,
        Self::Timeout,
        Self::OutOfMemory,
        Self::Throttled,
        Self::PlatformError,
        Self::Interrupted,
        Self::Unknown,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::FunctionError => "function_error",
            Self::Timeout => "timeout",
            Self::OutOfMemory => "out_of_memory",
            Self::Throttled => "throttled",
            Self::PlatformError => "platform_error",
            Self::Interrupted => "interrupted",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the outcome with this number, if it exists.
    pub fn from_u8(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}
