//! The transport over real sockets.

mod failure;

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::sync::Semaphore;

use super::text::one_line;
use super::transport::{BoxFuture, HttpRequest, HttpResponse, Method, Transport, TransportError};

/// The default user agent, which the cloud and proxies see.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Response headers that are kept; see [`HttpResponse::headers`].
const KEPT: [&str; 3] = ["date", "content-type", "retry-after"];

/// Host of the metadata service of machines in the cloud.
const METADATA_HOST: &str = "metadata.tencentyun.com";

/// Maximum buffer that is allocated at once for a body, whatever length it announces.
const MAX_FIRST_ROOM: usize = 4 * 1024 * 1024;

/// Bodies beyond this length are read one at a time. Few responses are so long, and each can take
/// up to [`HttpLimits::body`] of memory.
const LARGE_BODY: usize = 8 * 1024 * 1024;

/// Limits of one exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Time limit for connecting, including TLS.
    pub connect: Duration,
    /// Time limit for the whole exchange, including connecting. Callers have a shorter limit; this
    /// one ends requests that nobody waits for.
    pub total: Duration,
    /// Maximum length of a body after decompression, in bytes.
    pub body: usize,
    /// Value of the `User-Agent` header.
    pub user_agent: &'static str,
}

/// HTTP/1.1 over kept-alive connections, with TLS and gzip. Redirects are not followed, because a
/// signature is valid for one host and path.
///
/// The usual proxy variables (`HTTPS_PROXY`, `NO_PROXY` and so on) are respected, but addresses of
/// this machine are always reached directly. HTTP and SOCKS proxies are supported. The machine's CA
/// certificates are trusted (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others), and those that are
/// passed to [`Transport::trusting`].
#[derive(Debug)]
pub struct HttpTransport {
    limits: HttpLimits,
    /// Client for this machine's own addresses.
    direct: Result<reqwest::Client, String>,
    /// Client for all other addresses. It cannot be built in an image without CA certificates,
    /// which needs none for a simulator on the same machine; so the error is reported by the first
    /// request that uses it.
    outward: Result<reqwest::Client, String>,
    /// The proxies of `outward`, for messages.
    proxies: Matcher,
    /// Permit for reading a large body.
    large: Arc<Semaphore>,
}

// === impl HttpLimits ===

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(600),
            body: 64 * 1024 * 1024,
            user_agent: USER_AGENT,
        }
    }
}

// === impl HttpTransport ===

impl HttpTransport {
    /// Loads the system's CA certificates. What cannot be set up is reported by the first request
    /// that needs it.
    pub fn new(limits: HttpLimits) -> Self {
        Self::with(limits, &[], Arc::new(Semaphore::new(1)))
    }

    fn with(limits: HttpLimits, authorities: &[Vec<u8>], large: Arc<Semaphore>) -> Self {
        // This fails if another part of the process has installed a provider, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authorities: Vec<_> = authorities
            .iter()
            .flat_map(|der| reqwest::Certificate::from_der(der))
            .collect();
        let base = || {
            reqwest::Client::builder()
                .tls_certs_merge(authorities.clone())
                .user_agent(limits.user_agent)
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(limits.connect)
                .timeout(limits.total)
        };
        let direct = || base().no_proxy();
        let without_roots = |_| direct().tls_certs_only(authorities.clone()).build();
        Self {
            limits,
            direct: direct().build().or_else(without_roots).map_err(reason),
            outward: base().build().map_err(reason),
            proxies: Matcher::from_system(),
            large,
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let (url, host, client) = self.route(&request)?;
        let proxy = self.proxy_of(&url);
        let mut builder = match request.method {
            Method::Get => client.get(url),
            Method::Post => client.post(url).body(request.body),
        };
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let failed = |e: reqwest::Error| self.before_answer(e, &host, proxy.as_deref());
        let response = builder.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        if let (Some(proxy), 407) = (&proxy, status) {
            let (proxy, reason) = (
                proxy.clone(),
                "it asks for a user and a password".to_owned(),
            );
            return Err(TransportError::Proxy {
                host,
                proxy,
                reason,
            });
        }
        let headers = kept(response.headers());
        let body = self.body(response, &host).await?;
        Ok(HttpResponse {
            status,
            headers,
            body,
        })
    }

    /// Returns the parsed URL, its host for messages, and the client to use.
    fn route(
        &self,
        request: &HttpRequest,
    ) -> Result<(reqwest::Url, String, &reqwest::Client), TransportError> {
        let other = |host: &str, reason: &str| TransportError::Other {
            host: host.to_owned(),
            reason: reason.to_owned(),
        };
        let url = reqwest::Url::parse(&request.url)
            .map_err(|e| other(request.url_without_query(), &e.to_string()))?;
        let host = url.host_str().unwrap_or_default();
        let client = if is_near(host) {
            &self.direct
        } else {
            &self.outward
        };
        let client = client.as_ref().map_err(|e| other(host, e))?;
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok((url, host, client))
    }

    /// Returns the proxy for a URL, without the user name that its variable may contain.
    fn proxy_of(&self, url: &reqwest::Url) -> Option<String> {
        if is_near(url.host_str().unwrap_or_default()) {
            return None;
        }
        let proxy = self.proxies.intercept(&url.as_str().parse().ok()?)?;
        let proxy = proxy.uri();
        let scheme = proxy.scheme_str().unwrap_or("http");
        let authority = proxy.authority()?.as_str();
        let host = authority.rsplit('@').next().unwrap_or_default();
        Some(format!("{scheme}://{host}"))
    }

    /// Reads the body. A body that arrives in a single chunk, as most do on a fast link, is not
    /// copied.
    async fn body(
        &self,
        mut response: reqwest::Response,
        host: &str,
    ) -> Result<Bytes, TransportError> {
        let mut room = self.limits.body;
        let announced = usize::try_from(response.content_length().unwrap_or(0));
        let announced = announced.unwrap_or(usize::MAX);
        if announced > room {
            return Err(self.too_large(host));
        }
        let Some(first) = self.chunk(&mut response, host, &mut room).await? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.chunk(&mut response, host, &mut room).await? else {
            return Ok(first);
        };
        let mut body = BytesMut::with_capacity(announced.min(MAX_FIRST_ROOM));
        body.extend_from_slice(&first);
        body.extend_from_slice(&second);
        let mut turn = None;
        while let Some(chunk) = self.chunk(&mut response, host, &mut room).await? {
            if turn.is_none() && body.len() + chunk.len() > LARGE_BODY {
                // The semaphore is never closed. While waiting here, nothing is read from the
                // network.
                turn = self.large.acquire().await.ok();
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Returns the next decompressed chunk. Fails if it exceeds `room`, which is reduced by its
    /// length. Limiting the decompressed size protects against small bodies that expand.
    async fn chunk(
        &self,
        response: &mut reqwest::Response,
        host: &str,
        room: &mut usize,
    ) -> Result<Option<Bytes>, TransportError> {
        let chunk = response.chunk().await;
        let received = self.limits.body.saturating_sub(*room);
        let chunk = chunk.map_err(|e| self.inside_answer(e, host, received))?;
        let length = chunk.as_ref().map_or(0, Bytes::len);
        *room = room
            .checked_sub(length)
            .ok_or_else(|| self.too_large(host))?;
        Ok(chunk)
    }

    fn too_large(&self, host: &str) -> TransportError {
        TransportError::TooLarge {
            host: host.to_owned(),
            limit: self.limits.body,
        }
    }

    fn before_answer(
        &self,
        error: reqwest::Error,
        host: &str,
        proxy: Option<&str>,
    ) -> TransportError {
        let host = host.to_owned();
        // The order matters: a connection that timed out is also a failed connection, and a
        // certificate is seen only after the proxy has connected.
        if let Some(fault) = failure::certificate(&error) {
            TransportError::Certificate {
                host,
                reason: one_line(&fault.to_string()),
                advice: failure::advice(fault),
            }
        } else if error.is_connect() {
            let reason = reason(error);
            match proxy.map(str::to_owned) {
                Some(proxy) => TransportError::Proxy {
                    host,
                    proxy,
                    reason,
                },
                None => TransportError::Connect { host, reason },
            }
        } else if error.is_timeout() {
            let limit = self.limits.total;
            TransportError::Timeout { host, limit }
        } else {
            let reason = reason(error);
            TransportError::Other { host, reason }
        }
    }

    fn inside_answer(&self, error: reqwest::Error, host: &str, received: usize) -> TransportError {
        let host = host.to_owned();
        if error.is_timeout() {
            let limit = self.limits.total;
            TransportError::Timeout { host, limit }
        } else {
            TransportError::CutBody {
                host,
                reason: reason(error),
                received,
            }
        }
    }
}

impl Transport for HttpTransport {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        Box::pin(self.exchange(request))
    }

    fn trusting(&self, certificates: &[Vec<u8>]) -> Option<Arc<dyn Transport>> {
        let large = self.large.clone();
        Some(Arc::new(Self::with(self.limits, certificates, large)))
    }
}

/// Returns the innermost cause, which is the system's message. The URL is left out because its
/// query contains the signature.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    one_line(&cause.to_string())
}

/// Returns whether a host must be reached without a proxy: this machine itself and its metadata
/// service.
fn is_near(host: &str) -> bool {
    // A proxy would return the metadata, and the role, of its own machine.
    if host == METADATA_HOST {
        return true;
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => bare == "localhost" || bare.ends_with(".localhost"),
    }
}

fn kept(headers: &reqwest::header::HeaderMap) -> Vec<(String, String)> {
    let value = |name: &str| headers.get(name)?.to_str().ok().map(one_line);
    let pairs = KEPT
        .iter()
        .map(|name| Some(((*name).to_owned(), value(name)?)));
    pairs.flatten().collect()
}

#[cfg(test)]
mod tests;
