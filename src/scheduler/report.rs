//! Reports the reads of one target to the log, the status board and the metrics.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::{debug, info, warn};

use super::Poller;
use super::board::{Polled, StatusBoard, issue_of};
use super::totals::ReadTotals;
use crate::commit::CommitFailed;
use crate::ledger::TargetId;
use crate::model::RejectReason;
use crate::telemetry::{Issue, SourceTelemetry};
use tencentcloud::ApiError;
use tencentcloud::runtime::Runtime;

/// Reports the reads of one target.
pub(super) struct Reporter {
    target: TargetId,
    board: Arc<StatusBoard>,
    pub(super) telemetry: Arc<SourceTelemetry>,
    runtime: Runtime,
    /// Reject reasons that were logged already.
    logged: BTreeSet<RejectReason>,
    /// The problem since the last good read; repeats of it are not logged.
    repeated: Repeats,
}

/// A problem that is logged once, until it changes or ends.
#[derive(Debug, Default)]
pub(super) struct Repeats(Option<Repeated>);

/// A problem of several reads.
#[derive(Debug)]
pub(super) struct Repeated {
    /// Error code, or the text of the advice.
    pub(super) what: String,
    /// How often it was met.
    pub(super) times: u64,
}

// === impl Repeats ===

impl Repeats {
    /// Records a problem and returns whether it differs from the one before.
    pub(super) fn is_news(&mut self, what: &str) -> bool {
        match &mut self.0 {
            Some(repeated) if repeated.what == what => {
                repeated.times += 1;
                false
            }
            _ => {
                let what = what.to_owned();
                self.0 = Some(Repeated { what, times: 1 });
                true
            }
        }
    }

    /// Ends the problem and returns it, if there was one.
    pub(super) fn end(&mut self) -> Option<Repeated> {
        self.0.take()
    }
}

// === impl Reporter ===

impl Reporter {
    pub(super) fn new<S: ?Sized>(poller: &Poller<S>, target: &TargetId) -> Self {
        Self {
            target: target.clone(),
            board: poller.board.clone(),
            telemetry: poller.telemetry.clone(),
            runtime: poller.runtime.clone(),
            logged: BTreeSet::new(),
            repeated: Repeats::default(),
        }
    }

    /// Logs each reason once per target; the metric has the count.
    pub(super) fn rejected(&mut self, rejects: &[RejectReason]) {
        for &reason in rejects {
            if self.logged.insert(reason) {
                warn!(
                    target_name = %self.target,
                    reason = reason.as_str(),
                    "a row could not be read and is not counted; further ones like it are only counted as invalid"
                );
            }
        }
    }

    /// Reports the rows of a read, even of a failed one.
    pub(super) fn counted(&self, totals: &ReadTotals) {
        self.board.counted(&self.target, self.runtime.now(), totals);
    }

    /// Reports a successful read. Its hint, if any, is logged once until it changes.
    pub(super) fn polled(&mut self, totals: &ReadTotals, polled: Polled) {
        let now = self.runtime.now();
        if let (1.., Some(newest)) = (totals.rows.counted, totals.newest) {
            self.telemetry.counted(newest, now);
        }
        self.telemetry.poll_succeeded(now);
        let advice = polled.hint.as_ref().map(|hint| hint.what.clone());
        self.board.polled(&self.target, now, polled);
        if let Some(advice) = advice {
            if self.repeated.is_news(&advice) {
                warn!(target_name = %self.target, "{advice}");
            }
        } else if let Some(Repeated { what, times: polls }) = self.repeated.end() {
            info!(target_name = %self.target, after = what, polls, "polls succeed again");
        }
        if let Some(oldest) = self.board.watermark(&self.target) {
            self.telemetry.set_watermark(oldest);
        }
    }

    /// Reports a failed request.
    pub(super) fn request_failed(&mut self, error: &ApiError) {
        let request_id = error.request_id.as_deref();
        self.failed(issue_of(error), &error.to_string(), request_id);
    }

    /// Reports a failed commit; the committer reports its cause.
    pub(super) fn commit_failed(&mut self) {
        let issue = commit_issue();
        let text = issue.what.clone();
        self.failed(issue, &text, None);
    }

    fn failed(&mut self, trouble: Issue, text: &str, request_id: Option<&str>) {
        self.telemetry.poll_failed();
        let code = trouble.code.clone();
        self.board.failed(&self.target, self.runtime.now(), trouble);
        if self.repeated.is_news(&code) {
            warn!(target_name = %self.target, code, request_id, error = text, "poll failed");
        } else {
            debug!(target_name = %self.target, code, request_id, error = text, "poll failed again");
        }
    }
}

/// Describes a failed commit for the status page.
pub(super) fn commit_issue() -> Issue {
    Issue::of("commit", CommitFailed.to_string(), CommitFailed::ADVICE)
}
