//! The task that owns ledger and store.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{error, info};

use super::answers::{Answers, Pending};
use super::handle::{CommitConfig, CommitHandle, Request};
use super::store_health::StoreHealth;
use super::zero_first::ZeroFirst;
use super::{Delta, LedgerState};
use crate::metrics::Snapshot;
use crate::store::{Changes, CommitError, Store};
use crate::telemetry::{Issue, Telemetry};
use tencentcloud::runtime::Runtime;

/// Requests that may wait; a worker that finds the queue full waits too.
const QUEUE: usize = 256;
/// Rows that one change takes in at the most, so that none grows without bound.
const ROWS_PER_COMMIT: usize = 100_000;

/// The shortest time from one commit to the next. A commit costs much the same for one page as for
/// a hundred, so what comes in a rush is taken together; after a rest there is no wait.
const COMMIT_GAP: Duration = Duration::from_millis(20);

/// The snapshot that a scrape renders.
pub type Published = Arc<ArcSwap<Snapshot>>;

/// Owns the ledger and the store; [`Committer::run`] is its only way of life.
pub struct Committer {
    ledger: LedgerState,
    store: Store,
    /// After a commit failed only the file knows what is in it.
    stale: bool,
    /// The next commit begins no sooner.
    not_before: Instant,
    published: Published,
    telemetry: Arc<Telemetry>,
    condition: Arc<StoreHealth>,
    runtime: Runtime,
    zero_first: ZeroFirst,
    requests: mpsc::Receiver<Request>,
    /// Came before its turn.
    put_off: Option<Request>,
}

// === impl Committer ===

impl Committer {
    /// A committer over opened state; the snapshot of that state is published at once, but for what
    /// `zero_first` holds at zero.
    pub fn new(
        ledger: LedgerState,
        store: Store,
        telemetry: Arc<Telemetry>,
        runtime: Runtime,
        mut zero_first: ZeroFirst,
    ) -> (Self, CommitHandle, Published) {
        let (sender, requests) = mpsc::channel(QUEUE);
        let mut first = ledger.snapshot(1);
        zero_first.cover(&mut first);
        let published = Arc::new(ArcSwap::from_pointee(first));
        let committer = Self {
            ledger,
            store,
            stale: false,
            not_before: Instant::now(),
            published: published.clone(),
            telemetry,
            condition: Arc::default(),
            runtime,
            zero_first,
            requests,
            put_off: None,
        };
        committer.condition.measured(committer.store.bytes());
        committer.show();
        (committer, CommitHandle(sender), published)
    }

    /// How the state is doing, for people.
    pub fn condition(&self) -> Arc<StoreHealth> {
        self.condition.clone()
    }

    /// Serves requests until the last [`CommitHandle`] is gone.
    pub async fn run(mut self) {
        // Nobody was served before, so that what is held from an earlier life is held from now on.
        self.zero_first.begin(Instant::now());
        while let Some(first) = self.next_request().await {
            if let Request::Reconfigure { terms, reply } = first {
                self.reconfigure(terms);
                let _gone = reply.send(Ok(()));
                continue;
            }
            if self.stale && !self.reopen().await {
                self.telemetry.commit_failed();
                continue;
            }
            sleep_until(self.not_before).await;
            let (change, answers) = self.prepare(first);
            self.commit(change, answers).await;
        }
    }

    /// Waits for the next request, or until something was held at zero long enough. Without a
    /// state that can be written nothing more is shown: only what is asked for opens it again.
    async fn next_request(&mut self) -> Option<Request> {
        if self.put_off.is_some() {
            return self.put_off.take();
        }
        match self.zero_first.next_end().filter(|_| !self.stale) {
            Some(end) => {
                let asked = timeout_at(end, self.requests.recv()).await;
                asked.unwrap_or(Some(Request::HoldOver))
            }
            None => self.requests.recv().await,
        }
    }

    /// Works out one change from a request and all that wait behind it.
    fn prepare(&mut self, first: Request) -> (Delta, Answers) {
        let mut change = Delta::at(self.runtime.now());
        let mut answers = Answers::default();
        let mut all_rows = 0usize;
        let mut next = Some(first);
        while let Some(request) = next {
            // Other terms are no part of a change.
            if let Request::Change { job, rows } = request {
                all_rows = all_rows.saturating_add(rows);
                job(&mut Pending {
                    ledger: &self.ledger,
                    zero_first: &self.zero_first,
                    change: &mut change,
                    answers: &mut answers,
                });
            }
            next = match all_rows < ROWS_PER_COMMIT {
                true => self.requests.try_recv().ok(),
                false => None,
            };
            // What came before other terms is committed by the old ones.
            self.put_off = next.take_if(|next| matches!(next, Request::Reconfigure { .. }));
        }
        (change, answers)
    }

    fn reconfigure(&mut self, terms: CommitConfig) {
        self.ledger
            .reconfigure(terms.rules, terms.wanted, &terms.ended, &terms.gone);
        self.zero_first.hold_for(terms.zero_first);
        self.publish();
    }

    /// Persists, then publishes, then answers.
    async fn commit(&mut self, mut change: Delta, answers: Answers) {
        let now = Instant::now();
        if change.is_empty() && !self.zero_first.is_over(now) {
            if change.has_news() {
                self.ledger.apply(change);
                self.publish();
            }
            answers.send();
            return;
        }
        self.not_before = now + COMMIT_GAP;
        let mut changes = self.ledger.to_store(&mut change);
        let series = |slot| self.ledger.series().get(slot);
        let holds = self.zero_first.prepare(series, &changes.functions, now);
        changes.held.clone_from(&holds);
        match self.persist(changes).await {
            Ok(()) => {
                self.telemetry.commit(now.elapsed());
                self.condition.went_well(self.runtime.now());
                change.tell_ended(&self.ledger);
                self.ledger.apply(change);
                self.zero_first.apply(holds, Instant::now());
                self.publish();
                answers.send();
            }
            Err(cause) => {
                error!(%cause, "commit failed");
                self.telemetry.commit_failed();
                let trouble = Issue::of("commit", cause.failure(), CommitError::ADVICE);
                self.condition.failed(trouble, self.runtime.now());
                self.stale = true;
                // The answers are dropped: whoever waits for one is refused.
            }
        }
    }

    /// Writes on a thread that may block.
    async fn persist(&mut self, changes: Changes) -> Result<(), CommitError> {
        let store = std::mem::replace(&mut self.store, Store::memory());
        let (store, result, bytes) = self
            .runtime
            .in_background(move || {
                let result = store.commit(&changes);
                let bytes = store.bytes();
                (store, result, bytes)
            })
            .await;
        self.store = store;
        self.condition.measured(bytes);
        result
    }

    /// After a failed commit the file may hold the change or not: the ledger is taken from it
    /// anew. What it holds is whole in either case, and never less than what was published.
    async fn reopen(&mut self) -> bool {
        let mut store = std::mem::replace(&mut self.store, Store::memory());
        let (store, result) = self
            .runtime
            .in_background(move || {
                let result = store.reopen();
                (store, result)
            })
            .await;
        self.store = store;
        match result {
            Ok(stored) => {
                if let Some(mut stored) = stored {
                    let held = std::mem::take(&mut stored.held);
                    self.zero_first.restore(held, Instant::now());
                    let restored = LedgerState::restore(self.ledger.rules(), stored);
                    self.ledger = restored.with_functions_of(&self.ledger);
                    self.publish();
                    info!("state opened again after a failed commit");
                }
                self.stale = false;
                true
            }
            Err(cause) => {
                error!(%cause, "state cannot be opened again");
                let trouble = Issue::of("reopen", cause.to_string(), "");
                self.condition.failed(trouble, self.runtime.now());
                false
            }
        }
    }

    fn publish(&mut self) {
        let before = self.published.load();
        let mut next = self.ledger.snapshot(before.generation + 1);
        self.zero_first.cover(&mut next);
        self.published.store(Arc::new(next));
        self.show();
    }

    fn show(&self) {
        self.telemetry
            .set_series(self.published.load().series.len());
        self.telemetry.set_ledger_entries(self.ledger.keys());
        let limit = self.ledger.rules().functions;
        self.condition.limited_to(limit);
    }
}

#[cfg(test)]
mod tests;
