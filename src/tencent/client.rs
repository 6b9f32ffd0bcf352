//! The client: paced, signed, retried calls of one region's API.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::codes;
use super::credentials::{CredentialProvider, Credentials};
use super::endpoint::Endpoint;
use super::envelope::{Head, Malformed, parse_head};
use super::error::{ApiError, ErrorClass, Fault};
use super::pace::Pace;
use super::request::{Moment, Nonces, Signer};
use super::retry::RetryBudget;
use super::sign_v2::SigningMethod;
use super::transport::{HttpResponse, Method, Transport};
use crate::model::Timestamp;
use crate::runtime::Runtime;

/// The value of an observer's `api`.
const API: &str = "v2";

/// The vendor's codes that mean two clocks disagree, or seem to.
const CLOCK_CODES: [i64; 2] = [4200, 4500];

/// How a client calls.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientConfig {
    /// Where the API is.
    pub endpoint: Endpoint,
    /// The parameter `Region`, such as `ap-guangzhou` (old pages: `gz`).
    pub region: String,
    /// GET or POST.
    pub method: Method,
    /// The hash inside the signature.
    pub signing: SigningMethod,
    /// Most requests a second, for each action. No limit of the vendor is documented for v2.
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
    /// `code` is of a closed set: the vendor's code where it is a known one (`0`, `4400`), else
    /// `other`; or what came instead of a code (`network`, `timeout`, `cut_body`, `too_large`,
    /// `non_json`, `no_payload`, `http_502`). `took` runs from sending to the last byte.
    fn attempt(&self, api: &'static str, action: &str, code: &'static str, took: Duration);
}

/// Calls the API of one region. Clones share the pace, the limit of requests in flight and the
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
    runtime: Runtime,
    observer: Arc<dyn CallObserver>,
}

/// What one call has done so far.
#[derive(Default)]
struct Tries {
    sent: u32,
    first: Option<Instant>,
    asked_for_newer_credentials: bool,
}

// === impl ClientConfig ===

impl ClientConfig {
    /// The defaults for a region, at the vendor's public address.
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            endpoint: Endpoint::default(),
            region: region.into(),
            method: Method::default(),
            signing: SigningMethod::default(),
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
            signer: Signer {
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

    /// The cloud's clock, as far as it is known.
    pub fn now(&self) -> Timestamp {
        self.0.runtime.now()
    }

    /// Calls `action` with its own `params` (raw values; the common ones are added here).
    ///
    /// `parse` turns a body into the envelope's head and the caller's payload in one pass; the
    /// payload may be absent where the code is not zero. Throttled and transient failures are
    /// tried again within the budget, each attempt signed anew. An authentication failure is
    /// tried once more if the provider then has other credentials.
    pub async fn call<T, P>(
        &self,
        action: &str,
        params: &[(&str, String)],
        parse: P,
    ) -> Result<T, ApiError>
    where
        P: Fn(&[u8]) -> Result<(Head, Option<T>), Malformed> + Send + Sync,
    {
        let inner = &*self.0;
        let mut tries = Tries::default();
        loop {
            if !inner.may_send(action).await {
                return Err(Fault::Stopping.into_error(action, &inner.host, tries.sent));
            }
            // Held while a request is under way, and not while waiting. Never closed.
            let permit = inner.in_flight.acquire().await.ok();
            let (credentials, outcome) = match inner.credentials.current().await {
                Ok(current) => {
                    let sent = inner.attempt(action, params, &current, &parse, &mut tries);
                    let outcome = sent.await;
                    (Some(current), outcome)
                }
                Err(error) => (None, Err(Fault::Credentials(error))),
            };
            drop(permit);
            let fault = match outcome {
                Ok(payload) => return Ok(payload),
                Err(fault) => fault,
            };
            if !inner
                .again(action, &fault, credentials.as_ref(), &mut tries)
                .await
            {
                return Err(fault.into_error(action, &inner.host, tries.sent));
            }
        }
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
    /// Signs and sends one request and judges its answer.
    async fn attempt<T>(
        &self,
        action: &str,
        params: &[(&str, String)],
        credentials: &Credentials,
        parse: &(impl Fn(&[u8]) -> Result<(Head, Option<T>), Malformed> + Sync),
        tries: &mut Tries,
    ) -> Result<T, Fault> {
        let moment = Moment {
            unix_seconds: self.runtime.now().as_secs(),
            nonce: self.nonces.next(),
        };
        let signed = self.signer.sign(action, params, credentials, moment);
        let started = Instant::now();
        tries.sent += 1;
        tries.first.get_or_insert(started);
        let answer = self.transport.send(signed.request).await;
        let took = started.elapsed();
        let outcome = match answer {
            Ok(response) => judge(&response, parse),
            Err(error) => Err(Fault::Transport(error)),
        };
        let label = match &outcome {
            Ok(_) => codes::SUCCESS,
            Err(fault) => fault.verdict().label,
        };
        self.observer.attempt(API, action, label, took);
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
                let first = !std::mem::replace(&mut tries.asked_for_newer_credentials, true);
                return first && self.credentials.refused(refused).await;
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

    /// Waits until the pace allows a request; false if the process is to stop first.
    async fn may_send(&self, action: &str) -> bool {
        tokio::select! {
            biased;
            () = self.runtime.stop.wished() => false,
            () = self.pace.turn(action) => true,
        }
    }
}

/// The vendor answers 200 even for errors; another status comes from a gateway, unless its body
/// says otherwise.
fn judge<T>(
    response: &HttpResponse,
    parse: &impl Fn(&[u8]) -> Result<(Head, Option<T>), Malformed>,
) -> Result<T, Fault> {
    let failed = || {
        parse_head(&response.body)
            .ok()
            .filter(|head| head.code != 0)
    };
    if response.status != 200 {
        return Err(match failed() {
            Some(head) => api_fault(head, response),
            None => Fault::Status(response.status),
        });
    }
    match parse(&response.body) {
        Ok((head, _)) if head.code != 0 => Err(api_fault(head, response)),
        Ok((_, Some(payload))) => Ok(payload),
        Ok((_, None)) => Err(Fault::NoPayload),
        // A failure may carry a payload of another shape than success does.
        Err(malformed) => Err(match failed() {
            Some(head) => api_fault(head, response),
            None => Fault::Body {
                malformed,
                content_type: response
                    .header("content-type")
                    .unwrap_or("no content type")
                    .to_owned(),
                bytes: response.body.len(),
            },
        }),
    }
}

/// Where the clock may be at fault, the answer's own date helps to see by how much.
fn api_fault(mut head: Head, response: &HttpResponse) -> Fault {
    if CLOCK_CODES.contains(&head.code)
        && let Some(date) = response.header("date")
    {
        head.message
            .push_str(&format!(" (the cloud's clock: {date})"));
    }
    Fault::Api(head)
}

/// Tells nobody.
impl CallObserver for () {
    fn attempt(&self, _: &'static str, _: &str, _: &'static str, _: Duration) {}
}

#[cfg(test)]
mod tests;
