//! The simulated cloud behind the client's transport, without a socket: on paused time a run of
//! minutes takes seconds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use scf_exporter::model::Timestamp;
use scf_sim::{Cloud, Request};
use tencentcloud::runtime::Clock;
use tencentcloud::{BoxFuture, HttpRequest, HttpResponse, Transport, TransportError};

/// Hands requests to a [`Cloud`] and keeps count of the rows that it handed out.
pub struct InMemory {
    cloud: Arc<Cloud>,
    /// Further clouds, each with the one host that leads to it.
    others: Mutex<BTreeMap<String, Arc<Cloud>>>,
    clock: Arc<dyn Clock>,
    rows: AtomicU64,
    requests: AtomicU64,
    by_action: Mutex<BTreeMap<String, u64>>,
}

impl InMemory {
    /// A transport to `cloud`, whose time is that of `clock`.
    pub fn new(cloud: Arc<Cloud>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            cloud,
            others: Mutex::default(),
            clock,
            rows: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            by_action: Mutex::default(),
        })
    }

    /// From now on requests to `host` go to `cloud`.
    pub fn add(&self, host: &str, cloud: Arc<Cloud>) {
        self.others.lock().unwrap().insert(host.to_owned(), cloud);
    }

    /// Requests of API 3.0 sent for `action`.
    pub fn requests_for(&self, action: &str) -> u64 {
        let counts = self.by_action.lock().unwrap();
        counts.get(action).copied().unwrap_or_default()
    }

    /// Log rows in all answers that arrived whole, counted by their request ids' keys.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Requests sent.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn now_ms(&self) -> i64 {
        let now: Timestamp = self.clock.now();
        now.as_millis()
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let host = "sim.test";
        let (_, rest) = request.url.split_once("://").unwrap();
        let (authority, target) = rest.split_once('/').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = request.headers.iter();
        if let Some((_, action)) = headers.find(|(name, _)| name == "x-tc-action") {
            let mut counts = self.by_action.lock().unwrap();
            *counts.entry(action.clone()).or_default() += 1;
        }
        let other = self.others.lock().unwrap().get(authority).cloned();
        let response = other.as_ref().unwrap_or(&self.cloud).handle(
            self.now_ms(),
            &Request {
                method: request.method.as_str().to_owned(),
                path: format!("/{path}"),
                query: query.to_owned(),
                host: authority.to_owned(),
                headers: request.headers.clone(),
                body: request.body.to_vec(),
            },
        );
        tokio::time::sleep(response.delay).await;
        if let Some(received) = response.cut_after {
            return Err(TransportError::CutBody {
                host: host.into(),
                reason: "cut".into(),
                received,
            });
        }
        let text = String::from_utf8_lossy(&response.body);
        let rows = text.matches("\"requestId\":").count() + text.matches("\"request_id\":").count();
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        let mut answer = HttpResponse::new(response.status, response.body);
        let headers = response.headers.into_iter();
        answer.headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        Ok(answer)
    }
}

impl Transport for InMemory {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        Box::pin(self.answer(request))
    }
}
