//! What the fuzz target of v3 bodies asks.

use std::sync::atomic::AtomicBool;

use super::answer::{LogsAnswer, ParseScope, Sorted};
use crate::config::FunctionSelector;
use crate::ingest::fuzzing::{Parsed, check_body};
use crate::ingest::page::ParseContext;
use crate::ledger::TargetId;
use tencentcloud::payload;

/// Every row is counted, unfinished or rejected, and its place is noted.
pub(crate) fn body(bytes: &[u8]) {
    let (target, wanted) = (TargetId::region("ap-x"), FunctionSelector::default());
    check_body(bytes, |bytes| {
        let answer = payload::<LogsAnswer>(bytes)?;
        let rows = answer.rows();
        let Sorted { page, marks, .. } = answer.sort(ParseScope {
            context: ParseContext {
                target: &target,
                wanted: &wanted,
            },
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
