//! The network between the exporter and the simulated cloud: it takes time, breaks off, keeps
//! count of what is under way and writes everything down.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scf_sim::{Cloud, Request};
use tencentcloud::runtime::{Random, Runtime};
use tencentcloud::{BoxFuture, HttpRequest, HttpResponse, Transport, TransportError};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::deadline::Seen;
use super::plan::Story;

const LOST_CONTEXT: &str = r#"{"Response":{"Error":{"Code":"FailedOperation.InvalidContext","Message":"the context is not known"},"RequestId":"1"}}"#;

/// A slower answer disturbs a poll.
const SLOW: Duration = Duration::from_secs(1);

/// The log of a run: what happened, in its order, one line each.
pub struct Log {
    runtime: Runtime,
    origin_ms: i64,
    text: Mutex<String>,
}

/// The network.
pub struct Wire {
    cloud: Arc<Cloud>,
    log: Arc<Log>,
    latency: Duration,
    lost_contexts: f64,
    /// From when until when, by the log's clock, reads of many functions are refused.
    wide_refused_ms: Option<(i64, i64)>,
    random: Random,
    out_of_reach_until_ms: AtomicI64,
    stormy_until_ms: AtomicI64,
    /// Requests under way by service, and the most there ever were.
    under_way: Mutex<BTreeMap<String, (u64, u64)>>,
    requests: AtomicU64,
    answers: AtomicU64,
    rows: AtomicU64,
    /// What matters for deadlines.
    pub seen: Seen,
    /// The same world without anything wrong in what becomes of requests, and from when until when
    /// it answers.
    calm: Option<(Cloud, i64, i64)>,
    /// Told of each answer that arrived.
    pub answered: Notify,
}

/// A request under way; no more once dropped, whether answered or given up.
struct UnderWay<'a>(&'a Wire, String);

// === impl Log ===

impl Log {
    pub fn new(runtime: Runtime) -> Self {
        let origin_ms = runtime.now().as_millis();
        Self {
            runtime,
            origin_ms,
            text: Mutex::default(),
        }
    }

    /// Writes a line.
    pub fn line(&self, text: &str) {
        let ms = self.runtime.now().as_millis() - self.origin_ms;
        let mut log = self.text.lock().expect("nobody panics with it");
        writeln!(log, "{ms} {text}").expect("a String takes all");
    }

    pub fn text(&self) -> String {
        self.text.lock().expect("nobody panics with it").clone()
    }
}

// === impl Wire ===

impl Wire {
    pub fn new(cloud: Arc<Cloud>, log: Arc<Log>, story: &Story) -> Arc<Self> {
        let ms = |span: Duration| log.origin_ms + span.as_millis() as i64;
        let refused = |(after, lasting)| (ms(after), ms(after + lasting));
        let calm = story.calm.map(|(after, lasting)| {
            let twin = Cloud::new(story.calm_world());
            (twin, ms(after), ms(after + lasting))
        });
        Arc::new(Self {
            wide_refused_ms: story.wide_refused.map(refused),
            cloud,
            log,
            latency: story.latency,
            lost_contexts: story.lost_contexts,
            random: Random::seeded(story.seed ^ 0x7713_E000_0000_0000),
            out_of_reach_until_ms: AtomicI64::new(i64::MIN),
            stormy_until_ms: AtomicI64::new(i64::MIN),
            under_way: Mutex::default(),
            requests: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            seen: Seen::default(),
            calm,
            answered: Notify::new(),
        })
    }

    /// The cloud cannot be reached for so long.
    pub fn cut_off_for(&self, span: Duration) {
        let until_ms = self.now_ms() + span.as_millis() as i64;
        self.out_of_reach_until_ms
            .fetch_max(until_ms, Ordering::Relaxed);
    }

    /// Every request is throttled for so long.
    pub fn storm_for(&self, span: Duration) {
        let until_ms = self.now_ms() + span.as_millis() as i64;
        self.stormy_until_ms.fetch_max(until_ms, Ordering::Relaxed);
    }

    /// Requests sent.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Log rows in all answers that arrived whole.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// The most requests that one service ever had under way, since the last call of this. What
    /// takes over another configuration looks for keys while the other one renews its own: these
    /// are left out where there may be `two`.
    pub fn take_most_under_way(&self, two: bool) -> u64 {
        let mut under_way = self.under_way.lock().expect("nobody panics with it");
        let counts = |service: &str| !two || ["functions", "logs"].contains(&service);
        let counted = under_way.iter().filter(|(service, _)| counts(service));
        let most = counted.map(|(_, (_, most))| *most).max();
        under_way.values_mut().for_each(|(now, most)| *most = *now);
        most.unwrap_or(0)
    }

    fn now_ms(&self) -> i64 {
        self.log.runtime.now().as_millis()
    }

    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let asked = Asked::of(&request);
        let _under_way = UnderWay::begin(self, asked.service());
        sleep(self.random.jitter(self.latency)).await;
        let what = asked.action.clone();
        let is_log = asked.is_log();
        if asked.action == "GetFunctionLogs" {
            self.seen.asked(self.now_ms());
        }
        let outcome = self.outcome(asked, request).await;
        if !outcome.as_ref().is_ok_and(is_good) {
            self.seen.bad(self.now_ms());
        }
        sleep(self.random.jitter(self.latency)).await;
        let text = match &outcome {
            Ok(response) => {
                let rows = if is_log { rows_in(&response.body) } else { 0 };
                self.rows.fetch_add(rows, Ordering::Relaxed);
                format!("{} {} B {rows} rows", response.status, response.body.len())
            }
            Err(error) => error.to_string(),
        };
        self.log.line(&format!("request {number} {what}: {text}"));
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.answered.notify_waiters();
        outcome
    }

    async fn outcome(
        &self,
        asked: Asked,
        request: HttpRequest,
    ) -> Result<HttpResponse, TransportError> {
        let (host, now_ms) = (asked.host.clone(), self.now_ms());
        if now_ms < self.out_of_reach_until_ms.load(Ordering::Relaxed) {
            let reason = "no route".to_owned();
            return Err(TransportError::Connect { host, reason });
        }
        if now_ms < self.stormy_until_ms.load(Ordering::Relaxed) && !asked.is_metadata() {
            return Ok(asked.throttled());
        }
        if asked.has_context() && self.random.unit() < self.lost_contexts {
            return Ok(HttpResponse::new(200, LOST_CONTEXT));
        }
        let refused = |(from, to): (i64, i64)| (from..to).contains(&now_ms);
        if asked.is_wide() && self.wide_refused_ms.is_some_and(refused) {
            return Ok(asked.refused());
        }
        let calm = self.calm.as_ref();
        let calm = calm.filter(|(_, from, to)| (*from..*to).contains(&now_ms));
        let is_rows = asked.action == "GetFunctionLogs";
        let cloud = match calm {
            Some((calm, ..)) if is_rows => calm,
            _ => &self.cloud,
        };
        let response = cloud.handle(
            now_ms,
            &Request {
                method: request.method.as_str().to_owned(),
                path: asked.path,
                query: asked.query,
                host: asked.host,
                headers: request.headers.clone(),
                body: request.body.to_vec(),
            },
        );
        if response.delay > SLOW {
            self.seen.bad(now_ms);
        }
        sleep(response.delay).await;
        if let Some(received) = response.cut_after {
            return Err(TransportError::CutBody {
                host,
                reason: "cut".to_owned(),
                received,
            });
        }
        if is_rows {
            self.seen.handed(now_ms, &response.body);
        }
        let mut answer = HttpResponse::new(response.status, response.body);
        let headers = response.headers.into_iter();
        answer.headers = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        Ok(answer)
    }
}

impl Transport for Wire {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        Box::pin(self.answer(request))
    }
}

/// What a request is, as far as the network sees it.
struct Asked {
    host: String,
    path: String,
    query: String,
    action: String,
    body: String,
}

impl Asked {
    fn of(request: &HttpRequest) -> Self {
        let (_, rest) = request.url.split_once("://").unwrap_or(("", &request.url));
        let (host, target) = rest.split_once('/').unwrap_or((rest, ""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let mut headers = request.headers.iter();
        let named = headers.find(|(name, _)| name == "x-tc-action");
        let in_form = || {
            let mut pairs = query.split('&').chain(body.split('&'));
            pairs.find_map(|pair| pair.strip_prefix("Action=").map(str::to_owned))
        };
        let action = named.map(|(_, action)| action.clone()).or_else(in_form);
        Self {
            host: host.to_owned(),
            path: format!("/{path}"),
            query: query.to_owned(),
            action: action.unwrap_or_else(|| target.to_owned()),
            body,
        }
    }

    /// Whose limit of requests under way it comes under.
    fn service(&self) -> String {
        match self.action.as_str() {
            "SearchLog" => "logs".to_owned(),
            action if action.starts_with("AssumeRole") => "keys".to_owned(),
            _ if self.is_metadata() => "metadata".to_owned(),
            _ => "functions".to_owned(),
        }
    }

    /// Whether it asks for the rows that count; a look at the lines themselves does not.
    fn is_log(&self) -> bool {
        match self.action.as_str() {
            "SearchLog" => self.body.contains("Report"),
            action => action == "GetFunctionLogs",
        }
    }

    /// Whether it goes on where another one ended.
    fn has_context(&self) -> bool {
        self.body.contains("\"Context\":\"") && !self.body.contains("\"Context\":\"\"")
    }

    fn is_metadata(&self) -> bool {
        self.path.contains("meta-data")
    }

    /// Whether it asks for the logs of a function without saying of which.
    fn is_wide(&self) -> bool {
        let names = |text: &str| self.body.contains(text) || self.query.contains(text);
        self.action == "GetFunctionLogs" && !names("functionName=") && !names("\"FunctionName\":")
    }

    fn throttled(&self) -> HttpResponse {
        self.error(4400, "RequestLimitExceeded", "RequestLimitExceeded")
    }

    fn refused(&self) -> HttpResponse {
        self.error(
            4000,
            "InvalidParameter",
            "InvalidParameterValue.FunctionName",
        )
    }

    /// An error of v2, by number and name, or of API 3.0.
    fn error(&self, number: u32, name: &str, code: &str) -> HttpResponse {
        let body = if self.path.starts_with("/v2/") {
            format!(r#"{{"code":{number},"message":"no","codeDesc":"{name}"}}"#)
        } else {
            let error = format!(r#"{{"Code":"{code}","Message":"no"}}"#);
            format!(r#"{{"Response":{{"Error":{error},"RequestId":"1"}}}}"#)
        };
        HttpResponse::new(200, body.into_bytes())
    }
}

/// Whether an answer brings what was asked for.
fn is_good(response: &HttpResponse) -> bool {
    let head = &response.body[..response.body.len().min(60)];
    let text = String::from_utf8_lossy(head).replace('"', "");
    let is_refused =
        text.contains("Error:") || (text.contains("code:") && !text.contains("code:0"));
    response.status == 200 && !response.body.is_empty() && !is_refused
}

/// Returns whether the simulated cloud wrote an escape that JSON does not know into an answer:
/// nobody can read its rows.
pub fn is_spoilt(body: &[u8]) -> bool {
    let mark = br#","odd":"\x""#;
    body.windows(mark.len()).any(|part| part == mark)
}

/// Rows of calls in an answer, whatever API it is of: v2 rows have `requestId`, those of API 3.0
/// `RequestId`, as has the envelope, and log lines have their text inside a string.
fn rows_in(body: &[u8]) -> u64 {
    if is_spoilt(body) {
        return 0;
    }
    let text = String::from_utf8_lossy(body);
    let count = |what: &str| text.matches(what).count() as u64;
    if text.contains("\"Results\":") {
        return count(r#"\"SCF_Message\":\"Report RequestId"#);
    }
    if text.contains("\"TotalCount\":") {
        return count("\"RequestId\":").saturating_sub(1);
    }
    count("\"requestId\":") + count("\"request_id\":")
}

// === impl UnderWay ===

impl<'a> UnderWay<'a> {
    fn begin(wire: &'a Wire, service: String) -> Self {
        let mut under_way = wire.under_way.lock().expect("nobody panics with it");
        let (now, most) = under_way.entry(service.clone()).or_default();
        *now += 1;
        *most = (*now).max(*most);
        drop(under_way);
        Self(wire, service)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut under_way = self.0.under_way.lock().expect("nobody panics with it");
        if let Some((now, _)) = under_way.get_mut(&self.1) {
            *now -= 1;
        }
    }
}
