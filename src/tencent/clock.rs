//! How far this machine's clock is from the cloud's.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::date::parse_http_date;
use crate::model::Timestamp;

/// An answer's date further off than this is nonsense rather than a clock: ten years, in
/// milliseconds.
const MAX_OFFSET_MS: i64 = 10 * 366 * 86_400 * 1_000;

/// Offsets this close are the same: dates have whole seconds and answers take their time. The
/// vendor allows five minutes.
const AGREE_MS: i64 = 2_000;

/// How far an answer may put the cloud's clock from what is known before it is believed: behind
/// one name there are many machines, whose clocks differ a little.
const SLACK_MS: i64 = 3_000;

/// The offset of the cloud's clock from this machine's, zero until an answer teaches another.
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

    /// The same from an answer that is no refusal, where the `date` cannot lie between the moments
    /// at which the request was sent and its answer had come. A request is also accepted by a
    /// cloud whose clock is `allowed` away from its stamp; a date further off than that is not the
    /// cloud's (a gateway's, perhaps), and teaches nothing.
    pub(super) fn compare(
        &self,
        date: &str,
        (sent, received): (Timestamp, Timestamp),
        allowed: Duration,
    ) -> Option<i64> {
        let known = self.offset_ms();
        let date_ms = parse_http_date(date)?.checked_mul(1_000)?;
        let least = date_ms.checked_sub(received.as_millis())?;
        // A date is cut to its second.
        let most = date_ms.checked_sub(sent.as_millis())?.checked_add(999)?;
        let possible = least.checked_sub(SLACK_MS)?..=most.checked_add(SLACK_MS)?;
        let offset = (least.checked_add(most)? / 2 + 500).div_euclid(1_000) * 1_000;
        if possible.contains(&known) || u128::from(offset.abs_diff(known)) > allowed.as_millis() {
            return None;
        }
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

    /// The offset learned by a clock that is `known` off, from [`DATE`] in the answer to a request
    /// that was sent and answered so long after it, in milliseconds.
    fn compared(known: i64, sent: i64, received: i64) -> Option<i64> {
        let clock = CloudClock(Arc::new(AtomicI64::new(known)));
        let at = |after: i64| Timestamp::from_millis(DATE_MS + after);
        let allowed = Duration::from_secs(300);
        let learned = clock.compare(DATE, (at(sent), at(received)), allowed);
        assert_eq!(clock.offset_ms(), learned.unwrap_or(known));
        learned
    }

    #[test]
    fn a_date_that_fits_teaches_nothing() {
        for (known, sent, received) in [
            (0, 0, 0),
            (0, -30_000, 0),
            (0, 0, 30_000),
            (0, 3_999, 3_999),
            (0, -3_000, -3_000),
            (180_000, -180_000, -179_000),
        ] {
            assert_eq!(compared(known, sent, received), None, "{known} {sent}");
        }
    }

    #[test]
    fn a_date_that_cannot_be_teaches_the_middle_of_what_can() {
        for (known, sent, received, offset) in [
            (0, -180_000, -180_000, 180_000),
            (0, 180_000, 180_000, -180_000),
            (0, 180_000, 190_000, -185_000),
            (180_000, 0, 0, 0),
            (0, 5_000, 5_000, -5_000),
        ] {
            let learned = compared(known, sent, received).unwrap();
            assert!((learned - offset).abs() <= 1_000, "{learned} {offset}");
        }
    }

    #[test]
    fn a_date_beyond_what_the_cloud_allows_is_not_its_own() {
        assert_eq!(compared(0, 302_000, 302_000), None);
        assert_eq!(compared(0, -302_000, -302_000), None);
        assert_eq!(compared(420_000, 0, 0), None);
        assert_eq!(compared(0, i64::MIN / 2, i64::MAX / 2), None);
    }

    proptest! {
        #[test]
        fn what_was_learned_once_fits_the_same_answer(
            known in -280_000i64..280_000, sent in -1_000i64..1_000, took in 0i64..60_000,
        ) {
            if let Some(learned) = compared(known, sent, sent + took) {
                prop_assert_eq!(compared(learned, sent, sent + took), None);
            }
        }

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
