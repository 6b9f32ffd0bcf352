//! A rate limit for each action, with a queue of waiting callers.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::limit::Bucket;

/// One token bucket per action. A client serves one region, so this is one per region and action,
/// which is how the vendor counts.
pub(super) struct RateLimiter {
    rate: f64,
    burst: u32,
    started: Instant,
    lanes: Mutex<HashMap<Box<str>, Arc<ActionQueue>>>,
}

struct ActionQueue {
    /// Held by the caller at the head of the queue while it waits. Tokio's mutex is fair, so
    /// callers proceed in order, and one that gives up just leaves the queue.
    turn: tokio::sync::Mutex<()>,
    bucket: Mutex<Bucket>,
}

// === impl RateLimiter ===

impl RateLimiter {
    pub fn new(rate: f64, burst: u32) -> Self {
        Self {
            rate,
            burst,
            started: Instant::now(),
            lanes: Mutex::default(),
        }
    }

    /// Waits until one more request of `action` is allowed.
    pub async fn turn(&self, action: &str) {
        let lane = self.lane(action);
        let _turn = lane.turn.lock().await;
        while let Err(wait) = self.with(&lane, Bucket::take) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Slows `action` down after the cloud throttled it.
    pub fn penalise(&self, action: &str) {
        self.with(&self.lane(action), Bucket::penalise);
    }

    /// Blocks `action` for `span`, as the cloud asked.
    pub fn pause(&self, action: &str, span: std::time::Duration) {
        self.with(&self.lane(action), |bucket, now| bucket.close(now, span));
    }

    fn with<T>(
        &self,
        lane: &ActionQueue,
        f: impl FnOnce(&mut Bucket, std::time::Duration) -> T,
    ) -> T {
        let mut bucket = lane.bucket.lock();
        f(&mut bucket, self.started.elapsed())
    }

    /// Returns the queue of an action. The actions are constants of the program, so the map stays
    /// small.
    fn lane(&self, action: &str) -> Arc<ActionQueue> {
        let mut lanes = self.lanes.lock();
        if let Some(lane) = lanes.get(action) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(ActionQueue {
            turn: tokio::sync::Mutex::default(),
            bucket: Mutex::new(Bucket::new(self.rate, self.burst)),
        });
        lanes.insert(action.into(), Arc::clone(&lane));
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[tokio::test(start_paused = true)]
    async fn callers_pass_in_the_order_they_came() {
        let pace = Arc::new(RateLimiter::new(10.0, 1));
        let (sender, mut passed) = tokio::sync::mpsc::unbounded_channel();
        let started = Instant::now();
        let callers: Vec<_> = (0..5)
            .map(|i| {
                let (pace, sender) = (Arc::clone(&pace), sender.clone());
                crate::runtime::spawn(async move {
                    pace.turn("A").await;
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
    async fn actions_do_not_wait_for_each_other_and_quitters_cost_nothing() {
        let pace = RateLimiter::new(1.0, 1);
        let started = Instant::now();
        pace.turn("A").await;
        pace.turn("B").await;
        assert_eq!(started.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            let quitter = tokio::time::timeout(MS(10), pace.turn("A")).await;
            assert!(quitter.is_err());
        }
        pace.turn("A").await;
        assert!(started.elapsed() <= MS(1_010));
    }
}
