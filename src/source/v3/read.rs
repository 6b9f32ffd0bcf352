//! Reading one target: a sweep by windows, oldest first, or the tail, newest first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::LogsApi;
use super::answer::{Answer, Reading};
use crate::ledger::{Ask, DEPTH_MAX, SECONDS_MAX, WindowRead};
use crate::model::Timestamp;
use crate::source::time::format_start_time;
use crate::source::{Flow, PageSink, ReadReport, Span};
use crate::tencent::{ApiError, ErrorClass};

/// Rows of the first page of a tail read; and of every page where the API refuses larger ones.
const SMALL_PAGE: usize = 100;
/// Pages of a tail read at the most; what it leaves out, a sweep reads.
const TAIL_PAGES_MAX: u64 = 100;

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

    /// Everything: the closed part until it adds up, then once what may still change.
    pub(super) async fn sweep(mut self, span: Span) -> Result<ReadReport, ApiError> {
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

    /// The newest rows, until the sink knows them or a day is read.
    pub(super) async fn tail(mut self, span: Span) -> Result<ReadReport, ApiError> {
        let day = Duration::from_secs(SECONDS_MAX.unsigned_abs());
        let from = span.from.max(span.now - day).as_secs();
        let mut ask = Ask {
            from,
            to: span.now.as_secs().clamp(from + 1, from + SECONDS_MAX),
            offset: 0,
            limit: SMALL_PAGE.min(self.page_max()),
        };
        while self.report.pages < TAIL_PAGES_MAX {
            let Some(answer) = self.fetch(ask, "desc").await? else {
                ask.limit = SMALL_PAGE;
                continue;
            };
            let (page, marks) = answer.sort_out(self.reading);
            ask.offset += marks.len() as u64;
            let last = marks.is_empty() || answer.total_count.is_none_or(|all| all <= ask.offset);
            if self.sink.put(page).await == Flow::Stop || last || ask.offset >= DEPTH_MAX {
                break;
            }
            let room = usize::try_from(DEPTH_MAX - ask.offset).unwrap_or(SMALL_PAGE);
            ask.limit = (ask.limit * 2).min(self.page_max()).min(room);
        }
        Ok(self.report)
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
            let (page, marks) = answer.sort_out(self.reading);
            windows.took(&marks, answer.total_count);
            if self.sink.put(page).await == Flow::Stop {
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
