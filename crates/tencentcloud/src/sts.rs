//! Calls STS with the client of this crate.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::client::{CallObserver, Client};
use super::codes::ErrorClass;
use super::config::ClientConfig;
use super::credentials::{CredentialError, Credentials, Sts};
use super::retry::RetryBudget;
use super::transport::{BoxFuture, Transport};
use crate::runtime::Runtime;
use crate::secret::Secret;

/// The retries of one call must fit into the 20 s that a renewal may take.
const BUDGET: RetryBudget = RetryBudget {
    attempts: 4,
    total: Duration::from_secs(10),
    base: Duration::from_millis(250),
    cap: Duration::from_secs(3),
};

/// Calls STS. Each call is signed with the credentials that it is given.
pub struct StsClient {
    config: ClientConfig,
    transport: Arc<dyn Transport>,
    runtime: Runtime,
    observer: Arc<dyn CallObserver>,
}

// === impl StsClient ===

impl StsClient {
    /// Creates a client over `transport`. `config` names the endpoint; its retry budget is
    /// replaced.
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
        // An unsigned call needs no credentials.
        let signer = signer.unwrap_or_else(|| Credentials {
            secret_id: String::new(),
            secret_key: Secret::new(""),
            token: None,
        });
        let client = Client::new(
            self.config.clone(),
            Arc::new(signer),
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
