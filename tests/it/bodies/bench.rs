//! A whole exporter against a [`Script`], and what it shows.

use std::sync::Arc;
use std::time::Duration;

use scf_exporter::app::{App, Dependencies, Doors};
use scf_exporter::config::{self, Config, CredentialsConfig, Overrides};
use tencentcloud::runtime::Runtime;
use tencentcloud::secret::Secret;
use tencentcloud::{HttpLimits, HttpTransport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::responder::{self, Script};
use crate::support::exposition::Exposition;

/// The function of the project's own list, and the only one that v2 is asked for.
pub const WORKER: &str = "worker";
/// What API 3.0 and CLS answer to an action for which a test has no answer of its own.
const USUAL: [(&str, &str); 5] = [
    (
        "ListNamespaces",
        r#"{"Response":{"Namespaces":[{"Name":"default"}],"TotalCount":1,"RequestId":"n"}}"#,
    ),
    (
        "ListFunctions",
        r#"{"Response":{"Functions":[{"FunctionName":"worker"}],"TotalCount":1,"RequestId":"l"}}"#,
    ),
    (
        "GetFunction",
        r#"{"Response":{"MemorySize":64,"Timeout":7,"Runtime":"Go1","ClsTopicId":"topic-1",
            "RequestId":"g"}}"#,
    ),
    (
        "GetFunctionLogs",
        r#"{"Response":{"TotalCount":0,"Data":[],"RequestId":"e"}}"#,
    ),
    (
        "SearchLog",
        r#"{"Response":{"Context":"","ListOver":true,"Results":[],"RequestId":"s"}}"#,
    ),
];

/// An exporter at work.
pub struct Bench {
    script: Arc<Script>,
    address: String,
    stop: oneshot::Sender<()>,
    app: JoinHandle<()>,
    _api: JoinSet<()>,
}

impl Bench {
    /// An exporter that reads by `api` and is answered `body` with `status` to `action`.
    pub async fn start(api: &str, action: &str, status: u16, body: &[u8]) -> Self {
        let script = Arc::new(Script::default());
        {
            let mut answers = script.answers.lock().unwrap();
            let usual = USUAL.map(|(action, body)| (action.to_owned(), (200, body.into())));
            answers.extend(usual);
            answers.insert(action.to_owned(), (status, body.to_vec()));
        }
        let (endpoint, _api) = responder::serve(script.clone()).await;
        let dependencies = Dependencies {
            runtime: Runtime::system(),
            transport: Arc::new(HttpTransport::new(HttpLimits::default())),
            environment: Arc::new(|_| None),
            disk: None,
        };
        let config = config(api, &endpoint);
        let doors = Doors::open(&config).await.unwrap();
        let address = doors.addresses().unwrap()[0].to_string();
        let app = App::build(&config, doors, dependencies).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let app = tokio::spawn(app.run(async {
            let _told = stopped.await;
        }));
        Self {
            script,
            address,
            stop,
            app,
            _api,
        }
    }

    /// Answers `action` otherwise from now on.
    pub fn serve(&self, action: &str, status: u16, body: &[u8]) {
        let answer = (status, body.to_vec());
        let mut answers = self.script.answers.lock().unwrap();
        answers.insert(action.to_owned(), answer);
    }

    /// The last request of this action, if there was any.
    pub fn asked(&self, action: &str) -> Option<String> {
        self.script.asked.lock().unwrap().get(action).cloned()
    }

    /// A page of the exporter, which must be there.
    pub async fn page(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{head}");
        body.to_owned()
    }

    /// The metrics as they are now.
    pub async fn scrape(&self) -> Exposition {
        Exposition::parse(&self.page("/metrics").await).unwrap()
    }

    /// Scrapes until `missing` misses nothing; `what` is for the message.
    pub async fn until(
        &self,
        what: &str,
        missing: impl Fn(&Exposition) -> Option<String>,
    ) -> Exposition {
        let last = std::sync::Mutex::new(None);
        let asking = async {
            loop {
                let metrics = self.scrape().await;
                let missed = missing(&metrics);
                if missed.is_none() {
                    return metrics;
                }
                *last.lock().unwrap() = missed;
            }
        };
        let answer = tokio::time::timeout(Duration::from_secs(30), asking).await;
        answer.unwrap_or_else(|_| panic!("{what}: not in time: {last:?}"))
    }

    /// Stops the exporter and waits for its end.
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.app.await.unwrap();
    }
}

/// Long enough back that the documents' rows are no older than the first read.
fn config(api: &str, endpoint: &str) -> Config {
    let text = |value: &str| Some(value.to_owned());
    let names = match api {
        "v2" => vec![WORKER.to_owned(), "thumbs".to_owned()],
        _ => Vec::new(),
    };
    let overrides = Overrides::default()
        .with("web.listen_address", vec!["127.0.0.1:0".to_owned()])
        .with("state.path", text(""))
        .with("poll.interval", text("100ms"))
        .with("poll.idle_interval", text("100ms"))
        .with("poll.first_read", text("100y"))
        .with("web.zero_first", text("0s"))
        .with("limits.requests_per_second", text("1000"))
        .with("sources[].api", text(api))
        .with("sources[].region", text("ap-guangzhou"))
        .with("sources[].endpoint", Some(format!("http://{endpoint}")))
        .with("sources[].functions.names", names);
    let mut config = config::load(None, &overrides, &|_| None).unwrap();
    config.sources[0].credentials = CredentialsConfig::Explicit {
        secret_id: "AKIDtest".to_owned(),
        secret_key: Secret::new("key"),
        token: None,
    };
    config
}
