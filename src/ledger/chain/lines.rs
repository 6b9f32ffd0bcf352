//! The state of the current chain, and of a millisecond that is read by offset.

use super::ChainMark;
use crate::model::Timestamp;

/// Number of lines that two pages read by offset share, to verify that the order is stable.
const OVERLAP: usize = 16;

/// The current chain, or the last one.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) from: Timestamp,
    /// The end, exclusive.
    pub(super) until: Timestamp,
    pub(super) limit: usize,
    pub(super) taken: usize,
    /// Time of its last line.
    pub(super) last: Option<Timestamp>,
    /// Number of lines at its end that share that time.
    pub(super) ties: usize,
    /// The last of their marks, at most [`OVERLAP`].
    pub(super) tail: Vec<u64>,
    pub(super) sorted: bool,
    /// Number of consecutive empty pages.
    pub(super) empty: usize,
    /// The lines of its last page.
    pub(super) page: Vec<ChainMark>,
}

/// One millisecond that is read by offset.
#[derive(Debug)]
pub(super) struct MillisecondScan {
    pub(super) at: Timestamp,
    pub(super) offset: usize,
    /// The marks with which the page at `offset` must begin, as the page before ended with them.
    pub(super) expected: Vec<u64>,
    /// Whether it was begun anew once because its order changed.
    pub(super) again: bool,
    pub(super) pages: usize,
}

// === impl Chain ===

impl Chain {
    pub(super) fn new(from: Timestamp, until: Timestamp) -> Self {
        Self {
            from,
            until,
            limit: 1,
            taken: 0,
            last: None,
            ties: 0,
            tail: Vec::new(),
            sorted: true,
            empty: 0,
            page: Vec::new(),
        }
    }

    /// The millisecond of its last line.
    pub(super) fn end(&self) -> Timestamp {
        self.last.unwrap_or(self.from).max(self.from)
    }

    /// Begins to read its last millisecond by offset, after the lines that the chain returned.
    pub(super) fn scan(&self, at: Timestamp) -> MillisecondScan {
        MillisecondScan {
            at,
            offset: self.ties - self.tail.len(),
            expected: self.tail.clone(),
            again: false,
            pages: 0,
        }
    }

    pub(super) fn add(&mut self, marks: &[ChainMark]) {
        self.taken += marks.len();
        for line in marks {
            if self.last != Some(line.at) {
                self.sorted &= self.last.is_none_or(|last| last < line.at);
                self.last = Some(line.at);
                self.ties = 0;
            }
            self.ties += 1;
        }
        let shared = OVERLAP.min(self.ties);
        let new = shared.min(marks.len());
        let kept = (shared - new).min(self.tail.len());
        self.tail.drain(..self.tail.len() - kept);
        let newest = &marks[marks.len() - new..];
        self.tail.extend(newest.iter().map(|line| line.mark));
    }
}

// === impl MillisecondScan ===

impl MillisecondScan {
    /// Reduces the number of lines that are shared with the page before.
    pub(super) fn share(&mut self, lines: usize) {
        let more = self.expected.len().saturating_sub(lines);
        self.expected.drain(..more);
        self.offset += more;
    }
}

/// Returns how many lines a page of `limit` lines shares with the one before it.
pub(super) fn overlap(limit: usize) -> usize {
    OVERLAP.min(limit / 2)
}

pub(super) fn after(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add(1))
}
