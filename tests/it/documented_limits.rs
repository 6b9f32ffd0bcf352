//! The limits of exactness that the README names, and what holds beside them.

use std::sync::Arc;
use std::time::Duration;

use crate::support::world::{Exporter, World, through};
use scf_exporter::config::Overrides;
use scf_exporter::model::Timestamp;
use scf_sim::{Cloud, ReplayLine, ReplayStart, Settings};
use tencentcloud::runtime::Runtime;

fn invocation(retry: u32, offset_ms: i64) -> ReplayLine {
    ReplayLine {
        function_name: "f".into(),
        namespace: "default".into(),
        request_id: "7d8ed6dc-0000-4000-8000-000000000001".into(),
        retry,
        start: ReplayStart::Offset(offset_ms),
        duration_us: 1_000,
        billed_ms: 1,
        mem_bytes: 1 << 20,
        ret_code: 1,
        visible_after_ms: 0,
        log: String::new(),
    }
}

/// A world of two invocations of one request that start in the same second.
fn world(api: &str) -> World {
    let settings = Settings::new(7);
    let runtime = Runtime::simulated(Timestamp::from_millis(settings.start_ms), 7);
    let lines = vec![invocation(0, 10_100), invocation(1, 10_600)];
    let cloud = Arc::new(Cloud::with_replay(settings, lines));
    World::over(cloud, runtime, Duration::from_secs(60), through(api, None))
}

fn invocations(exporter: &Exporter) -> u64 {
    let counted = exporter.counted();
    counted.values().flat_map(|sums| sums.0.values()).sum()
}

#[tokio::test(start_paused = true)]
async fn a_retry_in_the_same_second_counts_where_the_api_numbers_it() {
    for (api, expected) in [("v2", 1), ("v3", 2), ("cls", 2)] {
        let world = world(api);
        let exporter = world.start().await;
        tokio::time::sleep(Duration::from_secs(180)).await;
        assert_eq!(invocations(&exporter), expected, "{api}");
        exporter.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_exporters_each_count_everything() {
    let settings = Settings {
        stop_ms: Some(Settings::new(8).start_ms + 60_000),
        ..Settings::new(8)
    };
    let world = World::new(settings, Overrides::default());
    let (one, other) = (world.start().await, world.start().await);
    tokio::time::sleep(Duration::from_secs(180)).await;
    world.assert_exact(&one, "one").await;
    world.assert_exact(&other, "other").await;
    one.stop().await;
    other.stop().await;
}
