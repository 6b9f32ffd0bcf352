//! The wiring of one source: from its configuration to a poller with clients and credentials.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{BuildError, Dependencies};
use crate::commit::CommitHandle;
use crate::config::{self, Api, Config, CredentialsConfig, Poll};
use crate::ingest::cls::ClsSource;
use crate::ingest::discovery::{Functions, Lister};
use crate::ingest::v2::V2Source;
use crate::ingest::v3::V3Source;
use crate::ingest::{LogSource, SourceScope};
use crate::ledger::ListId;
use crate::scheduler::{Budget, Poller, SourceInfo, StatusBoard};
use crate::telemetry::{Requests, SourceTelemetry, Telemetry};
use tencentcloud::runtime::{Clock as _, Runtime};
use tencentcloud::{
    CallObserver, Chain, ChainConfig, Client, ClientConfig, ClockOffset, CloudClock,
    CredentialProvider, Credentials, Domain, Endpoint, Explicit, Method, RoleConfig, Service,
    SigningMethod, StsClient, Transport,
};

/// Change of a wrong clock's offset after which it is logged again, in milliseconds.
const WARN_AGAIN_MS: u64 = 10_000;

/// Reports the requests of one source's clients to the metrics.
struct Observer {
    name: String,
    telemetry: Arc<SourceTelemetry>,
    requests: Arc<Requests>,
    clock: CloudClock,
    /// The offset of the last warning, in milliseconds; zero before the first.
    warned: AtomicI64,
}

/// The parts of the exporter that all sources share.
pub(super) struct Wiring {
    pub(super) dependencies: Dependencies,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) board: Arc<StatusBoard>,
    pub(super) writer: CommitHandle,
}

/// All settings that a source is built from. A reload leaves a source alone whose settings are the
/// same.
#[derive(PartialEq)]
pub(super) struct SourceSpec {
    pub(super) source: config::Source,
    poll: Poll,
    limits: config::RequestLimits,
    requests_in_flight: usize,
    request_timeout: Duration,
}

/// A source that was built and not started.
pub(super) struct Built {
    pub(super) spec: SourceSpec,
    pub(super) poller: Poller,
    pub(super) info: SourceInfo,
    /// Stops this source only.
    pub(super) stop: CancellationToken,
}

/// One source being built: its clients share clock, credentials and metrics.
struct Building<'a> {
    wiring: &'a Wiring,
    spec: &'a SourceSpec,
    source: &'a config::Source,
    runtime: Runtime,
    clock: CloudClock,
    /// Trusts the CA certificates of the source too.
    transport: Arc<dyn Transport>,
    observer: Arc<Observer>,
}

impl SourceSpec {
    pub(super) fn of(config: &Config, source: &config::Source) -> Self {
        Self {
            source: source.clone(),
            poll: Poll {
                // The committer and the shutdown use these, not the source.
                first_read: Duration::ZERO,
                stop_timeout: Duration::ZERO,
                ..config.poll.clone()
            },
            limits: config.limits.requests_of(source.api),
            requests_in_flight: config.limits.requests_in_flight,
            request_timeout: config.limits.request_timeout,
        }
    }
}

impl Wiring {
    /// Builds a source. Searches for its credentials.
    pub(super) async fn build(&self, spec: SourceSpec) -> Result<Built, BuildError> {
        let source = &spec.source;
        let runtime = self.dependencies.runtime.clone().with_own_stop();
        let stop = runtime.stop.clone();
        let clock = CloudClock::over(runtime.clock.clone());
        // Everything that concerns this source uses the cloud's time.
        let runtime = runtime.by_clock(Arc::new(clock.clone()));
        let telemetry = self.telemetry.source(&source.name);
        let telemetry = telemetry.map_err(|cause| BuildError::Other(cause.to_string()))?;
        let requests = Arc::new(Requests::default());
        let shared = &self.dependencies.transport;
        let own = source.ca_file.as_ref();
        let own = own.and_then(|file| shared.trusting(&file.certificates));
        let building = Building {
            transport: own.unwrap_or_else(|| shared.clone()),
            wiring: self,
            spec: &spec,
            source,
            runtime: runtime.clone(),
            clock: clock.clone(),
            observer: Arc::new(Observer {
                name: source.name.clone(),
                telemetry: telemetry.clone(),
                requests: requests.clone(),
                clock: clock.clone(),
                warned: AtomicI64::new(0),
            }),
        };
        let info = SourceInfo {
            api: source.api,
            region: source.region.clone(),
            account: source.account.clone(),
            limits: spec.limits,
            requests,
            clock: clock.clone(),
        };
        let poller = Poller {
            name: source.name.as_str().into(),
            lists: lists_of(source),
            source: building.log_source().await?,
            timing: spec.poll.clone(),
            budget: Budget::new(spec.limits.each_action),
            writer: self.writer.clone(),
            telemetry,
            board: self.board.clone(),
            clock,
            runtime,
        };
        Ok(Built {
            spec,
            poller,
            info,
            stop,
        })
    }
}

/// Returns the identity of a source's lists of functions: it depends on the selection, not on the
/// source's name or API, so that a renamed source keeps its lists.
fn lists_of(source: &config::Source) -> ListId {
    let config::Source {
        namespaces,
        functions,
        topics,
        ..
    } = source;
    let selection = format!("{namespaces:?} {functions:?} {topics:?}");
    // FNV-1a, because the stored value must be the same in every version of this program.
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    ListId {
        account: source.account.as_str().into(),
        region: source.region.as_str().into(),
        selection: selection.bytes().fold(0xcbf2_9ce4_8422_2325, step),
    }
}

impl Building<'_> {
    async fn log_source(&self) -> Result<Arc<dyn LogSource>, BuildError> {
        let (poll, source) = (&self.spec.poll, self.source);
        let credentials = self.credentials().await?;
        let place = SourceScope {
            account: source.account.as_str().into(),
            region: source.region.as_str().into(),
            read: source.read,
            max_run_time: poll.max_run_time,
            delivery_delay: poll.delivery_delay,
        };
        let wanted = source.selector();
        let page_size = poll.page_size;
        let client = |service| self.client(service, &credentials);
        let functions = |client, needs_topics| -> Arc<dyn Lister> {
            let (place, wanted) = (place.clone(), wanted.clone());
            Arc::new(Functions::new(client, place, wanted, needs_topics))
        };
        Ok(match source.api {
            Api::V2 => {
                let filter = source.functions.clone();
                let client = client(Service::V2)?;
                Arc::new(V2Source::new(client, place, filter, page_size))
            }
            Api::V3 => {
                let client = client(Service::Scf)?;
                let functions = functions(client.clone(), false);
                Arc::new(V3Source::new(client, functions, place, wanted, page_size))
            }
            Api::Cls => {
                let functions = functions(client(Service::Scf)?, true);
                let (client, topics) = (client(Service::Cls)?, source.topics.clone());
                Arc::new(ClsSource::new(
                    client, functions, place, wanted, topics, page_size,
                ))
            }
        })
    }

    fn client(
        &self,
        service: Service,
        credentials: &Arc<dyn CredentialProvider>,
    ) -> Result<Client, BuildError> {
        Ok(Client::new(
            self.client_config(service)?,
            credentials.clone(),
            self.transport.clone(),
            self.runtime.clone(),
            self.observer.clone(),
        ))
    }

    fn client_config(&self, service: Service) -> Result<ClientConfig, BuildError> {
        let source = self.source;
        let own = match service {
            Service::V2 => source.endpoint.as_deref(),
            Service::Scf => source.url_of(&source.endpoints.scf),
            Service::Cls => source.url_of(&source.endpoints.cls),
            Service::Sts => source.url_of(&source.endpoints.sts),
        };
        let domain = match source.domain {
            config::Domain::Public => Domain::Public,
            config::Domain::International => Domain::International,
            config::Domain::Internal => Domain::Internal,
        };
        let endpoint = own.map_or_else(
            || Ok(Endpoint::of(service, &source.region, domain)),
            |url| Endpoint::parse(service, url),
        );
        let failed = |cause| BuildError::Endpoint {
            source_name: source.name.clone(),
            cause,
        };
        Ok(ClientConfig {
            endpoint: endpoint.map_err(failed)?,
            method: match source.method {
                config::HttpMethod::Get => Method::Get,
                config::HttpMethod::Post => Method::Post,
            },
            signing: match source.signature_method {
                config::SignatureMethod::HmacSha1 => SigningMethod::HmacSha1,
                config::SignatureMethod::HmacSha256 => SigningMethod::HmacSha256,
                config::SignatureMethod::Tc3 => SigningMethod::Tc3,
            },
            clock: self.clock.clone(),
            requests_per_second: self.spec.limits.each_action,
            action_limits: self.spec.limits.of_actions,
            max_in_flight: self.spec.requests_in_flight,
            request_timeout: self.spec.request_timeout,
            longest_wait: self.spec.poll.interval,
            ..ClientConfig::new(service, &source.region)
        })
    }

    async fn credentials(&self) -> Result<Arc<dyn CredentialProvider>, BuildError> {
        let source = self.source;
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
                let named = Credentials::new(secret_id.clone(), key, token, place);
                let files = source.key_files.clone();
                Some(Explicit::new(named.map_err(failed)?, files))
            }
        };
        let role = source.role.as_ref().map(|role| RoleConfig {
            arn: role.arn.clone(),
            session_name: role.session_name.clone(),
            duration: role.duration,
            external_id: role.external_id.clone(),
        });
        let config = ChainConfig {
            explicit,
            role,
            session_name: "scf-exporter".to_owned(),
            metadata: source
                .url_of(&source.endpoints.metadata)
                .unwrap_or(ChainConfig::METADATA)
                .to_owned(),
        };
        let (transport, runtime) = (self.transport.clone(), self.runtime.clone());
        let sts = StsClient::new(
            self.client_config(Service::Sts)?,
            transport.clone(),
            runtime.clone(),
            self.observer.clone(),
        );
        let chain = Chain {
            environment: self.wiring.dependencies.environment.clone(),
            transport,
            sts: Arc::new(sts),
            runtime,
        };
        let (provider, origin) = chain.load(config).await.map_err(failed)?;
        info!(source = source.name, %origin, "credentials found");
        Ok(provider)
    }
}

impl CallObserver for Observer {
    fn attempt(&self, api: &'static str, action: &str, code: &'static str, took: Duration) {
        // The client reports the code 0; the metric has the label `ok`.
        let code = if code == "0" { "ok" } else { code };
        self.telemetry.request(api, action, code, took);
        let now = self.clock.now();
        self.requests.sent(action, now, code != "ok");
    }

    fn clock_offset(&self, _: &'static str, offset_ms: i64) {
        self.telemetry.set_clock_offset(offset_ms);
        let warned = self.warned.load(Ordering::Relaxed);
        let is_wrong = ClockOffset::is_wrong(offset_ms);
        if is_wrong && offset_ms.abs_diff(warned) >= WARN_AGAIN_MS {
            warn!(
                source = &*self.name,
                "{}; the exporter goes by the cloud's time, but mend the machine's time service",
                ClockOffset::describe(offset_ms)
            );
            self.warned.store(offset_ms, Ordering::Relaxed);
        } else if !is_wrong && warned != 0 {
            info!(source = &*self.name, "this machine's clock is right again");
            self.warned.store(0, Ordering::Relaxed);
        }
    }
}
