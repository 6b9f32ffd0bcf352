//! What the fuzz target of v2 bodies asks.

use super::logs;
use crate::config::FunctionSelector;
use crate::ingest::fuzzing::{Parsed, check_body};
use crate::ingest::page::ParseContext;
use crate::ledger::TargetId;

/// Every row is counted, unfinished or rejected, and its place is noted.
pub(crate) fn body(bytes: &[u8]) {
    let (target, wanted) = (TargetId::region("ap-x"), FunctionSelector::default());
    let context = ParseContext {
        target: &target,
        wanted: &wanted,
    };
    check_body(bytes, |bytes| {
        let (head, answer) = logs::parse(bytes, context, 0).ok()?;
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
