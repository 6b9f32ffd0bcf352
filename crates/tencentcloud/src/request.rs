//! Builds a signed request from an action and its parameters.

use bytes::Bytes;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;
use zeroize::Zeroizing;

use super::config::ClientConfig;
use super::credentials::Credentials;
use super::flatten::flatten;
use super::redactor::{ENCODED, Redactor};
use super::service::{Service, SigningMethod};
use super::sign_form::{signature, source_string};
use super::sign_tc3::{Payload, Tc3};
use super::transport::{HttpRequest, Method};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Language of the messages of API 3.0, which are Chinese by default.
const LANGUAGE: &str = "en-US";

/// Value of `Authorization` for an action that needs no signature.
const UNSIGNED: &str = "SKIP";

/// Timestamp and nonce of a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub unix_seconds: i64,
    pub nonce: u64,
}

/// A request and its secrets.
pub(super) struct Signed {
    pub request: HttpRequest,
    pub redactor: Redactor,
}

// === impl ClientConfig ===

impl ClientConfig {
    /// Signs one request. `params` is an object with the action's own parameters; in a form its
    /// leaves have joined names. Without credentials the request is sent unsigned, for an action
    /// that allows it.
    pub(super) fn sign(
        &self,
        action: &str,
        params: &Value,
        credentials: Option<&Credentials>,
        moment: Moment,
    ) -> Signed {
        let Some(credentials) = credentials else {
            return self.unsigned(action, params, moment);
        };
        match self.signing.at(self.service) {
            SigningMethod::Tc3 => self.with_header(action, params, credentials, moment),
            hash => self.with_parameter(hash, action, params, credentials, moment),
        }
    }

    /// Sends everything, including the signature, as parameters of a form.
    fn with_parameter(
        &self,
        hash: SigningMethod,
        action: &str,
        params: &Value,
        credentials: &Credentials,
        moment: Moment,
    ) -> Signed {
        let timestamp = moment.unix_seconds.to_string();
        let nonce = moment.nonce.to_string();
        let mut sent: Vec<(&str, &str)> = vec![
            ("Action", action),
            ("Timestamp", &timestamp),
            ("Nonce", &nonce),
            ("SecretId", &credentials.secret_id),
            ("SignatureMethod", hash.as_str()),
        ];
        if !self.region.is_empty() {
            sent.push(("Region", &self.region));
        }
        if self.service != Service::V2 {
            sent.push(("Version", self.service.version()));
            sent.push(("Language", LANGUAGE));
        }
        if let Some(token) = &credentials.token {
            sent.push(("Token", token.expose()));
        }
        let own = flatten(params);
        sent.extend(own.iter().map(|(name, value)| (&**name, &**value)));
        let (host, path) = (self.endpoint.authority(), self.endpoint.path());
        let source = source_string(self.service, self.method, &host, path, &sent);
        let signature = signature(hash, &credentials.secret_key, &Zeroizing::new(source));
        sent.push(("Signature", &signature));
        let form = form(&sent);
        let (query, body, headers) = match self.method {
            Method::Get => (form, String::new(), Vec::new()),
            Method::Post => (String::new(), form, vec![header("content-type", FORM)]),
        };
        Signed {
            request: self.request(self.method, &query, body.into(), headers),
            redactor: Redactor::new(credentials, &signature),
        }
    }

    /// Sends the signature and the common parameters as headers.
    fn with_header(
        &self,
        action: &str,
        params: &Value,
        credentials: &Credentials,
        moment: Moment,
    ) -> Signed {
        let (query, body, kind) = match self.method {
            Method::Get => (owned_form(&flatten(params)), String::new(), FORM),
            Method::Post => (String::new(), params.to_string(), JSON),
        };
        let tc3 = Tc3 {
            service: self.service.name(),
            method: self.method,
            host: &self.endpoint.authority(),
            path: self.endpoint.path(),
            query: &query,
            content_type: kind,
            payload: Payload::Bytes(body.as_bytes()),
            unix_seconds: moment.unix_seconds,
        };
        let signature = tc3.signature(&credentials.secret_key);
        let authorization = tc3.authorization(&credentials.secret_id, &signature);
        let mut headers = self.headers(action, moment, kind, &authorization);
        if let Some(token) = &credentials.token {
            headers.push(header("x-tc-token", token.expose()));
        }
        Signed {
            request: self.request(self.method, &query, body.into(), headers),
            redactor: Redactor::new(credentials, &signature),
        }
    }

    fn unsigned(&self, action: &str, params: &Value, moment: Moment) -> Signed {
        let headers = self.headers(action, moment, JSON, UNSIGNED);
        let body = params.to_string().into();
        Signed {
            request: self.request(Method::Post, "", body, headers),
            redactor: Redactor::within(params),
        }
    }

    fn headers(
        &self,
        action: &str,
        moment: Moment,
        kind: &str,
        authorization: &str,
    ) -> Vec<(String, String)> {
        let mut headers = vec![
            header("content-type", kind),
            header("authorization", authorization),
            header("x-tc-action", action),
            header("x-tc-version", self.service.version()),
            header("x-tc-timestamp", &moment.unix_seconds.to_string()),
            header("x-tc-language", LANGUAGE),
        ];
        if !self.region.is_empty() {
            headers.push(header("x-tc-region", &self.region));
        }
        headers
    }

    fn request(
        &self,
        method: Method,
        query: &str,
        body: Bytes,
        headers: Vec<(String, String)>,
    ) -> HttpRequest {
        let url = self.endpoint.to_string();
        HttpRequest {
            method,
            url: match query {
                "" => url,
                query => format!("{url}?{query}"),
            },
            headers,
            body,
        }
    }
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn owned_form(params: &[(String, String)]) -> String {
    let borrowed: Vec<_> = params.iter().map(|(n, v)| (&**n, &**v)).collect();
    form(&borrowed)
}

fn form(params: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (name, value) in params {
        if !form.is_empty() {
            form.push('&');
        }
        form.extend(utf8_percent_encode(name, ENCODED));
        form.push('=');
        form.extend(utf8_percent_encode(value, ENCODED));
    }
    form
}

#[cfg(test)]
mod tests;
