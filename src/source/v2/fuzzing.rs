//! What the fuzz target of v2 bodies asks.

use super::logs::{self, Body, Builder, Reading};
use super::plain;
use crate::config::FunctionFilter;
use crate::ledger::{PageShape, TargetId};
use crate::model::Page;
use crate::source::fuzzing::check_page;
use crate::tencent::Head;

/// Everything that is made of a body.
type Made = (Head, Option<(Page, PageShape)>);

/// Three readers that know more JSON each make the same of what they all know; whatever was read
/// is a sound page; and a body that was cut is none.
pub(crate) fn body(bytes: &[u8]) {
    let (target, filter) = (TargetId::region("ap-x"), FunctionFilter::default());
    let reading = Reading {
        target: &target,
        filter: &filter,
    };
    let generally = |careful| logs::read_generally(bytes, &reading, careful).ok();
    let fast = plain::read(bytes, Builder::new(&reading, bytes.len())).map(made);
    let general = generally(false).map(made);
    let careful = generally(true).map(made);
    if let Some(general) = &general {
        assert!(fast.as_ref().is_none_or(|fast| fast == general));
        // What is skipped need not be UTF-8, but what is kept as a text of its own does.
        if careful.is_some() || str::from_utf8(bytes).is_ok() {
            assert_eq!(careful.as_ref(), Some(general));
        }
    }
    let Ok((_, answer)) = logs::parse(bytes, &reading, 0) else {
        assert!(fast.is_none() && general.is_none());
        return;
    };
    if let Some(answer) = answer {
        let (page, shape) = (answer.page, answer.shape);
        check_page(&page);
        let judged = page.rows.len() + page.rejects.len();
        assert_eq!(judged as u64 + page.unfinished, shape.rows as u64);
        assert_eq!(shape.marks.len(), shape.rows);
        assert!(shape.tie_start <= shape.rows && shape.oldest <= shape.newest);
    }
    let whole = bytes.trim_ascii_end();
    for cut in [whole.len() / 2, whole.len() - 1] {
        assert!(logs::parse(&whole[..cut], &reading, 0).is_err());
    }
}

fn made(body: Body<'_>) -> Made {
    let (head, answer) = body.into_answer(0);
    (head, answer.map(|answer| (answer.page, answer.shape)))
}
