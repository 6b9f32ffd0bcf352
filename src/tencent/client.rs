//! The client: paced, signed, retried calls of one API in one region.

mod answer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::clock::{self, CloudClock};
use super::codes;
use super::credentials::{CredentialProvider, Credentials};
use super::endpoint::{Domain, Endpoint};
use super::envelope::{Head, Malformed};
use super::error::{ApiError, ErrorClass, Fault, Refusal};
use super::nonces::Nonces;
use super::pace::Pace;
use super::request::{Moment, Signer};
use super::retry::RetryBudget;
use super::service::{Service, SigningMethod};
use super::transport::{HttpResponse, Method, Transport};
use crate::model::Timestamp;
use crate::runtime::Runtime;

use answer::{judge_legacy, judge_response};

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
    /// How often and how long a call is tried.
    pub retry: RetryBudget,
}

/// Is told of every request sent.
pub trait CallObserver: Send + Sync {
    /// `api` is [`Service::label`]. `code` is of a closed set: `0` for success; the vendor's code
    /// where it is a known one (`4400`), of a name the longest part that is known
    /// (`RequestLimitExceeded`), else `other`; or what came instead of a code (`network`, `timeout`, `cut_body`, `too_large`,
    /// `non_json`, `no_payload`, `http_502`). `took` runs from sending to the last byte.
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

struct Inner {
    signer: Signer,
    host: String,
    pace: Pace,
    in_flight: Semaphore,
    retry: RetryBudget,
    nonces: Nonces,
    credentials: Arc<dyn CredentialProvider>,
    transport: Arc<dyn Transport>,
    clock: CloudClock,
    runtime: Runtime,
    observer: Arc<dyn CallObserver>,
}

/// Who a call is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// The credentials' owner.
    Known,
    /// Nobody: the parameters prove it.
    Unsigned,
}

/// What one call has done so far.
#[derive(Default)]
struct Tries {
    sent: u32,
    first: Option<Instant>,
    asked_for_newer_credentials: bool,
    asked_for_the_time: bool,
    /// The clock's offset in the latest signature, in milliseconds.
    offset_ms: i64,
}

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
        Self(Arc::new(Inner {
            host: config.endpoint.authority(),
            pace: Pace::new(config.requests_per_second, config.burst),
            in_flight: Semaphore::new(config.max_in_flight.clamp(1, Semaphore::MAX_PERMITS)),
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
        let judge = |response: &HttpResponse| judge_legacy(response, &parse);
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

    /// The cloud's time as far as it is known: this machine's, and what refusals taught of its
    /// offset.
    pub fn now(&self) -> Timestamp {
        self.0.clock.at(self.0.runtime.now())
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

// === impl Inner ===

impl Inner {
    /// Sends until the answer or the budget ends it.
    async fn call<T>(
        &self,
        action: &str,
        params: &Value,
        caller: Caller,
        judge: impl Fn(&HttpResponse) -> Result<T, Fault> + Send + Sync,
    ) -> Result<T, ApiError> {
        let mut tries = Tries::default();
        loop {
            if !self.may_send(action).await {
                return Err(Fault::Stopping.into_error(action, &self.host, tries.sent));
            }
            // Held while a request is under way, and not while waiting. Never closed.
            let permit = self.in_flight.acquire().await.ok();
            let (credentials, outcome) = match self.credentials(caller).await {
                Ok(current) => {
                    let sent = self.attempt(action, params, current.as_ref(), &judge, &mut tries);
                    let outcome = sent.await;
                    (current, outcome)
                }
                Err(fault) => (None, Err(fault)),
            };
            drop(permit);
            let fault = match outcome {
                Ok(payload) => return Ok(payload),
                Err(fault) => fault,
            };
            let credentials = credentials.as_ref();
            if !self.again(action, &fault, credentials, &mut tries).await {
                return Err(fault.into_error(action, &self.host, tries.sent));
            }
        }
    }

    async fn credentials(&self, caller: Caller) -> Result<Option<Credentials>, Fault> {
        match caller {
            Caller::Unsigned => Ok(None),
            Caller::Known => match self.credentials.current().await {
                Ok(current) => Ok(Some(current)),
                Err(error) => Err(Fault::Credentials(error)),
            },
        }
    }

    /// Signs and sends one request and judges its answer.
    async fn attempt<T>(
        &self,
        action: &str,
        params: &Value,
        credentials: Option<&Credentials>,
        judge: &(impl Fn(&HttpResponse) -> Result<T, Fault> + Sync),
        tries: &mut Tries,
    ) -> Result<T, Fault> {
        tries.offset_ms = self.clock.offset_ms();
        let moment = Moment {
            unix_seconds: self.clock.at(self.runtime.now()).as_secs(),
            nonce: self.nonces.next(),
        };
        let signed = self.signer.sign(action, params, credentials, moment);
        let started = Instant::now();
        tries.sent += 1;
        tries.first.get_or_insert(started);
        let answer = self.transport.send(signed.request).await;
        let took = started.elapsed();
        let outcome = match answer {
            Ok(response) => judge(&response),
            Err(error) => Err(Fault::Transport(error)),
        };
        let label = match &outcome {
            Ok(_) => codes::SUCCESS,
            Err(fault) => fault.verdict().label,
        };
        let api = self.signer.service.label();
        self.observer.attempt(api, action, label, took);
        outcome.map_err(|fault| fault.masked(|text| signed.hidden.mask(text)))
    }

    /// Whether to send once more; if so, after the wait that is due.
    async fn again(
        &self,
        action: &str,
        fault: &Fault,
        credentials: Option<&Credentials>,
        tries: &mut Tries,
    ) -> bool {
        let class = fault.verdict().class;
        match (class, credentials) {
            (ErrorClass::Throttled, _) => self.pace.penalise(action),
            (ErrorClass::Authentication, Some(refused)) => {
                return self.knows_better(fault, refused, tries).await;
            }
            _ => {}
        }
        if !class.is_retryable() {
            return false;
        }
        let elapsed = tries.first.map_or(Duration::ZERO, |first| first.elapsed());
        let unit = self.runtime.random.unit();
        let Some(wait) = self.retry.next_wait(tries.sent, elapsed, unit) else {
            return false;
        };
        self.runtime.stop.pause(wait).await
    }

    /// Whether a request refused for who or when it was signed would now be signed otherwise.
    /// Once in a call for either reason.
    async fn knows_better(&self, fault: &Fault, refused: &Credentials, tries: &mut Tries) -> bool {
        if self.learned_the_time(fault, tries) {
            return true;
        }
        let first = !std::mem::replace(&mut tries.asked_for_newer_credentials, true);
        first && self.credentials.refused(refused).await
    }

    /// Compares with the offset of the refused signature and not with the latest known one: of
    /// several calls under way, one learns and all may go again.
    fn learned_the_time(&self, fault: &Fault, tries: &mut Tries) -> bool {
        let Fault::Api(Refusal {
            date: Some(date), ..
        }) = fault
        else {
            return false;
        };
        if std::mem::replace(&mut tries.asked_for_the_time, true) {
            return false;
        }
        let Some(offset) = self.clock.learn(date, self.runtime.now()) else {
            return false;
        };
        let api = self.signer.service.label();
        self.observer.clock_offset(api, offset);
        !clock::agree(offset, tries.offset_ms)
    }

    /// Waits until the pace allows a request; false if the process is to stop first.
    async fn may_send(&self, action: &str) -> bool {
        tokio::select! {
            biased;
            () = self.runtime.stop.wished() => false,
            () = self.pace.turn(action) => true,
        }
    }
}

/// Tells nobody.
impl CallObserver for () {
    fn attempt(&self, _: &'static str, _: &str, _: &'static str, _: Duration) {}
}

#[cfg(test)]
mod tests;
