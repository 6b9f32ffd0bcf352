//! The schedule that comes to mind first, for comparison: at each interval every function is
//! asked for everything that may be new, one after another; when a round takes longer than the
//! interval the next one begins at once.

use std::sync::Arc;
use std::time::Duration;

use scf_exporter::model::Timestamp;
use scf_exporter::runtime::Runtime;
use scf_exporter::secret::Secret;
use scf_exporter::tencent::{
    Client, ClientConfig, Credentials, Endpoint, Method, Service, StaticProvider, parse_head,
};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::Instant;

use super::cloud::Gateway;
use super::measure::{Ledger, Mark, Measured};
use super::traffic::{Traffic, name_of};
use super::{Failure, REQUESTS_PER_SECOND, Scenario};

/// What the exporter looks back by default: 15 minutes of run time and 3 of delivery.
const LOOK_BACK_MS: i64 = 18 * 60_000;
/// API 3.0 pages no further.
const DEPTH_MAX: usize = 10_000;

/// Reads the traffic; a row counts as soon as it is met. Must be called on paused time.
pub async fn run(traffic: Arc<Traffic>, of: &Scenario) -> Result<Measured, Failure> {
    let start = Timestamp::from_millis(traffic.cloud_start_ms());
    let runtime = Runtime::simulated(start, of.seed());
    let gateway = Gateway::new(traffic.clone(), runtime.clock.clone());
    let client = client(&gateway, of, &runtime)?;
    let mut ledger = Ledger::new(traffic.clone());
    let stretch = ledger.stretch_ms();
    let (mut polls, mut started) = (0, false);
    loop {
        let round = Instant::now();
        for function in 0..traffic.functions as u32 {
            poll(&client, &gateway, of, &name_of(function)).await?;
            polls += 1;
            let now_ms = gateway.now_ms();
            ledger.counted(now_ms, gateway.handed_out(), &gateway);
            let mark = Mark {
                requests: gateway.requests(),
                polls,
            };
            if !started && now_ms >= stretch.start {
                started = true;
                ledger.starts(mark);
            }
            if now_ms >= stretch.end {
                ledger.ends(mark);
                return Ok(ledger.measured());
            }
        }
        let interval = Duration::from_secs(of.interval);
        tokio::time::sleep(interval.saturating_sub(round.elapsed())).await;
    }
}

/// Newest first, until a page reaches behind the look-back.
async fn poll(
    client: &Client,
    gateway: &Gateway,
    of: &Scenario,
    function: &str,
) -> Result<(), Failure> {
    let oldest_ms = gateway.now_ms() - LOOK_BACK_MS;
    for offset in (0..DEPTH_MAX).step_by(of.page) {
        if of.api == "v2" {
            let params = [
                ("functionName", function.to_owned()),
                ("offset", offset.to_string()),
                ("limit", of.page.to_string()),
                ("order", "desc".to_owned()),
                ("orderby", "start_time".to_owned()),
            ];
            let parse = |body: &[u8]| Ok((parse_head(body)?, Some(())));
            client.call("GetFunctionLogs", &params, parse).await?;
        } else {
            let params = json!({
                "FunctionName": function,
                "Namespace": "default",
                "Offset": offset,
                "Limit": of.page,
                "Order": "desc",
                "OrderBy": "start_time",
            });
            client
                .call_json::<IgnoredAny>("GetFunctionLogs", &params)
                .await?;
        }
        let answer = gateway.last();
        let is_old = answer.oldest_ms.is_none_or(|at| at < oldest_ms);
        if answer.rows < of.page || is_old {
            break;
        }
    }
    Ok(())
}

fn client(gateway: &Arc<Gateway>, of: &Scenario, runtime: &Runtime) -> Result<Client, Failure> {
    let settings = gateway.cloud().settings();
    let service = match of.api {
        "v2" => Service::V2,
        _ => Service::Scf,
    };
    let config = ClientConfig {
        endpoint: Endpoint::parse(service, "http://sim.test")?,
        method: Method::Post,
        requests_per_second: REQUESTS_PER_SECOND,
        ..ClientConfig::new(service, &settings.region)
    };
    let key = Secret::new(settings.secret_key.clone());
    let credentials = Credentials::new(settings.secret_id.clone(), key, None, "the benchmark")?;
    let provider = Arc::new(StaticProvider::new(credentials));
    let observer = Arc::new(());
    Ok(Client::new(
        config,
        provider,
        gateway.clone(),
        runtime.clone(),
        observer,
    ))
}
