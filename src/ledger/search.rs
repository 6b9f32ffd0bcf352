//! The search for rows that API 3.0 counts but that were not read yet, by windows whose totals add
//! up.
//!
//! Each answer reports the total of its window. Where that equals the number of rows read in the
//! window, plus rows for which nothing is counted (running calls, functions that are not selected),
//! nothing is missing, and one answer was enough for any number of rows. Otherwise the part of the
//! window that the answer does not show is requested: first as a whole, because missing rows are
//! mostly recent, then by halves, so that a few rows among thousands are found quickly. In the end
//! each window adds up or was shown as a whole. Rows that arrive meanwhile do no harm: each window
//! is judged by its own total and by the rows read when its own answer was processed.
//!
//! Whether a window includes its end is not documented. With the newest rows first, the rows of
//! that second would be at the front and are subtracted. Where no other row follows them, it is not
//! known whether they are all.

use std::ops::Range;

use super::{DEPTH_MAX, Mark, SECONDS_MAX};

/// A search in progress.
#[derive(Debug)]
pub struct Search {
    /// The windows that do not add up yet; the last one is requested next.
    windows: Vec<Window>,
    /// Seconds that are wider than an answer.
    wide: Vec<i64>,
    asks_left: u32,
}

#[derive(Debug)]
struct Window {
    seconds: Range<i64>,
    /// Whether it is the rest of a window that did not add up.
    is_rest: bool,
}

/// What an answer shows of its window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredWindow {
    /// The seconds whose rows are all in the answer; they end at the end of the window.
    pub whole: Range<i64>,
    /// Number of rows in the window, where the API reports it.
    pub total: Option<u64>,
    /// Whether the answer holds all rows of the window.
    pub is_all: bool,
    /// Whether the API reports totals, even if that of this window is not certain.
    pub is_counted: bool,
}

// === impl AnsweredWindow ===

impl AnsweredWindow {
    /// Evaluates the rows of an answer, in their order, and its total. A row whose second is
    /// unreadable belongs to the second of the row before it.
    pub fn of(window: &Range<i64>, marks: &[Mark], total: Option<u64>) -> Self {
        let nothing = Self {
            whole: window.end..window.end,
            total: None,
            is_all: false,
            is_counted: false,
        };
        let seconds: Vec<i64> = marks.iter().filter_map(|mark| mark.second).collect();
        let Some(total) = total else {
            return nothing;
        };
        if seconds
            .iter()
            .any(|at| *at < window.start || *at > window.end)
        {
            // The API ignores the window.
            return nothing;
        }
        let is_all = total <= marks.len() as u64;
        let at_end = seconds.iter().filter(|at| **at == window.end).count() as u64;
        let (first, last) = (seconds.first(), seconds.last());
        let are_ends_all = at_end == 0 || is_all || last.is_some_and(|at| *at < window.end);
        // A total at the maximum depth of paging may be cut off there.
        let is_cut = total > 0 && total % DEPTH_MAX == 0;
        let is_sorted = seconds.is_sorted_by(|a, b| a >= b);
        let whole = match (first, last) {
            _ if is_all => window.clone(),
            // A single second does not show the order.
            (Some(first), Some(last)) if is_sorted && first > last => {
                window.end.min(*last + 1)..window.end
            }
            _ => window.end..window.end,
        };
        Self {
            whole,
            total: total
                .checked_sub(at_end)
                .filter(|_| are_ends_all && !is_cut),
            is_all,
            is_counted: true,
        }
    }
}

// === impl Search ===

impl Search {
    /// A search of these seconds with at most `asks_max` requests.
    pub fn new(seconds: Range<i64>, asks_max: u32) -> Self {
        let mut search = Self {
            windows: Vec::new(),
            wide: Vec::new(),
            asks_left: asks_max,
        };
        search.add(seconds);
        search
    }

    /// Returns the window of the next request, newest rows first; `None` at the end.
    pub fn next(&self) -> Option<Range<i64>> {
        let window = self.windows.last().filter(|_| self.asks_left > 0)?;
        Some(window.seconds.clone())
    }

    /// Processes the answer to [`Self::next`]. `there` is the number of rows known in the window,
    /// including those of the answer; `None` where that is not known.
    ///
    /// Where a single second was shown as a whole and still differs, returns the second and by how
    /// much: no row is missing, so the caller must add the difference to `there` from then on.
    pub fn took(&mut self, shown: &AnsweredWindow, there: Option<i64>) -> Option<(i64, i64)> {
        let Window { seconds, is_rest } = self.windows.pop()?;
        self.asks_left = self.asks_left.saturating_sub(1);
        let total = shown.total.and_then(|total| i64::try_from(total).ok());
        let surplus = total.zip(there).map(|(total, there)| total - there);
        if surplus == Some(0) {
            return None;
        }
        let is_second = seconds.end - seconds.start < 2;
        if shown.is_all {
            let by = surplus?;
            if is_second {
                return Some((seconds.start, by));
            }
            self.halve(seconds);
        } else if shown.whole.is_empty() && is_second {
            self.wide.push(seconds.start);
        } else if shown.whole.is_empty() {
            self.halve(seconds);
        } else {
            let rest = seconds.start..shown.whole.start;
            if !is_rest || rest.end - rest.start < 2 {
                self.windows.push(Window {
                    seconds: rest,
                    is_rest: true,
                });
            } else {
                self.halve(rest);
            }
        }
        None
    }

    /// Takes the seconds that must be read by offset.
    pub fn take_wide(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.wide)
    }

    /// Returns whether every window adds up or was shown as a whole, except those of
    /// [`Self::take_wide`].
    pub fn is_done(&self) -> bool {
        self.windows.is_empty()
    }

    fn add(&mut self, seconds: Range<i64>) {
        if seconds.end - seconds.start > SECONDS_MAX {
            self.halve(seconds);
        } else if !seconds.is_empty() {
            self.windows.push(Window {
                seconds,
                is_rest: false,
            });
        }
    }

    /// Replaces a window by its halves; the newer one is requested first.
    fn halve(&mut self, seconds: Range<i64>) {
        let middle = seconds.start + (seconds.end - seconds.start) / 2;
        self.add(seconds.start..middle);
        self.add(middle..seconds.end);
    }
}

#[cfg(test)]
mod tests;
