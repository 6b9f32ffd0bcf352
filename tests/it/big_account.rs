//! How soon an account of thousands of functions is read, within the request limits that the vendor
//! documents.

use std::time::Duration;

use scf_exporter::web::{Readiness, View};
use scf_sim::Settings;
use tokio::time::Instant;

use crate::support::world::{Exporter, START_MS, World, through};

const FUNCTIONS: usize = 5_000;

/// A world whose exporter keeps the request limits of a real account.
fn account(api: &str) -> World {
    let settings = Settings {
        start_ms: START_MS,
        functions: FUNCTIONS,
        rate_per_second: 5.0,
        history_ms: 10_000,
        ..Settings::new(11)
    };
    let mut world = World::new(settings, through(api, (api != "cls").then_some("auto")));
    world.config.limits.requests_per_second = None;
    world
}

/// Lets time pass until every function is known and every target was read.
async fn until_ready(exporter: &Exporter) -> Duration {
    let began = Instant::now();
    let knows_all = || {
        let snapshot = exporter.view.snapshot();
        let known = snapshot.series.iter().filter(|one| one.about.is_some());
        known.count() == FUNCTIONS
    };
    while exporter.view.readiness() != Readiness::Ready || !knows_all() {
        assert!(began.elapsed() < Duration::from_secs(1_200));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn five_thousand_functions_are_ready_in_a_minute() {
    for api in ["cls", "v3"] {
        let world = account(api);
        let exporter = world.start().await;
        let took = until_ready(&exporter).await;
        assert!(took < Duration::from_secs(60), "{api}: {took:?}");
        let asked = world.transport.requests_for("GetFunction");
        let limit = 100 * took.as_secs() + 110;
        assert!(asked <= limit, "{api}: {asked} in {took:?}");
        exporter.stop().await;
    }
}
