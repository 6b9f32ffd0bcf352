//! Turns a response of `GetFunctionLogs` into a page.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;

use super::row::{self, LogRow};
use crate::ingest::function_log::FunctionLog;
use crate::ingest::page::{PageBuilder, ParseContext, RowStatus};
use crate::ingest::{scalar, scan};
use crate::ledger::Mark;
use crate::model::Page;
use tencentcloud::other_answer;

/// Rows that a response has room for at first.
const ROWS: usize = 1_000;

/// The content of `Response`.
#[derive(Debug, Default)]
pub(super) struct LogsAnswer {
    /// Number of rows in the whole window.
    pub(super) total_count: Option<u64>,
    /// The rows; none if the list is `null`.
    pub(super) rows: Vec<LogRow>,
}

/// The same as it is on the wire.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct WireAnswer {
    #[serde(deserialize_with = "scalar::count")]
    total_count: Option<u64>,
    data: Option<Vec<Box<RawValue>>>,
}

/// What rows are parsed for.
#[derive(Clone, Copy)]
pub(super) struct ParseScope<'r> {
    pub(super) context: ParseContext<'r>,
    /// Set once a row of this source had a retry number: from then on a missing one is zero.
    pub(super) has_retry_numbers: &'r AtomicBool,
}

/// The rows of a response as a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MarkedPage {
    pub(super) page: Page,
    /// The position and identity of each row.
    pub(super) marks: Vec<Mark>,
    pub(super) statuses: Vec<RowStatus>,
}

// === impl LogsAnswer ===

/// Parses a body of plain rows; `None` if the general reader has to.
pub(super) fn read_fast(body: &[u8]) -> Option<LogsAnswer> {
    let text = std::str::from_utf8(body).ok()?;
    let mut rows = Vec::with_capacity(ROWS);
    let path = ["Response", "Data"];
    let rest = scan::read_rows(text, &path, &row::NAMES, None, |json, values| {
        rows.push(LogRow::of(&FunctionLog::of(values), json));
        Some(())
    })?;
    let answer: LogsAnswer = tencentcloud::payload(rest.as_bytes())?;
    Some(LogsAnswer { rows, ..answer })
}

/// Without rows and without a total it is the response of another action: taken for an empty list, it
/// would let the watermark pass rows that were never read.
impl<'de> Deserialize<'de> for LogsAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = WireAnswer::deserialize(deserializer)?;
        if wire.total_count.is_none() && wire.data.is_none() {
            return Err(D::Error::custom(other_answer(
                "neither Data nor TotalCount",
            )));
        }
        let rows = wire.data.unwrap_or_default();
        Ok(Self {
            total_count: wire.total_count,
            rows: rows.iter().map(|json| LogRow::read(json)).collect(),
        })
    }
}

impl LogsAnswer {
    /// Builds the page, with the mark and the status of each row.
    pub(super) fn sort(&self, scope: ParseScope<'_>) -> MarkedPage {
        if self.rows.iter().any(LogRow::has_retry_number) {
            scope.has_retry_numbers.store(true, Ordering::Relaxed);
        }
        let has_numbers = scope.has_retry_numbers.load(Ordering::Relaxed);
        let mut page = PageBuilder::new(scope.context, self.rows.len());
        let marks = self.rows.iter().map(|row| row.mark(has_numbers));
        let statuses = self.rows.iter();
        let statuses = statuses.map(|row| row.add_to(&mut page, scope.context, has_numbers));
        MarkedPage {
            marks: marks.collect(),
            statuses: statuses.collect(),
            page: page.finish(),
        }
    }
}
