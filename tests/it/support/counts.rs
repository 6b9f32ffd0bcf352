//! Several clouds behind one exporter: what was counted of each, by account and region, and the
//! sources that read them.

use std::collections::BTreeMap;
use std::time::Duration;

use scf_exporter::config::{Api, CredentialsConfig, Source};
use scf_sim::Cloud;
use tencentcloud::secret::Secret;

use super::world::Exporter;

/// Invocations by account, region, namespace and function; those never called are left out.
pub type Counts = BTreeMap<[String; 4], u64>;

/// A source that reads `cloud`, which is to be found at `host`.
pub fn source_of(of: &Source, name: &str, host: &str, cloud: &Cloud) -> Source {
    let settings = cloud.settings();
    Source {
        name: name.to_owned(),
        region: settings.region.clone(),
        endpoint: Some(format!("http://{host}")),
        credentials: CredentialsConfig::Explicit {
            secret_id: settings.secret_id.clone(),
            secret_key: Secret::new(settings.secret_key.clone()),
            token: None,
        },
        ..of.clone()
    }
}

/// What a scrape shows.
pub fn counts(exporter: &Exporter) -> Counts {
    let mut counts = Counts::new();
    for sample in exporter.scrape().matching("scf_invocations_total", &[]) {
        let label = |name: &str| sample.labels.get(name).cloned().unwrap_or_default();
        let place = ["account", "region", "function_namespace", "function_name"].map(label);
        *counts.entry(place).or_default() += sample.value as u64;
    }
    counts.retain(|_, count| *count > 0);
    counts
}

/// What an exact reader of `cloud` through `api` has counted under `account`.
pub fn counts_of(account: &str, cloud: &Cloud, api: Api, now_ms: i64) -> Counts {
    let truth = cloud.truth(now_ms);
    let functions = truth.functions.iter().map(|function| {
        let namespace = match api {
            Api::V2 => "default",
            Api::V3 | Api::Cls => &function.namespace,
        };
        let place = [account, &truth.region, namespace, &function.function_name];
        (place.map(str::to_owned), function.count())
    });
    functions.filter(|(_, count)| *count > 0).collect()
}

/// That `exporter` comes to show the truth, has called no row late or invalid, and stays so.
pub async fn assert_counts(exporter: &Exporter, what: &str, truth: impl Fn() -> Counts) {
    for _ in 0..60 {
        if counts(exporter) == truth() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
    assert_eq!(counts(exporter), truth(), "{what}");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(counts(exporter), truth(), "{what}");
    let dispositions = exporter.dispositions();
    for nothing in ["late", "invalid"] {
        assert_eq!(dispositions[nothing], 0, "{what}: {dispositions:?}");
    }
}
