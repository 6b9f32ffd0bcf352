//! ParseScope one target: the newest page, and what the API counts beyond what is known.

use std::collections::HashMap;
use std::ops::Range;

use super::answer::{LogsAnswer, ParseScope, Sorted};
use super::fetch::{LogsApi, Rows, STEPS_MAX};
use super::uncounted::{Seen, UncountedRows};
use crate::ingest::page::RowStatus;
use crate::ingest::{Flow, Mode, PageSink, ReadReport, Span};
use crate::ledger::{AnsweredWindow, Ask, Mark, SECONDS_MAX, Search, WindowRead};
use crate::model::{Page, RejectReason, Timestamp};
use tencentcloud::ApiError;

/// Rows of the first page of one function by itself; its other pages are larger.
const SMALL_PAGE: usize = 100;
/// Answers of one look for missing rows at the most: the next read looks on.
const ASKS_MAX: u32 = 200;
/// Answers at the most that look again at calls that ran.
const RUNNING_ASKS_MAX: u32 = 50;
/// Pages of a tail read at the most.
const TAIL_PAGES_MAX: u64 = 100;

/// One read.
pub(super) struct Reader<'a> {
    rows: Rows<'a>,
    reading: ParseScope<'a>,
    page_max: usize,
    sink: &'a mut dyn PageSink,
    memory: &'a mut UncountedRows,
    report: ReadReport,
    /// Requests that were refused for the size of their answer.
    refused: u64,
}

/// An answer that was taken in.
struct Took {
    shown: AnsweredWindow,
    /// Rows of the window for which nothing is counted, in this answer.
    passed: i64,
}

impl Took {
    /// Rows in the window, as far as the API tells.
    fn total(&self) -> Option<i64> {
        i64::try_from(self.shown.total?).ok()
    }
}

/// The sink wants no more.
struct Stopped;

/// What comes of a part of a read.
type Went<T> = Result<Result<T, Stopped>, ApiError>;

/// Goes on with what a part brought, unless the sink wants no more.
macro_rules! unless_stopped {
    ($went:expr) => {
        match $went? {
            Ok(brought) => brought,
            Err(Stopped) => return Ok(Err(Stopped)),
        }
    };
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        api: &'a dyn LogsApi,
        reading: ParseScope<'a>,
        page_max: usize,
        sink: &'a mut dyn PageSink,
        memory: &'a mut UncountedRows,
    ) -> Self {
        Self {
            rows: Rows { api, reading },
            reading,
            page_max,
            sink,
            memory,
            report: ReadReport::default(),
            refused: 0,
        }
    }

    /// The whole span in a sweep, else its newest rows.
    pub(super) async fn read(mut self, span: Span) -> Result<ReadReport, ApiError> {
        self.memory.begin(span.first_second().as_secs());
        let went = match span.mode {
            Mode::Sweep => self.sweep(span).await?,
            Mode::Tail => self.tail(span).await?,
        };
        if went.is_ok() {
            self.memory.is_missing = self.report.missing;
        }
        Ok(self.report)
    }

    /// The newest page. Where the API counts more rows than are known with it, the rest of what may
    /// still change is searched, and then what is closed.
    async fn sweep(&mut self, span: Span) -> Went<()> {
        let window = newest(span);
        let limit = self.first_page(span);
        let took = unless_stopped!(self.ask(&window, limit).await);
        let all = span.first_second().as_secs()..window.end;
        let met = self.met(&window).await;
        let (Some(met), true) = (met, window == all && took.shown.is_counted) else {
            return self.read_through(span).await;
        };
        let total = took.total();
        if total == Some(met + took.passed) {
            // Every row that it counts was met, or is in this very answer.
            self.memory.forget(&(all.start..took.shown.whole.start));
            self.memory.proven(span.now);
            self.report.confirmed = true;
            self.report.complete = true;
            return Ok(Ok(()));
        }
        let closed = all.start
            ..span
                .closed_seconds()
                .end
                .as_secs()
                .clamp(all.start, all.end);
        let mut is_open = total != Some(met + self.memory.uncounted(&all));
        if is_open {
            let live = closed.end..took.shown.whole.start;
            let done = unless_stopped!(self.search(live).await);
            let there = self.there(&all).await;
            self.report.missing = !done;
            is_open = !done || total.is_none_or(|total| there.is_none_or(|there| total > there));
        }
        if is_open || self.memory.is_proof_due(span.now) {
            unless_stopped!(self.prove(span, &closed).await);
            self.report.missing |= is_open && !self.report.complete;
        }
        self.look_at_running().await
    }

    /// The newest rows, down to those that the sink knows.
    async fn tail(&mut self, span: Span) -> Went<()> {
        let mut window = newest(span);
        let mut limit = self.first_page(span);
        while self.report.pages < TAIL_PAGES_MAX && !window.is_empty() {
            let is_first = self.report.pages == 0;
            let (took, flow) = self.ask_once(&window, limit).await?;
            if is_first {
                let there = self.there(&window).await;
                let total = took.total();
                self.report.missing = there.zip(total).is_some_and(|(there, total)| there < total);
            }
            if flow == Flow::Stop || took.shown.is_all || took.shown.whole.is_empty() {
                break;
            }
            window.end = took.shown.whole.start;
            limit = limit.saturating_mul(2);
        }
        Ok(Ok(()))
    }

    /// Searches these seconds until every window adds up with what is known, or is shown whole;
    /// whether that came to its end.
    async fn search(&mut self, seconds: Range<i64>) -> Went<bool> {
        let mut search = Search::new(seconds, ASKS_MAX);
        while let Some(window) = search.next() {
            let took = unless_stopped!(self.ask(&window, usize::MAX).await);
            let there = self.there(&window).await;
            if let Some((second, by)) = search.took(&took.shown, there) {
                self.memory.differs(second, by);
            }
        }
        let wide = unless_stopped!(self.read_wide(search.take_wide()).await);
        Ok(Ok(search.is_done() && wide))
    }

    /// Proves by counting that nothing is missing in the closed part, and finds what is: no number
    /// that is only remembered takes part. A backlog is read oldest first, so that each piece is
    /// kept.
    async fn prove(&mut self, span: Span, closed: &Range<i64>) -> Went<()> {
        let mut search = Search::new(closed.clone(), ASKS_MAX);
        let mut is_first = true;
        while let Some(window) = search.next() {
            let took = unless_stopped!(self.ask(&window, usize::MAX).await);
            let met = self.met(&window).await;
            let there = met.map(|met| met + took.passed);
            let total = took.total();
            let missing = total.zip(there).map(|(total, there)| total - there);
            let is_backlog = missing.is_none_or(|missing| missing > self.backlog());
            if std::mem::take(&mut is_first) && is_backlog && !took.shown.is_all {
                return self.read_closed(span).await;
            }
            search.took(&took.shown, there.filter(|_| !took.shown.is_all));
        }
        let wide = unless_stopped!(self.read_wide(search.take_wide()).await);
        if search.is_done() && wide {
            self.memory.proven(span.now);
            self.report.complete = true;
        }
        Ok(Ok(()))
    }

    /// Everything, where nothing can be told by counting: what is closed until it adds up, then once
    /// what may still change.
    async fn read_through(&mut self, span: Span) -> Went<()> {
        unless_stopped!(self.read_closed(span).await);
        // The second of `now` is not over: the next read sees all of it.
        let end = Timestamp::from_secs(span.now.as_secs());
        let mut live = WindowRead::live(span.from.max(span.closed), end, self.page_max);
        unless_stopped!(self.run(&mut live, None, &mut Vec::new()).await);
        self.report.truncated |= live.is_truncated();
        Ok(Ok(()))
    }

    async fn read_closed(&mut self, span: Span) -> Went<()> {
        let mut closed = WindowRead::closed(span.from, span.closed, self.page_max);
        unless_stopped!(self.run(&mut closed, Some(span), &mut Vec::new()).await);
        self.report.complete = closed.is_complete();
        self.report.truncated |= closed.is_truncated();
        if self.report.complete {
            self.memory.proven(span.now);
        }
        Ok(Ok(()))
    }

    /// Pages through seconds that are wider than an answer; whether all rows were met, as far as the
    /// API hands them out.
    async fn read_wide(&mut self, seconds: Vec<i64>) -> Went<bool> {
        let mut all = true;
        for second in seconds {
            let whole = second..second + 1;
            let (from, to) = (
                Timestamp::from_secs(second),
                Timestamp::from_secs(second + 1),
            );
            let mut read = WindowRead::closed(from, to, self.page_max);
            let (mut seen, refused) = (Vec::new(), self.refused);
            unless_stopped!(self.run(&mut read, None, &mut seen).await);
            self.report.truncated |= read.is_truncated();
            // It may have come several times, the last time as it is now.
            let own = seen.into_iter().filter(|row| row.second == second);
            let last: HashMap<u64, Seen> = own.map(|row| (row.id, row)).collect();
            let rows: Vec<Seen> = last.into_values().collect();
            self.memory.saw(&whole, &rows);
            let total = read.counted();
            let left = total.map_or(u64::MAX, |total| total.saturating_sub(rows.len() as u64));
            if read.is_truncated() {
                self.note_difference(second, total).await;
            } else if !read.is_complete() && self.refused > refused && left <= STEPS_MAX {
                // Rows that cannot be had change places with others, so that none was asked for by
                // itself.
                let page = Page {
                    rejects: vec![RejectReason::Unavailable; left as usize],
                    ..Page::default()
                };
                if self.sink.put(page).await == Flow::Stop {
                    return Ok(Err(Stopped));
                }
                self.note_difference(second, total).await;
            } else {
                all &= read.is_complete();
            }
        }
        Ok(Ok(all))
    }

    /// Remembers what the API counts in a second beyond what it hands out.
    async fn note_difference(&mut self, second: i64, total: Option<u64>) {
        let there = self.there(&(second..second + 1)).await;
        let total = total.and_then(|total| i64::try_from(total).ok());
        if let Some((total, there)) = total.zip(there) {
            self.memory.differs(second, total - there);
        }
    }

    /// Looks again where calls ran. Their rows are counted by the API before they end and after it,
    /// so that no total tells.
    async fn look_at_running(&mut self) -> Went<()> {
        for _ in 0..RUNNING_ASKS_MAX {
            let Some((first, last)) = self.memory.running() else {
                break;
            };
            let window = first.max(last + 1 - SECONDS_MAX)..last + 1;
            let took = unless_stopped!(self.ask(&window, usize::MAX).await);
            if took.shown.whole.is_empty() {
                let met = unless_stopped!(self.read_wide(vec![last]).await);
                if !met {
                    break;
                }
            }
        }
        Ok(Ok(()))
    }

    /// The newest rows, or as many of them as one answer holds.
    pub(super) async fn newest(mut self, span: Span) -> Result<Page, ApiError> {
        let window = newest(span);
        let answer = self.fetch(ask_for(&window, self.page_max), "desc").await?;
        Ok(answer.sort_out(self.reading).page)
    }

    /// Rows of the first page. One stream of many functions, or one of which rows are missing, is
    /// asked for all that an answer may hold: a call that took long stands as far down as others
    /// began since.
    fn first_page(&self, span: Span) -> usize {
        if self.reading.context.function().is_none() || self.memory.is_missing {
            return usize::MAX;
        }
        let wanted = usize::try_from(span.expected.saturating_mul(2)).unwrap_or(usize::MAX);
        wanted.max(SMALL_PAGE)
    }

    async fn ask(&mut self, window: &Range<i64>, limit: usize) -> Went<Took> {
        let (took, flow) = self.ask_once(window, limit).await?;
        Ok(match flow {
            Flow::Continue => Ok(took),
            Flow::Stop => Err(Stopped),
        })
    }

    /// Asks for the newest rows of a window, takes in the answer, and says whether more is wanted.
    async fn ask_once(
        &mut self,
        window: &Range<i64>,
        limit: usize,
    ) -> Result<(Took, Flow), ApiError> {
        let ask = ask_for(window, self.page_max.min(limit));
        let answer = self.fetch(ask, "desc").await?;
        let Sorted {
            page,
            marks,
            statuses,
        } = answer.sort_out(self.reading);
        let shown = AnsweredWindow::of(window, &marks, answer.total_count);
        let seen = placed(window, &marks, &statuses);
        self.memory.saw(&shown.whole, &seen);
        let passed = seen
            .iter()
            .filter(|row| row.status != RowStatus::Counted && row.second < window.end);
        let took = Took {
            passed: passed.count() as i64,
            shown,
        };
        Ok((took, self.sink.put(page).await))
    }

    /// Reads windows to their end; `settling`: says how far it is.
    async fn run(
        &mut self,
        windows: &mut WindowRead,
        settling: Option<Span>,
        seen: &mut Vec<Seen>,
    ) -> Went<()> {
        let mut reached = windows.reached();
        loop {
            let Some(ask) = windows.next() else {
                return Ok(Ok(()));
            };
            let answer = self.fetch(ask, "asc").await?;
            let Sorted {
                page,
                marks,
                statuses,
            } = answer.sort_out(self.reading);
            let rows = placed(&(ask.from..ask.to), &marks, &statuses);
            self.memory.saw(&(ask.from..ask.from), &rows);
            seen.extend(rows);
            windows.took(&marks, answer.total_count);
            if self.sink.put(page).await == Flow::Stop {
                return Ok(Err(Stopped));
            }
            let Some(span) = settling.filter(|_| windows.reached() > reached) else {
                continue;
            };
            reached = windows.reached();
            // The last window ends with a whole second, the closed part within it.
            if self.sink.reached(reached.min(span.closed)).await == Flow::Stop {
                return Ok(Err(Stopped));
            }
        }
    }

    async fn fetch(&mut self, ask: Ask, order: &str) -> Result<LogsAnswer, ApiError> {
        let fetched = self.rows.fetch(ask, order, &self.memory.page).await?;
        self.report.pages += fetched.requests;
        self.refused += fetched.refused;
        Ok(fetched.answer)
    }

    /// How many rows are known in these seconds: attempts that were met, and rows for which nothing
    /// is counted.
    async fn there(&mut self, seconds: &Range<i64>) -> Option<i64> {
        let met = self.met(seconds).await?;
        Some(met + self.memory.uncounted(seconds))
    }

    /// How many attempts of functions that are wanted were met. Another configuration may have
    /// wanted more: their rows are passed over now, and must not count twice.
    async fn met(&mut self, seconds: &Range<i64>) -> Option<i64> {
        let wanted = self.reading.context.wanted;
        let span = Timestamp::from_secs(seconds.start)..Timestamp::from_secs(seconds.end);
        let met = self.sink.met(span).await?;
        let met = met
            .iter()
            .filter(|(function, _)| wanted.wants(&function.namespace, &function.name));
        i64::try_from(met.map(|(_, attempts)| attempts).sum::<u64>()).ok()
    }

    fn backlog(&self) -> i64 {
        i64::try_from(self.page_max)
            .unwrap_or(i64::MAX)
            .saturating_mul(2)
    }
}

/// The seconds that a first request for the newest rows asks for.
fn newest(span: Span) -> Range<i64> {
    let first = span.first_second().as_secs();
    // The second of `now` whole, however the API reads the end.
    let end = (span.now.as_secs() + 1).max(first + 1);
    first.max(end - SECONDS_MAX)..end
}

fn ask_for(window: &Range<i64>, limit: usize) -> Ask {
    Ask {
        from: window.start,
        to: window.end,
        offset: 0,
        limit,
    }
}

/// The rows with their seconds. One whose second cannot be read stands with the one before it.
fn placed(window: &Range<i64>, marks: &[Mark], statuses: &[RowStatus]) -> Vec<Seen> {
    let mut before = marks.iter().find_map(|mark| mark.second);
    let rows = marks.iter().zip(statuses).map(|(mark, status)| {
        before = mark.second.or(before);
        Seen {
            second: before.unwrap_or(window.start),
            id: mark.id,
            status: *status,
        }
    });
    rows.collect()
}
