//! A rate limit for each action, with a queue of waiting callers.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::token_bucket::TokenBucket;

/// One token bucket per action. A client serves one region, so this is one per region and action,
/// which is how the vendor counts.
pub(super) struct RateLimiter {
    rate: f64,
    /// The actions with another rate.
    action_rates: &'static [(&'static str, f64)],
    burst: u32,
    started: Instant,
    queues: Mutex<HashMap<Box<str>, Arc<ActionQueue>>>,
}

struct ActionQueue {
    /// Held by the caller at the head of the queue while it waits. Tokio's mutex is fair, so
    /// callers proceed in order, and one that gives up just leaves the queue.
    head: tokio::sync::Mutex<()>,
    bucket: Mutex<TokenBucket>,
}

// === impl RateLimiter ===

impl RateLimiter {
    pub fn new(rate: f64, action_rates: &'static [(&'static str, f64)], burst: u32) -> Self {
        Self {
            rate,
            action_rates,
            burst,
            started: Instant::now(),
            queues: Mutex::default(),
        }
    }

    /// Waits until one more request of `action` is allowed.
    pub async fn acquire(&self, action: &str) {
        let queue = self.queue(action);
        let _turn = queue.head.lock().await;
        while let Err(wait) = self.with(&queue, TokenBucket::take) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Slows `action` down after the cloud throttled it.
    pub fn penalise(&self, action: &str) {
        self.with(&self.queue(action), TokenBucket::penalise);
    }

    /// Blocks `action` for `span`, as the cloud asked.
    pub fn pause(&self, action: &str, span: std::time::Duration) {
        self.with(&self.queue(action), |bucket, now| bucket.close(now, span));
    }

    fn with<T>(
        &self,
        queue: &ActionQueue,
        f: impl FnOnce(&mut TokenBucket, std::time::Duration) -> T,
    ) -> T {
        let mut bucket = queue.bucket.lock();
        f(&mut bucket, self.started.elapsed())
    }

    /// Returns the queue of an action. The actions are constants of the program, so the map stays
    /// small.
    fn queue(&self, action: &str) -> Arc<ActionQueue> {
        let mut queues = self.queues.lock();
        if let Some(queue) = queues.get(action) {
            return Arc::clone(queue);
        }
        let own = self.action_rates.iter().find(|(name, _)| *name == action);
        let rate = own.map_or(self.rate, |(_, rate)| *rate);
        let queue = Arc::new(ActionQueue {
            head: tokio::sync::Mutex::default(),
            bucket: Mutex::new(TokenBucket::new(rate, self.burst)),
        });
        queues.insert(action.into(), Arc::clone(&queue));
        queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[tokio::test(start_paused = true)]
    async fn callers_pass_in_the_order_they_came() {
        let limiter = Arc::new(RateLimiter::new(10.0, &[], 1));
        let (sender, mut passed) = tokio::sync::mpsc::unbounded_channel();
        let started = Instant::now();
        let callers: Vec<_> = (0..5)
            .map(|i| {
                let (limiter, sender) = (Arc::clone(&limiter), sender.clone());
                crate::runtime::spawn(async move {
                    limiter.acquire("A").await;
                    sender.send((i, started.elapsed())).unwrap();
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        for i in 0..5u64 {
            let (who, when) = passed.recv().await.unwrap();
            assert_eq!(who, i);
            assert!(
                when >= MS(i * 100) && when <= MS(i * 100 + 10),
                "{i} {when:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_action_may_have_its_own_rate_and_is_slowed_from_that() {
        let limiter = RateLimiter::new(1.0, &[("Fast", 100.0)], 10);
        let started = Instant::now();
        for _ in 0..110 {
            limiter.acquire("Fast").await;
        }
        let full = started.elapsed();
        assert!(full >= MS(1_000) && full <= MS(1_010), "{full:?}");
        for _ in 0..11 {
            limiter.acquire("Slow").await;
        }
        assert!(started.elapsed() >= full + MS(1_000));
        // After a penalty the rate starts at 70 a second and rises by 5 in a second.
        limiter.penalise("Fast");
        let throttled = Instant::now();
        for _ in 0..72 {
            limiter.acquire("Fast").await;
        }
        let slow = throttled.elapsed();
        assert!(slow >= MS(970) && slow <= MS(1_030), "{slow:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn actions_do_not_wait_for_each_other_and_quitters_cost_nothing() {
        let limiter = RateLimiter::new(1.0, &[], 1);
        let started = Instant::now();
        limiter.acquire("A").await;
        limiter.acquire("B").await;
        assert_eq!(started.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            let quitter = tokio::time::timeout(MS(10), limiter.acquire("A")).await;
            assert!(quitter.is_err());
        }
        limiter.acquire("A").await;
        assert!(started.elapsed() <= MS(1_010));
    }
}
