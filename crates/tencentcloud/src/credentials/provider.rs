//! The providers of this kind of credentials: fixed ones, and ones that are looked up again.

use std::fmt;

use parking_lot::Mutex;
use tracing::{info, warn};

use super::{CredentialError, CredentialProvider, Credentials, Origin, Sources};
use crate::runtime::Runtime;
use crate::transport::BoxFuture;

/// Always the same credentials.
#[derive(Debug, Clone)]
pub struct StaticProvider(Credentials);

/// Credentials from [`Sources`], looked up again when the cloud refuses them: a file may have been
/// rotated since.
pub struct FileProvider {
    sources: Sources,
    runtime: Runtime,
    current: Mutex<Credentials>,
}

// === impl StaticProvider ===

impl StaticProvider {
    /// Of these.
    pub fn new(credentials: Credentials) -> Self {
        Self(credentials)
    }
}

impl CredentialProvider for StaticProvider {
    fn current(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

// === impl FileProvider ===

impl FileProvider {
    /// Looks everywhere once; says where it found them.
    pub fn load(sources: Sources, runtime: Runtime) -> Result<(Self, Origin), CredentialError> {
        let (credentials, origin) = sources.load()?;
        Ok((Self::holding(credentials, sources, runtime), origin))
    }

    /// With what `sources` gave already.
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

    /// A look-up that fails leaves the old ones: a file may be half written just now.
    async fn look_again(&self, refused: &Credentials) -> bool {
        // Another call may have looked since this one was signed.
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
