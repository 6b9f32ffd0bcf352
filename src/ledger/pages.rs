//! When a read of the v2 API is complete: a list that is paged by offset, newest first, while it
//! grows.
//!
//! New rows shift the known ones to higher offsets, rows of one second may change their order
//! between two answers, and old rows are removed at the end. A read is complete only if each *join*
//! between two pages is proven to lose no row; ADR 6 in `docs/adr/` has the
//! argument.

use std::collections::HashSet;

use crate::model::Timestamp;

/// Maximum number of pages in a read; a longer read is truncated.
const PAGES_MAX: usize = 10_000;
/// How often a join is read again, from a lower offset, after the list has shrunk.
const JOIN_RETRIES: usize = 3;
/// Rows that two pages share where a single second is wider than a page.
const ORDER_OVERLAP: usize = 16;
/// Shared rows that prove that the order inside a second is stable.
const ORDER_EVIDENCE: usize = 8;
/// Maximum number of consecutive rows that may be stepped over. More of them mean an outage.
const STEPS_MAX: u64 = 3;
/// How often each of several offsets is requested in turn, to prove that each of them holds an
/// unavailable row, rather than a single one that changes its place.
pub(crate) const ROUNDS: usize = 12;
/// Maximum number of unavailable rows between two proven joins; with more the read is incomplete.
const PLACES_MAX: usize = 8;

/// A page, as far as completeness is concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageShape {
    /// The offset of the request.
    pub offset: u64,
    /// Number of rows in the answer.
    pub rows: usize,
    /// Number of all matching rows, as the answer reports it.
    pub total: Option<u64>,
    /// Position of the newest readable row.
    pub newest: Option<Timestamp>,
    /// Position of the oldest readable row.
    pub oldest: Option<Timestamp>,
    /// Index of the first row of the last group of equal positions (rows without a readable
    /// position belong to the group beside them).
    pub tie_start: usize,
    /// Whether positions are in descending order.
    pub sorted: bool,
    /// A value for each row that identifies it.
    pub marks: Vec<u64>,
}

/// The next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextPage {
    /// The page at `offset`, of at most `limit` rows.
    Fetch {
        /// Rows to skip.
        offset: u64,
        /// Maximum number of rows.
        limit: usize,
    },
    /// The read has ended.
    Done,
}

/// One read of the window from `from` to now.
#[derive(Debug)]
pub struct PagedRead {
    from: Timestamp,
    limit: usize,
    limit_max: usize,
    /// The offset of the current request.
    offset: u64,
    open: Open,
    /// Rows that were stepped over since the last page.
    stepped: u64,
    /// An offset without an answer, and how often it and those before it were requested since.
    doubted: Option<(u64, usize)>,
    pages: usize,
    /// Number of consecutive pages that were equal at different offsets.
    repeats: usize,
    retries: usize,
    broken: bool,
    truncated: bool,
}

/// The joins that are not proven yet: what was read since a page last showed the start of a second.
#[derive(Debug, Default)]
struct Open {
    /// All rows above this offset were read.
    start: u64,
    /// The highest total of these pages.
    total: Option<u64>,
    /// Marks of the last page; none before the first one.
    last: Option<Vec<u64>>,
    oldest: Option<Timestamp>,
    /// Marks of the rows read from `start` on.
    met: HashSet<u64>,
    /// The offsets of rows that were stepped over.
    steps: Vec<u64>,
    /// Some join is not proven by a stable order.
    is_loose: bool,
    /// Rows were removed or moved to another second, so that counting rows proves nothing.
    has_moved: bool,
}

impl PagedRead {
    /// A read back to `from`, whose pages grow from `limit` rows to `limit_max`.
    pub fn new(from: Timestamp, limit: usize, limit_max: usize) -> Self {
        Self {
            from,
            limit: limit.min(limit_max).max(1),
            limit_max: limit_max.max(1),
            offset: 0,
            open: Open::default(),
            stepped: 0,
            doubted: None,
            pages: 0,
            repeats: 0,
            retries: 0,
            broken: false,
            truncated: false,
        }
    }

    /// Returns the first request. The caller may lower the limit of any request.
    pub fn first(&self) -> NextPage {
        self.fetch()
    }

    /// Processes a page and returns the next request.
    pub fn took(&mut self, page: PageShape) -> NextPage {
        self.pages += 1;
        self.stepped = 0;
        self.open.steps.retain(|place| *place < page.offset);
        let doubted = self.doubted.take();
        self.retries += usize::from(doubted.is_some_and(|(place, _)| page.offset < place));
        self.broken |= !page.sorted;
        let is_same = self.open.last.as_ref() == Some(&page.marks) && self.offset > 0;
        let is_end = self.reached_end(&page);
        let drop = self.open.drop_to(&page);
        if drop.is_some_and(|drop| page.offset + drop <= self.open.start) {
            // Rows of a second that began on an earlier page may still change places with those
            // above.
            let has_moved = page.tie_start == 0 && self.open.is_above(&page);
            self.open = Open::from(&page);
            self.open.has_moved = has_moved;
        } else {
            self.open.go_on(&page, drop);
            let is_short = drop.is_some_and(|drop| drop > 0) && self.open.is_loose;
            let is_closed = is_end || is_short || page.tie_start > 0;
            if is_closed && !self.open.adds_up(&page) {
                if let Some(again) = self.again(drop) {
                    return again;
                }
                self.broken = true;
            }
            if page.tie_start > 0 {
                self.open = Open::from(&page);
            }
        }
        if page.tie_start > 0 {
            self.retries = 0;
        }
        if is_end {
            return NextPage::Done;
        }
        self.repeats = if is_same { self.repeats + 1 } else { 0 };
        // A page of a single row may repeat because that row moved.
        if self.repeats > if page.rows > 1 { 0 } else { ORDER_EVIDENCE } {
            // The same rows at another offset: the API does not page.
            self.broken = true;
            return NextPage::Done;
        }
        if self.pages >= PAGES_MAX {
            self.truncated = true;
            return NextPage::Done;
        }
        self.limit = (self.limit * 2).min(self.limit_max);
        self.offset = next_offset(&page);
        self.fetch()
    }

    /// Steps over the row at the current offset, which has no answer even as the only row of a
    /// page. Returns the next request, or `None` after too many consecutive rows.
    ///
    /// Several unavailable rows between two joins are requested again in turn: if it were a single
    /// row that changes its place, another row would be found at its former offset.
    pub fn step_over(&mut self) -> Option<NextPage> {
        if self.stepped >= STEPS_MAX {
            return None;
        }
        let (place, asked) = self.doubted.take().unwrap_or((self.offset, 0));
        let steps = &self.open.steps;
        let is_known = steps.is_empty() || asked >= ROUNDS * (steps.len() + 1);
        if is_known || steps.len() >= PLACES_MAX || self.retries >= JOIN_RETRIES {
            self.open.has_moved |= !is_known;
            self.open.is_loose = true;
            self.open.steps.push(place);
            self.stepped += 1;
            self.offset = place + 1;
        } else {
            self.offset = *steps.get(asked % (steps.len() + 1)).unwrap_or(&place);
            self.doubted = Some((place, asked + 1));
        }
        Some(self.fetch())
    }

    /// Returns the number of rows that were stepped over since the last page.
    pub fn stepped(&self) -> u64 {
        self.stepped
    }

    /// Returns whether every row that the window held when the read began was read or stepped over.
    /// Only meaningful after [`NextPage::Done`].
    pub fn is_complete(&self) -> bool {
        !self.broken && !self.truncated
    }

    /// Returns whether the read ended at the maximum number of pages.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    fn fetch(&self) -> NextPage {
        NextPage::Fetch {
            offset: self.offset,
            limit: self.limit,
        }
    }

    fn reached_end(&mut self, page: &PageShape) -> bool {
        let end = page.offset + page.rows as u64;
        if page.rows == 0 {
            self.broken |= page.total.is_some_and(|total| total > end);
            return true;
        }
        let edge = if page.sorted {
            page.oldest
        } else {
            page.newest
        };
        edge.is_some_and(|position| position < self.from)
            || page.total.is_some_and(|total| total <= end)
    }

    /// Where the list shrank, or unavailable rows moved, requests the unproven pages once more,
    /// from above the rows that moved up.
    fn again(&mut self, drop: Option<u64>) -> Option<NextPage> {
        let drop = drop.filter(|drop| *drop > 0 || !self.open.steps.is_empty())?;
        if self.retries >= JOIN_RETRIES {
            return None;
        }
        self.retries += 1;
        self.offset = self.open.start.saturating_sub(drop);
        Some(self.fetch())
    }
}

// New rows shift others to higher offsets only, so a page that begins where the last second of the
// page before began holds the rest of that second in any order. Removed rows (`total` fell) shift
// others to lower offsets by as many. Where no page reaches from the start of a second into the
// next one, the joins between are proven if the order inside was stable, or if as many different
// rows were read as there are offsets.
impl Open {
    /// Begins at the last second of a page, or at its first row if it holds one second only.
    fn from(page: &PageShape) -> Self {
        Self {
            start: page.offset + page.tie_start as u64,
            total: page.total,
            last: Some(page.marks.clone()),
            oldest: page.oldest,
            met: page.marks.iter().skip(page.tie_start).copied().collect(),
            ..Self::default()
        }
    }

    /// Returns by how much the list shrank; `None` if that is not known.
    fn drop_to(&self, page: &PageShape) -> Option<u64> {
        if self.last.is_none() {
            return Some(0);
        }
        Some(self.total?.saturating_sub(page.total?))
    }

    fn go_on(&mut self, page: &PageShape, drop: Option<u64>) {
        let has_held = |last: &Vec<u64>| order_held(last, &page.marks);
        self.is_loose |= drop.is_none() || !self.last.as_ref().is_some_and(has_held);
        self.has_moved |= self.is_above(page) || drop != Some(0);
        self.met.extend(&page.marks);
        self.total = self.total.max(page.total);
        self.oldest = page.oldest.or(self.oldest);
        self.last = Some(page.marks.clone());
    }

    /// Returns whether a page begins with a newer second than the one with which the last page
    /// ended.
    fn is_above(&self, page: &PageShape) -> bool {
        self.oldest.is_some() && page.newest > self.oldest
    }

    /// Returns whether no row can be missing up to the end of this page.
    fn adds_up(&self, page: &PageShape) -> bool {
        let places = (page.offset + page.rows as u64).saturating_sub(self.start);
        let known = self.met.len() + self.steps.len();
        !self.is_loose || (!self.has_moved && known as u64 >= places)
    }
}

/// Returns whether the last rows of a page are in the next one in the same order.
fn order_held(upper: &[u64], lower: &[u64]) -> bool {
    let shared = &upper[upper.len().saturating_sub(ORDER_OVERLAP)..];
    let mut rest = lower.iter();
    shared.len() >= ORDER_EVIDENCE && shared.iter().all(|mark| rest.any(|other| other == mark))
}

/// Returns the offset of the next page: the start of the last second, or, where the page holds one
/// second only, some rows before its end.
fn next_offset(page: &PageShape) -> u64 {
    if page.tie_start > 0 {
        return page.offset + page.tie_start as u64;
    }
    let overlap = ORDER_OVERLAP.min(page.rows / 2);
    page.offset + (page.rows - overlap) as u64
}

#[cfg(test)]
mod tests;
