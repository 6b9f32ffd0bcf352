//! Assumes a role with other credentials, for another account or for other permissions.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::environment::Lookup;
use super::temporary::{Fetch, Temporary};
use super::{CredentialError, CredentialProvider, Credentials, Sts, sts};
use crate::transport::BoxFuture;

const ACTION: &str = "AssumeRole";

/// Variables of the vendor's command line tool. The tool requires both; here the session name has a
/// default.
const ARN_VARIABLE: &str = "TENCENTCLOUD_ROLE_ARN";
const SESSION_VARIABLE: &str = "TENCENTCLOUD_ROLE_SESSION_NAME";

/// Default session name, which appears in the cloud's audit log.
pub(super) const SESSION_NAME: &str = env!("CARGO_PKG_NAME");

/// Requested lifetime of the credentials: the vendor's default.
pub(super) const DEFAULT_DURATION: Duration = Duration::from_secs(7_200);

/// Longest lifetime that the vendor allows.
const MAX_DURATION: Duration = Duration::from_secs(43_200);

/// Maximum length of an ARN, and of a session name or external id, in bytes. The vendor allows 128
/// for the latter two.
const MAX_ARN: usize = 512;
const MAX_NAME: usize = 128;

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleConfig {
    /// The ARN of the role: `qcs::cam::uin/ACCOUNT:roleName/NAME`.
    pub arn: String,
    /// Session name in the cloud's audit log: 2 to 128 of `A-Z a-z 0-9 _ + = , . @ -`.
    pub session_name: String,
    /// Lifetime of the credentials in whole seconds, at most 12 hours. The role may have a lower
    /// limit.
    pub duration: Duration,
    /// External id, if the role's policy requires one.
    pub external_id: Option<String>,
}

/// Issues the credentials of a role by signing with those of `base`.
pub(super) struct AssumeRole {
    role: RoleConfig,
    base: Arc<dyn CredentialProvider>,
    sts: Arc<dyn Sts>,
}

// === impl RoleConfig ===

impl RoleConfig {
    /// Returns a role with the default session name and lifetime.
    pub fn new(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            session_name: SESSION_NAME.to_owned(),
            duration: DEFAULT_DURATION,
            external_id: None,
        }
    }

    /// Reads the variables of the vendor's command line tool. Returns `None` if neither is set.
    /// `session_name` is the default.
    pub(super) fn from_environment(
        lookup: Lookup<'_>,
        session_name: &str,
    ) -> Result<Option<Self>, CredentialError> {
        let empty = |name| Err(CredentialError::Empty { name });
        let role = match (lookup(ARN_VARIABLE), lookup(SESSION_VARIABLE)) {
            (None, None) => return Ok(None),
            (Some(arn), _) if arn.is_empty() => return empty(ARN_VARIABLE),
            (_, Some(session)) if session.is_empty() => return empty(SESSION_VARIABLE),
            (None, Some(_)) => {
                return Err(CredentialError::Half {
                    set: SESSION_VARIABLE,
                    missing: ARN_VARIABLE,
                });
            }
            (Some(arn), session) => Self {
                session_name: session.unwrap_or_else(|| session_name.to_owned()),
                ..Self::new(arn)
            },
        };
        role.check("the environment").map(|()| Some(role))
    }

    /// Detects at startup what STS would refuse at every call. `place` names the origin in errors.
    pub(super) fn check(&self, place: &str) -> Result<(), CredentialError> {
        let bad = |what, fault| Err(bad(what, place, fault));
        check_arn(&self.arn, place)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
        let session = &self.session_name;
        if !(2..=MAX_NAME).contains(&session.len()) || !session.bytes().all(plain) {
            return bad(
                "role session name",
                "must be 2 to 128 letters, digits or characters of _+=,.@-",
            );
        }
        if self.duration < Duration::from_secs(1) || self.duration > MAX_DURATION {
            return bad("duration", "must be 1 s to 43200 s (12 h)");
        }
        let graphic = |id: &String| {
            (1..=MAX_NAME).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
        };
        if !self.external_id.as_ref().is_none_or(graphic) {
            return bad("external id", "must be 1 to 128 characters without blanks");
        }
        Ok(())
    }

    fn params(&self) -> Value {
        let mut params = json!({
            "RoleArn": self.arn,
            "RoleSessionName": self.session_name,
            "DurationSeconds": self.duration.as_secs(),
        });
        if let Some(id) = &self.external_id {
            params["ExternalId"] = json!(id);
        }
        params
    }
}

/// Checks that `arn` can name a role; `place` names its origin in errors.
pub(super) fn check_arn(arn: &str, place: &str) -> Result<(), CredentialError> {
    let graphic = arn.bytes().all(|b| b.is_ascii_graphic());
    if arn.starts_with("qcs::") && graphic && arn.len() <= MAX_ARN {
        return Ok(());
    }
    let fault = "is no role; it looks like qcs::cam::uin/100000000001:roleName/NAME";
    Err(bad("role ARN", place, fault))
}

fn bad(what: &'static str, place: &str, fault: &'static str) -> CredentialError {
    CredentialError::BadRole {
        what,
        place: place.to_owned(),
        fault,
    }
}

// === impl AssumeRole ===

impl AssumeRole {
    pub fn new(role: RoleConfig, base: Arc<dyn CredentialProvider>, sts: Arc<dyn Sts>) -> Self {
        Self { role, base, sts }
    }

    /// Issues credentials. If those of `base` were refused and newer ones exist, tries once more,
    /// because a file may have been rotated.
    async fn credentials(&self) -> Result<Temporary, CredentialError> {
        let signer = self.base.current().await?;
        let first = self.issue(signer.clone()).await;
        let Err(CredentialError::Sts {
            signer_refused: true,
            ..
        }) = first
        else {
            return first;
        };
        if !self.base.refused(&signer).await {
            return first;
        }
        self.issue(self.base.current().await?).await
    }

    async fn issue(&self, signer: Credentials) -> Result<Temporary, CredentialError> {
        sts::issue(&*self.sts, ACTION, self.role.params(), Some(signer)).await
    }
}

impl Fetch for AssumeRole {
    fn fetch(&self) -> BoxFuture<'_, Result<Temporary, CredentialError>> {
        Box::pin(self.credentials())
    }

    fn place(&self) -> String {
        format!("{ACTION} for {}", self.role.arn)
    }
}

#[cfg(test)]
mod tests;
