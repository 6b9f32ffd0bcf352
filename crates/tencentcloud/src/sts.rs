//! STS through the client: the real side of the credentials' seam.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::client::{CallObserver, Client, ClientConfig};
use super::codes::ErrorClass;
use super::credentials::{CredentialError, CredentialProvider, Credentials, StaticProvider, Sts};
use super::retry::RetryBudget;
use super::transport::{BoxFuture, Transport};
use crate::runtime::Runtime;
use crate::secret::Secret;

/// A renewal waits 20 s at the most, so the tries of one call have to fit into that.
const BUDGET: RetryBudget = RetryBudget {
    attempts: 4,
    total: Duration::from_secs(10),
    base: Duration::from_millis(250),
    cap: Duration::from_secs(3),
};

/// Calls STS, each call with the credentials that it is given.
pub struct StsClient {
    config: ClientConfig,
    transport: Arc<dyn Transport>,
    runtime: Runtime,
    observer: Arc<dyn CallObserver>,
}

// === impl StsClient ===

impl StsClient {
    /// Over `transport`. `config` says where the service is; its budget is replaced.
    pub fn new(
        config: ClientConfig,
        transport: Arc<dyn Transport>,
        runtime: Runtime,
        observer: Arc<dyn CallObserver>,
    ) -> Self {
        let config = ClientConfig {
            retry: BUDGET,
            ..config
        };
        Self {
            config,
            transport,
            runtime,
            observer,
        }
    }

    async fn ask(
        &self,
        action: &str,
        params: Value,
        signer: Option<Credentials>,
    ) -> Result<Value, CredentialError> {
        let signed = signer.is_some();
        // An unsigned call asks for no credentials.
        let signer = match signer {
            Some(signer) => signer,
            None => Credentials::new("none".to_owned(), Secret::new("none".to_owned()), None, "")?,
        };
        let provider: Arc<dyn CredentialProvider> = Arc::new(StaticProvider::new(signer));
        let client = Client::new(
            self.config.clone(),
            provider,
            self.transport.clone(),
            self.runtime.clone(),
            self.observer.clone(),
        );
        let answer = if signed {
            client.call_json(action, &params).await
        } else {
            client.call_unsigned_json(action, &params).await
        };
        answer.map_err(|error| CredentialError::Sts {
            action: action.to_owned(),
            reason: error.to_string(),
            signer_refused: signed && error.class == ErrorClass::Authentication,
        })
    }
}

impl Sts for StsClient {
    fn call<'a>(
        &'a self,
        action: &'a str,
        params: Value,
        signer: Option<Credentials>,
    ) -> BoxFuture<'a, Result<Value, CredentialError>> {
        Box::pin(self.ask(action, params, signer))
    }
}
