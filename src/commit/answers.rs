//! Answers that wait until the change that they belong to is durable.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::oneshot;

use super::{Delta, LedgerState, PageOutcome, ZeroFirst};
use crate::model::RejectReason;
use crate::store::CommitError;
use crate::telemetry::{Disposition, SourceTelemetry};

/// The state could not be written; nothing of the request was counted, it may be read again.
#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
#[error("the state could not be written, so nothing of this read was counted; it is read again")]
pub struct CommitFailed;

impl CommitFailed {
    /// What a person can do next.
    pub const ADVICE: &str = CommitError::ADVICE;
}

/// An answer that may still be to come; see [`answer`].
pub type PendingReply<T> = oneshot::Receiver<Result<T, CommitFailed>>;

pub(super) type Reply<T> = oneshot::Sender<Result<T, CommitFailed>>;

/// A change that is being worked out.
pub(super) struct Pending<'a> {
    pub(super) ledger: &'a LedgerState,
    pub(super) zero_first: &'a ZeroFirst,
    pub(super) change: &'a mut Delta,
    pub(super) answers: &'a mut Answers,
}

/// What is told once a change is durable. If it is dropped before, whoever waits is refused.
#[derive(Default)]
pub(super) struct Answers(Vec<Report>);

type Report = Box<dyn FnOnce() + Send>;

impl Answers {
    /// Answers whoever asked.
    pub(super) fn add<T: Send + 'static>(&mut self, reply: Reply<T>, value: T) {
        self.0.push(Box::new(move || {
            // A worker that was stopped no longer waits: its rows count all the same.
            let _gone = reply.send(Ok(value));
        }));
    }

    /// Adds the rows of a page to the metrics of its source.
    pub(super) fn add_page(
        &mut self,
        outcome: &PageOutcome,
        rejects: Vec<RejectReason>,
        source: Arc<SourceTelemetry>,
    ) {
        let rows = [
            (Disposition::Counted, outcome.counted),
            (Disposition::Duplicate, outcome.duplicate),
            (Disposition::Late, outcome.late),
            (Disposition::Unfinished, outcome.unfinished),
            (Disposition::Invalid, outcome.invalid),
        ];
        let (overflow, unknown) = (outcome.overflow, outcome.unknown);
        self.0.push(Box::new(move || {
            for (disposition, count) in rows {
                source.records(disposition, count);
            }
            source.overflowed(overflow);
            source.unknown_codes(unknown);
            for reason in rejects {
                source.rejected(reason, 1);
            }
        }));
    }

    /// Tells everybody.
    pub(super) fn send(self) {
        for answer in self.0 {
            answer();
        }
    }
}

/// Waits for an answer; a committer that is gone has refused.
pub async fn answer<T>(answer: PendingReply<T>) -> Result<T, CommitFailed> {
    answer.await.unwrap_or(Err(CommitFailed))
}
