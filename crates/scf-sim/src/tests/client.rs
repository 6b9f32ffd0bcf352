//! A small signing client of v2, which only these tests use.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha2::Sha256;

use crate::{Cloud, Request, Response, Settings};

pub(super) const HOST: &str = "127.0.0.1:9000";

/// A client with a key and a counter for nonces.
pub(super) struct Client {
    pub(super) id: String,
    pub(super) key: String,
    nonce: u64,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            id: settings.secret_id.clone(),
            key: settings.secret_key.clone(),
            nonce: 0,
        }
    }

    /// Returns a signed request with the next nonce. No parameter here has an underscore in its
    /// name.
    pub(super) fn request(
        &mut self,
        now_ms: i64,
        action: &str,
        params: &[(&str, &str)],
    ) -> Request {
        self.nonce += 1;
        let (nonce, stamp) = (self.nonce.to_string(), (now_ms / 1_000).to_string());
        let mut all = vec![
            ("Action", action),
            ("Nonce", &nonce),
            ("SecretId", &self.id),
            ("Timestamp", &stamp),
        ];
        all.extend_from_slice(params);
        all.push(("SignatureMethod", "HmacSHA256"));
        all.sort_unstable();
        let joined: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let source = format!("GET{HOST}/v2/index.php?{}", joined.join("&"));
        let signature = STANDARD.encode(hmac_sha256(self.key.as_bytes(), &source));
        all.push(("Signature", &signature));
        let escaped = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        let wire: Vec<String> = all
            .iter()
            .map(|(k, v)| format!("{k}={}", escaped(v)))
            .collect();
        Request {
            method: "GET".to_owned(),
            path: "/v2/index.php".to_owned(),
            query: wire.join("&"),
            host: HOST.to_owned(),
            headers: Vec::new(),
            body: b"Action=Ignored".to_vec(),
        }
    }

    pub(super) fn send(
        &mut self,
        cloud: &Cloud,
        now_ms: i64,
        action: &str,
        params: &[(&str, &str)],
    ) -> Response {
        let request = self.request(now_ms, action, params);
        cloud.handle(now_ms, &request)
    }

    /// Returns the parsed body of a response, which must be JSON with HTTP 200.
    pub(super) fn ask(
        &mut self,
        cloud: &Cloud,
        now_ms: i64,
        action: &str,
        params: &[(&str, &str)],
    ) -> Value {
        json(&self.send(cloud, now_ms, action, params))
    }

    /// Returns all rows of the region at one time, oldest first, and the total.
    pub(super) fn all_rows(&mut self, cloud: &Cloud, now_ms: i64) -> (Vec<Value>, usize) {
        let mut rows = Vec::new();
        loop {
            let offset = rows.len().to_string();
            let params = [("limit", "1000"), ("offset", &offset), ("order", "asc")];
            let answer = self.ask(cloud, now_ms, "GetFunctionLogs", &params);
            let page = answer["data"].as_array().unwrap();
            rows.extend(page.iter().cloned());
            let total = answer["total"].as_u64().unwrap() as usize;
            if page.is_empty() || rows.len() >= total {
                return (rows, total);
            }
        }
    }
}

pub(super) fn json(response: &Response) -> Value {
    assert_eq!(response.status, 200);
    serde_json::from_slice(&response.body).unwrap()
}

pub(super) fn hmac_sha256(key: &[u8], text: &str) -> Vec<u8> {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}
