//! A small client of API 3.0, which only these tests use.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::client::json;
use crate::{Cloud, Request, Response, Settings};

const HOST: &str = "127.0.0.1:9000";

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
            key = sha256(&key, part);
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
            headers: headers
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            body: body.into_bytes(),
        }
    }

    pub(super) fn send(
        &self,
        cloud: &Cloud,
        now_ms: i64,
        action: &str,
        params: &Value,
    ) -> Response {
        cloud.handle(now_ms, &self.request(now_ms, action, params))
    }

    /// Returns the content of `Response`. Requires HTTP 200 and a request id.
    pub(super) fn ask(&self, cloud: &Cloud, now_ms: i64, action: &str, params: &Value) -> Value {
        inside(&self.send(cloud, now_ms, action, params))
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

fn sha256(key: &[u8], text: &str) -> Vec<u8> {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Computes the date by counting days one by one, unlike the simulator.
fn date(stamp: i64) -> String {
    let (mut year, mut left) = (1970, stamp / 86_400);
    let leap = |y: i64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    while left >= 365 + i64::from(leap(year)) {
        left -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + i64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while left >= lengths[month] {
        left -= lengths[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, left + 1)
}
