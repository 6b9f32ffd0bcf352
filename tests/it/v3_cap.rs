//! A function with 40,000 calls in an hour, read through API 3.0, which pages 10,000 rows at most.

use std::time::Duration;

use crate::support::world::{World, calls_for, state_in, through};
use scf_sim::Settings;

const HOUR: Duration = Duration::from_secs(3_600);

fn world(state_path: Option<String>) -> World {
    let settings = Settings {
        functions: 1,
        rate_per_second: 11.5,
        ..calls_for(40, HOUR)
    };
    let overrides = through("v3", None)
        .with("poll.first_read", Some("2h".into()))
        .with("state.path", state_path);
    World::new(settings, overrides)
}

fn assert_busy(world: &World) {
    let truth = world.cloud.truth(world.now_ms());
    let busiest = truth.functions.iter().map(|f| f.invocations.values().sum());
    let busiest: u64 = busiest.max().unwrap();
    assert!(busiest >= 40_000, "{busiest}");
    let requests = world.transport.requests_for("GetFunctionLogs");
    eprintln!("{busiest} calls of one function, {requests} requests");
}

#[tokio::test(start_paused = true)]
async fn an_hour_that_was_missed_is_read_exactly() {
    let world = world(None);
    tokio::time::sleep(HOUR + Duration::from_secs(120)).await;
    let exporter = world.start().await;
    world.until_exact(&exporter).await;
    assert_busy(&world);
    world.assert_exact(&exporter, "the whole hour").await;
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_start_in_the_middle_and_a_restart_lose_and_repeat_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let world = world(state_in(directory.path()));
    tokio::time::sleep(HOUR / 2).await;
    let exporter = world.start().await;
    tokio::time::sleep(HOUR / 6).await;
    exporter.stop().await;
    tokio::time::sleep(HOUR / 6).await;
    let exporter = world.start().await;
    tokio::time::sleep(HOUR / 6).await;
    world.until_exact(&exporter).await;
    assert_busy(&world);
    world.assert_exact(&exporter, "in two parts").await;
    exporter.stop().await;
}
