//! Getting the rows that are asked for, in as many requests as that takes.

use std::ops::Range;

use serde_json::{Value, json};

use super::answer::{LogsAnswer, ParseScope};
use crate::ingest::page_size::PageSize;
use crate::ingest::time::format_start_time;
use crate::ledger::{Ask, ROUNDS};
use crate::model::Timestamp;
use tencentcloud::{ApiError, BoxFuture};

/// Rows in a row that may be stepped over. Where more cannot be had, it is not the rows' fault.
pub(super) const STEPS_MAX: u64 = 3;

/// The one action of the API that is read here.
pub(super) trait LogsApi: Send + Sync {
    fn logs<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Result<LogsAnswer, ApiError>>;

    fn now(&self) -> Timestamp;
}

/// The rows of one target.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) api: &'a dyn LogsApi,
    pub(super) reading: ParseScope<'a>,
}

/// What was asked for.
pub(super) struct Fetched {
    pub(super) answer: LogsAnswer,
    /// Requests that were answered for it.
    pub(super) requests: u64,
    /// Requests that were refused for the size of their answer.
    pub(super) refused: u64,
}

// === impl Rows ===

impl Rows<'_> {
    /// Returns an answer. Where a page cannot be had, a smaller one is asked for, down to one row; a
    /// row that cannot be had even so is stepped over, if one behind it can.
    pub(super) async fn fetch(
        &self,
        ask: Ask,
        order: &str,
        size: &PageSize,
    ) -> Result<Fetched, ApiError> {
        let (mut gathered, mut steps) = (LogsAnswer::default(), 0);
        let (mut requests, mut refused) = (0, 0);
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
                    // Without a total a short answer is taken for the end.
                    let is_told = gathered.total_count.is_some();
                    if is_end || is_told || gathered.rows() >= ask.limit {
                        return Ok(Fetched {
                            answer: gathered,
                            requests,
                            refused,
                        });
                    }
                }
                Err(error) if error.asks_for_less() => {
                    refused += 1;
                    if !size.shrink(limit) {
                        steps += 1;
                        if steps > STEPS_MAX || had + 1 >= ask.limit {
                            return Err(error);
                        }
                        let first = part.offset + 1 - steps;
                        let places = first..part.offset + 1;
                        if let Some((place, answer)) = self.moved(ask, order, places).await? {
                            gathered.cut_to((place - ask.offset) as usize);
                            gathered.append(answer);
                            // Of several before it nobody knows whether they are one.
                            let is_sure = place <= first + 1;
                            gathered.total_count = gathered.total_count.filter(|_| is_sure);
                            return Ok(Fetched {
                                answer: gathered,
                                requests: requests + 1,
                                refused,
                            });
                        }
                        gathered.step_over();
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks again for several places that were refused, in turn: were it one row that changes its
    /// place, another one would stand where it was before. Returns where one came up.
    async fn moved(
        &self,
        ask: Ask,
        order: &str,
        places: Range<u64>,
    ) -> Result<Option<(u64, LogsAnswer)>, ApiError> {
        let several = (0..ROUNDS).filter(|_| places.end - places.start > 1);
        for offset in several.flat_map(|_| places.clone()) {
            let alone = Ask {
                offset,
                limit: 1,
                ..ask
            };
            match self.api.logs(&self.params(alone, order)).await {
                Ok(answer) => return Ok(Some((offset, answer))),
                Err(error) if error.asks_for_less() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn params(&self, ask: Ask, order: &str) -> Value {
        let mut params = json!({
            "Namespace": self.reading.context.namespace(),
            "Offset": ask.offset,
            "Limit": ask.limit,
            "Order": order,
            "OrderBy": "start_time",
            "StartTime": format_start_time(ask.from),
            "EndTime": format_start_time(ask.to),
        });
        if let Some(function) = self.reading.context.function() {
            params["FunctionName"] = function.into();
        }
        params
    }
}

// === impl LogsAnswer ===

impl LogsAnswer {
    fn rows(&self) -> usize {
        self.data.as_ref().map_or(0, Vec::len)
    }

    /// Adds the answer to the request for what follows.
    fn append(&mut self, next: Self) {
        self.total_count = next.total_count;
        let rows = self.data.get_or_insert_default();
        rows.extend(next.data.into_iter().flatten());
    }

    /// Leaves away what is behind so many rows.
    fn cut_to(&mut self, rows: usize) {
        self.data.get_or_insert_default().truncate(rows);
        self.unavailable.retain(|place| *place < rows);
    }

    /// Puts something in the place of a row that cannot be had.
    fn step_over(&mut self) {
        let rows = self.data.get_or_insert_default();
        // As often as it is met it is the same row, as far as anybody can tell.
        if let Ok(raw) = serde_json::value::to_raw_value(&self.unavailable.len()) {
            self.unavailable.push(rows.len());
            rows.push(raw);
        }
    }
}
