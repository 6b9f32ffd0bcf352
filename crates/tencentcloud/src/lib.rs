//! A client for the APIs of Tencent Cloud: endpoints, signatures, credentials, rate limits, retries
//! and typed errors.
//!
//! A client calls one [`Service`]: the legacy API of functions, or one of API 3.0. It knows no
//! metrics: a [`CallObserver`] receives a report of each attempt. It knows no log rows: the caller
//! passes a parser to [`Client::call`] or a response type to [`Client::call_json`]. Transport,
//! clock and random numbers are dependencies, so that the same client runs over sockets or over a
//! simulated cloud on paused time.

mod client;
mod clock;
mod codes;
mod config;
mod credentials;
mod date;
mod endpoint;
mod envelope;
mod error;
mod flatten;
mod http;
mod nonces;
mod rate_limiter;
mod redactor;
mod request;
mod retry;
pub mod runtime;
pub mod secret;
mod service;
mod sign_form;
mod sign_tc3;
mod sts;
mod text;
mod timestamp;
mod token_bucket;
mod transport;

pub use client::{CallObserver, Client};
pub use clock::{Begun, ClockOffset, CloudClock, Vouch};
pub use codes::{ErrorClass, known_codes};
pub use config::ClientConfig;
pub use credentials::{
    Chain, ChainConfig, CredentialError, CredentialProvider, Credentials, Environment, Explicit,
    KeyFiles, Origin, RoleConfig, Sources, Sts,
};
pub use endpoint::{Domain, Endpoint, EndpointError, Scheme};
pub use envelope::{Code, Head, Malformed, other_answer, parse_head};
pub use error::ApiError;
pub use http::{HttpLimits, HttpTransport};
pub use retry::RetryBudget;
pub use service::{Service, SigningMethod};
pub use sign_form::{signature, source_string};
pub use sign_tc3::{Payload, Tc3};
pub use sts::StsClient;
pub use timestamp::Timestamp;
pub use transport::{BoxFuture, HttpRequest, HttpResponse, Method, Transport, TransportError};

/// Returns the payload of a response of API 3.0, or `None` if it is an error or malformed.
#[doc(hidden)]
pub fn payload<T: serde::de::DeserializeOwned>(body: &[u8]) -> Option<T> {
    match envelope::read(body) {
        Ok(envelope::Api3Response::Payload(payload)) => Some(payload),
        _ => None,
    }
}
