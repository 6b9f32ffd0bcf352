//! The seam between the client and the network: one request in, one whole answer out.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// A boxed future, so that the seams below can be used as trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How the parameters travel: in the URL or in a form body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Everything in the query string. The vendor warns of URLs beyond 2 KB.
    #[default]
    Get,
    /// Everything in a form body; the vendor then ignores the query string.
    Post,
}

/// One signed request.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// GET or POST.
    pub method: Method,
    /// `scheme://host[:port]/path?query`, already encoded.
    pub url: String,
    /// Names and values, beyond what the transport sets by itself (host, length, encoding).
    pub headers: Vec<(String, String)>,
    /// Empty for GET.
    pub body: Bytes,
}

/// One whole answer, decompressed.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The headers somebody may ask for: at least `date`, `content-type` and
    /// `retry-after`, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, within the transport's limit.
    pub body: Bytes,
}

/// Sends requests. Dropping the future gives the request up.
pub trait Transport: Send + Sync {
    /// Sends one request and reads the whole answer, whatever its status.
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>>;

    /// The same transport, which trusts these certificates of authorities (in DER) too. `None`
    /// where certificates have no part in it, as in a simulation.
    fn trusting(&self, certificates: &[Vec<u8>]) -> Option<Arc<dyn Transport>> {
        let _ = certificates;
        None
    }
}

/// Why no whole answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection, including name lookup and TLS handshake.
    #[error(
        "cannot connect to {host} ({reason}); check the endpoint address, name lookup and firewall"
    )]
    Connect {
        /// Host and port that were tried.
        host: String,
        /// The system's own words.
        reason: String,
    },
    /// The proxy that the environment names could not be reached, or did not let us through.
    #[error(
        "cannot reach {host} through the proxy {proxy} ({reason}); check that proxy and the \
         variable that names it (HTTPS_PROXY, HTTP_PROXY or ALL_PROXY), or name the host in NO_PROXY"
    )]
    Proxy {
        /// Host and port that were asked for.
        host: String,
        /// Scheme, host and port of the proxy, without a user.
        proxy: String,
        /// The system's own words.
        reason: String,
    },
    /// There is a connection, but the host is not shown to be who it should be.
    #[error("the certificate of {host} is not accepted ({reason}); {advice}")]
    Certificate {
        /// Host and port that were tried.
        host: String,
        /// The library's own words.
        reason: String,
        /// What a person can do next.
        advice: &'static str,
    },
    /// Connected, but the whole answer did not come in time.
    #[error("{host} gave no whole answer within {limit:?}; it is slow, or ask for smaller pages")]
    Timeout {
        /// Host and port.
        host: String,
        /// The time it was given.
        limit: Duration,
    },
    /// The answer began and broke off, or its encoding is broken.
    #[error("the answer of {host} broke off ({reason}); a proxy or the network between may cut it")]
    CutBody {
        /// Host and port.
        host: String,
        /// The library's own words.
        reason: String,
        /// Bytes of the body, decompressed, that came before.
        received: usize,
    },
    /// The answer, decompressed, is longer than allowed.
    #[error("the answer of {host} is longer than {limit} bytes; ask for smaller pages")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Anything else: a connection closed without an answer, an address that is no URL.
    #[error("the request to {host} failed ({reason}); check the endpoint address")]
    Other {
        /// Host and port.
        host: String,
        /// The library's own words.
        reason: String,
    },
}

// === impl Method ===

impl Method {
    /// As written on the wire and in the signed text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

// === impl HttpRequest ===

impl HttpRequest {
    /// The URL without its query, which holds the signature and perhaps a token.
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
    /// An answer without headers.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Bodies hold the users' log text, so only their length is shown.
impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
