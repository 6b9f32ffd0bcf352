//! Selects a page from the visible rows.

use std::ops::Range;

use super::attempt::Attempt;
use super::clock::second_of;
use super::faults::ResponseSize;
use super::rng::mix;
use super::world::World;

/// Filter and order of a request. Rows are sorted by start time.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Indexes of the functions; `None` for the whole region.
    pub(crate) functions: Option<Vec<u32>>,
    /// Only functions of this namespace.
    pub(crate) namespace: Option<String>,
    pub(crate) descending: bool,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    /// Rows that started earlier are no longer retained.
    pub(crate) oldest_ms: i64,
    /// Only rows that started earlier.
    pub(crate) until_ms: i64,
    /// How far shown start times are ahead of real ones.
    pub(crate) skew_ms: i64,
    /// Order of rows of the same second: shuffled with this number, or by real start time.
    pub(crate) shuffle: Option<u64>,
}

/// A page of rows, and the total number of matching rows.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Attempt>,
    pub(crate) total: usize,
}

/// The return code of a running row (that of API 3.0; v2 documents none).
pub(crate) const RUNNING_CODE: i32 = 2;

// === impl Page ===

impl Page {
    /// Returns the size of a response with this page at `now_ms`.
    pub(crate) fn size(&self, now_ms: i64) -> ResponseSize {
        ResponseSize {
            rows: self.rows.len(),
            oversized: self.rows.iter().any(|row| row.is_too_large(now_ms)),
        }
    }
}

// === impl Selection ===

impl Selection {
    /// Returns the page out of `shown`, which has indexes of attempts in ascending order.
    pub(crate) fn page(&self, world: &World, shown: &[u32]) -> Page {
        let start_ms = |at: u32| world.attempts()[at as usize].start_ms;
        let first = shown.partition_point(|&at| start_ms(at) < self.oldest_ms);
        let end = shown.partition_point(|&at| start_ms(at) < self.until_ms);
        let shown = shown.get(first..end).unwrap_or_default();
        let filtered;
        let matches = match &self.namespace {
            None => shown,
            Some(namespace) => {
                let takes = |at: &u32| world.function_of(*at).namespace == *namespace;
                filtered = shown.iter().copied().filter(takes).collect::<Vec<_>>();
                &filtered
            }
        };
        let range = self.range(matches.len());
        let mut positions = match self.shuffle {
            Some(salt) if !range.is_empty() => self.shuffled(world, matches, range, salt),
            _ => matches[range].to_vec(),
        };
        if self.descending {
            positions.reverse();
        }
        let row = |at: u32| world.attempts()[at as usize].clone();
        Page {
            rows: positions.into_iter().map(row).collect(),
            total: matches.len(),
        }
    }

    /// Returns the range of `count` rows in ascending order that forms the page.
    fn range(&self, count: usize) -> Range<usize> {
        let near = self.offset.min(count);
        let far = near.saturating_add(self.limit).min(count);
        if self.descending {
            count - far..count - near
        } else {
            near..far
        }
    }

    /// Returns the rows of `range`, with the rows of each second in a shuffled order. Whole seconds
    /// are shuffled before the page is cut out, so that all pages belong to one order of all rows.
    fn shuffled(&self, world: &World, matches: &[u32], range: Range<usize>, salt: u64) -> Vec<u32> {
        let second = |at: u32| {
            let start_ms = world.attempts()[at as usize].start_ms;
            second_of(start_ms.saturating_add(self.skew_ms))
        };
        let (first, last) = (second(matches[range.start]), second(matches[range.end - 1]));
        let from = matches.partition_point(|&at| second(at) < first);
        let to = matches.partition_point(|&at| second(at) <= last);
        let mut whole = matches[from..to].to_vec();
        whole.sort_by_key(|&at| (second(at), mix(salt, u64::from(at))));
        whole[range.start - from..range.end - from].to_vec()
    }
}
