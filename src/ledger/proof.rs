//! Proving that nothing is missing where nothing changes any more, by counting (API 3.0).
//!
//! Where the API counts as many rows as were met, with those that its answer shows and for which
//! nothing is counted (calls that run, functions that are not wanted), all were met, and one answer
//! was enough for any number of rows. Where it does not, what the answer does not show is asked for
//! in parts, until each part agrees or is shown whole, so that the way to a few rows that are
//! missing is short. This only holds in a stretch where nothing can appear or end any more: while
//! rows come, one that came since could stand in for one that is missing.
//!
//! How the API reads the end of a window is not documented. Newest first, the rows of that second
//! would stand at the front, whole: they are taken off. Where there is none, either the second does
//! not belong to the window or it is empty.

use std::ops::Range;

use super::{Ask, DEPTH_MAX, Mark, SECONDS_MAX};
use crate::model::Timestamp;

/// Requests at the most: where it takes more, windows that add up are better.
const ASKS_MAX: u32 = 200;

/// A proof under way.
#[derive(Debug)]
pub struct Proof {
    /// Seconds that are not proven yet; those to be asked for next are the last.
    windows: Vec<Range<i64>>,
    limit: usize,
    asks: u32,
    /// What the first answer said, if it covers everything.
    first: Option<Counted>,
    failed: bool,
}

/// What an answer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Positions of the rows that are counted.
    pub span: Range<Timestamp>,
    /// How many of them must have been met; `None` where that is not told.
    attempts: Option<u64>,
}

// === impl Proof ===

impl Proof {
    /// A proof for the seconds from `from` to `to`, which must be closed, in answers of `limit`
    /// rows, newest first.
    pub fn new(from: i64, to: i64, limit: usize) -> Self {
        let mut proof = Self {
            windows: Vec::new(),
            limit: limit.max(1),
            asks: 0,
            first: None,
            failed: false,
        };
        proof.add(from..to);
        proof
    }

    /// What to ask for next; `None` at the end.
    pub fn next(&self) -> Option<Ask> {
        let window = self.windows.last().filter(|_| !self.failed)?;
        Some(Ask {
            from: window.start,
            to: window.end,
            offset: 0,
            limit: self.limit,
        })
    }

    /// Asks for no larger pages from now on: the API refused them.
    pub fn limit_pages(&mut self, limit_max: usize) {
        self.limit = self.limit.min(limit_max.max(1));
    }

    /// What the answer to [`Self::next`] counts: `marks` are its rows, of which `passed` are those
    /// that nothing is counted for, and `total` is the number of rows that the API tells.
    pub fn counted(&self, marks: &[Mark], passed: &[Mark], total: Option<u64>) -> Counted {
        let window = self.windows.last().cloned().unwrap_or_default();
        let at_end = |mark: &Mark| mark.second == Some(window.end);
        let ends = marks.iter().filter(|mark| at_end(mark)).count();
        let passed = passed.iter().filter(|mark| !at_end(mark)).count();
        // Those at the end are all there where others come after them.
        let told = ends == 0 || seen_down_to(marks).is_some_and(|second| second < window.end);
        // At the depth to which the API pages the total may be cut off.
        let total = total.filter(|total| told && *total < DEPTH_MAX);
        Counted {
            span: Timestamp::from_secs(window.start)..Timestamp::from_secs(window.end),
            attempts: total.and_then(|total| total.checked_sub((ends + passed) as u64)),
        }
    }

    /// Takes in that answer. `met` says how many attempts were met by now where they are counted.
    pub fn took(&mut self, marks: &[Mark], total: Option<u64>, counted: Counted, met: Option<u64>) {
        self.asks += 1;
        let Some(window) = self.windows.pop() else {
            return;
        };
        let agrees = met.is_some() && met == counted.attempts;
        if self.asks == 1 && self.windows.is_empty() {
            self.first = Some(counted);
        }
        let rows = marks.len() as u64;
        if agrees || total.is_some_and(|total| total <= rows) {
            return;
        }
        let below = seen_down_to(marks).map_or(window.end, |second| window.end.min(second + 1));
        let rest = window.start..below;
        self.failed = total.is_none() || self.asks >= ASKS_MAX || window.end - window.start < 2;
        // What one answer can show needs no further cut.
        let fits = total.is_some_and(|total| total - rows < self.limit as u64);
        if below < window.end && (fits || rest.end - rest.start < 2) {
            self.windows.push(rest);
        } else {
            self.windows.extend(halves(rest));
        }
    }

    /// What the first answer counted, where what was met since could end the proof.
    pub fn open(&self) -> Option<&Counted> {
        let first = self.first.as_ref();
        first.filter(|_| self.asks > 1 && !self.windows.is_empty())
    }

    /// Notes that `met` attempts were met by now where the first answer counted them.
    pub fn met_of_first(&mut self, met: Option<u64>) {
        let wanted = self.first.as_ref().and_then(|first| first.attempts);
        if wanted.is_some() && met == wanted {
            self.windows.clear();
        }
    }

    /// Whether every row was met.
    pub fn is_whole(&self) -> bool {
        self.windows.is_empty() && !self.failed
    }

    fn add(&mut self, window: Range<i64>) {
        if window.end - window.start > SECONDS_MAX {
            halves(window).into_iter().for_each(|half| self.add(half));
        } else if !window.is_empty() {
            self.windows.push(window);
        }
    }
}

/// Two windows for one, the earlier one last.
fn halves(window: Range<i64>) -> [Range<i64>; 2] {
    let middle = window.start + (window.end - window.start) / 2;
    [middle..window.end, window.start..middle]
}

/// The second of the last row of an answer that goes newest first: those after it are in it whole.
/// `None` where it is not in that order, or where one second alone leaves the order open.
fn seen_down_to(marks: &[Mark]) -> Option<i64> {
    let seconds: Option<Vec<i64>> = marks.iter().map(|mark| mark.second).collect();
    let seconds = seconds.filter(|seconds| seconds.is_sorted_by(|a, b| a >= b))?;
    let (first, last) = (seconds.first()?, seconds.last()?);
    (first > last).then_some(*last)
}

#[cfg(test)]
mod tests;
