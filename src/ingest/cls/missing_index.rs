//! Distinguishes an idle topic from one whose lines cannot be found because an index is missing.
//!
//! A search by a key without an index finds nothing, and does not fail. So after some time without
//! results the newest lines are read without the key. If one of them is a report that the search
//! should have found, the index is missing.

use std::time::Duration;

use crate::ingest::Span;
use crate::model::Timestamp;

/// Time without results before the lines are read, and the pause between two such reads.
const QUIET: Duration = Duration::from_secs(300);
/// How far back the lines are read at most; the index may have been switched on since.
const LOOK_BACK: Duration = Duration::from_secs(3_600);

/// Detects a missing index of one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MissingIndexDetector {
    /// Start of the time without results.
    since: Option<Timestamp>,
    looked: Option<Timestamp>,
    /// The last read of the lines found a report that the search had missed.
    pub(super) proven: bool,
}

impl MissingIndexDetector {
    /// Records that the search found something.
    pub(super) fn broken(&mut self) {
        *self = Self {
            looked: self.looked,
            ..Self::default()
        };
    }

    /// Records a sweep without results. Returns the span in which to read the lines, if that is
    /// due. It ends at the closed position, since a line that appears after the search would prove
    /// nothing.
    pub(super) fn lasts(&mut self, span: &Span) -> Option<(Timestamp, Timestamp)> {
        let since = *self.since.get_or_insert(span.from);
        let rested = self.looked.is_none_or(|at| span.now.since(at) >= QUIET);
        if !rested || span.closed.since(since) < QUIET {
            return None;
        }
        self.looked = Some(span.now);
        Some((since.max(span.closed - LOOK_BACK), span.closed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::Mode;

    fn span(from: i64, now: i64) -> Span {
        Span {
            mode: Mode::Sweep,
            from: Timestamp::from_secs(from),
            closed: Timestamp::from_secs(now - 60),
            now: Timestamp::from_secs(now),
            expected: 0,
        }
    }

    fn secs(look: Option<(Timestamp, Timestamp)>) -> Option<(i64, i64)> {
        look.map(|(from, to)| (from.as_secs(), to.as_secs()))
    }

    #[test]
    fn it_looks_after_five_silent_minutes_and_then_every_five() {
        let mut silence = MissingIndexDetector::default();
        assert_eq!(silence.lasts(&span(10_000, 10_120)), None);
        assert_eq!(silence.lasts(&span(10_060, 10_359)), None);
        let look = silence.lasts(&span(10_300, 10_360));
        assert_eq!(secs(look), Some((10_000, 10_300)));
        assert_eq!(silence.lasts(&span(10_300, 10_659)), None);
        let look = silence.lasts(&span(10_600, 20_000));
        assert_eq!(secs(look), Some((16_340, 19_940)), "an hour back at most");
    }

    #[test]
    fn a_line_ends_it() {
        let mut silence = MissingIndexDetector::default();
        silence.lasts(&span(10_000, 10_400));
        silence.proven = true;
        silence.broken();
        assert!(!silence.proven);
        assert_eq!(silence.lasts(&span(10_700, 10_800)), None);
        let look = silence.lasts(&span(10_800, 11_060));
        assert_eq!(secs(look), Some((10_700, 11_000)));
    }
}
