//! The one wiring file: configuration in, a running exporter out.
//!
//! The way of the data, from the cloud to a scrape:
//! `scheduler` (when) -> `ingest` (what the API says) -> `commit` (what is new; durable; published)
//! -> the snapshot -> `web` -> `exposition` (how it is written).
//!
//! Building opens the state, checks credentials and takes the port; nothing is read or served
//! before [`App::run`].

mod busiest;
mod doors;
mod reload;
mod sources;
mod status_view;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::commit::{Committer, LedgerState, Rules, ZeroFirst};
use crate::config::{self, Config, Diagnostics};
use crate::exposition::ExpositionOptions;
use crate::ledger::{AllowedLateness, Functions, Retention};
use crate::model::FunctionId;
use crate::scheduler::run_source;
use crate::store::{Disk, OpenError, Store, Stored};
use crate::telemetry::{BuildInfo, Telemetry};
use crate::web::{self, BindError, ControlRequest, Lifecycle, Site, WebConfig};
pub use doors::Doors;
pub use reload::{Reload, Reloaded};
use sources::{Built, SourceSpec, Wiring};
pub use status_view::StatusView;
use tencentcloud::runtime::{Runtime, spawn};
use tencentcloud::{CredentialError, EndpointError, Environment, Transport};

/// Access to clock, network, environment and disk, which tests replace.
pub struct Dependencies {
    /// Clock and random numbers.
    pub runtime: Runtime,
    /// Sends requests to the cloud.
    pub transport: Arc<dyn Transport>,
    /// Environment variables.
    pub environment: Environment,
    /// Storage for the state in place of the configured directory.
    pub disk: Option<Disk>,
}

/// Why the exporter cannot start. Each text says what to do.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The state cannot be opened.
    #[error(transparent)]
    State(#[from] OpenError),
    /// A port cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The web configuration file is invalid.
    #[error(transparent)]
    Web(#[from] Diagnostics),
    /// No usable credentials were found.
    #[error("source {source_name}: {cause}")]
    Credentials {
        /// The source that needs them.
        source_name: String,
        /// What is missing.
        cause: CredentialError,
    },
    /// An endpoint is invalid.
    #[error("source {source_name}: {cause}")]
    Endpoint {
        /// The source.
        source_name: String,
        /// What is wrong.
        cause: EndpointError,
    },
    /// Any other failure.
    #[error("{0}")]
    Other(String),
}

/// Everything between the cloud and the snapshot.
pub struct Pipeline {
    config: Config,
    committer: Committer,
    wiring: Wiring,
    built: Vec<Built>,
    /// The metrics about the exporter.
    pub telemetry: Arc<Telemetry>,
    /// What the web server shows.
    pub view: Arc<StatusView>,
}

/// A pipeline at work.
pub struct Running {
    /// The configuration in force.
    config: Config,
    wiring: Wiring,
    /// The sources that read, by name.
    sources: BTreeMap<String, AtWork>,
    committer: tokio::task::JoinHandle<()>,
    view: Arc<StatusView>,
}

/// A source that was started.
struct AtWork {
    spec: SourceSpec,
    task: JoinSet<()>,
    stop: CancellationToken,
}

/// A built exporter: its port is taken, its state is open.
pub struct App {
    pipeline: Pipeline,
    site: Arc<Site>,
    toolkit: Arc<WebConfig>,
    listeners: Vec<TcpListener>,
    reload: Option<Reload>,
    lifecycle: Lifecycle,
    requests: mpsc::Receiver<ControlRequest>,
}

// === impl App ===

impl App {
    /// Opens the state and finds credentials.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(
        config: &Config,
        doors: Doors,
        dependencies: Dependencies,
    ) -> Result<Self, BuildError> {
        let began = dependencies.runtime.now();
        let pipeline = Pipeline::build(config, dependencies).await?;
        let (view, telemetry) = (pipeline.view.clone(), pipeline.telemetry.clone());
        let site = Site::new(view, telemetry, &config.web.telemetry_path)
            .map_err(|cause| BuildError::Other(cause.to_string()))?
            .with_options(ExpositionOptions {
                native_histograms_only: config.web.native_histograms_only,
                created_series: config.web.created_series,
                began: Some(began),
            });
        let (lifecycle, requests) = Lifecycle::new();
        let site = match config.web.enable_lifecycle {
            true => site.with_lifecycle(lifecycle.clone()),
            false => site,
        };
        Ok(Self {
            pipeline,
            site: Arc::new(site),
            toolkit: Arc::new(doors.toolkit),
            listeners: doors.listeners,
            reload: None,
            lifecycle,
            requests,
        })
    }

    /// Sets how a reload gets another configuration; without it, reloads fail.
    #[must_use]
    pub fn with_reload(self, reload: Reload) -> Self {
        Self {
            reload: Some(reload),
            ..self
        }
    }

    /// Returns the handle through which a reload or the end is requested.
    pub fn lifecycle(&self) -> Lifecycle {
        self.lifecycle.clone()
    }

    /// Returns the view that the web server shows.
    pub fn view(&self) -> Arc<StatusView> {
        self.pipeline.view.clone()
    }

    /// Reads and serves until `stop` or a request to quit. Then it finishes and commits the pages in
    /// flight, and finishes the scrapes in flight.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        // The sources start before the web server, so that it never reports ready before they are
        // known.
        let mut running = self.pipeline.start();
        let server_stop = CancellationToken::new();
        let stopped = server_stop.clone().cancelled_owned();
        let (listeners, limits) = (self.listeners, web::Limits::of_process());
        let server = spawn(async move {
            web::serve(listeners, self.site, self.toolkit, limits, stopped).await;
        });
        tokio::select! {
            biased;
            () = stop => {}
            // The stop abandons a reload that has begun.
            () = running.handle_control(self.requests, self.reload) => {}
        }
        info!("stopping: pages in flight are ended and committed");
        let limit = running.config.poll.stop_timeout;
        running.stop(limit).await;
        server_stop.cancel();
        if server.await.is_err() {
            warn!("the web server ended with a fault");
        }
        info!("stopped");
    }
}

// === impl Pipeline ===

impl Pipeline {
    /// Opens the state and checks credentials.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(config: &Config, dependencies: Dependencies) -> Result<Self, BuildError> {
        let (store, mut stored) = match (&dependencies.disk, &config.state.path) {
            (Some(disk), _) => Store::open_on(disk.clone())?,
            (None, Some(path)) => Store::open(path)?,
            (None, None) => (Store::memory(), Stored::default()),
        };
        let telemetry = Arc::new(
            Telemetry::new(&BuildInfo::current())
                .map_err(|cause| BuildError::Other(cause.to_string()))?,
        );
        telemetry.config_loaded(dependencies.runtime.now());
        let held = std::mem::take(&mut stored.held);
        let (committer, writer, published) = Committer::new(
            LedgerState::restore(rules(config), stored).wanting(wanted(config)),
            store,
            telemetry.clone(),
            dependencies.runtime.clone(),
            ZeroFirst::new(config.web.zero_first, held),
        );
        let view = Arc::new(StatusView {
            published,
            board: Arc::default(),
            condition: committer.health(),
            telemetry: telemetry.clone(),
            began: dependencies.runtime.now(),
            runtime: dependencies.runtime.clone(),
        });
        let wiring = Wiring {
            dependencies,
            telemetry: telemetry.clone(),
            board: view.board.clone(),
            writer,
        };
        let mut built = Vec::new();
        for source in &config.sources {
            built.push(wiring.build(SourceSpec::of(config, source)).await?);
        }
        Ok(Self {
            config: config.clone(),
            committer,
            wiring,
            built,
            telemetry,
            view,
        })
    }

    /// Starts reading.
    pub fn start(self) -> Running {
        let mut running = Running {
            config: self.config,
            wiring: self.wiring,
            sources: BTreeMap::new(),
            committer: spawn(self.committer.run()),
            view: self.view,
        };
        for built in self.built {
            running.begin(built, BTreeSet::new());
        }
        running
    }
}

impl Running {
    /// Finishes and commits the page in flight of each target. Pages that take longer than `limit`
    /// are abandoned; they were not counted, so the next start reads them again.
    pub async fn stop(mut self, limit: Duration) {
        end(self.sources.values_mut().collect(), limit).await;
        // The committer ends when all writers are dropped and everything they sent is committed.
        drop((self.sources, self.wiring));
        if self.committer.await.is_err() {
            warn!("the committer ended with a fault");
        }
    }

    /// Starts a source. `listed` are its functions that are shown as listed already.
    fn begin(&mut self, built: Built, listed: BTreeSet<FunctionId>) {
        let Built {
            spec,
            poller,
            stop,
            info,
        } = built;
        let name = spec.source.name.clone();
        self.wiring.board.begun(&name, info);
        let mut task = JoinSet::new();
        task.spawn(run_source(poller, listed));
        let source = AtWork { spec, task, stop };
        self.sources.insert(name, source);
    }
}

/// Stops sources. Returns whether all ended within `limit` and so committed all that they read.
async fn end(mut sources: Vec<&mut AtWork>, limit: Duration) -> bool {
    for source in &sources {
        source.stop.cancel();
    }
    let ended = async {
        for source in &mut sources {
            while source.task.join_next().await.is_some() {}
        }
    };
    let in_time = timeout(limit, ended).await.is_ok();
    if !in_time {
        warn!("some targets did not end in time; their last page is read again next time");
        for source in &mut sources {
            source.task.shutdown().await;
        }
    }
    in_time
}

/// Returns the ledger's rules of a configuration.
fn rules(config: &Config) -> Rules {
    Rules {
        functions: config.limits.functions,
        several_accounts: several_accounts(config),
        allowed_lateness: AllowedLateness::of_calls(
            config.poll.max_run_time,
            config.poll.delivery_delay,
        ),
        first_read: config.poll.first_read,
        retention: Retention {
            span: config.series.span(),
            is_written: config.series.retention.is_some(),
        },
    }
}

/// Returns the set of functions that at least one source reads.
fn wanted(config: &Config) -> Functions {
    let selectors: Vec<_> = config
        .sources
        .iter()
        .map(config::Source::selector)
        .collect();
    Functions::new(move |function| selectors.iter().any(|one| one.selects(function)))
}

/// Returns whether the sources belong to several accounts, so that names of functions are ambiguous.
fn several_accounts(config: &Config) -> bool {
    let accounts: BTreeSet<&str> = config.sources.iter().map(|s| s.account.as_str()).collect();
    accounts.len() > 1
}
