//! What stands between a client and the pages: TLS, passwords, headers for every answer, a limit
//! of requests, as the web configuration file says.
//!
//! The file is in the format of Prometheus' exporter-toolkit and means the same here. It is read
//! again as it changes, beside the way of the requests: a request takes what was read last and
//! waits for no disk.

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

/// Between two looks at the files. What has changed is read once it was the same in two of them:
/// half of a file may be a good one that lets everybody in.
const LOOK: Duration = Duration::from_secs(1);

/// The web configuration file and what it said last.
pub struct WebConfig {
    path: Option<PathBuf>,
    rules: ArcSwap<Rules>,
    files: Mutex<Files>,
    checker: Arc<Checker>,
}

// === impl WebConfig ===

impl WebConfig {
    /// No file: everybody may read, nothing is encrypted.
    pub fn none() -> Self {
        Self::of(None, Rules::default(), Files::default())
    }

    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// Everything that is wrong with the file and the certificates that it names.
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

    /// Whether connections are encrypted; that does not change while it runs.
    pub fn is_encrypted(&self) -> bool {
        self.rules.load().tls.is_some()
    }

    /// What holds now.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// Who tells whether a password is right.
    pub(crate) fn checker(&self) -> &Arc<Checker> {
        &self.checker
    }

    /// Reads the file again whenever it changes, or what it names; never ends.
    pub(crate) async fn watch(self: Arc<Self>) {
        if self.path.is_none() {
            std::future::pending::<()>().await;
        }
        loop {
            sleep(LOOK).await;
            let toolkit = self.clone();
            if spawn_blocking(move || toolkit.look()).await.is_err() {
                tracing::error!("a look at the web configuration file ended with a fault");
            }
        }
    }

    /// One look at the files. A fault of theirs is told once, and all stays as it was.
    pub fn look(&self) {
        let mut files = self.files.lock();
        let Some(path) = &self.path else { return };
        if !files.have_changed() {
            return;
        }
        let before = self.rules.load_full();
        match Rules::read(path, Some(&before), &mut files) {
            Ok(rules) => {
                self.rules.store(Arc::new(rules));
                tracing::info!(file = %path.display(), "web configuration read again");
            }
            Err(faults) => {
                for fault in faults.to_string().lines() {
                    tracing::error!(fault, "the changed web configuration is not taken");
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
