//! What the fuzz targets of CLS bodies and of Report lines check.

mod line;

use super::answer::{self, SearchAnswer, SearchPage};
use crate::ingest::fuzzing::{Parsed, check_body};
use crate::ledger::TargetId;
use crate::model::Timestamp;
use tencentcloud::payload;

pub(crate) use line::line;

/// Checks that no line counts twice and that both readers agree. Most lines are no rows.
pub(crate) fn body(bytes: &[u8]) {
    check_body(&TargetId::topic("ap-x", "t"), bytes, |bytes, context| {
        let start = Timestamp::from_millis(5);
        let general = payload::<SearchAnswer>(bytes).map(|answer| answer.sort(context, start));
        if let Some(fast) = answer::read_fast(bytes, context, start) {
            assert_eq!(Some(&fast), general.as_ref());
        }
        let SearchPage { page, shape } = general?;
        Some(Parsed {
            page,
            rows: shape.marks.len(),
            are_all_judged: false,
            beside: shape,
        })
    });
}
