//! Five minutes of a harsh cloud on paused time: throttling, errors, cut and slow answers, late
//! and running rows, ties that change places. Every finished invocation is counted once.

use std::time::Duration;

use crate::support::world::{World, calls_for, through};
use scf_exporter::config::Overrides;
use scf_sim::{Faults, Settings};

const TRAFFIC: Duration = Duration::from_secs(300);

fn harsh(seed: u64) -> Settings {
    Settings {
        functions: 50,
        rate_per_second: 200.0,
        faults: Faults::harsh(),
        ..calls_for(seed, TRAFFIC)
    }
}

/// Runs one world until everything has become visible and was swept; compares with the truth.
async fn is_exact(settings: Settings, overrides: Overrides) {
    let seed = settings.seed;
    let allowed_lateness = Duration::from_millis(settings.longest_delay_ms());
    let world = World::new(settings, overrides);
    let exporter = world.start().await;
    tokio::time::sleep(TRAFFIC + allowed_lateness).await;
    world.assert_exact(&exporter, &format!("seed {seed}")).await;

    let dispositions = exporter.dispositions();
    let invocations: u64 = world
        .truth()
        .values()
        .flat_map(|sums| sums.0.values())
        .sum();
    assert_eq!(dispositions["counted"], invocations, "seed {seed}");
    assert!(
        dispositions["unfinished"] > 0,
        "the faults show running rows"
    );
    let telemetry = exporter.telemetry.clone();
    exporter.stop().await;
    let sum: u64 = crate::support::world::dispositions_of(&telemetry)
        .values()
        .sum();
    assert_eq!(sum, world.transport.rows(), "rows read, seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn every_invocation_counts_once_reading_by_function() {
    is_exact(harsh(11), Overrides::default()).await;
}

#[tokio::test(start_paused = true)]
async fn every_invocation_counts_once_reading_by_region() {
    is_exact(harsh(12), through("v2", Some("region"))).await;
}
