//! The cloud's API and nothing else: endpoint, signature, credentials, pace, retry, typed errors.
//!
//! It knows no metrics (a [`CallObserver`] is told of each attempt) and no log rows (a caller
//! hands [`Client::call`] the parser of its own answer). Transport, clock and random numbers are
//! seams, so the same client runs over sockets or over a simulated cloud on paused time.

mod client;
mod codes;
mod credentials;
mod endpoint;
mod envelope;
mod error;
mod http;
mod limit;
mod pace;
mod request;
mod retry;
mod sign_v2;
mod text;
mod transport;

pub use client::{CallObserver, Client, ClientConfig};
pub use credentials::{
    Chain, ChainConfig, CredentialError, CredentialProvider, Credentials, Environment,
    FileProvider, Origin, RoleConfig, Sources, StaticProvider, Sts,
};
pub use endpoint::{Endpoint, EndpointError, Scheme};
pub use envelope::{Code, Head, Malformed, parse_head};
pub use error::{ApiError, ErrorClass};
pub use http::{HttpLimits, HttpTransport};
pub use retry::RetryBudget;
pub use sign_v2::{SigningMethod, signature, source_string};
pub use transport::{BoxFuture, HttpRequest, HttpResponse, Method, Transport, TransportError};
