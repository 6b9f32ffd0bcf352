//! Credentials from the configuration. Some may be in files that are replaced while the program
//! runs.

use std::path::{Path, PathBuf};

use super::{CredentialError, Credentials, check};
use crate::secret::Secret;

/// Configured credentials and the files that hold them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explicit {
    credentials: Credentials,
    files: KeyFiles,
}

/// The files that hold one value each; `None` for a value that the configuration contains itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFiles {
    /// File with the secret id.
    pub secret_id: Option<PathBuf>,
    /// File with the secret key.
    pub secret_key: Option<PathBuf>,
    /// File with the token.
    pub token: Option<PathBuf>,
}

// === impl Explicit ===

impl Explicit {
    /// Creates credentials, some of which were read from `files`.
    pub fn new(credentials: Credentials, files: KeyFiles) -> Self {
        Self { credentials, files }
    }

    /// Returns whether no value comes from a file.
    pub(super) fn is_fixed(&self) -> bool {
        self.files == KeyFiles::default()
    }

    /// Returns the current credentials. Values in files are read again.
    pub(super) fn read(&self) -> Result<Credentials, CredentialError> {
        let mut now = self.credentials.clone();
        if let Some(id) = value("secret id", self.files.secret_id.as_deref())? {
            now.secret_id = id.expose().to_owned();
        }
        if let Some(key) = value("secret key", self.files.secret_key.as_deref())? {
            now.secret_key = key;
        }
        if let Some(token) = value("token", self.files.token.as_deref())? {
            now.token = Some(token);
        }
        Ok(now)
    }
}

impl From<Credentials> for Explicit {
    fn from(credentials: Credentials) -> Self {
        Self::new(credentials, KeyFiles::default())
    }
}

fn value(what: &'static str, file: Option<&Path>) -> Result<Option<Secret>, CredentialError> {
    let Some(path) = file else { return Ok(None) };
    let value = Secret::read_file(path).map_err(|reason| CredentialError::Unreadable {
        path: path.to_owned(),
        reason: format!("it {reason}"),
    })?;
    check(what, value.expose(), &path.display().to_string())?;
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn files_are_read_each_time_and_what_is_wrong_names_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        for (name, text) in [("id", "AKID1\n"), ("key", "k1\n"), ("token", "t1\n")] {
            fs::write(path(name), text).unwrap();
        }
        let first = || {
            let (key, token) = (Secret::new("k0"), Some(Secret::new("t0")));
            Credentials::new("AKID0".to_owned(), key, token, "a test").unwrap()
        };
        let files = KeyFiles {
            secret_id: Some(path("id")),
            secret_key: Some(path("key")),
            token: Some(path("token")),
        };
        let explicit = Explicit::new(first(), files.clone());
        let read = explicit.read().unwrap();
        let shown = |c: &Credentials| {
            let token = c.token.as_ref().map(|t| t.expose().to_owned());
            (c.secret_id.clone(), c.secret_key.expose().to_owned(), token)
        };
        let expected = |id: &str, key: &str, token: &str| {
            (id.to_owned(), key.to_owned(), Some(token.to_owned()))
        };
        assert_eq!(shown(&read), expected("AKID1", "k1", "t1"));
        fs::write(path("key"), "k2").unwrap();
        assert_eq!(explicit.read().unwrap().secret_key.expose(), "k2");
        let only_token = KeyFiles {
            token: Some(path("token")),
            ..KeyFiles::default()
        };
        let read = Explicit::new(first(), only_token).read().unwrap();
        assert_eq!(shown(&read), expected("AKID0", "k0", "t1"));
        assert_eq!(Explicit::from(first()).read().unwrap(), first());

        fs::write(path("key"), "hunter2\nhunter3\n").unwrap();
        let text = explicit.read().unwrap_err().to_string();
        let expected = format!(
            "the secret key from {} holds a line end; copy it again",
            path("key").display()
        );
        assert_eq!(text, expected);
        fs::remove_file(path("id")).unwrap();
        let text = explicit.read().unwrap_err().to_string();
        assert!(text.contains(&path("id").display().to_string()), "{text}");
    }
}
