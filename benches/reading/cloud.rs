//! The way to the simulated cloud, without a socket; it notes which finished rows were handed out
//! when, by their request ids.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use memchr::memmem;
use scf_exporter::model::Timestamp;
use scf_exporter::runtime::Clock;
use scf_exporter::sim::{Cloud, Request};
use scf_exporter::tencent::{BoxFuture, HttpRequest, HttpResponse, Transport, TransportError};

use super::traffic::Traffic;

/// Half the time from a request to its answer.
const HALF_WAY: Duration = Duration::from_millis(50);
/// What follows the number of a call in its request id.
const MARK: &[u8] = b"-5eed-4000-8000-";
const DIGITS: usize = 8;

/// Requests sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Requests {
    /// For log rows.
    pub logs: u64,
    /// For anything else: functions and how they are configured.
    pub others: u64,
}

/// The rows of one answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer {
    pub rows: usize,
    /// When the first of its calls started.
    pub oldest_ms: Option<i64>,
}

/// A transport to a cloud.
pub struct Gateway {
    cloud: Cloud,
    clock: Arc<dyn Clock>,
    traffic: Arc<Traffic>,
    seen: Mutex<Seen>,
}

struct Seen {
    requests: Requests,
    last: Answer,
    /// Whether the finished row of a call was handed out.
    known: Vec<bool>,
    /// The calls in the order in which their finished rows were handed out first.
    order: Vec<u32>,
}

/// The request id of a call.
pub fn request_id(call: u32) -> String {
    format!("{call:08x}-5eed-4000-8000-{call:012x}")
}

// === impl Gateway ===

impl Gateway {
    pub fn new(traffic: Arc<Traffic>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let seen = Seen {
            requests: Requests::default(),
            last: Answer::default(),
            known: vec![false; traffic.calls.len()],
            order: Vec::new(),
        };
        Arc::new(Self {
            cloud: traffic.cloud(),
            clock,
            traffic,
            seen: Mutex::new(seen),
        })
    }

    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    pub fn requests(&self) -> Requests {
        self.seen().requests
    }

    /// What the last answer held.
    pub fn last(&self) -> Answer {
        self.seen().last
    }

    /// Finished rows handed out so far, each once.
    pub fn handed_out(&self) -> usize {
        self.seen().order.len()
    }

    /// The calls whose finished rows were handed out, from the `first` one on up to `end`.
    pub fn calls(&self, first: usize, end: usize) -> Vec<u32> {
        self.seen().order[first..end].to_vec()
    }

    /// Milliseconds since the start of the simulation.
    pub fn now_ms(&self) -> i64 {
        self.unix_ms() - self.cloud.settings().start_ms
    }

    fn unix_ms(&self) -> i64 {
        let now: Timestamp = self.clock.now();
        now.as_millis()
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let is_for_logs = is_for_logs(&request);
        {
            let requests = &mut self.seen().requests;
            match is_for_logs {
                true => requests.logs += 1,
                false => requests.others += 1,
            }
        }
        tokio::time::sleep(HALF_WAY).await;
        let response = self.cloud.handle(self.unix_ms(), &taken_apart(request));
        if is_for_logs {
            self.note(&response.body);
        }
        tokio::time::sleep(HALF_WAY).await;
        let mut answer = HttpResponse::new(response.status, response.body);
        let headers = response.headers.into_iter();
        answer.headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        Ok(answer)
    }

    fn note(&self, body: &[u8]) {
        let now_ms = self.now_ms();
        let mut seen = self.seen();
        seen.last = Answer::default();
        for mark in memmem::find_iter(body, MARK) {
            // A function that is never called in the stretch has a call far behind it.
            let number = call_before(body, mark).filter(|at| *at < self.traffic.calls.len());
            let Some(number) = number else {
                continue;
            };
            let call = self.traffic.calls[number];
            seen.last.rows += 1;
            let oldest_ms = seen.last.oldest_ms.unwrap_or(i64::MAX);
            seen.last.oldest_ms = Some(oldest_ms.min(call.start_ms));
            if call.visible_ms() <= now_ms && !seen.known[number] {
                seen.known[number] = true;
                seen.order.push(number as u32);
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Gateway {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        Box::pin(self.answer(request))
    }
}

/// The number of the call whose request id has its mark there.
fn call_before(body: &[u8], mark: usize) -> Option<usize> {
    let digits = body.get(mark.checked_sub(DIGITS)?..mark)?;
    usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// API 3.0 names its action in a header, v2 among the parameters.
fn is_for_logs(request: &HttpRequest) -> bool {
    let mut headers = request.headers.iter();
    if let Some((_, action)) = headers.find(|(name, _)| name == "x-tc-action") {
        return action == "GetFunctionLogs";
    }
    let action = b"Action=GetFunctionLogs";
    memmem::find(request.url.as_bytes(), action).is_some()
        || memmem::find(&request.body, action).is_some()
}

fn taken_apart(request: HttpRequest) -> Request {
    let rest = request.url.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, target) = rest.split_once('/').unwrap_or((rest, ""));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Request {
        method: request.method.as_str().to_owned(),
        path: format!("/{path}"),
        query: query.to_owned(),
        host: authority.to_owned(),
        headers: request.headers,
        body: request.body.to_vec(),
    }
}
