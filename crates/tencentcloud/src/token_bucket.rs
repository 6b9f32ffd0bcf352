//! A token bucket that slows down after throttling. Pure: time is an argument.

use std::time::Duration;

/// Lowest rate after penalties, as a fraction of the configured rate.
const FLOOR: f64 = 0.2;

/// Factor of the rate after one penalty. Together with the recovery time, random throttling of one
/// request in twenty costs a third of a rate of ten a second. Halving the rate for a minute would
/// cost three quarters, and reading would fall behind.
const PENALTY: f64 = 0.7;

/// Time in which the rate recovers from zero to the configured one. From the lowest rate it takes
/// four fifths of this.
const RECOVERY: Duration = Duration::from_secs(20);

/// Penalties within this time count as one, because requests in flight fail together.
const BUNCH: Duration = Duration::from_secs(1);

/// Lowest and highest rate that can be configured, in requests per second.
const RATES: std::ops::RangeInclusive<f64> = 0.01..=100_000.0;

/// State of one bucket. Times are measured from a fixed instant of the owner's choice.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TokenBucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    /// Time at which `tokens` was last updated.
    filled: Duration,
    penalty: Option<Penalty>,
    /// No token is given out before this time.
    closed_until: Duration,
}

/// A reduced rate, which recovers linearly.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Penalty {
    factor: f64,
    since: Duration,
}

// === impl TokenBucket ===

impl TokenBucket {
    /// Creates a full bucket of `burst` (at least 1) tokens that regains `rate` tokens per second.
    /// Values outside the valid range are clamped.
    pub fn new(rate: f64, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self {
            rate: if rate.is_nan() {
                *RATES.start()
            } else {
                rate.clamp(*RATES.start(), *RATES.end())
            },
            burst,
            tokens: burst,
            filled: Duration::ZERO,
            penalty: None,
            closed_until: Duration::ZERO,
        }
    }

    /// Takes one token, or returns how long to wait before trying again. Nothing is reserved, so a
    /// caller that gives up costs nothing. The owner decides the order of callers.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        self.fill(now);
        if now < self.closed_until {
            return Err(self.closed_until - now);
        }
        // Sums of fractions can be slightly below one.
        if self.tokens >= 1.0 - 1e-6 {
            self.tokens = (self.tokens - 1.0).max(0.0);
            return Ok(());
        }
        let wait = (1.0 - self.tokens) / (self.rate * self.factor(now));
        // Rounded up, because a wait of zero would make the caller spin.
        Err(Duration::from_secs_f64(wait) + Duration::from_nanos(1))
    }

    /// Reduces the rate after throttling: the bucket is emptied, and the rate falls by three
    /// tenths, at most to a fifth of the configured one. It recovers within seconds.
    pub fn penalise(&mut self, now: Duration) {
        self.fill(now);
        if let Some(last) = self.penalty
            && now.saturating_sub(last.since) < BUNCH
        {
            return;
        }
        self.penalty = Some(Penalty {
            factor: (self.factor(now) * PENALTY).max(FLOOR),
            since: now,
        });
        self.tokens = 0.0;
    }

    /// Gives out no token for `span`, as the cloud asked.
    pub fn close(&mut self, now: Duration, span: Duration) {
        self.closed_until = self.closed_until.max(now.saturating_add(span));
    }

    fn fill(&mut self, now: Duration) {
        let Some(passed) = now.checked_sub(self.filled) else {
            return;
        };
        // The rate is a rising line with one bend, so the mean of both ends never gives too much.
        let factor = (self.factor(self.filled) + self.factor(now)) / 2.0;
        let gained = passed.as_secs_f64() * self.rate * factor;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.filled = now;
    }

    /// Returns the fraction of the configured rate that is allowed at `now`.
    fn factor(&self, now: Duration) -> f64 {
        self.penalty.map_or(1.0, |penalty| {
            let passed = now.saturating_sub(penalty.since).as_secs_f64();
            (penalty.factor + passed / RECOVERY.as_secs_f64()).min(1.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Returns the times at which a caller that asks without pause gets its tokens.
    fn greedy(bucket: &mut TokenBucket, from: Duration, until: Duration) -> Vec<Duration> {
        let (mut now, mut taken) = (from, Vec::new());
        while now < until {
            match bucket.take(now) {
                Ok(()) => taken.push(now),
                Err(wait) => now += wait,
            }
        }
        taken
    }

    #[test]
    fn a_burst_and_then_one_by_one() {
        let mut bucket = TokenBucket::new(10.0, 3);
        let taken = greedy(&mut bucket, MS(0), MS(350));
        let millis: Vec<_> = taken.iter().map(|t| t.as_secs_f64() * 1e3).collect();
        let expected = [0.0, 0.0, 0.0, 100.0, 200.0, 300.0];
        assert_eq!(millis.len(), expected.len());
        for (got, want) in millis.iter().zip(expected) {
            assert!((got - want).abs() < 0.01, "{millis:?}");
        }
    }

    #[test]
    fn a_penalty_slows_and_six_seconds_heal() {
        let mut bucket = TokenBucket::new(10.0, 1);
        bucket.penalise(MS(0));
        // A rate factor of 0.7 that rises by 1/20 a second gives 10 * (0.7 + 1/40) = 7.25 tokens in
        // the first second.
        assert_eq!(greedy(&mut bucket, MS(0), MS(1_000)).len(), 7);
        // After six seconds the full rate is restored.
        let late = greedy(&mut bucket, MS(6_000), MS(16_000)).len();
        assert!((100..=101).contains(&late), "{late}");
    }

    #[test]
    fn a_bunch_of_refusals_is_one_penalty_and_there_is_a_floor() {
        let mut bunch = TokenBucket::new(10.0, 1);
        for millis in [0, 1, 500, 999] {
            bunch.penalise(MS(millis));
        }
        assert_eq!(bunch.penalty.map(|p| p.factor), Some(0.7));
        let mut storm = TokenBucket::new(10.0, 1);
        for second in 0..20 {
            storm.penalise(MS(second * 1_000));
        }
        assert_eq!(storm.penalty.map(|p| p.factor), Some(FLOOR));
    }

    #[test]
    fn settings_that_cannot_work_are_mended() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut bucket = TokenBucket::new(rate, 0);
            assert_eq!(bucket.take(MS(0)), Ok(()));
            let wait = bucket.take(MS(0)).unwrap_err();
            assert!(wait <= Duration::from_secs(101));
        }
    }

    proptest! {
        /// Checks every pair of takes: no span has more than burst + rate * span tokens.
        #[test]
        fn never_more_than_promised(
            rate in 0.5f64..200.0,
            burst in 1u32..20,
            steps in prop::collection::vec((0u64..300, any::<bool>()), 1..150),
        ) {
            let mut bucket = TokenBucket::new(rate, burst);
            let (mut now, mut taken) = (Duration::ZERO, Vec::new());
            for (step, refused) in steps {
                now += MS(step);
                if refused {
                    bucket.penalise(now);
                }
                if bucket.take(now).is_ok() {
                    taken.push(now.as_secs_f64());
                }
            }
            for (i, from) in taken.iter().enumerate() {
                for (j, to) in taken.iter().enumerate().skip(i) {
                    let most = f64::from(burst) + rate * (to - from) + 0.01;
                    prop_assert!((j - i + 1) as f64 <= most);
                }
            }
        }

        #[test]
        fn after_the_wait_there_is_a_token(
            rate in 0.01f64..1e5,
            burst in 1u32..5,
            refused in any::<bool>(),
            start in 0u64..100_000,
        ) {
            let mut bucket = TokenBucket::new(rate, burst);
            if refused {
                bucket.penalise(MS(start));
            }
            while bucket.take(MS(start)).is_ok() {}
            let wait = bucket.take(MS(start)).unwrap_err();
            prop_assert_eq!(bucket.take(MS(start) + wait), Ok(()));
        }

        #[test]
        fn the_full_rate_is_reached(rate in 1.0f64..500.0, burst in 1u32..10) {
            let mut bucket = TokenBucket::new(rate, burst);
            let taken = greedy(&mut bucket, MS(0), MS(20_000)).len() as f64;
            prop_assert!(taken >= (rate * 20.0).floor());
        }
    }
}
