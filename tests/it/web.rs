//! The server over real sockets: what it answers, and what a client cannot make it do.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::GzDecoder;
use scf_exporter::config::ListenAddress;
use scf_exporter::metrics::{FunctionSeries, Snapshot};
use scf_exporter::model::{FunctionId, RetCode, Timestamp};
use scf_exporter::telemetry::{Awaited, BuildInfo, Issue, Telemetry, Unread};
use scf_exporter::web::{
    Limits, Readiness, Site, Status, TargetStatus, View, WebConfig, bind, serve,
};
use tencentcloud::runtime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::exposition::Exposition;

/// How long an answer may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);
/// More than loopback sockets hold, so that a client that does not read is noticed.
const MANY: usize = 6_000;

struct House {
    snapshot: Arc<Snapshot>,
    readiness: Readiness,
}

impl View for House {
    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    fn status(&self) -> Status {
        let throttled = Issue::of("4400", "throttled <4400>", "ask less");
        Status {
            now: Timestamp::from_secs(1_000),
            targets: vec![TargetStatus {
                name: "ap-test/default/f0".into(),
                trouble: Some(throttled.met(None, Timestamp::from_secs(900))),
                ..TargetStatus::default()
            }],
            ..Status::default()
        }
    }
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

struct Answer {
    head: String,
    body: Vec<u8>,
}

async fn start_with(functions: usize, readiness: Readiness, limits: Limits) -> Running {
    let series = (0..functions).map(|number| {
        let function = FunctionId::new("ap-test", "default", &format!("f{number}"));
        Arc::new(FunctionSeries::new(function, RetCode::ZERO))
    });
    let house = House {
        snapshot: Arc::new(Snapshot::new(1, false, series.collect())),
        readiness,
    };
    let telemetry = Telemetry::new(&BuildInfo::current()).unwrap();
    let site = Site::new(Arc::new(house), Arc::new(telemetry), "/metrics").unwrap();
    let listener = bind(&ListenAddress::parse("127.0.0.1:0").unwrap())
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move {
        let _ = stopped.await;
    };
    let ended = runtime::spawn(serve(
        vec![listener],
        Arc::new(site),
        Arc::new(WebConfig::none()),
        limits,
        shutdown,
    ));
    Running {
        address,
        stop,
        ended,
    }
}

async fn start(functions: usize) -> Running {
    start_with(functions, Readiness::Ready, Limits::default()).await
}

/// Sends `request` and reads until the server closes.
async fn exchange(address: SocketAddr, request: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // Only a server at fault comes near this.
    timeout(PATIENCE, read).await.expect("an answer").unwrap();
    answer
}

fn request(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}Connection: close\r\n\r\n")
}

async fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> Answer {
    split(&exchange(address, &request(method, path, headers)).await)
}

/// Head in lower case and body, chunks put together.
fn split(answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.expect("a head") + 4;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let mut body = answer[end..].to_vec();
    if head.contains("transfer-encoding: chunked") && !body.is_empty() {
        body = dechunk(&body).expect("whole chunks");
    }
    Answer { head, body }
}

/// The chunks put together; `None` where the last one is missing.
fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?;
        let size = usize::from_str_radix(size, 16).ok()?;
        rest = &rest[line + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

#[tokio::test]
async fn metrics_come_with_the_exact_type_plain_and_packed() {
    let server = start(50).await;
    let plain = ask(server.address, "GET", "/metrics?any=query", "").await;
    assert!(plain.head.starts_with("http/1.1 200 "), "{}", plain.head);
    let exact = "\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(plain.head.contains(exact), "{}", plain.head);
    assert!(plain.head.contains("\r\nvary: accept, accept-encoding\r\n"));
    assert!(!plain.head.contains("content-encoding"));
    let scrape = Exposition::parse(text(&plain)).unwrap();
    assert_eq!(
        scrape.family("scf_function_info").unwrap().samples.len(),
        50
    );

    let headers = "Accept-Encoding: gzip\r\n";
    let packed = ask(server.address, "GET", "/metrics", headers).await;
    assert!(packed.head.contains(exact));
    assert!(packed.head.contains("\r\ncontent-encoding: gzip\r\n"));
    let mut unpacked = String::new();
    let mut decoder = GzDecoder::new(packed.body.as_slice());
    decoder.read_to_string(&mut unpacked).unwrap();
    let scrape = Exposition::parse(&unpacked).unwrap();
    assert_eq!(
        scrape.family("scf_function_info").unwrap().samples.len(),
        50
    );

    let refused = "Accept-Encoding: deflate\r\nAccept-Encoding: gzip;q=0\r\n";
    let plain = ask(server.address, "GET", "/metrics", refused).await;
    assert!(!plain.head.contains("content-encoding"));
}

#[tokio::test]
async fn each_scraper_gets_the_format_it_asks_for() {
    let server = start(3).await;
    let open = "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5\r\n\
                Accept: text/plain;version=0.0.4;q=0.2,*/*;q=0.1\r\n";
    let answer = ask(server.address, "GET", "/metrics", open).await;
    let exact = "\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8; \
                 escaping=allow-utf-8\r\n";
    assert!(answer.head.contains(exact), "{}", answer.head);
    assert!(text(&answer).ends_with("\n# EOF\n"));
    assert!(text(&answer).contains("\n# TYPE scf_exporter_commit_errors counter\n"));

    let proto = "Accept: application/vnd.google.protobuf;\
                 proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,*/*;q=0.5\r\n\
                 Accept-Encoding: gzip\r\n";
    let answer = ask(server.address, "GET", "/metrics", proto).await;
    let exact = "\r\ncontent-type: application/vnd.google.protobuf; \
                 proto=io.prometheus.client.metricfamily; encoding=delimited\r\n";
    assert!(answer.head.contains(exact), "{}", answer.head);
    let mut body = Vec::new();
    let mut decoder = GzDecoder::new(answer.body.as_slice());
    decoder.read_to_end(&mut body).unwrap();
    let families = crate::support::protobuf::parse(&body).unwrap();
    let info = families
        .iter()
        .find(|family| family.name() == "scf_function_info");
    assert_eq!(info.unwrap().metric.len(), 3);
}

#[tokio::test]
async fn a_head_request_gets_the_head_alone() {
    let server = start(3).await;
    for path in ["/", "/metrics", "/api/v1/status", "/-/healthy", "/-/ready"] {
        let get = ask(server.address, "GET", path, "").await;
        let head = ask(server.address, "HEAD", path, "").await;
        assert!(
            head.head.starts_with("http/1.1 200 "),
            "{path}: {}",
            head.head
        );
        assert!(head.body.is_empty(), "{path}");
        let type_of = |answer: &Answer| {
            let mut lines = answer.head.lines().map(str::to_owned);
            lines.find(|line| line.starts_with("content-type:"))
        };
        assert_eq!(type_of(&head), type_of(&get), "{path}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_told_what_there_is() {
    let server = start(0).await;
    let missing = ask(server.address, "GET", "/metrics/", "").await;
    assert!(missing.head.starts_with("http/1.1 404 "));
    for path in ["/metrics", "/-/healthy", "/-/ready"] {
        assert!(text(&missing).contains(path));
    }
    let body = "Content-Length: 5\r\n";
    let raw = request("POST", "/metrics", body) + "hello";
    let refused = split(&exchange(server.address, &raw).await);
    assert!(refused.head.starts_with("http/1.1 405 "));
    assert!(refused.head.contains("\r\nallow: get, head\r\n"));
    let long = format!("/{}", "x".repeat(3_000));
    let refused = ask(server.address, "GET", &long, "").await;
    assert!(refused.head.starts_with("http/1.1 414 "));
    let headers = format!("X-Long: {}\r\n", "x".repeat(20_000));
    let refused = ask(server.address, "GET", "/", &headers).await;
    assert!(
        refused.head.starts_with("http/1.1 431 "),
        "{}",
        refused.head
    );
}

#[tokio::test]
async fn the_landing_page_and_the_probes_tell_the_state() {
    let unread = |source: &str, why| Unread {
        source: source.to_owned(),
        why,
    };
    let waiting = Readiness::Waiting(vec![
        unread("paris", Awaited::Success),
        unread("guangzhou", Awaited::Functions),
    ]);
    let server = start_with(0, waiting, Limits::default()).await;
    let ready = ask(server.address, "GET", "/-/ready", "").await;
    assert!(ready.head.starts_with("http/1.1 503 "));
    for words in [
        "paris: every read of its targets has failed",
        "guangzhou: its functions are not known yet",
    ] {
        assert!(text(&ready).contains(words), "{}", text(&ready));
    }
    let healthy = ask(server.address, "GET", "/-/healthy", "").await;
    assert!(healthy.head.starts_with("http/1.1 200 "));
    let landing = ask(server.address, "GET", "/", "").await;
    assert!(
        landing
            .head
            .contains("\r\ncontent-type: text/html; charset=utf-8\r\n")
    );
    assert!(text(&landing).contains("throttled &#60;4400&#62;"));
    assert!(text(&landing).contains("href=\"metrics\""));

    let server = start_with(0, Readiness::Ready, Limits::default()).await;
    let ready = ask(server.address, "GET", "/-/ready", "").await;
    assert!(ready.head.starts_with("http/1.1 200 "));
}

#[tokio::test]
async fn the_status_comes_as_a_page_with_its_files_and_as_json() {
    let server = start(0).await;
    let page = ask(server.address, "GET", "/", "").await;
    let policy =
        "\r\ncontent-security-policy: default-src 'none'; style-src 'self'; script-src 'self'; ";
    assert!(page.head.contains(policy), "{}", page.head);
    for unsafe_word in ["unsafe-inline", "unsafe-eval", "*"] {
        assert!(!page.head.contains(unsafe_word), "{}", page.head);
    }
    // What the policy forbids is not there: no script, style or handler within the page.
    for inline in ["<style", " style=", " onclick=", " onload=", "javascript:"] {
        assert!(!text(&page).contains(inline), "{inline}");
    }
    assert_eq!(text(&page).matches("<script").count(), 1);
    for (path, kind) in [
        ("-/status.css", "text/css; charset=utf-8"),
        ("-/status.js", "text/javascript; charset=utf-8"),
        ("-/status.svg", "image/svg+xml"),
    ] {
        assert!(text(&page).contains(&format!("\"{path}\"")), "{path}");
        let file = ask(server.address, "GET", &format!("/{path}"), "").await;
        assert!(file.head.starts_with("http/1.1 200 "), "{}", file.head);
        assert!(file.head.contains(&format!("\r\ncontent-type: {kind}\r\n")));
        assert!(
            file.head
                .contains("\r\nx-content-type-options: nosniff\r\n")
        );
    }
    let json = ask(
        server.address,
        "GET",
        "/api/v1/status",
        "Accept-Encoding: gzip\r\n",
    )
    .await;
    assert!(
        json.head.contains("\r\ncontent-type: application/json\r\n"),
        "{}",
        json.head
    );
    let status: serde_json::Value =
        serde_json::from_reader(GzDecoder::new(json.body.as_slice())).unwrap();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    let target = &status["targets"][0];
    assert_eq!(target["health"], "failing");
    assert_eq!(target["error"]["message"], "throttled <4400>");
    assert_eq!(target["error"]["advice"], "ask less");
    assert_eq!(target["error"]["since_timestamp_seconds"], 900.0);
    assert_eq!(
        target["watermark_timestamp_seconds"],
        serde_json::Value::Null
    );
}

#[tokio::test]
async fn requests_may_follow_without_waiting_for_answers() {
    let server = start(1).await;
    let keep = "GET /-/healthy HTTP/1.1\r\nHost: test\r\n\r\n";
    let all = [keep, keep, &request("GET", "/-/ready", "")].concat();
    let answers = exchange(server.address, &all).await;
    let answers = String::from_utf8(answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3);
    assert!(answers.ends_with("scf-exporter is ready\n"));
}

#[tokio::test]
async fn an_old_client_gets_the_metrics_without_chunks() {
    let server = start(1).await;
    let answer = split(&exchange(server.address, "GET /metrics HTTP/1.0\r\n\r\n").await);
    assert!(!answer.head.contains("transfer-encoding"));
    Exposition::parse(text(&answer)).unwrap();
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut_off_and_makes_room() {
    let limits = Limits {
        connections: 1,
        next_request: Duration::from_millis(300),
        ..Limits::default()
    };
    let server = start_with(MANY, Readiness::Ready, limits).await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let raw = request("GET", "/metrics", "");
    slow.write_all(raw.as_bytes()).await.unwrap();
    slow.readable().await.unwrap();
    // The only place is taken: this answer comes once the slow one has lost it.
    let next = ask(server.address, "GET", "/-/healthy", "").await;
    assert!(next.head.starts_with("http/1.1 200 "));
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest).await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the answer was cut short");
}

#[tokio::test]
async fn a_client_that_sends_nothing_or_no_end_makes_room() {
    let limits = Limits {
        connections: 1,
        first_request: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = start_with(0, Readiness::Ready, limits).await;
    for start in ["", "GET /metrics HT"] {
        let mut idle = TcpStream::connect(server.address).await.unwrap();
        idle.write_all(start.as_bytes()).await.unwrap();
        let next = ask(server.address, "GET", "/-/healthy", "").await;
        assert!(next.head.starts_with("http/1.1 200 "));
        let mut rest = Vec::new();
        let _ = idle.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn more_clients_than_places_are_all_served() {
    let limits = Limits {
        connections: 4,
        ..Limits::default()
    };
    let server = start_with(20, Readiness::Ready, limits).await;
    let address = server.address;
    let clients: Vec<_> = (0..40)
        .map(|_| runtime::spawn(async move { ask(address, "GET", "/metrics", "").await }))
        .collect();
    for client in clients {
        let answer = client.await.unwrap();
        assert!(answer.head.starts_with("http/1.1 200 "));
        Exposition::parse(text(&answer)).unwrap();
    }
}

#[tokio::test]
async fn a_stop_lets_the_scrape_in_flight_end_and_accepts_nothing_new() {
    let server = start(MANY).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let mut scraper = TcpStream::connect(server.address).await.unwrap();
    let raw = "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n";
    scraper.write_all(raw.as_bytes()).await.unwrap();
    scraper.readable().await.unwrap();
    server.stop.send(()).unwrap();
    let mut answer = Vec::new();
    scraper.read_to_end(&mut answer).await.unwrap();
    // Chunks end in an empty one: the answer is whole.
    let answer = split(&answer);
    let functions = text(&answer).matches("\nscf_function_info{").count();
    assert_eq!(functions, MANY);
    server.ended.await.unwrap();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0, "closed");
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let limits = Limits {
        drain: Duration::from_millis(100),
        ..Limits::default()
    };
    let server = start_with(MANY, Readiness::Ready, limits).await;
    let mut stuck = TcpStream::connect(server.address).await.unwrap();
    let raw = request("GET", "/metrics", "");
    stuck.write_all(raw.as_bytes()).await.unwrap();
    stuck.readable().await.unwrap();
    server.stop.send(()).unwrap();
    server.ended.await.unwrap();
}

#[test]
fn a_telemetry_path_that_would_hide_a_page_is_refused() {
    let house = || {
        Arc::new(House {
            snapshot: Arc::default(),
            readiness: Readiness::Ready,
        })
    };
    let telemetry = Arc::new(Telemetry::new(&BuildInfo::current()).unwrap());
    for path in [
        "",
        "/",
        "metrics",
        "/-/ready",
        "/api/v1/status",
        "/m\"x",
        "/a b",
        "/\u{e9}",
    ] {
        let error = Site::new(house(), Arc::clone(&telemetry), path).unwrap_err();
        assert!(error.to_string().contains("/metrics"), "{error}");
    }
    Site::new(house(), telemetry, "/scf/metrics").unwrap();
}
