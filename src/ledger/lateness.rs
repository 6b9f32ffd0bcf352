//! Allowed lateness: the one rule on how late a row may arrive, for sources, scheduler and
//! committer.

use std::time::Duration;

use crate::model::Timestamp;

/// How long after its position a row may still appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct AllowedLateness(Duration);

impl AllowedLateness {
    /// The lateness of a stream, whose records are in order.
    pub const NONE: Self = Self(Duration::ZERO);

    /// The lateness of log lines, which are delivered within `delivery_delay` of their position.
    pub const fn of_lines(delivery_delay: Duration) -> Self {
        Self(delivery_delay)
    }

    /// The lateness of rows that are ordered by the start of calls: a call runs for up to
    /// `max_run_time`, and its row is delivered within `delivery_delay` of its end.
    pub const fn of_calls(max_run_time: Duration, delivery_delay: Duration) -> Self {
        Self(max_run_time.saturating_add(delivery_delay))
    }

    /// One second more, where the API truncates start times to the second.
    #[must_use]
    pub const fn with_cut_starts(self) -> Self {
        Self(self.0.saturating_add(Duration::from_secs(1)))
    }

    /// Returns the position below which no row can appear any more at `now`.
    pub fn closed_at(self, now: Timestamp) -> Timestamp {
        now - self.0
    }

    /// Returns how far below a checkpoint keys are kept, so that a late row can be told from a
    /// duplicate: once more the allowed lateness.
    pub const fn dedup_span(self) -> Duration {
        self.0
    }

    /// Returns the span itself.
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}
