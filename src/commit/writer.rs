//! The way to the committer: what can be asked of it, from any task.

use std::ops::Range;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::{BatchOutcome, Correction, PageOutcome, Rules, StartFrom};
use crate::ledger::{Checkpoint, Functions, ListId, Listed, Look, TargetId};
use crate::model::{Batch, FunctionId, Page, Timestamp};
use crate::store::CommitError;

/// The way to the committer. Cheap to clone; the committer ends when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Writer(pub(super) mpsc::Sender<Request>);

/// The state could not be written; nothing of the request was counted, it may be read again.
#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
#[error("the state could not be written, so nothing of this read was counted; it is read again")]
pub struct Refused;

impl Refused {
    /// What a person can do next.
    pub const ADVICE: &str = CommitError::ADVICE;
}

/// What another configuration changes for the committer.
#[derive(Debug, Clone)]
pub struct Terms {
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

/// What a list of functions told.
#[derive(Debug, Default)]
pub struct Known {
    /// The functions, with the targets by which they are read.
    pub listed: Vec<Listed>,
    /// Functions of which nothing is known any more although they may still be there.
    pub gone: Vec<FunctionId>,
    /// Which list it was; none where nothing is concluded from what it leaves out.
    pub asked: Option<Asked>,
}

/// When a list was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Whose list it is.
    pub by: ListId,
    /// When it began to be asked for, by the cloud's clock.
    pub began: Timestamp,
    /// The time of the answer, by the same clock.
    pub now: Timestamp,
    /// What a complete list named; none while it comes in parts.
    pub look: Option<Look>,
}

/// An answer that may still be to come; see [`answer`].
pub type Answer<T> = oneshot::Receiver<Result<T, Refused>>;

pub(super) type Reply<T> = oneshot::Sender<Result<T, Refused>>;

/// Attempts that were met, by function.
pub(super) type Met = Vec<(FunctionId, u64)>;

/// What can be asked of the committer.
#[derive(Debug)]
pub(super) enum Request {
    Open {
        target: TargetId,
        now: Timestamp,
        reply: Reply<Timestamp>,
    },
    Correct {
        target: TargetId,
        correction: Correction,
        reply: Reply<Timestamp>,
    },
    Known {
        known: Known,
        reply: Reply<()>,
    },
    End {
        now: Timestamp,
        reply: Reply<()>,
    },
    Page {
        target: TargetId,
        page: Page,
        reply: Reply<PageOutcome>,
    },
    Batch {
        target: TargetId,
        batch: Batch,
        reply: Reply<BatchOutcome>,
    },
    StartsOf {
        targets: Vec<TargetId>,
        now: Timestamp,
        reply: Reply<Vec<StartFrom>>,
    },
    Advance {
        checkpoints: Vec<(TargetId, Checkpoint)>,
        reply: Reply<()>,
    },
    Met {
        target: TargetId,
        span: Range<Timestamp>,
        reply: Reply<Option<Met>>,
    },
    Keep {
        terms: Terms,
        reply: Reply<()>,
    },
    /// The committer's own: something was held at zero long enough.
    HoldOver,
}

// === impl Writer ===

impl Writer {
    /// Begins a target at `now`, by the cloud's clock; answers from which position its rows are
    /// counted.
    ///
    /// # Errors
    /// [`Refused`], like every call here: the state could not be written.
    pub async fn open(&self, target: &TargetId, now: Timestamp) -> Result<Timestamp, Refused> {
        self.ask(|reply| Request::Open {
            target: target.clone(),
            now,
            reply,
        })
        .await
    }

    /// Lowers what lies in the future beside a target, by a time that is vouched for; answers where
    /// the target is settled now.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn correct(
        &self,
        target: &TargetId,
        correction: Correction,
    ) -> Result<Timestamp, Refused> {
        self.ask(|reply| Request::Correct {
            target: target.clone(),
            correction,
            reply,
        })
        .await
    }

    /// Takes in a list of functions: shows those at zero that were not met yet, and what is known
    /// about them; forgets what was known about those that are gone. Targets of which nothing is
    /// known begin where the last complete list of the same source says.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn known(&self, known: Known) -> Result<(), Refused> {
        self.ask(|reply| Request::Known { known, reply }).await
    }

    /// Ends the series of functions that were neither listed nor called for long enough at `now`, by
    /// the cloud's clock.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn end_series(&self, now: Timestamp) -> Result<(), Refused> {
        self.ask(|reply| Request::End { now, reply }).await
    }

    /// Hands over a page; the answer comes when it is durable and published.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn page(&self, target: &TargetId, page: Page) -> Result<PageOutcome, Refused> {
        answer(self.page_later(target, page).await?).await
    }

    /// Hands over a page without waiting for it to be durable: the receiver gets the answer.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn page_later(
        &self,
        target: &TargetId,
        page: Page,
    ) -> Result<Answer<PageOutcome>, Refused> {
        self.send(|reply| Request::Page {
            target: target.clone(),
            page,
            reply,
        })
        .await
    }

    /// Moves the watermark of a polled target.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn settle(&self, target: &TargetId, position: Timestamp) -> Result<(), Refused> {
        let watermark = Checkpoint::Watermark(position);
        self.advance(vec![(target.clone(), watermark)]).await
    }

    /// Moves checkpoints forward in one change, those of a stream that begins for example.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn advance(&self, checkpoints: Vec<(TargetId, Checkpoint)>) -> Result<(), Refused> {
        self.ask(|reply| Request::Advance { checkpoints, reply })
            .await
    }

    /// Tells where each of these partitions is read from at `now`, by the cloud's clock.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn starts_of(
        &self,
        targets: Vec<TargetId>,
        now: Timestamp,
    ) -> Result<Vec<StartFrom>, Refused> {
        self.ask(|reply| Request::StartsOf {
            targets,
            now,
            reply,
        })
        .await
    }

    /// Hands over a batch of a partition; the answer comes when it is durable and published.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn batch(&self, target: &TargetId, batch: Batch) -> Result<BatchOutcome, Refused> {
        self.ask(|reply| Request::Batch {
            target: target.clone(),
            batch,
            reply,
        })
        .await
    }

    /// How many attempts of each function of `target` within `span` were met, the pages handed
    /// over before included; `None` where that cannot be told.
    ///
    /// # Errors
    /// [`Refused`]
    pub async fn met(
        &self,
        target: &TargetId,
        span: Range<Timestamp>,
    ) -> Result<Option<Met>, Refused> {
        self.ask(|reply| Request::Met {
            target: target.clone(),
            span,
            reply,
        })
        .await
    }

    /// Has everything that comes later counted by other terms. They need no disk.
    ///
    /// # Errors
    /// [`Refused`], only where the committer is gone.
    pub async fn keep_by(&self, terms: Terms) -> Result<(), Refused> {
        self.ask(|reply| Request::Keep { terms, reply }).await
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, Refused> {
        answer(self.send(request).await?).await
    }

    async fn send<T>(
        &self,
        request: impl FnOnce(Reply<T>) -> Request,
    ) -> Result<Answer<T>, Refused> {
        let (reply, answer) = oneshot::channel();
        self.0.send(request(reply)).await.map_err(|_| Refused)?;
        Ok(answer)
    }
}

/// Waits for an answer; a committer that is gone has refused.
pub async fn answer<T>(answer: Answer<T>) -> Result<T, Refused> {
    answer.await.unwrap_or(Err(Refused))
}
