//! Why there are no usable credentials.

use std::path::PathBuf;
use std::time::Duration;

/// Why there are no usable credentials. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Nothing anywhere.
    #[error(
        "no credentials found; set TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY (and \
         TENCENTCLOUD_TOKEN with temporary keys), name them in the configuration file, or bind a \
         role to the machine or pod; looked at: {}", looked_at.join(", ")
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
    /// A variable that is set to nothing, where no other one would explain it.
    #[error("{name} is set but empty; give it a value, or unset it")]
    Empty {
        /// The variable.
        name: &'static str,
    },
    /// A role that cannot be meant.
    #[error("the {what} from {place} {fault}")]
    BadRole {
        /// `role ARN`, `role session name`, `external id` or `duration`.
        what: &'static str,
        /// Variable or configuration.
        place: String,
        /// What is wrong and how it should look.
        fault: &'static str,
    },
    /// The instance metadata gave no credentials.
    #[error(
        "the instance metadata at {url} {fault}; bind a role to the instance, or give credentials \
         another way"
    )]
    Metadata {
        /// What was asked.
        url: String,
        /// What came instead.
        fault: String,
    },
    /// The service that issues temporary credentials gave none.
    #[error("cannot get temporary credentials by {action}: {reason}")]
    Sts {
        /// The action called.
        action: String,
        /// What failed and what to do next, on one line.
        reason: String,
        /// Whether it was the caller's own credentials that were refused, so that newer ones
        /// might do.
        signer_refused: bool,
    },
    /// Temporary credentials whose end was past when they came.
    #[error("{place} gave credentials that had expired already; check this machine's clock")]
    Stale {
        /// Who gave them.
        place: String,
    },
    /// No temporary credentials in time.
    #[error("{place} gave no credentials within {limit:?}; check the network and the endpoint")]
    Slow {
        /// Who was asked.
        place: String,
        /// The time it was given.
        limit: Duration,
    },
}
