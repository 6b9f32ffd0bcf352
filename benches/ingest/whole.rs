//! The exporter as it is: configured, with state on a disk, from the request to the snapshot.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use scf_exporter::app::{Pipeline, Seams};
use scf_exporter::config::{self, Config, Overrides};
use scf_exporter::runtime::Runtime;
use scf_exporter::tencent::{HttpLimits, HttpTransport};
use scf_exporter::web::View as _;

use super::Failure;
use super::meter::{Meter, Spent};
use super::workload::totals_of;

/// How often to look whether all is counted.
const LOOK: Duration = Duration::from_millis(10);
/// When to give up.
const LONGEST: Duration = Duration::from_secs(600);

/// Reads until `count` rows are counted, and compares the totals with those of the server.
pub fn run(port: u16, page_size: usize, count: usize) -> Result<Spent, Failure> {
    let state = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let config = configuration(port, page_size, state.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let seams = Seams {
            runtime: Runtime::system(),
            transport: Arc::new(HttpTransport::new(HttpLimits::default())),
            environment: Arc::new(|_: &str| None),
            disk: None,
        };
        let meter = Meter::start()?;
        let pipeline = Pipeline::build(&config, seams).await?;
        let (view, telemetry) = (pipeline.view.clone(), pipeline.telemetry.clone());
        let running = pipeline.start();
        let counted = || -> u64 {
            let snapshot = view.snapshot();
            snapshot.series.iter().map(|one| one.invocations()).sum()
        };
        let all = async {
            while counted() < count as u64 {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(LONGEST, all).await.is_err() {
            return Err(format!("only {} of {count} rows were counted", counted()).into());
        }
        let read = telemetry.gather();
        let spent = meter.stop(count, rows_read(&read))?;
        running.stop(LONGEST).await;
        let truth = reqwest::get(format!("http://127.0.0.1:{port}/totals"))
            .await?
            .text()
            .await?;
        if totals_of(&view.snapshot()) != truth {
            return Err("the totals are not those of the workload".into());
        }
        Ok(spent)
    })
}

/// Every row of the day is read by the first sweep of its function.
fn configuration(port: u16, page_size: usize, state: &Path) -> Result<Config, Failure> {
    let text = format!(
        "state: {{path: {state:?}}}\n\
         poll: {{interval: 500ms, first_read: 7d, page_size: {page_size}}}\n\
         sources:\n\
         - name: bench\n\
         \x20 api: v2\n\
         \x20 region: ap-guangzhou\n\
         \x20 endpoint: http://127.0.0.1:{port}\n\
         \x20 credentials: {{secret_id: AKIDbench, secret_key: \"${{KEY}}\"}}\n"
    );
    let key = |name: &str| (name == "KEY").then(|| "bench".to_owned());
    let mut config = config::parse(&text, "", Path::new(""), &Overrides::default(), &key)?;
    // The bounds of the configuration spare the cloud, which is not what is measured here.
    config.limits.requests_per_second = Some(100_000.0);
    Ok(config)
}

/// Rows that were looked at, counted or not.
fn rows_read(families: &[prometheus::proto::MetricFamily]) -> u64 {
    let records = families
        .iter()
        .filter(|family| family.name() == "scf_exporter_records_total");
    let values = records.flat_map(|family| family.get_metric());
    values.map(|m| m.get_counter().get_value() as u64).sum()
}
