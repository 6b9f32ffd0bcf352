//! What the fuzz target of v3 bodies checks.

use std::sync::atomic::AtomicBool;

use super::answer::{self, LogsAnswer, MarkedPage, ParseScope};
use crate::ingest::fuzzing::{Parsed, check_body};
use crate::ledger::TargetId;
use tencentcloud::payload;

/// Checks that every row is counted, unfinished or rejected, and has a mark, and that both readers agree.
pub(crate) fn body(bytes: &[u8]) {
    check_body(&TargetId::region("ap-x"), bytes, |bytes, context| {
        let sort = |answer: &LogsAnswer| {
            answer.sort(ParseScope {
                context,
                has_retry_numbers: &AtomicBool::new(false),
            })
        };
        let general = payload::<LogsAnswer>(bytes);
        if let Some(fast) = answer::read_fast(bytes) {
            let general = general.as_ref();
            assert_eq!(Some(sort(&fast)), general.map(sort));
            assert_eq!(
                Some(fast.total_count),
                general.map(|answer| answer.total_count)
            );
        }
        let answer = general?;
        let rows = answer.rows.len();
        let MarkedPage { page, marks, .. } = sort(&answer);
        assert_eq!(marks.len(), rows);
        Some(Parsed {
            page,
            rows,
            are_all_judged: true,
            beside: answer.total_count,
        })
    });
}
