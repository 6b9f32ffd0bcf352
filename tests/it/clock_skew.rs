//! A machine whose clock is wrong: the offset is learned, and nothing is lost by it.

use std::time::Duration;

use crate::support::world::{World, calls_for, through};
use scf_sim::{Faults, Settings};

const TRAFFIC: Duration = Duration::from_secs(900);

/// A world of late rows whose clock is `skew_ms` ahead of the exporter's. The exporter is told
/// how late its rows are, but not of the clock.
fn world(api: &str, skew_ms: i64) -> World {
    let settings = Settings {
        functions: 8,
        rate_per_second: 5.0,
        max_duration_ms: 20_000,
        faults: Faults {
            clock_skew_ms: skew_ms,
            late_rows: 0.2,
            late_delivery_ms: 25_000,
            ..Faults::none()
        },
        ..calls_for(20, TRAFFIC)
    };
    let overrides = through(api, None).with("poll.max_run_time", Some("22s".into()));
    World::new(settings, overrides)
}

async fn assert_exact_in_spite_of(world: World, skew_ms: i64) {
    let what = format!("{:?} {} s", world.config.sources[0].api, skew_ms / 1_000);
    let exporter = world.start().await;
    tokio::time::sleep(TRAFFIC).await;
    world.assert_exact(&exporter, &what).await;
    let shown = exporter
        .scrape()
        .metric(
            "scf_exporter_clock_offset_seconds",
            &[("source", &world.config.sources[0].name)],
        )
        .unwrap();
    let off = (shown - skew_ms as f64 / 1_000.0).abs();
    assert!(off <= 1.0, "{what}: {shown} is shown");
    exporter.stop().await;
}

/// Twenty minutes, and three: below the five minutes from which the cloud refuses signatures.
const SKEWS_MS: [i64; 4] = [1_200_000, -1_200_000, 180_000, -180_000];

#[tokio::test(start_paused = true)]
async fn the_offset_of_a_wrong_clock_is_learned() {
    for api in ["v2", "v3", "cls"] {
        for skew_ms in SKEWS_MS {
            assert_exact_in_spite_of(world(api, skew_ms), skew_ms).await;
        }
    }
}

/// They are read before any list of functions has told the time.
#[tokio::test(start_paused = true)]
async fn targets_that_need_no_list_do_not_go_by_the_wrong_clock() {
    for skew_ms in SKEWS_MS {
        let mut topics = world("cls", skew_ms);
        topics.config.sources[0].topics = vec![topic_of(&topics).await];
        assert_exact_in_spite_of(topics, skew_ms).await;
        let mut region = world("v2", skew_ms);
        region.config.sources[0].read = scf_exporter::config::Read::Region;
        assert_exact_in_spite_of(region, skew_ms).await;
    }
}

/// The id of the topic that all functions of such a world share, as an exporter finds it.
async fn topic_of(world: &World) -> String {
    let exporter = world.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let targets = scf_exporter::web::View::status(&*exporter.view).targets;
    exporter.stop().await;
    let name = targets[0].name.to_string();
    name.split_once("topic:").unwrap().1.to_owned()
}
