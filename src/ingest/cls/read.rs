//! Reading one topic: a sweep oldest first, a tail newest first, a look at the lines themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::answer::{SearchAnswer, Sorted};
use super::missing_index::MissingIndexDetector;
use super::query;
use crate::ingest::page::ParseContext;
use crate::ingest::page_size::PageSize;
use crate::ingest::{Flow, Mode, PageSink, ReadReport, Span};
use crate::ledger::{ChainAsk, ChainRead};
use crate::model::{Page, RejectReason, Timestamp};
use tencentcloud::{ApiError, BoxFuture, Client};

/// The action.
const SEARCH: &str = "SearchLog";
/// Everything, by the full text or without any index of keys.
const ALL: &str = "*";
/// Lines of one chain of pages at the most.
const CHAIN_MAX: usize = 10_000;
/// The context has expired or is not known, or the chain has given all that it may: reading goes
/// on by time.
const CONTEXT_CODES: [&str; 2] = [
    "FailedOperation.InvalidContext",
    "FailedOperation.GetlogReachLimit",
];
/// Milliseconds with unavailable lines that are remembered of a topic.
const UNAVAILABLE_MAX: usize = 1_000;

/// Who answers searches; a seam for tests.
pub(super) trait Search: Send + Sync {
    /// The answer to one `SearchLog`.
    fn search(&self, params: Value) -> BoxFuture<'_, Result<SearchAnswer, ApiError>>;
}

/// One topic, and what is wanted of it.
#[derive(Clone, Copy)]
pub(super) struct Topic<'r> {
    pub(super) id: &'r str,
    pub(super) query: &'r str,
    pub(super) size: &'r PageSize,
    pub(super) context: ParseContext<'r>,
}

/// Milliseconds whose lines were told as unavailable, so that a span that is read again does not
/// tell of them again, nor looks long for them.
pub(super) type Unavailable = BTreeSet<Timestamp>;

/// How a read went, and whether the search found any line.
pub(super) struct Went {
    pub(super) report: ReadReport,
    pub(super) found: bool,
}

impl Search for Client {
    fn search(&self, params: Value) -> BoxFuture<'_, Result<SearchAnswer, ApiError>> {
        Box::pin(async move { self.call_json(SEARCH, &params).await })
    }
}

impl Topic<'_> {
    /// Reads the span oldest first; the sink is told how far it came at each end of a chain. One
    /// query at a time, though the vendor allows 15 to a topic.
    pub(super) async fn sweep(
        &self,
        search: &dyn Search,
        span: Span,
        sink: &mut dyn PageSink,
        unavailable: &mut Unavailable,
    ) -> Result<Went, ApiError> {
        let (from, to) = bounds(&span);
        *unavailable = unavailable.split_off(&from);
        let mut read = ChainRead::new(from, to, unavailable.clone());
        let mut went = Went::nothing();
        let mut reached = from;
        while let Some(ask) = read.next(self.size.get()) {
            let params = query::chain(self.id, self.query, &ask);
            let page = match search.search(params).await {
                Err(error) if is_context(&error) && read.lost_context() => continue,
                Err(error) if self.goes_on_without(&error, &ask, &mut read) => {
                    match stepped_over(&mut read, unavailable) {
                        Some(page) => page,
                        None => continue,
                    }
                }
                answer => {
                    let Sorted { page, shape } = answer?.sort(self.context, ask.from);
                    self.size.grow(ask.limit);
                    went.took(shape.marks.len());
                    read.took(shape);
                    page
                }
            };
            if sink.put(page).await == Flow::Stop {
                return Ok(went);
            }
            let now_reached = read.reached().min(span.closed);
            if now_reached > reached {
                reached = now_reached;
                if sink.reached(reached).await == Flow::Stop {
                    return Ok(went);
                }
            }
        }
        went.report.complete = read.is_complete();
        went.report.truncated = read.is_truncated();
        Ok(went)
    }

    /// Whether a read goes on after an answer that cannot be had: in smaller pages, or around the
    /// line that was asked for.
    fn goes_on_without(&self, error: &ApiError, ask: &ChainAsk, read: &mut ChainRead) -> bool {
        error.asks_for_less() && (self.size.shrink(ask.limit) || read.withheld())
    }

    /// Reads the span newest first, until the sink has enough or the chain ends. What lies behind
    /// the end of a chain is for the next sweep.
    pub(super) async fn tail(
        &self,
        search: &dyn Search,
        span: Span,
        sink: &mut dyn PageSink,
    ) -> Result<Went, ApiError> {
        let mut bounds = bounds(&span);
        let mut below = bounds.1;
        let mut went = Went::nothing();
        let mut context: Option<String> = None;
        let mut taken = 0;
        let mut limit = self.size.get();
        while taken + limit <= CHAIN_MAX {
            let params = query::descending(self.id, self.query, limit, bounds, context.as_deref());
            let answer = match search.search(params).await {
                Err(error) if context.is_some() && is_context(&error) => return Ok(went),
                Err(error) if error.asks_for_less() => {
                    if !self.size.shrink(limit) {
                        // What cannot be had is for the sweep to find.
                        return Ok(went);
                    }
                    // A context holds for one size: on from the oldest line, which comes again.
                    limit = self.size.get();
                    bounds.1 = below;
                    context = None;
                    continue;
                }
                answer => answer?,
            };
            self.size.grow(limit);
            let Sorted { page, shape } = answer.sort(self.context, bounds.0);
            if let Some(oldest) = shape.marks.iter().map(|line| line.at).min() {
                below = oldest + Duration::from_millis(1);
            }
            let rows = shape.marks.len();
            taken += rows;
            went.took(rows);
            if sink.put(page).await == Flow::Stop {
                return Ok(went);
            }
            context = shape.context.filter(|context| !context.is_empty());
            let over = shape.list_over.unwrap_or(context.is_none() && rows < limit);
            if over || rows == 0 || context.is_none() {
                went.report.complete = over && taken < CHAIN_MAX;
                return Ok(went);
            }
        }
        Ok(went)
    }

    /// Whether the newest lines of a span hold a report that the search should find.
    pub(super) async fn hides_reports(
        &self,
        search: &dyn Search,
        span: (Timestamp, Timestamp),
    ) -> Result<bool, ApiError> {
        let params = query::descending(self.id, ALL, self.size.get(), span, None);
        let answer = search.search(params).await?;
        let page = answer.sort(self.context, span.0).page;
        Ok(!page.rows.is_empty() || page.unfinished > 0)
    }

    /// Takes into account whether a read found anything (a tail may have nothing new to find, so
    /// only a sweep can be silent); what a person should do.
    pub(super) async fn advice(
        &self,
        search: &dyn Search,
        span: &Span,
        went: &Went,
        silence: &mut MissingIndexDetector,
    ) -> Option<String> {
        if went.found {
            silence.broken();
        } else if span.mode == Mode::Sweep
            && went.report.complete
            && let Some(look) = silence.lasts(span)
        {
            // A look that failed says nothing; there will be another.
            silence.proven = self.hides_reports(search, look).await.unwrap_or(false);
        }
        silence.proven.then(|| {
            format!(
                "topic {} has report lines but none of them can be found by key; switch on the \
                 key-value index of SCF_Type, SCF_Message and SCF_FunctionName in the topic's \
                 index configuration in the CLS console",
                self.id
            )
        })
    }
}

impl Went {
    fn nothing() -> Self {
        Self {
            report: ReadReport::default(),
            found: false,
        }
    }

    fn took(&mut self, rows: usize) {
        self.report.pages += 1;
        self.found |= rows > 0;
    }
}

/// `[from, to)` of a span; its own last millisecond is read as well.
fn bounds(span: &Span) -> (Timestamp, Timestamp) {
    let to = span.now + Duration::from_millis(1);
    let from = span.from.max(Timestamp::default()).min(to);
    (from, to)
}

/// A page that tells of a line which the read has stepped over, once.
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
