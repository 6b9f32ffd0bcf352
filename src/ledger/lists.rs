//! What lists of functions say about time: from where a new target is read, and when the series of
//! a deleted function end.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::AllowedLateness;
use crate::model::{FunctionId, Timestamp};

/// Number of consecutive complete lists that must miss a function before it counts as gone.
pub const MISSES: u32 = 2;

/// Identifies the lists of one source by what the source asks for, not by its name. It stays the
/// same over restarts and reloads as long as the source asks for the same functions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId {
    /// The account's name in the configuration, or nothing.
    pub account: Arc<str>,
    /// Region, such as `ap-guangzhou`.
    pub region: Arc<str>,
    /// Hash of the namespaces, functions and topics that the configuration selects.
    pub selection: u64,
}

/// When a source listed its functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedAt {
    /// When its last complete list began, by the cloud's clock; before the first complete list,
    /// when its first list began.
    pub began: Timestamp,
    /// From where targets are read that later lists add.
    pub from: Timestamp,
}

/// A predicate on functions, such as the selection of the configuration.
#[derive(Clone)]
pub struct Functions(Arc<dyn Fn(&FunctionId) -> bool + Send + Sync>);

/// The content of a complete list.
#[derive(Debug, Clone)]
pub struct ListScan {
    /// The functions in the list, whether they are read or not.
    pub named: BTreeSet<FunctionId>,
    /// The functions that would be in the list if they existed.
    pub would_name: Functions,
    /// Whether all existing functions are known, and the target of each.
    pub is_certain: bool,
}

/// How long complete lists have missed a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// When the function was listed last, by the cloud's clock.
    pub since: Timestamp,
    /// Number of consecutive complete lists without it.
    pub lists: u32,
}

/// How long series without new invocations stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Time after the function was last listed and last called; zero means forever.
    pub span: Duration,
    /// Whether the configuration sets it, rather than the default.
    pub is_written: bool,
}

/// What decides whether the series of a function end.
#[derive(Debug, Clone, Copy, Default)]
pub struct LastSeen {
    /// Set while complete lists miss it.
    pub missed: Option<Missed>,
    /// Whether some source lists the functions of its region.
    pub is_listable: bool,
    /// Position of the newest invocation that was counted.
    pub called: Option<Timestamp>,
}

// === impl ListId ===

/// `account@region#selection`; the reverse of [`FromStr`].
impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{:x}", self.account, self.region, self.selection)
    }
}

impl FromStr for ListId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        // Neither an account's name nor a region contains one of these characters.
        let (account, rest) = text.split_once('@').ok_or(())?;
        let (region, selection) = rest.split_once('#').ok_or(())?;
        Ok(Self {
            account: account.into(),
            region: region.into(),
            selection: u64::from_str_radix(selection, 16).map_err(|_| ())?,
        })
    }
}

// === impl Functions ===

impl Functions {
    /// The functions for which `which` returns true.
    pub fn new(which: impl Fn(&FunctionId) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(which))
    }

    /// All functions.
    pub fn all() -> Self {
        Self::new(|_| true)
    }

    /// Returns whether the function is one of them.
    pub fn has(&self, function: &FunctionId) -> bool {
        (self.0)(function)
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Functions")
    }
}

// === impl Missed ===

impl Missed {
    /// Returns the state after one more complete list without the function. `since` is when the
    /// function was listed last; it is used if the list before still had it.
    pub fn once_more(before: Option<Self>, since: Timestamp) -> Self {
        let Self { since, lists } = before.unwrap_or(Self { since, lists: 0 });
        Self {
            since,
            lists: lists.saturating_add(1),
        }
    }

    /// Returns whether the function counts as gone.
    pub fn is_gone(&self) -> bool {
        self.lists >= MISSES
    }
}

// === impl Retention ===

impl Retention {
    /// Returns whether the series of a function end at `now`, by the cloud's clock. They never end
    /// while one of its rows may still appear within the allowed lateness.
    ///
    /// For a function that no source lists only its last call counts, and only where the
    /// configuration sets the span: it may be deleted, or just not called.
    pub fn is_over(&self, seen: &LastSeen, now: Timestamp, lateness: AllowedLateness) -> bool {
        if self.span.is_zero() {
            return false;
        }
        let last = match seen.missed {
            Some(missed) if missed.is_gone() => Some(missed.since).max(seen.called),
            Some(_) => None,
            None if seen.is_listable || !self.is_written => None,
            None => seen.called,
        };
        let waited = lateness.as_duration().saturating_add(lateness.dedup_span());
        let span = self.span.max(waited);
        last.is_some_and(|last| last + span <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: AllowedLateness = AllowedLateness::of_lines(Duration::from_secs(60));
    const NEVER: i64 = -1;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn missed(since: i64, lists: u32) -> Option<Missed> {
        let since = at(since);
        Some(Missed { since, lists })
    }

    #[test]
    fn series_end_so_long_after_the_last_list_and_the_last_call_whichever_is_later() {
        let (default, written) = (false, true);
        let (listed, unlisted) = (None, None);
        // Retention, missed, listable, called, the second at which it ends.
        for (span, is_written, missed, is_listable, called, ends) in [
            (1_000, default, missed(5_000, 2), true, 4_000, Some(6_000)),
            (1_000, default, missed(5_000, 9), true, 5_500, Some(6_500)),
            (1_000, written, missed(5_000, 2), true, NEVER, Some(6_000)),
            // One list may miss what is there.
            (1_000, written, missed(5_000, 1), true, 4_000, None),
            // It is listed, however long nobody calls it.
            (1_000, written, listed, true, 4_000, None),
            // For ever.
            (0, written, missed(5_000, 2), true, 4_000, None),
            (0, default, missed(5_000, 2), true, NEVER, None),
            // No list can hold it.
            (1_000, written, unlisted, false, 4_000, Some(5_000)),
            (1_000, default, unlisted, false, 4_000, None),
            (1_000, written, unlisted, false, NEVER, None),
            // Twice the allowed lateness is the least.
            (30, written, missed(5_000, 2), true, 4_000, Some(5_120)),
        ] {
            let seen = LastSeen {
                missed,
                is_listable,
                called: Some(called).filter(|at| *at != NEVER).map(at),
            };
            let retention = Retention {
                span: Duration::from_secs(span),
                is_written,
            };
            let first = (0..10_000).find(|now| retention.is_over(&seen, at(*now), LATE));
            assert_eq!(first, ends, "{retention:?} {seen:?}");
        }
    }

    #[test]
    fn lists_that_miss_a_function_are_counted_from_when_it_was_listed_last() {
        let mut before = None;
        for (since, lists, is_gone) in [(100, 1, false), (200, 2, true)] {
            let now = Missed::once_more(before, at(since));
            assert_eq!((Some(now), now.is_gone()), (missed(100, lists), is_gone));
            before = Some(now);
        }
    }

    #[test]
    fn whose_list_it_is_survives_its_text_form() {
        for account in ["", "a"] {
            let id = ListId {
                account: account.into(),
                region: "ap-x".into(),
                selection: 0xfe01,
            };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for bad in ["", "ap-x", "@ap-x", "@ap-x#", "@ap-x#zz"] {
            assert_eq!(bad.parse::<ListId>(), Err(()), "{bad}");
        }
    }
}
