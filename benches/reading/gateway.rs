//! The transport to the simulated cloud. It counts requests and notes by request id when each
//! finished row was first handed out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use scf_sim::Cloud;
use tencentcloud::runtime::Clock;
use tencentcloud::{BoxFuture, HttpRequest, HttpResponse, Transport, TransportError};

use super::cloud;

/// Half of the time from a request to its answer.
const HALF_WAY: Duration = Duration::from_millis(50);
/// Digits of a UUID, and where its hyphens stand.
const UUID: usize = 36;
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

pub struct Gateway {
    cloud: Cloud,
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Start of the measured stretch, in Unix milliseconds.
    from_ms: i64,
    logs: u64,
    others: u64,
    /// Times at which each id was in an answer, in Unix milliseconds, ascending.
    handed_ms: HashMap<u128, Vec<i64>>,
}

/// Requests since the measured stretch began, and how long rows waited.
pub struct Waits {
    /// Requests for log rows, and for anything else.
    pub logs: u64,
    pub others: u64,
    /// Rows that became visible, and those of them that were not handed out.
    pub rows: usize,
    pub left: usize,
    /// Milliseconds from visible to handed out, ascending. Rows that are left wait until the end.
    waits_ms: Vec<i64>,
}

// === impl Gateway ===

impl Gateway {
    pub fn new(cloud: Cloud, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            cloud,
            clock,
            seen: Mutex::default(),
        })
    }

    /// Starts the measured stretch.
    pub fn begin(&self) {
        let (now_ms, mut seen) = (self.now_ms(), self.seen.lock());
        seen.from_ms = now_ms;
        (seen.logs, seen.others) = (0, 0);
    }

    /// Returns the waits until rows are handed out, which is within milliseconds of being counted.
    pub fn waits(&self) -> Waits {
        let (now_ms, seen) = (self.now_ms(), self.seen.lock());
        let rows = self.cloud.rows(now_ms, seen.from_ms);
        let mut attempts: HashMap<&str, usize> = HashMap::new();
        for row in &rows {
            *attempts.entry(&row.request_id).or_default() += 1;
        }
        let mut waits = Waits {
            logs: seen.logs,
            others: seen.others,
            rows: rows.len(),
            left: 0,
            waits_ms: Vec::new(),
        };
        for row in &rows {
            // Retries share an id, so it does not tell which of them was handed out.
            if row.retry > 0 || attempts[&*row.request_id] > 1 {
                continue;
            }
            let times = uuid_at(row.request_id.as_bytes()).and_then(|id| seen.handed_ms.get(&id));
            let mut times = times.into_iter().flatten();
            // Before that it was shown while it ran.
            let handed_ms = times.find(|at| **at >= row.visible_ms);
            waits.left += usize::from(handed_ms.is_none());
            waits
                .waits_ms
                .push(handed_ms.unwrap_or(&now_ms) - row.visible_ms);
        }
        waits.waits_ms.sort_unstable();
        waits
    }

    async fn answer(&self, request: HttpRequest) -> HttpResponse {
        let is_for_rows = asks_for_rows(&request);
        tokio::time::sleep(HALF_WAY).await;
        let now_ms = self.now_ms();
        let answer = cloud::answer(&self.cloud, now_ms, request);
        let mut seen = self.seen.lock();
        if is_for_rows {
            seen.logs += 1;
            seen.note(&answer.body, now_ms);
        } else {
            seen.others += 1;
        }
        answer
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millis()
    }
}

impl Transport for Gateway {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        Box::pin(async move {
            let answer = self.answer(request).await;
            tokio::time::sleep(HALF_WAY).await;
            Ok(answer)
        })
    }
}

/// Returns whether a request asks for log rows. API 3.0 names its action in a header, v2 among
/// the parameters.
fn asks_for_rows(request: &HttpRequest) -> bool {
    let mut headers = request.headers.iter();
    if let Some((_, action)) = headers.find(|(name, _)| name == "x-tc-action") {
        return action == "GetFunctionLogs" || action == "SearchLog";
    }
    let action = b"Action=GetFunctionLogs";
    let holds = |text: &[u8]| memchr::memmem::find(text, action).is_some();
    holds(request.url.as_bytes()) || holds(&request.body)
}

// === impl Seen ===

impl Seen {
    fn note(&mut self, body: &[u8], now_ms: i64) {
        for hyphen in memchr::memchr_iter(b'-', body) {
            let start = hyphen.checked_sub(HYPHENS[0]);
            if let Some(id) = start.and_then(|start| uuid_at(&body[start..])) {
                let times = self.handed_ms.entry(id).or_default();
                if times.last() != Some(&now_ms) {
                    times.push(now_ms);
                }
            }
        }
    }
}

/// Parses the UUID at the start of a text.
fn uuid_at(text: &[u8]) -> Option<u128> {
    let text = text.get(..UUID)?;
    let mut id = 0;
    for (place, &byte) in text.iter().enumerate() {
        if HYPHENS.contains(&place) {
            (byte == b'-').then_some(())?;
        } else {
            id = id << 4 | u128::from(char::from(byte).to_digit(16)?);
        }
    }
    Some(id)
}

// === impl Waits ===

impl Waits {
    /// Returns the wait in seconds that `part` of the rows do not exceed.
    pub fn seconds(&self, part: f64) -> f64 {
        let rank = (part * self.waits_ms.len() as f64).ceil() as usize;
        let wait = self.waits_ms.get(rank.max(1) - 1);
        wait.copied().unwrap_or(0) as f64 / 1e3
    }
}
