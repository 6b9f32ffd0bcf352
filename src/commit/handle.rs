//! The requests to the committer, from any task.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::answers::{CommitFailed, Pending, PendingReply, Reply, answer};
use super::{
    BatchOutcome, Correction, Delta, LedgerState, ListedFunctions, PageOutcome, Rules, StartFrom,
};
use crate::ledger::{Checkpoint, Functions, TargetId};
use crate::model::{Batch, FunctionId, Page, Timestamp};
use crate::telemetry::SourceTelemetry;

/// Sends requests to the committer. Cheap to clone; the committer ends when the last one is
/// dropped.
#[derive(Debug, Clone)]
pub struct CommitHandle(pub(super) mpsc::Sender<Request>);

/// The part of the configuration that concerns the committer.
#[derive(Debug, Clone)]
pub struct CommitConfig {
    /// The rules to count by.
    pub rules: Rules,
    /// How long a new series is shown at zero before its value.
    pub zero_first: Duration,
    /// Targets that are no longer read, or read differently.
    pub ended: Vec<TargetId>,
    /// Functions that are no longer read, whose configuration is dropped.
    pub gone: Vec<FunctionId>,
    /// The functions that are read from now on.
    pub wanted: Functions,
}

type Met = Vec<(FunctionId, u64)>;

pub(super) enum Request {
    Change {
        job: Job,
        rows: usize,
    },
    /// Applies another configuration to all later requests.
    Reconfigure {
        config: CommitConfig,
        reply: Reply<()>,
    },
    /// Sent by the committer to itself: the span of a series at zero has ended.
    HoldOver,
}

/// Prepares a part of a change.
pub(super) type Job = Box<dyn FnOnce(&mut Pending<'_>) + Send>;

// === impl CommitHandle ===

impl CommitHandle {
    /// Opens a target at `now`, by the cloud's clock. Returns the position from which its rows
    /// count.
    pub async fn open(&self, target: &TargetId, now: Timestamp) -> Result<Timestamp, CommitFailed> {
        let target = target.clone();
        self.ask(move |ledger, change| {
            let begins = ledger.opening(&target, now);
            ledger.prepare_checkpoint(change, &target, Checkpoint::Watermark(begins));
            begins
        })
        .await
    }

    /// Lowers watermarks and evictions that lie in the future, for all targets of the region.
    /// Returns the watermark of the target afterwards.
    pub async fn correct(
        &self,
        target: &TargetId,
        correction: Correction,
    ) -> Result<Timestamp, CommitFailed> {
        let target = target.clone();
        self.ask(move |ledger, change| ledger.prepare_corrected(change, &target, correction))
            .await
    }

    /// Registers listed functions: new ones are shown at zero, with their configuration; that of
    /// functions which are gone is dropped. New targets begin where the last complete list of the
    /// same source says.
    pub async fn register_functions(&self, known: ListedFunctions) -> Result<(), CommitFailed> {
        self.ask(move |ledger, change| ledger.prepare_functions(change, &known))
            .await
    }

    /// Ends the series of functions that were neither listed nor called within the retention before
    /// `now`, by the cloud's clock.
    pub async fn end_series(&self, now: Timestamp) -> Result<(), CommitFailed> {
        // With the maximum of rows no later request joins the change, so none counts for an ended
        // series.
        let closes_change = usize::MAX;
        let ended = self.send(closes_change, move |pending, reply| {
            let is_held = |slot| pending.zero_first.holds(slot);
            pending.ledger.prepare_ended(pending.change, now, is_held);
            pending.replies.add(reply, ());
        });
        answer(ended.await?).await
    }

    /// Commits a page; returns when it is durable and published, and the metrics of `source` have its
    /// rows.
    pub async fn page(
        &self,
        target: &TargetId,
        page: Page,
        source: &Arc<SourceTelemetry>,
    ) -> Result<PageOutcome, CommitFailed> {
        answer(self.page_later(target, page, source).await?).await
    }

    /// Queues a page without waiting until it is durable; the receiver gets the reply.
    pub async fn page_later(
        &self,
        target: &TargetId,
        page: Page,
        source: &Arc<SourceTelemetry>,
    ) -> Result<PendingReply<PageOutcome>, CommitFailed> {
        let (target, source) = (target.clone(), source.clone());
        self.send(page.rows.len(), move |pending, reply| {
            let outcome = pending.ledger.prepare_page(pending.change, &target, &page);
            pending.replies.add_page(&outcome, page.rejects, source);
            pending.replies.add(reply, outcome);
        })
        .await
    }

    /// Moves the watermark of a polled target.
    pub async fn advance_watermark(
        &self,
        target: &TargetId,
        position: Timestamp,
    ) -> Result<(), CommitFailed> {
        let watermark = Checkpoint::Watermark(position);
        self.advance(vec![(target.clone(), watermark)]).await
    }

    /// Moves checkpoints forward in one change, such as the first ones of a stream.
    pub async fn advance(
        &self,
        checkpoints: Vec<(TargetId, Checkpoint)>,
    ) -> Result<(), CommitFailed> {
        self.ask(move |ledger, change| {
            for (target, to) in checkpoints {
                ledger.prepare_checkpoint(change, &target, to);
            }
        })
        .await
    }

    /// Returns where reading each of these partitions starts at `now`, by the cloud's clock.
    pub async fn starts_of(
        &self,
        targets: Vec<TargetId>,
        now: Timestamp,
    ) -> Result<Vec<StartFrom>, CommitFailed> {
        self.ask(move |ledger, _| {
            let starts = targets.iter().map(|target| ledger.start_of(target, now));
            starts.collect()
        })
        .await
    }

    /// Commits a batch of a partition; returns when it is durable and published.
    pub async fn batch(
        &self,
        target: &TargetId,
        batch: Batch,
        source: &Arc<SourceTelemetry>,
    ) -> Result<BatchOutcome, CommitFailed> {
        let (target, source) = (target.clone(), source.clone());
        let taken = self.send(batch.page.rows.len(), move |pending, reply| {
            let outcome = pending
                .ledger
                .prepare_batch(pending.change, &target, &batch);
            if let BatchOutcome::Counted(counted) = &outcome {
                pending
                    .replies
                    .add_page(counted, batch.page.rejects, source);
            }
            pending.replies.add(reply, outcome);
        });
        answer(taken.await?).await
    }

    /// Returns the number of known invocations of each function of `target` within `span`,
    /// including the pages queued before; `None` where the ledger cannot know it.
    pub async fn met(
        &self,
        target: &TargetId,
        span: Range<Timestamp>,
    ) -> Result<Option<Met>, CommitFailed> {
        let target = target.clone();
        self.ask(move |ledger, change| ledger.met(change, &target, &span))
            .await
    }

    /// Applies another configuration to all later requests. It is not persisted.
    pub async fn reconfigure(&self, config: CommitConfig) -> Result<(), CommitFailed> {
        let (reply, kept) = oneshot::channel();
        let request = Request::Reconfigure { config, reply };
        self.0.send(request).await.map_err(|_| CommitFailed)?;
        answer(kept).await
    }

    /// Runs `work` on the next change; returns once that is durable.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&LedgerState, &mut Delta) -> T + Send + 'static,
    ) -> Result<T, CommitFailed> {
        let asked = self.send(0, move |pending, reply| {
            let value = work(pending.ledger, pending.change);
            pending.replies.add(reply, value);
        });
        answer(asked.await?).await
    }

    async fn send<T: Send + 'static>(
        &self,
        rows: usize,
        work: impl FnOnce(&mut Pending<'_>, Reply<T>) + Send + 'static,
    ) -> Result<PendingReply<T>, CommitFailed> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |pending| work(pending, reply));
        let request = Request::Change { job, rows };
        self.0.send(request).await.map_err(|_| CommitFailed)?;
        Ok(answer)
    }
}
