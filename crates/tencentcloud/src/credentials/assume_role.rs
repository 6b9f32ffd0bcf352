//! A role taken on with other credentials: those of another account, or wider or narrower rights.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::environment::Lookup;
use super::temporary::{Fetch, Temporary};
use super::{CredentialError, CredentialProvider, Credentials, Sts, sts};
use crate::transport::BoxFuture;

const ACTION: &str = "AssumeRole";

/// The variables of the vendor's command line tool. The tool wants both; here the name of the
/// session has a default.
const ARN_VARIABLE: &str = "TENCENTCLOUD_ROLE_ARN";
const SESSION_VARIABLE: &str = "TENCENTCLOUD_ROLE_SESSION_NAME";

/// Names the session in the cloud's audit log.
pub(super) const SESSION_NAME: &str = env!("CARGO_PKG_NAME");

/// How long the credentials are asked to live: the vendor's own default.
pub(super) const DEFAULT_DURATION: Duration = Duration::from_secs(7_200);

/// The longest that the vendor allows.
const MAX_DURATION: Duration = Duration::from_secs(43_200);

/// Longest ARN, session name or external id. The vendor allows 128 for the latter two.
const MAX_ARN: usize = 512;
const MAX_NAME: usize = 128;

/// A role to take on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleConfig {
    /// `qcs::cam::uin/ACCOUNT:roleName/NAME`.
    pub arn: String,
    /// Names the session in the cloud's audit log: 2 to 128 of `A-Z a-z 0-9 _ + = , . @ -`.
    pub session_name: String,
    /// How long the credentials live, in whole seconds; 12 hours at most, and the role may allow
    /// less.
    pub duration: Duration,
    /// A word agreed with the owner of the role, where its policy asks for one.
    pub external_id: Option<String>,
}

/// Takes on a role.
pub(super) struct AssumeRole {
    role: RoleConfig,
    base: Arc<dyn CredentialProvider>,
    sts: Arc<dyn Sts>,
}

// === impl RoleConfig ===

impl RoleConfig {
    /// A role with the usual session name and duration.
    pub fn new(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            session_name: SESSION_NAME.to_owned(),
            duration: DEFAULT_DURATION,
            external_id: None,
        }
    }

    /// By the variables of the vendor's command line tool; `None` where neither is set.
    /// `session_name` is used where they name no session.
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

    /// Finds at the start what STS would refuse at every call. `place` says in errors where it
    /// comes from.
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

/// Whether `arn` can name a role; `place` is where it comes from.
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
    /// `role` over the credentials of `base`.
    pub fn new(role: RoleConfig, base: Arc<dyn CredentialProvider>, sts: Arc<dyn Sts>) -> Self {
        Self { role, base, sts }
    }

    /// Once more where the credentials below were refused and there are newer ones: a file may
    /// have been rotated since.
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
