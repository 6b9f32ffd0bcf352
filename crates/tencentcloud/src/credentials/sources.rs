//! The sources of stored credentials, in order.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment::{self, Lookup};
use super::{CredentialError, Credentials, Explicit, Origin, file, sdk_file, tccli_file};

/// The system-wide file of the vendor's SDKs.
const SYSTEM_FILE: &str = "/etc/tencentcloud/credentials";

/// Variable of the vendor's Go SDK with the path of the SDK file.
const FILE_VARIABLE: &str = "TENCENTCLOUD_CREDENTIALS_FILE";

/// Variable with the profile of the vendor's command line tool.
const PROFILE_VARIABLE: &str = "TCCLI_PROFILE";

/// Reads one environment variable; returns `None` if it is not set.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Sources of stored credentials: the configuration, the environment, the SDK file, the file of the
/// vendor's command line tool. The first one that has any is used. Incomplete or invalid
/// credentials are an error, so that a mistake never selects another account.
#[derive(Clone)]
pub struct Sources {
    explicit: Option<Explicit>,
    environment: Environment,
    system_file: PathBuf,
}

/// The sources that were searched so far, for the error message when nothing is found.
pub(super) type Trail = Vec<String>;

/// Result of a search: credentials, or the sources without any.
pub(super) type Search = Result<(Credentials, Origin), Trail>;

// === impl Sources ===

impl Sources {
    /// Creates the list of sources. `explicit` are the configured credentials, if any.
    pub fn new(explicit: Option<Explicit>, environment: Environment) -> Self {
        Self {
            explicit,
            environment,
            system_file: SYSTEM_FILE.into(),
        }
    }

    /// Searches all sources now. Reads small files, so it must be called at startup or on a
    /// blocking thread.
    pub fn load(&self) -> Result<(Credentials, Origin), CredentialError> {
        self.search()?
            .map_err(|looked_at| CredentialError::NotFound { looked_at })
    }

    /// Searches all sources, for a caller that has further ones.
    pub(super) fn search(&self) -> Result<Search, CredentialError> {
        if let Some(explicit) = &self.explicit {
            return Ok(Ok((explicit.read()?, Origin::Configuration)));
        }
        let lookup: Lookup<'_> = &*self.environment;
        if let Some((found, name)) = environment::read(lookup)? {
            return Ok(Ok((found, Origin::Environment(name))));
        }
        let mut looked_at: Trail = environment::names()
            .map(|name| format!("the variable {name}"))
            .collect();
        let home = lookup("HOME").filter(|home| !home.is_empty());
        let home = home.as_deref().map(Path::new);
        if home.is_none() {
            looked_at.push("no home directory (HOME is not set)".to_owned());
        }
        let found = match self.sdk_files(home, &mut looked_at)? {
            None => self.tccli(home, &mut looked_at)?,
            some => some,
        };
        Ok(found.ok_or(looked_at))
    }

    /// Returns whether another search would find the same, because the configuration contains all
    /// values.
    pub(super) fn are_fixed(&self) -> bool {
        self.explicit.as_ref().is_some_and(Explicit::is_fixed)
    }

    fn sdk_files(
        &self,
        home: Option<&Path>,
        trail: &mut Trail,
    ) -> Result<Option<(Credentials, Origin)>, CredentialError> {
        // A file that was named explicitly must exist.
        if let Some(named) = (self.environment)(FILE_VARIABLE).filter(|name| !name.is_empty()) {
            let path = PathBuf::from(named);
            let found = file::credentials(&path, sdk_file::parse)?.ok_or_else(|| {
                CredentialError::Unreadable {
                    path: path.clone(),
                    reason: format!("there is no such file, though {FILE_VARIABLE} names it"),
                }
            })?;
            return Ok(Some((found, Origin::File(path))));
        }
        let own = home.map(|home| home.join(".tencentcloud/credentials"));
        for path in own.into_iter().chain([self.system_file.clone()]) {
            if let Some(found) = file::credentials(&path, sdk_file::parse)? {
                return Ok(Some((found, Origin::File(path))));
            }
            trail.push(format!("the file {}", path.display()));
        }
        Ok(None)
    }

    fn tccli(
        &self,
        home: Option<&Path>,
        trail: &mut Trail,
    ) -> Result<Option<(Credentials, Origin)>, CredentialError> {
        let Some(home) = home else { return Ok(None) };
        let profile = (self.environment)(PROFILE_VARIABLE).filter(|name| !name.is_empty());
        let profile = profile.as_deref().unwrap_or(tccli_file::DEFAULT_PROFILE);
        let path = home.join(".tccli").join(tccli_file::file_name(profile)?);
        if let Some(found) = file::credentials(&path, tccli_file::parse)? {
            return Ok(Some((found, Origin::File(path))));
        }
        trail.push(format!("the file {}", path.display()));
        Ok(None)
    }

    /// Replaces the system-wide file, so that tests do not depend on the machine.
    #[cfg(test)]
    pub(super) fn with_system_file(mut self, path: PathBuf) -> Self {
        self.system_file = path;
        self
    }
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("explicit", &self.explicit)
            .finish_non_exhaustive()
    }
}
