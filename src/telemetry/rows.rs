//! Rows by disposition, for the status page.

use serde::Serialize;

/// Numbers of rows by [`super::Disposition`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// Counted.
    pub counted: u64,
    /// Counted before.
    pub duplicate: u64,
    /// Too late to be counted.
    pub late: u64,
    /// Not finished yet.
    pub unfinished: u64,
    /// Unreadable.
    pub invalid: u64,
}

impl Rows {
    /// Returns the number of all rows that were read.
    pub fn read(&self) -> u64 {
        self.counted + self.duplicate + self.late + self.unfinished + self.invalid
    }

    /// Adds the rows of another read.
    pub fn add(&mut self, other: Self) {
        self.counted += other.counted;
        self.duplicate += other.duplicate;
        self.late += other.late;
        self.unfinished += other.unfinished;
        self.invalid += other.invalid;
    }
}
