//! The allowed lateness is exactly as long as calls run and as their rows are delayed, and not a
//! second longer: no row is late.

use std::time::Duration;

use crate::support::world::{World, calls_for, through};
use scf_sim::{Faults, Settings};

const TRAFFIC: Duration = Duration::from_secs(600);

/// Calls that mostly run into their timeout of two seconds, whose rows hold the second in which
/// they started; rows appear within one second.
fn world(api: &str, seed: u64) -> World {
    let settings = Settings {
        functions: 2,
        rate_per_second: 5.0,
        max_duration_ms: 2_000,
        faults: Faults {
            usual_delivery_ms: 1_000,
            long_calls: 1.0,
            ..Faults::none()
        },
        ..calls_for(seed, TRAFFIC)
    };
    let overrides = through(api, None)
        .with("poll.max_run_time", Some("2s".into()))
        .with("poll.delivery_delay", Some("1s".into()))
        .with("poll.interval", Some("300ms".into()))
        .with("poll.sweep_interval", Some("300ms".into()));
    World::new(settings, overrides)
}

#[tokio::test(start_paused = true)]
async fn a_call_that_starts_late_in_its_second_is_not_late() {
    for api in ["v2", "v3", "cls"] {
        let world = world(api, 90);
        let exporter = world.start().await;
        tokio::time::sleep(TRAFFIC).await;
        world.assert_exact(&exporter, api).await;
        exporter.stop().await;
    }
}
