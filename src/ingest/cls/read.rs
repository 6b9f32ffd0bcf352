//! Reads one topic: a sweep oldest first, a tail read newest first, and the newest lines without a
//! search by key.

use std::collections::BTreeSet;
use std::time::Duration;

use super::answer::{self, SearchAnswer, SearchPage};
use super::missing_index::MissingIndexDetector;
use super::query;
use crate::ingest::page::ParseContext;
use crate::ingest::page_size::PageSize;
use crate::ingest::{Flow, JsonApi, Mode, PageSink, ReadReport, Span};
use crate::ledger::{ChainAsk, ChainPlace, ChainRead};
use crate::model::{Page, RejectReason, Timestamp};
use tencentcloud::ApiError;

/// The action.
const SEARCH: &str = "SearchLog";
/// The query for every line; needs no index of keys.
const ALL: &str = "*";
/// Lines of one chain of pages at most.
const CHAIN_MAX: usize = 10_000;
/// The context is unknown or has expired, or the chain has reached its limit: the read continues by
/// time.
const CONTEXT_CODES: [&str; 2] = [
    "FailedOperation.InvalidContext",
    "FailedOperation.GetlogReachLimit",
];
/// Milliseconds with unavailable lines that are remembered of a topic.
const UNAVAILABLE_MAX: usize = 1_000;

/// One topic, and how it is searched.
pub(super) struct TopicReader<'r, C> {
    pub(super) cloud: &'r C,
    pub(super) id: &'r str,
    pub(super) query: &'r str,
    pub(super) size: &'r PageSize,
    pub(super) context: ParseContext<'r>,
}

/// Milliseconds whose lines were reported as unavailable, so that another read of the span neither
/// reports them again nor searches long for them.
pub(super) type Unavailable = BTreeSet<Timestamp>;

/// The result of a read, and whether the search found any line.
#[derive(Default)]
pub(super) struct TopicRead {
    pub(super) report: ReadReport,
    pub(super) found: bool,
}

impl<C: JsonApi> TopicReader<'_, C> {
    /// Reads the span oldest first, and reports the progress to the sink at each end of a chain. One
    /// query at a time; the vendor allows 15 per topic.
    pub(super) async fn sweep(
        &self,
        span: Span,
        sink: &mut dyn PageSink,
        unavailable: &mut Unavailable,
    ) -> Result<TopicRead, ApiError> {
        let (from, to) = bounds(&span);
        *unavailable = unavailable.split_off(&from);
        let mut read = ChainRead::new(from, to, unavailable.clone());
        let mut topic_read = TopicRead::default();
        let mut reached = from;
        while let Some(ask) = read.next(self.size.get()) {
            let page = match self.search(self.query, &ask).await {
                Err(error) if is_context(&error) && read.lost_context() => continue,
                Err(error) if self.goes_on_without(&error, &ask, &mut read) => {
                    match stepped_over(&mut read, unavailable) {
                        Some(page) => page,
                        None => continue,
                    }
                }
                answer => {
                    let SearchPage { page, shape } = answer?;
                    self.size.grow(ask.limit);
                    topic_read.took(shape.marks.len());
                    read.took(shape);
                    page
                }
            };
            if sink.put(page).await == Flow::Stop {
                return Ok(topic_read);
            }
            let now_reached = read.reached().min(span.closed);
            if now_reached > reached {
                reached = now_reached;
                if sink.reached(reached).await == Flow::Stop {
                    return Ok(topic_read);
                }
            }
        }
        topic_read.report.complete = read.is_complete();
        topic_read.report.truncated = read.is_truncated();
        Ok(topic_read)
    }

    /// Sends one `SearchLog`.
    async fn search(&self, query: &str, ask: &ChainAsk) -> Result<SearchPage, ApiError> {
        let params = query::params(self.id, query, ask);
        let fast = |body: &[u8]| answer::read_fast(body, self.context, ask.from);
        let general = |answer: SearchAnswer| answer.sort(self.context, ask.from);
        self.cloud.call_rows(SEARCH, &params, fast, general).await
    }

    /// Returns whether a read continues although no response arrives: with smaller pages, or around
    /// the requested line.
    fn goes_on_without(&self, error: &ApiError, ask: &ChainAsk, read: &mut ChainRead) -> bool {
        error.asks_for_less() && (self.size.shrink(ask.limit) || read.withheld())
    }

    /// Reads the span newest first, until the sink stops or the chain ends. Lines beyond the end of
    /// a chain are left to the next sweep.
    pub(super) async fn tail(
        &self,
        span: Span,
        sink: &mut dyn PageSink,
    ) -> Result<TopicRead, ApiError> {
        let mut ask = self.newest(bounds(&span));
        let mut below = ask.to;
        let mut read = TopicRead::default();
        let mut taken = 0;
        while taken + ask.limit <= CHAIN_MAX {
            let SearchPage { page, shape } = match self.search(self.query, &ask).await {
                Err(error) if ask.place != ChainPlace::Start && is_context(&error) => break,
                Err(error) if error.asks_for_less() => {
                    if !self.size.shrink(ask.limit) {
                        // The sweep steps over the line.
                        break;
                    }
                    // A context holds for one size: continue with the oldest line, once more.
                    ask = self.newest((ask.from, below));
                    continue;
                }
                answer => answer?,
            };
            self.size.grow(ask.limit);
            if let Some(oldest) = shape.marks.iter().map(|line| line.at).min() {
                below = oldest + Duration::from_millis(1);
            }
            let rows = shape.marks.len();
            taken += rows;
            read.took(rows);
            if sink.put(page).await == Flow::Stop {
                break;
            }
            let context = shape.context.filter(|context| !context.is_empty());
            let is_short = context.is_none() && rows < ask.limit;
            let is_over = shape.list_over.unwrap_or(is_short);
            match context {
                Some(context) if !is_over && rows > 0 => ask.place = ChainPlace::Context(context),
                _ => {
                    read.report.complete = is_over && taken < CHAIN_MAX;
                    break;
                }
            }
        }
        Ok(read)
    }

    /// Returns the first request of a read that goes newest first.
    fn newest(&self, (from, to): (Timestamp, Timestamp)) -> ChainAsk {
        ChainAsk {
            from,
            to,
            newest_first: true,
            place: ChainPlace::Start,
            limit: self.size.get(),
        }
    }

    /// Returns whether the newest lines of a span hold a report that the search should find.
    async fn hides_reports(&self, span: (Timestamp, Timestamp)) -> Result<bool, ApiError> {
        let page = self.search(ALL, &self.newest(span)).await?.page;
        Ok(!page.rows.is_empty() || page.unfinished > 0)
    }

    /// Updates the detector after a read, and returns what the operator should do. A tail read may
    /// have nothing new to find, so only a sweep without results counts.
    pub(super) async fn advice(
        &self,
        span: &Span,
        read: &TopicRead,
        detector: &mut MissingIndexDetector,
    ) -> Option<String> {
        if read.found {
            detector.found();
        } else if span.mode == Mode::Sweep
            && read.report.complete
            && let Some(check) = detector.due_check(span)
        {
            // A failed check is repeated later.
            detector.is_missing = self.hides_reports(check).await.unwrap_or(false);
        }
        detector.is_missing.then(|| {
            format!(
                "topic {} has report lines but none of them can be found by key; switch on the \
                 key-value index of SCF_Type, SCF_Message and SCF_FunctionName in the topic's \
                 index configuration in the CLS console",
                self.id
            )
        })
    }
}

impl TopicRead {
    fn took(&mut self, rows: usize) {
        self.report.pages += 1;
        self.found |= rows > 0;
    }
}

/// Returns the half-open bounds of a span; its last millisecond is included.
fn bounds(span: &Span) -> (Timestamp, Timestamp) {
    let to = span.now + Duration::from_millis(1);
    let from = span.from.max(Timestamp::default()).min(to);
    (from, to)
}

/// Returns a page with the reject of a line that the read has stepped over; `None` if it was
/// reported before.
fn stepped_over(read: &mut ChainRead, unavailable: &mut Unavailable) -> Option<Page> {
    let at = read.take_unavailable()?;
    let is_new = unavailable.insert(at);
    while unavailable.len() > UNAVAILABLE_MAX {
        unavailable.pop_first();
    }
    is_new.then(|| Page {
        rejects: vec![RejectReason::Unavailable],
        ..Page::default()
    })
}

fn is_context(error: &ApiError) -> bool {
    CONTEXT_CODES.contains(&&*error.code)
}

#[cfg(test)]
mod tests;
