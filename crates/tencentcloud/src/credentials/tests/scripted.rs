//! Test doubles of the metadata service and STS. They follow a script and count requests.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::credentials::{CredentialError, CredentialProvider, Credentials, Environment, Sts};
use crate::secret::Secret;
use crate::transport::{BoxFuture, HttpRequest, HttpResponse, Transport, TransportError};

/// The URL of the metadata service's role list.
pub const LIST: &str = "http://meta.test/latest/meta-data/cam/security-credentials/";

/// How the scripted metadata service responds to a request.
#[derive(Debug, Clone)]
pub enum Reply {
    Response(u16, String),
    CannotConnect,
    Silence,
}

/// A metadata service that responds by URL, and with 404 to all unknown ones.
#[derive(Default)]
pub struct ScriptedTransport {
    replies: Mutex<HashMap<String, Reply>>,
    pub requests: AtomicUsize,
}

type Script = dyn Fn(&Asked) -> Result<Value, CredentialError> + Send + Sync;

/// An STS that follows a script.
pub struct ScriptedSts {
    script: Box<Script>,
    takes: Duration,
    pub asked: Mutex<Vec<Asked>>,
    under_way: AtomicUsize,
    /// The highest number of concurrent calls.
    pub most: AtomicUsize,
}

/// One call of STS.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Number of the call, starting at 1.
    pub number: usize,
    pub action: String,
    pub params: Value,
    pub signer: Option<Credentials>,
}

/// A provider with a fixed set of credentials and, optionally, newer ones after a refusal.
pub struct Rotating {
    pub ids: Mutex<Vec<&'static str>>,
}

// === impl ScriptedTransport ===

impl ScriptedTransport {
    pub fn new(replies: &[(&str, Reply)]) -> Arc<Self> {
        let scripted = Self::default();
        for (url, reply) in replies {
            scripted.set(url, reply.clone());
        }
        Arc::new(scripted)
    }

    pub fn set(&self, url: &str, reply: Reply) {
        self.replies.lock().unwrap().insert(url.to_owned(), reply);
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Transport for ScriptedTransport {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let reply = self.replies.lock().unwrap().get(&request.url).cloned();
        Box::pin(async move {
            match reply {
                None => Ok(HttpResponse::new(404, "Not Found")),
                Some(Reply::Response(status, body)) => Ok(HttpResponse::new(status, body)),
                Some(Reply::Silence) => std::future::pending().await,
                Some(Reply::CannotConnect) => Err(TransportError::Connect {
                    host: "meta.test".to_owned(),
                    reason: "no such host".to_owned(),
                }),
            }
        })
    }
}

// === impl ScriptedSts ===

impl ScriptedSts {
    pub fn new(
        takes: Duration,
        script: impl Fn(&Asked) -> Result<Value, CredentialError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            takes,
            asked: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    /// Returns an STS for tests that must not call it.
    pub fn none() -> Arc<Self> {
        Self::new(Duration::ZERO, |asked| panic!("called: {asked:?}"))
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Sts for ScriptedSts {
    fn call<'a>(
        &'a self,
        action: &'a str,
        params: Value,
        signer: Option<Credentials>,
    ) -> BoxFuture<'a, Result<Value, CredentialError>> {
        Box::pin(async move {
            let asked = {
                let mut all = self.asked.lock().unwrap();
                let number = all.len() + 1;
                let action = action.to_owned();
                all.push(Asked {
                    number,
                    action,
                    params,
                    signer,
                });
                all[number - 1].clone()
            };
            let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(self.takes).await;
            self.under_way.fetch_sub(1, Ordering::SeqCst);
            (self.script)(&asked)
        })
    }
}

// === impl Rotating ===

impl CredentialProvider for Rotating {
    fn current(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        let id = self.ids.lock().unwrap()[0];
        Box::pin(async move { Ok(fixed(id)) })
    }

    fn refused<'a>(&'a self, _: &'a Credentials) -> BoxFuture<'a, bool> {
        let mut ids = self.ids.lock().unwrap();
        let more = ids.len() > 1;
        if more {
            ids.remove(0);
        }
        Box::pin(async move { more })
    }
}

// === values ===

/// Returns credentials that do not expire.
pub fn fixed(id: &str) -> Credentials {
    Credentials::new(id.to_owned(), Secret::new("base-key"), None, "a test").unwrap()
}

/// Writes a file and the directories above it.
pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Returns an environment with these variables.
pub fn environment(variables: &[(&str, &str)]) -> Environment {
    let map: HashMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Arc::new(move |name: &str| map.get(name).cloned())
}

/// Returns the content of `Response` of a successful STS call.
pub fn issued(id: &str, expired_time: i64) -> Value {
    json!({
        "Credentials": {"Token": "t0ken", "TmpSecretId": id, "TmpSecretKey": "k3y"},
        "ExpiredTime": expired_time,
        "Expiration": "2026-01-01T00:00:00Z",
        "RequestId": "4daec797-9cd2-4f09-9e7a-7d4c43b2a74c",
    })
}

/// Returns a role document of the metadata service.
pub fn document(id: &str, expired_time: i64) -> Reply {
    let document = json!({
        "TmpSecretId": id, "TmpSecretKey": "k3y", "Token": "t0ken",
        "ExpiredTime": expired_time, "Expiration": "2026-01-01T00:00:00Z", "Code": "Success",
    });
    Reply::Response(200, document.to_string())
}

/// Returns an STS error.
pub fn sts_failed(reason: &str, signer_refused: bool) -> CredentialError {
    CredentialError::Sts {
        action: "AssumeRole".to_owned(),
        reason: reason.to_owned(),
        signer_refused,
    }
}
