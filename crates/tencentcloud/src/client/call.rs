//! The life of one call: rate limit, signature, attempts, and what is learned from a refusal.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::CallObserver;
use crate::clock::Stamp;
use crate::codes::{self, ErrorClass};
use crate::config::ClientConfig;
use crate::credentials::{CredentialProvider, Credentials};
use crate::date::parse_retry_after;
use crate::envelope::Malformed;
use crate::error::{ApiError, AttemptError};
use crate::nonces::Nonces;
use crate::rate_limiter::RateLimiter;
use crate::request::Moment;
use crate::runtime::{Clock as _, Runtime};
use crate::text::lossy_readings;
use crate::transport::{HttpRequest, HttpResponse, Transport, TransportError};

/// State that all clones of a client share.
pub(super) struct Inner {
    pub(super) config: ClientConfig,
    pub(super) host: String,
    pub(super) rate_limiter: RateLimiter,
    pub(super) in_flight: Semaphore,
    pub(super) nonces: Nonces,
    pub(super) credentials: Arc<dyn CredentialProvider>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) runtime: Runtime,
    pub(super) observer: Arc<dyn CallObserver>,
}

/// How a call is authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// Signed with the credentials of the client's provider.
    Known,
    /// Not signed; the parameters prove who calls.
    Unsigned,
}

/// Progress of one call over its attempts.
#[derive(Default)]
struct Progress {
    sent: u32,
    first: Option<Instant>,
    renewed_credentials: bool,
    learned_time: bool,
    /// Number of body bytes received before the last response broke off.
    cut_after: Option<usize>,
    /// Why the last response could not be parsed.
    unreadable: Option<Malformed>,
    /// Time and clock offset with which the latest request was signed.
    stamp: Stamp,
}

// === impl Inner ===

impl Inner {
    /// Sends requests until one succeeds, fails for good, or exhausts the budget.
    pub(super) async fn call<T>(
        &self,
        action: &str,
        params: &Value,
        caller: Caller,
        read: impl Fn(&HttpResponse) -> Result<T, AttemptError> + Send + Sync,
    ) -> Result<T, ApiError> {
        let mut progress = Progress::default();
        loop {
            if !self.wait_for_rate_limit(action).await {
                return Err(AttemptError::Stopping.into_error(action, &self.host, progress.sent));
            }
            // The permit is held only while a request is in flight, not during waits. The semaphore
            // is never closed, so this cannot fail.
            let permit = self.in_flight.acquire().await.ok();
            let (credentials, outcome) = match self.credentials(caller).await {
                Ok(current) => {
                    let sent = self.attempt(action, params, current.as_ref(), &read, &mut progress);
                    let outcome = sent.await;
                    (current, outcome)
                }
                Err(error) => (None, Err(error)),
            };
            drop(permit);
            let error = match outcome {
                Ok(payload) => return Ok(payload),
                Err(error) => error,
            };
            let credentials = credentials.as_ref();
            let is_slow_page = is_timeout(&error) && is_page(params);
            if is_slow_page
                || !self
                    .should_retry(action, &error, credentials, &mut progress)
                    .await
            {
                return Err(error.into_error(action, &self.host, progress.sent));
            }
        }
    }

    async fn credentials(&self, caller: Caller) -> Result<Option<Credentials>, AttemptError> {
        match caller {
            Caller::Unsigned => Ok(None),
            Caller::Known => {
                let current = self.credentials.current().await;
                current.map(Some).map_err(AttemptError::Credentials)
            }
        }
    }

    /// Signs and sends one request and reads its response.
    async fn attempt<T>(
        &self,
        action: &str,
        params: &Value,
        credentials: Option<&Credentials>,
        read: &(impl Fn(&HttpResponse) -> Result<T, AttemptError> + Sync),
        progress: &mut Progress,
    ) -> Result<T, AttemptError> {
        progress.stamp = self.config.clock.stamp();
        let moment = Moment {
            unix_seconds: progress.stamp.time.as_secs(),
            nonce: self.nonces.next(),
        };
        let signed = self.config.sign(action, params, credentials, moment);
        let started = Instant::now();
        progress.sent += 1;
        progress.first.get_or_insert(started);
        let answer = self.send(signed.request).await;
        let took = started.elapsed();
        let outcome = match answer {
            Ok(response) => {
                self.apply_retry_after(action, &response);
                let result = read_leniently(&response, read);
                if result.is_ok() {
                    self.compare_clocks(&response, progress.stamp);
                }
                result.map_err(|error| match rows(params) {
                    Some(_) => progress.classify_unreadable(error, &response),
                    None => error,
                })
            }
            Err(error) => Err(progress.classify_transport(error)),
        };
        let label = match &outcome {
            Ok(_) => codes::SUCCESS,
            Err(error) => error.verdict().label,
        };
        let api = self.config.service.label();
        self.observer.attempt(api, action, label, took);
        outcome.map_err(|error| error.masked(|text| signed.redactor.mask(text)))
    }

    /// Sends a request and reads the whole response within the client's timeout.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let limit = self.config.request_timeout;
        let sent = tokio::time::timeout(limit, self.transport.send(request)).await;
        sent.unwrap_or_else(|_| {
            let host = self.host.clone();
            Err(TransportError::Timeout { host, limit })
        })
    }

    /// Follows the `Retry-After` header of an overloaded service: every caller of the action waits.
    fn apply_retry_after(&self, action: &str, response: &HttpResponse) {
        let header = response.header("retry-after");
        let Some(header) = header.filter(|_| matches!(response.status, 429 | 503)) else {
            return;
        };
        let now = self.config.clock.now().as_secs();
        if let Some(wait) = parse_retry_after(header, now) {
            self.rate_limiter
                .pause(action, wait.min(self.config.longest_wait));
        }
    }

    /// Decides whether to send the request again and, if so, waits for the back-off to pass.
    async fn should_retry(
        &self,
        action: &str,
        error: &AttemptError,
        credentials: Option<&Credentials>,
        progress: &mut Progress,
    ) -> bool {
        let class = error.verdict().class;
        match (class, credentials) {
            (ErrorClass::Throttled, _) => self.rate_limiter.penalise(action),
            (ErrorClass::Authentication, Some(refused)) => {
                return self.can_sign_differently(error, refused, progress).await;
            }
            _ => {}
        }
        if !class.is_retryable() {
            return false;
        }
        let elapsed = progress.first.map_or(Duration::ZERO, |at| at.elapsed());
        let unit = self.runtime.random.unit();
        let Some(wait) = self.config.retry.next_wait(progress.sent, elapsed, unit) else {
            return false;
        };
        self.runtime.until_stopped(sleep(wait)).await.is_some()
    }

    /// Returns whether a request that was refused for its credentials or its timestamp would now be
    /// signed differently. Each of the two reasons is accepted once per call.
    async fn can_sign_differently(
        &self,
        error: &AttemptError,
        refused: &Credentials,
        progress: &mut Progress,
    ) -> bool {
        if self.learn_time(error, progress) {
            return true;
        }
        let first = !std::mem::replace(&mut progress.renewed_credentials, true);
        first && self.credentials.refused(refused).await
    }

    /// Compares the clocks after every success: an offset that is too small to invalidate
    /// signatures still affects watermarks.
    fn compare_clocks(&self, response: &HttpResponse, sent: Stamp) {
        let allowed = self.config.service.clock_allowance();
        self.config
            .clock
            .answered(response.header("date"), sent, allowed);
        self.report_offset();
    }

    fn learn_time(&self, error: &AttemptError, progress: &mut Progress) -> bool {
        let refusal = match error {
            AttemptError::Api(refusal) if refusal.is_of_time() => refusal,
            _ => return false,
        };
        if std::mem::replace(&mut progress.learned_time, true) {
            return false;
        }
        let learned = self
            .config
            .clock
            .refused(refusal.date.as_deref(), progress.stamp);
        self.report_offset();
        learned
    }

    fn report_offset(&self) {
        if let Some(offset) = self.config.clock.changed_offset() {
            let api = self.config.service.label();
            self.observer.clock_offset(api, offset);
        }
    }

    /// Waits until the rate limiter admits a request. Returns `false` if the process stops first.
    async fn wait_for_rate_limit(&self, action: &str) -> bool {
        let turn = self.rate_limiter.acquire(action);
        self.runtime.until_stopped(turn).await.is_some()
    }
}

// === impl Progress ===

impl Progress {
    /// Classifies a failed exchange by comparing it with the one before. A response that breaks off
    /// twice after the same number of bytes is not cut by chance; one without any bytes proves
    /// nothing.
    fn classify_transport(&mut self, error: TransportError) -> AttemptError {
        let TransportError::CutBody { received, .. } = error else {
            self.cut_after = None;
            return AttemptError::Transport(error);
        };
        match self.cut_after.replace(received) {
            Some(before) if before == received && received > 0 => AttemptError::CutAgain(error),
            _ => AttemptError::Transport(error),
        }
    }

    /// Classifies a body that cannot be parsed by comparing it with the one before. Only a body
    /// that begins like a response of the API can contain rows.
    fn classify_unreadable(
        &mut self,
        error: AttemptError,
        response: &HttpResponse,
    ) -> AttemptError {
        let before = self.unreadable.take();
        let AttemptError::Body { malformed, .. } = &error else {
            return error;
        };
        if !malformed.is_json() && before.is_some_and(|of| of.is_like(malformed)) {
            return AttemptError::UnreadableAgain(malformed.clone());
        }
        let is_answer = response.body.trim_ascii_start().starts_with(b"{");
        self.unreadable = is_answer.then(|| malformed.clone());
        error
    }
}

/// Parses a response as it is. If that fails and the body is not UTF-8, parses the most likely
/// readings of its text. The encoding is checked only after a failure.
fn read_leniently<T>(
    response: &HttpResponse,
    read: &impl Fn(&HttpResponse) -> Result<T, AttemptError>,
) -> Result<T, AttemptError> {
    let mut result = read(response);
    if !matches!(result, Err(AttemptError::Body { .. })) {
        return result;
    }
    for body in lossy_readings(&response.body) {
        result = read(&HttpResponse {
            body,
            ..response.clone()
        });
        if !matches!(result, Err(AttemptError::Body { .. })) {
            break;
        }
    }
    result
}

/// Returns whether a call asks for several rows, so that a smaller request may succeed where this
/// one failed.
fn is_page(params: &Value) -> bool {
    rows(params).unwrap_or(1) > 1
}

/// Returns the number of rows that a call asks for, or `None` if it is not a request for rows.
fn rows(params: &Value) -> Option<u64> {
    let rows = params.get("Limit").or_else(|| params.get("limit"))?;
    rows.as_u64().or_else(|| rows.as_str()?.parse().ok())
}

fn is_timeout(error: &AttemptError) -> bool {
    matches!(
        error,
        AttemptError::Transport(TransportError::Timeout { .. })
    )
}
