//! Providers of stored credentials: fixed ones, and ones that are read again after a refusal.

use std::fmt;

use parking_lot::Mutex;
use tracing::{info, warn};

use super::{CredentialError, CredentialProvider, Credentials, Sources};
use crate::runtime::Runtime;
use crate::transport::BoxFuture;

/// Provides credentials from [`Sources`] and searches again when the cloud refuses them, because a
/// file may have been rotated.
pub(super) struct FileProvider {
    sources: Sources,
    runtime: Runtime,
    current: Mutex<Credentials>,
}

/// Provides fixed credentials.
impl CredentialProvider for Credentials {
    fn current(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async { Ok(self.clone()) })
    }
}

// === impl FileProvider ===

impl FileProvider {
    /// Creates a provider with credentials that were already found in `sources`.
    pub(super) fn holding(credentials: Credentials, sources: Sources, runtime: Runtime) -> Self {
        Self {
            sources,
            runtime,
            current: Mutex::new(credentials),
        }
    }

    fn get(&self) -> Credentials {
        self.current.lock().clone()
    }

    /// Searches again. Keeps the old credentials if that fails, because a file may be half written.
    async fn look_again(&self, refused: &Credentials) -> bool {
        // Another call may have found newer ones after this one was signed.
        if self.get() != *refused {
            return true;
        }
        if self.sources.are_fixed() {
            return false;
        }
        let sources = self.sources.clone();
        let found = match self.runtime.in_background(move || sources.load()).await {
            Ok((found, _)) => found,
            Err(error) => {
                warn!(%error, "the cloud refused the key, and another cannot be read");
                return false;
            }
        };
        let newer = found != *refused;
        if newer {
            info!("the cloud refused the key; another was found where it came from");
        }
        *self.current.lock() = found;
        newer
    }
}

impl CredentialProvider for FileProvider {
    fn current(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async { Ok(self.get()) })
    }

    fn refused<'a>(&'a self, credentials: &'a Credentials) -> BoxFuture<'a, bool> {
        Box::pin(self.look_again(credentials))
    }
}

impl fmt::Debug for FileProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileProvider")
            .field("current", &self.get())
            .finish_non_exhaustive()
    }
}
