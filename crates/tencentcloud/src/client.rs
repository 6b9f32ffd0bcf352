//! The client: paced, signed, retried calls of one API in one region.

mod answer;
mod call;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use super::clock::CloudClock;
use super::credentials::CredentialProvider;
use super::endpoint::{Domain, Endpoint};
use super::envelope::{Head, Malformed};
use super::error::{ApiError, Fault};
use super::nonces::Nonces;
use super::pace::RateLimiter;
use super::request::Signer;
use super::retry::RetryBudget;
use super::service::{Service, SigningMethod};
use super::transport::{HttpResponse, Method, Transport};
use crate::Timestamp;
use crate::runtime::{Clock as _, Runtime};

use answer::{judge_legacy, judge_response};
use call::{Caller, Inner};

/// How a client calls.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Which API.
    pub service: Service,
    /// Where the API is.
    pub endpoint: Endpoint,
    /// The region asked, such as `ap-guangzhou` (old pages: `gz`); not sent where empty.
    pub region: String,
    /// GET or POST.
    pub method: Method,
    /// How requests are signed.
    pub signing: SigningMethod,
    /// The clock to sign by, shared by all clients that are given a clone of one. A clone of this
    /// configuration shares it too.
    pub clock: CloudClock,
    /// Most requests a second, for each action. No limit of the vendor is documented for v2; at
    /// API 3.0 it is 5 for `GetFunctionLogs` (20 on old pages) and 20 or more for what else is
    /// called here.
    pub requests_per_second: f64,
    /// Requests that may go at once after a rest, for each action.
    pub burst: u32,
    /// Most requests under way at once, over all actions; each may hold one answer in memory.
    pub max_in_flight: usize,
    /// Most time for one whole answer.
    pub request_timeout: Duration,
    /// The longest wait that an answer's `Retry-After` can ask for.
    pub longest_wait: Duration,
    /// How often and how long a call is tried.
    pub retry: RetryBudget,
}

/// Is told of every request sent.
pub trait CallObserver: Send + Sync {
    /// `api` is [`Service::label`]. `code` is of a closed set: `0` for success; the vendor's code
    /// where it is a known one (`4400`), of a name the longest part that is known
    /// (`RequestLimitExceeded`), else `other`; or what came instead of a code (`network`, `timeout`, `cut_body`, `too_large`,
    /// `non_json`, `other_json`, `no_payload`, `http_502`). `took` runs from sending to the last byte.
    fn attempt(&self, api: &'static str, action: &str, code: &'static str, took: Duration);

    /// The cloud's clock was learned to be `offset_ms` ahead of this machine's (behind, where
    /// negative); in milliseconds, by whole seconds.
    fn clock_offset(&self, api: &'static str, offset_ms: i64) {
        let _ = (api, offset_ms);
    }
}

/// Calls one API of one region. Clones share the pace, the limit of requests in flight and the
/// connections. Dropping the future of a call gives the call up at any point; at the wish to stop
/// a request under way is waited for, and none is sent any more.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

// === impl ClientConfig ===

impl ClientConfig {
    /// The defaults for an API in a region, at the vendor's public address: GET for the legacy
    /// API, POST for the others, and the strongest signature.
    pub fn new(service: Service, region: impl Into<String>) -> Self {
        let region = region.into();
        Self {
            service,
            endpoint: Endpoint::of(service, &region, Domain::default()),
            region,
            method: match service {
                Service::V2 => Method::Get,
                Service::Scf | Service::Cls | Service::Sts => Method::Post,
            },
            signing: SigningMethod::default(),
            clock: CloudClock::default(),
            requests_per_second: 10.0,
            burst: 10,
            max_in_flight: 8,
            request_timeout: Duration::from_secs(30),
            longest_wait: Duration::from_secs(15),
            retry: RetryBudget::default(),
        }
    }
}

// === impl Client ===

impl Client {
    /// A client over `transport`. Must be called inside a tokio runtime when time is paused, so
    /// that both start together.
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
            pace: RateLimiter::new(config.requests_per_second, config.burst),
            in_flight: Semaphore::new(config.max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
            request_timeout: config.request_timeout,
            longest_wait: config.longest_wait,
            retry: config.retry,
            nonces: Nonces::new(&runtime.random),
            clock: config.clock,
            signer: Signer {
                service: config.service,
                endpoint: config.endpoint,
                region: config.region,
                method: config.method,
                signing: config.signing,
            },
            credentials,
            transport,
            runtime,
            observer,
        }))
    }

    /// Calls `action` of the legacy API with its own `params` (raw values; the common ones are
    /// added here).
    ///
    /// `parse` turns a body into the envelope's head and the caller's payload in one pass; the
    /// payload may be absent where the code is not zero. Throttled and transient failures are
    /// tried again within the budget, each attempt signed anew. An authentication failure is
    /// tried once more if the provider then has other credentials, or if the answer shows that
    /// this machine's clock is wrong.
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
        let service = self.0.signer.service;
        let judge = |response: &HttpResponse| judge_legacy(service, response, &parse);
        self.0.call(action, &params, Caller::Known, judge).await
    }

    /// Calls `action` of API 3.0 with its own `params`, an object; answers what stands in
    /// `Response`. Failures are tried again as those of [`Self::call`] are.
    pub async fn call_json<T: DeserializeOwned + Send>(
        &self,
        action: &str,
        params: &Value,
    ) -> Result<T, ApiError> {
        let judge = |response: &HttpResponse| self.judge(response);
        self.0.call(action, params, Caller::Known, judge).await
    }

    /// The same without a signature, as JSON in a POST whatever is configured; asks for no
    /// credentials. For `AssumeRoleWithWebIdentity` alone, whose parameters hold the proof.
    pub async fn call_unsigned_json<T: DeserializeOwned + Send>(
        &self,
        action: &str,
        params: &Value,
    ) -> Result<T, ApiError> {
        let judge = |response: &HttpResponse| self.judge(response);
        self.0.call(action, params, Caller::Unsigned, judge).await
    }

    /// The cloud's time as far as it is known.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    fn judge<T: DeserializeOwned>(&self, response: &HttpResponse) -> Result<T, Fault> {
        judge_response(self.0.signer.service, response)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("signer", &self.0.signer)
            .finish_non_exhaustive()
    }
}

/// Tells nobody.
impl CallObserver for () {
    fn attempt(&self, _: &'static str, _: &str, _: &'static str, _: Duration) {}
}

#[cfg(test)]
mod tests;
