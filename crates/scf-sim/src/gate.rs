//! Authentication and rate limits of requests.

use std::collections::{BTreeSet, HashMap};

use super::keys::Keyring;
use super::refusal::Refusal;
use super::sign::Signed;

/// Checks key, timestamp and nonce of v2 requests.
#[derive(Debug)]
pub(crate) struct Gate {
    skew_s: i64,
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

/// Beyond this many nonces the oldest are forgotten.
const MAX_USED: usize = 1_000_000;
/// Beyond this many buckets the full ones are forgotten.
const MAX_BUCKETS: usize = 10_000;

// === impl Gate ===

impl Gate {
    pub(crate) fn new(skew_s: i64) -> Self {
        Self {
            skew_s,
            used: BTreeSet::new(),
        }
    }

    /// Admits a request by the API's own clock; returns the serial number of its key.
    pub(crate) fn admit(
        &mut self,
        keys: &Keyring,
        request: &Signed<'_>,
        clock_ms: i64,
    ) -> Result<u64, Refusal> {
        let required = |name| {
            request
                .params
                .get(name)
                .ok_or_else(|| Refusal::missing(name))
        };
        let secret_id = required("SecretId")?;
        let timestamp: i64 = parsed("Timestamp", required("Timestamp")?)?;
        let nonce: u64 = parsed("Nonce", required("Nonce")?)?;
        required("Signature")?;
        let key = keys
            .get(secret_id, clock_ms)
            .ok_or_else(Refusal::unknown_id)?;
        if !request.is_valid(&key.secret_key) {
            return Err(Refusal::bad_signature());
        }
        key.check_token(request.params.get("Token"), clock_ms)
            .map_err(|fault| Refusal::bad_token(&fault.to_string()))?;
        self.check_novelty(timestamp, key.serial, nonce, clock_ms.div_euclid(1_000))?;
        Ok(key.serial)
    }

    fn check_novelty(
        &mut self,
        timestamp: i64,
        key: u64,
        nonce: u64,
        clock_s: i64,
    ) -> Result<(), Refusal> {
        let oldest = clock_s.saturating_sub(self.skew_s);
        if timestamp < oldest || timestamp > clock_s.saturating_add(self.skew_s) {
            return Err(Refusal::replay("timestamp is too far off"));
        }
        self.used = self.used.split_off(&(oldest, 0, 0));
        if !self.used.insert((timestamp, key, nonce)) {
            return Err(Refusal::replay("nonce was used before"));
        }
        if self.used.len() > MAX_USED {
            self.used.pop_first();
        }
        Ok(())
    }
}

fn parsed<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::invalid(name))
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
    fn nonces_are_forgotten_with_their_timestamp() {
        let mut gate = Gate::new(10);
        for nonce in 0..100 {
            gate.check_novelty(1_000, 0, nonce, 1_000).unwrap();
        }
        assert!(gate.check_novelty(1_000, 0, 5, 1_000).is_err());
        assert!(gate.check_novelty(1_000, 1, 5, 1_000).is_ok());
        assert!(gate.check_novelty(1_001, 0, 5, 1_000).is_ok());
        gate.check_novelty(1_011, 0, 5, 1_011).unwrap();
        assert_eq!(gate.used.len(), 2);
        assert_eq!(
            gate.check_novelty(1_000, 0, 5, 1_011).unwrap_err().code,
            4500
        );
        assert_eq!(
            gate.check_novelty(1_022, 0, 5, 1_011).unwrap_err().code,
            4500
        );
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
