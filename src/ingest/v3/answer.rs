//! An answer of `GetFunctionLogs`, sorted out into a page.

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

/// What stands in `Response`.
#[derive(Debug, Default, Deserialize)]
#[serde(remote = "Self", rename_all = "PascalCase", default)]
pub(super) struct LogsAnswer {
    /// Rows in the whole window.
    #[serde(deserialize_with = "scalar::count")]
    pub(super) total_count: Option<u64>,
    /// The rows, each to be read by itself; `null` where there are none.
    pub(super) data: Option<Vec<Box<RawValue>>>,
    /// Which of them could not be had: something else stands in their places.
    #[serde(skip)]
    pub(super) unavailable: Vec<usize>,
}

/// What the rows of an answer are read for.
#[derive(Clone, Copy)]
pub(super) struct ParseScope<'r> {
    pub(super) context: ParseContext<'r>,
    /// Whether a row of this source had a retry number yet: where the API tells them, one that is
    /// missing is zero.
    pub(super) tells_retries: &'r AtomicBool,
}

/// The rows of an answer, sorted out.
pub(super) struct Sorted {
    pub(super) page: Page,
    /// Where each row stands in the list.
    pub(super) marks: Vec<Mark>,
    /// What became of each row.
    pub(super) statuses: Vec<RowStatus>,
}

// === impl LogsAnswer ===

/// Without rows and without a total it is the answer of another action: taken for an empty list,
/// it would settle what nobody has read.
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
    /// The rows as a page, and what each of them is to the list.
    pub(super) fn sort_out(&self, reading: ParseScope<'_>) -> Sorted {
        let raws = self.data.as_deref().unwrap_or_default();
        let mut rows: Vec<_> = raws.iter().map(|raw| row::read(raw)).collect();
        if rows.iter().flatten().any(|row| row.retry().is_some()) {
            reading.tells_retries.store(true, Ordering::Relaxed);
        }
        if reading.tells_retries.load(Ordering::Relaxed) {
            rows.iter_mut()
                .flatten()
                .for_each(FunctionLog::complete_retry);
        }
        let mut builder = PageBuilder::new(reading.context, rows.len());
        let (mut marks, mut statuses) = (Vec::new(), Vec::new());
        for (at, (raw, row)) in raws.iter().zip(&rows).enumerate() {
            marks.push(row::mark(raw, row.as_ref()));
            statuses.push(match row {
                _ if self.unavailable.contains(&at) => builder.reject(RejectReason::Unavailable),
                None => builder.reject(RejectReason::NotAnObject),
                Some(row) => builder.add(row.function(reading.context), || {
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
