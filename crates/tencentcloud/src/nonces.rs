//! Numbers that make each request unlike any other.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::runtime::Random;

/// Positive numbers below 2^53 (which every JSON reader keeps exact), none of them twice within
/// 2^52 draws.
#[derive(Debug)]
pub(super) struct Nonces {
    start: u64,
    drawn: AtomicU64,
}

impl Nonces {
    const RANGE: u64 = 1 << 52;

    /// Odd, so that multiples of it pass through the whole range before one comes back; large, so
    /// that neighbours look unalike.
    const STEP: u64 = 0x0005_851F_42D4_C957;

    pub fn new(random: &Random) -> Self {
        Self {
            start: random.next_u64(),
            drawn: AtomicU64::new(0),
        }
    }

    pub fn next(&self) -> u64 {
        let n = self.drawn.fetch_add(1, Ordering::Relaxed);
        1 + self.start.wrapping_add(n.wrapping_mul(Self::STEP)) % Self::RANGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_positive_exact_in_json_and_never_twice() {
        let nonces = Nonces::new(&Random::seeded(1));
        let drawn: Vec<u64> = (0..100_000).map(|_| nonces.next()).collect();
        assert!(drawn.iter().all(|n| (1..=1 << 52).contains(n)));
        let distinct: std::collections::HashSet<_> = drawn.iter().collect();
        assert_eq!(distinct.len(), drawn.len());
        let other = Nonces::new(&Random::seeded(2));
        assert_ne!(other.next(), drawn[0]);
        // Odd, so the period is the whole range.
        assert_eq!(Nonces::STEP % 2, 1);
    }
}
