//! Who calls: a secret id, a secret key, perhaps a token, and where they come from.
//!
//! One file for each place. Keys that are read (`explicit`, `environment`, `sdk_file`, `tccli_file`,
//! in the order of `sources`) stay until the cloud refuses them; keys that are issued (`metadata`,
//! `web_identity`, `assume_role`) come with an end, and `refreshing` replaces them before it.
//! `chain` puts all of it in order. Nothing is ever taken from a command line.

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
pub use provider::{FileProvider, StaticProvider};
pub use sources::{Environment, Sources};
pub use sts::Sts;

/// What a request is signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Names the key; not secret, but not shown whole either.
    pub secret_id: String,
    /// Signs; never leaves the process.
    pub secret_key: Secret,
    /// Goes with temporary keys.
    pub token: Option<Secret>,
}

/// Where credentials were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Handed over by the configuration.
    Configuration,
    /// Environment variables; the one named holds the id.
    Environment(&'static str),
    /// A file of the vendor's tools.
    File(PathBuf),
    /// The metadata of the machine that this runs on.
    RoleMetadata {
        /// The role bound to it.
        role: String,
    },
    /// The identity that TKE gives to a pod.
    WebIdentity {
        /// The role that it stands for.
        role_arn: String,
    },
    /// A role taken on with credentials from elsewhere.
    AssumedRole {
        /// The role.
        arn: String,
        /// Where the credentials to take it on were found.
        over: Box<Origin>,
    },
}

/// Hands out credentials, as fresh as they need to be.
pub trait CredentialProvider: Send + Sync {
    /// The credentials to sign the next request with.
    fn current(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>>;

    /// The cloud refused `credentials`. True if [`current`](Self::current) now gives others, so
    /// that one more attempt makes sense. A provider of fixed credentials has none.
    fn refused<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, bool> {
        let _ = credentials;
        Box::pin(async { false })
    }
}

// === impl Credentials ===

impl Credentials {
    /// Checks and keeps the three values. `place` says in errors where they come from. An empty
    /// token is none.
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

/// Refuses a value that no key has; `place` is the variable or the file that holds it.
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
mod scripted;
#[cfg(test)]
mod tests;
