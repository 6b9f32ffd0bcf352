//! A machine whose clock is set, or runs wrong, while the exporter reads: no watermark passes a row
//! that can still appear, nothing is lost, and the wrong clock is reported.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use scf_exporter::ledger::Checkpoint;
use scf_exporter::model::Timestamp;
use scf_exporter::store::{Changes, Store};
use scf_exporter::web::{SourceStatus, View};
use scf_sim::{Faults, Settings};
use tencentcloud::runtime::Clock;

use crate::support::faulty_disk::FaultyDisk;
use crate::support::world::{Exporter, World, calls_for, through};

const APIS: [&str; 3] = ["v2", "v3", "cls"];
const DAY: Duration = Duration::from_secs(86_400);

/// A machine's clock that is so many milliseconds ahead of the right time.
struct Wall {
    right: Arc<dyn Clock>,
    ahead_ms: AtomicI64,
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        let right_ms = self.right.now().as_millis();
        Timestamp::from_millis(right_ms + self.ahead_ms.load(Ordering::Relaxed))
    }
}

impl Wall {
    fn set(&self, ahead_s: i64) {
        self.ahead_ms.store(ahead_s * 1_000, Ordering::Relaxed);
    }
}

/// A world of calls for `traffic`, whose exporter polls every five seconds.
fn world(api: &str, faults: Faults, traffic: Duration) -> (World, Arc<Wall>) {
    let settings = Settings {
        functions: 3,
        rate_per_second: 2.0,
        max_duration_ms: 5_000,
        faults: Faults {
            late_rows: 0.2,
            late_delivery_ms: 15_000,
            ..faults
        },
        ..calls_for(31, traffic)
    };
    let secs = |secs: &str| Some(secs.to_owned());
    let overrides = through(api, None)
        .with("poll.interval", secs("5s"))
        .with("poll.sweep_interval", secs("5s"))
        .with("poll.max_run_time", secs("6s"));
    let mut world = World::new(settings, overrides);
    let wall = Arc::new(Wall {
        right: world.runtime.clock.clone(),
        ahead_ms: AtomicI64::new(0),
    });
    world.machine = wall.clone();
    (world, wall)
}

fn undated() -> Faults {
    Faults {
        missing_dates: 1.0,
        ..Faults::none()
    }
}

/// Lets time pass, and asserts every five seconds that no watermark is within the allowed lateness.
async fn pass(world: &World, exporter: &Exporter, secs: u64) {
    for _ in 0..secs.div_ceil(5) {
        tokio::time::sleep(Duration::from_secs(5)).await;
        for target in exporter.view.status().targets {
            if let (Some(watermark), Some(allowed_lateness)) =
                (target.watermark, target.allowed_lateness)
            {
                let most = Timestamp::from_millis(world.now_ms()) - allowed_lateness;
                assert!(
                    watermark <= most,
                    "{} {watermark} beyond {most}",
                    target.name
                );
            }
        }
    }
}

/// The one source that is read.
fn source(exporter: &Exporter) -> SourceStatus {
    exporter.view.status().sources.remove(0)
}

/// The lowest watermark of all targets.
fn watermark(exporter: &Exporter) -> Option<Timestamp> {
    let targets = exporter.view.status().targets;
    targets
        .iter()
        .map(|target| target.watermark)
        .min()
        .flatten()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_and_set_back_loses_nothing() {
    for api in APIS {
        for faults in [Faults::none(), undated()] {
            let traffic = Duration::from_secs(300);
            let dated = faults.missing_dates == 0.0;
            let (world, wall) = world(api, faults, traffic);
            let exporter = world.start().await;
            for (ahead_s, secs) in [(0, 60), (240, 60), (0, 60), (-240, 60), (0, 60)] {
                wall.set(ahead_s);
                pass(&world, &exporter, secs).await;
            }
            world
                .assert_exact(&exporter, &format!("{api}, dated: {dated}"))
                .await;
            // Watermarks do not stand still either. Without dates a clock that is later than before has
            // to hold for ten minutes.
            if !dated {
                tokio::time::sleep(Duration::from_secs(700)).await;
            }
            let behind = world.now_ms() - watermark(&exporter).unwrap().as_millis();
            assert!(behind < 120_000, "{api}, dated {dated}: {behind} ms behind");
            exporter.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_runs_too_fast_loses_nothing() {
    for api in APIS {
        for fast_ms in [50, -50] {
            let traffic = Duration::from_secs(200);
            let (world, wall) = world(api, Faults::none(), traffic);
            let exporter = world.start().await;
            for _ in 0..40 {
                pass(&world, &exporter, 5).await;
                wall.ahead_ms.fetch_add(5 * fast_ms, Ordering::Relaxed);
            }
            world.assert_exact(&exporter, api).await;
            exporter.stop().await;
        }
    }
}

/// One of five answers is dated by a server whose clock is up to four minutes off.
#[tokio::test(start_paused = true)]
async fn dates_that_are_wrong_lose_nothing() {
    for api in APIS {
        let faults = Faults {
            missing_dates: 0.2,
            wrong_dates: 0.2,
            ..Faults::none()
        };
        let traffic = Duration::from_secs(300);
        let (world, _) = world(api, faults, traffic);
        let exporter = world.start().await;
        pass(&world, &exporter, traffic.as_secs()).await;
        world.assert_exact(&exporter, api).await;
        exporter.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_with_a_wrong_clock_loses_nothing() {
    for api in APIS {
        for ahead_s in [250, -250, 1_800, -1_800] {
            let (mut world, wall) = world(api, Faults::none(), Duration::from_secs(240));
            let image = FaultyDisk::default();
            for ahead_s in [0, ahead_s, 0] {
                world.disk = Some(image.new_process());
                wall.set(ahead_s);
                let exporter = world.start().await;
                pass(&world, &exporter, 80).await;
                exporter.stop().await;
                image.kill();
            }
            world.disk = Some(image.new_process());
            let exporter = world.start().await;
            world
                .assert_exact(&exporter, &format!("{api} {ahead_s}"))
                .await;
            exporter.stop().await;
        }
    }
}

/// Without dates no watermark moves until the monotonic clock has run for the allowed lateness.
#[tokio::test(start_paused = true)]
async fn without_dates_no_watermark_moves_at_first() {
    for api in APIS {
        let (world, _) = world(api, undated(), Duration::from_secs(200));
        let exporter = world.start().await;
        tokio::time::sleep(Duration::from_secs(8)).await;
        let opened = watermark(&exporter).unwrap();
        let status = exporter.view.status();
        let allowed_lateness = status.targets[0].allowed_lateness.unwrap();
        tokio::time::sleep(allowed_lateness - Duration::from_secs(10)).await;
        assert_eq!(watermark(&exporter), Some(opened), "{api}");
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(watermark(&exporter) > Some(opened), "{api}");
        exporter.stop().await;
    }
}

/// Adds a day to every position that a state holds, as a machine leaves it whose clock was a day
/// ahead.
fn put_a_day_ahead(image: &FaultyDisk) {
    let (store, stored) = Store::open_on(image.new_process()).unwrap();
    let ahead = |mut one: scf_exporter::store::StoredFunction| {
        one.evicted_below = one.evicted_below + DAY;
        one
    };
    let targets = stored.targets.into_iter();
    let slots = (0..).zip(stored.functions);
    let functions = slots.filter_map(|(slot, one)| Some((slot, one?)));
    let changes = Changes {
        functions: functions.map(|(slot, one)| (slot, ahead(one))).collect(),
        dropped_keys: stored.keys.iter().map(|(number, _)| *number).collect(),
        targets: targets
            .map(|(target, at)| (target, Checkpoint::Watermark(at.time() + DAY)))
            .collect(),
        ..Changes::default()
    };
    store.commit(&changes).unwrap();
    drop(store);
    image.kill();
}

#[tokio::test(start_paused = true)]
async fn a_state_from_the_future_is_corrected_and_reading_goes_on() {
    for api in APIS {
        let (mut world, _) = world(api, Faults::none(), Duration::from_secs(400));
        let image = FaultyDisk::default();
        world.disk = Some(image.new_process());
        let exporter = world.start().await;
        tokio::time::sleep(Duration::from_secs(100)).await;
        exporter.stop().await;
        image.kill();
        put_a_day_ahead(&image);

        world.disk = Some(image.new_process());
        let exporter = world.start().await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        pass(&world, &exporter, 60).await;
        let total = |sums: &crate::support::world::Sums| -> u64 {
            sums.values().flat_map(|(codes, ..)| codes.values()).sum()
        };
        let (counted, truth) = (total(&exporter.counted()), total(&world.truth()));
        // Two calls a second; what had begun and was not there yet when it stopped looks like what
        // was counted before: calls of up to 5 s, rows up to 15 s late.
        assert!(counted <= truth, "{api}: {counted} of {truth}");
        assert!(counted + 40 >= truth, "{api}: {counted} of {truth}");
        exporter.stop().await;
        image.kill();

        // It was corrected for good.
        world.disk = Some(image.new_process());
        let exporter = world.start().await;
        pass(&world, &exporter, 60).await;
        assert_eq!(total(&exporter.counted()), counted, "{api}");
        exporter.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_reported_and_every_time_shown_is_the_clouds() {
    let (world, wall) = world("cls", Faults::none(), Duration::from_secs(300));
    let exporter = world.start().await;
    let shown = |name: &str| exporter.scrape().sum(name, &[]);
    for (ahead_s, told) in [
        (0, None),
        (240, Some("240 s ahead of")),
        (-90, Some("90 s behind")),
    ] {
        wall.set(ahead_s);
        tokio::time::sleep(Duration::from_secs(30)).await;
        let (now, status) = (world.now_ms() as f64 / 1_000.0, exporter.view.status());
        let near = |time: f64, what: &str| {
            assert!(
                (now - time).abs() < 40.0,
                "{ahead_s}: {what} at {time}, now {now}"
            );
        };
        near(status.now.as_secs_f64(), "the page");
        near(
            status.targets[0].last_poll.unwrap().as_secs_f64(),
            "the last poll",
        );
        near(
            status.targets[0].watermark.unwrap().as_secs_f64(),
            "the watermark",
        );
        near(
            shown("scf_exporter_last_successful_poll_timestamp_seconds"),
            "the gauge",
        );
        assert!(shown("scf_exporter_ingestion_lag_seconds") < 40.0);
        let offset = shown("scf_exporter_clock_offset_seconds");
        assert_eq!(offset as i64, -ahead_s);
        let source = source(&exporter);
        assert_eq!(source.clock_offset_seconds as i64, -ahead_s);
        let what = source.clock.map(|trouble| trouble.what);
        match told {
            Some(told) => assert!(what.unwrap().contains(told), "{told}"),
            None => assert_eq!(what, None),
        }
    }
    wall.set(0);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(source(&exporter).clock, None);
    exporter.stop().await;
}
