//! Authentication and rate limits of requests.

use std::collections::{BTreeSet, HashMap};

use super::keys::Keyring;
use super::problem::Problem;
use super::sign::Signed;

/// Checks key, timestamp and nonce of v2 requests.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Timestamp, key and nonce of admitted requests, kept while their timestamp is valid. The
    /// timestamp is included because some clients draw nonces below 65,536 only, which soon repeat.
    used: BTreeSet<(i64, u64, u64)>,
}

/// A token bucket for each key and action.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_second: Option<f64>,
    /// Remaining tokens, and the time at which they were counted.
    buckets: HashMap<(u64, String), (f64, i64)>,
}

/// How far a timestamp may differ from the API's clock, in seconds. The vendor's pages say two hours
/// (older) or five minutes (newer).
const SKEW_S: i64 = 7_200;
/// Beyond this many nonces the oldest are evicted.
const MAX_USED: usize = 1_000_000;
/// Beyond this many buckets the full ones are evicted.
const MAX_BUCKETS: usize = 10_000;

// === impl Gate ===

impl Gate {
    /// Admits a request by the API's own clock; returns the serial number of its key.
    pub(crate) fn admit(
        &mut self,
        keys: &Keyring,
        request: &Signed<'_>,
        clock_ms: i64,
    ) -> Result<u64, Problem> {
        let params = request.params;
        let required = |name| params.get(name).ok_or_else(|| Problem::missing(name));
        let secret_id = required("SecretId")?;
        let timestamp: i64 = parsed("Timestamp", required("Timestamp")?)?;
        let nonce: u64 = parsed("Nonce", required("Nonce")?)?;
        required("Signature")?;
        let key = keys
            .get(secret_id, clock_ms)
            .ok_or_else(Problem::unknown_id)?;
        if !request.is_valid(&key.secret_key) {
            return Err(Problem::bad_signature());
        }
        key.check_token(params.get("Token"), clock_ms)?;
        self.check_novelty(timestamp, key.serial, nonce, clock_ms.div_euclid(1_000))?;
        Ok(key.serial)
    }

    fn check_novelty(
        &mut self,
        timestamp: i64,
        key: u64,
        nonce: u64,
        clock_s: i64,
    ) -> Result<(), Problem> {
        let oldest = clock_s.saturating_sub(SKEW_S);
        if timestamp < oldest || timestamp > clock_s.saturating_add(SKEW_S) {
            return Err(Problem::new("ReplayAttack", "the timestamp is too far off"));
        }
        self.used = self.used.split_off(&(oldest, 0, 0));
        if !self.used.insert((timestamp, key, nonce)) {
            return Err(Problem::new("ReplayAttack", "the nonce was used before"));
        }
        if self.used.len() > MAX_USED {
            self.used.pop_first();
        }
        Ok(())
    }
}

fn parsed<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::invalid(name))
}

// === impl Limiter ===

impl Limiter {
    pub(crate) fn new(per_second: Option<f64>) -> Self {
        Self {
            per_second,
            buckets: HashMap::new(),
        }
    }

    /// Takes a token from the bucket of `key` and `action`, which holds those of one second.
    /// Returns `false` if it is empty.
    pub(crate) fn take(&mut self, key: u64, action: &str, now_ms: i64) -> bool {
        let Some(rate) = self.per_second else {
            return true;
        };
        let size = rate.max(1.0);
        if self.buckets.len() >= MAX_BUCKETS {
            let refill_ms = (size / rate * 1_000.0) as i64;
            self.buckets
                .retain(|_, (_, counted_ms)| now_ms.saturating_sub(*counted_ms) < refill_ms);
        }
        let bucket = self.buckets.entry((key, action.to_owned()));
        let (left, counted_ms) = bucket.or_insert((size, now_ms));
        let passed_ms = now_ms.saturating_sub(*counted_ms).max(0);
        *left = size.min(*left + passed_ms as f64 / 1_000.0 * rate);
        *counted_ms = now_ms;
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_evicted_with_their_timestamp() {
        let mut gate = Gate::default();
        for nonce in 0..100 {
            gate.check_novelty(10_000, 0, nonce, 10_000).unwrap();
        }
        let mut code = |timestamp, key, clock_s| {
            let checked = gate.check_novelty(timestamp, key, 5, clock_s);
            (
                checked.map_or_else(|problem| problem.code, |()| ""),
                gate.used.len(),
            )
        };
        assert_eq!(code(10_000, 0, 10_000), ("ReplayAttack", 100));
        assert_eq!(code(10_000, 1, 10_000), ("", 101));
        assert_eq!(code(10_001, 0, 10_000), ("", 102));
        assert_eq!(code(17_201, 0, 17_201), ("", 2));
        assert_eq!(code(10_000, 0, 17_201), ("ReplayAttack", 2));
        assert_eq!(code(24_402, 0, 17_201), ("ReplayAttack", 2));
    }

    #[test]
    fn buckets_refill_with_time() {
        let mut limiter = Limiter::new(Some(2.0));
        let mut taken = |now_ms| limiter.take(0, "A", now_ms);
        assert_eq!(
            [0, 0, 0, 499, 500, 500].map(&mut taken),
            [true, true, false, false, true, false]
        );
        assert!(limiter.take(0, "B", 500) && limiter.take(1, "A", 500));
    }
}
