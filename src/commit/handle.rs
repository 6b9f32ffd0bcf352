//! The way to the committer: what can be asked of it, from any task.

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

/// The way to the committer. Cheap to clone; the committer ends when the last one is dropped.
#[derive(Debug, Clone)]
pub struct CommitHandle(pub(super) mpsc::Sender<Request>);

/// What another configuration changes for the committer.
#[derive(Debug, Clone)]
pub struct CommitConfig {
    /// The rules to count by.
    pub rules: Rules,
    /// How long a new series is shown at zero.
    pub zero_first: Duration,
    /// Targets that are no longer read as they were.
    pub ended: Vec<TargetId>,
    /// Functions that are no longer read: nothing is known of them any more.
    pub gone: Vec<FunctionId>,
    /// All functions that are read from now on.
    pub wanted: Functions,
}

/// Attempts that were met, by function.
type Met = Vec<(FunctionId, u64)>;

/// What is asked of the committer.
pub(super) enum Request {
    /// To take something into the next change.
    Change {
        job: Job,
        /// How many rows that adds.
        rows: usize,
    },
    /// To count by other terms from then on.
    Reconfigure {
        terms: CommitConfig,
        reply: Reply<()>,
    },
    /// The committer's own: something was held at zero long enough.
    HoldOver,
}

/// Works out a part of a change.
pub(super) type Job = Box<dyn FnOnce(&mut Pending<'_>) + Send>;

// === impl CommitHandle ===

impl CommitHandle {
    /// Begins a target at `now`, by the cloud's clock; answers from which position its rows are
    /// counted.
    ///
    /// # Errors
    /// [`CommitFailed`], like every call here: the state could not be written.
    pub async fn open(&self, target: &TargetId, now: Timestamp) -> Result<Timestamp, CommitFailed> {
        let target = target.clone();
        self.ask(move |ledger, change| {
            let begins = ledger.opening(&target, now);
            ledger.prepare_checkpoint(change, &target, Checkpoint::Watermark(begins));
            begins
        })
        .await
    }

    /// Lowers what lies in the future beside a target, by a time that is vouched for; answers where
    /// the target is settled now.
    ///
    /// # Errors
    /// [`CommitFailed`]
    pub async fn correct(
        &self,
        target: &TargetId,
        correction: Correction,
    ) -> Result<Timestamp, CommitFailed> {
        let target = target.clone();
        self.ask(move |ledger, change| ledger.prepare_corrected(change, &target, correction))
            .await
    }

    /// Takes in a list of functions: shows those at zero that were not met yet, and what is known
    /// about them; forgets what was known about those that are gone. Targets of which nothing is
    /// known begin where the last complete list of the same source says.
    ///
    /// # Errors
    /// [`CommitFailed`]
    pub async fn register_functions(&self, known: ListedFunctions) -> Result<(), CommitFailed> {
        self.ask(move |ledger, change| ledger.prepare_functions(change, &known))
            .await
    }

    /// Ends the series of functions that were neither listed nor called for long enough at `now`, by
    /// the cloud's clock.
    ///
    /// # Errors
    /// [`CommitFailed`]
    pub async fn end_series(&self, now: Timestamp) -> Result<(), CommitFailed> {
        // Nothing is counted any more, in the same change, for what ends.
        let to_the_end = usize::MAX;
        let ended = self.send(to_the_end, move |pending, reply| {
            let is_held = |slot| pending.zero_first.holds(slot);
            pending.ledger.prepare_ended(pending.change, now, is_held);
            pending.answers.add(reply, ());
        });
        answer(ended.await?).await
    }

    /// Hands over a page; the answer comes when it is durable and published, and the metrics of
    /// `source` have its rows.
    ///
    /// # Errors
    /// [`CommitFailed`]
    pub async fn page(
        &self,
        target: &TargetId,
        page: Page,
        source: &Arc<SourceTelemetry>,
    ) -> Result<PageOutcome, CommitFailed> {
        answer(self.page_later(target, page, source).await?).await
    }

    /// Hands over a page without waiting for it to be durable: the receiver gets the answer.
    ///
    /// # Errors
    /// [`CommitFailed`]
    pub async fn page_later(
        &self,
        target: &TargetId,
        page: Page,
        source: &Arc<SourceTelemetry>,
    ) -> Result<PendingReply<PageOutcome>, CommitFailed> {
        let (target, source) = (target.clone(), source.clone());
        self.send(page.rows.len(), move |pending, reply| {
            let outcome = pending.ledger.prepare_page(pending.change, &target, &page);
            pending.answers.add_page(&outcome, page.rejects, source);
            pending.answers.add(reply, outcome);
        })
        .await
    }

    /// Moves the watermark of a polled target.
    ///
    /// # Errors
    /// [`CommitFailed`]
    pub async fn advance_watermark(
        &self,
        target: &TargetId,
        position: Timestamp,
    ) -> Result<(), CommitFailed> {
        let watermark = Checkpoint::Watermark(position);
        self.advance(vec![(target.clone(), watermark)]).await
    }

    /// Moves checkpoints forward in one change, those of a stream that begins for example.
    ///
    /// # Errors
    /// [`CommitFailed`]
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

    /// Tells where each of these partitions is read from at `now`, by the cloud's clock.
    ///
    /// # Errors
    /// [`CommitFailed`]
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

    /// Hands over a batch of a partition; the answer comes when it is durable and published.
    ///
    /// # Errors
    /// [`CommitFailed`]
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
                    .answers
                    .add_page(counted, batch.page.rejects, source);
            }
            pending.answers.add(reply, outcome);
        });
        answer(taken.await?).await
    }

    /// How many attempts of each function of `target` within `span` were met, the pages handed
    /// over before included; `None` where that cannot be told.
    ///
    /// # Errors
    /// [`CommitFailed`]
    pub async fn met(
        &self,
        target: &TargetId,
        span: Range<Timestamp>,
    ) -> Result<Option<Met>, CommitFailed> {
        let target = target.clone();
        self.ask(move |ledger, change| ledger.met(change, &target, &span))
            .await
    }

    /// Has everything that comes later counted by other terms. They need no disk.
    ///
    /// # Errors
    /// [`CommitFailed`], only where the committer is gone.
    pub async fn reconfigure(&self, terms: CommitConfig) -> Result<(), CommitFailed> {
        let (reply, kept) = oneshot::channel();
        let request = Request::Reconfigure { terms, reply };
        self.0.send(request).await.map_err(|_| CommitFailed)?;
        answer(kept).await
    }

    /// Has `work` done on the next change; answers once that is durable.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&LedgerState, &mut Delta) -> T + Send + 'static,
    ) -> Result<T, CommitFailed> {
        let asked = self.send(0, move |pending, reply| {
            let value = work(pending.ledger, pending.change);
            pending.answers.add(reply, value);
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
