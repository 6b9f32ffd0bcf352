//! Fetches a page of rows, in as many requests as that takes.

use std::ops::Range;

use serde_json::json;

use super::answer::{self, LogsAnswer, ParseScope};
use super::row::LogRow;
use crate::ingest::JsonApi;
use crate::ingest::page_size::PageSize;
use crate::ingest::time::format_start_time;
use crate::ledger::{Ask, ROUNDS};
use tencentcloud::ApiError;

/// Consecutive rows that may be skipped because no response with them arrives; with more of them the
/// API as a whole does not respond.
pub(super) const STEPS_MAX: u64 = 3;

/// The rows of one target.
pub(super) struct RowFetcher<'a, C> {
    pub(super) cloud: &'a C,
    pub(super) scope: ParseScope<'a>,
}

/// A fetched page.
pub(super) struct Fetched {
    pub(super) answer: LogsAnswer,
    /// Number of requests that were answered.
    pub(super) requests: u64,
    /// Number of requests that failed because of the size of their response.
    pub(super) refused: u64,
}

// === impl RowFetcher ===

impl<C: JsonApi> RowFetcher<'_, C> {
    /// Fetches a page. If no response arrives, smaller pages are requested, down to one row; a row
    /// that cannot be fetched even so is skipped, provided that one after it can.
    pub(super) async fn fetch(
        &self,
        ask: Ask,
        order: &str,
        size: &PageSize,
    ) -> Result<Fetched, ApiError> {
        let (mut gathered, mut steps) = (LogsAnswer::default(), 0);
        let (mut requests, mut refused) = (0, 0);
        loop {
            let had = gathered.rows.len();
            let limit = size.get().min(ask.limit - had);
            let part = Ask {
                offset: ask.offset + had as u64,
                limit,
                ..ask
            };
            match self.request(part, order).await {
                Ok(answer) => {
                    size.grow(limit);
                    (requests, steps) = (requests + 1, 0);
                    let is_end = answer.rows.len() < limit;
                    gathered.append(answer);
                    // Without a total a short page is taken for the end.
                    let has_total = gathered.total_count.is_some();
                    if is_end || has_total || gathered.rows.len() >= ask.limit {
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
                            gathered.rows.truncate((place - ask.offset) as usize);
                            gathered.append(answer);
                            // Several before it may be one row that moved.
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

    /// Requests again several offsets that failed, in turn: if they failed because of one row that
    /// moves, another row is now at one of them. Returns the first row that arrives, with its offset.
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
            match self.request(alone, order).await {
                Ok(answer) => return Ok(Some((offset, answer))),
                Err(error) if error.asks_for_less() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn request(&self, ask: Ask, order: &str) -> Result<LogsAnswer, ApiError> {
        let context = self.scope.context;
        let mut params = json!({
            "Namespace": context.namespace(),
            "Offset": ask.offset,
            "Limit": ask.limit,
            "Order": order,
            "OrderBy": "start_time",
            "StartTime": format_start_time(ask.from),
            "EndTime": format_start_time(ask.to),
        });
        if let Some(function) = context.function() {
            params["FunctionName"] = function.into();
        }
        let general = |answer: LogsAnswer| answer;
        let cloud = self.cloud;
        cloud
            .call_rows("GetFunctionLogs", &params, answer::read_fast, general)
            .await
    }
}

// === impl LogsAnswer ===

impl LogsAnswer {
    /// Adds the response to the request for the rows that follow.
    fn append(&mut self, next: Self) {
        self.total_count = next.total_count;
        self.rows.extend(next.rows);
    }

    /// Adds a placeholder for a row that cannot be fetched. Equal numbers make equal marks: the same
    /// row, however often it is skipped.
    fn step_over(&mut self) {
        let skipped = self.rows.iter();
        let skipped = skipped.filter(|row| matches!(row, LogRow::Unavailable(_)));
        let number = skipped.count();
        self.rows.push(LogRow::Unavailable(number));
    }
}
