//! Numbers that make each request unique.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::runtime::Random;

/// Generates positive numbers below 2^53, which JSON parsers keep exact. None repeats within 2^52
/// draws.
#[derive(Debug)]
pub(super) struct Nonces {
    start: u64,
    drawn: AtomicU64,
}

impl Nonces {
    const RANGE: u64 = 1 << 52;

    /// The step is odd, so that its multiples reach every number of the range before one repeats,
    /// and large, so that consecutive numbers look unrelated.
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
        // An odd step makes the period the whole range.
        assert_eq!(Nonces::STEP % 2, 1);
    }
}
