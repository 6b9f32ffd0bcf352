//! What the fuzz target of v2 bodies checks.

use super::logs;
use crate::ingest::fuzzing::{Parsed, check_body};
use crate::ledger::TargetId;

/// Checks that every row is counted, unfinished or rejected, and has a mark, and that both readers agree.
pub(crate) fn body(bytes: &[u8]) {
    check_body(&TargetId::region("ap-x"), bytes, |bytes, context| {
        let general = logs::parse_general(bytes, context, 0).ok();
        if let Some(fast) = logs::parse_fast(bytes, context, 0) {
            assert_eq!(Some(&fast), general.as_ref());
        }
        let (head, answer) = general?;
        let (page, shape) = answer.map(|answer| (answer.page, answer.shape))?;
        assert_eq!(shape.marks.len(), shape.rows);
        assert!(shape.tie_start <= shape.rows && shape.oldest <= shape.newest);
        Some(Parsed {
            page,
            rows: shape.rows,
            are_all_judged: true,
            beside: (head, shape),
        })
    });
}
