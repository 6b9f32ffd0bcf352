//! Signatures made with the vendor's clients for fixed keys, times and nonces, or printed on its
//! pages: each one holds in the client and is accepted by the simulator, or it is said here why
//! not. `produced_by` of `tests/data/signing_vectors.json` says where each comes from.

use std::sync::{Arc, Mutex};

use scf_exporter::model::Timestamp;
use scf_sim::{Cloud, Request, Settings, TemporaryKey};
use serde_json::Value;
use tencentcloud::runtime::Runtime;
use tencentcloud::secret::Secret;
use tencentcloud::{
    BoxFuture, Client, ClientConfig, Credentials, HttpRequest, HttpResponse, Method, Payload,
    Service, SigningMethod, Tc3, Transport, TransportError, signature, source_string,
};

/// Requests to a service that the simulated cloud does not have: it refuses them before it looks
/// at the signature. Beside its checker a unit test has each.
const OTHER_SERVICES: [&str; 2] = ["v3-070-doc-tc3-get-cvm", "v3-071-doc-hmacsha1-get-cvm"];
const TC3: &str = "TC3-HMAC-SHA256";

fn vectors() -> Vec<Value> {
    let text = crate::support::text_of("tests/data/signing_vectors.json");
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(vectors.len(), 54);
    vectors
}

fn text<'v>(vector: &'v Value, name: &str) -> &'v str {
    let value = vector.get(name).and_then(Value::as_str);
    value.unwrap_or_else(|| panic!("{}: no {name}", vector["id"]))
}

fn method_of(vector: &Value) -> Method {
    match text(vector, "method") {
        "POST" => Method::Post,
        _ => Method::Get,
    }
}

#[tokio::test(start_paused = true)]
async fn every_vector_holds_in_the_client() {
    for vector in vectors() {
        match text(&vector, "signature_method") {
            "HmacSHA1" => check_form(&vector, SigningMethod::HmacSha1),
            "HmacSHA256" => check_form(&vector, SigningMethod::HmacSha256),
            TC3 => check_tc3(&vector),
            "SKIP" => check_unsigned(&vector).await,
            other => panic!("{}: no check of {other}", vector["id"]),
        }
    }
}

fn check_form(vector: &Value, hash: SigningMethod) {
    let expected = &vector["expected"];
    let source = text(expected, "source_string");
    // The published vector has no parameters but those in its text.
    let listed = expected["signed_params"].as_object();
    let params: Vec<(&str, &str)> = match listed {
        Some(params) => params
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str().unwrap()))
            .collect(),
        None => pairs(source.split_once('?').unwrap().1),
    };
    let service = match text(vector, "api") {
        "v2" => Service::V2,
        _ => Service::Scf,
    };
    let (host, path) = (text(vector, "host"), text(vector, "path"));
    let id = text(vector, "id");
    let made = source_string(service, method_of(vector), host, path, &params);
    assert_eq!(made, source, "{id}");
    let key = Secret::new(text(vector, "secret_key"));
    assert_eq!(
        signature(hash, &key, &made),
        text(expected, "signature"),
        "{id}"
    );
}

fn pairs(query: &str) -> Vec<(&str, &str)> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect()
}

fn check_tc3(vector: &Value) {
    let expected = &vector["expected"];
    let body = expected["body"].as_str().unwrap_or_default();
    let request = Tc3 {
        service: text(vector, "service"),
        method: method_of(vector),
        host: text(vector, "host"),
        path: text(vector, "path"),
        query: query(vector),
        content_type: text(&expected["headers"], "Content-Type"),
        payload: match vector["unsigned_payload"] == true {
            true => Payload::Unsigned,
            false => Payload::Bytes(body.as_bytes()),
        },
        unix_seconds: vector["timestamp"].as_i64().unwrap(),
    };
    let signed = request.signature(&Secret::new(text(vector, "secret_key")));
    let header = request.authorization(text(vector, "secret_id"), &signed);
    assert_eq!(header, text(expected, "authorization"), "{}", vector["id"]);
}

fn query(vector: &Value) -> &str {
    let url = vector["expected"]["full_url"].as_str().unwrap_or_default();
    url.split_once('?').map_or("", |(_, query)| query)
}

/// Keeps the request and answers nothing of use.
#[derive(Default)]
struct Kept(Mutex<Vec<HttpRequest>>);

impl Transport for Kept {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        self.0.lock().unwrap().push(request);
        let answer = HttpResponse::new(200, r#"{"Response":{"RequestId":"r"}}"#);
        Box::pin(async { Ok(answer) })
    }
}

/// The one call without a signature, as the client sends it.
async fn check_unsigned(vector: &Value) {
    let kept = Arc::new(Kept::default());
    let key = Secret::new(text(vector, "secret_key"));
    let key = Credentials::new(text(vector, "secret_id").to_owned(), key, None, "a test").unwrap();
    let seconds = vector["timestamp"].as_i64().unwrap();
    let client = Client::new(
        ClientConfig::new(Service::Sts, text(vector, "region")),
        Arc::new(key),
        kept.clone(),
        Runtime::simulated(Timestamp::from_secs(seconds), 1),
        Arc::new(()),
    );
    let action = text(vector, "action");
    let done: Result<Value, _> = client.call_unsigned_json(action, &vector["params"]).await;
    assert!(done.is_ok(), "{done:?}");
    let request = kept.0.lock().unwrap().remove(0);
    let expected = &vector["expected"];
    assert!(
        request.url.ends_with("sts.tencentcloudapi.com/"),
        "{}",
        request.url
    );
    for (name, value) in expected["headers"].as_object().unwrap() {
        let sent = request
            .headers
            .iter()
            .find(|(sent, _)| sent.eq_ignore_ascii_case(name));
        let own = ["Host", "X-TC-RequestClient"].contains(&name.as_str());
        // The host is the transport's, the name of the program its own.
        assert!(
            own || sent.is_some_and(|(_, sent)| sent == value),
            "{name}: {sent:?}"
        );
    }
    let body = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
    assert_eq!(body(&request.body), body(text(expected, "body").as_bytes()));
}

#[test]
fn every_vector_is_accepted_by_the_simulator_and_no_other_key() {
    for vector in vectors() {
        let id = text(&vector, "id");
        let is_open = text(&vector, "signature_method") == "SKIP";
        let key = text(&vector, "secret_key");
        if OTHER_SERVICES.contains(&id) {
            assert!(vector["host"].as_str().unwrap().starts_with("cvm."), "{id}");
            continue;
        }
        let good = refusal(&vector, key);
        assert!(!good.is_identity(), "{id}: {good:?}");
        let bad = refusal(&vector, &format!("{key}x"));
        assert_eq!(bad.is_identity(), !is_open, "{id}: {bad:?}");
    }
}

/// The code of an answer, if it is an error.
#[derive(Debug)]
enum Refusal {
    Legacy(i64),
    Named(Option<String>),
}

impl Refusal {
    /// Whether it is about who asks.
    fn is_identity(&self) -> bool {
        match self {
            Self::Legacy(code) => (4_100..4_200).contains(code) || *code == 4_500,
            Self::Named(code) => code
                .as_deref()
                .is_some_and(|code| code.starts_with("AuthFailure")),
        }
    }
}

/// Sends a vector's request, at its own time, to a cloud with this secret.
fn refusal(vector: &Value, key: &str) -> Refusal {
    let seconds = vector["timestamp"].as_i64().unwrap();
    let (id, token) = (text(vector, "secret_id").to_owned(), text(vector, "token"));
    let mut settings = Settings {
        functions: 1,
        rate_per_second: 0.0,
        start_ms: seconds * 1_000,
        ..Settings::new(1)
    };
    if token.is_empty() {
        (settings.secret_id, settings.secret_key) = (id, key.to_owned());
    } else {
        settings.temporary_keys.push(TemporaryKey {
            secret_id: id,
            secret_key: key.to_owned(),
            token: token.to_owned(),
            expires_ms: (seconds + 60) * 1_000,
        });
    }
    let expected = &vector["expected"];
    let headers = expected["headers"].as_object();
    let headers = headers.into_iter().flatten();
    let request = Request {
        method: text(vector, "method").to_owned(),
        path: text(vector, "path").to_owned(),
        query: query(vector).to_owned(),
        host: text(vector, "host").to_owned(),
        headers: headers
            .map(|(n, v)| (n.clone(), v.as_str().unwrap().to_owned()))
            .collect(),
        body: expected["body"].as_str().unwrap_or_default().into(),
    };
    let answer = Cloud::new(settings).handle(seconds * 1_000, &request);
    assert_eq!(answer.status, 200, "{}", vector["id"]);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    match body["code"].as_i64() {
        Some(code) => Refusal::Legacy(code),
        None => Refusal::Named(
            body["Response"]["Error"]["Code"]
                .as_str()
                .map(str::to_owned),
        ),
    }
}
