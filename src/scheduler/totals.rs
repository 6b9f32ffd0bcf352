//! The totals of one read.

use crate::commit::{Minute, PageOutcome};
use crate::model::{Page, Timestamp};
use crate::telemetry::Rows;

/// Totals of the pages of a read.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadTotals {
    /// Rows by disposition.
    pub(super) rows: Rows,
    /// Counted rows by minute.
    pub(super) minutes: Vec<Minute>,
    /// Position of the newest finished row.
    pub(super) newest: Option<Timestamp>,
    /// A page could not be committed.
    pub(super) commit_failed: bool,
}

impl ReadTotals {
    /// Records the position of the newest row of a page.
    pub(super) fn saw(&mut self, page: &Page) {
        let newest = page.rows.iter().map(|row| row.position).max();
        self.newest = self.newest.max(newest);
    }

    /// Adds the outcome of a page.
    pub(super) fn add(&mut self, page: PageOutcome) {
        self.rows.add(Rows {
            counted: page.counted,
            duplicate: page.duplicate,
            late: page.late,
            unfinished: page.unfinished,
            invalid: page.invalid,
        });
        self.minutes.extend(page.minutes);
    }
}
