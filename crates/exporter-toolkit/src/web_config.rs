//! The web configuration at runtime: TLS, passwords, response headers and a rate limit.
//!
//! The format and meaning of the file are those of Prometheus' exporter-toolkit. A background task
//! reloads it when it changes. Requests use the last valid version and never wait for the disk.

mod auth;
mod client_certs;
mod rate_limit;
mod rules;
mod tls;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use self::auth::Checker;
use self::watch::Files;
use crate::Diagnostics;

use self::rules::Rules;

/// Interval between two checks of the files. A changed file is read only after two checks have seen
/// it unchanged, because half of a file may be a valid one that admits everybody.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The web configuration file and its last valid version.
pub struct WebConfig {
    path: Option<PathBuf>,
    rules: ArcSwap<Rules>,
    files: Mutex<Files>,
    checker: Arc<Checker>,
}

// === impl WebConfig ===

impl WebConfig {
    /// Returns the configuration without a file: no encryption, and everybody is admitted.
    pub fn none() -> Self {
        Self::of(None, Rules::default(), Files::default())
    }

    /// Reads the file, if there is one.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the file and the certificates that it names.
    pub fn load(path: Option<&Path>) -> Result<Self, Diagnostics> {
        let Some(path) = path else {
            return Ok(Self::none());
        };
        let mut files = Files::of(path);
        let rules = Rules::read(path, None, &mut files)?;
        Ok(Self::of(Some(path.to_owned()), rules, files))
    }

    fn of(path: Option<PathBuf>, rules: Rules, files: Files) -> Self {
        Self {
            path,
            rules: ArcSwap::from_pointee(rules),
            files: Mutex::new(files),
            checker: Arc::new(Checker::default()),
        }
    }

    /// Returns whether connections are encrypted. This does not change at runtime.
    pub fn is_encrypted(&self) -> bool {
        self.rules.load().tls.is_some()
    }

    /// Returns the current rules.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// Returns the password checker.
    pub(crate) fn checker(&self) -> &Arc<Checker> {
        &self.checker
    }

    /// Reloads the file whenever it, or a file that it names, changes. Never returns.
    pub(crate) async fn watch(self: Arc<Self>) {
        if self.path.is_none() {
            std::future::pending::<()>().await;
        }
        loop {
            sleep(CHECK_INTERVAL).await;
            let toolkit = self.clone();
            if spawn_blocking(move || toolkit.reload_if_changed())
                .await
                .is_err()
            {
                tracing::error!("checking the web configuration file failed unexpectedly");
            }
        }
    }

    /// Checks the files once and reloads them if they have changed. An error is logged once, and
    /// the previous version stays in use.
    pub fn reload_if_changed(&self) {
        let mut files = self.files.lock();
        let Some(path) = &self.path else { return };
        if !files.have_changed() {
            return;
        }
        let before = self.rules.load_full();
        match Rules::read(path, Some(&before), &mut files) {
            Ok(rules) => {
                self.rules.store(Arc::new(rules));
                tracing::info!(file = %path.display(), "web configuration reloaded");
            }
            Err(faults) => {
                for fault in faults.to_string().lines() {
                    tracing::error!(
                        fault,
                        "the changed web configuration has an error and is not used"
                    );
                }
            }
        }
    }
}

impl std::fmt::Debug for WebConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebConfig")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
