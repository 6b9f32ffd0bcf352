//! The result of reading the web configuration file once.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use tokio_rustls::rustls::ServerConfig;

use super::auth::{Checker, Users};
use super::rate_limit::Limiter;
use super::tls;
use super::watch::Files;
use crate::web_file::WebFile;
use crate::{Diagnostic, Diagnostics, Place};

/// Rules for connections, requests and responses.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// TLS settings; `None` without encryption.
    pub(super) tls: Option<Arc<ServerConfig>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    users: Users,
    limiter: Option<Arc<Limiter>>,
    empty: bool,
}

// === impl Rules ===

impl Rules {
    /// Reads the file at `path`. A rate limit that has not changed keeps the state it had in
    /// `before`.
    pub(super) fn read(
        path: &Path,
        before: Option<&Self>,
        files: &mut Files,
    ) -> Result<Self, Diagnostics> {
        files.add(path);
        let file = WebFile::read(path)?;
        let named: Vec<&Path> = file.files().chain([path]).collect();
        files.retain_only(&named);
        file.files().for_each(|named| files.add(named));
        let rules = Self::new(&file, before).map_err(|faults| file.refused(faults))?;
        if let Some(before) = before {
            rules
                .check_change(before)
                .map_err(|fault| file.refused(vec![fault]))?;
        }
        Ok(rules)
    }

    fn new(file: &WebFile, before: Option<&Self>) -> Result<Self, Vec<Diagnostic>> {
        let tls = file.tls.as_ref();
        let tls = tls.map(|tls| tls::server_config(tls, file.http2));
        let mut headers = Vec::new();
        for (name, value) in &file.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                headers.push((name, value));
            }
        }
        let running = before.and_then(|before| before.limiter.clone());
        let limiter = file.rate_limit.map(|limit| match running {
            // A change elsewhere in the file does not refill the bucket.
            Some(limiter) if limiter.limit == limit => limiter,
            _ => Arc::new(Limiter::new(limit)),
        });
        Ok(Self {
            tls: tls.transpose()?,
            headers,
            users: Users::new(&file.users),
            limiter,
            empty: file.empty,
        })
    }

    /// Rejects a change that must not be made at runtime.
    fn check_change(&self, before: &Self) -> Result<(), Diagnostic> {
        if self.tls.is_some() != before.tls.is_some() {
            let message = "TLS is switched on and off at a start alone: restart for it";
            let key = "tls_server_config";
            return Err(Diagnostic::new(Place::Nowhere, key, message));
        }
        if self.empty && !before.empty {
            let message = "the file is empty now, which would let everybody in: write {} if that \
                           is meant";
            return Err(Diagnostic::new(Place::Nowhere, "", message));
        }
        Ok(())
    }

    /// Returns the TLS settings for new connections.
    pub(crate) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.clone()
    }

    /// Admits a request with these headers, or returns the response that refuses it.
    pub(crate) async fn admit(
        &self,
        headers: &HeaderMap,
        checker: &Arc<Checker>,
    ) -> Result<(), Response<Full<Bytes>>> {
        if self
            .limiter
            .as_ref()
            .is_some_and(|limiter| !limiter.allows())
        {
            let refusal = "too many requests; the web configuration file limits them\n";
            return Err(refused(StatusCode::TOO_MANY_REQUESTS, refusal));
        }
        if self.users.authenticate(headers, checker).await {
            return Ok(());
        }
        let refusal = "a user and a password are needed here\n";
        let mut refusal = refused(StatusCode::UNAUTHORIZED, refusal);
        let scheme = HeaderValue::from_static("Basic");
        refusal.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        Err(refusal)
    }

    /// Sets the configured headers of a response. They replace those of the page.
    pub(crate) fn apply_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
    }
}

fn refused(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(headers);
    response
}
