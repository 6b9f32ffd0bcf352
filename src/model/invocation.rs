//! One finished invocation, and the page that carries many of them.

use sha1::{Digest, Sha1};

use super::{Bytes, FunctionId, Nanos, Outcome, RetCode, Timestamp};

/// Identifies an invocation when it is read again: the request id as 128 bits, and what
/// distinguishes the retries of one request, which is the retry number (API 3.0, CLS) or the start
/// second (v2, which has no retry number).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct InvocationKey {
    /// See [`attempt_id`].
    pub id: u128,
    /// The retry number or the start second.
    pub attempt: u32,
}

/// One finished invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Row {
    /// Index into [`Page::functions`].
    pub function: u16,
    /// Return code, folded into its closed set.
    pub ret_code: RetCode,
    /// The meaning of return code and message.
    pub outcome: Outcome,
    /// Identity.
    pub key: InvocationKey,
    /// Whether the id in the key is the request id itself and not its hash.
    pub id_is_uuid: bool,
    /// The time by which the source orders rows: start time for v2 and 3.0, log time for CLS.
    pub position: Timestamp,
    /// Run time.
    pub duration: Nanos,
    /// Billed time.
    pub billed: Nanos,
    /// Memory used.
    pub memory: Bytes,
    /// Memory configured; zero where the source does not report it.
    pub memory_limit: Bytes,
    /// Start time; [`Timestamp::MIN`] where the source does not report it.
    pub started: Timestamp,
    /// Whether it is a retry of its request. v2 does not report it.
    pub retried: bool,
}

/// One cold start: the time before the function's code could run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColdStart {
    /// Index into [`Page::functions`].
    pub function: u16,
    /// The key of the invocation that waited for it, changed by [`InvocationKey::of_cold_start`].
    pub key: InvocationKey,
    /// The time by which the source orders rows.
    pub position: Timestamp,
    /// The whole time.
    pub total: Nanos,
    /// Its parts in the order of [`ColdStart::PARTS`]; zero where one is not reported.
    pub parts: [Nanos; ColdStart::PARTS.len()],
}

/// The rows of one answer of an API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The functions that the rows name, each once.
    pub functions: Vec<FunctionId>,
    /// Finished invocations inside the window that was read, in the order of the answer.
    pub rows: Vec<Row>,
    /// Cold starts. They are no rows: no disposition counts them.
    pub cold_starts: Vec<ColdStart>,
    /// Number of rows of running invocations; they are read again later.
    pub unfinished: u64,
    /// Why rows could not be counted, one entry for each row.
    pub rejects: Vec<RejectReason>,
}

/// Why a row could not be counted; a label value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// The row is not a JSON object.
    NotAnObject,
    /// No usable function name.
    FunctionName,
    /// No usable request id.
    RequestId,
    /// No usable start time.
    StartTime,
    /// No usable return code.
    RetCode,
    /// Duration missing, negative or out of range.
    Duration,
    /// Billed duration missing, negative or out of range.
    BilledDuration,
    /// Memory missing, negative or out of range.
    Memory,
    /// The API has no answer with the row, even where it is requested alone.
    Unavailable,
}

impl InvocationKey {
    /// This bit of `attempt` marks the key of a cold start. Retry numbers are small, and start
    /// seconds use it from 2038 on only.
    const COLD: u32 = 1 << 31;

    /// Returns the key of the invocation's cold start.
    #[must_use]
    pub const fn of_cold_start(self) -> Self {
        Self {
            attempt: self.attempt | Self::COLD,
            ..self
        }
    }

    /// Returns whether it is the key of a cold start.
    pub const fn is_cold_start(self) -> bool {
        self.attempt & Self::COLD != 0
    }
}

impl ColdStart {
    /// The parts that the platform reports, as label values.
    pub const PARTS: [&str; 3] = ["pull_code", "init_runtime", "init_function"];
}

impl RejectReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::NotAnObject,
        Self::FunctionName,
        Self::RequestId,
        Self::StartTime,
        Self::RetCode,
        Self::Duration,
        Self::BilledDuration,
        Self::Memory,
        Self::Unavailable,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAnObject => "not_an_object",
            Self::FunctionName => "function_name",
            Self::RequestId => "request_id",
            Self::StartTime => "start_time",
            Self::RetCode => "ret_code",
            Self::Duration => "duration",
            Self::BilledDuration => "billed_duration",
            Self::Memory => "memory",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Returns a request id as 128 bits: the bits of a UUID, or else the first 128 bits of its SHA-1.
/// Two different ids collide with a probability of about 2^-128.
pub fn attempt_id(request_id: &str) -> u128 {
    uuid_bits(request_id.as_bytes()).unwrap_or_else(|| {
        let digest = Sha1::digest(request_id.as_bytes());
        let mut half = [0u8; 16];
        half.copy_from_slice(&digest[..16]);
        u128::from_be_bytes(half)
    })
}

/// Returns whether [`attempt_id`] keeps the id itself and not its hash.
pub fn is_uuid(request_id: &str) -> bool {
    uuid_bits(request_id.as_bytes()).is_some()
}

/// The groups of digits of a canonical UUID, between its dashes.
const UUID_GROUPS: [std::ops::Range<usize>; 5] = [0..8, 9..13, 14..18, 19..23, 24..36];

/// The value of each hexadecimal digit in lower case; [`NO_DIGIT`] for every other byte.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    digits
};
const NO_DIGIT: u8 = 0x80;

/// Returns the bits of a UUID in its canonical form (lower case, four dashes), else `None`.
///
/// Every row passes through here, so the digits are validated together at the end: a branch for
/// each of them costs several times as much.
fn uuid_bits(text: &[u8]) -> Option<u128> {
    let text: &[u8; 36] = text.try_into().ok()?;
    if [8, 13, 18, 23].iter().any(|&at| text[at] != b'-') {
        return None;
    }
    let (mut bits, mut all) = (0u128, 0u8);
    for group in UUID_GROUPS {
        let digits = &text[group];
        let mut part = 0u64;
        for &byte in digits {
            let digit = DIGITS[usize::from(byte)];
            all |= digit;
            part = (part << 4) | u64::from(digit);
        }
        bits = (bits << (4 * digits.len())) | u128::from(part);
    }
    (all & NO_DIGIT == 0).then_some(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_keeps_its_bits_and_other_ids_are_hashed() {
        let id = attempt_id("b684ef85-250a-11e7-839d-5254007d2563");
        assert_eq!(id, 0xb684_ef85_250a_11e7_839d_5254_007d_2563);
        assert!(is_uuid("b684ef85-250a-11e7-839d-5254007d2563"));
        // sha1("abc") = a9993e364706816aba3e25717850c26c9cd0d89d (FIPS 180-2, appendix A.1)
        assert_eq!(attempt_id("abc"), 0xa999_3e36_4706_816a_ba3e_2571_7850_c26c);
        for odd in [
            "b684ef85-250a-11e7-839d_5254007d2563",
            "b684ef85-250a-11e7-839d-5254007d256g",
        ] {
            assert!(!is_uuid(odd), "{odd}");
        }
        assert_ne!(
            attempt_id("B684EF85-250a-11e7-839d-5254007d2563"),
            id,
            "an id in another spelling is another id"
        );
    }
}
