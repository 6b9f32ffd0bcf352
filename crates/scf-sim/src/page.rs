//! Selects a page from the visible rows.

use super::attempt::{Attempt, Failure};
use super::clock::second_of;
use super::rng::mix;
use super::world::World;

/// Filter and order of a request.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Indexes of the functions; `None` for the whole region.
    pub(crate) functions: Option<Vec<u32>>,
    /// Only functions of this namespace.
    pub(crate) namespace: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) codes: Codes,
    pub(crate) sort: Sort,
    pub(crate) descending: bool,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    /// Rows that started earlier are no longer retained.
    pub(crate) oldest_ms: i64,
    /// Only rows that started earlier.
    pub(crate) until_ms: i64,
    /// How far shown start times are ahead of real ones.
    pub(crate) skew_ms: i64,
    /// Order of rows with equal keys: shuffled with this number, or by real start time.
    pub(crate) shuffle: Option<u64>,
}

/// Filter by return code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codes {
    Any,
    Zero,
    NotZero,
    /// Rows that exceeded the timeout.
    TimeLimit,
    /// Rows that exceeded the memory limit or the concurrency quota.
    ResourceLimit,
    /// Rows that failed in the user's code.
    UserCode,
}

/// The sort key of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    StartTime,
    FunctionName,
    RequestId,
    Duration,
    MemUsage,
}

/// A page of rows, and the total number of matching rows.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Attempt>,
    pub(crate) total: usize,
}

/// The return code of a running row (that of API 3.0; v2 documents none).
pub(crate) const RUNNING_CODE: i32 = 2;

/// A selection applied to a world.
pub(crate) struct Rows<'a> {
    pub(crate) world: &'a World,
    pub(crate) selection: &'a Selection,
    /// Time of the request, which decides what a running row shows.
    pub(crate) now_ms: i64,
}

// === impl Rows ===

impl Rows<'_> {
    pub(crate) fn at(&self, position: u32) -> &Attempt {
        &self.world.attempts()[position as usize]
    }

    /// Returns the page out of `shown`, which is in order of start time.
    pub(crate) fn page(&self, shown: &[u32]) -> Page {
        let shown = &shown[..shown.partition_point(|&at| self.is_in_time(at))];
        let filtered;
        let matches = if self.takes_all() {
            shown
        } else {
            filtered = shown
                .iter()
                .copied()
                .filter(|&at| self.takes(at))
                .collect::<Vec<_>>();
            &filtered
        };
        let positions = match self.selection.sort {
            Sort::StartTime => self.by_start(matches),
            _ => self.by_value(matches.to_vec()),
        };
        Page {
            rows: positions
                .into_iter()
                .map(|at| self.at(at).clone())
                .collect(),
            total: matches.len(),
        }
    }

    fn is_in_time(&self, position: u32) -> bool {
        self.at(position).start_ms < self.selection.until_ms
    }

    fn takes_all(&self) -> bool {
        self.selection.request_id.is_none()
            && self.selection.namespace.is_none()
            && self.selection.codes == Codes::Any
    }

    fn takes(&self, position: u32) -> bool {
        let attempt = self.at(position);
        let function = &self.world.functions()[attempt.function as usize];
        let Selection {
            request_id,
            namespace,
            codes,
            ..
        } = self.selection;
        codes.take(attempt, self.now_ms)
            && namespace
                .as_ref()
                .is_none_or(|name| *name == function.namespace)
            && request_id
                .as_ref()
                .is_none_or(|id| *id == attempt.request_id_text())
    }

    /// Returns the range of `count` rows in ascending order that forms the page.
    fn range(&self, count: usize) -> std::ops::Range<usize> {
        let near = self.selection.offset.min(count);
        let far = near.saturating_add(self.selection.limit).min(count);
        if self.selection.descending {
            count - far..count - near
        } else {
            near..far
        }
    }

    fn by_start(&self, matches: &[u32]) -> Vec<u32> {
        let range = self.range(matches.len());
        let mut positions = match self.selection.shuffle {
            Some(salt) if !range.is_empty() => self.shuffled(matches, range, salt),
            _ => matches[range].to_vec(),
        };
        if self.selection.descending {
            positions.reverse();
        }
        positions
    }

    /// Returns the rows of `range`, with the rows of each second in a shuffled order. Whole seconds
    /// are shuffled before the page is cut out, so that all pages belong to one order of all rows.
    fn shuffled(&self, matches: &[u32], range: std::ops::Range<usize>, salt: u64) -> Vec<u32> {
        let second =
            |at: u32| second_of(self.at(at).start_ms.saturating_add(self.selection.skew_ms));
        let (first, last) = (second(matches[range.start]), second(matches[range.end - 1]));
        let from = matches.partition_point(|&at| second(at) < first);
        let to = matches.partition_point(|&at| second(at) <= last);
        let mut whole = matches[from..to].to_vec();
        whole.sort_by_key(|&at| (second(at), mix(salt, u64::from(at))));
        whole[range.start - from..range.end - from].to_vec()
    }

    /// Sorts all matches by a value for which no sorted list is kept.
    fn by_value(&self, mut matches: Vec<u32>) -> Vec<u32> {
        let tie = |at: u32| {
            self.selection
                .shuffle
                .map_or(0, |salt| mix(salt, u64::from(at)))
        };
        match self.selection.sort {
            Sort::FunctionName => matches.sort_by_key(|&at| {
                let name = &self.world.functions()[self.at(at).function as usize].name;
                (name, tie(at), at)
            }),
            Sort::RequestId => {
                matches.sort_by_cached_key(|&at| (self.at(at).request_id_text(), tie(at), at));
            }
            Sort::MemUsage => {
                matches.sort_by_key(|&at| (self.when_finished(at, |a| a.mem_bytes), tie(at), at));
            }
            Sort::Duration | Sort::StartTime => {
                matches.sort_by_key(|&at| (self.when_finished(at, |a| a.duration_us), tie(at), at));
            }
        }
        let range = self.range(matches.len());
        let mut positions = matches[range].to_vec();
        if self.selection.descending {
            positions.reverse();
        }
        positions
    }

    /// Returns a value of a row, which is 0 while the row is running.
    fn when_finished(&self, position: u32, value: impl Fn(&Attempt) -> u64) -> u64 {
        let attempt = self.at(position);
        if attempt.is_finished(self.now_ms) {
            value(attempt)
        } else {
            0
        }
    }
}

// === impl Codes ===

impl Codes {
    /// Returns whether `attempt`, as shown at `now_ms`, passes the filter.
    fn take(self, attempt: &Attempt, now_ms: i64) -> bool {
        let finished = attempt.is_finished(now_ms);
        let code = if finished {
            attempt.ret_code
        } else {
            RUNNING_CODE
        };
        let failure = attempt.failure;
        match self {
            Self::Any => true,
            Self::Zero => code == 0,
            Self::NotZero => code != 0,
            Self::TimeLimit => {
                finished && matches!(failure, Failure::Timeout | Failure::TimeoutText)
            }
            Self::ResourceLimit => {
                finished && matches!(failure, Failure::OutOfMemory | Failure::Throttled)
            }
            Self::UserCode => {
                use Failure::{PlainText, ProcessExit, UserCode, UserCodeOld};
                let by_user = matches!(failure, UserCode | UserCodeOld | PlainText | ProcessExit);
                finished && by_user
            }
        }
    }
}
