//! What the fuzz targets of CLS bodies and of Report lines ask.

mod line;

use super::answer::{SearchAnswer, Sorted};
use crate::config::FunctionSelector;
use crate::ingest::fuzzing::{Parsed, check_body};
use crate::ingest::page::ParseContext;
use crate::ledger::TargetId;
use crate::model::Timestamp;
use tencentcloud::payload;

pub(crate) use line::line;

/// No line counts twice; most of them are no rows.
pub(crate) fn body(bytes: &[u8]) {
    let (target, wanted) = (TargetId::topic("ap-x", "t"), FunctionSelector::default());
    let context = ParseContext {
        target: &target,
        wanted: &wanted,
    };
    check_body(bytes, |bytes| {
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
