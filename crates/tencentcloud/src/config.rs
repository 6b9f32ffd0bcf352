//! The configuration of a client.

use std::time::Duration;

use super::clock::CloudClock;
use super::endpoint::{Domain, Endpoint};
use super::retry::RetryBudget;
use super::service::{Service, SigningMethod};
use super::transport::Method;

/// Configuration of a [`Client`](crate::Client).
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The API that is called.
    pub service: Service,
    /// The address that requests are sent to.
    pub endpoint: Endpoint,
    /// The region that is named in requests, such as `ap-guangzhou` (older pages: `gz`); when
    /// empty, requests name none.
    pub region: String,
    /// The HTTP method.
    pub method: Method,
    /// The signature scheme.
    pub signing: SigningMethod,
    /// The cloud's clock, which supplies the timestamps that are signed. Clones share what they
    /// learn, and so do clones of this configuration.
    pub clock: CloudClock,
    /// Maximum number of requests per second, counted for each action separately.
    pub requests_per_second: f64,
    /// Actions with a limit of their own, in requests per second, in place of
    /// `requests_per_second`.
    pub action_limits: &'static [(&'static str, f64)],
    /// Maximum number of requests of one action that may be sent at once after a pause.
    pub burst: u32,
    /// Maximum number of requests in flight, over all actions. Each may hold one response in
    /// memory.
    pub max_in_flight: usize,
    /// Maximum time for one request and its whole response.
    pub request_timeout: Duration,
    /// Longest wait that is accepted from a `Retry-After` header.
    pub longest_wait: Duration,
    /// Limits on the retries of one call.
    pub retry: RetryBudget,
}

// === impl ClientConfig ===

impl ClientConfig {
    /// Returns the defaults for an API in a region, at the vendor's public address: GET for the
    /// legacy API, POST for the others, and the strongest signature scheme.
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
            action_limits: &[],
            burst: 10,
            max_in_flight: 8,
            request_timeout: Duration::from_secs(30),
            longest_wait: Duration::from_secs(15),
            retry: RetryBudget::default(),
        }
    }
}
