//! Routes requests to their responses.

use std::fmt;
use std::sync::Arc;

use exporter_toolkit::Handler;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderMap,
    HeaderName, VARY,
};
use hyper::{Method, Request, Response, StatusCode, Uri};

use super::body::Body;
use super::lifecycle::{self, Lifecycle};
use super::reply::{answer, text, with};
use super::scrapes::Scrapes;
use super::status::{self, Kind, Pages};
use super::{Readiness, View};
use crate::config;
use crate::exposition::{Encoding, ExpositionOptions, Format, ScrapeFormat};
use crate::telemetry::{Telemetry, Unread};

const HEALTHY: &str = "/-/healthy";
const READY: &str = "/-/ready";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// Maximum length of path and query in bytes.
const URI_MAX: usize = 2048;

/// The pages of the server.
pub struct Site {
    view: Arc<dyn View>,
    scrapes: Scrapes,
    pages: Pages,
    telemetry_path: String,
    lifecycle: Option<Lifecycle>,
}

/// A telemetry path that cannot be served, by the rule of the configuration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the telemetry path {0}")]
pub struct TelemetryPathError(String);

impl Site {
    /// Returns the pages of `view` with the metrics at `telemetry_path`.
    ///
    /// # Errors
    /// The path is malformed, or one of the pages is there.
    pub fn new(
        view: Arc<dyn View>,
        telemetry: Arc<Telemetry>,
        telemetry_path: &str,
    ) -> Result<Self, TelemetryPathError> {
        let telemetry_path = config::telemetry_path(telemetry_path).map_err(TelemetryPathError)?;
        Ok(Self {
            scrapes: Scrapes::new(view.clone(), telemetry),
            pages: Pages::new(view.clone(), &telemetry_path),
            view,
            telemetry_path,
            lifecycle: None,
        })
    }

    /// Enables requests that reload and end the program.
    #[must_use]
    pub fn with_lifecycle(self, lifecycle: Lifecycle) -> Self {
        Self {
            lifecycle: Some(lifecycle),
            ..self
        }
    }

    /// Sets the options of scrapes.
    #[must_use]
    pub fn with_options(self, options: ExpositionOptions) -> Self {
        Self {
            scrapes: self.scrapes.with_options(options),
            ..self
        }
    }

    /// Responds to a request. HEAD is handled as GET; the server leaves the body out.
    pub async fn respond(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response<Body> {
        let path = uri.path();
        let allowed = method == Method::GET || method == Method::HEAD;
        match path {
            _ if path.len() + uri.query().map_or(0, str::len) > URI_MAX => {
                text(StatusCode::URI_TOO_LONG, "the address is too long\n")
            }
            lifecycle::RELOAD | lifecycle::QUIT => {
                lifecycle::respond(self.lifecycle.as_ref(), method, path).await
            }
            _ if !self.knows(path) => self.not_found(),
            _ if !allowed => {
                let refusal = "only GET and HEAD are answered here\n";
                let refusal = text(StatusCode::METHOD_NOT_ALLOWED, refusal);
                with(refusal, ALLOW, "GET, HEAD")
            }
            HEALTHY => text(StatusCode::OK, "scf-exporter is alive\n"),
            READY => ready(self.view.readiness()),
            "/" => self.status(Kind::Page, headers).await,
            status::JSON_PATH => self.status(Kind::Json, headers).await,
            _ => match status::asset(path) {
                Some((content_type, text)) => {
                    answer(StatusCode::OK, content_type, Body::text(text))
                }
                None => self.metrics(headers).await,
            },
        }
    }

    fn knows(&self, path: &str) -> bool {
        path == self.telemetry_path
            || [HEALTHY, READY, "/", status::JSON_PATH].contains(&path)
            || status::asset(path).is_some()
    }

    async fn metrics(&self, headers: &HeaderMap) -> Response<Body> {
        self.pages.drop_unused();
        let wanted = Format::negotiate(&list(headers, &ACCEPT));
        let encoding = Encoding::negotiate(&list(headers, &ACCEPT_ENCODING));
        let format = ScrapeFormat {
            format: wanted.format,
            encoding,
        };
        let scrape = match self.scrapes.get(format).await {
            Ok(scrape) => scrape,
            Err(cause) => {
                tracing::error!(%cause, "a scrape could not be rendered");
                let failure = "the metrics could not be rendered; the log says why\n";
                return text(StatusCode::INTERNAL_SERVER_ERROR, failure);
            }
        };
        let response = answer(StatusCode::OK, wanted.content_type, Body::of(scrape));
        packed(with(response, VARY, "Accept, Accept-Encoding"), encoding)
    }

    async fn status(&self, kind: Kind, headers: &HeaderMap) -> Response<Body> {
        let encoding = Encoding::negotiate(&list(headers, &ACCEPT_ENCODING));
        let page = match self.pages.get(kind, encoding).await {
            Ok(page) => page,
            Err(cause) => {
                tracing::error!(%cause, "the status page could not be made");
                let failure = "the page could not be made; the log says why\n";
                return text(StatusCode::INTERNAL_SERVER_ERROR, failure);
            }
        };
        let content_type = match kind {
            Kind::Page => HTML,
            Kind::Json => JSON,
        };
        let response = answer(StatusCode::OK, content_type, Body::text(page));
        let response = with(response, CONTENT_SECURITY_POLICY, status::POLICY);
        packed(with(response, VARY, "Accept-Encoding"), encoding)
    }

    fn not_found(&self) -> Response<Body> {
        let body = format!(
            "nothing here; there are {}, /, {}, {HEALTHY} and {READY}\n",
            self.telemetry_path,
            status::JSON_PATH
        );
        text(StatusCode::NOT_FOUND, body)
    }
}

impl Handler for Site {
    type Body = Body;

    async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let (method, uri) = (request.method(), request.uri());
        self.respond(method, uri, request.headers()).await
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("telemetry_path", &self.telemetry_path)
            .finish_non_exhaustive()
    }
}

/// Responds with 200 once every source was read with success, else with 503 and those that were not.
fn ready(readiness: Readiness) -> Response<Body> {
    let Readiness::Waiting(unread) = readiness else {
        return text(StatusCode::OK, "scf-exporter is ready\n");
    };
    let mut told = "not ready: sources that were never read with success:\n".to_owned();
    for Unread { source, why } in unread {
        told += &format!("{source}: {}\n", why.describe());
    }
    text(StatusCode::SERVICE_UNAVAILABLE, told)
}

/// Joins all lines of a header to one list. Unreadable lines are left out.
fn list(headers: &HeaderMap, name: &HeaderName) -> String {
    let lines = headers.get_all(name).iter();
    let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
    lines.join(",")
}

fn packed(response: Response<Body>, encoding: Encoding) -> Response<Body> {
    match encoding {
        Encoding::Gzip => with(response, CONTENT_ENCODING, encoding.as_str()),
        Encoding::Identity => response,
    }
}
