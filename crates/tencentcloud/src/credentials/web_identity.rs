//! The identity of a pod in TKE. The cluster signs a token, renews it in a file, and STS exchanges
//! it for temporary credentials of a role.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use zeroize::Zeroizing;

use super::assume_role::{DEFAULT_DURATION, check_arn};
use super::environment::Lookup;
use super::temporary::{Fetch, Temporary};
use super::{CredentialError, Sts, file, sts};
use crate::runtime;
use crate::transport::BoxFuture;

const ACTION: &str = "AssumeRoleWithWebIdentity";

const PROVIDER: &str = "TKE_PROVIDER_ID";
const TOKEN_FILE: &str = "TKE_WEB_IDENTITY_TOKEN_FILE";
const ROLE: &str = "TKE_ROLE_ARN";

/// Variables that TKE sets in a pod, in the order of the vendor's SDK. All or none must be set. The
/// region is required as in the SDK but not used: a role is valid in all regions, and STS is called
/// in the region of the source.
const VARIABLES: [&str; 4] = ["TKE_REGION", PROVIDER, TOKEN_FILE, ROLE];

/// Exchanges the pod's token for credentials.
pub(super) struct WebIdentity {
    provider_id: String,
    token_file: PathBuf,
    role_arn: String,
    session_name: String,
    sts: Arc<dyn Sts>,
}

// === impl WebIdentity ===

impl WebIdentity {
    /// Reads the variables of TKE. Returns `None` if none of them is set; it is an error if only
    /// some are.
    pub fn from_environment(
        lookup: Lookup<'_>,
        session_name: &str,
        sts: Arc<dyn Sts>,
    ) -> Result<Option<Self>, CredentialError> {
        let Some(set) = VARIABLES.into_iter().find(|name| lookup(name).is_some()) else {
            return Ok(None);
        };
        let value = |missing: &'static str| {
            let value = lookup(missing).filter(|value| !value.is_empty());
            value.ok_or_else(|| half(lookup, set, missing))
        };
        for name in VARIABLES {
            value(name)?;
        }
        let role_arn = value(ROLE)?;
        check_arn(&role_arn, ROLE)?;
        Ok(Some(Self {
            provider_id: value(PROVIDER)?,
            token_file: value(TOKEN_FILE)?.into(),
            role_arn,
            session_name: session_name.to_owned(),
            sts,
        }))
    }

    /// Returns the searched variables, for the error message when nothing is found.
    pub fn trail() -> String {
        format!("the variables {}", VARIABLES.join(", "))
    }

    pub fn role_arn(&self) -> &str {
        &self.role_arn
    }

    async fn credentials(&self) -> Result<Temporary, CredentialError> {
        let token = self.token().await?;
        let params = json!({
            "ProviderId": self.provider_id,
            "WebIdentityToken": token.as_str(),
            "RoleArn": self.role_arn,
            "RoleSessionName": self.session_name,
            "DurationSeconds": DEFAULT_DURATION.as_secs(),
        });
        sts::issue(&*self.sts, ACTION, params, None).await
    }

    /// Reads the current token. The cluster replaces the file long before a token expires.
    async fn token(&self) -> Result<Zeroizing<String>, CredentialError> {
        let path = self.token_file.clone();
        let unreadable = |reason: String| CredentialError::Unreadable {
            path: self.token_file.clone(),
            reason,
        };
        let text = runtime::spawn_blocking(move || file::read(&path)).await;
        let text = text.map_err(|e| unreadable(e.to_string()))??;
        let missing = || {
            unreadable(format!(
                "there is no such file, though {TOKEN_FILE} names it"
            ))
        };
        let text = text.ok_or_else(missing)?;
        let token = text.trim_end();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(CredentialError::BadFile {
                path: self.token_file.clone(),
                fault: "holds no token; TKE writes one line of printable ASCII there".to_owned(),
            });
        }
        Ok(Zeroizing::new(token.to_owned()))
    }
}

impl Fetch for WebIdentity {
    fn fetch(&self) -> BoxFuture<'_, Result<Temporary, CredentialError>> {
        Box::pin(self.credentials())
    }

    fn place(&self) -> String {
        format!("{ACTION} for {}", self.role_arn)
    }

    /// Renews with at least a tenth of the lifetime left, as the vendor's SDK does.
    fn early(&self, lifetime: Duration) -> Duration {
        let usual = (lifetime / 2).min(Duration::from_secs(300));
        usual.max(lifetime / 10)
    }
}

/// Returns the error for the variable `missing`, which has no value. `set` is the first variable
/// that exists, possibly empty itself.
fn half(lookup: Lookup<'_>, set: &'static str, missing: &'static str) -> CredentialError {
    let others = VARIABLES.into_iter().filter(|name| *name != missing);
    let set = [set].into_iter().chain(others).find(|name| {
        let value = lookup(name);
        value.is_some_and(|value| !value.is_empty())
    });
    match set {
        Some(set) => CredentialError::Half { set, missing },
        None => CredentialError::Empty { name: missing },
    }
}

#[cfg(test)]
mod tests;
