//! Temporary credentials that are renewed on demand, when a caller finds them due.

use std::fmt;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tracing::{debug, warn};

use super::temporary::{Fetch, Temporary};
use super::{CredentialError, CredentialProvider, Credentials};
use crate::Timestamp;
use crate::runtime::Runtime;
use crate::transport::BoxFuture;

/// Minimum time between two attempts, so that a failing issuer is not flooded.
const PAUSE: Duration = Duration::from_secs(10);

/// Minimum time between two renewals after a refusal. If permissions are missing, new credentials
/// are refused just like the old ones.
const FORCED_PAUSE: Duration = Duration::from_secs(60);

/// Time limit for one renewal.
const LIMIT: Duration = Duration::from_secs(20);

/// Provides the credentials of `F` until they expire. One caller at a time renews them. The others
/// use the old ones while those are valid, and wait once they are not.
pub(super) struct Refreshing<F> {
    source: F,
    runtime: Runtime,
    state: Mutex<State>,
    /// Held by the caller that renews.
    gate: tokio::sync::Mutex<()>,
}

/// What is known of the credentials. Pure: the time is an argument.
#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    last_try: Option<Try>,
    last_forced: Option<Timestamp>,
}

#[derive(Debug)]
struct Held {
    credentials: Credentials,
    /// They should be renewed from this time on.
    due: Timestamp,
    /// They must not be used from this time on.
    expires: Timestamp,
    /// Set if a forced renewal returned the same credentials.
    refused: bool,
}

#[derive(Debug)]
struct Try {
    at: Timestamp,
    error: Option<CredentialError>,
}

/// What a caller has to do.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Use these credentials.
    Good(Credentials),
    /// Use these credentials, but renew them.
    Due(Credentials),
    /// Renew: there are no valid ones.
    Missing,
    /// Fail: there are no valid ones, and the last attempt was too recent.
    Failing(CredentialError),
}

// === impl Refreshing ===

impl<F: Fetch> Refreshing<F> {
    /// Creates a provider. Nothing is fetched before the first caller needs credentials.
    pub fn new(source: F, runtime: Runtime) -> Self {
        Self {
            source,
            runtime,
            state: Mutex::default(),
            gate: tokio::sync::Mutex::new(()),
        }
    }

    async fn get(&self) -> Result<Credentials, CredentialError> {
        let gate = match self.verdict() {
            Verdict::Good(good) => return Ok(good),
            Verdict::Failing(error) => return Err(error),
            Verdict::Due(valid) => match self.gate.try_lock() {
                Ok(gate) => gate,
                Err(_) => return Ok(valid),
            },
            Verdict::Missing => self.gate.lock().await,
        };
        // Another caller may have renewed them while this one waited.
        if let Some(known) = self.verdict().result() {
            return known;
        }
        self.renew().await;
        drop(gate);
        // After a failure, old credentials are used as long as they are valid.
        let stale = || Err(self.stale());
        self.verdict().result().unwrap_or_else(stale)
    }

    /// Handles a refusal of `refused`. Returns whether other credentials are available now.
    async fn replace(&self, refused: &Credentials) -> bool {
        let _gate = self.gate.lock().await;
        if self.lock().has_other_than(refused) {
            return true;
        }
        if !self.lock().may_force(self.runtime.now()) {
            return false;
        }
        self.renew().await;
        let mut state = self.lock();
        state.note_forced(refused, self.runtime.now());
        state.has_other_than(refused)
    }

    /// Attempts one renewal. The caller must hold the gate.
    async fn renew(&self) {
        let fetched = tokio::time::timeout(LIMIT, self.source.fetch()).await;
        let fetched = fetched.unwrap_or_else(|_| {
            Err(CredentialError::Slow {
                place: self.source.place(),
                limit: LIMIT,
            })
        });
        let now = self.runtime.now();
        let outcome = fetched.and_then(|new| self.accept(new, now));
        match &outcome {
            Ok(held) => {
                debug!(from = self.source.place(), until = %held.expires, "credentials renewed");
            }
            Err(error) => warn!(%error, "cannot renew the credentials"),
        }
        self.lock().note(outcome, now);
    }

    /// Accepts new credentials. Ones that appear to be expired are refused only if the clock is
    /// confirmed; otherwise they are used, so that a response can correct the clock.
    fn accept(&self, new: Temporary, now: Timestamp) -> Result<Held, CredentialError> {
        if new.expires <= now && self.runtime.clock.is_vouched() {
            return Err(self.stale());
        }
        let early = self.source.early(new.expires.since(now));
        Ok(Held {
            credentials: new.credentials,
            due: new.expires - early,
            expires: new.expires,
            refused: false,
        })
    }

    fn stale(&self) -> CredentialError {
        CredentialError::Stale {
            place: self.source.place(),
        }
    }

    fn verdict(&self) -> Verdict {
        let now = self.runtime.now();
        let is_vouched = self.runtime.clock.is_vouched();
        self.lock().verdict(now, is_vouched)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl<F: Fetch> CredentialProvider for Refreshing<F> {
    fn current(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(self.get())
    }

    fn refused<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, bool> {
        Box::pin(self.replace(credentials))
    }
}

impl<F: Fetch> fmt::Debug for Refreshing<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refreshing")
            .field("from", &self.source.place())
            .field("state", &*self.lock())
            .finish_non_exhaustive()
    }
}

// === impl State ===

impl State {
    fn verdict(&self, now: Timestamp, is_vouched: bool) -> Verdict {
        let resting = self.last_try.as_ref();
        let resting = resting.filter(|last| within(PAUSE, last.at, now));
        match &self.held {
            Some(held) if now < held.expires || !is_vouched => {
                let credentials = held.credentials.clone();
                if now < held.due || resting.is_some() {
                    Verdict::Good(credentials)
                } else {
                    Verdict::Due(credentials)
                }
            }
            _ => match resting.and_then(|last| last.error.clone()) {
                Some(error) => Verdict::Failing(error),
                None => Verdict::Missing,
            },
        }
    }

    /// Records an attempt. A failure does not discard the credentials.
    fn note(&mut self, outcome: Result<Held, CredentialError>, at: Timestamp) {
        let error = match outcome {
            Ok(held) => {
                self.held = Some(held);
                None
            }
            Err(error) => Some(error),
        };
        self.last_try = Some(Try { at, error });
    }

    fn has_other_than(&self, refused: &Credentials) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.credentials != *refused)
    }

    /// Returns whether a renewal may be forced now: once for each set of credentials, not at every
    /// refused call.
    fn may_force(&self, now: Timestamp) -> bool {
        let known = self.held.as_ref().is_some_and(|held| held.refused);
        let lately = self.last_forced;
        !known && !lately.is_some_and(|at| within(FORCED_PAUSE, at, now))
    }

    fn note_forced(&mut self, refused: &Credentials, at: Timestamp) {
        self.last_forced = Some(at);
        let failed = self
            .last_try
            .as_ref()
            .is_some_and(|last| last.error.is_some());
        if let Some(held) = &mut self.held
            && held.credentials == *refused
        {
            held.refused = !failed;
        }
    }
}

// === impl Verdict ===

impl Verdict {
    /// Returns the caller's result, or `None` if a renewal is necessary.
    fn result(self) -> Option<Result<Credentials, CredentialError>> {
        match self {
            Self::Good(credentials) => Some(Ok(credentials)),
            Self::Failing(error) => Some(Err(error)),
            Self::Due(_) | Self::Missing => None,
        }
    }
}

/// Returns whether less than `span` has passed since `at`. A clock that was set back does not
/// prolong the wait.
fn within(span: Duration, at: Timestamp, now: Timestamp) -> bool {
    at <= now && now < at + span
}

#[cfg(test)]
mod tests;
