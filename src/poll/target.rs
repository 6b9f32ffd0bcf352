//! The life of one target: wait, read, settle.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::Poller;
use super::board::{Polled, trouble_of};
use super::budget::Seat;
use super::schedule::{Ended, Schedule};
use super::sink::{Sink, Tally};
use crate::commit::Refused;
use crate::ledger::TargetId;
use crate::model::{Page, RejectReason, Timestamp};
use crate::source::{Flow, Mode, PageSink, ReadReport, Span};
use crate::telemetry::Trouble;
use crate::tencent::{ApiError, BoxFuture};

/// One target at work.
struct Worker {
    poller: Poller,
    target: TargetId,
    settled: Timestamp,
    /// Rows counted by the last read.
    expected: u64,
    schedule: Schedule,
    seat: Seat,
    logged: BTreeSet<RejectReason>,
    /// What is wrong since the last good poll, so that repeats are not logged again.
    repeated: Option<Repeated>,
}

/// The same thing going wrong, poll after poll.
struct Repeated {
    /// The code of the failure, or the advice.
    what: String,
    polls: u64,
}

/// Keeps the first page and wants no other: it reads for the time alone.
#[derive(Default)]
struct First(Option<Page>);

/// Polls `target` until the stop, beginning after `first_wait`.
pub(super) async fn run_target(poller: Poller, target: TargetId, first_wait: Duration) {
    run(poller, target, first_wait, None).await;
}

/// Opens the target, hands over the page that was read before it could be, and polls.
async fn run(poller: Poller, target: TargetId, first_wait: Duration, page: Option<Page>) {
    let stop = poller.runtime.stop.clone();
    let mut wait = first_wait;
    let Some(settled) = open(&poller, &target).await else {
        return;
    };
    let late_after = poller.source.late_after(&target);
    poller.board.opened(&target, settled, late_after);
    if let Some(page) = page {
        // If it is refused, the first poll reads it again.
        if let Ok(outcome) = poller.writer.page(&target, page).await {
            let mut tally = Tally::default();
            tally.add(outcome);
            poller.board.counted(&target, poller.runtime.now(), &tally);
        }
    }
    let schedule = Schedule::new(poller.timing.clone());
    let seat = poller.budget.seat();
    let mut worker = Worker {
        poller,
        target,
        settled,
        expected: 0,
        schedule,
        seat,
        logged: BTreeSet::new(),
        repeated: None,
    };
    while stop.pause(wait).await {
        wait = worker.poll().await;
    }
}

/// [`run_target`] for a target that no list of functions goes before. Where reading begins depends
/// on the cloud's time, which the first answer tells.
pub(super) async fn run_standing_target(poller: Poller, target: TargetId) {
    let now = poller.source.now();
    let span = Span {
        mode: Mode::Tail,
        from: now - poller.timing.interval,
        closed: now - poller.timing.interval,
        now,
        expected: 0,
    };
    let mut first = First::default();
    // If it fails so will the first poll, and say so.
    let _told = poller.source.read(&target, span, &mut first).await;
    run(poller, target, Duration::ZERO, first.0).await;
}

/// Asks where reading begins, until there is an answer; `None` at the stop.
async fn open(poller: &Poller, target: &TargetId) -> Option<Timestamp> {
    let stop = poller.runtime.stop.clone();
    loop {
        match poller.writer.open(target, poller.source.now()).await {
            Ok(settled) => return Some(settled),
            Err(refused) => {
                let now = poller.runtime.now();
                poller.board.failed(target, now, refusal(refused));
            }
        }
        if !stop.pause(poller.timing.interval).await {
            return None;
        }
    }
}

/// A page that could not be committed, for people: what is wrong is the committer's to tell.
fn refusal(refused: Refused) -> Trouble {
    Trouble::of("commit", refused.to_string(), Refused::ADVICE)
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
    /// One poll; the time to wait before the next one.
    async fn poll(&mut self) -> Duration {
        let began = Instant::now();
        let mode = self.schedule.mode(began);
        // Before the time is taken: a correction in between is then noticed too.
        let ahead = self.poller.ahead();
        let now = self.poller.source.now();
        let span = Span {
            mode,
            from: self.settled,
            closed: now - self.poller.source.late_after(&self.target),
            now,
            expected: self.expected,
        };
        let (result, tally) = self.read(span, ahead).await;
        let Poller { board, runtime, .. } = &self.poller;
        board.counted(&self.target, runtime.now(), &tally);
        let ended = match result {
            Ok(report) if !tally.refused => {
                let (pages, complete) = (report.pages, report.complete);
                let missing = report.missing;
                let counted = tally.rows.counted;
                self.expected = counted;
                self.took(span, ahead, report, tally).await;
                Ended::Read {
                    counted,
                    pages,
                    complete,
                    missing,
                    paid_after: self.paid_after(pages),
                    took: began.elapsed(),
                }
            }
            // Nothing failed: it was told to stop.
            _ if self.poller.runtime.stop.is_wished() => Ended::Failed,
            Ok(_) => {
                self.failed(refusal(Refused), &Refused.to_string(), None);
                Ended::Failed
            }
            Err(error) => {
                let request_id = error.request_id.as_deref();
                self.failed(trouble_of(&error), &error.to_string(), request_id);
                Ended::Failed
            }
        };
        let wait = self.schedule.ended(mode, Instant::now(), ended);
        let wait = match ended {
            Ended::Failed => wait,
            Ended::Read { counted, pages, .. } => wait.max(self.seat.polled(counted, pages)),
        };
        // From start to start, so that freshness is the interval; a poll that takes longer than
        // half of it still leaves room for others.
        wait - began.elapsed().min(wait / 2)
    }

    /// After how long requests that nobody else needs pay for another sweep of so many.
    fn paid_after(&self, pages: u64) -> Duration {
        let Poller { source, timing, .. } = &self.poller;
        match source.is_worth_sweeping() {
            true => self.seat.paid_after(pages, timing.interval),
            false => Duration::MAX,
        }
    }

    /// `ahead` is [`Poller::ahead`] as it was when the span was cut. Where an answer shows since
    /// that the cloud's time is less than that, nothing may be settled by this read.
    async fn read(&mut self, span: Span, ahead: i64) -> (Result<ReadReport, ApiError>, Tally) {
        let Poller {
            source,
            writer,
            runtime,
            ..
        } = &self.poller;
        let misled = || self.poller.is_less_ahead_than(ahead);
        let mut sink = Sink::new(
            &self.target,
            writer,
            span.mode,
            &runtime.stop,
            &misled,
            &mut self.settled,
            &mut self.logged,
        );
        let result = source.read(&self.target, span, &mut sink).await;
        (result, sink.finish().await)
    }

    /// After a read that went well: settle what is settled, show how it stands.
    async fn took(&mut self, span: Span, ahead: i64, report: ReadReport, tally: Tally) {
        let Poller {
            telemetry,
            board,
            runtime,
            writer,
            source,
            ..
        } = &self.poller;
        let now = runtime.now();
        if self.poller.is_less_ahead_than(ahead) {
            debug!(target_name = %self.target, "the clock was corrected: nothing is settled yet");
        } else if report.complete {
            let position = span.closed;
            if position > self.settled && writer.settle(&self.target, position).await.is_ok() {
                self.settled = position;
            }
        } else if span.mode == Mode::Sweep && !runtime.stop.is_wished() {
            telemetry.incomplete_read();
            debug!(target_name = %self.target, "read incomplete: rows moved while it went on");
        }
        if report.truncated {
            telemetry.truncated_read();
            warn!(target_name = %self.target, pages = report.pages, "read cut: too many pages");
        }
        if let (1.., Some(newest)) = (tally.rows.counted, tally.newest) {
            telemetry.counted(newest, source.now());
        }
        telemetry.poll_succeeded(now);
        let (pages, counted) = (report.pages, tally.rows.counted);
        debug!(target_name = %self.target, pages, counted, "polled");
        let polled = Polled {
            settled: self.settled,
            late_after: source.late_after(&self.target),
            hint: report.advice.as_ref().map(Trouble::hint),
        };
        board.polled(&self.target, now, polled);
        if let Some(advice) = report.advice {
            self.advise(advice);
        } else if let Some(Repeated { what, polls }) = self.repeated.take() {
            info!(target_name = %self.target, after = what, polls, "polls succeed again");
        }
        let Poller {
            telemetry, board, ..
        } = &self.poller;
        if let Some(oldest) = board.settled(&self.target) {
            telemetry.set_settled(oldest);
        }
    }

    /// Nothing failed, but a person should know; said once until it changes.
    fn advise(&mut self, advice: String) {
        if self.is_news(&advice) {
            warn!(target_name = %self.target, "{advice}");
        }
    }

    fn failed(&mut self, trouble: Trouble, text: &str, request_id: Option<&str>) {
        let Poller {
            telemetry,
            board,
            runtime,
            ..
        } = &self.poller;
        telemetry.poll_failed();
        let code = trouble.code.clone();
        board.failed(&self.target, runtime.now(), trouble);
        if self.is_news(&code) {
            warn!(target_name = %self.target, code, request_id, error = text, "poll failed");
        } else {
            debug!(target_name = %self.target, code, request_id, error = text, "poll failed again");
        }
    }

    /// Notes what is wrong; whether something else was, or nothing, the poll before.
    fn is_news(&mut self, what: &str) -> bool {
        match &mut self.repeated {
            Some(repeated) if repeated.what == what => {
                repeated.polls += 1;
                false
            }
            _ => {
                let what = what.to_owned();
                self.repeated = Some(Repeated { what, polls: 1 });
                true
            }
        }
    }
}
