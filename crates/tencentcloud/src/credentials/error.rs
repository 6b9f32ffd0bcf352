//! Errors of the search for credentials.

use std::path::PathBuf;
use std::time::Duration;

/// Why no usable credentials were found. Never contains a secret value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// No source has any credentials.
    #[error(
        "no credentials found; set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY (and \
         TENCENTCLOUD_TOKEN with temporary keys), name them in the configuration file, or bind a \
         role to the machine or pod; looked at: {}", looked_at.join(", ")
    )]
    NotFound {
        /// All sources, in the order of the search.
        looked_at: Vec<String>,
    },
    /// Some variables of one family are set, and others are missing or empty.
    #[error("{set} is set but {missing} is not set or empty; set both, or neither")]
    Half {
        /// A variable that is set.
        set: &'static str,
        /// The variable that is missing or empty.
        missing: &'static str,
    },
    /// A value that cannot be a key.
    #[error("the {what} from {place} {fault}; copy it again")]
    BadValue {
        /// `secret id`, `secret key` or `token`.
        what: &'static str,
        /// The variable, the file or the configuration.
        place: String,
        /// What is wrong with the value.
        fault: &'static str,
    },
    /// A file that exists, or that was named explicitly, cannot be read.
    #[error("cannot read the credentials file {}: {reason}", path.display())]
    Unreadable {
        /// Path of the file.
        path: PathBuf,
        /// Message of the system.
        reason: String,
    },
    /// A file lacks the expected content.
    #[error("the credentials file {} {fault}", path.display())]
    BadFile {
        /// Path of the file.
        path: PathBuf,
        /// What is wrong and what the file should look like.
        fault: String,
    },
    /// A profile name that would lead out of its directory.
    #[error("TCCLI_PROFILE must be a plain name of letters, digits, '-', '_' and '.'")]
    BadProfile,
    /// A variable is set but empty, and no other variable of its family is set.
    #[error("{name} is set but empty; give it a value, or unset it")]
    Empty {
        /// Name of the variable.
        name: &'static str,
    },
    /// Invalid settings of a role.
    #[error("the {what} from {place} {fault}")]
    BadRole {
        /// `role ARN`, `role session name`, `external id` or `duration`.
        what: &'static str,
        /// The variable or the configuration.
        place: String,
        /// What is wrong and what the value should look like.
        fault: &'static str,
    },
    /// The metadata service returned no credentials.
    #[error(
        "the instance metadata at {url} {fault}; bind a role to the instance, or give credentials \
         another way"
    )]
    Metadata {
        /// The URL that was requested.
        url: String,
        /// What was received instead.
        fault: String,
    },
    /// STS issued no credentials.
    #[error("cannot get temporary credentials by {action}: {reason}")]
    Sts {
        /// The action that was called.
        action: String,
        /// What failed and what to do about it, in one line.
        reason: String,
        /// Set if the credentials that signed the request were refused, so that newer ones may
        /// succeed.
        signer_refused: bool,
    },
    /// Temporary credentials were already expired when they were received.
    #[error("{place} gave credentials that had expired already; check this machine's clock")]
    Stale {
        /// The issuer of the credentials.
        place: String,
    },
    /// No temporary credentials were received in time.
    #[error("{place} gave no credentials within {limit:?}; check the network and the endpoint")]
    Slow {
        /// The issuer of the credentials.
        place: String,
        /// The time limit.
        limit: Duration,
    },
}
