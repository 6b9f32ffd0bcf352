//! A new series is shown at zero before it shows its value, so that Prometheus sees the increase.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use scf_exporter::config::Overrides;
use scf_exporter::sim::{Faults, Settings};
use support::world::{World, through};

const SCRAPE: Duration = Duration::from_secs(15);

/// Every series of the workload's counters and histograms: its first sample is zero, whenever it
/// appears, and over the run they rise to the truth.
#[tokio::test(start_paused = true)]
async fn the_first_sample_of_every_series_is_zero() {
    for (api, seed) in [("v2", 81), ("v3", 82), ("cls", 83)] {
        let start_ms = 1_700_000_000_000;
        let settings = Settings {
            functions: 10,
            rate_per_second: 3.0,
            max_duration_ms: 10_000,
            faults: Faults::typical(),
            start_ms,
            stop_ms: Some(start_ms + 600_000),
            ..Settings::new(seed)
        };
        let overrides = Overrides {
            zero_first: Some("16s".into()),
            ..through(api, None)
        };
        let world = World::new(settings, overrides);
        let exporter = world.start().await;
        let mut first: BTreeMap<String, f64> = BTreeMap::new();
        for _ in 0..80 {
            tokio::time::sleep(SCRAPE).await;
            for family in exporter.scrape().families {
                let counted = family.kind != "gauge" && !family.name.starts_with("scf_exporter_");
                for sample in family.samples.iter().filter(|_| counted) {
                    let key = format!("{} {:?}", sample.name, sample.labels);
                    first.entry(key).or_insert(sample.value);
                }
            }
        }
        let not_zero: Vec<_> = first
            .iter()
            .filter(|(key, value)| key.starts_with("scf_") && **value != 0.0)
            .collect();
        assert!(not_zero.is_empty(), "{api}: {not_zero:#?}");
        let codes = first
            .keys()
            .filter(|key| key.starts_with("scf_invocations_total"));
        assert!(codes.count() > 15, "{api}: several codes came up");
        world.assert_exact(&exporter, api).await;
        exporter.stop().await;
    }
}
