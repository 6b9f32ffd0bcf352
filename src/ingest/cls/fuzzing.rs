//! What the fuzz targets of CLS bodies and of Report lines check.

mod line;

use super::answer::{SearchAnswer, Sorted};
use crate::ingest::fuzzing::{Parsed, check_body};
use crate::ledger::TargetId;
use crate::model::Timestamp;
use tencentcloud::payload;

pub(crate) use line::line;

/// Checks that no line counts twice. Most lines are no rows.
pub(crate) fn body(bytes: &[u8]) {
    check_body(&TargetId::topic("ap-x", "t"), bytes, |bytes, context| {
        let sorted = payload::<SearchAnswer>(bytes)?.sort(context, Timestamp::from_millis(5));
        let Sorted { page, shape } = sorted;
        Some(Parsed {
            page,
            rows: shape.marks.len(),
            are_all_judged: false,
            beside: shape,
        })
    });
}
