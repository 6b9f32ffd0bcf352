//! `demo`: the exporter as it is, against a simulated cloud in the same process.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, BuildError, Dependencies, StatusView};
use crate::cli::DemoArgs;
use crate::config::{self, Config, CredentialsConfig, Diagnostics};
use crate::web::View;
use scf_sim::{Cloud, Settings};
use tencentcloud::runtime::spawn;
use tencentcloud::secret::Secret;

/// The longest call of the demo's world; the demo's horizon (`cli::DEMO_DEFAULTS`) holds it.
const LONGEST_CALL: Duration = Duration::from_secs(20);
/// Calls that the world has behind it when the demo starts.
const HISTORY: Duration = Duration::from_secs(60);
/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(5);

/// Why the demo cannot run.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The simulated cloud's port.
    #[error(
        "the simulated cloud cannot listen on {address}: {cause}; choose another address with --sim.listen"
    )]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The configuration.
    #[error("{0}")]
    Config(#[from] Diagnostics),
    /// The exporter.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Anything else of the system.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// A simulated cloud at work and the configuration that reads it.
pub struct Demo {
    cloud: Arc<Cloud>,
    listener: TcpListener,
    address: SocketAddr,
    clock: Box<dyn Fn() -> i64 + Send>,
    /// What to run against it.
    pub config: Config,
}

impl Demo {
    /// Makes a world, takes its port and configures the exporter for it.
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
        let clock = scf_sim::steady_clock();
        let cloud = Arc::new(Cloud::new(Settings {
            functions: args.world.functions,
            namespaces: args.world.namespaces,
            topics: args.world.topics,
            rate_per_second: args.world.rate,
            faults: args.world.faults.faults(),
            start_ms: clock(),
            history_ms: HISTORY.as_millis() as i64,
            max_duration_ms: LONGEST_CALL.as_millis() as u64,
            region: config.sources[0].region.clone(),
            ..Settings::new(args.world.seed)
        }));
        config.sources[0].credentials = CredentialsConfig::Explicit {
            secret_id: cloud.settings().secret_id.clone(),
            secret_key: Secret::new(cloud.settings().secret_key.clone()),
            token: None,
        };
        Ok(Self {
            cloud,
            listener,
            address,
            clock: Box::new(clock),
            config,
        })
    }

    /// Runs cloud and exporter until `stop`, telling a person how it goes.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub async fn run(
        self,
        dependencies: Dependencies,
        stop: impl Future<Output = ()>,
        say: impl Fn(String) + Send + 'static,
    ) -> Result<(), DemoError> {
        let app = App::build(&self.config, dependencies).await?;
        let scheme = if app.is_encrypted() { "https" } else { "http" };
        let exporter = format!("{scheme}://{}", app.address()?);
        say(welcome(&self.config, &exporter, self.address));
        let cloud_stop = CancellationToken::new();
        let stopped = cloud_stop.clone().cancelled_owned();
        let cloud = self.cloud.clone();
        let (listener, served) = (self.listener, self.cloud);
        let server = spawn(async move {
            scf_sim::serve(listener, served, scf_sim::steady_clock(), stopped).await;
        });
        let progress = spawn(tell(app.view(), cloud, self.clock, say));
        app.run(stop).await;
        progress.abort();
        cloud_stop.cancel();
        let _ended = server.await;
        Ok(())
    }
}

/// Where to look.
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

/// Says every few seconds what was counted and what there is to count.
async fn tell(
    view: Arc<StatusView>,
    cloud: Arc<Cloud>,
    clock: Box<dyn Fn() -> i64 + Send>,
    say: impl Fn(String),
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
        say(format!(
            "{:>5} s  {counted} invocations of {} functions counted, {truth} visible in the cloud",
            passed.as_secs(),
            snapshot.series.len(),
        ));
    }
}
