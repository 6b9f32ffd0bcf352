//! Reads one target: the newest page, and then the rows that the API counts and the ledger lacks.

use std::collections::HashMap;
use std::ops::Range;

use super::answer::{LogsAnswer, ParseScope, Sorted};
use super::fetch::{Rows, STEPS_MAX};
use super::uncounted::{Seen, UncountedRows};
use crate::ingest::page::RowStatus;
use crate::ingest::page_size::PageSize;
use crate::ingest::{Flow, JsonApi, Mode, PageSink, ReadReport, Span};
use crate::ledger::{AnsweredWindow, Ask, Mark, SECONDS_MAX, Search, WindowRead};
use crate::model::{Page, RejectReason, Timestamp};
use tencentcloud::ApiError;

/// Rows of the first page of one function; its other pages are larger.
const SMALL_PAGE: usize = 100;
/// Requests of one search for missing rows at most; the next read continues it.
const ASKS_MAX: u32 = 200;
/// Requests at most for the rows of invocations that were running.
const RUNNING_ASKS_MAX: u32 = 50;
/// Pages of a tail read at most.
const TAIL_PAGES_MAX: u64 = 100;

/// One read.
pub(super) struct Reader<'a, C> {
    rows: Rows<'a, C>,
    page_max: usize,
    sink: &'a mut dyn PageSink,
    uncounted: &'a mut UncountedRows,
    report: ReadReport,
    /// Number of requests that failed because of the size of their response.
    refused: u64,
}

/// A response that was passed on.
struct Answered {
    window: AnsweredWindow,
    /// Rows of the window in this response that do not count.
    not_counted: i64,
}

/// Why a read ends early.
enum Interrupted {
    /// The sink takes no more.
    Stopped,
    Failed(ApiError),
}

impl From<ApiError> for Interrupted {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl Answered {
    /// Returns the number of rows in the window, if the API says it.
    fn total(&self) -> Option<i64> {
        i64::try_from(self.window.total?).ok()
    }
}

impl<'a, C: JsonApi> Reader<'a, C> {
    pub(super) fn new(
        cloud: &'a C,
        scope: ParseScope<'a>,
        page_max: usize,
        sink: &'a mut dyn PageSink,
        uncounted: &'a mut UncountedRows,
    ) -> Self {
        Self {
            rows: Rows { cloud, scope },
            page_max,
            sink,
            uncounted,
            report: ReadReport::default(),
            refused: 0,
        }
    }

    /// Reads the whole span in a sweep, its newest rows in a tail read.
    pub(super) async fn read(mut self, span: Span) -> Result<ReadReport, ApiError> {
        self.uncounted.begin(span.first_second().as_secs());
        let read = match span.mode {
            Mode::Sweep => self.sweep(span).await,
            Mode::Tail => self.tail(span).await,
        };
        match read {
            Ok(()) => self.uncounted.is_missing = self.report.missing,
            Err(Interrupted::Stopped) => {}
            Err(Interrupted::Failed(error)) => return Err(error),
        }
        Ok(self.report)
    }

    /// Reads the newest page. If the API counts more rows than are then known, searches the rest of
    /// the open part, and then the closed part.
    async fn sweep(&mut self, span: Span) -> Result<(), Interrupted> {
        let window = newest(span);
        let limit = self.first_page(span);
        let answered = self.ask(&window, limit).await?;
        let all = span.first_second().as_secs()..window.end;
        let met = self.met(&window).await;
        let (Some(met), true) = (met, window == all && answered.window.is_counted) else {
            return self.read_through(span).await;
        };
        let total = answered.total();
        if total == Some(met + answered.not_counted) {
            // Every row that the API counts is in the ledger, or in this response.
            self.uncounted
                .drop_seconds(&(all.start..answered.window.whole.start));
            self.uncounted.verified(span.now);
            self.report.confirmed = true;
            self.report.complete = true;
            return Ok(());
        }
        let closed = all.start
            ..span
                .closed_seconds()
                .end
                .as_secs()
                .clamp(all.start, all.end);
        let mut is_open = total != Some(met + self.uncounted.rows_in(&all));
        if is_open {
            let live = closed.end..answered.window.whole.start;
            let done = self.search(live).await?;
            let there = self.there(&all).await;
            self.report.missing = !done;
            is_open = !done || total.is_none_or(|total| there.is_none_or(|there| total > there));
        }
        if is_open || self.uncounted.is_verification_due(span.now) {
            self.verify(span, &closed).await?;
            self.report.missing |= is_open && !self.report.complete;
        }
        self.read_running().await
    }

    /// Reads the newest rows, down to those that the sink knows.
    async fn tail(&mut self, span: Span) -> Result<(), Interrupted> {
        let mut window = newest(span);
        let mut limit = self.first_page(span);
        while self.report.pages < TAIL_PAGES_MAX && !window.is_empty() {
            let is_first = self.report.pages == 0;
            let (answered, flow) = self.ask_once(&window, limit).await?;
            if is_first {
                let there = self.there(&window).await;
                let total = answered.total();
                self.report.missing = there.zip(total).is_some_and(|(there, total)| there < total);
            }
            if flow == Flow::Stop || answered.window.is_all || answered.window.whole.is_empty() {
                break;
            }
            window.end = answered.window.whole.start;
            limit = limit.saturating_mul(2);
        }
        Ok(())
    }

    /// Searches these seconds until the total of every window matches what is known, or one response
    /// holds the whole window. Returns whether the search came to its end.
    async fn search(&mut self, seconds: Range<i64>) -> Result<bool, Interrupted> {
        let mut search = Search::new(seconds, ASKS_MAX);
        while let Some(window) = search.next() {
            let answered = self.ask(&window, usize::MAX).await?;
            let there = self.there(&window).await;
            if let Some((second, by)) = search.took(&answered.window, there) {
                self.uncounted.differs(second, by);
            }
        }
        let wide = self.read_wide(search.take_wide()).await?;
        Ok(search.is_done() && wide)
    }

    /// Verifies by counting that no row of the closed part is missing, and finds those that are.
    /// Numbers of earlier reads take no part. A backlog is read oldest first, so that progress is
    /// kept.
    async fn verify(&mut self, span: Span, closed: &Range<i64>) -> Result<(), Interrupted> {
        let mut search = Search::new(closed.clone(), ASKS_MAX);
        let mut is_first = true;
        while let Some(window) = search.next() {
            let answered = self.ask(&window, usize::MAX).await?;
            let met = self.met(&window).await;
            let there = met.map(|met| met + answered.not_counted);
            let total = answered.total();
            let missing = total.zip(there).map(|(total, there)| total - there);
            let is_backlog = missing.is_none_or(|missing| missing > self.backlog());
            if std::mem::take(&mut is_first) && is_backlog && !answered.window.is_all {
                return self.read_closed(span).await;
            }
            search.took(&answered.window, there.filter(|_| !answered.window.is_all));
        }
        let wide = self.read_wide(search.take_wide()).await?;
        if search.is_done() && wide {
            self.uncounted.verified(span.now);
            self.report.complete = true;
        }
        Ok(())
    }

    /// Reads every row, for spans that cannot be compared by counting: the closed part until its
    /// totals add up, then the open part once.
    async fn read_through(&mut self, span: Span) -> Result<(), Interrupted> {
        self.read_closed(span).await?;
        // The second of `now` is not over; the next read covers it.
        let end = Timestamp::from_secs(span.now.as_secs());
        let mut live = WindowRead::live(span.from.max(span.closed), end, self.page_max);
        self.run(&mut live, None, &mut Vec::new()).await?;
        self.report.truncated |= live.is_truncated();
        Ok(())
    }

    async fn read_closed(&mut self, span: Span) -> Result<(), Interrupted> {
        let mut closed = WindowRead::closed(span.from, span.closed, self.page_max);
        self.run(&mut closed, Some(span), &mut Vec::new()).await?;
        self.report.complete = closed.is_complete();
        self.report.truncated |= closed.is_truncated();
        if self.report.complete {
            self.uncounted.verified(span.now);
        }
        Ok(())
    }

    /// Pages through seconds with more rows than a response holds. Returns whether all rows were
    /// read, as far as the API returns them.
    async fn read_wide(&mut self, seconds: Vec<i64>) -> Result<bool, Interrupted> {
        let mut all = true;
        for second in seconds {
            let whole = second..second + 1;
            let [from, to] = [second, second + 1].map(Timestamp::from_secs);
            let mut read = WindowRead::closed(from, to, self.page_max);
            let (mut seen, refused) = (Vec::new(), self.refused);
            self.run(&mut read, None, &mut seen).await?;
            self.report.truncated |= read.is_truncated();
            // A row may have come several times; the last one is current.
            let own = seen.into_iter().filter(|row| row.second == second);
            let last: HashMap<u64, Seen> = own.map(|row| (row.id, row)).collect();
            let rows: Vec<Seen> = last.into_values().collect();
            self.uncounted.saw(&whole, &rows);
            let total = read.counted();
            let left = total.map_or(u64::MAX, |total| total.saturating_sub(rows.len() as u64));
            if read.is_truncated() {
                self.note_difference(second, total).await;
            } else if !read.is_complete() && self.refused > refused && left <= STEPS_MAX {
                // Rows that cannot be fetched change places with others, so that none of them was
                // requested alone.
                let page = Page {
                    rejects: vec![RejectReason::Unavailable; left as usize],
                    ..Page::default()
                };
                self.put(page).await?;
                self.note_difference(second, total).await;
            } else {
                all &= read.is_complete();
            }
        }
        Ok(all)
    }

    /// Keeps the number of rows of a second that the API counts but does not return.
    async fn note_difference(&mut self, second: i64, total: Option<u64>) {
        let there = self.there(&(second..second + 1)).await;
        let total = total.and_then(|total| i64::try_from(total).ok());
        if let Some((total, there)) = total.zip(there) {
            self.uncounted.differs(second, total - there);
        }
    }

    /// Reads again the seconds with running invocations. The API counts their rows before and after
    /// the end, so totals do not show it.
    async fn read_running(&mut self) -> Result<(), Interrupted> {
        for _ in 0..RUNNING_ASKS_MAX {
            let Some((first, last)) = self.uncounted.running() else {
                break;
            };
            let window = first.max(last + 1 - SECONDS_MAX)..last + 1;
            let answered = self.ask(&window, usize::MAX).await?;
            if answered.window.whole.is_empty() {
                if !self.read_wide(vec![last]).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Returns the size of the first page: the largest for a stream of many functions, or if rows are
    /// missing, because a long invocation stands below all that began after it.
    fn first_page(&self, span: Span) -> usize {
        if self.rows.scope.context.function().is_none() || self.uncounted.is_missing {
            return usize::MAX;
        }
        let wanted = usize::try_from(span.expected.saturating_mul(2)).unwrap_or(usize::MAX);
        wanted.max(SMALL_PAGE)
    }

    async fn ask(&mut self, window: &Range<i64>, limit: usize) -> Result<Answered, Interrupted> {
        let (answered, flow) = self.ask_once(window, limit).await?;
        match flow {
            Flow::Continue => Ok(answered),
            Flow::Stop => Err(Interrupted::Stopped),
        }
    }

    /// Requests the newest rows of a window and passes them on.
    async fn ask_once(
        &mut self,
        window: &Range<i64>,
        limit: usize,
    ) -> Result<(Answered, Flow), ApiError> {
        let ask = ask_for(window, self.page_max.min(limit));
        let answer = self.fetch(ask, "desc").await?;
        let Sorted {
            page,
            marks,
            statuses,
        } = answer.sort(self.rows.scope);
        let seen = placed(window, &marks, &statuses);
        let not_counted = seen
            .iter()
            .filter(|row| row.status != RowStatus::Counted && row.second < window.end);
        let answered = Answered {
            not_counted: not_counted.count() as i64,
            window: AnsweredWindow::of(window, &marks, answer.total_count),
        };
        self.uncounted.saw(&answered.window.whole, &seen);
        Ok((answered, self.sink.put(page).await))
    }

    /// Reads windows to their end. With `closed_span`, reports the progress to the sink.
    async fn run(
        &mut self,
        windows: &mut WindowRead,
        closed_span: Option<Span>,
        seen: &mut Vec<Seen>,
    ) -> Result<(), Interrupted> {
        let mut reached = windows.reached();
        loop {
            let Some(ask) = windows.next() else {
                return Ok(());
            };
            let answer = self.fetch(ask, "asc").await?;
            let Sorted {
                page,
                marks,
                statuses,
            } = answer.sort(self.rows.scope);
            let rows = placed(&(ask.from..ask.to), &marks, &statuses);
            self.uncounted.saw(&(ask.from..ask.from), &rows);
            seen.extend(rows);
            windows.took(&marks, answer.total_count);
            self.put(page).await?;
            let Some(span) = closed_span.filter(|_| windows.reached() > reached) else {
                continue;
            };
            reached = windows.reached();
            // The last window ends with a whole second, the closed part may end within it.
            if self.sink.reached(reached.min(span.closed)).await == Flow::Stop {
                return Err(Interrupted::Stopped);
            }
        }
    }

    async fn put(&mut self, page: Page) -> Result<(), Interrupted> {
        match self.sink.put(page).await {
            Flow::Continue => Ok(()),
            Flow::Stop => Err(Interrupted::Stopped),
        }
    }

    async fn fetch(&mut self, ask: Ask, order: &str) -> Result<LogsAnswer, ApiError> {
        let fetched = self.rows.fetch(ask, order, &self.uncounted.page).await?;
        self.report.pages += fetched.requests;
        self.refused += fetched.refused;
        Ok(fetched.answer)
    }

    /// Returns the number of rows known in these seconds: invocations in the ledger, and rows that do
    /// not count.
    async fn there(&mut self, seconds: &Range<i64>) -> Option<i64> {
        let met = self.met(seconds).await?;
        Some(met + self.uncounted.rows_in(seconds))
    }

    /// Returns the number of invocations of selected functions in the ledger. Those of functions that
    /// an earlier configuration selected are left out: their rows are skipped now, and must not count
    /// twice.
    async fn met(&mut self, seconds: &Range<i64>) -> Option<i64> {
        let wanted = self.rows.scope.context.wanted;
        let span = Timestamp::from_secs(seconds.start)..Timestamp::from_secs(seconds.end);
        let met = self.sink.met(span).await?;
        let met = met
            .iter()
            .filter(|(function, _)| wanted.wants(&function.namespace, &function.name));
        i64::try_from(met.map(|(_, number)| number).sum::<u64>()).ok()
    }

    fn backlog(&self) -> i64 {
        i64::try_from(self.page_max)
            .unwrap_or(i64::MAX)
            .saturating_mul(2)
    }
}

/// Returns the newest rows, as many of them as one response holds.
pub(super) async fn newest_page<C: JsonApi>(
    rows: Rows<'_, C>,
    span: Span,
    page_max: usize,
) -> Result<Page, ApiError> {
    let ask = ask_for(&newest(span), page_max);
    let fetched = rows.fetch(ask, "desc", &PageSize::new(page_max)).await?;
    Ok(fetched.answer.sort(rows.scope).page)
}

/// Returns the seconds of the first request for the newest rows.
fn newest(span: Span) -> Range<i64> {
    let first = span.first_second().as_secs();
    // Includes the second of `now`, whether or not the API includes the end.
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

/// Returns the rows with their seconds. A row without a readable second gets that of the row before.
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
