//! Getting the rows that are asked for, in as many requests as that takes.

use std::collections::HashSet;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::{Answer, Reading};
use super::row::{WireRow, mark_of};
use crate::ledger::Ask;
use crate::model::Timestamp;
use crate::source::page_size::PageSize;
use crate::source::time::format_start_time;
use crate::tencent::{ApiError, BoxFuture};

/// Where pages are small, so many rows are put together: a second has to fit into an answer.
const ROWS_WANTED: usize = 100;
/// Rows in a row that may be stepped over. Where more cannot be had, it is not the rows' fault.
const STEPS_MAX: u64 = 3;

/// The one action of the API that is read here.
pub(super) trait LogsApi: Send + Sync {
    fn logs<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Result<Answer, ApiError>>;

    fn now(&self) -> Timestamp;
}

/// The rows of one target.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) api: &'a dyn LogsApi,
    pub(super) reading: Reading<'a>,
}

// === impl Rows ===

impl Rows<'_> {
    /// Returns an answer, and how many requests were answered for it. Where a page cannot be had it
    /// is asked for in smaller ones, down to one row; a row that cannot be had even so is stepped
    /// over, if one behind it can.
    pub(super) async fn fetch(
        &self,
        ask: Ask,
        order: &str,
        size: &PageSize,
    ) -> Result<(Answer, u64), ApiError> {
        let (mut gathered, mut requests, mut steps) = (Answer::default(), 0, 0);
        loop {
            let had = gathered.rows();
            let limit = size.get().min(ask.limit - had);
            let part = Ask {
                offset: ask.offset + had as u64,
                limit,
                ..ask
            };
            match self.api.logs(&self.params(part, order)).await {
                Ok(answer) => {
                    size.grow(limit);
                    (requests, steps) = (requests + 1, 0);
                    let is_end = answer.rows() < limit;
                    gathered.append(answer);
                    let rows = gathered.rows();
                    let is_enough = gathered.total_count.is_some() && rows >= ROWS_WANTED;
                    if is_end || is_enough || rows >= ask.limit {
                        return Ok((gathered, requests));
                    }
                }
                Err(refused) if refused.asks_for_less() => {
                    if !size.shrink(limit) {
                        steps += 1;
                        if steps > STEPS_MAX || had + 1 >= ask.limit {
                            return Err(refused);
                        }
                        gathered.step_over(part.offset);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn params(&self, ask: Ask, order: &str) -> Value {
        let mut params = json!({
            "Namespace": self.reading.namespace(),
            "Offset": ask.offset,
            "Limit": ask.limit,
            "Order": order,
            "OrderBy": "start_time",
            "StartTime": format_start_time(ask.from),
            "EndTime": format_start_time(ask.to),
        });
        if let Some(function) = self.reading.function() {
            params["FunctionName"] = function.into();
        }
        params
    }
}

// === impl Answer ===

impl Answer {
    fn rows(&self) -> usize {
        self.data.as_ref().map_or(0, Vec::len)
    }

    /// Adds the answer to the request for what follows. Rows that moved down meanwhile come again.
    fn append(&mut self, next: Self) {
        self.total_count = next.total_count;
        let rows = self.data.get_or_insert_default();
        let known: HashSet<u64> = rows.iter().map(|raw| mark(raw)).collect();
        let is_new = |raw: &Box<RawValue>| known.is_empty() || !known.contains(&mark(raw));
        rows.extend(next.data.into_iter().flatten().filter(is_new));
    }

    /// Puts something in the place of a row that cannot be had.
    fn step_over(&mut self, offset: u64) {
        let rows = self.data.get_or_insert_default();
        if let Ok(raw) = serde_json::value::to_raw_value(&offset) {
            self.unavailable.push(rows.len());
            rows.push(raw);
        }
    }
}

fn mark(raw: &RawValue) -> u64 {
    WireRow::parse(raw).map_or_else(|| mark_of(raw), |row| row.mark(raw))
}
