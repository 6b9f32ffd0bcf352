//! Rate-limited, signed and retried calls of one API in one region.

mod call;
mod response;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::config::ClientConfig;
use super::credentials::CredentialProvider;
use super::envelope::{Head, Malformed};
use super::error::{ApiError, AttemptError};
use super::nonces::Nonces;
use super::rate_limiter::RateLimiter;
use super::transport::{HttpResponse, Transport};
use crate::Timestamp;
use crate::runtime::{Clock as _, Runtime};

use call::{Caller, Inner};
use response::{read_legacy, read_response};

/// Observes every request that is sent.
pub trait CallObserver: Send + Sync {
    /// Reports one finished attempt. `api` is [`Service::label`](crate::Service::label). `took` is
    /// the time from sending the request to the last byte of the response.
    ///
    /// `code` comes from a closed set: `0` for success; the vendor's numeric code if it is a known
    /// one (`4400`); the longest known part of a named code (`RequestLimitExceeded`); `other` for
    /// an unknown code; or the kind of failure if no code was received (`network`, `timeout`,
    /// `cut_body`, `too_large`, `non_json`, `other_json`, `no_payload`, `http_502`).
    fn attempt(&self, api: &'static str, action: &str, code: &'static str, took: Duration);

    /// Reports that the cloud's clock was found to be `offset_ms` milliseconds ahead of this
    /// machine's, or behind it if negative. The value is accurate to a second.
    fn clock_offset(&self, api: &'static str, offset_ms: i64) {
        let _ = (api, offset_ms);
    }
}

/// Calls one API in one region. Clones share the rate limiter, the limit on requests in flight and
/// the connections.
///
/// Dropping the future of a call abandons the call at any point. When the runtime is stopped, a
/// request in flight is awaited and no further one is sent.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

// === impl Client ===

impl Client {
    /// Creates a client that sends its requests through `transport`. When tokio's time is paused,
    /// it must be called inside a tokio runtime, so that both clocks start together.
    pub fn new(
        config: ClientConfig,
        credentials: Arc<dyn CredentialProvider>,
        transport: Arc<dyn Transport>,
        runtime: Runtime,
        observer: Arc<dyn CallObserver>,
    ) -> Self {
        config.clock.run_on(runtime.clock.clone());
        Self(Arc::new(Inner {
            host: config.endpoint.authority(),
            rate_limiter: RateLimiter::new(
                config.requests_per_second,
                config.action_limits,
                config.burst,
            ),
            in_flight: Semaphore::new(config.max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            nonces: Nonces::new(&runtime.random),
            config,
            credentials,
            transport,
            runtime,
            observer,
        }))
    }

    /// Calls `action` of the legacy API with the action's own parameters. Values are passed
    /// unencoded; the common parameters are added here.
    ///
    /// `parse` turns a body into the head of the envelope and the caller's payload in one pass. The
    /// payload may be absent when the code is not zero. Throttled and transient failures are
    /// retried within the budget, and each attempt is signed anew. An authentication failure is
    /// retried once if the provider then has other credentials, or if the response shows that this
    /// machine's clock is wrong.
    pub async fn call<T, P>(
        &self,
        action: &str,
        params: &[(&str, String)],
        parse: P,
    ) -> Result<T, ApiError>
    where
        P: Fn(&[u8]) -> Result<(Head, Option<T>), Malformed> + Send + Sync,
    {
        let text = |(name, value): &(&str, String)| ((*name).to_owned(), value.as_str().into());
        let params = Value::Object(params.iter().map(text).collect::<Map<_, _>>());
        let service = self.0.config.service;
        let read = |response: &HttpResponse| read_legacy(service, response, &parse);
        self.0.call(action, &params, Caller::Known, read).await
    }

    /// Calls `action` of API 3.0 with the action's own parameters, a JSON object, and returns the
    /// content of `Response`. Failures are retried as in [`Self::call`].
    pub async fn call_json<T: DeserializeOwned + Send>(
        &self,
        action: &str,
        params: &Value,
    ) -> Result<T, ApiError> {
        let read = |response: &HttpResponse| self.read(response);
        self.0.call(action, params, Caller::Known, read).await
    }

    /// Calls `action` of API 3.0 for a large response. `fast` is tried first, on the whole body of a
    /// response with status 200; if it returns `None`, the content of `Response` is deserialised and passed to
    /// `general`. Failures are retried as in [`Self::call`].
    pub async fn call_rows<T, P: DeserializeOwned>(
        &self,
        action: &str,
        params: &Value,
        fast: impl Fn(&[u8]) -> Option<T> + Send + Sync,
        general: impl Fn(P) -> T + Send + Sync,
    ) -> Result<T, ApiError> {
        let read = |response: &HttpResponse| match response.status {
            200 => fast(&response.body).map_or_else(|| self.read(response).map(&general), Ok),
            _ => self.read(response).map(&general),
        };
        self.0.call(action, params, Caller::Known, read).await
    }

    /// Calls `action` of API 3.0 without a signature and without credentials, always as a POST with
    /// a JSON body. Only for `AssumeRoleWithWebIdentity`, whose parameters prove who calls.
    pub async fn call_unsigned_json<T: DeserializeOwned + Send>(
        &self,
        action: &str,
        params: &Value,
    ) -> Result<T, ApiError> {
        let read = |response: &HttpResponse| self.read(response);
        self.0.call(action, params, Caller::Unsigned, read).await
    }

    /// Returns the cloud's time as far as it is known, otherwise this machine's.
    pub fn now(&self) -> Timestamp {
        self.0.config.clock.now()
    }

    fn read<T: DeserializeOwned>(&self, response: &HttpResponse) -> Result<T, AttemptError> {
        read_response(self.0.config.service, response)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}

/// Ignores all reports.
impl CallObserver for () {
    fn attempt(&self, _: &'static str, _: &str, _: &'static str, _: Duration) {}
}

#[cfg(test)]
mod tests;
