//! The wiring of one source: from its configuration to a poller with client and credentials.

use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use super::{BuildError, Seams};
use crate::commit::Writer;
use crate::config::{self, Config, CredentialsConfig};
use crate::poll::{Board, Poller};
use crate::source::v2::V2Source;
use crate::source::{LogSource, Place};
use crate::telemetry::Telemetry;
use crate::tencent::{
    CallObserver, Client, ClientConfig, CredentialProvider, Credentials, Domain, Endpoint,
    FileProvider, Method, Service, SigningMethod, Sources,
};

/// Passes what the client does on to the metrics.
struct Observer(Arc<Telemetry>);

/// What the sources are built from.
pub(super) struct Wiring<'a> {
    pub(super) config: &'a Config,
    pub(super) seams: &'a Seams,
    pub(super) telemetry: &'a Arc<Telemetry>,
}

impl Wiring<'_> {
    /// The poller of one source; its credentials are looked for now.
    pub(super) fn poller(
        &self,
        source: &config::Source,
        writer: Writer,
        board: Arc<Board>,
    ) -> Result<Poller, BuildError> {
        Ok(Poller {
            name: source.name.as_str().into(),
            source: self.log_source(source)?,
            timing: self.config.poll.clone(),
            writer,
            telemetry: self.telemetry.source(&source.name),
            board,
            runtime: self.seams.runtime.clone(),
        })
    }

    fn log_source(&self, source: &config::Source) -> Result<Arc<dyn LogSource>, BuildError> {
        if source.api != config::Api::V2 {
            let problem = "this API is not wired up: use v2";
            return Err(BuildError::Other(format!(
                "source {}: {problem}",
                source.name
            )));
        }
        let client = Client::new(
            self.client_config(source)?,
            self.credentials(source)?,
            self.seams.transport.clone(),
            self.seams.runtime.clone(),
            Arc::new(Observer(self.telemetry.clone())),
        );
        let page_size = self.config.poll.page_size;
        let filter = source.functions.clone();
        let place = Place {
            account: source.account.as_str().into(),
            region: source.region.as_str().into(),
            read: source.read,
            max_run_time: self.config.poll.max_run_time,
            delivery_delay: self.config.poll.delivery_delay,
        };
        Ok(Arc::new(V2Source::new(client, place, filter, page_size)))
    }

    fn client_config(&self, source: &config::Source) -> Result<ClientConfig, BuildError> {
        let endpoint = match &source.endpoint {
            Some(url) => {
                Endpoint::parse(Service::V2, url).map_err(|cause| BuildError::Endpoint {
                    source_name: source.name.clone(),
                    cause,
                })?
            }
            None => Endpoint::of(Service::V2, &source.region, Domain::Public),
        };
        let limits = &self.config.limits;
        Ok(ClientConfig {
            endpoint,
            method: match source.method {
                config::HttpMethod::Get => Method::Get,
                config::HttpMethod::Post => Method::Post,
            },
            signing: match source.signature_method {
                config::SignatureMethod::HmacSha1 => SigningMethod::HmacSha1,
                // The configuration refuses TC3 for v2.
                config::SignatureMethod::HmacSha256 | config::SignatureMethod::Tc3 => {
                    SigningMethod::HmacSha256
                }
            },
            requests_per_second: limits.requests_per_second_of(source.api),
            max_in_flight: limits.requests_in_flight,
            ..ClientConfig::new(Service::V2, &source.region)
        })
    }

    fn credentials(
        &self,
        source: &config::Source,
    ) -> Result<Arc<dyn CredentialProvider>, BuildError> {
        let failed = |cause| BuildError::Credentials {
            source_name: source.name.clone(),
            cause,
        };
        let explicit = match &source.credentials {
            CredentialsConfig::Chain => None,
            CredentialsConfig::Explicit {
                secret_id,
                secret_key,
                token,
            } => {
                let (key, token) = (secret_key.clone(), token.clone());
                let place = "the configuration";
                Some(Credentials::new(secret_id.clone(), key, token, place).map_err(failed)?)
            }
        };
        let sources = Sources::new(explicit, self.seams.environment.clone());
        let (provider, origin) = FileProvider::load(sources).map_err(failed)?;
        info!(source = source.name, %origin, "credentials found");
        Ok(Arc::new(provider))
    }
}

impl CallObserver for Observer {
    fn attempt(&self, api: &'static str, action: &str, code: &'static str, took: Duration) {
        // Each API has its own word for success; the metric has one.
        let code = if code == "0" { "ok" } else { code };
        self.0.api_attempt(api, action, code, took);
    }
}
