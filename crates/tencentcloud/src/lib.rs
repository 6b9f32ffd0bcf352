//! The cloud's API and nothing else: endpoint, signature, credentials, pace, retry, typed errors.
//!
//! One client speaks one [`Service`]: the legacy API of functions, or one of API 3.0. It knows no
//! metrics (a [`CallObserver`] is told of each attempt) and no log rows (a caller hands
//! [`Client::call`] the parser of its own answer, or [`Client::call_json`] its type). Transport,
//! clock and random numbers are seams, so the same client runs over sockets or over a simulated cloud on paused time.

mod client;
mod clock;
mod codes;
mod credentials;
mod date;
mod endpoint;
mod envelope;
mod error;
mod flatten;
mod hidden;
mod http;
mod limit;
mod nonces;
mod pace;
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
mod transport;

pub use client::{CallObserver, Client, ClientConfig};
pub use clock::{Begun, ClockOffset, CloudClock, Vouch};
pub use codes::{ErrorClass, known_codes};
pub use credentials::{
    Chain, ChainConfig, CredentialError, CredentialProvider, Credentials, Environment, Explicit,
    FileProvider, KeyFiles, Origin, RoleConfig, Sources, StaticProvider, Sts,
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

/// What a whole answer of API 3.0 holds; `None` where it is an error or no answer.
#[doc(hidden)]
pub fn payload<T: serde::de::DeserializeOwned>(body: &[u8]) -> Option<T> {
    match envelope::read(body) {
        Ok(envelope::Answer::Payload(payload)) => Some(payload),
        _ => None,
    }
}
