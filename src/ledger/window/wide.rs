//! A second that holds more rows than an answer: read by offset, in several passes.

use std::collections::HashSet;

use super::{Ask, DEPTH_MAX, Mark};

const IDLE_PASSES_MAX: u32 = 5;
const PASSES_MAX: u32 = 50;

/// The read of one second. Rows change their order between answers, so one pass over the pages may
/// miss some; the union of all passes is complete when it is as large as the API's total.
#[derive(Debug)]
pub(super) struct WideSecond {
    second: i64,
    offset: u64,
    total: Option<u64>,
    met: HashSet<u64>,
    /// The page before this one, of the same pass.
    before: Vec<Mark>,
    /// Whether answers may be out of order. Then rows of the next second may be anywhere, and both
    /// seconds are read.
    mixed: bool,
    /// Whether the current pass found a new row.
    found: bool,
    /// Number of rows of the second, by the last pass that reached its end.
    counted: Option<u64>,
    idle: u32,
    passes: u32,
}

/// The state of the read after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    /// Every row was read.
    Whole,
    /// Rows are missing.
    Short,
    /// The second holds more rows than the API can page.
    TooDeep,
}

// === impl WideSecond ===

impl WideSecond {
    pub(super) fn new(second: i64) -> Self {
        Self {
            second,
            offset: 0,
            total: None,
            met: HashSet::new(),
            before: Vec::new(),
            mixed: false,
            found: false,
            counted: None,
            idle: 0,
            passes: 0,
        }
    }

    pub(super) fn second(&self) -> i64 {
        self.second
    }

    pub(super) fn counted(&self) -> Option<u64> {
        self.counted
    }

    pub(super) fn ask(&self, limit: usize) -> Ask {
        let room = usize::try_from(DEPTH_MAX - self.offset).unwrap_or(limit);
        Ask {
            from: self.second,
            to: self.second + 1,
            offset: self.offset,
            limit: limit.min(room),
        }
    }

    /// Processes a page. Unless `strict`, one pass is enough.
    pub(super) fn took(&mut self, rows: &[Mark], total: Option<u64>, strict: bool) -> Progress {
        let moved = self.offset > 0 && self.total != total;
        self.total = total;
        // A page that begins with the next second: the second is empty, or answers are newest
        // first.
        let later_first = self.offset == 0 && rows.first().is_some_and(|row| self.is_later(row));
        if !self.mixed && (later_first || !in_order(rows)) {
            self.mixed = true;
            self.rewind();
            return Progress::More;
        }
        let own = self.own_rows(rows);
        for row in &rows[..own] {
            self.found |= self.met.insert(row.id);
        }
        let end = self.offset + rows.len() as u64;
        let count = if own < rows.len() {
            Some(self.offset + own as u64)
        } else {
            total.filter(|total| *total <= end)
        };
        // A total of that size may be cut off there.
        let too_deep = end >= DEPTH_MAX && own == rows.len();
        if too_deep {
            return Progress::TooDeep;
        }
        // The same page at another offset: the API does not page. A single row may have moved
        // there.
        let is_same = self.offset > 0 && rows.len() > 1 && self.before == rows;
        let stuck = rows.is_empty() || is_same;
        if moved || stuck || count.is_some() {
            return self.pass_ended(count.filter(|_| !moved), strict);
        }
        self.offset = end;
        self.before = rows.to_vec();
        Progress::More
    }

    fn own_rows(&self, rows: &[Mark]) -> usize {
        match rows.iter().position(|row| self.is_later(row)) {
            Some(index) if !self.mixed => index,
            _ => rows.len(),
        }
    }

    fn is_later(&self, row: &Mark) -> bool {
        row.second.is_some_and(|second| second > self.second)
    }

    fn pass_ended(&mut self, count: Option<u64>, strict: bool) -> Progress {
        self.counted = count.or(self.counted);
        if count == Some(self.met.len() as u64) {
            return Progress::Whole;
        }
        self.passes += 1;
        self.idle = if self.found { 0 } else { self.idle + 1 };
        if !strict || self.idle >= IDLE_PASSES_MAX || self.passes >= PASSES_MAX {
            return Progress::Short;
        }
        self.rewind();
        Progress::More
    }

    fn rewind(&mut self) {
        (self.offset, self.total, self.found) = (0, None, false);
        self.before.clear();
    }
}

fn in_order(rows: &[Mark]) -> bool {
    rows.iter().filter_map(|row| row.second).is_sorted()
}
