//! Bodies of the v2 API served over real HTTP to the whole exporter: what is counted, which
//! outcome a failure has, and that `/metrics` goes on being served.
#![allow(clippy::unwrap_used, reason = "a test may end at any surprise")]

#[path = "support/exposition.rs"]
mod exposition;
#[path = "support/http.rs"]
mod http;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exposition::Exposition;
use http::Prepared;
use scf_exporter::app::{App, Seams};
use scf_exporter::config::{self, CredentialsConfig, FilterOverrides, Overrides, SourceOverrides};
use scf_exporter::runtime::Runtime;
use scf_exporter::secret::Secret;
use scf_exporter::tencent::{HttpLimits, HttpTransport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// An exporter of function `helljin89` against one prepared answer.
struct Bench {
    prepared: Prepared,
    address: String,
    stop: oneshot::Sender<()>,
    app: JoinHandle<()>,
    _api: tokio::task::JoinSet<()>,
}

impl Bench {
    async fn start(status: u16, body: &[u8]) -> Self {
        let prepared: Prepared = Arc::new(Mutex::new((status, body.to_vec())));
        let (api, _api) = http::serve(prepared.clone()).await;
        let text = |value: &str| Some(value.to_owned());
        let overrides = Overrides {
            listen_address: text("127.0.0.1:0"),
            state_path: text(""),
            poll_interval: text("100ms"),
            idle_interval: text("100ms"),
            first_read: text("100y"),
            requests_per_second: text("1000"),
            source: SourceOverrides {
                api: text("v2"),
                region: text("ap-guangzhou"),
                endpoint: Some(format!("http://{api}")),
                functions: FilterOverrides {
                    names: vec!["helljin89".to_owned()],
                    ..FilterOverrides::default()
                },
                ..SourceOverrides::default()
            },
            ..Overrides::default()
        };
        let mut config = config::load(None, &overrides, &|_| None).unwrap();
        config.sources[0].credentials = CredentialsConfig::Explicit {
            secret_id: "AKIDtest".to_owned(),
            secret_key: Secret::new("key"),
            token: None,
        };
        let seams = Seams {
            runtime: Runtime::system(),
            transport: Arc::new(HttpTransport::new(HttpLimits::default())),
            environment: Arc::new(|_| None),
        };
        let app = App::build(&config, seams).await.unwrap();
        let address = app.address().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let app = tokio::spawn(app.run(async {
            let _told = stopped.await;
        }));
        Self {
            prepared,
            address,
            stop,
            app,
            _api,
        }
    }

    fn serve(&self, status: u16, body: &[u8]) {
        *self.prepared.lock().unwrap() = (status, body.to_vec());
    }

    async fn scrape(&self) -> Exposition {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.0\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{head}");
        Exposition::parse(body).unwrap()
    }

    /// Scrapes until `found` is content.
    async fn until(&self, what: &str, found: impl Fn(&Exposition) -> bool) -> Exposition {
        let asking = async {
            loop {
                let metrics = self.scrape().await;
                if found(&metrics) {
                    return metrics;
                }
            }
        };
        let answer = tokio::time::timeout(Duration::from_secs(20), asking).await;
        answer.unwrap_or_else(|_| panic!("not in time: {what}"))
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.app.await.unwrap();
    }
}

/// The documents' two rows, with values as printed there; the layout is ours.
fn documented(row: impl Fn(&str, &str) -> String) -> String {
    let rows = [
        row("b684ef85-250a-11e7-839d-5254007d2563", "0.241"),
        row("b6842e1a-250a-11e7-aaa8-525400edfec1", "0.269"),
    ];
    let rows = rows.join(",");
    format!(r#"{{"code":0,"message":"","codeDesc":"Success","total":189,"data":[{rows}]}}"#)
}

fn camel(id: &str, duration: &str) -> String {
    format!(
        r#"{{"functionName":"helljin89","retMsg":"no lambda_handler","requestId":"{id}",
        "startTime":"2017-04-19 22:16:00","retCode":1,"duration":{duration},"billDuration":100,
        "memUsage":131072,"log":""}}"#
    )
}

fn snake_in_strings(id: &str, duration: &str) -> String {
    format!(
        r#"{{"function_name":"helljin89","ret_msg":null,"request_id":"{id}",
        "start_time":"2017-04-19 22:16:00","ret_code":"1","duration":"{duration}",
        "bill_duration":"100","mem_usage":"131072"}}"#
    )
}

/// 2 invocations of code 1, 0.241 + 0.269 ms, 2 x 100 ms, 2 x 131072 bytes.
async fn gives_the_two_rows(body: &[u8]) {
    let bench = Bench::start(200, body).await;
    let function = [("function_name", "helljin89")];
    let counted = |metrics: &Exposition| {
        metrics.sum("scf_invocations_total", &[("ret_code", "1"), function[0]]) >= 2.0
    };
    bench.until("two invocations", counted).await;
    // The same rows come with every poll; they stay two.
    let polled = |metrics: &Exposition| {
        metrics.sum(
            "scf_exporter_records_total",
            &[("disposition", "duplicate")],
        ) >= 6.0
    };
    let metrics = bench.until("the same rows again", polled).await;
    assert_eq!(metrics.sum("scf_invocations_total", &function), 2.0);
    for (name, sum) in [
        ("scf_invocation_duration_seconds", "0.00051"),
        ("scf_invocation_billed_duration_seconds", "0.2"),
        ("scf_invocation_memory_usage_bytes", "262144"),
    ] {
        let samples = metrics.matching(&format!("{name}_sum"), &function);
        let texts: Vec<&str> = samples.iter().map(|sample| sample.text.as_str()).collect();
        assert_eq!(texts, [sum], "{name}");
        assert_eq!(
            metrics.sum(&format!("{name}_count"), &function),
            2.0,
            "{name}"
        );
    }
    bench.stop().await;
}

#[tokio::test]
async fn the_example_of_the_documents_is_counted_exactly() {
    gives_the_two_rows(documented(camel).as_bytes()).await;
    gives_the_two_rows(documented(snake_in_strings).as_bytes()).await;
}

/// Bodies of the shapes that the API is known to send, and the code under which each is counted.
fn odd_bodies() -> Vec<(&'static str, u16, Vec<u8>, &'static str)> {
    let error = |code: &str| format!(r#"{{"code":{code},"message":"(1)no","codeDesc":"No"}}"#);
    let mut bodies = vec![
        ("empty", 200, Vec::new(), "non_json"),
        (
            "page of a proxy",
            200,
            b"<html><h1>502 Bad Gateway</h1></html>".to_vec(),
            "non_json",
        ),
        ("status 502", 502, b"<html></html>".to_vec(), "http_502"),
        (
            "cut",
            200,
            documented(camel).into_bytes()[..200].to_vec(),
            "non_json",
        ),
        (
            "trailing comma",
            200,
            br#"{"code":0,"data":{"requestId":"x",}}"#.to_vec(),
            "non_json",
        ),
        (
            "code in a string",
            200,
            error("\"4102\"").into_bytes(),
            "4102",
        ),
        (
            "success without rows",
            200,
            br#"{"code":0,"message":""}"#.to_vec(),
            "no_payload",
        ),
        (
            "nothing found",
            200,
            br#"{"code":"0","message":"","data":[]}"#.to_vec(),
            "ok",
        ),
    ];
    for code in [
        "4000", "4100", "4104", "4400", "4500", "5000", "6000", "6100", "6200",
    ] {
        bodies.push((code, 200, error(code).into_bytes(), code));
    }
    bodies
}

#[tokio::test]
async fn every_odd_body_has_its_outcome_and_the_exporter_goes_on() {
    for (what, status, body, code) in odd_bodies() {
        let bench = Bench::start(status, &body).await;
        let labels = [("action", "GetFunctionLogs"), ("code", code)];
        let seen =
            |metrics: &Exposition| metrics.sum("scf_exporter_api_requests_total", &labels) >= 1.0;
        let metrics = bench.until(what, seen).await;
        assert_eq!(metrics.sum("scf_invocations_total", &[]), 0.0, "{what}");
        bench.stop().await;
    }
}

#[tokio::test]
async fn after_a_failure_the_next_poll_counts() {
    let bench = Bench::start(200, br#"{"code":4102,"message":"no","codeDesc":"x"}"#).await;
    let failed = |metrics: &Exposition| {
        metrics.sum("scf_exporter_polls_total", &[("result", "failure")]) >= 1.0
    };
    bench.until("a failed poll", failed).await;
    bench.serve(200, documented(camel).as_bytes());
    let counted = |metrics: &Exposition| metrics.sum("scf_invocations_total", &[]) == 2.0;
    bench.until("two invocations", counted).await;
    bench.stop().await;
}

/// The bodies kept beside the project, where they are.
fn recorded() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/responses");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no {}", folder.display());
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_v2 = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("v2_"))
    };
    paths.filter(is_v2).collect()
}

#[tokio::test]
async fn recorded_bodies_have_the_outcome_of_their_index() {
    for path in recorded() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let body = std::fs::read(&path).unwrap();
        let code = match name.as_str() {
            "v2_GetFunctionLogs_doc_helljin89"
            | "v2_GetFunctionLogs_doc_helljin89_snake_case_per_field_table" => {
                gives_the_two_rows(&body).await;
                continue;
            }
            "v2_success_code_string_doc" => "ok",
            // An answer to another action: there is no list of rows in it.
            "v2_ListFunctions_doc" => "no_payload",
            "v2_InvokeFunction_async_doc_trailing_comma"
            | "v2_InvokeFunction_sync_doc_missing_comma" => "non_json",
            "v2_error_AuthFailure_4100" => "4100",
            _ => name.split('_').nth(2).unwrap(),
        };
        let bench = Bench::start(200, &body).await;
        let labels = [("action", "GetFunctionLogs"), ("code", code)];
        let seen =
            |metrics: &Exposition| metrics.sum("scf_exporter_api_requests_total", &labels) >= 1.0;
        bench.until(&name, seen).await;
        bench.stop().await;
    }
}
