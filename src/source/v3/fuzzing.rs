//! What the fuzz target of v3 bodies asks.

use std::sync::atomic::AtomicBool;

use super::answer::{Answer, Reading, Sorted};
use crate::ledger::TargetId;
use crate::model::Page;
use crate::source::Wanted;
use crate::source::fuzzing::{check_page, turned};
use crate::tencent::payload;

/// Every row is counted, unfinished or rejected; order of members and blanks mean nothing; and a
/// body that was cut is none.
pub(crate) fn body(bytes: &[u8]) {
    let Some(answer) = payload::<Answer>(bytes) else {
        return;
    };
    let rows = answer.data.as_ref().map_or(0, Vec::len);
    let (page, marks) = sorted(&answer);
    check_page(&page);
    assert_eq!(marks, rows);
    let judged = page.rows.len() + page.rejects.len();
    assert_eq!(judged as u64 + page.unfinished, rows as u64);
    if let Some(turned) = str::from_utf8(bytes).ok().and_then(turned) {
        let other = payload::<Answer>(turned.as_bytes()).expect("the same answer");
        assert_eq!(other.total_count, answer.total_count);
        assert_eq!(sorted(&other), (page, marks));
    }
    let whole = bytes.trim_ascii_end();
    for cut in [whole.len() / 2, whole.len() - 1] {
        assert!(payload::<Answer>(&whole[..cut]).is_none());
    }
}

/// The page, and how many marks it comes with.
fn sorted(answer: &Answer) -> (Page, usize) {
    let (target, wanted) = (TargetId::region("ap-x"), Wanted::default());
    let tells_retries = AtomicBool::new(false);
    let Sorted { page, marks, .. } = answer.sort_out(Reading {
        target: &target,
        wanted: &wanted,
        tells_retries: &tells_retries,
    });
    (page, marks.len())
}
