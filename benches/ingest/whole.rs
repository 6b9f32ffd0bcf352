//! Runs the whole exporter with its state on a disk, from the request to the snapshot.

use std::sync::Arc;
use std::time::Duration;

use scf_exporter::app::{Dependencies, Pipeline};
use scf_exporter::web::View as _;
use scf_sim::Truth;
use tencentcloud::runtime::Runtime;
use tencentcloud::{HttpLimits, HttpTransport};

use super::world::{Meter, PAGE, World};
use super::{Failure, Spent, config};

/// Time between two looks at the counters.
const LOOK: Duration = Duration::from_millis(10);
/// Time limit of a run.
const LONGEST: Duration = Duration::from_secs(600);

/// Reads until all rows are counted, and fails where one is counted twice.
pub fn run(port: u16, world: &World) -> Result<Spent, Failure> {
    let state = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let endpoint = format!("http://127.0.0.1:{port}");
    let head = format!(
        "state: {{path: {:?}}}\n\
         web: {{zero_first: 0s}}\n\
         poll: {{interval: 500ms, first_read: 7d, page_size: {PAGE}}}",
        state.path()
    );
    let mut config = config::of_source(&head, &world.api, &endpoint, "", &world.settings())?;
    // The configuration bounds this to spare the cloud, which is not measured here.
    config.limits.requests_per_second = Some(100_000.0);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let truth = reqwest::get(format!("{endpoint}/_sim/truth")).await?;
        let truth: Truth = serde_json::from_slice(&truth.bytes().await?)?;
        let wanted = truth.totals.invocations;
        let dependencies = Dependencies {
            runtime: Runtime::system(),
            transport: Arc::new(HttpTransport::new(HttpLimits::default())),
            environment: Arc::new(|_: &str| None),
            disk: None,
        };
        let meter = Meter::start()?;
        let pipeline = Pipeline::build(&config, dependencies).await?;
        let view = pipeline.view.clone();
        let running = pipeline.start();
        let counted = || -> u64 {
            let snapshot = view.snapshot();
            snapshot.series.iter().map(|one| one.invocations()).sum()
        };
        let all = async {
            while counted() < wanted {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(LONGEST, all).await.is_err() {
            return Err(format!("only {} of {wanted} rows were counted", counted()).into());
        }
        let spent = meter.stop(wanted as usize)?;
        running.stop(LONGEST).await;
        if counted() != wanted {
            return Err(format!("{} rows were counted of {wanted}", counted()).into());
        }
        Ok(spent)
    })
}
