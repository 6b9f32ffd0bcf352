//! A small client of API 3.0, which only these tests use.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::client::{HOST, hmac_sha256, json};
use crate::{Cloud, Request, Response, Settings};

/// A cloud, a time, and a client whose requests are sent at that time.
pub(super) struct Started {
    pub(super) cloud: Cloud,
    pub(super) now_ms: i64,
    pub(super) client: Client3,
}

impl Started {
    pub(super) fn new(settings: Settings, after_ms: i64) -> Self {
        Self {
            client: Client3::new(&settings),
            now_ms: settings.start_ms + after_ms,
            cloud: Cloud::new(settings),
        }
    }

    pub(super) fn of_service(self, service: &'static str, version: &'static str) -> Self {
        let client = self.client.of_service(service, version);
        Self { client, ..self }
    }

    pub(super) fn ask(&self, action: &str, params: Value) -> Value {
        self.client.ask(&self.cloud, self.now_ms, action, &params)
    }

    pub(super) fn code(&self, action: &str, params: Value) -> String {
        code(&self.ask(action, params))
    }

    /// Sends the request and returns the code of the error, or an empty text.
    pub(super) fn code_of(&self, request: &Request) -> String {
        code(&inside(&self.cloud.handle(self.now_ms, request)))
    }
}

/// A client with a key and the target of its requests.
#[derive(Clone)]
pub(super) struct Client3 {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) token: Option<String>,
    pub(super) service: &'static str,
    pub(super) version: &'static str,
    pub(super) region: Option<&'static str>,
}

impl Client3 {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            id: settings.secret_id.clone(),
            key: settings.secret_key.clone(),
            token: None,
            service: "scf",
            version: "2018-04-16",
            region: Some("ap-guangzhou"),
        }
    }

    pub(super) fn of_service(&self, service: &'static str, version: &'static str) -> Self {
        Self {
            service,
            version,
            ..self.clone()
        }
    }

    /// Returns a signed request.
    pub(super) fn request(&self, now_ms: i64, action: &str, params: &Value) -> Request {
        let (stamp, body) = (now_ms / 1_000, params.to_string());
        let canonical = format!(
            "POST\n/\n\ncontent-type:application/json\nhost:{HOST}\n\ncontent-type;host\n{}",
            hex(&Sha256::digest(&body))
        );
        let scope = format!("{}/{}/tc3_request", date(stamp), self.service);
        let text = format!(
            "TC3-HMAC-SHA256\n{stamp}\n{scope}\n{}",
            hex(&Sha256::digest(canonical))
        );
        let mut key = format!("TC3{}", self.key).into_bytes();
        for part in scope.split('/').chain([text.as_str()]) {
            key = hmac_sha256(&key, part);
        }
        let id = &self.id;
        let authorization = format!(
            "TC3-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders=content-type;host, \
             Signature={}",
            hex(&key)
        );
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("authorization", authorization),
            ("x-tc-action", action.to_owned()),
            ("x-tc-version", self.version.to_owned()),
            ("x-tc-timestamp", stamp.to_string()),
        ];
        headers.extend(self.region.map(|r| ("x-tc-region", r.to_owned())));
        headers.extend(self.token.clone().map(|t| ("x-tc-token", t)));
        Request {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            host: HOST.to_owned(),
            headers: owned(headers),
            body: body.into_bytes(),
        }
    }

    /// Returns the content of `Response`. Requires HTTP 200 and a request id.
    pub(super) fn ask(&self, cloud: &Cloud, now_ms: i64, action: &str, params: &Value) -> Value {
        inside(&cloud.handle(now_ms, &self.request(now_ms, action, params)))
    }

    /// Returns the code of the error, or an empty text.
    pub(super) fn code(&self, cloud: &Cloud, now_ms: i64, action: &str, params: &Value) -> String {
        code(&self.ask(cloud, now_ms, action, params))
    }
}

pub(super) fn inside(response: &Response) -> Value {
    let (name, kind) = &response.headers[0];
    assert_eq!(
        (name.as_str(), kind.as_str()),
        ("Content-Type", "application/json")
    );
    let body = json(response);
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    let inside = body["Response"].clone();
    let id = inside["RequestId"].as_str().unwrap();
    assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id}");
    inside
}

pub(super) fn code(inside: &Value) -> String {
    let error = &inside["Error"];
    assert_eq!(error.is_null(), error["Message"].is_null());
    error["Code"].as_str().unwrap_or_default().to_owned()
}

pub(super) fn owned(
    headers: impl IntoIterator<Item = (&'static str, String)>,
) -> Vec<(String, String)> {
    let headers = headers.into_iter();
    headers
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the date of the days on which these tests play, in UTC.
fn date(stamp: i64) -> &'static str {
    match stamp / 86_400 {
        17_275 => "2017-04-19",
        19_675 => "2023-11-14",
        day => panic!("day {day} has no date here"),
    }
}
