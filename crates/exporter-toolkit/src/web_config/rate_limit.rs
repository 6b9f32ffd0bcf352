//! A token bucket that limits the rate of requests.

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::web_file::RateLimit;

/// The token bucket; it starts full.
#[derive(Debug)]
pub(super) struct Limiter {
    pub(super) limit: RateLimit,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    holds: f64,
    at: Instant,
}

impl Limiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        let holds = limit.burst as f64;
        let at = Instant::now();
        Self {
            limit,
            bucket: Mutex::new(Bucket { holds, at }),
        }
    }

    /// Takes one token. Returns whether there was one.
    pub(super) fn allows(&self) -> bool {
        let mut bucket = self.bucket.lock();
        let now = Instant::now();
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.at = now;
        let filled = bucket.holds + passed / self.limit.interval.as_secs_f64();
        bucket.holds = filled.min(self.limit.burst as f64);
        let allowed = bucket.holds >= 1.0;
        if allowed {
            bucket.holds -= 1.0;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limiter(interval: Duration, burst: u64) -> Limiter {
        Limiter::new(RateLimit { interval, burst })
    }

    fn allowed(limiter: &Limiter, asked: usize) -> usize {
        (0..asked).filter(|_| limiter.allows()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_one_for_each_interval() {
        let limiter = limiter(Duration::from_millis(500), 3);
        for (passed_ms, asked, expected) in [(0, 10, 3), (499, 1, 0), (1, 2, 1), (1_000_000, 10, 3)]
        {
            tokio::time::advance(Duration::from_millis(passed_ms)).await;
            assert_eq!(allowed(&limiter, asked), expected, "{passed_ms}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_without_tokens_refuses_every_request() {
        let limiter = limiter(Duration::from_nanos(1), 0);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(allowed(&limiter, 5), 0);
    }
}
