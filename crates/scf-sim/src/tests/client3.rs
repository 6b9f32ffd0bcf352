//! A small client of the tests' own for API 3.0, in all its ways of signing.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::client::json;
use crate::{Cloud, Request, Response, Settings};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scheme {
    Tc3,
    Sha1,
    Sha256,
}

/// What a client has, and how it asks.
#[derive(Clone)]
pub(super) struct Client3 {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) token: Option<String>,
    pub(super) scheme: Scheme,
    pub(super) post: bool,
    pub(super) service: &'static str,
    pub(super) version: &'static str,
    pub(super) region: Option<&'static str>,
    pub(super) signed_host: String,
    pub(super) sent_host: String,
}

impl Client3 {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            id: settings.secret_id.clone(),
            key: settings.secret_key.clone(),
            token: None,
            scheme: Scheme::Tc3,
            post: true,
            service: "scf",
            version: "2018-04-16",
            region: Some("ap-guangzhou"),
            signed_host: "127.0.0.1:9000".to_owned(),
            sent_host: "127.0.0.1:9000".to_owned(),
        }
    }

    pub(super) fn of_service(&self, service: &'static str, version: &'static str) -> Self {
        Self {
            service,
            version,
            ..self.clone()
        }
    }

    /// A signed request. In a form or a query, parameters are flat.
    pub(super) fn request(&self, now_ms: i64, action: &str, params: &Value) -> Request {
        if self.scheme == Scheme::Tc3 {
            self.tc3(now_ms / 1_000, action, params)
        } else {
            self.older(now_ms / 1_000, action, params)
        }
    }

    fn tc3(&self, stamp: i64, action: &str, params: &Value) -> Request {
        let (method, kind, query, body) = if self.post {
            (
                "POST",
                "application/json",
                String::new(),
                params.to_string(),
            )
        } else {
            let pairs: Vec<String> = flat(params).iter().map(wire).collect();
            let kind = "application/x-www-form-urlencoded";
            ("GET", kind, pairs.join("&"), String::new())
        };
        let canonical = format!(
            "{method}\n/\n{query}\ncontent-type:{kind}\nhost:{}\n\ncontent-type;host\n{}",
            self.signed_host,
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
            ("content-type", kind.to_owned()),
            ("authorization", authorization),
            ("x-tc-action", action.to_owned()),
            ("x-tc-version", self.version.to_owned()),
            ("x-tc-timestamp", stamp.to_string()),
        ];
        headers.extend(self.region.map(|r| ("x-tc-region", r.to_owned())));
        headers.extend(self.token.clone().map(|t| ("x-tc-token", t)));
        self.built(method, query, body, headers)
    }

    fn older(&self, stamp: i64, action: &str, params: &Value) -> Request {
        let mut all = flat(params);
        let mut add = |name: &str, value: &str| all.push((name.to_owned(), value.to_owned()));
        add("Action", action);
        add("Version", self.version);
        add("Timestamp", &stamp.to_string());
        add("Nonce", "11886");
        add("SecretId", &self.id);
        add(
            "SignatureMethod",
            &format!("Hmac{:?}", self.scheme)
                .to_uppercase()
                .replace("HMAC", "Hmac"),
        );
        if let Some(region) = self.region {
            add("Region", region);
        }
        if let Some(token) = &self.token {
            add("Token", token);
        }
        all.sort();
        let method = if self.post { "POST" } else { "GET" };
        let joined: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let source = format!("{method}{}/?{}", self.signed_host, joined.join("&"));
        let signature = if self.scheme == Scheme::Sha256 {
            sha256(self.key.as_bytes(), &source)
        } else {
            let mac = <Hmac<Sha1> as KeyInit>::new_from_slice(self.key.as_bytes()).unwrap();
            mac.chain_update(source).finalize().into_bytes().to_vec()
        };
        all.push(("Signature".to_owned(), STANDARD.encode(signature)));
        let pairs: Vec<String> = all.iter().map(wire).collect();
        let (query, body) = if self.post {
            (String::new(), pairs.join("&"))
        } else {
            (pairs.join("&"), String::new())
        };
        self.built(method, query, body, Vec::new())
    }

    fn built(
        &self,
        method: &str,
        query: String,
        body: String,
        headers: Vec<(&str, String)>,
    ) -> Request {
        Request {
            method: method.to_owned(),
            path: "/".to_owned(),
            query,
            host: self.sent_host.clone(),
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

    /// What is in `Response`; HTTP 200 and a request id there must be.
    pub(super) fn ask(&self, cloud: &Cloud, now_ms: i64, action: &str, params: &Value) -> Value {
        inside(&self.send(cloud, now_ms, action, params))
    }

    /// The code of the error, or an empty text.
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

/// `{"Filter":{"RetCode":"x"}}` as `Filter.RetCode=x`, two levels deep at most.
fn flat(params: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let mut all = Vec::new();
    for (name, value) in params.as_object().unwrap() {
        match value.as_object() {
            None => all.push((name.clone(), text(value))),
            Some(inner) => {
                all.extend(inner.iter().map(|(k, v)| (format!("{name}.{k}"), text(v))));
            }
        }
    }
    all
}

fn wire((name, value): &(String, String)) -> String {
    let escape = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    let value: String = value.bytes().map(escape).collect();
    format!("{name}={value}")
}

fn sha256(key: &[u8], text: &str) -> Vec<u8> {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Days counted one by one, unlike the cloud's own way.
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
