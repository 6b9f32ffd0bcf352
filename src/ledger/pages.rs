//! Reading a list that is paged by offset, newest first, while it grows.
//!
//! New rows push the known ones to higher offsets, rows of one second may change places between
//! two answers, and old rows fall off the far end. A read may say that it met every row only if
//! each *seam* between two pages is bridged. See `docs/adr/0006-v2-page-dependencies.md` for the argument.

use std::collections::HashSet;

use crate::model::Timestamp;

/// Pages of one read at the most; a read that would need more is cut and says so.
const PAGES_MAX: usize = 10_000;
/// How often a seam is read again, further up, after the list has shrunk.
const SEAM_RETRIES: usize = 3;
/// Rows that two pages share where a single second is wider than a page.
const ORDER_OVERLAP: usize = 16;
/// Shared rows needed to believe that the order inside a second holds still.
const ORDER_EVIDENCE: usize = 8;
/// Rows in a row that may be stepped over. Where more cannot be had, it is not the rows' fault.
const STEPS_MAX: u64 = 3;
/// How often each of several places is asked for in turn, to believe that in each of them stands a
/// row that cannot be had, and not one and the same that changes its place.
pub(crate) const ROUNDS: usize = 12;
/// Places of one stretch that are asked for again at the most; with more it is not complete.
const PLACES_MAX: usize = 8;

/// What a page looked like, whatever its rows mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageShape {
    /// Offset that was asked for.
    pub offset: u64,
    /// Rows that the answer held.
    pub rows: usize,
    /// Matches in all, as the answer says.
    pub total: Option<u64>,
    /// Position of the newest readable row.
    pub newest: Option<Timestamp>,
    /// Position of the oldest readable row.
    pub oldest: Option<Timestamp>,
    /// Index of the first row of the last group of equal positions (rows without a readable
    /// position belong to the group beside them).
    pub tie_start: usize,
    /// Whether positions never rose.
    pub sorted: bool,
    /// A value for each row that tells rows apart.
    pub marks: Vec<u64>,
}

/// What to ask for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextPage {
    /// The page at `offset`, of `limit` rows at the most.
    Fetch {
        /// Rows to skip.
        offset: u64,
        /// Rows wanted.
        limit: usize,
    },
    /// The window is read through, or cut.
    Done,
}

/// One read of the window from `from` to now.
#[derive(Debug)]
pub struct PagedRead {
    from: Timestamp,
    limit: usize,
    limit_max: usize,
    /// The offset that is asked for.
    offset: u64,
    open: Open,
    /// Rows that were stepped over since the last page.
    stepped: u64,
    /// A place that was refused, and how often it and those before it were asked for since.
    doubted: Option<(u64, usize)>,
    pages: usize,
    /// Pages in a row that were the same at another offset.
    repeats: usize,
    retries: usize,
    broken: bool,
    truncated: bool,
}

/// What was read since the beginning of a second was last in sight.
#[derive(Debug, Default)]
struct Open {
    /// Every row that was above this offset was met.
    start: u64,
    /// The most matches that a page told of.
    total: Option<u64>,
    /// Marks of the last page; none before the first one.
    last: Option<Vec<u64>>,
    oldest: Option<Timestamp>,
    /// Marks of the rows from `start` on.
    met: HashSet<u64>,
    /// The places of rows that were stepped over.
    steps: Vec<u64>,
    /// A seam in it is not proven by an order that held still.
    is_loose: bool,
    /// Rows disappeared or moved to another second, so that a count proves nothing.
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

    /// The first page to ask for. Of any page fewer rows may be asked for than it says.
    pub fn first(&self) -> NextPage {
        self.fetch()
    }

    /// Takes in a page and says what to ask for next.
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
            // Rows of a second that began further up may still change places with those above.
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
        // One row may have moved there.
        if self.repeats > if page.rows > 1 { 0 } else { ORDER_EVIDENCE } {
            // The same rows at another offset: what answers does not page.
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

    /// The row at the offset cannot be had, even by itself. It is stepped over, if not too many were
    /// in a row; `None` then.
    ///
    /// Of several between two seconds all are asked for again, in turn: were it one row that changes
    /// its place, another one would stand where it was before.
    pub fn step_over(&mut self) -> Option<NextPage> {
        if self.stepped >= STEPS_MAX {
            return None;
        }
        let (place, asked) = self.doubted.take().unwrap_or((self.offset, 0));
        let steps = &self.open.steps;
        let is_known = steps.is_empty() || asked >= ROUNDS * (steps.len() + 1);
        if is_known || steps.len() >= PLACES_MAX || self.retries >= SEAM_RETRIES {
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

    /// Rows that were stepped over since the last page.
    pub fn stepped(&self) -> u64 {
        self.stepped
    }

    /// Whether every row of the window that could be seen when the read began was met, or stepped
    /// over. Only meaningful after [`NextPage::Done`].
    pub fn is_complete(&self) -> bool {
        !self.broken && !self.truncated
    }

    /// Whether the read was cut by the limit on pages.
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

    /// Where the list shrank, or rows that cannot be had moved: what is open once more, from above
    /// the rows that moved up.
    fn again(&mut self, drop: Option<u64>) -> Option<NextPage> {
        let drop = drop.filter(|drop| *drop > 0 || !self.open.steps.is_empty())?;
        if self.retries >= SEAM_RETRIES {
            return None;
        }
        self.retries += 1;
        self.offset = self.open.start.saturating_sub(drop);
        Some(self.fetch())
    }
}

// Rows that come in push others only down, so a page that begins where the last second of its
// neighbour began holds what is left of that second in whatever order. Rows that disappeared
// (`total` fell) push others up by as many. Where no page reaches from the beginning of a second
// into the next one, the joins between hold if the order inside was seen to hold still, or if as
// many different rows were met as there are places.
impl Open {
    /// From the last second of a page on, or from its beginning if it holds nothing else.
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

    /// By how much the list shrank; `None` if that cannot be told.
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

    /// Whether a page begins with a newer second than the last one ended with.
    fn is_above(&self, page: &PageShape) -> bool {
        self.oldest.is_some() && page.newest > self.oldest
    }

    /// Whether no row can be missing down to the end of this page.
    fn adds_up(&self, page: &PageShape) -> bool {
        let places = (page.offset + page.rows as u64).saturating_sub(self.start);
        let known = self.met.len() + self.steps.len();
        !self.is_loose || (!self.has_moved && known as u64 >= places)
    }
}

/// Whether the last rows of one page come again in the next one, in the same order.
fn order_held(upper: &[u64], lower: &[u64]) -> bool {
    let shared = &upper[upper.len().saturating_sub(ORDER_OVERLAP)..];
    let mut rest = lower.iter();
    shared.len() >= ORDER_EVIDENCE && shared.iter().all(|mark| rest.any(|other| other == mark))
}

/// Where the next page begins: at the start of the last second, or, where the page holds nothing
/// else, some rows before its end.
fn next_offset(page: &PageShape) -> u64 {
    if page.tie_start > 0 {
        return page.offset + page.tie_start as u64;
    }
    let overlap = ORDER_OVERLAP.min(page.rows / 2);
    page.offset + (page.rows - overlap) as u64
}

#[cfg(test)]
mod tests;
