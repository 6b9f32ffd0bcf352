//! Who may ask how often, where there are more targets than requests.
//!
//! Of what a source may ask in a second, a part is kept back for lists, further pages and repeated
//! calls. Half of the rest goes round, so that none waits longer than a stated bound; the other
//! half goes where rows are: with `r` rows a second a poll every `w` seconds leaves them waiting
//! `r w / 2` in all, and the sum of that over all targets, for a given number of requests, is least
//! where each is polled in proportion to the square root of its rate.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

/// The part of the requests that is planned with.
const PLANNED: f64 = 0.8;
/// The part of these that goes round.
const IN_TURN: f64 = 0.5;
/// How long a learned rate lasts: after so many seconds a third of it is left.
const MEMORY_SECONDS: f64 = 600.0;
/// The part of the requests that nobody needs where the budget is idle: what it leaves is spent on
/// looking for rows.
const SPARE: f64 = 0.5;
/// A target is expected to have a row an hour at least, whatever it had so far.
const RATE_MIN: f64 = 1.0 / 3_600.0;

/// The requests of one source, shared among its targets.
#[derive(Debug)]
pub struct Budget {
    requests_per_second: f64,
    sums: Mutex<Sums>,
}

/// Over all seats: requests of a poll, and these weighted.
#[derive(Debug, Default)]
struct Sums {
    cost: f64,
    weighted: f64,
}

/// The share of one target; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    budget: Arc<Budget>,
    last: Instant,
    /// Rows a second.
    rate: f64,
    /// Requests that a poll takes.
    cost: f64,
}

impl Budget {
    /// A budget of so many requests a second.
    pub fn new(requests_per_second: f64) -> Arc<Self> {
        Arc::new(Self {
            requests_per_second,
            sums: Mutex::default(),
        })
    }

    /// A share for one more target.
    pub(super) fn seat(self: &Arc<Self>) -> Seat {
        let seat = Seat {
            budget: self.clone(),
            last: Instant::now(),
            rate: RATE_MIN,
            cost: 1.0,
        };
        seat.add(1.0);
        seat
    }

    fn lock(&self) -> MutexGuard<'_, Sums> {
        self.sums.lock()
    }
}

impl Seat {
    /// Learns from a poll that ended now with so many new rows after so many requests; the
    /// shortest time to the next poll.
    pub(super) fn polled(&mut self, rows: u64, requests: u64) -> Duration {
        let now = Instant::now();
        let seconds = now.duration_since(self.last).as_secs_f64();
        self.last = now;
        self.add(-1.0);
        let kept = (-seconds / MEMORY_SECONDS).exp();
        if seconds > 0.0 {
            let seen = rows as f64 / seconds;
            self.rate = (self.rate * kept + seen * (1.0 - kept)).max(RATE_MIN);
        }
        self.cost = self.cost * 0.75 + requests.max(1) as f64 * 0.25;
        self.add(1.0);
        let sums = self.budget.lock();
        let planned = self.budget.requests_per_second * PLANNED;
        let in_turn = IN_TURN / sums.cost;
        let by_rate = (1.0 - IN_TURN) * self.weight() / sums.weighted;
        Duration::from_secs_f64(1.0 / (planned * (in_turn + by_rate)))
    }

    /// After how long the idle half of the budget pays for so many requests, where each target is
    /// polled once in an interval; never, where there is no idle half.
    pub(super) fn paid_after(&self, requests: u64, interval: Duration) -> Duration {
        let others = self.budget.lock().cost - self.cost;
        let spare = self.budget.requests_per_second * SPARE - others / interval.as_secs_f64();
        if spare <= 0.0 {
            return Duration::MAX;
        }
        Duration::try_from_secs_f64(requests as f64 / spare).unwrap_or(Duration::MAX)
    }

    fn weight(&self) -> f64 {
        (self.rate / self.cost).sqrt()
    }

    fn add(&self, sign: f64) {
        let mut sums = self.budget.lock();
        sums.cost += sign * self.cost;
        sums.weighted += sign * self.weight() * self.cost;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.add(-1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waits(rates: &[u64], requests_per_second: f64) -> Vec<f64> {
        let budget = Budget::new(requests_per_second);
        let mut seats: Vec<Seat> = rates.iter().map(|_| budget.seat()).collect();
        let mut waits = Vec::new();
        // Long enough for the rates to be learned.
        for _ in 0..200 {
            tokio::time::advance(Duration::from_secs(60)).await;
            let polls = seats.iter_mut().zip(rates);
            waits = polls
                .map(|(seat, rows)| seat.polled(*rows, 1).as_secs_f64())
                .collect();
        }
        waits
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_planned_is_what_may_be_asked_less_the_reserve() {
        let rates: Vec<u64> = (0..100).map(|rank| 10_000 / (rank + 1)).collect();
        let waits = waits(&rates, 5.0).await;
        let planned: f64 = waits.iter().map(|wait| 1.0 / wait).sum();
        assert!((planned - 4.0).abs() < 0.01, "{planned}");
    }

    #[tokio::test(start_paused = true)]
    async fn none_waits_longer_than_twice_its_turn_and_the_busy_ones_least() {
        let mut rates = vec![0; 99];
        rates.push(6_000);
        let waits = waits(&rates, 5.0).await;
        // 100 targets at 4 planned requests a second: 25 s a turn.
        assert!(waits.iter().all(|wait| *wait <= 50.0 + 1e-6), "{waits:?}");
        assert!(waits[99] < 5.0, "{}", waits[99]);
        // Four times the rate is twice the share beyond the turn.
        let waits = self::waits(&[60, 240], 1.0).await;
        let beyond = |wait: f64| 1.0 / wait - 0.8 * 0.5 / 2.0;
        let ratio = beyond(waits[1]) / beyond(waits[0]);
        assert!((ratio - 2.0).abs() < 0.01, "{ratio}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_idle_half_pays_for_more_requests_unless_others_need_it() {
        let budget = Budget::new(10.0);
        let one = budget.seat();
        let interval = Duration::from_secs(2);
        // Five requests a second are spare, and nine others take one each in two seconds.
        assert_eq!(one.paid_after(15, interval), Duration::from_secs(3));
        let others: Vec<Seat> = (0..9).map(|_| budget.seat()).collect();
        assert_eq!(one.paid_after(2, interval), Duration::from_secs(4));
        let more = budget.seat();
        assert_eq!(one.paid_after(1, interval), Duration::MAX);
        drop((others, more));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_is_shared_again() {
        let budget = Budget::new(1.0);
        let mut one = budget.seat();
        let other = budget.seat();
        let shared = one.polled(0, 1);
        drop(other);
        let alone = one.polled(0, 1);
        assert!((shared.as_secs_f64() / alone.as_secs_f64() - 2.0).abs() < 1e-6);
    }
}
