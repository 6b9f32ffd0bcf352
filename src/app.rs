//! The one wiring file: configuration in, a running exporter out.
//!
//! The way of the data, from the cloud to a scrape:
//! `poll` (when) -> `source` (what the API says) -> `commit` (what is new; durable; published)
//! -> the snapshot -> `web` -> `expose` (how it is written).
//!
//! Building opens the state, checks credentials and takes the port; nothing is read or served
//! before [`App::run`].

mod shown;
mod sources;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::commit::{Books, Committer, Rules, ZeroFirst};
use crate::config::Config;
use crate::expose::Style;
use crate::poll::{Board, Poller, run_source};
use crate::runtime::{Runtime, Stop, Stopper, spawn};
use crate::store::{Disk, OpenError, Store, Stored};
use crate::telemetry::{BuildInfo, Telemetry};
use crate::tencent::{CredentialError, EndpointError, Environment, Transport};
use crate::web::{self, BindError, Site};
pub use shown::Shown;
use sources::Wiring;

/// What the process takes from the world, so that tests can bring a world of their own.
pub struct Seams {
    /// Clock and random numbers.
    pub runtime: Runtime,
    /// How requests reach the cloud.
    pub transport: Arc<dyn Transport>,
    /// Environment variables.
    pub environment: Environment,
    /// Where the state is, instead of the configured directory.
    pub disk: Option<Disk>,
}

/// Why the exporter cannot start. Each text says what to do.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The state.
    #[error(transparent)]
    State(#[from] OpenError),
    /// The port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// No usable credentials.
    #[error("source {source_name}: {cause}")]
    Credentials {
        /// The source that needs them.
        source_name: String,
        /// What is missing.
        cause: CredentialError,
    },
    /// An unusable endpoint.
    #[error("source {source_name}: {cause}")]
    Endpoint {
        /// The source.
        source_name: String,
        /// What is wrong.
        cause: EndpointError,
    },
    /// Anything else that a start needs.
    #[error("{0}")]
    Other(String),
}

/// Everything between the cloud and the snapshot.
pub struct Pipeline {
    committer: Committer,
    pollers: Vec<Poller>,
    stopper: Stopper,
    /// The metrics about the exporter.
    pub telemetry: Arc<Telemetry>,
    /// What the web server shows.
    pub view: Arc<Shown>,
}

/// A pipeline at work.
pub struct Running {
    sources: JoinSet<()>,
    committer: tokio::task::JoinHandle<()>,
    stopper: Stopper,
}

/// A built exporter: its port is taken, its state is open.
pub struct App {
    pipeline: Pipeline,
    site: Arc<Site>,
    listener: TcpListener,
    stop_timeout: Duration,
}

// === impl App ===

impl App {
    /// Opens the state, checks credentials, takes the port.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(config: &Config, seams: Seams) -> Result<Self, BuildError> {
        let began = seams.runtime.now();
        let listener = web::bind(&config.web.listen_address.to_string()).await?;
        let pipeline = Pipeline::build(config, seams).await?;
        let (view, telemetry) = (pipeline.view.clone(), pipeline.telemetry.clone());
        let site = Site::new(view, telemetry, &config.web.telemetry_path)
            .map_err(|cause| BuildError::Other(cause.to_string()))?
            .with_style(Style {
                native_histograms_only: config.web.native_histograms_only,
                created_series: config.web.created_series,
                began: Some(began),
            });
        let stop_timeout = config.poll.stop_timeout;
        Ok(Self {
            pipeline,
            site: Arc::new(site),
            listener,
            stop_timeout,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// The published series, for whoever watches from inside.
    pub fn view(&self) -> Arc<Shown> {
        self.pipeline.view.clone()
    }

    /// Reads and serves until `stop`; then ends the pages in flight, commits them, and lets the
    /// scrapes in flight end.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let (server_stopper, server_stop) = Stop::new();
        let (listeners, limits) = (vec![self.listener], web::Limits::default());
        let server = spawn(async move {
            web::serve(listeners, self.site, limits, server_stop.wished()).await;
        });
        let running = self.pipeline.start();
        stop.await;
        info!("stopping: pages in flight are ended and committed");
        running.stop(self.stop_timeout).await;
        server_stopper.stop();
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
    pub async fn build(config: &Config, seams: Seams) -> Result<Self, BuildError> {
        let (store, mut stored) = match (&seams.disk, &config.state.path) {
            (Some(disk), _) => Store::open_on(disk.clone())?,
            (None, Some(path)) => Store::open(path)?,
            (None, None) => (Store::memory(), Stored::default()),
        };
        let (runtime, stopper) = seams.runtime.with_stopper();
        let seams = Seams { runtime, ..seams };
        let telemetry = Arc::new(
            Telemetry::new(&BuildInfo::current())
                .map_err(|cause| BuildError::Other(cause.to_string()))?,
        );
        telemetry.config_loaded(seams.runtime.now());
        let rules = Rules {
            functions: config.limits.functions,
            several_accounts: several_accounts(config),
            late_after: config.poll.horizon(),
            first_read: config.poll.first_read,
        };
        let held = std::mem::take(&mut stored.held);
        let zero_first = ZeroFirst::new(config.web.zero_first, held);
        let books = Books::restore(rules, stored);
        let (committer, writer, published) = Committer::new(
            books,
            store,
            telemetry.clone(),
            seams.runtime.clone(),
            zero_first,
        );
        let names = config.sources.iter().map(|source| source.name.as_str());
        let board = Arc::new(Board::waiting_for(names));
        let wiring = Wiring {
            config,
            seams: &seams,
            telemetry: &telemetry,
        };
        let mut pollers = Vec::new();
        for source in &config.sources {
            let (writer, board) = (writer.clone(), board.clone());
            pollers.push(wiring.poller(source, writer, board).await?);
        }
        // Only the pollers hold the committer's handle: it ends when they do.
        drop(writer);
        let view = Arc::new(Shown {
            published,
            board,
            condition: committer.condition(),
            telemetry: telemetry.clone(),
            began: seams.runtime.now(),
            runtime: seams.runtime.clone(),
        });
        Ok(Self {
            committer,
            pollers,
            stopper,
            telemetry,
            view,
        })
    }

    /// Starts reading.
    pub fn start(self) -> Running {
        let mut sources = JoinSet::new();
        for poller in self.pollers {
            sources.spawn(run_source(poller));
        }
        Running {
            sources,
            committer: spawn(self.committer.run()),
            stopper: self.stopper,
        }
    }
}

impl Running {
    /// Stops: the page in flight of each target ends and is committed. What takes longer than
    /// `limit` is given up; it was not counted, so it is read again after the next start.
    pub async fn stop(mut self, limit: Duration) {
        self.stopper.stop();
        let ended = async { while self.sources.join_next().await.is_some() {} };
        if timeout(limit, ended).await.is_err() {
            warn!("some targets did not end in time; their last page is read again next time");
            self.sources.shutdown().await;
        }
        // The last writer is gone with the sources, so the committer ends once it has committed
        // all that it was given.
        if self.committer.await.is_err() {
            warn!("the committer ended with a fault");
        }
    }
}

/// Whether functions of one name may be of several accounts.
fn several_accounts(config: &Config) -> bool {
    let accounts: BTreeSet<&str> = config.sources.iter().map(|s| s.account.as_str()).collect();
    accounts.len() > 1
}
