//! The command `demo`: the whole exporter against a simulated cloud in the same process.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, BuildError, Dependencies, Doors, StatusView};
use crate::cli::DemoArgs;
use crate::config::{self, Config, CredentialsConfig, Diagnostics};
use crate::web::View;
use scf_sim::{Cloud, Settings};
use tencentcloud::runtime::spawn;
use tencentcloud::secret::Secret;

/// Longest invocation of the simulated cloud, within the allowed lateness of `cli::DEMO_DEFAULTS`.
const LONGEST_CALL: Duration = Duration::from_secs(20);
/// Age of the oldest invocations in the simulated cloud at the start.
const HISTORY: Duration = Duration::from_secs(60);
/// Interval between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(5);

/// Why the demo cannot run.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The port of the simulated cloud cannot be bound.
    #[error(
        "the simulated cloud cannot listen on {address}: {cause}; choose another address with --sim.listen"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        cause: std::io::Error,
    },
    /// The configuration is invalid.
    #[error("{0}")]
    Config(#[from] Diagnostics),
    /// The exporter cannot be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Any other error of the system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// A simulated cloud and an exporter configured to read it.
pub struct Demo {
    cloud: Settings,
    listener: TcpListener,
    address: SocketAddr,
    /// The configuration of the exporter.
    pub config: Config,
}

/// What the demo prints.
#[derive(Debug)]
pub enum Report {
    /// The addresses to open. Comes first.
    Welcome(String),
    /// How much was counted so far. Replaces the one before.
    Progress(String),
}

impl Demo {
    /// Describes the simulated cloud, binds its port and configures the exporter for it.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub async fn build(
        args: &DemoArgs,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, DemoError> {
        let address = args.world.listen;
        let failed = |cause| DemoError::Listen { address, cause };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let endpoint = format!("http://{address}");
        let overrides = args.values.0.clone();
        let overrides = overrides.with("sources[].endpoint", [endpoint]);
        let mut config = config::load(None, &overrides, environment)?;
        let cloud = Settings {
            functions: args.world.functions,
            namespaces: args.world.namespaces,
            topics: args.world.topics,
            rate_per_second: args.world.rate,
            faults: args.world.faults.faults(),
            history_ms: HISTORY.as_millis() as i64,
            max_duration_ms: LONGEST_CALL.as_millis() as u64,
            region: config.sources[0].region.clone(),
            ..Settings::new(args.world.seed)
        };
        config.sources[0].credentials = CredentialsConfig::Explicit {
            secret_id: cloud.secret_id.clone(),
            secret_key: Secret::new(cloud.secret_key.clone()),
            token: None,
        };
        Ok(Self {
            cloud,
            listener,
            address,
            config,
        })
    }

    /// Runs cloud and exporter until `stop`. Reports the addresses before anything that takes time, and
    /// then the progress.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub async fn run(
        self,
        dependencies: Dependencies,
        stop: impl Future<Output = ()>,
        say: impl Fn(Report) + Send + 'static,
    ) -> Result<(), DemoError> {
        let doors = Doors::open(&self.config).await?;
        let scheme = if doors.is_encrypted() {
            "https"
        } else {
            "http"
        };
        let exporter = format!("{scheme}://{}", doors.addresses()?[0]);
        let text = welcome(&self.config, &exporter, self.address);
        say(Report::Welcome(text));
        let clock = scf_sim::steady_clock();
        let cloud = Arc::new(Cloud::new(Settings {
            start_ms: clock(),
            ..self.cloud
        }));
        let app = App::build(&self.config, doors, dependencies).await?;
        let cloud_stop = CancellationToken::new();
        let stopped = cloud_stop.clone().cancelled_owned();
        let (listener, served) = (self.listener, cloud.clone());
        let server = spawn(async move {
            scf_sim::serve(listener, served, scf_sim::steady_clock(), stopped).await;
        });
        let progress = spawn(report(app.view(), cloud, clock, say));
        app.run(stop).await;
        progress.abort();
        cloud_stop.cancel();
        let _ended = server.await;
        Ok(())
    }
}

/// Returns the first lines of the output: the addresses to open.
fn welcome(config: &Config, exporter: &str, cloud: SocketAddr) -> String {
    format!(
        "scf-exporter demo: a simulated cloud and the exporter that reads it through {}, in one \
         process\n\
         \n  metrics    {exporter}{}\n  status     {exporter}/\n  \
         the truth  http://{cloud}/_sim/truth   (what the cloud knows; the metrics follow it)\n\
         \npolls every {}; end with Ctrl-C\n",
        config.sources[0].api,
        config.web.telemetry_path,
        config::format_duration(config.poll.interval),
    )
}

/// Reports every few seconds what was counted and what the cloud shows.
async fn report(
    view: Arc<StatusView>,
    cloud: Arc<Cloud>,
    clock: impl Fn() -> i64,
    say: impl Fn(Report),
) {
    let mut passed = Duration::ZERO;
    loop {
        tokio::time::sleep(PROGRESS).await;
        passed += PROGRESS;
        let snapshot = view.snapshot();
        let counted: u64 = snapshot
            .series
            .iter()
            .map(|series| series.invocations())
            .sum();
        let truth = cloud.truth(clock()).totals.invocations;
        say(Report::Progress(format!(
            "{:>5} s  {counted} invocations of {} functions counted, {truth} visible in the cloud",
            passed.as_secs(),
            snapshot.series.len(),
        )));
    }
}
