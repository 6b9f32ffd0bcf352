//! Temporary credentials kept fresh, lazily: whoever asks for them when they are due renews them.

use std::fmt;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tracing::{debug, warn};

use super::temporary::{Fetch, Temporary};
use super::{CredentialError, CredentialProvider, Credentials};
use crate::Timestamp;
use crate::runtime::Runtime;
use crate::transport::BoxFuture;

/// Time between two tries, so that an issuer in trouble is not hammered.
const PAUSE: Duration = Duration::from_secs(10);

/// Time between two renewals that the cloud's refusal forces. Where rights are missing, new
/// credentials are refused as the old ones were.
const FORCED_PAUSE: Duration = Duration::from_secs(60);

/// Time for one renewal, whatever it takes to make it.
const LIMIT: Duration = Duration::from_secs(20);

/// Hands out the credentials of `F`, never beyond their end. One caller at a time renews them;
/// the others go on with the old ones while those are valid, and wait once they are not.
pub(super) struct Refreshing<F> {
    source: F,
    runtime: Runtime,
    state: Mutex<State>,
    /// Held by the caller that renews.
    gate: tokio::sync::Mutex<()>,
}

/// What is known. Decides with the time as an input.
#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    last_try: Option<Try>,
    last_forced: Option<Timestamp>,
}

#[derive(Debug)]
struct Held {
    credentials: Credentials,
    /// From here on they are to be renewed.
    due: Timestamp,
    /// From here on they must not be used.
    expires: Timestamp,
    /// Whether a forced renewal gave back the same.
    refused: bool,
}

#[derive(Debug)]
struct Try {
    at: Timestamp,
    error: Option<CredentialError>,
}

/// What to do for a caller.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Use these.
    Good(Credentials),
    /// These are valid but to be renewed.
    Due(Credentials),
    /// Nothing valid: renew.
    Missing,
    /// Nothing valid, and the last try was a moment ago.
    Failing(CredentialError),
}

// === impl Refreshing ===

impl<F: Fetch> Refreshing<F> {
    /// Nothing is fetched before the first caller asks.
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
        // Another caller may have been quicker.
        if let Some(known) = self.verdict().settled() {
            return known;
        }
        self.renew().await;
        drop(gate);
        // An old one that is still valid outlives a failure.
        let stale = || Err(self.stale());
        self.verdict().settled().unwrap_or_else(stale)
    }

    /// The cloud refused `refused`; whether there are others now.
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

    /// One try. To be called with the gate held.
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

    /// What was handed out just now has not expired, unless the clock is right about it: as long as
    /// nobody vouches for that, it is used, so that an answer can tell the time.
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

    /// A failure leaves what is held.
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

    /// Once for each credentials, and not at every call that is refused.
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
    /// The caller's answer, where there is one without renewing.
    fn settled(self) -> Option<Result<Credentials, CredentialError>> {
        match self {
            Self::Good(credentials) => Some(Ok(credentials)),
            Self::Failing(error) => Some(Err(error)),
            Self::Due(_) | Self::Missing => None,
        }
    }
}

/// Whether less than `span` has gone by since `at`. A clock set back does not prolong it.
fn within(span: Duration, at: Timestamp, now: Timestamp) -> bool {
    at <= now && now < at + span
}

#[cfg(test)]
mod tests;
