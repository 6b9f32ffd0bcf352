//! What the lists of functions say about time: from where a target that is new is read, and when
//! the series of a function that is gone may end. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::AllowedLateness;
use crate::model::{FunctionId, Timestamp};

/// Complete lists, one after the other, that must miss a function before it counts as gone.
pub const MISSES: u32 = 2;

/// Whose lists: what a source asks for, whatever its name is. It stays the same over restarts and
/// reloads as long as the source asks for the same functions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId {
    /// The account's name in the configuration, or nothing.
    pub account: Arc<str>,
    /// Region, such as `ap-guangzhou`.
    pub region: Arc<str>,
    /// A number for the namespaces, functions and topics that the configuration asks for.
    pub selection: u64,
}

/// When a source listed its functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListedAt {
    /// When its last complete list began, by the cloud's clock; before there was one, the first list
    /// at all.
    pub began: Timestamp,
    /// From where targets are read that later lists bring.
    pub from: Timestamp,
}

/// Which functions are meant; a question that the configuration answers.
#[derive(Clone)]
pub struct Functions(Arc<dyn Fn(&FunctionId) -> bool + Send + Sync>);

/// All that a complete list named.
#[derive(Debug, Clone)]
pub struct ListScan {
    /// The functions that it named, whether they are read or not.
    pub named: BTreeSet<FunctionId>,
    /// Functions that it would have named if they were there.
    pub would_name: Functions,
    /// Whether all that is there is known, and by which target each is read.
    pub is_certain: bool,
}

/// Since when complete lists miss a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// When it was listed last, by the cloud's clock.
    pub since: Timestamp,
    /// Complete lists in a row that did not name it.
    pub lists: u32,
}

/// For how long series stay that nothing is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// After a function was last listed and last called; zero is for ever.
    pub span: Duration,
    /// Whether the configuration says so, rather than the default.
    pub is_written: bool,
}

/// What decides whether the series of a function end.
#[derive(Debug, Clone, Copy, Default)]
pub struct LastSeen {
    /// Whether complete lists miss it.
    pub missed: Option<Missed>,
    /// Whether there are lists that would name it.
    pub is_listable: bool,
    /// The latest position counted.
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
        // Neither an account's name nor a region holds one of the signs.
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
    /// Those for which `which` says so.
    pub fn new(which: impl Fn(&FunctionId) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(which))
    }

    /// All there are.
    pub fn all() -> Self {
        Self::new(|_| true)
    }

    /// Whether this one is meant.
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
    /// What it is once another complete list missed the function, which was listed at `since` if no
    /// list before missed it.
    pub fn once_more(before: Option<Self>, since: Timestamp) -> Self {
        let Self { since, lists } = before.unwrap_or(Self { since, lists: 0 });
        Self {
            since,
            lists: lists.saturating_add(1),
        }
    }

    /// Whether the function counts as gone.
    pub fn is_gone(&self) -> bool {
        self.lists >= MISSES
    }
}

// === impl Retention ===

impl Retention {
    /// Whether the series of a function end at `now`, by the cloud's clock: of one that lists miss,
    /// when the last of these began. Never while one of its
    /// rows may still appear, which `lateness` bounds.
    ///
    /// A function that no list can hold is ended by its last call alone, and only where the
    /// configuration says for how long: nobody knows whether it is gone or only rests.
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

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn retention(secs: u64, is_written: bool) -> Retention {
        Retention {
            span: Duration::from_secs(secs),
            is_written,
        }
    }

    fn missed(since: i64, lists: u32) -> Option<Missed> {
        let since = at(since);
        Some(Missed { since, lists })
    }

    #[test]
    fn series_end_so_long_after_the_last_list_and_the_last_call_whichever_is_later() {
        // Retention, missed, listable, called, the second at which it ends.
        for (span, is_written, missed, is_listable, called, ends) in [
            (
                1_000,
                false,
                missed(5_000, 2),
                true,
                Some(4_000),
                Some(6_000),
            ),
            (
                1_000,
                false,
                missed(5_000, 9),
                true,
                Some(5_500),
                Some(6_500),
            ),
            (1_000, true, missed(5_000, 2), true, None, Some(6_000)),
            // One list may miss what is there.
            (1_000, true, missed(5_000, 1), true, Some(4_000), None),
            // It is listed, however long nobody calls it.
            (1_000, true, None, true, Some(4_000), None),
            // For ever.
            (0, true, missed(5_000, 2), true, Some(4_000), None),
            (0, false, missed(5_000, 2), true, None, None),
            // No list can hold it.
            (1_000, true, None, false, Some(4_000), Some(5_000)),
            (1_000, false, None, false, Some(4_000), None),
            (1_000, true, None, false, None, None),
            // Twice the allowed lateness is the least.
            (30, true, missed(5_000, 2), true, Some(4_000), Some(5_120)),
        ] {
            let seen = LastSeen {
                missed,
                is_listable,
                called: called.map(at),
            };
            let retention = retention(span, is_written);
            let first = (0..10_000).find(|now| retention.is_over(&seen, at(*now), LATE));
            assert_eq!(first, ends, "{retention:?} {seen:?}");
        }
    }

    #[test]
    fn lists_that_miss_a_function_are_counted_from_when_it_was_listed_last() {
        let first = Missed::once_more(None, at(100));
        assert_eq!(
            (first.since, first.lists, first.is_gone()),
            (at(100), 1, false)
        );
        let second = Missed::once_more(Some(first), at(200));
        assert_eq!(
            (second.since, second.lists, second.is_gone()),
            (at(100), 2, true)
        );
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
