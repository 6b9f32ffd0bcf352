//! Passes the pages of a read to the committer. A sweep does not wait for each answer.

use std::collections::VecDeque;
use std::ops::Range;

use tokio_util::sync::CancellationToken;

use super::report::Reporter;
use super::totals::ReadTotals;
use crate::commit::{CommitFailed, CommitHandle, PageOutcome, PendingReply, answer};
use crate::ingest::{Flow, Mode, PageSink};
use crate::ledger::TargetId;
use crate::model::{FunctionId, Page, Timestamp};
use tencentcloud::BoxFuture;

/// Pages of a sweep that may wait to be committed while the next one is fetched.
const PAGES_AHEAD: usize = 8;

/// The sink of one read.
pub(super) struct Sink<'a> {
    target: &'a TargetId,
    writer: &'a CommitHandle,
    mode: Mode,
    stop: &'a CancellationToken,
    /// Upper bound for the watermark, by a clock that is vouched for.
    limit: &'a (dyn Fn() -> Option<Timestamp> + Sync),
    /// The target's watermark; moves during the read.
    watermark: &'a mut Timestamp,
    reporter: &'a mut Reporter,
    waiting: VecDeque<PendingReply<PageOutcome>>,
    totals: ReadTotals,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        target: &'a TargetId,
        writer: &'a CommitHandle,
        mode: Mode,
        stop: &'a CancellationToken,
        limit: &'a (dyn Fn() -> Option<Timestamp> + Sync),
        watermark: &'a mut Timestamp,
        reporter: &'a mut Reporter,
    ) -> Self {
        let (waiting, totals) = (VecDeque::new(), ReadTotals::default());
        Self {
            target,
            writer,
            mode,
            stop,
            limit,
            watermark,
            reporter,
            waiting,
            totals,
        }
    }

    /// Waits until every page is durable, or failed to commit.
    pub(super) async fn finish(mut self) -> ReadTotals {
        self.drain().await;
        self.totals
    }

    async fn drain(&mut self) {
        while let Some(next) = self.waiting.pop_front() {
            self.note(answer(next).await);
        }
    }

    /// Moves the watermark to where the sweep has read. Every page must be durable first.
    async fn advance_watermark(&mut self, position: Timestamp) -> Flow {
        let limit = (self.limit)().unwrap_or(Timestamp::MIN);
        let position = position.min(limit);
        if position > *self.watermark {
            self.drain().await;
            if !self.totals.refused
                && self
                    .writer
                    .advance_watermark(self.target, position)
                    .await
                    .is_ok()
            {
                *self.watermark = position;
            }
        }
        self.flow(false)
    }

    async fn take(&mut self, page: Page) -> Flow {
        self.reporter.rejected(&page.rejects);
        self.totals.saw(&page);
        let telemetry = &self.reporter.telemetry;
        let known = match self.mode {
            Mode::Tail => {
                let (counted, duplicate) =
                    self.note(self.writer.page(self.target, page, telemetry).await);
                counted == 0 && duplicate > 0
            }
            Mode::Sweep => {
                match self.writer.page_later(self.target, page, telemetry).await {
                    Ok(answer) => self.waiting.push_back(answer),
                    Err(refused) => {
                        self.note(Err(refused));
                    }
                }
                if self.waiting.len() > PAGES_AHEAD
                    && let Some(oldest) = self.waiting.pop_front()
                {
                    self.note(answer(oldest).await);
                }
                false
            }
        };
        self.flow(known)
    }

    fn flow(&self, known: bool) -> Flow {
        if known || self.totals.refused || self.stop.is_cancelled() {
            Flow::Stop
        } else {
            Flow::Continue
        }
    }

    /// Adds the outcome of a page; returns the numbers of counted and of duplicate rows.
    fn note(&mut self, answer: Result<PageOutcome, CommitFailed>) -> (u64, u64) {
        match answer {
            Ok(outcome) => {
                let told = (outcome.counted, outcome.duplicate);
                self.totals.add(outcome);
                told
            }
            Err(CommitFailed) => {
                self.totals.refused = true;
                (0, 0)
            }
        }
    }
}

impl PageSink for Sink<'_> {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        Box::pin(self.take(page))
    }

    fn reached(&mut self, position: Timestamp) -> BoxFuture<'_, Flow> {
        Box::pin(self.advance_watermark(position))
    }

    fn met(&mut self, span: Range<Timestamp>) -> BoxFuture<'_, Option<Vec<(FunctionId, u64)>>> {
        // The pages report a failed commit.
        Box::pin(async move { self.writer.met(self.target, span).await.ok().flatten() })
    }

    fn recheck(&mut self, page: Page) -> BoxFuture<'_, Option<u64>> {
        Box::pin(async move {
            let telemetry = &self.reporter.telemetry;
            let (counted, _) = self.note(self.writer.page(self.target, page, telemetry).await);
            (!self.totals.refused).then_some(counted)
        })
    }
}
