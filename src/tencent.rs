//! The cloud's API and nothing else: endpoint, signature, credentials, pace, retry, typed errors.

mod credentials;
mod endpoint;
mod envelope;
mod limit;
mod pace;
mod retry;
mod sign_v2;
mod text;
mod transport;

pub use credentials::{
    CredentialError, CredentialProvider, Credentials, Environment, FileProvider, Origin, Sources,
    StaticProvider,
};
pub use endpoint::{Endpoint, EndpointError, Scheme};
pub use envelope::{Code, Head, Malformed, parse_head};
pub use retry::RetryBudget;
pub use sign_v2::{SigningMethod, signature, source_string};
pub use transport::{BoxFuture, HttpRequest, HttpResponse, Method, Transport, TransportError};
