//! Limits the number of connections, and closes waiting ones to make room for new ones.
//!
//! A client that opens thousands of idle connections must not lock out the scraper. When the limit
//! is reached, a new connection replaces one that waits for a request: first one that never sent a
//! request, then one between two requests, each time the one that has waited longest. A connection
//! whose request is being answered is never closed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Minimum time that a connection has for its next request before it can be replaced.
const GRACE: Duration = Duration::from_millis(250);

/// Limits the number of concurrent connections.
#[derive(Debug)]
pub(crate) struct ConnectionLimiter {
    all: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    turn: u64,
    /// Connections without any request so far, by turn.
    unused: BTreeMap<u64, Waiting>,
    /// Connections between two requests, by turn.
    idle: BTreeMap<u64, Waiting>,
}

/// A connection that can be replaced.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    leave: Arc<Notify>,
}

/// The permit of one connection. Dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    limiter: Arc<ConnectionLimiter>,
    leave: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Number of the connection among the waiting ones; `None` while a request is being answered.
    turn: Option<u64>,
    /// Number of requests being answered. HTTP/2 allows several.
    answering: usize,
}

/// A request whose response is not sent yet. While it exists, its connection is not revoked.
#[derive(Debug)]
pub(crate) struct RequestShare(Arc<ConnectionPermit>);

// === impl ConnectionLimiter ===

impl ConnectionLimiter {
    pub(crate) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self {
            all,
            taken: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// Waits for room for a connection that has just been accepted.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Arc<ConnectionPermit> {
        loop {
            let freed = self.freed.notified();
            if let Some(permit) = self.permit_or_evict(Instant::now()) {
                return Arc::new(permit);
            }
            // After the timeout other connections may have waited long enough to be replaced.
            let _freed = timeout(GRACE, freed).await;
        }
    }

    fn permit_or_evict(self: &Arc<Self>, now: Instant) -> Option<ConnectionPermit> {
        let mut taken = self.taken.lock();
        if taken.count >= self.all {
            taken.evict_one(now);
            return None;
        }
        taken.count += 1;
        let leave = Arc::new(Notify::new());
        let turn = taken.next_turn();
        taken.unused.insert(turn, Waiting::new(now, &leave));
        Some(ConnectionPermit {
            limiter: self.clone(),
            leave,
            state: Mutex::new(State {
                turn: Some(turn),
                answering: 0,
            }),
        })
    }
}

impl Taken {
    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    /// Revokes the permit of the connection that has waited longest, if it has waited long enough.
    fn evict_one(&mut self, now: Instant) {
        for waiting in [&mut self.unused, &mut self.idle] {
            if let Some(first) = waiting.first_entry()
                && now.duration_since(first.get().since) >= GRACE
            {
                first.remove().leave.notify_one();
                return;
            }
        }
    }

    fn forget(&mut self, turn: u64) {
        self.unused.remove(&turn);
        self.idle.remove(&turn);
    }
}

impl Waiting {
    fn new(since: Instant, leave: &Arc<Notify>) -> Self {
        let leave = leave.clone();
        Self { since, leave }
    }
}

// === impl ConnectionPermit ===

impl ConnectionPermit {
    /// Marks the beginning of a request. The permit cannot be revoked until the returned share is
    /// dropped.
    pub(crate) fn request(self: &Arc<Self>) -> RequestShare {
        let mut state = self.state.lock();
        state.answering += 1;
        if let Some(turn) = state.turn.take() {
            self.limiter.taken.lock().forget(turn);
        }
        drop(state);
        RequestShare(self.clone())
    }

    /// Waits until the permit is revoked.
    pub(crate) async fn revoked(&self) {
        self.leave.notified().await;
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let turn = self.state.lock().turn;
        let mut taken = self.limiter.taken.lock();
        turn.into_iter().for_each(|turn| taken.forget(turn));
        taken.count -= 1;
        drop(taken);
        self.limiter.freed.notify_one();
    }
}

impl Drop for RequestShare {
    fn drop(&mut self) {
        let ConnectionPermit { limiter, leave, .. } = &*self.0;
        let mut state = self.0.state.lock();
        state.answering -= 1;
        if state.answering > 0 {
            return;
        }
        let mut taken = limiter.taken.lock();
        let turn = taken.next_turn();
        taken.idle.insert(turn, Waiting::new(Instant::now(), leave));
        state.turn = Some(turn);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    async fn is_revoked(permit: &ConnectionPermit) -> bool {
        timeout(Duration::ZERO, permit.revoked()).await.is_ok()
    }

    /// Acquires a permit while `old` is dropped as soon as it is revoked.
    async fn acquire_from(
        limiter: &Arc<ConnectionLimiter>,
        old: Arc<ConnectionPermit>,
    ) -> Arc<ConnectionPermit> {
        let leaving = async move {
            old.revoked().await;
            drop(old);
        };
        tokio::join!(limiter.acquire(), leaving).0
    }

    #[tokio::test(start_paused = true)]
    async fn unused_connections_are_replaced_before_idle_ones() {
        let limiter = ConnectionLimiter::new(3);
        let served = limiter.acquire().await;
        drop(served.request());
        let (first, second) = (limiter.acquire().await, limiter.acquire().await);
        advance(GRACE).await;
        let third = acquire_from(&limiter, first).await;
        assert!(!is_revoked(&second).await);
        let fourth = acquire_from(&limiter, second).await;
        drop((third.request(), fourth.request()));
        advance(GRACE).await;
        let _fifth = acquire_from(&limiter, served).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_a_request_is_not_replaced() {
        let limiter = ConnectionLimiter::new(1);
        let only = limiter.acquire().await;
        let answers = (only.request(), only.request());
        advance(GRACE * 10).await;
        assert!(timeout(GRACE * 10, limiter.acquire()).await.is_err());
        drop(answers.0);
        assert!(timeout(GRACE * 10, limiter.acquire()).await.is_err());
        drop(answers.1);
        assert!(!is_revoked(&only).await, "nobody has come since");
        acquire_from(&limiter, only).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_connection_has_time_for_its_request() {
        let limiter = ConnectionLimiter::new(1);
        let first = limiter.acquire().await;
        let before = Instant::now();
        let second = acquire_from(&limiter, first).await;
        assert!(before.elapsed() >= GRACE);
        drop(second);
        limiter.acquire().await;
    }

    #[tokio::test(start_paused = true)]
    async fn closed_connections_leave_nothing_behind() {
        let limiter = ConnectionLimiter::new(2);
        let (first, second) = (limiter.acquire().await, limiter.acquire().await);
        drop(second.request());
        drop((first, second));
        let taken = limiter.taken.lock();
        assert_eq!(taken.count, 0);
        assert!(taken.unused.is_empty() && taken.idle.is_empty());
    }
}
