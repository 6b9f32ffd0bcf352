//! Looking for rows that an API counts and nobody met, by windows that add up (API 3.0).
//!
//! Each answer tells how many rows its window holds in all. Where that is as many as were met in it,
//! with those for which nothing is counted (calls that run, functions that are not wanted), nothing
//! is missing there, and one answer was enough for any number of rows. Where it is not, what the
//! answer does not show is asked for: once as a whole, since what is missing most often began not
//! long ago, then by halves, so that the way to a few rows among thousands is short. Each window in
//! the end adds up, or is shown whole. What comes in meanwhile spoils nothing: each window is judged
//! by its own total and by what was met when its own answer was taken in.
//!
//! How the API reads the end of a window is not documented. Newest first, the rows of that second
//! would stand at the front, whole: they are taken off. Where nothing comes after them, nobody knows
//! whether they are all.

use std::ops::Range;

use super::{DEPTH_MAX, Mark, SECONDS_MAX};

/// A look under way.
#[derive(Debug)]
pub struct Search {
    /// What is not accounted for yet; what is to be asked for next is the last.
    windows: Vec<Window>,
    /// Seconds that one answer does not show whole.
    wide: Vec<i64>,
    asks_left: u32,
}

#[derive(Debug)]
struct Window {
    seconds: Range<i64>,
    /// It is the rest of a window that did not add up.
    is_rest: bool,
}

/// What an answer shows of the window that was asked for, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnsweredWindow {
    /// The seconds whose rows are all in the answer; they end with the window.
    pub whole: Range<i64>,
    /// Rows in the window, as far as the API tells.
    pub total: Option<u64>,
    /// The answer holds every row of the window.
    pub is_all: bool,
    /// The API tells totals, even if not of this window for sure.
    pub is_counted: bool,
}

// === impl AnsweredWindow ===

impl AnsweredWindow {
    /// What `marks`, the rows of an answer in their order, and the total beside them tell of the
    /// seconds of `window`. Rows whose second cannot be read stand with those before them.
    pub fn of(window: &Range<i64>, marks: &[Mark], total: Option<u64>) -> Self {
        let nothing = Self {
            whole: window.end..window.end,
            total: None,
            is_all: false,
            is_counted: false,
        };
        let seconds: Vec<i64> = marks.iter().filter_map(|mark| mark.second).collect();
        let Some(told) = total else {
            return nothing;
        };
        if seconds
            .iter()
            .any(|at| *at < window.start || *at > window.end)
        {
            // What answers does not know the window.
            return nothing;
        }
        let is_all = told <= marks.len() as u64;
        let at_end = seconds.iter().filter(|at| **at == window.end).count() as u64;
        let (first, last) = (seconds.first(), seconds.last());
        let are_ends_all = at_end == 0 || is_all || last.is_some_and(|at| *at < window.end);
        // At the depth to which the API pages the total may be cut off.
        let is_cut = told > 0 && told % DEPTH_MAX == 0;
        let is_sorted = seconds.is_sorted_by(|a, b| a >= b);
        let whole = match (first, last) {
            _ if is_all => window.clone(),
            // One second alone leaves the order open.
            (Some(first), Some(last)) if is_sorted && first > last => {
                window.end.min(*last + 1)..window.end
            }
            _ => window.end..window.end,
        };
        Self {
            whole,
            total: told.checked_sub(at_end).filter(|_| are_ends_all && !is_cut),
            is_all,
            is_counted: true,
        }
    }
}

// === impl Search ===

impl Search {
    /// A look through these seconds in at most so many answers.
    pub fn new(seconds: Range<i64>, asks_max: u32) -> Self {
        let mut search = Self {
            windows: Vec::new(),
            wide: Vec::new(),
            asks_left: asks_max,
        };
        search.add(seconds);
        search
    }

    /// The seconds to be asked for next, newest first; `None` at the end.
    pub fn next(&self) -> Option<Range<i64>> {
        let window = self.windows.last().filter(|_| self.asks_left > 0)?;
        Some(window.seconds.clone())
    }

    /// Takes in the answer to [`Self::next`]. `there` is how many rows are known to be in the window
    /// now, those of the answer included; `None` where that is not told.
    ///
    /// Returns by how much a single second that was shown whole differs: nothing is missing in it,
    /// so the difference is one between the list and the books, and is to be remembered.
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

    /// The seconds that have to be paged.
    pub fn take_wide(&mut self) -> Vec<i64> {
        std::mem::take(&mut self.wide)
    }

    /// Whether every window adds up or was shown whole, those that have to be paged apart.
    pub fn is_done(&self) -> bool {
        self.windows.is_empty()
    }

    fn add(&mut self, seconds: Range<i64>) {
        if seconds.end - seconds.start > SECONDS_MAX {
            let middle = seconds.start + (seconds.end - seconds.start) / 2;
            self.add(seconds.start..middle);
            self.add(middle..seconds.end);
        } else if !seconds.is_empty() {
            self.windows.push(Window {
                seconds,
                is_rest: false,
            });
        }
    }

    /// Two windows for one, the newer one to be asked for first.
    fn halve(&mut self, seconds: Range<i64>) {
        let middle = seconds.start + (seconds.end - seconds.start) / 2;
        self.add(seconds.start..middle);
        self.add(middle..seconds.end);
    }
}

#[cfg(test)]
mod tests;
