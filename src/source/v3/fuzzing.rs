//! What the fuzz target of v3 bodies asks.

use std::sync::atomic::AtomicBool;

use super::answer::{Answer, Reading, Sorted};
use crate::ledger::TargetId;
use crate::source::Wanted;
use crate::source::fuzzing::{Parsed, check_body};
use crate::source::page::ParseContext;
use crate::tencent::payload;

/// Every row is counted, unfinished or rejected, and its place is noted.
pub(crate) fn body(bytes: &[u8]) {
    let (target, wanted) = (TargetId::region("ap-x"), Wanted::default());
    check_body(bytes, |bytes| {
        let answer = payload::<Answer>(bytes)?;
        let rows = answer.data.as_ref().map_or(0, Vec::len);
        let Sorted { page, marks, .. } = answer.sort_out(Reading {
            context: ParseContext {
                target: &target,
                wanted: &wanted,
            },
            tells_retries: &AtomicBool::new(false),
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
