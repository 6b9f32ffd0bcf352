//! How late a row may appear: one rule for sources, scheduler and committer.

use std::time::Duration;

use crate::model::Timestamp;

/// How long after its position a row may still appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct AllowedLateness(Duration);

impl AllowedLateness {
    /// Nothing is late: the rows of a stream.
    pub const NONE: Self = Self(Duration::ZERO);

    /// Rows are delivered within `delivery_delay` of their position, as lines of a log are.
    pub const fn of_lines(delivery_delay: Duration) -> Self {
        Self(delivery_delay)
    }

    /// Rows stand at the start of calls that run up to `max_run_time` and are delivered afterwards.
    pub const fn of_calls(max_run_time: Duration, delivery_delay: Duration) -> Self {
        Self(max_run_time.saturating_add(delivery_delay))
    }

    /// The same where the API cuts start times to the second.
    #[must_use]
    pub const fn with_cut_starts(self) -> Self {
        Self(self.0.saturating_add(Duration::from_secs(1)))
    }

    /// The position below which nothing can appear any more at `now`.
    pub fn closed_at(self, now: Timestamp) -> Timestamp {
        now - self.0
    }

    /// How far below a checkpoint keys are kept, so that a late row can be told from one that was
    /// counted: as long again as rows are waited for.
    pub const fn dedup_span(self) -> Duration {
        self.0
    }

    /// The span itself.
    pub const fn as_duration(self) -> Duration {
        self.0
    }
}
