//! The interface between the client and the network: it sends one request and returns one whole
//! response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// A boxed future, which makes the traits of this crate usable as trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The HTTP method, which decides where the parameters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Parameters are in the query string. The vendor warns of URLs longer than 2 KB.
    #[default]
    Get,
    /// Parameters are in the body, and the vendor ignores the query string.
    Post,
}

/// A signed request.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The HTTP method.
    pub method: Method,
    /// `scheme://host[:port]/path?query`, percent-encoded.
    pub url: String,
    /// Names and values, except for the headers that the transport adds (host, length, encoding).
    pub headers: Vec<(String, String)>,
    /// Empty for GET.
    pub body: Bytes,
}

/// A complete and decompressed response.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers that callers need: at least `date`, `content-type` and `retry-after`. Names are
    /// in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, limited in length by the transport.
    pub body: Bytes,
}

/// Sends requests. Dropping the future cancels the request.
pub trait Transport: Send + Sync {
    /// Sends one request and reads the whole response, whatever its status.
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>>;

    /// Returns a copy of the transport that also trusts these CA certificates (in DER), or `None`
    /// if the transport uses no certificates, as in a simulation.
    fn trusting(&self, certificates: &[Vec<u8>]) -> Option<Arc<dyn Transport>> {
        let _ = certificates;
        None
    }
}

/// Why no complete response was received.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The connection failed, including name lookup and TLS handshake.
    #[error(
        "cannot connect to {host} ({reason}); check the endpoint address, name lookup and firewall"
    )]
    Connect {
        /// Host and port.
        host: String,
        /// Message of the system.
        reason: String,
    },
    /// The proxy from the environment could not be reached, or refused the connection.
    #[error(
        "cannot reach {host} through the proxy {proxy} ({reason}); check that proxy and the \
         variable that names it (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY), or name the host in NO_PROXY"
    )]
    Proxy {
        /// Host and port of the destination.
        host: String,
        /// Scheme, host and port of the proxy, without a user name.
        proxy: String,
        /// Message of the system.
        reason: String,
    },
    /// The server's certificate was rejected.
    #[error("the certificate of {host} is not accepted ({reason}); {advice}")]
    Certificate {
        /// Host and port.
        host: String,
        /// Message of the library.
        reason: String,
        /// Advice for the operator.
        advice: &'static str,
    },
    /// A connection was made, but the whole response did not arrive in time.
    #[error("{host} gave no whole answer within {limit:?}; it is slow, or ask for smaller pages")]
    Timeout {
        /// Host and port.
        host: String,
        /// The time limit.
        limit: Duration,
    },
    /// The response broke off, or its encoding is invalid.
    #[error("the answer of {host} broke off ({reason}); a proxy or the network between may cut it")]
    CutBody {
        /// Host and port.
        host: String,
        /// Message of the library.
        reason: String,
        /// Number of decompressed body bytes that were received.
        received: usize,
    },
    /// The decompressed response is longer than allowed.
    #[error("the answer of {host} is longer than {limit} bytes; ask for smaller pages")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Any other failure, such as a connection that was closed without a response, or an invalid
    /// URL.
    #[error("the request to {host} failed ({reason}); check the endpoint address")]
    Other {
        /// Host and port.
        host: String,
        /// Message of the library.
        reason: String,
    },
}

// === impl Method ===

impl Method {
    /// Returns the name of the method, as it is sent and signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

// === impl HttpRequest ===

impl HttpRequest {
    /// Returns the URL without its query, which contains the signature and possibly a token.
    pub fn url_without_query(&self) -> &str {
        self.url.split(['?', '#']).next().unwrap_or_default()
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.url_without_query())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

// === impl HttpResponse ===

impl HttpResponse {
    /// Creates a response without headers.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Returns the value of a header; `name` must be in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Bodies contain the users' log texts, so only their length is shown.
impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
