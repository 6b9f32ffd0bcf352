//! The committer: the task that owns ledger and store.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{debug, error, info};

use super::answers::{Pending, Replies};
use super::handle::{CommitConfig, CommitHandle, Request};
use super::store_health::StoreHealth;
use super::zero_first::ZeroFirst;
use super::{Delta, LedgerState};
use crate::metrics::Snapshot;
use crate::store::{Changes, CommitError, Store};
use crate::telemetry::{Issue, Telemetry};
use tencentcloud::runtime::Runtime;

/// Capacity of the queue. Workers wait while it is full.
const QUEUE: usize = 256;
/// Number of rows after which a change takes no further request.
const ROWS_PER_COMMIT: usize = 100_000;

/// Minimum time between two commits. A commit costs much the same for one page as for a hundred, so
/// requests that arrive in a burst are committed together; after a pause there is no wait.
const COMMIT_GAP: Duration = Duration::from_millis(20);

/// The snapshot that a scrape renders.
pub type Published = Arc<ArcSwap<Snapshot>>;

/// Owns the ledger and the store. Runs as one task, see [`Committer::run`].
pub struct Committer {
    ledger: LedgerState,
    store: Store,
    /// Whether the last commit failed, so that the ledger must be loaded from the store again.
    stale: bool,
    not_before: Instant,
    published: Published,
    telemetry: Arc<Telemetry>,
    health: Arc<StoreHealth>,
    runtime: Runtime,
    zero_first: ZeroFirst,
    requests: mpsc::Receiver<Request>,
    /// A request that was received but belongs after the current change.
    put_off: Option<Request>,
    /// The failure that was logged last, until a commit succeeds.
    logged: Option<String>,
}

// === impl Committer ===

impl Committer {
    /// A committer over opened state, its handle and its snapshots. The first snapshot is published
    /// at once, with the series of `zero_first` at zero.
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
            health: Arc::default(),
            runtime,
            zero_first,
            requests,
            put_off: None,
            logged: None,
        };
        committer.health.measured(committer.store.bytes());
        committer.update_gauges();
        (committer, CommitHandle(sender), published)
    }

    /// Returns the health of the store, for the status page.
    pub fn health(&self) -> Arc<StoreHealth> {
        self.health.clone()
    }

    /// Serves requests until the last [`CommitHandle`] is gone.
    pub async fn run(mut self) {
        // No scrape was served before, so series that an earlier process held begin their span now.
        self.zero_first.begin(Instant::now());
        while let Some(first) = self.next_request().await {
            if let Request::Reconfigure { config, reply } = first {
                self.reconfigure(config);
                let _gone = reply.send(Ok(()));
                continue;
            }
            if self.stale && !self.reopen().await {
                self.telemetry.commit_failed();
                continue;
            }
            sleep_until(self.not_before).await;
            let (change, replies) = self.prepare(first);
            self.commit(change, replies).await;
        }
    }

    /// Waits for the next request, or until the span of a series at zero ends. After a failed
    /// commit only a request opens the store again.
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

    /// Prepares one change from a request and all that wait after it.
    fn prepare(&mut self, first: Request) -> (Delta, Replies) {
        let mut change = Delta::at(self.runtime.now());
        let mut replies = Replies::default();
        let mut all_rows = 0usize;
        let mut next = Some(first);
        while let Some(request) = next {
            // Another configuration is no part of a change.
            if let Request::Change { job, rows } = request {
                all_rows = all_rows.saturating_add(rows);
                job(&mut Pending {
                    ledger: &self.ledger,
                    zero_first: &self.zero_first,
                    change: &mut change,
                    replies: &mut replies,
                });
            }
            next = match all_rows < ROWS_PER_COMMIT {
                true => self.requests.try_recv().ok(),
                false => None,
            };
            // Requests before a configuration are committed by the old one.
            self.put_off = next.take_if(|next| matches!(next, Request::Reconfigure { .. }));
        }
        (change, replies)
    }

    fn reconfigure(&mut self, config: CommitConfig) {
        self.ledger
            .reconfigure(config.rules, config.wanted, &config.ended, &config.gone);
        self.zero_first.hold_for(config.zero_first);
        self.publish();
    }

    async fn commit(&mut self, mut change: Delta, replies: Replies) {
        let now = Instant::now();
        if change.is_empty() && !self.zero_first.is_over(now) {
            if change.changes_memory() {
                self.ledger.apply(change);
                self.publish();
            }
            replies.send();
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
                self.health.went_well(self.runtime.now());
                if self.logged.take().is_some() {
                    info!("commits succeed again");
                }
                change.log_ended(&self.ledger);
                self.ledger.apply(change);
                self.zero_first.apply(holds, Instant::now());
                self.publish();
                replies.send();
            }
            Err(cause) => {
                self.log_failure("commit failed", &cause.to_string());
                self.telemetry.commit_failed();
                let issue = Issue::of("commit", cause.failure(), CommitError::ADVICE);
                self.health.failed(issue, self.runtime.now());
                self.stale = true;
                // The replies are dropped, which fails the requests.
            }
        }
    }

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
        self.health.measured(bytes);
        result
    }

    /// Loads the ledger from the store again. After a failed commit the file may contain the change
    /// or not; it is consistent in either case and has at least what was published. Returns whether
    /// the store could be opened.
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
                    debug!("state opened again after a failed commit");
                }
                self.stale = false;
                true
            }
            Err(cause) => {
                self.log_failure("state cannot be opened again", &cause.to_string());
                let issue = Issue::of("reopen", cause.to_string(), "");
                self.health.failed(issue, self.runtime.now());
                false
            }
        }
    }

    /// Logs a failure once until another one or the next good commit: a full disk fails every commit.
    fn log_failure(&mut self, what: &str, cause: &str) {
        let line = format!("{what}: {cause}");
        if self.logged.as_ref() == Some(&line) {
            debug!(cause, "{what}");
        } else {
            error!(cause, "{what}");
            self.logged = Some(line);
        }
    }

    fn publish(&mut self) {
        let before = self.published.load();
        let mut next = self.ledger.snapshot(before.generation + 1);
        self.zero_first.cover(&mut next);
        self.published.store(Arc::new(next));
        self.update_gauges();
    }

    fn update_gauges(&self) {
        self.telemetry
            .set_series(self.published.load().series.len());
        self.telemetry.set_ledger_entries(self.ledger.keys());
        let limit = self.ledger.rules().functions;
        self.health.limited_to(limit);
    }
}

#[cfg(test)]
mod tests;
