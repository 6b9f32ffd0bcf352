//! An instant as a number of milliseconds.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use time::UtcDateTime;

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

// === impl Timestamp ===

impl Timestamp {
    /// The earliest representable instant: "before everything".
    pub const MIN: Self = Self(i64::MIN);
    /// The latest representable instant: "after everything".
    pub const MAX: Self = Self(i64::MAX);

    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000))
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Seconds since the epoch as a float, for gauges.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// The same by the calendar, to the second; the nearest instant of the years -9999 to 9999.
    pub fn utc(self) -> UtcDateTime {
        let (first, last) = (UtcDateTime::MIN, UtcDateTime::MAX);
        let second = self.as_secs().max(first.unix_timestamp());
        UtcDateTime::from_unix_timestamp(second).unwrap_or(last)
    }

    /// The time from `earlier` to `self`, zero where `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)),
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:03}",
            self.0.div_euclid(1_000),
            self.0.rem_euclid(1_000)
        )
    }
}
