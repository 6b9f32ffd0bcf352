//! The records of one read of a stream.

use super::{Page, Timestamp};

/// Consecutive records of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The rows of the records.
    pub page: Page,
    /// The offset at which the read began.
    pub from: u64,
    /// The offset of the next record.
    pub next: u64,
    /// The time up to which the partition was read: that of the newest record, or the present where
    /// there are no more.
    pub reached: Timestamp,
}
