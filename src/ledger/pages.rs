//! Reading a list that is paged by offset, newest first, while it grows.
//!
//! New rows push the known ones to higher offsets, rows of one second may change places between
//! two answers, and old rows fall off the far end. A read may say that it met every row only if
//! each *seam* between two pages is bridged. See `docs/adr/0006-v2-page-seams.md` for the argument.

use crate::model::Timestamp;

/// Pages of one read at the most; a read that would need more is cut and says so.
const PAGES_MAX: usize = 10_000;
/// How often a seam is read again, further up, after the list has shrunk.
const SEAM_RETRIES: usize = 3;
/// Rows that two pages share where a single second is wider than a page.
const ORDER_OVERLAP: usize = 16;
/// Shared rows needed to believe that the order inside a second holds still.
const ORDER_EVIDENCE: usize = 8;

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
    last: Option<PageShape>,
    pages: usize,
    retries: usize,
    broken: bool,
    truncated: bool,
}

impl PagedRead {
    /// A read back to `from`, whose pages grow from `limit` rows to `limit_max`.
    pub fn new(from: Timestamp, limit: usize, limit_max: usize) -> Self {
        Self {
            from,
            limit: limit.min(limit_max).max(1),
            limit_max: limit_max.max(1),
            last: None,
            pages: 0,
            retries: 0,
            broken: false,
            truncated: false,
        }
    }

    /// The first page to ask for.
    pub fn first(&self) -> NextPage {
        NextPage::Fetch {
            offset: 0,
            limit: self.limit,
        }
    }

    /// Takes in a page and says what to ask for next.
    pub fn took(&mut self, page: PageShape) -> NextPage {
        self.pages += 1;
        if let Some(last) = &self.last
            && !bridged(last, &page)
        {
            if let Some(again) = self.seam_again(last, &page) {
                self.retries += 1;
                return again;
            }
            self.broken = true;
        }
        self.broken |= !page.sorted;
        self.retries = 0;
        if self.reached_end(&page) {
            return NextPage::Done;
        }
        if self
            .last
            .as_ref()
            .is_some_and(|last| last.marks == page.marks)
        {
            // The same rows at another offset: what answers does not page.
            self.broken = true;
            return NextPage::Done;
        }
        if self.pages >= PAGES_MAX {
            self.truncated = true;
            return NextPage::Done;
        }
        self.limit = (self.limit * 2).min(self.limit_max);
        let next = NextPage::Fetch {
            offset: next_offset(&page),
            limit: self.limit,
        };
        self.last = Some(page);
        next
    }

    /// Whether every row of the window that could be seen when the read began was met. Only
    /// meaningful after [`NextPage::Done`].
    pub fn is_complete(&self) -> bool {
        !self.broken && !self.truncated
    }

    /// Whether the read was cut by the limit on pages.
    pub fn is_truncated(&self) -> bool {
        self.truncated
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

    /// Where the list shrank between two pages, rows moved up past the seam: the page to read
    /// instead.
    fn seam_again(&self, last: &PageShape, page: &PageShape) -> Option<NextPage> {
        let start = group_start(last)?;
        let drop = last.total?.checked_sub(page.total?)?;
        (drop > 0 && self.retries < SEAM_RETRIES).then(|| NextPage::Fetch {
            offset: start.saturating_sub(drop),
            limit: self.limit,
        })
    }
}

/// Whether no row can lie between two pages that were read one after the other.
///
/// Rows that come in push others only down, so a page that begins where the last second of its
/// neighbour began holds what is left of that second in whatever order. Rows that disappeared
/// (`total` fell) push others up by as many. Where the whole neighbour is one second, the seam
/// holds if the order inside it was seen to hold still.
fn bridged(upper: &PageShape, lower: &PageShape) -> bool {
    let (Some(total_then), Some(total_now)) = (upper.total, lower.total) else {
        return false;
    };
    let drop = total_then.saturating_sub(total_now);
    group_start(upper).is_some_and(|start| lower.offset + drop <= start)
        || order_held(&upper.marks, &lower.marks)
}

/// The offset at which the last second of a page began, where the page shows it.
fn group_start(page: &PageShape) -> Option<u64> {
    (page.tie_start > 0 || page.offset == 0).then(|| page.offset + page.tie_start as u64)
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
