//! Places for connections, and who gives way when all are taken.
//!
//! Whoever opens thousands of connections and says nothing must not keep the scraper out. A new
//! connection gets the place of one that waits: first of those that never asked for anything, then
//! of those between two requests, each time the one that has waited longest. One that is being
//! answered keeps its place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// A connection may wait this long before another takes its place: the time for a request to come.
const GRACE: Duration = Duration::from_millis(250);

/// All places of a server.
#[derive(Debug)]
pub(super) struct Seats {
    all: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    turn: u64,
    /// Connections that never asked for anything, by turn.
    strangers: BTreeMap<u64, Waiting>,
    /// Connections between two requests, by turn.
    resting: BTreeMap<u64, Waiting>,
}

/// A connection whose place another may take.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    leave: Arc<Notify>,
}

/// The place of one connection.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    leave: Arc<Notify>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Where it waits, unless it is being answered.
    turn: Option<u64>,
    /// Requests that are being answered; HTTP/2 has several.
    answering: usize,
}

/// An answer on its way; as long as it is there, the place is kept.
#[derive(Debug)]
pub(super) struct Answering(Arc<Seat>);

// === impl Seats ===

impl Seats {
    pub(super) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self {
            all,
            taken: Mutex::default(),
            freed: Notify::new(),
        })
    }

    /// A place for a connection that has just come, once there is one.
    pub(super) async fn take(self: &Arc<Self>) -> Arc<Seat> {
        loop {
            let freed = self.freed.notified();
            if let Some(seat) = self.seat_or_send_away(Instant::now()) {
                return Arc::new(seat);
            }
            // Meanwhile others may have waited long enough to be sent away.
            let _freed = timeout(GRACE, freed).await;
        }
    }

    fn seat_or_send_away(self: &Arc<Self>, now: Instant) -> Option<Seat> {
        let mut taken = self.lock();
        if taken.count >= self.all {
            taken.send_one_away(now);
            return None;
        }
        taken.count += 1;
        let leave = Arc::new(Notify::new());
        let turn = taken.next_turn();
        let waiting = Waiting {
            since: now,
            leave: leave.clone(),
        };
        taken.strangers.insert(turn, waiting);
        Some(Seat {
            seats: self.clone(),
            leave,
            state: Mutex::new(State {
                turn: Some(turn),
                answering: 0,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock()
    }
}

impl Taken {
    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    /// Asks the one that has waited longest to leave, if it has waited long enough.
    fn send_one_away(&mut self, now: Instant) {
        for waiting in [&mut self.strangers, &mut self.resting] {
            if let Some(first) = waiting.first_entry()
                && now.duration_since(first.get().since) >= GRACE
            {
                first.remove().leave.notify_one();
                return;
            }
        }
    }

    fn forget(&mut self, turn: u64) {
        self.strangers.remove(&turn);
        self.resting.remove(&turn);
    }
}

// === impl Seat ===

impl Seat {
    /// A request has come: the place is kept until its answer is sent.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        let mut state = self.lock();
        state.answering += 1;
        if let Some(turn) = state.turn.take() {
            self.seats.lock().forget(turn);
        }
        drop(state);
        Answering(self.clone())
    }

    /// Waits until another is to have the place.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let turn = self.lock().turn;
        let mut taken = self.seats.lock();
        turn.into_iter().for_each(|turn| taken.forget(turn));
        taken.count -= 1;
        drop(taken);
        self.seats.freed.notify_one();
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let Seat { seats, leave, .. } = &*self.0;
        let mut state = self.0.lock();
        state.answering -= 1;
        if state.answering > 0 {
            return;
        }
        let mut taken = seats.lock();
        let turn = taken.next_turn();
        let waiting = Waiting {
            since: Instant::now(),
            leave: leave.clone(),
        };
        taken.resting.insert(turn, waiting);
        state.turn = Some(turn);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    async fn is_told_to_leave(seat: &Seat) -> bool {
        timeout(Duration::ZERO, seat.asked_to_leave()).await.is_ok()
    }

    /// Waits for a place while `leaver` gives up its own as soon as it is asked to.
    async fn take_the_place_of(seats: &Arc<Seats>, leaver: Arc<Seat>) -> Arc<Seat> {
        let leaving = async move {
            leaver.asked_to_leave().await;
            drop(leaver);
        };
        tokio::join!(seats.take(), leaving).0
    }

    #[tokio::test(start_paused = true)]
    async fn silent_strangers_give_way_before_those_that_were_served() {
        let seats = Seats::new(3);
        let served = seats.take().await;
        drop(served.answering());
        let (first, second) = (seats.take().await, seats.take().await);
        advance(GRACE).await;
        let third = take_the_place_of(&seats, first).await;
        assert!(!is_told_to_leave(&second).await);
        let fourth = take_the_place_of(&seats, second).await;
        drop((third.answering(), fourth.answering()));
        advance(GRACE).await;
        let _fifth = take_the_place_of(&seats, served).await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_answered_keeps_its_place() {
        let seats = Seats::new(1);
        let only = seats.take().await;
        let answers = (only.answering(), only.answering());
        advance(GRACE * 10).await;
        assert!(timeout(GRACE * 10, seats.take()).await.is_err());
        drop(answers.0);
        assert!(timeout(GRACE * 10, seats.take()).await.is_err());
        drop(answers.1);
        assert!(!is_told_to_leave(&only).await, "nobody has come since");
        take_the_place_of(&seats, only).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_has_time_for_its_request() {
        let seats = Seats::new(1);
        let first = seats.take().await;
        let before = Instant::now();
        let second = take_the_place_of(&seats, first).await;
        assert!(before.elapsed() >= GRACE);
        drop(second);
        seats.take().await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_gone_is_asked_nothing() {
        let seats = Seats::new(2);
        let (first, second) = (seats.take().await, seats.take().await);
        drop(second.answering());
        drop((first, second));
        let taken = seats.lock();
        assert_eq!(taken.count, 0);
        assert!(taken.strangers.is_empty() && taken.resting.is_empty());
    }
}
