//! The exporter as it is: configured, with its state in memory, from the request to the snapshot.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus::proto::MetricFamily;
use scf_exporter::app::{Pipeline, Seams, Shown};
use scf_exporter::config::{self, Config, CredentialsConfig, Overrides};
use scf_exporter::model::Timestamp;
use scf_exporter::runtime::Runtime;
use scf_exporter::secret::Secret;
use scf_exporter::sim::Cloud;
use scf_exporter::telemetry::Telemetry;
use scf_exporter::web::View as _;

use super::cloud::Gateway;
use super::measure::{Ledger, Mark, Measured};
use super::traffic::{Traffic, name_of};
use super::{Failure, REQUESTS_PER_SECOND, Scenario};

/// How often the snapshot is looked at.
const LOOK: Duration = Duration::from_secs(1);
const STOP: Duration = Duration::from_secs(60);

/// Reads the traffic; `None` where the configuration does not offer this way of reading. Must be
/// called on paused time.
pub async fn run(traffic: Arc<Traffic>, of: &Scenario) -> Result<Option<Measured>, Failure> {
    let start_ms = traffic.cloud_start_ms();
    let runtime = Runtime::simulated(Timestamp::from_millis(start_ms), of.seed());
    let gateway = Gateway::new(traffic.clone(), runtime.clock.clone());
    let Some(config) = configuration(of, gateway.cloud())? else {
        return Ok(None);
    };
    let seams = Seams {
        runtime,
        transport: gateway.clone(),
        environment: Arc::new(|_: &str| None),
        disk: None,
    };
    let pipeline = Pipeline::build(&config, seams).await?;
    let (view, telemetry) = (pipeline.view.clone(), pipeline.telemetry.clone());
    let running = pipeline.start();
    let mut ledger = Ledger::new(traffic.clone());
    let stretch = ledger.stretch_ms();
    let mut generation = 0;
    while gateway.now_ms() < stretch.end {
        tokio::time::sleep(LOOK).await;
        let (now_ms, snapshot) = (gateway.now_ms(), view.snapshot());
        if snapshot.generation != generation {
            generation = snapshot.generation;
            let counted = snapshot
                .series
                .iter()
                .map(|one| one.invocations())
                .sum::<u64>();
            if counted > gateway.handed_out() as u64 {
                return Err(format!("{counted} rows counted, fewer handed out").into());
            }
            ledger.counted(now_ms, counted as usize, &gateway);
        }
        if (stretch.start..stretch.start + LOOK.as_millis() as i64).contains(&now_ms) {
            ledger.starts(mark(&gateway, &telemetry));
        }
    }
    ledger.ends(mark(&gateway, &telemetry));
    running.stop(STOP).await;
    compare(&traffic, &gateway, &view)?;
    Ok(Some(ledger.measured()))
}

/// That every row that was handed out is counted for its function, and no other.
fn compare(traffic: &Traffic, gateway: &Gateway, view: &Shown) -> Result<(), Failure> {
    let mut handed: HashMap<String, u64> = HashMap::new();
    for call in gateway.calls(0, gateway.handed_out()) {
        let name = name_of(traffic.calls[call as usize].function);
        *handed.entry(name).or_default() += 1;
    }
    for series in &view.snapshot().series {
        let handed = handed.remove(&*series.function.name).unwrap_or(0);
        let counted = series.invocations();
        if handed != counted {
            let name = &series.function.name;
            return Err(format!("{name}: {counted} counted of {handed} handed out").into());
        }
    }
    match handed.is_empty() {
        true => Ok(()),
        false => Err(format!("{} functions with rows are not shown", handed.len()).into()),
    }
}

fn mark(gateway: &Gateway, telemetry: &Telemetry) -> Mark {
    Mark {
        requests: gateway.requests(),
        polls: polls(&telemetry.gather()),
    }
}

fn polls(families: &[MetricFamily]) -> u64 {
    let polls = families
        .iter()
        .filter(|family| family.name() == "scf_exporter_polls_total");
    let values = polls.flat_map(|family| family.get_metric());
    values
        .map(|metric| metric.get_counter().get_value() as u64)
        .sum()
}

fn configuration(of: &Scenario, cloud: &Cloud) -> Result<Option<Config>, Failure> {
    let settings = cloud.settings();
    let overrides = Overrides::default()
        .with("state.path", Some(String::new()))
        .with("poll.interval", Some(format!("{}s", of.interval)))
        .with("poll.page_size", Some(of.page.to_string()))
        .with(
            "limits.requests_per_second",
            Some(REQUESTS_PER_SECOND.to_string()),
        )
        .with("sources[].api", Some(of.api.to_owned()))
        .with("sources[].region", Some(settings.region.clone()))
        .with("sources[].endpoint", Some("http://sim.test".to_owned()))
        .with("sources[].read", Some(of.read.to_owned()));
    let mut config = match config::load(None, &overrides, &|_| None) {
        Ok(config) => config,
        // Not every API is read in every way.
        Err(faults) if faults.to_string().contains("--read") => return Ok(None),
        Err(faults) => return Err(faults.to_string().into()),
    };
    config.sources[0].credentials = CredentialsConfig::Explicit {
        secret_id: settings.secret_id.clone(),
        secret_key: Secret::new(settings.secret_key.clone()),
        token: None,
    };
    Ok(Some(config))
}
