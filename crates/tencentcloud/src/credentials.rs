//! Credentials (secret id, secret key and an optional token) and the providers that find them.
//!
//! Each source of credentials has a file. Stored keys (`explicit`, `environment`, `sdk_file`,
//! `tccli_file`, searched in the order of `sources`) are used until the cloud refuses them. Issued
//! keys (`metadata`, `web_identity`, `assume_role`) expire, and `refreshing` replaces them in time.
//! `chain` tries all of them in order. Credentials are never taken from the command line.

mod assume_role;
mod chain;
mod environment;
mod error;
mod explicit;
mod file;
mod metadata;
mod provider;
mod refreshing;
mod sdk_file;
mod sources;
mod sts;
mod tccli_file;
mod temporary;
mod web_identity;

use std::fmt;
use std::path::PathBuf;

use super::transport::BoxFuture;
use crate::secret::{self, Secret};

pub use assume_role::RoleConfig;
pub use chain::{Chain, ChainConfig};
pub use error::CredentialError;
pub use explicit::{Explicit, KeyFiles};
use provider::FileProvider;
pub use sources::{Environment, Sources};
pub use sts::Sts;

/// Credentials to sign requests with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Identifies the key. It is not secret, but is abbreviated in debug output.
    pub secret_id: String,
    /// Signs requests and is never sent.
    pub secret_key: Secret,
    /// Session token; temporary keys need one.
    pub token: Option<Secret>,
}

/// The place in which credentials were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The configuration.
    Configuration,
    /// The environment; this is the name of the variable that holds the id.
    Environment(&'static str),
    /// A credentials file of the vendor's tools.
    File(PathBuf),
    /// The metadata service of this machine.
    RoleMetadata {
        /// The role that is bound to the machine.
        role: String,
    },
    /// The identity that TKE gives to a pod.
    WebIdentity {
        /// The role of the pod.
        role_arn: String,
    },
    /// A role that was assumed with other credentials.
    AssumedRole {
        /// The ARN of the role.
        arn: String,
        /// The place of the credentials that assumed it.
        over: Box<Origin>,
    },
}

/// Provides valid credentials and renews them when needed.
pub trait CredentialProvider: Send + Sync {
    /// Returns the credentials for the next request.
    fn current(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>>;

    /// Reports that the cloud refused `credentials`. Returns whether [`current`](Self::current) now
    /// returns other ones, so that a retry makes sense. The default is for fixed credentials and
    /// returns `false`.
    fn refused<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, bool> {
        let _ = credentials;
        Box::pin(async { false })
    }
}

// === impl Credentials ===

impl Credentials {
    /// Validates the three values. `place` names their origin in errors. An empty token counts as
    /// absent.
    pub fn new(
        secret_id: String,
        secret_key: Secret,
        token: Option<Secret>,
        place: &str,
    ) -> Result<Self, CredentialError> {
        let token = token.filter(|token| !token.is_empty());
        check("secret id", &secret_id, place)?;
        check("secret key", secret_key.expose(), place)?;
        if let Some(token) = &token {
            check("token", token.expose(), place)?;
        }
        Ok(Self {
            secret_id,
            secret_key,
            token,
        })
    }
}

/// Rejects a value that cannot be a key. `place` is the variable or the file that holds it.
fn check(what: &'static str, value: &str, place: &str) -> Result<(), CredentialError> {
    match secret::fault_of(value) {
        None => Ok(()),
        Some(fault) => Err(CredentialError::BadValue {
            what,
            place: place.to_owned(),
            fault,
        }),
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let begin: String = self.secret_id.chars().take(4).collect();
        f.debug_struct("Credentials")
            .field("secret_id", &format_args!("{begin}***"))
            .field("secret_key", &self.secret_key)
            .field("token", &self.token)
            .finish()
    }
}

// === impl Origin ===

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration => f.write_str("the configuration"),
            Self::Environment(name) => write!(f, "the environment ({name})"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::RoleMetadata { role } => write!(f, "the instance's role {role}"),
            Self::WebIdentity { role_arn } => write!(f, "the pod's role {role_arn}"),
            Self::AssumedRole { arn, over } => write!(f, "the role {arn}, assumed with {over}"),
        }
    }
}

#[cfg(test)]
mod tests;
