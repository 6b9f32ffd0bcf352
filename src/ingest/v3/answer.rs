//! Turns a response of `GetFunctionLogs` into a page.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;

use super::row;
use crate::ingest::function_log::FunctionLog;
use crate::ingest::page::{PageBuilder, ParseContext, RowStatus};
use crate::ingest::scalar;
use crate::ledger::Mark;
use crate::model::{Page, RejectReason};
use tencentcloud::other_answer;

/// The content of `Response`.
#[derive(Debug, Default, Deserialize)]
#[serde(remote = "Self", rename_all = "PascalCase", default)]
pub(super) struct LogsAnswer {
    /// Number of rows in the whole window.
    #[serde(deserialize_with = "scalar::count")]
    pub(super) total_count: Option<u64>,
    /// The rows, each parsed by itself; `null` if there are none.
    pub(super) data: Option<Vec<Box<RawValue>>>,
    /// Indices of rows that no response could bring; a placeholder stands for each.
    #[serde(skip)]
    pub(super) unavailable: Vec<usize>,
}

/// What rows are parsed for.
#[derive(Clone, Copy)]
pub(super) struct ParseScope<'r> {
    pub(super) context: ParseContext<'r>,
    /// Set once a row of this source had a retry number: from then on a missing one is zero.
    pub(super) has_retry_numbers: &'r AtomicBool,
}

/// The rows of a response as a page.
pub(super) struct Sorted {
    pub(super) page: Page,
    /// The position and identity of each row.
    pub(super) marks: Vec<Mark>,
    pub(super) statuses: Vec<RowStatus>,
}

// === impl LogsAnswer ===

/// Without rows and without a total it is the response of another action: taken for an empty list, it
/// would let the watermark pass rows that were never read.
impl<'de> Deserialize<'de> for LogsAnswer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let answer = Self::deserialize(deserializer)?;
        if answer.total_count.is_none() && answer.data.is_none() {
            return Err(D::Error::custom(other_answer(
                "neither Data nor TotalCount",
            )));
        }
        Ok(answer)
    }
}

impl LogsAnswer {
    pub(super) fn rows(&self) -> usize {
        self.data.as_ref().map_or(0, Vec::len)
    }

    /// Builds the page, with the mark and the status of each row.
    pub(super) fn sort(&self, scope: ParseScope<'_>) -> Sorted {
        let raws = self.data.as_deref().unwrap_or_default();
        let mut rows: Vec<_> = raws.iter().map(|raw| row::read(raw)).collect();
        if rows.iter().flatten().any(|row| row.retry().is_some()) {
            scope.has_retry_numbers.store(true, Ordering::Relaxed);
        }
        if scope.has_retry_numbers.load(Ordering::Relaxed) {
            rows.iter_mut()
                .flatten()
                .for_each(FunctionLog::complete_retry);
        }
        let mut builder = PageBuilder::new(scope.context, rows.len());
        let (mut marks, mut statuses) = (Vec::new(), Vec::new());
        for (at, (raw, row)) in raws.iter().zip(&rows).enumerate() {
            marks.push(row::mark(raw, row.as_ref()));
            statuses.push(match row {
                _ if self.unavailable.contains(&at) => builder.reject(RejectReason::Unavailable),
                None => builder.reject(RejectReason::NotAnObject),
                Some(row) => builder.add(row.function(scope.context), || {
                    row.entry(row::is_unfinished(row))
                }),
            });
        }
        Sorted {
            page: builder.finish(),
            marks,
            statuses,
        }
    }
}
