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

/// Names the program to the cloud and to proxies.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// The headers that are kept of an answer; see [`HttpResponse::headers`].
const KEPT: [&str; 3] = ["date", "content-type", "retry-after"];

/// Where a machine of the cloud finds its own metadata.
const METADATA_HOST: &str = "metadata.tencentyun.com";

/// Room taken for a body at once, however long it claims to be.
const MAX_FIRST_ROOM: usize = 4 * 1024 * 1024;

/// A body beyond this length is read only while no other one is. Few answers are so long; several
/// of the longest at once would each take [`HttpLimits::body`].
const LARGE_BODY: usize = 8 * 1024 * 1024;

/// What an exchange may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Time to connect, TLS included.
    pub connect: Duration,
    /// Time for the whole exchange, connecting included. Whoever sends has a shorter limit of its
    /// own; this one ends what was forgotten.
    pub total: Duration,
    /// Longest body, decompressed, in bytes.
    pub body: usize,
    /// What requests say of who sends them.
    pub user_agent: &'static str,
}

/// HTTP/1.1 over kept-alive connections, with TLS and gzip. Redirects are not followed: a signed
/// request holds for one host and path.
///
/// The usual proxy variables (`HTTPS_PROXY`, `NO_PROXY` and their kin) are honoured, except for
/// addresses of this machine, which are always reached directly; HTTP and SOCKS proxies both work.
/// Trusted are the certificates of the machine (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others), and
/// those given by [`Transport::trusting`].
#[derive(Debug)]
pub struct HttpTransport {
    limits: HttpLimits,
    /// For this machine's own addresses.
    direct: Result<reqwest::Client, String>,
    /// For all others. An image without CA certificates has none, and needs none for a simulator
    /// on the same machine; so it is an error only once it is asked for.
    outward: Result<reqwest::Client, String>,
    /// Which proxy `outward` goes through, for messages.
    proxies: Matcher,
    /// The one turn of a large body.
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
    /// Loads the system's CA certificates. What cannot be set up is told by the first request
    /// that needs it.
    pub fn new(limits: HttpLimits) -> Self {
        Self::with(limits, &[], Arc::new(Semaphore::new(1)))
    }

    fn with(limits: HttpLimits, authorities: &[Vec<u8>], large: Arc<Semaphore>) -> Self {
        // Fails where another part of the process was first, which is as good.
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

    /// The parsed URL, its host for messages, and the client that reaches it.
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

    /// The proxy between, without the user that its variable may name.
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

    /// Reads the body. One that comes in a single chunk, as most do on a fast link, is not copied.
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
                // Never closed. Whoever waits here takes nothing more from the network.
                turn = self.large.acquire().await.ok();
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The next chunk, decompressed, so that the limit holds against a small body that swells;
    /// it has to fit into `room`, and makes it smaller.
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
        // Asked in this order: a connection that took too long is both, and only behind a proxy
        // that did its part a certificate is shown.
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

/// The innermost cause, where the system speaks. Never the URL: its query holds the signature.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    one_line(&cause.to_string())
}

/// Whether no proxy belongs between: this machine itself, and what only it can be told.
fn is_near(host: &str) -> bool {
    // A proxy would answer with the metadata, and the role, of the machine that it runs on.
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
