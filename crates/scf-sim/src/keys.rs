//! The keys of the cloud: permanent ones from its settings, and temporary ones that it issues.

use std::collections::HashMap;
use std::ops::Range;

use super::problem::Problem;
use super::rng::{Rng, mix};
use super::settings::{Settings, TemporaryKey};

/// All keys by their id.
pub(crate) struct Keyring {
    keys: HashMap<String, Key>,
    seed: u64,
    /// Number of keys created so far, which numbers the next one.
    made: u64,
}

/// One key.
pub(crate) struct Key {
    /// Unique number of the key.
    pub(crate) serial: u64,
    pub(crate) secret_key: String,
    /// When the key exists, by the API's clock.
    known_ms: Range<i64>,
    /// The required token, and the time by the API's clock at which it expires.
    temporary: Option<(String, i64)>,
}

/// Beyond this many keys the expired ones are evicted.
const MAX_KEYS: usize = 10_000;
const ISSUE_KEY: u64 = 0x155_0000_0000_0000;

// === impl Keyring ===

impl Keyring {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut ring = Self {
            keys: HashMap::new(),
            seed: settings.seed,
            made: 0,
        };
        ring.add_permanent(settings);
        for key in &settings.temporary_keys {
            ring.add_temporary(key);
        }
        ring
    }

    /// Returns the key with this id, if it exists at `clock_ms`.
    pub(crate) fn get(&self, secret_id: &str, clock_ms: i64) -> Option<&Key> {
        let key = self.keys.get(secret_id)?;
        key.known_ms.contains(&clock_ms).then_some(key)
    }

    /// Adds the permanent keys. Each one exists until the next one replaces it.
    fn add_permanent(&mut self, settings: &Settings) {
        let skew_ms = settings.faults.clock_skew_ms;
        let mut known_from = i64::MIN;
        let (mut id, mut key) = (&settings.secret_id, &settings.secret_key);
        for rotation in &settings.rotations {
            // Keys follow the API's own clock.
            let at_ms = rotation.at_ms.saturating_add(skew_ms);
            self.add(id, key, None, known_from..at_ms);
            known_from = at_ms;
            (id, key) = (&rotation.secret_id, &rotation.secret_key);
        }
        self.add(id, key, None, known_from..i64::MAX);
    }

    /// Issues a key that is valid for `lifetime_s` seconds from `clock_ms` on. It depends on the
    /// seed and on the number of keys before it.
    pub(crate) fn issue(&mut self, lifetime_s: u64, clock_ms: i64) -> TemporaryKey {
        let mut rng = Rng::keyed(mix(self.seed, ISSUE_KEY), self.made);
        let mut hex = || format!("{:016x}", rng.next_u64());
        let lifetime_ms = i64::try_from(lifetime_s.saturating_mul(1_000)).unwrap_or(i64::MAX);
        let key = TemporaryKey {
            secret_id: format!("AKIDtmp{}", hex()),
            secret_key: format!("{}{}", hex(), hex()),
            // The vendor's tokens are long base64 texts; these contain all characters that need
            // escapes.
            token: format!("{}+{}/{}{}==", hex(), hex(), hex(), hex()),
            expires_ms: clock_ms.saturating_add(lifetime_ms),
        };
        if self.keys.len() >= MAX_KEYS {
            self.keys.retain(|_, key| !key.has_ended(clock_ms));
        }
        self.add_temporary(&key);
        key
    }

    fn add_temporary(&mut self, key: &TemporaryKey) {
        let temporary = Some((key.token.clone(), key.expires_ms));
        let always = i64::MIN..i64::MAX;
        self.add(&key.secret_id, &key.secret_key, temporary, always);
    }

    fn add(
        &mut self,
        secret_id: &str,
        secret_key: &str,
        temporary: Option<(String, i64)>,
        known_ms: Range<i64>,
    ) {
        let key = Key {
            known_ms,
            serial: self.made,
            secret_key: secret_key.to_owned(),
            temporary,
        };
        self.made += 1;
        // If two keys have the same id, the first one is kept: the permanent one.
        self.keys.entry(secret_id.to_owned()).or_insert(key);
    }
}

// === impl Key ===

impl Key {
    /// Checks the token `given` at `clock_ms`. A permanent key needs none and ignores any.
    pub(crate) fn check_token(&self, given: Option<&str>, clock_ms: i64) -> Result<(), Problem> {
        let text = match &self.temporary {
            Some((token, _)) if given != Some(token) => "the temporary key needs its token",
            _ if self.has_ended(clock_ms) => "the token has expired",
            _ => return Ok(()),
        };
        Err(Problem::new("AuthFailure.TokenFailure", text))
    }

    fn has_ended(&self, clock_ms: i64) -> bool {
        self.temporary
            .as_ref()
            .is_some_and(|(_, expires_ms)| clock_ms >= *expires_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Rotation;

    #[test]
    fn keys_are_valid_for_their_lifetime() {
        let mut ring = Keyring::new(&Settings::new(3));
        let key = ring.issue(60, 1_000);
        assert_eq!(key.expires_ms, 61_000);
        let held = ring.get(&key.secret_id, 1_000).unwrap();
        let (wrong, expired) = ("the temporary key needs its token", "the token has expired");
        for (token, clock_ms, text) in [
            (Some(key.token.as_str()), 60_999, ""),
            (Some(key.token.as_str()), 61_000, expired),
            (None, 2_000, wrong),
            (Some("x"), 2_000, wrong),
        ] {
            let checked = held.check_token(token, clock_ms);
            assert_eq!(checked.err().map_or(String::new(), |p| p.message), text);
        }
    }

    #[test]
    fn a_key_is_known_until_the_next_one_takes_its_place() {
        let mut settings = Settings::new(3);
        settings.faults.clock_skew_ms = 500;
        for (at_ms, name) in [(1_000, "second"), (3_000, "third")] {
            settings.rotations.push(Rotation {
                at_ms,
                secret_id: name.to_owned(),
                secret_key: "hush".to_owned(),
            });
        }
        let ring = Keyring::new(&settings);
        let ids = [settings.secret_id.as_str(), "second", "third"];
        for (clock_ms, known) in [
            (1_499, [true, false, false]),
            (1_500, [false, true, false]),
            (3_499, [false, true, false]),
            (3_500, [false, false, true]),
        ] {
            assert_eq!(ids.map(|id| ring.get(id, clock_ms).is_some()), known);
        }
    }

    #[test]
    fn a_seed_issues_the_same_keys_each_time_and_each_only_once() {
        let [mut one, mut two] = [3, 3].map(|seed| Keyring::new(&Settings::new(seed)));
        let (a, b) = (one.issue(60, 0), one.issue(60, 0));
        assert_ne!((&a.secret_id, &a.token), (&b.secret_id, &b.token));
        assert_eq!(two.issue(60, 0).token, a.token);
    }

    #[test]
    fn expired_keys_are_evicted() {
        let settings = Settings::new(3);
        let mut ring = Keyring::new(&settings);
        for second in 0..30_000 {
            ring.issue(60, second * 1_000);
        }
        assert!(ring.keys.len() <= MAX_KEYS);
        assert!(ring.get(&settings.secret_id, 0).is_some());
    }
}
