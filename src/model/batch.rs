//! The records of one read of a stream.

use super::{Page, Timestamp};

/// Records of a partition in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// What they hold; an offset is no part of a row.
    pub page: Page,
    /// The offset from which they were asked for.
    pub from: u64,
    /// The offset after them.
    pub next: u64,
    /// Up to when the partition was read, by the time of its records: that of the newest one, or
    /// the present where there are no more.
    pub reached: Timestamp,
}
