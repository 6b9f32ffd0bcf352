//! Seeded random numbers of the simulated world (SplitMix64).
//!
//! Every call has a generator with its own key, so that its outcome depends only on the seed and
//! never on the order of requests.

/// A seeded stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// Mixes two numbers into one. Keyed streams and shuffles use it as a hash.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    finish(a.wrapping_add(finish(b.wrapping_add(GOLDEN))))
}

fn finish(state: u64) -> u64 {
    let mut z = state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Returns a version 4 UUID made from `key`.
pub(crate) fn uuid_v4(key: u64) -> u128 {
    let bits = u128::from(mix(key, 0xA)) << 64 | u128::from(mix(key, 0xB));
    bits & !(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62
}

/// Returns a UUID in its usual format.
pub(crate) fn uuid_text(id: u128) -> String {
    let hex = format!("{id:032x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

// === impl Rng ===

impl Rng {
    /// Returns the stream of `key` in the world of `seed`.
    pub(crate) fn keyed(seed: u64, key: u64) -> Self {
        Self(mix(seed, key))
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        finish(self.0)
    }

    /// Returns a number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns `true` with probability `p`. Always draws one number.
    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Returns an integer in `[0, n)`, or 0 if `n` is 0. The bias is below 2^-32 for the small `n`
    /// here.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next_u64().checked_rem(n).unwrap_or(0)
    }

    /// Returns an integer in `[low, high]`.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Returns one of `choices`, which must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// Returns the gap to the next event of a Poisson process with this mean gap.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// Returns a log-normal number around `median`.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        median * (sigma * normal).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_published_splitmix64_stream() {
        // The first outputs of SplitMix64 from state 1234567, as published with its reference code.
        let mut rng = Rng(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn keeps_its_ranges() {
        let mut rng = Rng::keyed(1, 2);
        for _ in 0..10_000 {
            assert!((0.0..1.0).contains(&rng.unit()));
            assert!((3..=7).contains(&rng.between(3, 7)));
            assert!(rng.exponential(2.0) >= 0.0);
            assert!(rng.log_normal(5.0, 1.0) > 0.0);
        }
        assert_eq!(rng.below(0), 0);
    }

    #[test]
    fn has_about_the_right_means() {
        let mut rng = Rng::keyed(9, 9);
        let n = 100_000;
        let mean = (0..n).map(|_| rng.exponential(4.0)).sum::<f64>() / f64::from(n);
        assert!((mean - 4.0).abs() < 0.1, "{mean}");
        let above = (0..n).filter(|_| rng.log_normal(7.0, 0.8) > 7.0).count();
        assert!((49_000..51_000).contains(&above), "{above}");
    }
}
