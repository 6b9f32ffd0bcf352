//! When a read of API 3.0 is complete: a list that is requested by time windows, oldest first. Rows
//! of one second have no stable order, and offset plus limit reach 10,000 rows at most.
//!
//! A window is read from second to second. Each request begins at the start of a second, and all
//! seconds before the last one of its answer are in that answer as a whole. So it does not matter
//! that the order inside a second changes between answers, and hardly any request needs an offset.
//! The next request begins at that last second. A stretch of seconds is accepted once the *totals*
//! add up: the API's total from the start of the stretch on, minus the distinct rows read in it,
//! equals the total from its end on. A stretch that does not add up is read again, a few times.
//!
//! Three cases need more. A window of 10,000 rows or more is made smaller, because its total may be
//! cut off there. An answer out of order is useful only if it holds the whole window, so the window
//! is halved until it does. A second that is wider than an answer is read by offset, in several
//! passes, until the distinct rows are as many as the API's total.
//!
//! Whether a window includes its end is not documented. So each window is requested one second
//! longer than needed, and the next one begins at that second: rows may be read twice, but none is
//! lost either way.

mod wide;

use std::collections::HashSet;

use crate::model::Timestamp;
use wide::WideSecond;

/// Maximum sum of offset and limit of a request.
pub const DEPTH_MAX: u64 = 10_000;
/// Maximum length of a window, seconds.
pub const SECONDS_MAX: i64 = 24 * 3_600;
/// Number of rows that a window should hold; below half of it windows grow.
const ROWS_WANTED: u64 = 5_000;
/// How often a stretch is read again that does not add up.
const TRIES_MAX: u32 = 5;
/// Maximum number of requests in a read; the next read continues from there.
const ASKS_MAX: usize = 10_000;

/// A request for rows, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// First second, since the epoch.
    pub from: i64,
    /// Last second, later than the first; the API may include or exclude it.
    pub to: i64,
    /// Rows to skip.
    pub offset: u64,
    /// Maximum number of rows.
    pub limit: usize,
}

/// A row, as far as its place in the list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The second by which the list is ordered; `None` where it is unreadable.
    pub second: Option<i64>,
    /// A value that identifies the row.
    pub id: u64,
}

/// One read of a range of seconds.
#[derive(Debug)]
pub struct WindowRead {
    /// Whether totals must add up.
    strict: bool,
    /// The second at which the next request begins.
    cursor: i64,
    /// End of the current window.
    to: i64,
    /// End of the read.
    end: i64,
    /// Length of the next window.
    length: i64,
    limit: usize,
    /// The stretch whose total the next answer verifies.
    before: Option<Stretch>,
    /// The second that is read by offset.
    wide: Option<WideSecond>,
    /// Total of the last second that was read by offset.
    counted: Option<u64>,
    tries: u32,
    asks: usize,
    reached: i64,
    gap: bool,
    truncated: bool,
}

/// Seconds that were read but not verified yet.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: i64,
    /// The total that the API must report from the end of the stretch on.
    total_behind: u64,
    /// Number of rows at its end whose second is unreadable: each may count on either side.
    unplaced: u64,
}

/// The order of the rows of an answer.
enum Order {
    /// By time; the index and second of the last group of equal seconds.
    Sorted(usize, i64),
    /// Not by time, or not known.
    Unsorted,
    /// Some are outside the requested window.
    Astray,
}

// === impl WindowRead ===

impl WindowRead {
    /// A read of positions in `[from, to)`, where no row can appear any more.
    pub fn closed(from: Timestamp, to: Timestamp, limit: usize) -> Self {
        Self::new(second_from(from), second_from(to), limit, true)
    }

    /// A read of positions in `[from, to)` while rows arrive. Totals need not add up.
    pub fn live(from: Timestamp, to: Timestamp, limit: usize) -> Self {
        Self::new(second_from(from), second_from(to), limit, false)
    }

    fn new(from: i64, end: i64, limit: usize, strict: bool) -> Self {
        Self {
            strict,
            cursor: from,
            to: end.min(from.saturating_add(SECONDS_MAX)),
            end,
            length: SECONDS_MAX,
            limit: limit.max(1),
            before: None,
            wide: None,
            counted: None,
            tries: 0,
            asks: 0,
            reached: from,
            gap: false,
            truncated: false,
        }
    }

    /// Returns the next request; `None` when the read has ended.
    pub fn next(&self) -> Option<Ask> {
        if self.cursor >= self.end || self.asks >= ASKS_MAX {
            return None;
        }
        Some(match &self.wide {
            Some(wide) => wide.ask(self.limit),
            None => Ask {
                from: self.cursor,
                to: self.to,
                offset: 0,
                limit: self.limit,
            },
        })
    }

    /// Processes the answer to [`Self::next`]: its rows in their order, and the total of the
    /// window.
    pub fn took(&mut self, rows: &[Mark], total: Option<u64>) {
        self.asks += 1;
        match self.wide.take() {
            Some(wide) => self.took_of_second(wide, rows, total),
            None => self.took_of_window(rows, total),
        }
    }

    /// Returns the position below which every row was read. It moves at the end of a window.
    pub fn reached(&self) -> Timestamp {
        Timestamp::from_secs(self.reached)
    }

    /// Returns whether every row was read.
    pub fn is_complete(&self) -> bool {
        self.cursor >= self.end && !self.gap && !self.truncated
    }

    /// Returns the total of the last second that was wider than an answer.
    pub fn counted(&self) -> Option<u64> {
        self.counted
    }

    /// Returns whether a second held more rows than the API can page.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    fn took_of_window(&mut self, rows: &[Mark], total: Option<u64>) {
        if !self.adds_up_behind(total) {
            return;
        }
        let last = match total {
            Some(total) => rows.len() as u64 >= total,
            None => rows.len() < self.limit,
        };
        match order(rows, self.cursor, self.to) {
            Order::Astray => self.leave_window(true),
            _ if last => self.took_last(rows, total),
            _ if rows.is_empty() => self.again_or(|read| read.leave_window(true)),
            _ if self.strict && total.is_some_and(|total| total >= DEPTH_MAX) => self.shrink(rows),
            Order::Unsorted => self.halve(),
            // The last group is the second after the window, at which the next one begins.
            Order::Sorted(_, second) if second >= self.to => self.halve(),
            Order::Sorted(0, second) if second == self.cursor => {
                self.wide = Some(WideSecond::new(second));
            }
            Order::Sorted(group, second) => self.advance(rows.split_at(group), total, second),
        }
    }

    /// Verifies the stretch before by the total after it; false where it must be read again.
    fn adds_up_behind(&mut self, total: Option<u64>) -> bool {
        match self.before.take() {
            Some(stretch) if self.strict && !stretch.fits(total) => {
                self.tries += 1;
                if self.tries <= TRIES_MAX {
                    self.cursor = stretch.from;
                    // A small window may fit into one answer, where the order does not matter.
                    self.cut_to((self.to - self.cursor) / 2);
                    return false;
                }
                self.gap = true;
                self.tries = 0;
            }
            Some(_) => self.tries = 0,
            None => {}
        }
        true
    }

    /// The answer holds the rest of the window.
    fn took_last(&mut self, rows: &[Mark], total: Option<u64>) {
        if self.strict && total != Some(distinct(rows)) {
            return self.again_or(|read| read.leave_window(true));
        }
        if total.is_none_or(|total| total < ROWS_WANTED / 2) {
            self.length = (self.length * 2).min(SECONDS_MAX);
        }
        self.leave_window(false);
    }

    /// Advances to `second`: the seconds before it are in the answer as a whole.
    fn advance(&mut self, (whole, behind): (&[Mark], &[Mark]), total: Option<u64>, second: i64) {
        let met = distinct(whole);
        if self.strict && met != whole.len() as u64 && self.tries < TRIES_MAX {
            self.tries += 1;
            return;
        }
        match total {
            Some(total) => {
                self.before = Some(Stretch {
                    from: self.cursor,
                    total_behind: total.saturating_sub(met),
                    unplaced: behind.iter().take_while(|row| row.second.is_none()).count() as u64,
                });
            }
            None => self.gap |= self.strict,
        }
        self.cursor = second;
    }

    /// Shortens the window to the length that should hold [`ROWS_WANTED`], at most to half of it.
    fn shrink(&mut self, rows: &[Mark]) {
        if self.to - self.cursor <= 1 {
            return self.halve();
        }
        let half = (self.to - self.cursor) / 2;
        let seconds = rows.iter().rev().find_map(|row| row.second);
        let covered = seconds.map_or(half, |second| second - self.cursor + 1);
        let wanted = covered.saturating_mul(ROWS_WANTED as i64) / rows.len().max(1) as i64;
        self.cut_to(wanted.min(half));
    }

    /// Halves the window; one of a single second is read by offset.
    fn halve(&mut self) {
        match self.to - self.cursor {
            ..=1 => self.wide = Some(WideSecond::new(self.cursor)),
            seconds => self.cut_to(seconds / 2),
        }
    }

    fn cut_to(&mut self, seconds: i64) {
        self.length = seconds.max(1);
        self.to = self.cursor + self.length;
    }

    fn took_of_second(&mut self, mut wide: WideSecond, rows: &[Mark], total: Option<u64>) {
        use wide::Progress::*;
        match wide.took(rows, total, self.strict) {
            More => {
                self.wide = Some(wide);
                return;
            }
            Whole => {}
            Short => self.gap |= self.strict,
            TooDeep => self.truncated = true,
        }
        self.tries = 0;
        self.counted = wide.counted();
        self.cursor = wide.second() + 1;
        self.note_reached();
        if self.cursor >= self.to {
            self.next_window();
        }
    }

    fn again_or(&mut self, give_up: impl FnOnce(&mut Self)) {
        self.tries += 1;
        if !self.strict || self.tries > TRIES_MAX {
            give_up(self);
        }
    }

    fn leave_window(&mut self, short: bool) {
        self.gap |= short && self.strict;
        self.tries = 0;
        self.cursor = self.to;
        self.note_reached();
        self.next_window();
    }

    fn note_reached(&mut self) {
        if !self.gap {
            self.reached = self.cursor;
        }
    }

    fn next_window(&mut self) {
        self.to = self.end.min(self.cursor.saturating_add(self.length));
    }
}

impl Stretch {
    /// Returns whether the total from its end on adds up with the rows read in it.
    fn fits(&self, total: Option<u64>) -> bool {
        let least = self.total_behind.saturating_sub(self.unplaced);
        total.is_some_and(|total| (least..=self.total_behind).contains(&total))
    }
}

/// Returns the first second that does not begin before `position`.
fn second_from(position: Timestamp) -> i64 {
    let second = position.as_secs();
    second + i64::from(Timestamp::from_secs(second) < position)
}

fn distinct(rows: &[Mark]) -> u64 {
    rows.iter().collect::<HashSet<_>>().len() as u64
}

/// Rows without a readable second belong to the group after them.
fn order(rows: &[Mark], from: i64, to: i64) -> Order {
    let seconds = rows.iter().filter_map(|row| row.second);
    if !seconds.clone().all(|second| (from..=to).contains(&second)) {
        return Order::Astray;
    }
    let Some(last) = seconds.clone().next_back().filter(|_| seconds.is_sorted()) else {
        return Order::Unsorted;
    };
    let before = rows
        .iter()
        .take_while(|row| row.second != Some(last))
        .count();
    let unreadable = rows[..before].iter().rev();
    let unreadable = unreadable.take_while(|row| row.second.is_none()).count();
    Order::Sorted(before - unreadable, last)
}

#[cfg(test)]
pub(super) mod tests;
