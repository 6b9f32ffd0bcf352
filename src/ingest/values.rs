//! The largest values that are accepted, from any API.

use crate::model::{Bytes, Nanos, Timestamp};

/// The longest run time: a month. Async functions may run a day.
const DURATION_MS_MAX: f64 = 31.0 * 24.0 * 3_600.0 * 1_000.0;
/// The largest memory in bytes: 1 TiB. The cloud offers up to 120 GB.
const MEMORY_MAX: f64 = (1u64 << 40) as f64;
/// The longest name or id in bytes; the cloud's own are up to 60 and 36 characters.
const TEXT_MAX: usize = 256;
/// The latest log time in milliseconds since the epoch: the year 2200.
const TIME_MS_MAX: i64 = 7_258_118_400_000;

/// Returns whether a text can be a name or an id: it is not too long, and no byte of it was replaced
/// because the response is not UTF-8, which would make different names equal.
pub(super) fn is_name(text: &str) -> bool {
    (1..=TEXT_MAX).contains(&text.len()) && !text.contains(char::REPLACEMENT_CHARACTER)
}

/// Converts milliseconds to nanoseconds, exactly for up to six decimals; the APIs send up to three.
pub(super) fn millis(millis: f64) -> Option<Nanos> {
    let is_believed = (0.0..=DURATION_MS_MAX).contains(&millis);
    is_believed.then(|| Nanos((millis * 1e6).round() as u64))
}

/// Converts to the nearest whole number of bytes.
pub(super) fn memory(bytes: f64) -> Option<Bytes> {
    let is_believed = (0.0..=MEMORY_MAX).contains(&bytes);
    is_believed.then(|| Bytes(bytes.round() as u64))
}

/// Converts milliseconds since the epoch.
pub(super) fn instant(millis: i64) -> Option<Timestamp> {
    let is_believed = (1..=TIME_MS_MAX).contains(&millis);
    is_believed.then(|| Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_bounds() {
        for (number, nanos) in [
            (-0.001, None),
            (0.0, Some(0)),
            (0.241, Some(241_000)),
            (2_678_400_000.0, Some(2_678_400_000_000_000)),
            (2_678_400_000.1, None),
            (f64::NAN, None),
        ] {
            assert_eq!(millis(number), nanos.map(Nanos), "{number}");
        }
        for (number, bytes) in [
            (-1.0, None),
            (131_072.4, Some(131_072)),
            (1_099_511_627_776.0, Some(1 << 40)),
            (1_099_511_627_777.0, None),
        ] {
            assert_eq!(memory(number), bytes.map(Bytes), "{number}");
        }
        // date -u -d 2200-01-01 +%s
        for (number, is_time) in [
            (0, false),
            (1, true),
            (7_258_118_400_000, true),
            (7_258_118_400_001, false),
        ] {
            assert_eq!(instant(number).is_some(), is_time, "{number}");
        }
    }
}
