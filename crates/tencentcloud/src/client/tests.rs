use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

mod outcomes;
mod pages;
mod responses;
mod skew;

use super::*;
use crate::Timestamp;
use crate::codes::ErrorClass;
use crate::credentials::{CredentialError, Credentials};
use crate::envelope::parse_head;
use crate::retry::RetryBudget;
use crate::runtime;
use crate::secret::Secret;
use crate::service::Service;
use crate::transport::{BoxFuture, HttpRequest, TransportError};

const OK: &str = r#"{"code":0,"message":"","codeDesc":"Success","data":[]}"#;
const THROTTLED: &str = r#"{"code":4400,"message":"request quota exceeded","codeDesc":"x"}"#;
const KEY: &str = "k3y-that-must-not-show";
const TOKEN: &str = "t0ken+that/must not show";

type ScriptedResult = Result<HttpResponse, TransportError>;

/// Returns responses from a list, the last one again and again, each after the same time. Records
/// the requests and the reports of the client.
struct Script {
    labels: Mutex<Vec<String>>,
    answers: Mutex<VecDeque<ScriptedResult>>,
    takes: Duration,
    seen: Mutex<Vec<(Duration, HttpRequest)>>,
    started: Instant,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

/// Gives one pair of credentials and, once they were refused, another.
struct Rotating(Mutex<VecDeque<Credentials>>);

impl Script {
    fn new(answers: impl IntoIterator<Item = ScriptedResult>) -> Arc<Self> {
        Self::taking(Duration::ZERO, answers)
    }

    fn taking(takes: Duration, answers: impl IntoIterator<Item = ScriptedResult>) -> Arc<Self> {
        Arc::new(Self {
            labels: Mutex::default(),
            answers: Mutex::new(answers.into_iter().collect()),
            takes,
            seen: Mutex::default(),
            started: Instant::now(),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    fn requests(&self) -> Vec<HttpRequest> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(_, request)| request.clone()).collect()
    }

    fn times(&self) -> Vec<Duration> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|(at, _)| *at).collect()
    }

    /// Returns one parameter or header of every request.
    fn each(&self, of: impl Fn(&HttpRequest) -> String) -> Vec<String> {
        self.requests().iter().map(of).collect()
    }

    fn labels(&self) -> Vec<String> {
        self.labels.lock().unwrap().clone()
    }
}

impl Transport for Script {
    fn send<'a>(&'a self, request: HttpRequest) -> BoxFuture<'a, ScriptedResult> {
        Box::pin(async move {
            let at = self.started.elapsed();
            self.seen.lock().unwrap().push((at, request));
            let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(self.takes).await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            let mut answers = self.answers.lock().unwrap();
            match answers.len() {
                1 => answers[0].clone(),
                _ => answers.pop_front().unwrap(),
            }
        })
    }
}

impl CallObserver for Script {
    fn attempt(&self, api: &'static str, action: &str, code: &'static str, _: Duration) {
        let label = format!("{api} {action} {code}");
        self.labels.lock().unwrap().push(label);
    }

    fn clock_offset(&self, api: &'static str, offset_ms: i64) {
        let label = format!("{api} clock {offset_ms}");
        self.labels.lock().unwrap().push(label);
    }
}

impl CredentialProvider for Rotating {
    fn current(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async {
            let known = self.0.lock().unwrap();
            let looked_at = vec!["a test".to_owned()];
            known
                .front()
                .cloned()
                .ok_or(CredentialError::NotFound { looked_at })
        })
    }

    fn refused<'a>(&'a self, _: &'a Credentials) -> BoxFuture<'a, bool> {
        Box::pin(async {
            let mut known = self.0.lock().unwrap();
            let newer = known.len() > 1;
            if newer {
                known.pop_front();
            }
            newer
        })
    }
}

fn ok(status: u16, body: &str) -> ScriptedResult {
    Ok(HttpResponse::new(status, body.to_owned()))
}

fn cut() -> ScriptedResult {
    cut_after(0)
}

fn cut_after(received: usize) -> ScriptedResult {
    Err(TransportError::CutBody {
        host: "scf.api.qcloud.com".to_owned(),
        reason: "unexpected end".to_owned(),
        received,
    })
}

fn credentials(id: &str) -> Credentials {
    let token = Some(Secret::new(TOKEN));
    Credentials::new(id.to_owned(), Secret::new(KEY), token, "a test").unwrap()
}

fn config() -> ClientConfig {
    of(Service::V2)
}

fn of(service: Service) -> ClientConfig {
    ClientConfig {
        requests_per_second: 1_000.0,
        burst: 100,
        ..ClientConfig::new(service, "ap-guangzhou")
    }
}

fn simulated() -> Runtime {
    Runtime::simulated(Timestamp::from_secs(1_700_000_000), 7)
}

fn client(config: ClientConfig, script: &Arc<Script>) -> Client {
    client_in(simulated(), config, script)
}

fn client_in(runtime: Runtime, config: ClientConfig, script: &Arc<Script>) -> Client {
    let provider = Arc::new(credentials("AKIDabcdefgh"));
    Client::new(config, provider, script.clone(), runtime, script.clone())
}

/// Returns a client with these keys, each used until it is refused.
fn rotating(config: ClientConfig, script: &Arc<Script>, keys: VecDeque<Credentials>) -> Client {
    let provider = Arc::new(Rotating(Mutex::new(keys)));
    Client::new(
        config,
        provider,
        script.clone(),
        simulated(),
        script.clone(),
    )
}

/// Returns the whole of `data`, as it stands.
fn parse(body: &[u8]) -> Result<(Head, Option<serde_json::Value>), Malformed> {
    let head = parse_head(body)?;
    let whole: serde_json::Value = serde_json::from_slice(body)?;
    Ok((head, whole.get("data").cloned()))
}

async fn one_call(
    answers: Vec<ScriptedResult>,
) -> (Result<serde_json::Value, ApiError>, Vec<String>) {
    let script = Script::new(answers);
    let result = client(config(), &script).call("A", &[], parse).await;
    (result, script.labels())
}

fn param(request: &HttpRequest, name: &str) -> String {
    let (_, query) = request.url.split_once('?').unwrap();
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(n, _)| *n == name).unwrap().1.to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_works_is_one_request() {
    let (result, labels) = one_call(vec![ok(200, OK)]).await;
    assert_eq!(result.unwrap(), serde_json::json!([]));
    assert_eq!(labels, ["v2 A 0"]);
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_retried_and_each_attempt_is_reported() {
    let connect = Err(TransportError::Connect {
        host: "h".to_owned(),
        reason: "refused".to_owned(),
    });
    let (result, labels) = one_call(vec![
        ok(502, "<html>Bad Gateway</html>"),
        cut(),
        connect,
        ok(200, r#"{"code":"6000","message":"(1)internal"}"#),
        ok(200, OK),
    ])
    .await;
    assert!(result.is_ok());
    assert_eq!(
        labels,
        [
            "v2 A http_502",
            "v2 A cut_body",
            "v2 A network",
            "v2 A 6000",
            "v2 A 0"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn every_attempt_has_its_own_nonce_time_and_signature() {
    let script = Script::taking(Duration::from_secs(2), [cut(), cut(), ok(200, OK)]);
    let client = client(config(), &script);
    client.call("A", &[], parse).await.unwrap();
    let requests = script.requests();
    assert_eq!(requests.len(), 3);
    for name in ["Nonce", "Timestamp", "Signature"] {
        let values: HashSet<_> = script
            .each(|request| param(request, name))
            .into_iter()
            .collect();
        assert_eq!(values.len(), 3, "{name}");
    }
    assert_eq!(param(&requests[0], "Timestamp"), "1700000000");
    assert_eq!(param(&requests[0], "SignatureMethod"), "HmacSHA256");
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_says_how_often_it_was_tried() {
    let (result, labels) = one_call(vec![cut()]).await;
    let error = result.unwrap_err();
    assert_eq!((error.class, error.attempts), (ErrorClass::Transient, 5));
    assert_eq!(labels.len(), 5);
    assert_eq!(
        error.to_string(),
        "A at scf.api.qcloud.com failed after 5 attempts with cut_body: the answer of \
         scf.api.qcloud.com broke off (unexpected end); a proxy or the network between may cut it"
    );
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_time_ends_it_too() {
    let script = Script::taking(Duration::from_secs(25), [cut()]);
    let error = client(config(), &script)
        .call("A", &[], parse)
        .await
        .unwrap_err();
    // Begun at 0, 25 and 50 s plus waits below a second; a fourth would begin after 60 s.
    assert_eq!(error.attempts, 3);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_throttling_slows_the_action_and_passes() {
    let storm = std::iter::repeat_with(|| ok(200, THROTTLED)).take(3);
    let script = Script::new(storm.chain([ok(200, OK)]));
    let slow = ClientConfig {
        requests_per_second: 1.0,
        burst: 10,
        ..config()
    };
    let client = client(slow, &script);
    client.call("A", &[], parse).await.unwrap();
    // A burst of 10 would let all four go within the back-off. The emptied bucket at a pace of 0.7
    // and less makes each wait: 1 / 0.7 s after the first refusal, longer after the next.
    let times = script.times();
    assert_eq!(times.len(), 4);
    assert!(
        times[1] - times[0] >= Duration::from_millis(1_400),
        "{times:?}"
    );
    assert!(times[2] - times[1] > times[1] - times[0], "{times:?}");
    // Another action has its own bucket.
    client.call("B", &[], parse).await.unwrap();
    assert_eq!(*script.times().last().unwrap(), times[3]);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_allowed_are_under_way() {
    let script = Script::taking(Duration::from_millis(100), [ok(200, OK)]);
    let narrow = ClientConfig {
        max_in_flight: 3,
        ..config()
    };
    let client = client(narrow, &script);
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            runtime::spawn(async move { client.call("A", &[], parse).await.is_ok() })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!(script.most.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_holds_no_permit() {
    let script = Script::new([cut(), ok(200, OK)]);
    let single = ClientConfig {
        max_in_flight: 1,
        retry: RetryBudget {
            base: Duration::from_secs(30),
            cap: Duration::from_secs(30),
            ..RetryBudget::default()
        },
        ..config()
    };
    let client = client(single, &script);
    let failing = client.clone();
    let failing = runtime::spawn(async move { failing.call("A", &[], parse).await });
    tokio::task::yield_now().await;
    let started = Instant::now();
    client.call("B", &[], parse).await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert!(!failing.is_finished());
    failing.await.unwrap().unwrap();
    assert!(started.elapsed() > Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_request_in_flight_and_sends_no_other() {
    let script = Script::taking(Duration::from_secs(3), [ok(200, OK)]);
    let runtime = simulated();
    let stop = runtime.stop.clone();
    let client = client_in(runtime, config(), &script);
    let (answer, ()) = tokio::join!(client.call("A", &[], parse), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
    });
    assert!(answer.is_ok(), "it was under way");
    let after = client.call("A", &[], parse).await;
    assert_eq!(&*after.unwrap_err().code, "stopping");
    assert_eq!(script.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_back_off() {
    let script = Script::new([ok(502, "")]);
    let runtime = simulated();
    let stop = runtime.stop.clone();
    let mut config = config();
    (config.retry.base, config.retry.cap) = (Duration::from_secs(50), Duration::from_secs(50));
    let client = client_in(runtime, config, &script);
    let began = Instant::now();
    let (answer, ()) = tokio::join!(client.call("A", &[], parse), async {
        while script.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    });
    assert_eq!(
        &*answer.unwrap_err().code,
        "http_502",
        "the failure is reported"
    );
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_gives_everything_back() {
    let script = Script::taking(Duration::from_secs(3_600), [ok(200, OK)]);
    let single = ClientConfig {
        max_in_flight: 1,
        ..config()
    };
    let client = client(single, &script);
    for _ in 0..3 {
        let call = client.call("A", &[], parse);
        let given_up = tokio::time::timeout(Duration::from_secs(1), call).await;
        assert!(given_up.is_err());
    }
    assert_eq!(client.0.in_flight.available_permits(), 1);
    assert_eq!(script.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_replaced_once() {
    let refusal = || ok(200, r#"{"code":4105,"message":"token expired"}"#);
    for (answers, known, class, ids) in [
        (
            vec![refusal(), ok(200, OK)],
            2,
            None,
            vec!["AKID0", "AKID1"],
        ),
        (vec![refusal()], 3, Some("4105"), vec!["AKID0", "AKID1"]),
        (vec![refusal()], 1, Some("4105"), vec!["AKID0"]),
        (vec![refusal()], 0, Some("credentials"), vec![]),
    ] {
        let script = Script::new(answers);
        let provider = (0..known)
            .map(|i| credentials(&format!("AKID{i}")))
            .collect();
        let result = rotating(config(), &script, provider)
            .call("A", &[], parse)
            .await;
        assert_eq!(script.each(|r| param(r, "SecretId")), ids);
        assert_eq!(result.err().map(|e| e.code.into_string()).as_deref(), class);
    }
}

#[tokio::test(start_paused = true)]
async fn no_format_shows_a_secret() {
    let echo = |request: &HttpRequest| {
        let url = request.url.replace('"', "");
        let body =
            format!(r#"{{"code":4100,"message":"{url} {TOKEN} {KEY}","codeDesc":"{TOKEN}"}}"#);
        ok(200, &body)
    };
    // The same seed and clock sign the same request, so its echo can be scripted beforehand.
    let first = Script::new([ok(200, OK)]);
    client(config(), &first)
        .call("A", &[], parse)
        .await
        .unwrap();
    let request = first.requests().remove(0);
    let script = Script::new([echo(&request)]);
    let client = client(config(), &script);
    let error = client.call("A", &[], parse).await.unwrap_err();
    let signature = param(&request, "Signature");
    assert_eq!(param(&script.requests()[0], "Signature"), signature);
    for shown in [
        format!("{client:?} {client:#?}"),
        format!("{:?} {:#?}", config(), config()),
        format!("{request:?} {request:#?}"),
        format!("{error} {error:?} {error:#?}"),
        format!("{:?}", ok(200, TOKEN)),
    ] {
        for secret in [KEY, TOKEN, "t0ken", &signature] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    assert!(
        error.message.contains("Token=<secret>"),
        "{}",
        error.message
    );
}

#[test]
fn a_call_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    fn check(client: &Client, params: &Value) {
        is_send(&client.call("A", &[], parse));
        is_send(&client.call_json::<Value>("A", params));
        is_send(&client.call_unsigned_json::<Value>("A", params));
    }
    let _ = check;
}
