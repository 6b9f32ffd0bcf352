//! Kills and restarts on paused time, with a state directory, through the APIs of today: nothing
//! is lost or counted twice. Kills come at random instants, a seed for each run.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use crate::support;

use std::time::Duration;

use scf_exporter::runtime::Random;
use scf_exporter::sim::{Faults, Settings};
use support::world::{World, state_in, through};

const RUNS: usize = 8;

fn settings(seed: u64) -> Settings {
    let start_ms = 1_700_000_000_000;
    Settings {
        functions: 12,
        namespaces: 2,
        topics: 2,
        rate_per_second: 20.0,
        faults: Faults::harsh(),
        start_ms,
        stop_ms: Some(start_ms + 400_000),
        ..Settings::new(seed)
    }
}

async fn killed_again_and_again(seed: u64, api: &str, read: Option<&str>) {
    let directory = tempfile::tempdir().unwrap();
    let overrides = through(api, read).with("state.path", state_in(directory.path()));
    let world = World::new(settings(seed), overrides);
    let random = Random::seeded(seed);
    for run in 0..RUNS {
        let exporter = world.start_after_kill().await;
        tokio::time::sleep(random.jitter(Duration::from_secs(60))).await;
        if run % 3 == 2 {
            exporter.stop().await;
        } else {
            exporter.kill();
        }
        tokio::time::sleep(random.jitter(Duration::from_secs(20))).await;
    }
    let what = format!("{api} {read:?} seed {seed}");
    let exporter = world.start_after_kill().await;
    world.assert_exact(&exporter, &what).await;
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn v3_by_function() {
    for seed in [31, 32, 33] {
        killed_again_and_again(seed, "v3", None).await;
    }
}

#[tokio::test(start_paused = true)]
async fn v3_by_namespace() {
    for seed in [41, 42, 43] {
        killed_again_and_again(seed, "v3", Some("region")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn cls() {
    for seed in [51, 52, 53] {
        killed_again_and_again(seed, "cls", None).await;
    }
}
