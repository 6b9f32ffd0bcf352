//! Turns the body of a `GetFunctionLogs` response into a page, and records how its rows are ordered.

use serde_json::value::RawValue;

use super::body::{self, Body};
use crate::ingest::function_log::{FunctionLog, RowNames};
use crate::ingest::page::{PageBuilder, ParseContext};
use crate::ingest::scan;
use crate::ledger::PageShape;
use crate::model::{Page, RejectReason, Timestamp, attempt_id};
use tencentcloud::{Head, Malformed};

/// Rows that a page has room for at first.
const ROWS: usize = 1_000;

/// The names of a row's values in camelCase (all examples) and snake_case (the field table of the
/// same page). There is no retry number.
const NAMES: RowNames = [
    &["functionName", "function_name"],
    &["requestId", "request_id"],
    &["startTime", "start_time"],
    &["retCode", "ret_code"],
    &["retMsg", "ret_msg"],
    &["duration"],
    &["billDuration", "bill_duration"],
    &["memUsage", "mem_usage"],
    &["invokeFinished", "invoke_finished"],
    &[],
];

/// A page, and the order of its rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ShapedPage {
    pub(super) page: Page,
    pub(super) shape: PageShape,
}

/// Builds the answer, row by row.
struct AnswerBuilder<'c> {
    context: ParseContext<'c>,
    page: PageBuilder<'c>,
    shape: Shape,
}

/// Records how the rows of a page are ordered.
struct Shape {
    shape: PageShape,
    /// Position of the last row that had a readable one.
    before: Option<Timestamp>,
    /// Rows without a readable position since then.
    gap: usize,
}

/// Parses a body; the answer is `None` if there is no list of rows.
pub(super) fn parse(
    body: &[u8],
    context: ParseContext<'_>,
    offset: u64,
) -> Result<(Head, Option<ShapedPage>), Malformed> {
    match parse_fast(body, context, offset) {
        Some(read) => Ok(read),
        None => parse_general(body, context, offset),
    }
}

/// Parses any body.
pub(super) fn parse_general(
    body: &[u8],
    context: ParseContext<'_>,
    offset: u64,
) -> Result<(Head, Option<ShapedPage>), Malformed> {
    let Body { head, total, data } = body::read::<Vec<&RawValue>>(body)?;
    let answer = data.map(|rows| {
        let mut answer = AnswerBuilder::new(context, offset);
        for raw in rows {
            answer.row(FunctionLog::read(raw, &NAMES));
        }
        answer.finish(total)
    });
    Ok((head, answer))
}

/// Parses a body of plain rows; `None` if the general reader has to.
pub(super) fn parse_fast(
    body: &[u8],
    context: ParseContext<'_>,
    offset: u64,
) -> Option<(Head, Option<ShapedPage>)> {
    let text = std::str::from_utf8(body).ok()?;
    let mut answer = AnswerBuilder::new(context, offset);
    let rest = scan::read_rows(text, &["data"], &NAMES, None, |_, values| {
        answer.row(Some(FunctionLog::of(values)));
        Some(())
    })?;
    let Body { head, total, data } = body::read::<Vec<&RawValue>>(rest.as_bytes()).ok()?;
    Some((head, data.map(|_| answer.finish(total))))
}

// === impl AnswerBuilder ===

impl<'c> AnswerBuilder<'c> {
    fn new(context: ParseContext<'c>, offset: u64) -> Self {
        Self {
            context,
            page: PageBuilder::new(context, ROWS),
            shape: Shape::new(offset),
        }
    }

    /// Takes in the next row; `None` is one that is not an object.
    fn row(&mut self, row: Option<FunctionLog<'_>>) {
        let Some(row) = row else {
            self.shape.row(None, None);
            self.page.reject(RejectReason::NotAnObject);
            return;
        };
        self.shape.row(row.request_id(), row.position());
        let read = || row.entry(row.says_unfinished());
        self.page.add(row.function(self.context), read);
    }

    fn finish(self, total: Option<u64>) -> ShapedPage {
        let page = self.page.finish();
        let shape = PageShape {
            total,
            ..self.shape.shape
        };
        ShapedPage { page, shape }
    }
}

// === impl Shape ===

impl Shape {
    fn new(offset: u64) -> Self {
        Self {
            shape: PageShape {
                offset,
                sorted: true,
                ..PageShape::default()
            },
            before: None,
            gap: 0,
        }
    }

    fn row(&mut self, id: Option<&str>, position: Option<Timestamp>) {
        let shape = &mut self.shape;
        let index = shape.rows;
        shape.rows += 1;
        let id = id.map(attempt_id).unwrap_or_default();
        let second = position.unwrap_or_default().as_secs() as u64;
        shape.marks.push((id >> 64) as u64 ^ id as u64 ^ second);
        let Some(position) = position else {
            self.gap += 1;
            return;
        };
        match self.before {
            Some(before) if position > before => shape.sorted = false,
            // Rows without a readable position may belong to either second; they count to the later one.
            Some(before) if position < before => shape.tie_start = index - self.gap,
            _ => {}
        }
        self.gap = 0;
        shape.newest = shape.newest.max(Some(position));
        shape.oldest = Some(shape.oldest.map_or(position, |oldest| oldest.min(position)));
        self.before = Some(position);
    }
}

#[cfg(test)]
mod tests;
