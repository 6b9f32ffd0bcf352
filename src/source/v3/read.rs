//! Reading one target: a sweep by windows, oldest first, or the tail, newest first.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::LogsApi;
use super::answer::{Answer, Reading, Sorted};
use super::memory::{Fate, Memory};
use crate::ledger::{Ask, DEPTH_MAX, Mark, Proof, SECONDS_MAX, WindowRead};
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
    /// As much was read as is wanted now.
    Enough,
    /// Something is missing that cannot be found that way.
    Short,
    /// The sink wants no more.
    Stopped,
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

    /// Everything. Where the sink knows most of it already, the newest rows are read, and now and
    /// then the closed part is proven by counting; else the closed part is read until it adds up,
    /// then once what may still change.
    pub(super) async fn sweep(mut self, span: Span) -> Result<ReadReport, ApiError> {
        let known = self.met(span).await;
        if known.is_some() {
            let ended = self.newest_first(span, known).await?;
            let is_due = !self.report.complete && self.memory.is_proof_due(span.now);
            let enough = match ended {
                Ended::Stopped => true,
                Ended::Enough => !is_due || self.prove(span).await?,
                Ended::Short => false,
            };
            if enough {
                return Ok(self.report);
            }
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
        self.memory.proven(span.now);
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
        let mut ask = self.newest(span);
        if ask.from > first && span.mode == Mode::Sweep {
            return Ok(Ended::Short);
        }
        ask.limit = self.first_page(span).await;
        let (mut known, mut total) = (known, None);
        while self.report.pages < NEWEST_PAGES_MAX {
            let Some(answer) = self.fetch(ask, "desc").await? else {
                ask.limit = SMALL_PAGE;
                continue;
            };
            let rows = answer.data.as_ref().map_or(0, Vec::len) as u64;
            let (flow, marks, passed) = self.take(&answer).await;
            let oldest = marks.iter().filter_map(|mark| mark.second).min();
            let met = self.met(span).await;
            let new = met.zip(known).map(|(met, known)| met.saturating_sub(known));
            known = met;
            self.memory
                .earn(new.unwrap_or(rows) as f64 / self.page_max() as f64);
            total = total.or(answer.total_count);
            let missing = self.missing(total, met);
            self.memory.missing = missing.unwrap_or(0);
            if self.report.pages == 1 && ask.from == first {
                self.report.confirmed = is_whole(total, met, passed.len());
                self.report.complete = self.report.confirmed;
            }
            if self.report.confirmed {
                self.memory.proven(span.now);
            }
            if flow == Flow::Stop {
                return Ok(Ended::Stopped);
            }
            if total.is_none() {
                return Ok(Ended::Short);
            }
            // A backlog is better read oldest first, so that each piece is kept.
            if missing.is_some_and(|missing| missing > self.backlog()) && span.mode == Mode::Sweep {
                return Ok(Ended::Short);
            }
            // Nothing in it was known, so what comes next is not either.
            let all_new = new.is_none_or(|new| new + passed.len() as u64 >= rows);
            let last = rows == 0
                || answer
                    .total_count
                    .is_none_or(|all| all <= ask.offset + rows);
            if self.report.confirmed || last || (!all_new && !self.looks_on(missing)) {
                return Ok(Ended::Enough);
            }
            let Some(next) = self.below(ask, oldest, rows) else {
                return Ok(Ended::Short);
            };
            ask = next;
        }
        Ok(Ended::Short)
    }

    /// What to ask for first where the newest rows come first.
    fn newest(&self, span: Span) -> Ask {
        let first = span.first_second().as_secs();
        // The second of `now` whole, however the API reads the end.
        let to = (span.now.as_secs() + 1).max(first + 1);
        Ask {
            from: first.max(to - SECONDS_MAX),
            to,
            offset: 0,
            limit: self.page_max(),
        }
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

    /// Proves by counting that nothing is missing in the closed part, and finds what is. `false`
    /// where that leads nowhere.
    async fn prove(&mut self, span: Span) -> Result<bool, ApiError> {
        let seconds = span.closed_seconds();
        let (from, to) = (seconds.start.as_secs(), seconds.end.as_secs());
        let mut proof = Proof::new(from, to, self.page_max());
        while let Some(ask) = proof.next() {
            let Some(answer) = self.fetch(ask, "desc").await? else {
                proof.limit_pages(SMALL_PAGE);
                continue;
            };
            let (flow, marks, passed) = self.take(&answer).await;
            if flow == Flow::Stop {
                return Ok(true);
            }
            let counted = proof.counted(&marks, &passed, answer.total_count);
            let met = self.met_in(counted.span.clone()).await;
            proof.took(&marks, answer.total_count, counted, met);
            if let Some(first) = proof.open() {
                let met = self.met_in(first.span.clone()).await;
                proof.met_of_first(met);
            }
        }
        if proof.is_whole() {
            self.memory.proven(span.now);
            self.report.complete = true;
        }
        Ok(proof.is_whole())
    }

    /// Hands over an answer; whether more is wanted, its rows, and those of them that were passed
    /// over.
    async fn take(&mut self, answer: &Answer) -> (Flow, Vec<Mark>, Vec<Mark>) {
        let (marks, passed, page) = self.note(answer);
        (self.sink.put(page).await, marks, passed)
    }

    /// Sorts an answer out, and remembers what was passed over.
    fn note(&mut self, answer: &Answer) -> (Vec<Mark>, Vec<Mark>, Page) {
        let Sorted { page, marks, fates } = answer.sort_out(self.reading);
        let mut passed = Vec::new();
        for (&mark, fate) in marks.iter().zip(fates) {
            self.memory.note(mark.id, mark.second, fate);
            if fate == Fate::PassedOver {
                passed.push(mark);
            }
        }
        (marks, passed, page)
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

    /// How many attempts were met in what a first request for the newest rows asks for.
    async fn met(&mut self, span: Span) -> Option<u64> {
        let end = Timestamp::from_secs(self.newest(span).to);
        self.met_in(span.first_second()..end).await
    }

    /// How many attempts of functions that are wanted were met. Another configuration may have
    /// wanted more: their rows are passed over now, and must not count twice.
    async fn met_in(&mut self, span: Range<Timestamp>) -> Option<u64> {
        let wanted = self.reading.wanted;
        let met = self.sink.met(span).await?;
        let met = met
            .iter()
            .filter(|(function, _)| wanted.wants(&function.namespace, &function.name));
        Some(met.map(|(_, attempts)| attempts).sum())
    }

    /// About how many rows the API counts beyond those that were met or passed over; `None` where
    /// that cannot be told.
    fn missing(&self, total: Option<u64>, met: Option<u64>) -> Option<u64> {
        Some(total?.saturating_sub(met? + self.memory.passed_over()))
    }

    /// Rows of the first page. One stream of many functions, or one of which rows are missing, is
    /// asked for all that an answer may hold: a call that took long stands as far down as others
    /// began since. Of one function, as many as reach down to the oldest call that ran.
    async fn first_page(&mut self, span: Span) -> usize {
        let page_max = self.page_max();
        if self.reading.function().is_none() || self.memory.missing > 0 {
            return page_max;
        }
        let mut wanted = span.expected.saturating_mul(4);
        if let Some(oldest) = self.memory.oldest() {
            let since = Timestamp::from_secs(oldest)..Timestamp::MAX;
            let met = self.met_in(since).await.unwrap_or(u64::MAX);
            wanted = met.saturating_add(self.memory.passed_over()).max(wanted);
        }
        let wanted = usize::try_from(wanted).unwrap_or(page_max);
        wanted.saturating_add(SMALL_PAGE).min(page_max)
    }

    fn backlog(&self) -> u64 {
        2 * self.page_max() as u64
    }

    /// The newest rows, or as many of them as one answer holds.
    pub(super) async fn look(mut self, span: Span) -> Result<Page, ApiError> {
        let ask = self.newest(span);
        let answer = self.fetch(ask, "desc").await?;
        Ok(answer.map_or_else(Page::default, |answer| answer.sort_out(self.reading).page))
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
            let (marks, _, page) = self.note(&answer);
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

/// Whether an answer proves that every row it counts was met. A total at the depth to which the API
/// pages may be cut off there.
fn is_whole(total: Option<u64>, met: Option<u64>, passed: usize) -> bool {
    let there = met.map(|met| met + passed as u64);
    there.is_some() && there == total && total.is_some_and(|total| total < DEPTH_MAX)
}
