//! Runs one target: waits, reads, moves the watermark.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::Poller;
use super::board::{Polled, issue_of};
use super::budget::Seat;
use super::report::Reporter;
use super::schedule::{Ended, Schedule};
use super::sink::Sink;
use super::totals::ReadTotals;
use crate::commit::{CommitFailed, Correction};
use crate::ingest::{Flow, Mode, PageSink, ReadReport, Span};
use crate::ledger::{AllowedLateness, TargetId};
use crate::model::{Page, Timestamp};
use crate::telemetry::Issue;
use tencentcloud::{ApiError, Begun, BoxFuture, CloudClock};

/// A watermark less far ahead of the clock is accepted: clocks differ a little.
const AHEAD_MIN: Duration = Duration::from_secs(5);
/// How far back a read goes if its watermark lies ahead of the clock.
const LOOK_BACK: Duration = Duration::from_secs(2);

/// The reader of one target.
struct Worker {
    poller: Arc<Poller>,
    target: TargetId,
    watermark: Timestamp,
    /// Rows counted by the last read.
    expected: u64,
    schedule: Schedule,
    seat: Seat,
    reporter: Reporter,
    /// The clock's count of jumps when the watermark was last checked against the future.
    corrected: Option<u64>,
}

/// When a read began, and how late its rows may be.
#[derive(Clone, Copy)]
struct Beginning {
    begun: Begun,
    allowed_lateness: AllowedLateness,
}

/// Keeps the first page and stops: the read is made only to learn the time.
#[derive(Default)]
struct First(Option<Page>);

/// Polls `target` until the stop, beginning after `first_wait`.
pub(super) async fn run_target(poller: Arc<Poller>, target: TargetId, first_wait: Duration) {
    run(poller, target, first_wait, None).await;
}

/// Opens the target, commits a page that was read before that, and polls.
async fn run(poller: Arc<Poller>, target: TargetId, first_wait: Duration, page: Option<Page>) {
    let mut wait = first_wait;
    let Some(watermark) = open(&poller, &target).await else {
        return;
    };
    let allowed_lateness = poller.source.allowed_lateness(&target);
    poller.board.opened(&target, watermark, allowed_lateness);
    let reporter = Reporter::new(&poller, &target);
    if let Some(page) = page {
        // If the commit fails, the first poll reads it again.
        if let Ok(outcome) = poller.writer.page(&target, page, &poller.telemetry).await {
            let mut totals = ReadTotals::default();
            totals.add(outcome);
            reporter.counted(&totals);
        }
    }
    let schedule = Schedule::new(poller.timing.clone());
    let seat = poller.budget.seat();
    let mut worker = Worker {
        poller,
        target,
        watermark,
        expected: 0,
        schedule,
        seat,
        reporter,
        corrected: None,
    };
    while (worker.poller.runtime.until_stopped(sleep(wait)).await).is_some() {
        wait = worker.poll().await;
    }
}

/// Runs a target that needs no list of functions. Its start depends on the cloud's time, which the
/// first answer brings.
pub(super) async fn run_standing_target(poller: Arc<Poller>, target: TargetId) {
    let now = poller.source.now();
    let span = Span {
        mode: Mode::Tail,
        from: now - poller.timing.interval,
        closed: now - poller.timing.interval,
        now,
        expected: 0,
    };
    let mut first = First::default();
    // If it fails, so does the first poll, which reports it.
    let _told = poller.source.read(&target, span, &mut first).await;
    run(poller, target, Duration::ZERO, first.0).await;
}

/// Opens the target in the ledger, and retries until that succeeds; `None` at the stop.
async fn open(poller: &Poller, target: &TargetId) -> Option<Timestamp> {
    loop {
        // Where clocks disagree the earlier time is used: reading more loses nothing.
        match poller.writer.open(target, poller.clock.at_least()).await {
            Ok(watermark) => return Some(watermark),
            Err(refused) => {
                let now = poller.runtime.now();
                poller.board.failed(target, now, refusal(refused));
            }
        }
        let wait = sleep(poller.timing.interval);
        poller.runtime.until_stopped(wait).await?;
    }
}

/// Describes a failed commit for the status page; the committer reports its cause.
pub(super) fn refusal(refused: CommitFailed) -> Issue {
    Issue::of("commit", refused.to_string(), CommitFailed::ADVICE)
}

impl Beginning {
    /// Upper bound for the watermark after this read.
    fn watermark_limit(self, clock: &CloudClock) -> Option<Timestamp> {
        clock.watermark_limit(self.begun, self.allowed_lateness.as_duration())
    }
}

impl PageSink for First {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        self.0 = Some(page);
        Box::pin(async { Flow::Stop })
    }

    fn reached(&mut self, _: Timestamp) -> BoxFuture<'_, Flow> {
        Box::pin(async { Flow::Stop })
    }
}

impl Worker {
    /// Polls once and returns the wait before the next poll.
    async fn poll(&mut self) -> Duration {
        let began = Instant::now();
        let mode = self.schedule.mode(began);
        let (span, beginning) = self.begin(mode).await;
        let (result, totals) = self.read(span, beginning).await;
        self.reporter.counted(&totals);
        let ended = match result {
            Ok(report) if !totals.refused => {
                let (pages, complete) = (report.pages, report.complete);
                let missing = report.missing;
                let counted = totals.rows.counted;
                self.expected = counted;
                self.took(span, beginning, report, totals).await;
                Ended::Read {
                    counted,
                    pages,
                    complete,
                    missing,
                    paid_after: self.paid_after(pages),
                    took: began.elapsed(),
                }
            }
            // The stop is not a failure.
            _ if self.poller.runtime.stop.is_cancelled() => Ended::Failed,
            Ok(_) => {
                let text = CommitFailed.to_string();
                self.reporter.failed(refusal(CommitFailed), &text, None);
                Ended::Failed
            }
            Err(error) => {
                let request_id = error.request_id.as_deref();
                let text = error.to_string();
                self.reporter.failed(issue_of(&error), &text, request_id);
                Ended::Failed
            }
        };
        let wait = self.schedule.ended(mode, Instant::now(), ended);
        let wait = match ended {
            Ended::Failed => wait,
            Ended::Read { counted, pages, .. } => wait.max(self.seat.polled(counted, pages)),
        };
        // The wait counts from start to start, so that rows are no older than the interval. At
        // least half of it stays, which leaves requests to other targets.
        wait - began.elapsed().min(wait / 2)
    }

    /// How long idle requests take to pay for another sweep of `pages` requests.
    fn paid_after(&self, pages: u64) -> Duration {
        let Poller { source, timing, .. } = &*self.poller;
        match source.is_worth_sweeping() {
            true => self.seat.paid_after(pages, timing.interval),
            false => Duration::MAX,
        }
    }

    /// Determines the span of a read. If the watermark lies ahead of the clock, the newest rows are
    /// requested nevertheless, because the answer brings the time.
    async fn begin(&mut self, mode: Mode) -> (Span, Beginning) {
        let allowed_lateness = self.poller.source.allowed_lateness(&self.target);
        self.correct(allowed_lateness).await;
        let clock = &self.poller.clock;
        // This comes before the time is read, so that a jump in between is noticed.
        let begun = clock.begun();
        let now = self.poller.source.now();
        let span = Span {
            mode,
            from: match self.watermark < now {
                true => self.watermark,
                false => now - LOOK_BACK,
            },
            closed: allowed_lateness.closed_at(clock.at_least()),
            now,
            expected: self.expected,
        };
        (
            span,
            Beginning {
                begun,
                allowed_lateness,
            },
        )
    }

    /// Lowers a watermark and an eviction bound that lie in the future. If the commit fails, the
    /// next poll does it.
    async fn correct(&mut self, allowed_lateness: AllowedLateness) {
        let Some(vouch) = self.poller.clock.vouched(allowed_lateness.as_duration()) else {
            return;
        };
        let is_ahead = self.watermark > vouch.now + AHEAD_MIN;
        let is_due = vouch.is_sure && self.corrected != Some(vouch.jumps);
        if !is_ahead && !is_due {
            return;
        }
        let correction = Correction {
            now: vouch.now + AHEAD_MIN,
            since: vouch.since,
            is_sure: vouch.is_sure,
        };
        let corrected = self.poller.writer.correct(&self.target, correction).await;
        let Ok(watermark) = corrected else {
            return;
        };
        self.corrected = vouch.is_sure.then_some(vouch.jumps);
        if watermark < self.watermark {
            warn!(
                target_name = %self.target, was = %self.watermark, now = %watermark,
                "the watermark lay in the future and is lowered: it was set by a clock that was ahead; \
                 calls between its old keys and now may be missing"
            );
            self.watermark = watermark;
        }
    }

    /// Reads the span. The watermark moves only as far as the clock is vouched for.
    async fn read(
        &mut self,
        span: Span,
        beginning: Beginning,
    ) -> (Result<ReadReport, ApiError>, ReadTotals) {
        let Poller {
            source,
            writer,
            runtime,
            ..
        } = &*self.poller;
        let limit = || beginning.watermark_limit(&self.poller.clock);
        let mut sink = Sink::new(
            &self.target,
            writer,
            span.mode,
            &runtime.stop,
            &limit,
            &mut self.watermark,
            &mut self.reporter,
        );
        let result = source.read(&self.target, span, &mut sink).await;
        (result, sink.finish().await)
    }

    /// Moves the watermark after a successful read, and reports it.
    async fn took(&mut self, span: Span, at: Beginning, report: ReadReport, totals: ReadTotals) {
        let Poller {
            telemetry,
            runtime,
            writer,
            source,
            ..
        } = &*self.poller;
        let limit = at.watermark_limit(&self.poller.clock);
        if let (true, Some(limit)) = (report.complete, limit) {
            let position = span.closed.min(limit);
            if position > self.watermark
                && writer
                    .advance_watermark(&self.target, position)
                    .await
                    .is_ok()
            {
                self.watermark = position;
            }
        } else if report.complete {
            debug!(target_name = %self.target, "nothing vouches for the clock: nothing is settled yet");
        } else if span.mode == Mode::Sweep && !runtime.stop.is_cancelled() {
            telemetry.incomplete_read();
            debug!(target_name = %self.target, "read incomplete: rows moved while it went on");
        }
        if report.truncated {
            telemetry.truncated_read();
            warn!(target_name = %self.target, pages = report.pages, "read cut: too many pages");
        }
        let (pages, counted) = (report.pages, totals.rows.counted);
        debug!(target_name = %self.target, pages, counted, "polled");
        let polled = Polled {
            watermark: self.watermark,
            allowed_lateness: source.allowed_lateness(&self.target),
            hint: report.advice.as_ref().map(Issue::hint),
        };
        self.reporter.polled(&totals, polled);
    }
}
