//! Functions that are created and deleted while the exporter reads: no call is lost, and the series of
//! deleted functions end.

use std::time::Duration;

use scf_exporter::config::Overrides;
use scf_sim::{Faults, Life, Settings};

use crate::support::faulty_disk::FaultyDisk;
use crate::support::world::{Exporter, START_MS, World};

fn at(second: i64) -> i64 {
    START_MS + second * 1_000
}

/// A world of four functions, of which the last one has `life` and a log topic of its own.
fn world(api: &str, life: Life, stop: i64, overrides: Overrides) -> (World, FaultyDisk) {
    let settings = Settings {
        functions: 4,
        rate_per_second: 2.0,
        max_duration_ms: 3_000,
        faults: Faults::none(),
        stop_ms: Some(at(stop)),
        lives: vec![Life {
            function: 3,
            ..life
        }],
        own_topics: true,
        ..Settings::new(61)
    };
    assert_eq!(settings.start_ms, START_MS);
    let overrides = overrides.with("sources[].api", [api.to_owned()]);
    let mut world = World::new(settings, overrides);
    let image = FaultyDisk::default();
    world.disk = Some(image.new_process());
    (world, image)
}

/// Lets time pass until so many seconds after the start.
async fn until(world: &World, second: i64) {
    let left = at(second) - world.now_ms();
    tokio::time::sleep(Duration::from_millis(u64::try_from(left).unwrap())).await;
}

fn name(world: &World) -> String {
    world.cloud.name_of(3).unwrap()
}

/// Created after 400 s, and called at once.
const LATE: Life = Life {
    created_ms: START_MS + 400_000,
    ..Life::ALWAYS
};

#[tokio::test(start_paused = true)]
async fn a_function_created_while_the_exporter_is_down_loses_no_call() {
    for api in ["cls", "v3", "v2"] {
        let (mut world, _image) = world(api, LATE, 1_000, Overrides::default());
        let exporter = world.start().await;
        until(&world, 300).await;
        exporter.stop().await;
        until(&world, 700).await;
        assert!(world.truth()[&name(&world)].0.values().sum::<u64>() > 10);
        world.config.poll.first_read = Duration::ZERO;
        let exporter = world.start().await;
        world.assert_exact(&exporter, api).await;
        exporter.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_found_late_loses_no_call_whatever_the_first_read() {
    for api in ["cls", "v3", "v2"] {
        let first_read = Some("5s".to_owned());
        let overrides = Overrides::default().with("poll.first_read", first_read);
        let (world, _image) = world(api, LATE, 1_000, overrides);
        let exporter = world.start().await;
        world.assert_exact(&exporter, api).await;
        exporter.stop().await;
    }
}

/// What a scrape shows of the function that goes: its info, and the invocations counted.
fn shown(world: &World, exporter: &Exporter) -> (usize, Option<f64>) {
    let scrape = exporter.scrape();
    let name = name(world);
    let function = [("function_name", name.split('/').next_back().unwrap())];
    let counted = scrape.matching("scf_invocations_total", &function);
    let sum = counted.iter().map(|sample| sample.value).sum();
    (
        scrape.matching("scf_function_info", &function).len(),
        (!counted.is_empty()).then_some(sum),
    )
}

fn called(world: &World) -> f64 {
    let truth = world.truth();
    truth[&name(world)].0.values().sum::<u64>() as f64
}

#[tokio::test(start_paused = true)]
async fn series_of_a_deleted_function_end_after_two_lists_and_the_retention_over_restarts() {
    for api in ["cls", "v3", "v2"] {
        let life = Life {
            abandoned_ms: at(300),
            deleted_ms: at(2_000),
            returns_ms: at(9_000),
            ..Life::ALWAYS
        };
        let overrides = Overrides::default()
            .with("series.retention", Some("1h".to_owned()))
            .with("web.zero_first", Some("60s".to_owned()));
        let (mut world, image) = world(api, life, 9_600, overrides);
        let exporter = world.start().await;
        until(&world, 1_990).await;
        let first = called(&world);
        assert!(first > 5.0);
        assert_eq!(shown(&world, &exporter), (1, Some(first)), "{api}");
        // Lists come every 300 s: one misses it, and the one after a restart.
        until(&world, 2_290).await;
        assert_eq!(shown(&world, &exporter), (1, Some(first)), "{api}: once");
        exporter.stop().await;
        let exporter = world.start().await;
        until(&world, 2_650).await;
        assert_eq!(shown(&world, &exporter), (0, Some(first)), "{api}: twice");
        exporter.kill();
        // Whoever was killed writes no more.
        world.disk = Some(image.new_process());
        let exporter = world.start().await;
        assert_eq!(shown(&world, &exporter), (0, Some(first)), "{api}: durable");
        // An hour after the last list that named it, which is at most 300 s before it went.
        until(&world, 5_290).await;
        assert_eq!(shown(&world, &exporter), (0, Some(first)), "{api}");
        until(&world, 6_250).await;
        assert_eq!(shown(&world, &exporter), (0, None), "{api}: the end");
        exporter.stop().await;
        let exporter = world.start().await;
        assert_eq!(shown(&world, &exporter), (0, None), "{api}: durable");
        // Another of this name: from zero on, and nothing of before counts again.
        let mut zero = false;
        for _ in 0..70 {
            tokio::time::sleep(Duration::from_secs(50)).await;
            let counted = shown(&world, &exporter).1;
            assert!(
                zero || counted.is_none_or(|counted| counted == 0.0),
                "{api}"
            );
            zero |= counted.is_some();
        }
        until(&world, 11_500).await;
        assert_eq!(
            shown(&world, &exporter),
            (1, Some(called(&world) - first)),
            "{api}"
        );
        exporter.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_returns_within_the_retention_keeps_its_counters() {
    for api in ["cls", "v3", "v2"] {
        let life = Life {
            abandoned_ms: at(300),
            deleted_ms: at(2_000),
            returns_ms: at(4_000),
            ..Life::ALWAYS
        };
        let overrides = Overrides::default().with("series.retention", Some("1h".to_owned()));
        let (world, _image) = world(api, life, 4_600, overrides);
        let exporter = world.start().await;
        until(&world, 3_990).await;
        assert_eq!(shown(&world, &exporter), (0, Some(called(&world))), "{api}");
        until(&world, 5_000).await;
        world.assert_exact(&exporter, api).await;
        assert_eq!(shown(&world, &exporter), (1, Some(called(&world))), "{api}");
        exporter.stop().await;
    }
}
