//! Who calls: a secret id, a secret key, perhaps a token, and where they come from.
//!
//! One file for each place (`environment`, `sdk_file`, `tccli_file`) and one for the order in
//! which they are looked at (`sources`). Nothing is ever taken from a command line.

mod environment;
mod file;
mod provider;
mod sdk_file;
mod sources;
mod tccli_file;

use std::fmt;
use std::path::PathBuf;

use super::transport::BoxFuture;
use crate::secret::Secret;

pub use provider::{FileProvider, StaticProvider};
pub use sources::{Environment, Sources};

/// Longest id, key or token accepted, in bytes. The vendor's tokens end at 4,096.
const MAX_VALUE: usize = 8_192;

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

/// Why there are no usable credentials. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Nothing anywhere.
    #[error(
        "no credentials found; set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY (and \
         TENCENTCLOUD_TOKEN with temporary keys), or name them in the configuration file; looked \
         at: {}", looked_at.join(", ")
    )]
    NotFound {
        /// Every place, in order.
        looked_at: Vec<String>,
    },
    /// Some variables of one family are set and some are not, or are empty.
    #[error("{set} is set but {missing} is not set or empty; set both, or neither")]
    Half {
        /// A variable that is set.
        set: &'static str,
        /// The one that it needs.
        missing: &'static str,
    },
    /// A value that no key has.
    #[error("the {what} from {place} {fault}; copy it again")]
    BadValue {
        /// `secret id`, `secret key` or `token`.
        what: &'static str,
        /// Variable, file or configuration.
        place: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A file that is there, or was asked for, but cannot be read.
    #[error("cannot read the credentials file {}: {reason}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The system's own words.
        reason: String,
    },
    /// A file without what it should hold.
    #[error("the credentials file {} {fault}", path.display())]
    BadFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong and how it should look.
        fault: String,
    },
    /// A profile name that would lead out of the directory.
    #[error("TCCLI_PROFILE must be a plain name of letters, digits, '-', '_' and '.'")]
    BadProfile,
}

// === impl Credentials ===

impl Credentials {
    /// Checks and keeps the three values. `place` says in errors where they come from. An empty
    /// token is none.
    ///
    /// Surrounding blanks are refused and not trimmed, as the vendor's SDK does: they come from
    /// a copy that went wrong, and would end as an opaque signature failure.
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

fn check(what: &'static str, value: &str, place: &str) -> Result<(), CredentialError> {
    let fault = if value.is_empty() {
        "is empty"
    } else if value.trim() != value {
        "begins or ends with a blank"
    } else if value.chars().any(char::is_control) {
        "holds a control character"
    } else if value.len() > MAX_VALUE {
        "is longer than any key"
    } else {
        return Ok(());
    };
    Err(CredentialError::BadValue {
        what,
        place: place.to_owned(),
        fault,
    })
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
        }
    }
}

#[cfg(test)]
mod tests;
