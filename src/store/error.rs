//! What can be wrong with the store, and what to do about it.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the state could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The directory cannot be made or entered.
    #[error(
        "state directory {} cannot be used: {cause}; choose a writable one with --state.path, or --state.path= (empty) to keep state in memory only",
        path.display()
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file cannot be read or written.
    #[error(
        "state file {} cannot be opened: {cause}; check its owner and permissions and the free space, or choose another directory with --state.path",
        file.display()
    )]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What was wrong.
        cause: String,
    },
    /// Another process has it.
    #[error(
        "state file {} is in use by another process: stop the other scf-exporter, or give this one its own directory with --state.path",
        file.display()
    )]
    Locked {
        /// The file.
        file: PathBuf,
    },
    /// Not a file of this program.
    #[error(
        "state file {} was not written by scf-exporter, or is damaged ({cause}): restore a copy of it; or {ANEW_ADVICE}; or choose another directory with --state.path",
        file.display()
    )]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What was found.
        cause: String,
    },
    /// Written by another version.
    #[error(
        "state file {} has layout {found}, this version knows layout {known}: {}, or choose another directory with --state.path",
        file.display(), layout_advice(*found, *known)
    )]
    Layout {
        /// The file.
        file: PathBuf,
        /// The layout in the file.
        found: u64,
        /// The layout of this version.
        known: u64,
    },
    /// What the database wrote is not what is there.
    #[error("state file {} is damaged ({cause}): restore a copy of it; or {ANEW_ADVICE}", file.display())]
    Corrupt {
        /// The file.
        file: PathBuf,
        /// What was found.
        cause: String,
    },
    /// A record does not make sense.
    #[error("state file {} is damaged in its {what} table: restore a copy of it; or {ANEW_ADVICE}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The table.
        what: &'static str,
    },
}

/// How to go on without what is in the file.
const ANEW_ADVICE: &str = "move it away to begin anew, and then every counter starts at zero \
     again, and calls as far back as poll.first_read reaches are counted once more";

/// What a person can do about a file of another layout. No release wrote an earlier one.
fn layout_advice(found: u64, known: u64) -> String {
    match found < known {
        true => format!("a build from before the first release wrote it; {ANEW_ADVICE}"),
        false => "run the version that wrote it".to_owned(),
    }
}

/// Why the database that was opened cannot be read.
pub(super) enum LoadError {
    Database(redb::Error),
    /// A row of this table makes no sense.
    Damaged(&'static str),
    /// The file has layout `found`, this version reads `known`.
    Layout {
        found: u64,
        known: u64,
    },
}

impl<E: Into<redb::Error>> From<E> for LoadError {
    fn from(cause: E) -> Self {
        Self::Database(cause.into())
    }
}

/// Why a change did not reach the disk. The state is as it was before.
#[derive(Debug, Error)]
#[error("{}; {}", self.failure(), Self::ADVICE)]
pub struct CommitError(String);

impl CommitError {
    /// What a person can do next.
    pub const ADVICE: &str = "nothing is counted until it can: check free space and health of the disk that holds the \
         state directory";

    /// What failed.
    pub fn failure(&self) -> String {
        format!("the state could not be written: {}", self.0)
    }

    pub(super) fn new(cause: redb::Error) -> Self {
        Self(cause.to_string())
    }

    /// The database panicked.
    pub(super) fn panicked(message: &str) -> Self {
        Self(format!(
            "the database broke down, so the state file may be damaged ({message})"
        ))
    }

    pub(super) fn closed() -> Self {
        Self("the state file is not open".into())
    }
}

impl OpenError {
    pub(super) fn directory(path: &Path, cause: io::Error) -> Self {
        Self::Directory {
            path: path.into(),
            cause,
        }
    }

    pub(super) fn database(file: &Path, cause: redb::DatabaseError) -> Self {
        match cause {
            redb::DatabaseError::DatabaseAlreadyOpen => Self::Locked { file: file.into() },
            other => Self::read(file, other.into()),
        }
    }

    pub(super) fn load(file: &Path, cause: LoadError) -> Self {
        let file = file.to_path_buf();
        match cause {
            LoadError::Database(cause) => Self::read(&file, cause),
            LoadError::Damaged(what) => Self::Damaged { file, what },
            LoadError::Layout { found, known } => Self::Layout { file, found, known },
        }
    }

    fn read(file: &Path, cause: redb::Error) -> Self {
        let told = cause.to_string();
        let file = file.into();
        match cause {
            redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => Self::Foreign {
                file,
                cause: error.to_string(),
            },
            // The file ends before what it should hold does.
            redb::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Corrupt {
                    file,
                    cause: "it is cut short".to_owned(),
                }
            }
            redb::Error::Io(error) => Self::Unusable {
                file,
                cause: error.to_string(),
            },
            redb::Error::DatabaseAlreadyOpen => Self::Locked { file },
            _ => Self::Corrupt { file, cause: told },
        }
    }

    /// The database panicked over what is in the file.
    pub(super) fn panicked(file: &Path, message: &str) -> Self {
        Self::Corrupt {
            file: file.into(),
            cause: format!("the database cannot read it: {message}"),
        }
    }

    /// Whether what is in the file is at fault, and not the way to it.
    pub(super) fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Foreign { .. } | Self::Corrupt { .. } | Self::Damaged { .. }
        )
    }
}
