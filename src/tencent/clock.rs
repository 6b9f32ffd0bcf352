//! How far this machine's clock is from the cloud's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::date::parse_http_date;
use crate::model::Timestamp;

/// An answer's date further off than this is nonsense rather than a clock: ten years, in
/// milliseconds.
const MAX_OFFSET_MS: i64 = 10 * 366 * 86_400 * 1_000;

/// Offsets this close are the same: dates have whole seconds and answers take their time. The
/// vendor allows five minutes.
const AGREE_MS: i64 = 2_000;

/// The offset of the cloud's clock from this machine's, zero until a refusal teaches another.
/// Clones share it: give one to all clients of a source, and what one learns holds for all.
#[derive(Debug, Clone, Default)]
pub struct CloudClock(Arc<AtomicI64>);

// === impl CloudClock ===

impl CloudClock {
    /// The offset in milliseconds, a whole number of seconds; positive where this machine is late.
    pub fn offset_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The cloud's time when this machine's clock says `now`.
    pub fn at(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.as_millis().saturating_add(self.offset_ms()))
    }

    /// Takes over the offset that an answer's `date` (the header's value) shows at `now`, unless
    /// it is nonsense. The offset learned.
    pub(super) fn learn(&self, date: &str, now: Timestamp) -> Option<i64> {
        let offset = offset_ms(date, now)?;
        self.0.store(offset, Ordering::Relaxed);
        Some(offset)
    }
}

/// Whether two offsets could both be that of one clock, so that signing with the other changes
/// nothing.
pub(super) fn agree(a: i64, b: i64) -> bool {
    a.abs_diff(b) < AGREE_MS.unsigned_abs()
}

fn offset_ms(date: &str, now: Timestamp) -> Option<i64> {
    let date_ms = parse_http_date(date)?.checked_mul(1_000)?;
    let difference = date_ms.checked_sub(now.as_millis())?;
    let good = difference.unsigned_abs() <= MAX_OFFSET_MS.unsigned_abs();
    good.then(|| (difference + 500).div_euclid(1_000) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    const DATE_MS: i64 = 1_700_000_000_000;

    #[test]
    fn the_offset_is_the_difference_in_whole_seconds() {
        for (now, offset) in [
            (DATE_MS, 0),
            (DATE_MS - 400_000, 400_000),
            (DATE_MS + 400_000, -400_000),
            (DATE_MS + 499, 0),
            (DATE_MS + 501, -1_000),
            (DATE_MS - 501, 1_000),
        ] {
            let clock = CloudClock::default();
            let now = Timestamp::from_millis(now);
            assert_eq!(clock.learn(DATE, now), Some(offset));
            assert_eq!(clock.clone().offset_ms(), offset);
            let error = clock.at(now).as_millis() - DATE_MS;
            assert!(error.abs() <= 500, "{error}");
        }
    }

    #[test]
    fn nonsense_teaches_nothing() {
        let clock = CloudClock::default();
        let eleven_years = 11 * 366 * 86_400_000;
        for (date, now) in [
            ("yesterday", DATE_MS),
            ("", DATE_MS),
            (DATE, DATE_MS + eleven_years),
            (DATE, DATE_MS - eleven_years),
            (DATE, i64::MIN),
            (DATE, i64::MAX),
        ] {
            assert_eq!(clock.learn(date, Timestamp::from_millis(now)), None);
            assert_eq!(clock.offset_ms(), 0);
        }
    }

    proptest! {
        #[test]
        fn any_offset_is_of_whole_seconds_and_bounded(now in any::<i64>()) {
            if let Some(offset) = offset_ms(DATE, Timestamp::from_millis(now)) {
                prop_assert_eq!(offset % 1_000, 0);
                prop_assert!(offset.abs() <= MAX_OFFSET_MS + 1_000);
            }
        }

        #[test]
        fn agreeing_is_symmetric_and_never_overflows(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(agree(a, b), agree(b, a));
        }
    }
}
