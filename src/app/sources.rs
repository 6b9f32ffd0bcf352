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
    CredentialProvider, Credentials, Domain, Endpoint, Explicit, KeyFiles, Method, RoleConfig,
    Service, SigningMethod, StsClient, Transport,
};

/// A wrong clock is warned of again when it has moved by so much, in milliseconds.
const WARN_AGAIN_MS: u64 = 10_000;

/// Passes what the clients of one source do on to the metrics.
struct Observer {
    name: String,
    telemetry: Arc<SourceTelemetry>,
    requests: Arc<Requests>,
    clock: CloudClock,
    /// The offset that was warned of last, in milliseconds; zero where there is none.
    warned: AtomicI64,
}

/// What all sources share.
pub(super) struct Wiring {
    pub(super) dependencies: Dependencies,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) board: Arc<StatusBoard>,
    pub(super) writer: CommitHandle,
}

/// All of a configuration that a source is built from: while it stays the same the source goes on.
#[derive(PartialEq)]
pub(super) struct SourceSpec {
    pub(super) source: config::Source,
    poll: Poll,
    requests_per_second: f64,
    requests_in_flight: usize,
    request_timeout: Duration,
}

/// A source that does not read yet.
pub(super) struct Built {
    pub(super) terms: SourceSpec,
    pub(super) poller: Poller,
    pub(super) info: SourceInfo,
    /// Ends it, and it alone.
    pub(super) stop: CancellationToken,
}

/// One source being built: its clients share clock, credentials and metrics.
struct Building<'a> {
    wiring: &'a Wiring,
    terms: &'a SourceSpec,
    source: &'a config::Source,
    runtime: Runtime,
    clock: CloudClock,
    /// Trusts what the source trusts.
    transport: Arc<dyn Transport>,
    observer: Arc<Observer>,
}

impl SourceSpec {
    pub(super) fn of(config: &Config, source: &config::Source) -> Self {
        Self {
            source: source.clone(),
            poll: Poll {
                // These are for the committer, and for whoever ends a source.
                first_read: Duration::ZERO,
                stop_timeout: Duration::ZERO,
                ..config.poll.clone()
            },
            requests_per_second: config.limits.requests_per_second_of(source.api),
            requests_in_flight: config.limits.requests_in_flight,
            request_timeout: config.limits.request_timeout,
        }
    }
}

impl Wiring {
    /// Builds a source; its credentials are looked for now.
    pub(super) async fn build(&self, terms: SourceSpec) -> Result<Built, BuildError> {
        let source = &terms.source;
        let runtime = self.dependencies.runtime.clone().with_own_stop();
        let stop = runtime.stop.clone();
        let clock = CloudClock::over(runtime.clock.clone());
        // Whatever is done, shown or judged for this source is so by the cloud's time.
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
            terms: &terms,
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
            limit: terms.requests_per_second,
            requests,
            clock: clock.clone(),
        };
        let poller = Poller {
            name: source.name.as_str().into(),
            lists: lists_of(source),
            source: building.log_source().await?,
            timing: terms.poll.clone(),
            budget: Budget::new(terms.requests_per_second),
            writer: self.writer.clone(),
            telemetry,
            board: self.board.clone(),
            clock,
            runtime,
        };
        Ok(Built {
            terms,
            poller,
            info,
            stop,
        })
    }
}

/// Whose lists a source asks for: what it reads, not what it is called or by which API.
fn lists_of(source: &config::Source) -> ListId {
    let config::Source {
        namespaces,
        functions,
        topics,
        ..
    } = source;
    let selection = format!("{namespaces:?} {functions:?} {topics:?}");
    // FNV-1a, which is the same in every version of this program.
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    ListId {
        account: source.account.as_str().into(),
        region: source.region.as_str().into(),
        selection: selection.bytes().fold(0xcbf2_9ce4_8422_2325, step),
    }
}

impl Building<'_> {
    async fn log_source(&self) -> Result<Arc<dyn LogSource>, BuildError> {
        let (poll, source) = (&self.terms.poll, self.source);
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
            Service::Scf => source.scf_url(),
            Service::Cls => source.cls_url(),
            Service::Sts => source.sts_url(),
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
            requests_per_second: self.terms.requests_per_second,
            max_in_flight: self.terms.requests_in_flight,
            request_timeout: self.terms.request_timeout,
            longest_wait: self.terms.poll.interval,
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
                let config::KeyFiles {
                    secret_id,
                    secret_key,
                    token,
                } = source.key_files.clone();
                let files = KeyFiles {
                    secret_id,
                    secret_key,
                    token,
                };
                Some(Explicit::new(named.map_err(failed)?, files))
            }
        };
        let role = source.role.as_ref().map(|role| RoleConfig {
            arn: role.arn.clone(),
            session_name: role.session_name.clone(),
            duration: role.duration,
            external_id: role.external_id.clone(),
        });
        let chain = ChainConfig {
            explicit,
            role,
            session_name: "scf-exporter".to_owned(),
            metadata: source
                .metadata_url()
                .unwrap_or(ChainConfig::METADATA)
                .to_owned(),
        };
        let environment = &self.wiring.dependencies.environment;
        let (transport, runtime) = (&self.transport, &self.runtime);
        let sts = Arc::new(StsClient::new(
            self.client_config(Service::Sts)?,
            transport.clone(),
            runtime.clone(),
            self.observer.clone(),
        ));
        let (transport, runtime) = (transport.clone(), runtime.clone());
        let loaded = Chain::load(chain, environment.clone(), transport, sts, runtime).await;
        let (provider, origin) = loaded.map_err(failed)?;
        info!(source = source.name, %origin, "credentials found");
        Ok(provider)
    }
}

impl CallObserver for Observer {
    fn attempt(&self, api: &'static str, action: &str, code: &'static str, took: Duration) {
        // Each API has its own word for success; the metric has one.
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
