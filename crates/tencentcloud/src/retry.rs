//! Decides when a failed request may be sent again: exponential back-off with full jitter, within a
//! budget.

use std::time::Duration;

/// Limits on the retries of one call. Each attempt is signed anew, so the budget may exceed the
/// lifetime of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    /// Maximum number of requests for one call, including the first.
    pub attempts: u32,
    /// No wait starts that would end later than this after the first attempt started. Waits for the
    /// rate limiter are not included.
    pub total: Duration,
    /// Upper bound of the first wait. It doubles with each further one.
    pub base: Duration,
    /// Upper bound of every wait.
    pub cap: Duration,
}

// === impl RetryBudget ===

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            attempts: 5,
            total: Duration::from_secs(60),
            base: Duration::from_millis(250),
            cap: Duration::from_secs(10),
        }
    }
}

impl RetryBudget {
    /// Returns how long to wait after `made` attempts (at least 1), `elapsed` after the first one
    /// started; `None` if the budget is exhausted. `unit` is a random number in `[0, 1)`.
    ///
    /// The wait is drawn from the whole range below its bound ("full jitter"), so that clients that
    /// failed together do not retry together.
    pub fn next_wait(&self, made: u32, elapsed: Duration, unit: f64) -> Option<Duration> {
        if made >= self.attempts {
            return None;
        }
        let wait = self.ceiling(made).mul_f64(unit.clamp(0.0, 1.0));
        (elapsed.checked_add(wait)? <= self.total).then_some(wait)
    }

    fn ceiling(&self, made: u32) -> Duration {
        let doublings = made.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let budget = RetryBudget {
            attempts: 100,
            total: Duration::from_secs(3_600),
            base: MS(100),
            cap: MS(1_000),
        };
        let waits: Vec<_> = (1..=6)
            .map(|made| budget.next_wait(made, Duration::ZERO, 1.0).unwrap())
            .collect();
        assert_eq!(
            waits,
            [MS(100), MS(200), MS(400), MS(800), MS(1_000), MS(1_000)]
        );
        assert_eq!(budget.next_wait(3, Duration::ZERO, 0.25), Some(MS(100)));
    }

    #[test]
    fn attempts_and_time_both_end_it() {
        let budget = RetryBudget {
            attempts: 3,
            total: MS(1_000),
            base: MS(100),
            cap: MS(1_000),
        };
        assert!(budget.next_wait(2, Duration::ZERO, 0.5).is_some());
        assert_eq!(budget.next_wait(3, Duration::ZERO, 0.5), None);
        assert_eq!(budget.next_wait(1, MS(900), 1.0), Some(MS(100)));
        assert_eq!(budget.next_wait(1, MS(901), 1.0), None);
    }

    proptest! {
        #[test]
        fn never_beyond_the_budget(
            attempts in 0u32..10,
            base in 0u64..10_000,
            cap in 0u64..100_000,
            total in 0u64..1_000_000,
            made in 1u32..u32::MAX,
            elapsed in 0u64..2_000_000,
            unit in 0.0f64..1.0,
        ) {
            let budget = RetryBudget { attempts, total: MS(total), base: MS(base), cap: MS(cap) };
            if let Some(wait) = budget.next_wait(made, MS(elapsed), unit) {
                prop_assert!(made < attempts);
                prop_assert!(wait <= MS(cap));
                prop_assert!(MS(elapsed) + wait <= MS(total));
            }
        }
    }
}
