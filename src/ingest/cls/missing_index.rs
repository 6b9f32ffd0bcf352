//! Distinguishes an idle topic from one whose lines cannot be found because an index is missing.
//!
//! A search by a key without an index finds nothing, and does not fail. So after some time without
//! results the newest lines are read without the key. If one of them is a report that the search
//! should have found, the index is missing.

use std::time::Duration;

use crate::ingest::Span;
use crate::model::Timestamp;

/// Time without results before the lines are checked, and the pause between two checks.
const QUIET: Duration = Duration::from_secs(300);
/// How far back a check goes at most; the index may have been switched on since.
const CHECKED_MAX: Duration = Duration::from_secs(3_600);

/// Detects a missing index of one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MissingIndexDetector {
    /// Start of the time without results.
    since: Option<Timestamp>,
    checked_at: Option<Timestamp>,
    /// The last check found a report that the search had missed.
    pub(super) is_missing: bool,
}

impl MissingIndexDetector {
    /// Records that the search found something.
    pub(super) fn found(&mut self) {
        *self = Self {
            checked_at: self.checked_at,
            ..Self::default()
        };
    }

    /// Records a sweep without results. Returns the span in which to check the lines, if that is due.
    /// It ends at the closed position, since a line that appears after the search would prove
    /// nothing.
    pub(super) fn due_check(&mut self, span: &Span) -> Option<(Timestamp, Timestamp)> {
        let since = *self.since.get_or_insert(span.from);
        let is_early = self.checked_at.is_some_and(|at| span.now.since(at) < QUIET);
        if is_early || span.closed.since(since) < QUIET {
            return None;
        }
        self.checked_at = Some(span.now);
        Some((since.max(span.closed - CHECKED_MAX), span.closed))
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

    /// The span to check, in seconds, after a sweep without results.
    fn due(detector: &mut MissingIndexDetector, from: i64, now: i64) -> Option<(i64, i64)> {
        let due = detector.due_check(&span(from, now));
        due.map(|(from, to)| (from.as_secs(), to.as_secs()))
    }

    #[test]
    fn a_check_is_due_after_five_minutes_without_results_and_then_every_five() {
        let mut detector = MissingIndexDetector::default();
        for (from, now, expected) in [
            (10_000, 10_120, None),
            (10_060, 10_359, None),
            (10_300, 10_360, Some((10_000, 10_300))),
            (10_300, 10_659, None),
            // An hour back at most.
            (10_600, 20_000, Some((16_340, 19_940))),
        ] {
            assert_eq!(due(&mut detector, from, now), expected, "{now}");
        }
    }

    #[test]
    fn a_line_ends_it() {
        let mut detector = MissingIndexDetector::default();
        due(&mut detector, 10_000, 10_400);
        detector.is_missing = true;
        detector.found();
        assert!(!detector.is_missing);
        assert_eq!(due(&mut detector, 10_700, 10_800), None);
        assert_eq!(due(&mut detector, 10_800, 11_060), Some((10_700, 11_000)));
    }
}
