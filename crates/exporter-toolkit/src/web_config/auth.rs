//! Basic authentication with bcrypt.
//!
//! The time that a refusal takes reveals nothing: a wrong password always costs as much as the most
//! expensive hash in the file, whether the user exists or not. Passwords are verified one at a time
//! on a blocking thread, so that guessing does not delay users that were admitted before. Those are
//! remembered by a digest whose key exists only in this process.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::{AUTHORIZATION, HeaderMap};
use parking_lot::Mutex;
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_rustls::rustls::crypto::ring;
use zeroize::Zeroizing;

use crate::web_file::WebUser;

/// Maximum number of remembered users with passwords.
const REMEMBERED: usize = 100;
/// A salt for computations whose result is discarded.
const NO_SALT: [u8; 16] = [0; 16];

/// The users that may log in.
#[derive(Debug, Default)]
pub(super) struct Users {
    known: BTreeMap<String, WebUser>,
    /// The highest cost of all hashes.
    cost: u32,
}

/// User name and password from a request.
struct BasicCredentials {
    name: Vec<u8>,
    password: Zeroizing<Vec<u8>>,
}

/// Verifies passwords and remembers successful logins, independently of reloads.
pub(crate) struct Checker {
    turn: Semaphore,
    key: Zeroizing<[u8; 32]>,
    good: Mutex<VecDeque<[u8; 32]>>,
}

// === impl Users ===

impl Users {
    pub(super) fn new(users: &[WebUser]) -> Self {
        let known = users.iter().map(|user| (user.name.clone(), user.clone()));
        Self {
            known: known.collect(),
            cost: users.iter().map(|user| user.cost).max().unwrap_or(0),
        }
    }

    /// Returns whether the sender of these headers is admitted.
    pub(super) async fn authenticate(&self, headers: &HeaderMap, checker: &Arc<Checker>) -> bool {
        if self.known.is_empty() {
            return true;
        }
        let Some(given) = headers.get(AUTHORIZATION) else {
            return false;
        };
        let Some(given) = BasicCredentials::read(given.as_bytes()) else {
            return false;
        };
        let name = std::str::from_utf8(&given.name).ok();
        let user = name.and_then(|name| self.known.get(name)).cloned();
        let digest = user.as_ref().map(|user| checker.digest(&given, user));
        if digest.is_some_and(|digest| checker.remembers(&digest)) {
            return true;
        }
        let Ok(_turn) = checker.turn.acquire().await else {
            return false;
        };
        let most = self.cost;
        let tried = spawn_blocking(move || try_password(&given.password, user.as_ref(), most));
        let right = tried.await.unwrap_or(false);
        if let (true, Some(digest)) = (right, digest) {
            checker.remember(digest);
        }
        right
    }
}

/// Verifies a password. A refusal takes as long as a hash of cost `most`.
fn try_password(password: &[u8], user: Option<&WebUser>, most: u32) -> bool {
    let right = user.is_some_and(|user| {
        let verified = bcrypt::verify(password, user.hash.expose());
        verified.unwrap_or(false)
    });
    if !right {
        let costs = remaining_costs(user.map(|user| user.cost), most);
        costs.for_each(|cost| hash_and_discard(password, cost));
    }
    right
}

/// Returns the costs of the hashes that a refusal still has to compute; each one takes twice as
/// long as the one before.
fn remaining_costs(own: Option<u32>, most: u32) -> Range<u32> {
    own.map_or(most..most + 1, |own| own..most)
}

/// Computes a hash of this cost and discards it.
fn hash_and_discard(password: &[u8], cost: u32) {
    let made = bcrypt::hash_with_salt_bytes(password, cost, NO_SALT);
    std::hint::black_box(made.is_ok());
}

// === impl BasicCredentials ===

impl BasicCredentials {
    /// Parses the value of an `Authorization` header of the scheme `Basic`.
    fn read(header: &[u8]) -> Option<Self> {
        let (scheme, rest) = header.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let text = Zeroizing::new(STANDARD.decode(rest).ok()?);
        let colon = text.iter().position(|byte| *byte == b':')?;
        Some(Self {
            name: text[..colon].to_vec(),
            password: Zeroizing::new(text[colon + 1..].to_vec()),
        })
    }
}

// === impl Checker ===

impl Checker {
    /// Returns a keyed digest of user name, hash and password, so that memory does not reveal the
    /// password.
    fn digest(&self, given: &BasicCredentials, user: &WebUser) -> [u8; 32] {
        let mut mac = match Hmac::<Sha256>::new_from_slice(&*self.key) {
            Ok(mac) => mac,
            Err(_) => unreachable!("HMAC takes keys of any length"),
        };
        for part in [&given.name, user.hash.expose().as_bytes(), &given.password] {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn remembers(&self, digest: &[u8; 32]) -> bool {
        let good = self.good.lock();
        good.contains(digest)
    }

    fn remember(&self, digest: [u8; 32]) {
        let mut good = self.good.lock();
        if good.contains(&digest) {
            return;
        }
        if good.len() == REMEMBERED {
            good.pop_front();
        }
        good.push_back(digest);
    }
}

impl Default for Checker {
    fn default() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        let random = ring::default_provider().secure_random;
        if random.fill(&mut *key).is_err() {
            // The system always has random numbers; without them TLS would not work either.
            unreachable!("no random numbers");
        }
        Self {
            turn: Semaphore::new(1),
            key,
            good: Mutex::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;
    use crate::Secret;

    /// A hash of the password `open sesame`, made by libxcrypt.
    const SESAME: &str = "$2b$04$zrGsSO5oO1xZxhrtg6PhBeIxrWs/PSELqcdVUwiyQAmzPISf4EMfe";

    fn users(names: &[(&str, u32)]) -> Users {
        let user = |&(name, cost): &(&str, u32)| WebUser {
            name: name.to_owned(),
            hash: Secret::new(match cost {
                4 => SESAME.to_owned(),
                cost => bcrypt::hash("open sesame", cost).unwrap(),
            }),
            cost,
        };
        Users::new(&names.iter().map(user).collect::<Vec<_>>())
    }

    fn basic(text: &str) -> HeaderMap {
        let value = format!("Basic {}", STANDARD.encode(text));
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(&value).unwrap())])
    }

    #[tokio::test]
    async fn only_the_password_of_the_user_is_admitted() {
        let (users, checker) = (users(&[("ali", 4), ("baba", 5)]), Arc::default());
        for (text, opens) in [
            ("ali:open sesame", true),
            ("baba:open sesame", true),
            ("ali:open sesame ", false),
            ("ali:", false),
            ("ali", false),
            ("", false),
            (":open sesame", false),
            ("Ali:open sesame", false),
            ("carol:open sesame", false),
        ] {
            let admitted = users.authenticate(&basic(text), &checker).await;
            assert_eq!(admitted, opens, "{text}");
        }
        let nobody = HeaderMap::new();
        assert!(!users.authenticate(&nobody, &checker).await);
        assert!(Users::default().authenticate(&nobody, &checker).await);
    }

    #[tokio::test]
    async fn only_successful_logins_are_remembered_up_to_a_limit() {
        let checker = Arc::default();
        let old = users(&[("ali", 4)]);
        let right = "ali:open sesame";
        for text in [right, right, "ali:wrong", "x:open sesame"] {
            old.authenticate(&basic(text), &checker).await;
        }
        assert_eq!(checker.good.lock().len(), 1);
        // The user has a new hash, so the remembered login is no longer valid.
        let given = BasicCredentials::read(b"Basic YWxpOm9wZW4gc2VzYW1l").unwrap();
        let new = users(&[("ali", 5)]);
        assert!(checker.remembers(&checker.digest(&given, &old.known["ali"])));
        assert!(!checker.remembers(&checker.digest(&given, &new.known["ali"])));
        for number in 0..3 * REMEMBERED {
            checker.remember([number as u8; 32]);
            checker.remember([(number >> 8) as u8; 32]);
        }
        assert_eq!(checker.good.lock().len(), REMEMBERED);
    }

    #[test]
    fn every_refusal_costs_as_much_as_the_most_expensive_hash() {
        let rounds = |costs: Range<u32>| costs.map(|cost| 1_u64 << cost).sum::<u64>();
        for most in 4..=31 {
            assert_eq!(rounds(remaining_costs(None, most)), 1 << most, "nobody");
            for own in 4..=most {
                let all = (1 << own) + rounds(remaining_costs(Some(own), most));
                assert_eq!(all, 1 << most, "{own}");
            }
        }
    }

    #[test]
    fn only_the_basic_scheme_is_accepted() {
        let wrong = [
            "",
            "Basic",
            "Basic ",
            "Bearer YTpi",
            "Basic YTpi=",
            "Basic !",
            "Basic YWI=",
        ];
        for header in wrong {
            let read = BasicCredentials::read(header.as_bytes());
            assert!(read.is_none(), "{header}");
        }
        let given = BasicCredentials::read(b"bAsIc YTpiOmM=").unwrap();
        assert_eq!([&given.name[..], &given.password[..]], [&b"a"[..], b"b:c"]);
    }
}
