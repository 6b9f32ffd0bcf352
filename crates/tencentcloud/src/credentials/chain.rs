//! Every place in order, and a role on top: the one way in for the wiring.

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

/// What the configuration says of credentials.
#[derive(Debug, Clone)]
pub struct ChainConfig {
    /// Those it names itself.
    pub explicit: Option<Explicit>,
    /// A role to take on with whatever is found.
    pub role: Option<RoleConfig>,
    /// Names sessions in the cloud's audit log, where neither `role` nor the environment does.
    pub session_name: String,
    /// The instance metadata: scheme and host, [`ChainConfig::METADATA`] unless told otherwise.
    pub metadata: String,
}

/// Finds credentials: the configuration, the environment, the SDK file, tccli's file, the role of
/// the machine, the identity of the pod. This is the order of the vendor's Python SDK.
///
/// The first place that holds any wins. A place that holds them in part or wrongly is an error;
/// metadata that cannot be reached or make no sense are not, because what answers outside the
/// cloud may be anything. The pod's identity comes last, so a pod outside CVM waits for the
/// metadata once, 2 s at most.
///
/// A role is taken from the configuration, else from TENCENTCLOUD_ROLE_ARN (which does not reach
/// credentials that the configuration names: they may be another account's). The `role_arn` of
/// the SDK file is not used, as in the vendor's Python SDK, which reads and ignores it.
#[derive(Debug)]
pub struct Chain;

/// What is needed to look and to build a provider.
struct Parts {
    environment: Environment,
    transport: Arc<dyn Transport>,
    sts: Arc<dyn Sts>,
    runtime: Runtime,
}

type Found = (Arc<dyn CredentialProvider>, Origin);

// === impl ChainConfig ===

impl ChainConfig {
    /// Where machines of the cloud find their metadata. Plain HTTP: it never leaves the host.
    pub const METADATA: &str = "http://metadata.tencentyun.com";
}

/// Every place of the chain.
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
    /// Finds the place. Files and metadata are looked at now; issued credentials are fetched when
    /// first asked for, so that a network in trouble is a failed poll and not a failed start.
    pub async fn load(
        config: ChainConfig,
        environment: Environment,
        transport: Arc<dyn Transport>,
        sts: Arc<dyn Sts>,
        runtime: Runtime,
    ) -> Result<(Arc<dyn CredentialProvider>, Origin), CredentialError> {
        let sources = Sources::new(config.explicit.clone(), environment.clone());
        let parts = Parts {
            environment,
            transport,
            sts,
            runtime,
        };
        parts.load(config, sources).await
    }
}

// === impl Parts ===

impl Parts {
    async fn load(&self, config: ChainConfig, sources: Sources) -> Result<Found, CredentialError> {
        // Before the places, so that a slip is told without waiting for the metadata.
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
