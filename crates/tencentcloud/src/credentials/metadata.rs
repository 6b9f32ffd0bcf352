//! The role of this machine (CVM or TKE node). The metadata service issues temporary credentials to
//! any process on the machine.
//!
//! `GET {base}/latest/meta-data/cam/security-credentials/` returns the name of the role; 404 means
//! that no role is bound. The same path followed by the name returns the credentials.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::CredentialError;
use super::temporary::{Fetch, Temporary};
use crate::text::one_line;
use crate::transport::{BoxFuture, HttpRequest, Method, Transport, TransportError};

/// Path of the vendor's SDKs, below the base address.
const PATH: &str = "/latest/meta-data/cam/security-credentials/";

/// Time limit for one response. The service runs on the same host and responds within milliseconds;
/// outside the cloud the start must not hang.
const LIMIT: Duration = Duration::from_secs(2);

/// Maximum size of a response, in bytes. A token has at most 4,096.
const MAX_BODY: usize = 32 * 1024;

/// Maximum length of a role name. The vendor allows 128.
const MAX_ROLE: usize = 128;

/// A client of the metadata service.
pub(super) struct RoleMetadata {
    /// The URL up to and including the last `/`.
    url: String,
    transport: Arc<dyn Transport>,
}

/// The status field, which distinguishes errors of the service from credentials.
#[derive(serde::Deserialize)]
struct Status {
    #[serde(rename = "Code")]
    code: String,
}

// === impl RoleMetadata ===

impl RoleMetadata {
    /// Creates a client. `base` is scheme and host, with or without a trailing `/`.
    pub fn new(base: &str, transport: Arc<dyn Transport>) -> Self {
        Self {
            url: format!("{}{PATH}", base.trim_end_matches('/')),
            transport,
        }
    }

    /// Returns the role that is bound to this machine, or `None` if there is none.
    pub async fn role(&self) -> Result<Option<String>, CredentialError> {
        let Some(body) = self.get(&self.url).await? else {
            return Ok(None);
        };
        let name = std::str::from_utf8(&body).map(str::trim);
        let name = name.ok().filter(|name| is_role(name));
        let name = name.ok_or_else(|| fault(&self.url, "answered with something that is no role"));
        name.map(|name| Some(name.to_owned()))
    }

    /// Fetches credentials. The role name is requested each time, because another role may have
    /// been bound.
    async fn credentials(&self) -> Result<Temporary, CredentialError> {
        let unbound = || fault(&self.url, "has no role any more");
        let role = self.role().await?.ok_or_else(unbound)?;
        let url = format!("{}{role}", self.url);
        let body = self.get(&url).await?;
        let body = body.ok_or_else(|| fault(&url, "does not know the role that it named"))?;
        let no_document = || fault(&url, "answered with something that is no role document");
        let status: Status = serde_json::from_slice(&body).map_err(|_| no_document())?;
        if status.code != "Success" {
            let said = format!("answered with the code {}", one_line(&status.code));
            return Err(fault(&url, &said));
        }
        Temporary::from_document(&body, &url).unwrap_or_else(|| Err(no_document()))
    }

    /// Returns the body of a successful response, or `None` for 404.
    async fn get(&self, url: &str) -> Result<Option<Bytes>, CredentialError> {
        let request = HttpRequest {
            method: Method::Get,
            url: url.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
        };
        let answer = tokio::time::timeout(LIMIT, self.transport.send(request)).await;
        let answer = answer.map_err(|_| fault(url, "gave no answer within 2 s"))?;
        let answer = answer.map_err(|e| fault(url, &unreached(e)))?;
        match answer.status {
            404 => Ok(None),
            200 if answer.body.len() > MAX_BODY => Err(fault(url, "answered too much")),
            200 => Ok(Some(answer.body)),
            status => Err(fault(url, &format!("answered with the status {status}"))),
        }
    }
}

impl Fetch for RoleMetadata {
    fn fetch(&self) -> BoxFuture<'_, Result<Temporary, CredentialError>> {
        Box::pin(self.credentials())
    }

    fn place(&self) -> String {
        format!("the instance metadata at {}", self.url)
    }
}

/// Returns whether all characters are allowed in a role name. The name becomes a part of a URL, and
/// outside the cloud anything may answer at this address.
fn is_role(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    let dots_only = name.bytes().all(|b| b == b'.');
    !dots_only && name.len() <= MAX_ROLE && name.bytes().all(plain)
}

/// Returns the reason without the advice that belongs to an API endpoint, because the metadata
/// address is always the right one.
fn unreached(error: TransportError) -> String {
    match error {
        TransportError::Connect { reason, .. } | TransportError::Proxy { reason, .. } => {
            format!("cannot be reached ({reason})")
        }
        other => format!("gave no answer: {other}"),
    }
}

fn fault(url: &str, fault: &str) -> CredentialError {
    CredentialError::Metadata {
        url: url.to_owned(),
        fault: fault.to_owned(),
    }
}

#[cfg(test)]
mod tests;
