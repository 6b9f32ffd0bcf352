//! Reading one target: a sweep by windows, oldest first, or the tail, newest first.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::LogsApi;
use super::answer::{Answer, Reading, Sorted};
use super::memory::Memory;
use crate::ledger::{Ask, DEPTH_MAX, Mark, SECONDS_MAX, WindowRead};
use crate::model::{Page, Timestamp};
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
    /// Nothing is missing, or no more is wanted now.
    Enough,
    /// Something is missing that cannot be found that way.
    Short,
}

/// One read.
pub(super) struct Reader<'a> {
    api: &'a dyn LogsApi,
    reading: Reading<'a>,
    page_max: &'a AtomicUsize,
    sink: &'a mut dyn PageSink,
    memory: &'a mut Memory,
    report: ReadReport,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        api: &'a dyn LogsApi,
        reading: Reading<'a>,
        page_max: &'a AtomicUsize,
        sink: &'a mut dyn PageSink,
        memory: &'a mut Memory,
    ) -> Self {
        Self {
            api,
            reading,
            page_max,
            sink,
            memory,
            report: ReadReport::default(),
        }
    }

    /// Everything. Where the sink knows most of it already, the newest rows are read until what was
    /// met is as much as the API counts; else the closed part until it adds up, then once what may
    /// still change.
    pub(super) async fn sweep(mut self, span: Span) -> Result<ReadReport, ApiError> {
        let known = self.met(span).await;
        if let Some(known) = known
            && self.newest_first(span, Some(known)).await? == Ended::Enough
        {
            return Ok(self.report);
        }
        self.memory.is_whole(span.now);
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
        let known = self.met(span).await;
        self.newest_first(span, known).await?;
        Ok(self.report)
    }

    /// Reads from the newest row on. Where the attempts met after the first answer, with the rows
    /// passed over, are as many as it counts, none is missing anywhere and the read is confirmed.
    /// Further answers are only read for rows: what came in meanwhile makes their sum uncertain.
    /// `known` is how many attempts were met before, where that can be told.
    async fn newest_first(&mut self, span: Span, known: Option<u64>) -> Result<Ended, ApiError> {
        let first = span.first_second().as_secs();
        self.memory.begin(first);
        // The second of `now` whole, however the API reads the end.
        let to = (span.now.as_secs() + 1).max(first + 1);
        let from = first.max(to - SECONDS_MAX);
        if from > first && span.mode == Mode::Sweep {
            return Ok(Ended::Short);
        }
        let limit = self.first_page(span);
        let mut ask = Ask {
            from,
            to,
            offset: 0,
            limit,
        };
        let (mut known, mut total) = (known, None);
        while self.report.pages < NEWEST_PAGES_MAX {
            let Some(answer) = self.fetch(ask, "desc").await? else {
                ask.limit = SMALL_PAGE;
                continue;
            };
            let rows = answer.data.as_ref().map_or(0, Vec::len) as u64;
            let (flow, oldest) = self.take(&answer).await;
            let met = self.met(span).await;
            let new = met.zip(known).map(|(met, known)| met.saturating_sub(known));
            known = met;
            self.memory
                .earn(new.unwrap_or(rows) as f64 / self.page_max() as f64);
            total = total.or(answer.total_count);
            let missing = self.missing(total, met);
            self.memory.missing = missing.unwrap_or(0);
            if self.report.pages == 1 && from == first {
                let there = met.map(|met| met + self.memory.passed_now());
                self.report.confirmed = there.is_some() && there == total;
                self.report.complete = self.report.confirmed;
            }
            if self.report.confirmed {
                self.memory.is_whole(span.now);
            }
            if flow == Flow::Stop {
                return Ok(Ended::Enough);
            }
            if total.is_none() {
                return Ok(Ended::Short);
            }
            // A backlog is better read oldest first, so that each piece is kept.
            if missing.is_some_and(|missing| missing > self.backlog()) && span.mode == Mode::Sweep {
                return Ok(Ended::Short);
            }
            let all_new = new.is_none_or(|new| new >= rows);
            let last = rows == 0
                || answer
                    .total_count
                    .is_none_or(|all| all <= ask.offset + rows);
            if self.report.confirmed || last || (!all_new && !self.looks_on(missing)) {
                let is_due = !self.report.confirmed && self.memory.is_due(span.now);
                return Ok(if is_due { Ended::Short } else { Ended::Enough });
            }
            let Some(next) = self.below(ask, oldest, rows) else {
                return Ok(Ended::Short);
            };
            ask = next;
        }
        Ok(Ended::Short)
    }

    /// What to ask for below an answer: from its last second on, which may not be whole in it, or
    /// within that second where the answer holds nothing else. `None` where the API pages no deeper.
    fn below(&self, ask: Ask, oldest: Option<i64>, rows: u64) -> Option<Ask> {
        let limit = (ask.limit * 2).min(self.page_max());
        match oldest {
            Some(second) if second + 1 < ask.to && second >= ask.from => Some(Ask {
                to: second + 1,
                offset: 0,
                limit,
                ..ask
            }),
            _ => {
                let offset = ask.offset + rows;
                let room = usize::try_from(DEPTH_MAX.checked_sub(offset)?).ok()?;
                (room > 0).then(|| Ask {
                    offset,
                    limit: limit.min(room),
                    ..ask
                })
            }
        }
    }

    /// Hands over an answer; whether more is wanted, and the oldest second in it.
    async fn take(&mut self, answer: &Answer) -> (Flow, Option<i64>) {
        let (marks, page) = self.note(answer);
        let oldest = marks.iter().filter_map(|mark| mark.second).min();
        (self.sink.put(page).await, oldest)
    }

    /// Sorts an answer out, and remembers what was passed over.
    fn note(&mut self, answer: &Answer) -> (Vec<Mark>, Page) {
        let sorted = answer.sort_out(self.reading);
        for (mark, fate) in sorted.marks.iter().zip(sorted.fates) {
            self.memory.note(mark.id, mark.second, fate);
        }
        (sorted.marks, sorted.page)
    }

    /// Whether to read on below rows that are known, for rows that are missing, if a page may be
    /// spent on it.
    fn looks_on(&mut self, missing: Option<u64>) -> bool {
        let began = self.report.pages > 1;
        let looks = missing != Some(0) && (began || self.memory.may_look());
        if looks {
            self.memory.spend();
        }
        looks
    }

    async fn met(&mut self, span: Span) -> Option<u64> {
        self.sink
            .met(self.reading.target, span.first_second())
            .await
    }

    /// About how many rows the API counts beyond those that were met or passed over; `None` where
    /// that cannot be told.
    fn missing(&self, total: Option<u64>, met: Option<u64>) -> Option<u64> {
        Some(total?.saturating_sub(met? + self.memory.passed_over()))
    }

    /// Rows of the first page. One stream of many functions, or one of which rows are missing, is
    /// asked for all that an answer may hold: a call that took long stands as far down as others
    /// began since.
    fn first_page(&self, span: Span) -> usize {
        let page_max = self.page_max();
        if self.reading.function().is_none() || self.memory.missing > 0 {
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
            let (marks, page) = self.note(&answer);
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
