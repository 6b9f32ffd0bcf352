//! Rows that the API's total includes and the ledger does not, by second, kept from one read of a
//! target to the next.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use crate::ingest::page::RowStatus;
use crate::ingest::page_size::PageSize;
use crate::model::Timestamp;

/// Seconds kept at most. Rows beyond them are searched for in every read.
const SECONDS_MAX: usize = 100_000;
/// Interval after which the closed part is verified again, so that the watermark moves.
const VERIFY_AFTER: Duration = Duration::from_secs(60);

/// Rows that the API counts and the ledger does not: running invocations, functions that are not
/// selected, unreadable rows, and rows that are listed twice.
///
/// A second is learned from a response that holds all of its rows. After a restart nothing is known,
/// so these rows seem to be missing, are searched for and become known again. These numbers decide
/// what is searched for; they never move the watermark.
#[derive(Debug)]
pub(super) struct UncountedRows {
    seconds: BTreeMap<i64, Second>,
    /// Unexplained difference between list and ledger, by second.
    differs: BTreeMap<i64, i64>,
    /// The number of this read.
    read: u64,
    verified_at: Option<Timestamp>,
    /// Number of rows per request.
    pub(super) page: PageSize,
    /// The last read did not find all rows that the API counts.
    pub(super) is_missing: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Second {
    rows: i64,
    /// One of its invocations was running.
    runs: bool,
    /// Number of the last read that saw all of its rows.
    seen: u64,
}

/// The parts of a row that are needed here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) second: i64,
    pub(super) id: u64,
    pub(super) status: RowStatus,
}

impl UncountedRows {
    /// Starts empty; a request is for at most `page_max` rows.
    pub(super) fn new(page_max: usize) -> Self {
        Self {
            seconds: BTreeMap::new(),
            differs: BTreeMap::new(),
            read: 0,
            verified_at: None,
            page: PageSize::new(page_max),
            is_missing: false,
        }
    }

    /// Begins a read, and drops seconds before `from`.
    pub(super) fn begin(&mut self, from: i64) {
        self.read += 1;
        self.seconds = self.seconds.split_off(&from);
        self.differs = self.differs.split_off(&from);
    }

    /// Learns from the rows of an answer that holds every row of the `whole` seconds.
    pub(super) fn saw(&mut self, whole: &Range<i64>, rows: &[Seen]) {
        if !whole.is_empty() {
            self.seconds.retain(|second, _| !whole.contains(second));
        }
        let mut counted = HashSet::new();
        let mut seen: BTreeMap<i64, Second> = BTreeMap::new();
        for row in rows {
            if row.status != RowStatus::Counted || !counted.insert(row.id) {
                let second = seen.entry(row.second).or_default();
                second.rows += 1;
                second.runs |= row.status == RowStatus::Running;
            }
        }
        for (at, new) in seen {
            if self.seconds.len() >= SECONDS_MAX {
                return;
            }
            let second = self.seconds.entry(at).or_default();
            second.rows = second.rows.max(new.rows);
            second.runs |= new.runs;
            if whole.contains(&at) {
                second.seen = self.read;
            }
        }
    }

    /// Records that the API counts `by` more rows in a second than are known, though none is
    /// missing.
    pub(super) fn differs(&mut self, second: i64, by: i64) {
        if self.differs.len() < SECONDS_MAX {
            *self.differs.entry(second).or_default() += by;
        }
    }

    /// Returns the number of rows in these seconds that the API counts and the ledger does not.
    pub(super) fn rows_in(&self, seconds: &Range<i64>) -> i64 {
        if seconds.is_empty() {
            return 0;
        }
        let rows = self.seconds.range(seconds.clone());
        let differs = self.differs.range(seconds.clone());
        rows.map(|(_, second)| second.rows).sum::<i64>() + differs.map(|(_, by)| by).sum::<i64>()
    }

    /// Returns the first and the last second with a running invocation that this read has not fully
    /// seen yet.
    pub(super) fn running(&self) -> Option<(i64, i64)> {
        let unseen = |(_, second): &(&i64, &Second)| second.runs && second.seen != self.read;
        let first = self.seconds.iter().find(unseen)?.0;
        let last = self.seconds.iter().rfind(unseen)?.0;
        Some((*first, *last))
    }

    pub(super) fn drop_seconds(&mut self, seconds: &Range<i64>) {
        self.seconds.retain(|second, _| !seconds.contains(second));
        self.differs.retain(|second, _| !seconds.contains(second));
    }

    /// Records at `now` that no row is missing in the closed part.
    pub(super) fn verified(&mut self, now: Timestamp) {
        self.verified_at = Some(now);
    }

    /// Returns whether the closed part has to be verified again.
    pub(super) fn is_verification_due(&self, now: Timestamp) -> bool {
        self.verified_at.is_none_or(|at| now - VERIFY_AFTER >= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(second: i64, id: u64, status: RowStatus) -> Seen {
        Seen { second, id, status }
    }

    fn started() -> UncountedRows {
        let mut known = UncountedRows::new(100);
        known.begin(0);
        known
    }

    #[test]
    fn a_second_that_is_seen_whole_is_known_and_one_that_is_seen_in_part_is_known_at_least() {
        use RowStatus::{Counted, PassedOver, Running};
        let mut known = started();
        let again = row(10, 2, Counted);
        let rows = [row(10, 1, Running), again, again, row(20, 3, PassedOver)];
        known.saw(&(0..21), &rows);
        // The running invocation, the row that is listed twice, and the one that is skipped.
        assert_eq!(known.rows_in(&(0..21)), 3);
        known.saw(&(20..20), &[row(20, 3, PassedOver)]);
        assert_eq!(known.rows_in(&(0..21)), 3);
        known.saw(&(10..11), &[row(10, 1, Counted), again]);
        assert_eq!(known.rows_in(&(0..21)), 1);
        known.differs(15, -2);
        assert_eq!(known.rows_in(&(0..21)), -1);
        known.begin(16);
        assert_eq!((known.rows_in(&(0..21)), known.rows_in(&(21..21))), (1, 0));
    }

    #[test]
    fn seconds_with_running_invocations_are_to_be_seen_again_in_each_read() {
        let mut known = started();
        let late = row(40, 2, RowStatus::Running);
        known.saw(&(0..50), &[row(10, 1, RowStatus::Running), late]);
        assert_eq!(known.running(), None);
        known.begin(0);
        assert_eq!(known.running(), Some((10, 40)));
        known.saw(&(40..50), &[late]);
        assert_eq!(known.running(), Some((10, 10)));
        known.drop_seconds(&(0..20));
        assert_eq!(known.running(), None);
    }

    #[test]
    fn a_verification_is_due_at_the_start_and_each_minute() {
        let mut known = started();
        let at = Timestamp::from_secs(1_000_000);
        assert!(known.is_verification_due(at));
        known.verified(at);
        assert!(!known.is_verification_due(at + Duration::from_secs(59)));
        assert!(known.is_verification_due(at + VERIFY_AFTER));
    }
}
