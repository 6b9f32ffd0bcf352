//! Errors of the store, each with what to do about it.

use std::io;
use std::path::Path;

use thiserror::Error;

/// Why the state could not be opened, and what to do about it.
#[derive(Debug, Error)]
#[error("{text}")]
pub struct OpenError {
    text: String,
    /// The content of the file is at fault, not the way to it.
    pub(super) is_damage: bool,
}

/// How to go on without what is in the file.
const ANEW_ADVICE: &str = "move it away to begin anew, and then every counter starts at zero \
     again, and calls as far back as poll.first_read reaches are counted once more";

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

/// Error of a change that was not written: all of it is missing from the store.
#[derive(Debug, Error)]
#[error("{}; {}", self.failure(), Self::ADVICE)]
pub struct CommitError(String);

// === impl CommitError ===

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

    pub(super) fn panicked(message: &str) -> Self {
        Self(format!(
            "the database broke down, so the state file may be damaged ({message})"
        ))
    }

    pub(super) fn closed() -> Self {
        Self("the state file is not open".into())
    }
}

// === impl OpenError ===

impl OpenError {
    pub(super) fn directory(path: &Path, cause: io::Error) -> Self {
        Self::unusable(format!(
            "state directory {} cannot be used: {cause}; choose a writable one with --state.path, or --state.path= (empty) to keep state in memory only",
            path.display()
        ))
    }

    pub(super) fn load(file: &Path, cause: LoadError) -> Self {
        let shown = file.display();
        match cause {
            LoadError::Database(cause) => Self::database(file, cause),
            LoadError::Damaged(table) => Self::damaged(format!(
                "state file {shown} is damaged in its {table} table: restore a copy of it; or {ANEW_ADVICE}"
            )),
            LoadError::Layout { found, known } => {
                // No release wrote an earlier layout.
                let advice = match found < known {
                    true => {
                        format!("a build from before the first release wrote it; {ANEW_ADVICE}")
                    }
                    false => "run the version that wrote it".to_owned(),
                };
                Self::unusable(format!(
                    "state file {shown} has layout {found}, this version knows layout {known}: {advice}, or choose another directory with --state.path"
                ))
            }
        }
    }

    pub(super) fn database(file: &Path, cause: redb::Error) -> Self {
        let shown = file.display();
        match cause {
            redb::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::damaged(format!(
                    "state file {shown} was not written by scf-exporter, or is damaged ({error}): restore a copy of it; or {ANEW_ADVICE}; or choose another directory with --state.path"
                ))
            }
            redb::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::corrupt(file, "it is cut short")
            }
            redb::Error::Io(error) => Self::unusable(format!(
                "state file {shown} cannot be opened: {error}; check its owner and permissions and the free space, or choose another directory with --state.path"
            )),
            redb::Error::DatabaseAlreadyOpen => Self::unusable(format!(
                "state file {shown} is in use by another process: stop the other scf-exporter, or give this one its own directory with --state.path"
            )),
            other => Self::corrupt(file, &other.to_string()),
        }
    }

    /// The database panicked over what is in the file.
    pub(super) fn panicked(file: &Path, message: &str) -> Self {
        Self::corrupt(file, &format!("the database cannot read it: {message}"))
    }

    fn corrupt(file: &Path, cause: &str) -> Self {
        let shown = file.display();
        Self::damaged(format!(
            "state file {shown} is damaged ({cause}): restore a copy of it; or {ANEW_ADVICE}"
        ))
    }

    fn damaged(text: String) -> Self {
        let is_damage = true;
        Self { text, is_damage }
    }

    fn unusable(text: String) -> Self {
        let is_damage = false;
        Self { text, is_damage }
    }
}
