//! Reading one target: a sweep by windows, oldest first, or the tail, newest first.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::LogsApi;
use super::answer::{Answer, Reading, Sorted};
use crate::ledger::{Ask, DEPTH_MAX, SECONDS_MAX, WindowRead};
use crate::model::Timestamp;
use crate::source::time::format_start_time;
use crate::source::{Flow, Mode, PageSink, ReadReport, Span};
use crate::tencent::{ApiError, ErrorClass};

/// Rows of the first page of a tail read; and of every page where the API refuses larger ones.
const SMALL_PAGE: usize = 100;
/// Pages that are read newest first at the most; what they leave out is read oldest first.
const NEWEST_PAGES_MAX: u64 = 100;

/// Why reading newest first ended.
#[derive(PartialEq, Eq)]
enum Ended {
    /// The sink wants no more.
    Stopped,
    /// There is no more to be had that way.
    Whole,
}

/// One read.
pub(super) struct Reader<'a> {
    api: &'a dyn LogsApi,
    reading: Reading<'a>,
    page_max: &'a AtomicUsize,
    sink: &'a mut dyn PageSink,
    report: ReadReport,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        api: &'a dyn LogsApi,
        reading: Reading<'a>,
        page_max: &'a AtomicUsize,
        sink: &'a mut dyn PageSink,
    ) -> Self {
        Self {
            api,
            reading,
            page_max,
            sink,
            report: ReadReport::default(),
        }
    }

    /// Everything. Where the sink knows most of it already, the newest rows are read until what was
    /// met is as much as the API counts; else the closed part until it adds up, then once what may
    /// still change.
    pub(super) async fn sweep(mut self, span: Span) -> Result<ReadReport, ApiError> {
        let is_known = self
            .sink
            .met(self.reading.target, span.first_second())
            .await
            .is_some();
        if is_known && self.newest_first(span).await? == Ended::Stopped || self.report.complete {
            return Ok(self.report);
        }
        let mut closed = WindowRead::closed(span.from, span.closed, self.page_max());
        if self.run(&mut closed, Some(span)).await? == Flow::Continue {
            // The second of `now` is not over: the next read sees all of it.
            let end = Timestamp::from_secs(span.now.as_secs());
            let mut live = WindowRead::live(span.from.max(span.closed), end, self.page_max());
            self.run(&mut live, None).await?;
            self.report.truncated |= live.is_truncated();
        }
        self.report.complete = closed.is_complete();
        self.report.truncated |= closed.is_truncated();
        Ok(self.report)
    }

    /// The newest rows, until the sink knows them, nothing is missing, or a day is read.
    pub(super) async fn tail(mut self, span: Span) -> Result<ReadReport, ApiError> {
        self.newest_first(span).await?;
        Ok(self.report)
    }

    /// Reads from the newest row on until the attempts met, with the rows passed over on the way,
    /// are as many as the API counts: then none is missing anywhere, and the read is complete.
    async fn newest_first(&mut self, span: Span) -> Result<Ended, ApiError> {
        let from = span.first_second();
        let mut ask = Ask {
            from: from.as_secs(),
            // The second of `now` whole, however the API reads the end.
            to: span.now.as_secs() + 1,
            offset: 0,
            limit: self.first_page(span),
        };
        ask.to = ask.to.clamp(ask.from + 1, ask.from + SECONDS_MAX);
        let all_asked = ask.to > span.now.as_secs();
        let mut passed_over = HashSet::new();
        for _ in 0..NEWEST_PAGES_MAX {
            let Some(answer) = self.fetch(ask, "desc").await? else {
                ask.limit = SMALL_PAGE;
                continue;
            };
            let sorted = answer.sort_out(self.reading);
            let rows = sorted.marks.len() as u64;
            passed_over.extend(sorted.passed_over);
            ask.offset += rows;
            if self.sink.put(sorted.page).await == Flow::Stop {
                // Perhaps it is all known.
                self.report.complete =
                    all_asked && self.missing(from, &answer, passed_over.len()).await == Some(0);
                return Ok(Ended::Stopped);
            }
            match self.missing(from, &answer, passed_over.len()).await {
                Some(0) if all_asked => {
                    (self.report.complete, self.report.confirmed) = (true, true);
                    return Ok(Ended::Whole);
                }
                // A backlog is better read oldest first, so that each piece is kept.
                Some(missing) if missing > self.backlog() && span.mode == Mode::Sweep => break,
                _ => {}
            }
            let last = rows == 0 || answer.total_count.is_none_or(|all| all <= ask.offset);
            if last || ask.offset >= DEPTH_MAX {
                break;
            }
            let room = usize::try_from(DEPTH_MAX - ask.offset).unwrap_or(SMALL_PAGE);
            ask.limit = (ask.limit * 2).min(self.page_max()).min(room);
        }
        Ok(Ended::Whole)
    }

    /// How many rows the API counts beyond those that were met or passed over; `None` where that
    /// cannot be told.
    async fn missing(&mut self, from: Timestamp, answer: &Answer, passed: usize) -> Option<u64> {
        let total = answer.total_count?;
        let met = self.sink.met(self.reading.target, from).await? + passed as u64;
        // More than are there: an attempt was met elsewhere. Nothing follows from that.
        total.checked_sub(met)
    }

    /// Rows of the first page. One stream of many functions is asked for all that an answer may
    /// hold: a call that took long stands as far down as others began since.
    fn first_page(&self, span: Span) -> usize {
        let page_max = self.page_max();
        if self.reading.function().is_none() {
            return page_max;
        }
        let expected = usize::try_from(span.expected).unwrap_or(page_max);
        expected
            .saturating_mul(4)
            .saturating_add(SMALL_PAGE)
            .min(page_max)
    }

    fn backlog(&self) -> u64 {
        2 * self.page_max() as u64
    }

    /// How many attempts of the function of this reading are there, if one answer holds them.
    pub(super) async fn count(mut self, span: Span) -> Result<Option<u64>, ApiError> {
        let from = span.first_second().as_secs();
        let ask = Ask {
            from,
            to: (span.now.as_secs() + 1).clamp(from + 1, from + SECONDS_MAX),
            offset: 0,
            limit: self.page_max(),
        };
        let Some(answer) = self.fetch(ask, "desc").await? else {
            return Ok(None);
        };
        let Sorted { page, marks, .. } = answer.sort_out(self.reading);
        let all = answer.total_count == Some(marks.len() as u64);
        let keys: HashSet<_> = page.rows.iter().map(|row| row.key).collect();
        Ok(all.then_some(keys.len() as u64))
    }

    /// Reads windows to their end; `settling`: says how far it is.
    async fn run(
        &mut self,
        windows: &mut WindowRead,
        settling: Option<Span>,
    ) -> Result<Flow, ApiError> {
        let mut reached = windows.reached();
        while let Some(ask) = windows.next() {
            let Some(answer) = self.fetch(ask, "asc").await? else {
                windows.limit_pages(SMALL_PAGE);
                continue;
            };
            let sorted = answer.sort_out(self.reading);
            windows.took(&sorted.marks, answer.total_count);
            if self.sink.put(sorted.page).await == Flow::Stop {
                return Ok(Flow::Stop);
            }
            let Some(span) = settling.filter(|_| windows.reached() > reached) else {
                continue;
            };
            reached = windows.reached();
            // The last window ends with a whole second, the closed part within it.
            if self.sink.reached(reached.min(span.closed)).await == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    /// One answer; `None` where it is to be asked for in smaller pages.
    async fn fetch(&mut self, ask: Ask, order: &str) -> Result<Option<Answer>, ApiError> {
        match self.api.logs(&self.params(ask, order)).await {
            Ok(answer) => {
                self.report.pages += 1;
                Ok(Some(answer))
            }
            // The largest page is not documented everywhere.
            Err(refused) if refused.class == ErrorClass::Invalid && ask.limit > SMALL_PAGE => {
                self.page_max.fetch_min(SMALL_PAGE, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn page_max(&self) -> usize {
        self.page_max.load(Ordering::Relaxed).max(1)
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
