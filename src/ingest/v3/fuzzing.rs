//! What the fuzz target of v3 bodies checks.

use std::sync::atomic::AtomicBool;

use super::answer::{LogsAnswer, MarkedPage, ParseScope};
use crate::ingest::fuzzing::{Parsed, check_body};
use crate::ledger::TargetId;
use tencentcloud::payload;

/// Checks that every row is counted, unfinished or rejected, and has a mark.
pub(crate) fn body(bytes: &[u8]) {
    check_body(&TargetId::region("ap-x"), bytes, |bytes, context| {
        let answer = payload::<LogsAnswer>(bytes)?;
        let rows = answer.rows.len();
        let MarkedPage { page, marks, .. } = answer.sort(ParseScope {
            context,
            has_retry_numbers: &AtomicBool::new(false),
        });
        assert_eq!(marks.len(), rows);
        Some(Parsed {
            page,
            rows,
            are_all_judged: true,
            beside: answer.total_count,
        })
    });
}
