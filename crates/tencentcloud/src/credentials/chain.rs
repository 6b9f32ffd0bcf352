//! Searches all sources of credentials in order, and assumes a role if one is configured.

use std::sync::Arc;

use super::assume_role::{AssumeRole, RoleConfig, SESSION_NAME};
use super::metadata::RoleMetadata;
use super::refreshing::Refreshing;
use super::sources::{Environment, Sources};
use super::temporary::Fetch;
use super::web_identity::WebIdentity;
use super::{CredentialError, CredentialProvider, Explicit, FileProvider, Origin, Sts};
use crate::runtime::Runtime;
use crate::transport::Transport;

/// Configured sources of credentials.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    /// Credentials that the configuration names itself.
    pub explicit: Option<Explicit>,
    /// A role to assume with the credentials that are found.
    pub role: Option<RoleConfig>,
    /// Session name in the cloud's audit log, if neither `role` nor the environment names one.
    pub session_name: String,
    /// Scheme and host of the metadata service; normally [`ChainConfig::METADATA`].
    pub metadata: String,
}

/// Searches for credentials in the order of the vendor's Python SDK: the configuration, the
/// environment, the SDK file, the file of tccli, the role of the machine, the identity of the pod.
///
/// The first source that has any is used. Incomplete or invalid credentials are an error. An
/// unreachable or nonsensical metadata service is not, because outside the cloud anything may
/// answer at its address. The pod's identity comes last, so a pod outside CVM waits for the
/// metadata service once, at most 2 s.
///
/// The role comes from the configuration, otherwise from TENCENTCLOUD_ROLE_ARN. The variable does
/// not apply to credentials from the configuration, which may belong to another account. The
/// `role_arn` of the SDK file is ignored, as in the vendor's Python SDK.
pub struct Chain {
    /// Environment variables.
    pub environment: Environment,
    /// Sends the requests to the metadata service.
    pub transport: Arc<dyn Transport>,
    /// Issues the credentials of roles.
    pub sts: Arc<dyn Sts>,
    /// Clock and cancellation.
    pub runtime: Runtime,
}

type Found = (Arc<dyn CredentialProvider>, Origin);

// === impl ChainConfig ===

impl ChainConfig {
    /// The metadata service of machines in the cloud. It uses plain HTTP because the traffic stays
    /// on the host.
    pub const METADATA: &str = "http://metadata.tencentyun.com";
}

/// Searches every source and assumes no role.
impl Default for ChainConfig {
    fn default() -> Self {
        Self {
            explicit: None,
            role: None,
            session_name: SESSION_NAME.to_owned(),
            metadata: Self::METADATA.to_owned(),
        }
    }
}

// === impl Chain ===

impl Chain {
    /// Finds the source and returns its provider. Files and metadata are read now. Issued
    /// credentials are fetched when they are first needed, so that a network problem fails a poll
    /// and not the start.
    pub async fn load(
        &self,
        config: ChainConfig,
    ) -> Result<(Arc<dyn CredentialProvider>, Origin), CredentialError> {
        let sources = Sources::new(config.explicit.clone(), self.environment.clone());
        self.search(config, sources).await
    }

    async fn search(
        &self,
        config: ChainConfig,
        sources: Sources,
    ) -> Result<Found, CredentialError> {
        // The role is validated before the search, so that a mistake is reported without waiting
        // for the metadata service.
        let role = self.role(&config)?;
        let base = self.base(sources, &config).await?;
        Ok(match role {
            Some(role) => self.assume(role, base),
            None => base,
        })
    }

    fn role(&self, config: &ChainConfig) -> Result<Option<RoleConfig>, CredentialError> {
        match (&config.role, &config.explicit) {
            (Some(role), _) => {
                role.check("the configuration")?;
                Ok(Some(role.clone()))
            }
            (None, Some(_)) => Ok(None),
            (None, None) => RoleConfig::from_environment(&*self.environment, &config.session_name),
        }
    }

    async fn base(&self, sources: Sources, config: &ChainConfig) -> Result<Found, CredentialError> {
        let mut trail = match sources.search()? {
            Ok((credentials, origin)) => {
                let provider = FileProvider::holding(credentials, sources, self.runtime.clone());
                return Ok((Arc::new(provider), origin));
            }
            Err(trail) => trail,
        };
        let metadata = RoleMetadata::new(&config.metadata, self.transport.clone());
        match metadata.role().await {
            Ok(Some(role)) => {
                return Ok((self.refreshing(metadata), Origin::RoleMetadata { role }));
            }
            Ok(None) => trail.push(format!("{} (no role is bound)", metadata.place())),
            Err(CredentialError::Metadata { fault, .. }) => {
                trail.push(format!("{} ({fault})", metadata.place()));
            }
            Err(other) => return Err(other),
        }
        let identity = WebIdentity::from_environment(
            &*self.environment,
            &config.session_name,
            self.sts.clone(),
        )?;
        if let Some(identity) = identity {
            let role_arn = identity.role_arn().to_owned();
            return Ok((self.refreshing(identity), Origin::WebIdentity { role_arn }));
        }
        trail.push(WebIdentity::trail());
        Err(CredentialError::NotFound { looked_at: trail })
    }

    fn assume(&self, role: RoleConfig, (base, over): Found) -> Found {
        let origin = Origin::AssumedRole {
            arn: role.arn.clone(),
            over: Box::new(over),
        };
        let role = AssumeRole::new(role, base, self.sts.clone());
        (self.refreshing(role), origin)
    }

    fn refreshing(&self, source: impl Fetch + 'static) -> Arc<dyn CredentialProvider> {
        Arc::new(Refreshing::new(source, self.runtime.clone()))
    }
}

#[cfg(test)]
mod tests;
