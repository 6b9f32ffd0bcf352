//! Shares a source's requests among its targets when there are more targets than requests.
//!
//! A part of the requests per second is reserved for lists, further pages and retries. Half of the
//! rest is shared equally, which bounds the wait of every target. The other half goes to targets
//! with rows: at `r` rows a second a poll every `w` seconds makes rows wait `r w / 2` in all, and
//! the sum over all targets is least if each is polled in proportion to the square root of its
//! rate.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Fraction of the requests that is planned; the rest is the reserve.
const PLANNED: f64 = 0.8;
/// Fraction of the planned requests that is shared equally.
const IN_TURN: f64 = 0.5;
/// Time constant of a learned rate, in seconds: a third of it is left afterwards.
const MEMORY_SECONDS: f64 = 600.0;
/// Fraction of the requests that stays unused in an idle budget; the remainder is spent on sweeps.
const SPARE: f64 = 0.5;
/// Every target is assumed to have at least one row an hour.
const RATE_MIN: f64 = 1.0 / 3_600.0;

/// The requests of one source, shared among its targets.
#[derive(Debug)]
pub struct Budget {
    requests_per_second: f64,
    sums: Mutex<Sums>,
}

/// Sums over all targets: requests of a poll, and the same weighted.
#[derive(Debug, Default)]
struct Sums {
    cost: f64,
    weighted: f64,
}

/// The share of one target; released on drop.
#[derive(Debug)]
pub(super) struct RequestShare {
    budget: Arc<Budget>,
    last: Instant,
    /// Rows per second.
    rate: f64,
    /// Requests per poll.
    cost: f64,
}

impl Budget {
    /// Creates a budget of `requests_per_second`.
    pub fn new(requests_per_second: f64) -> Arc<Self> {
        Arc::new(Self {
            requests_per_second,
            sums: Mutex::default(),
        })
    }

    /// Adds a target.
    pub(super) fn share(self: &Arc<Self>) -> RequestShare {
        let share = RequestShare {
            budget: self.clone(),
            last: Instant::now(),
            rate: RATE_MIN,
            cost: 1.0,
        };
        share.add(1.0);
        share
    }
}

impl RequestShare {
    /// Learns from a poll that ended now, and returns the shortest wait before the next one.
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
        let sums = self.budget.sums.lock();
        let planned = self.budget.requests_per_second * PLANNED;
        let in_turn = IN_TURN / sums.cost;
        let by_rate = (1.0 - IN_TURN) * self.weight() / sums.weighted;
        Duration::from_secs_f64(1.0 / (planned * (in_turn + by_rate)))
    }

    /// How long the idle half of the budget takes to pay for `requests`, if each target is polled
    /// once per interval; [`Duration::MAX`] where no half is idle.
    pub(super) fn paid_after(&self, requests: u64, interval: Duration) -> Duration {
        let others = self.budget.sums.lock().cost - self.cost;
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
        let mut sums = self.budget.sums.lock();
        sums.cost += sign * self.cost;
        sums.weighted += sign * self.weight() * self.cost;
    }
}

impl Drop for RequestShare {
    fn drop(&mut self) {
        self.add(-1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn waits(rates: &[u64], requests_per_second: f64) -> Vec<f64> {
        let budget = Budget::new(requests_per_second);
        let mut shares: Vec<RequestShare> = rates.iter().map(|_| budget.share()).collect();
        let mut waits = Vec::new();
        // Long enough for the rates to be learned.
        for _ in 0..200 {
            tokio::time::advance(Duration::from_secs(60)).await;
            let polls = shares.iter_mut().zip(rates);
            waits = polls
                .map(|(share, rows)| share.polled(*rows, 1).as_secs_f64())
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
        let one = budget.share();
        let interval = Duration::from_secs(2);
        // Five requests a second are spare, and nine others take one each in two seconds.
        assert_eq!(one.paid_after(15, interval), Duration::from_secs(3));
        let others: Vec<RequestShare> = (0..9).map(|_| budget.share()).collect();
        assert_eq!(one.paid_after(2, interval), Duration::from_secs(4));
        let more = budget.share();
        assert_eq!(one.paid_after(1, interval), Duration::MAX);
        drop((others, more));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_back_is_shared_again() {
        let budget = Budget::new(1.0);
        let mut one = budget.share();
        let other = budget.share();
        let shared = one.polled(0, 1);
        drop(other);
        let alone = one.polled(0, 1);
        assert!((shared.as_secs_f64() / alone.as_secs_f64() - 2.0).abs() < 1e-6);
    }
}
