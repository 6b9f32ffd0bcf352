//! The run whose crash points are examined: the exporter over a bad day of the cloud, stopped,
//! killed and without power now and then.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use scf_exporter::app::StatusView;
use scf_exporter::config::Overrides;
use scf_exporter::metrics::Snapshot;
use scf_exporter::model::Timestamp;
use scf_exporter::web::View as _;
use scf_sim::{Cloud, Faults, Settings};
use tencentcloud::runtime::{Random, Runtime};

use crate::support::faulty_disk::{Failure, FailureKind, FaultyDisk, Image, Recorded};
use crate::support::world::{Exporter, World, through};
use crate::totals::Totals;

/// Starts of the exporter in one run.
const STARTS: usize = 8;
const TRAFFIC_MS: i64 = 400_000;

/// What was so when an operation was asked for.
#[derive(Clone, Default)]
pub struct Moment {
    /// What a scrape showed.
    pub shown: Arc<Snapshot>,
    pub now_ms: i64,
}

/// Everything that a disk went through.
pub struct Run {
    pub log: Vec<Recorded>,
    /// The moments that the log points to.
    pub moments: Vec<Moment>,
    /// How often the power was cut.
    pub cuts: usize,
    pub commits: u64,
    pub settings: Settings,
}

/// What the witness of the disk looks at.
#[derive(Default)]
struct Watched {
    /// The exporter at work, or the last one.
    view: Option<Arc<StatusView>>,
    moments: Vec<Moment>,
}

/// Ways to end an exporter.
#[derive(Clone, Copy)]
enum End {
    Stop,
    Kill,
    PowerCut,
}

/// A small region whose rows come late and in odd orders.
pub fn settings(seed: u64) -> Settings {
    let start_ms = 1_700_000_000_000;
    Settings {
        functions: 8,
        namespaces: 2,
        rate_per_second: 6.0,
        max_duration_ms: 20_000,
        faults: Faults {
            late_delivery_ms: 15_000,
            ..Faults::harsh()
        },
        start_ms,
        stop_ms: Some(start_ms + TRAFFIC_MS),
        ..Settings::new(seed)
    }
}

/// How the region is read: often, so that there are many commits, in small pages. New series are at
/// zero for a while, so that there is something to be held.
pub fn overrides() -> Overrides {
    let text = |value: &str| Some(value.to_owned());
    through("v3", None)
        .with("poll.interval", text("10s"))
        .with("poll.sweep_interval", text("20s"))
        .with("poll.page_size", text("20"))
        .with("web.zero_first", text("16s"))
}

impl Run {
    /// The run of this seed.
    pub fn recorded(seed: u64) -> Self {
        on_paused_time(Self::record(seed))
    }

    /// That an exporter over what was left at a moment shows no less than was shown then, and ends
    /// at the truth.
    pub fn goes_on(&self, image: Image, moment: usize, what: &str) {
        let Moment { shown, now_ms } = &self.moments[moment];
        let what = format!("{what}, seed {}", self.settings.seed);
        on_paused_time(async {
            let cloud = Arc::new(Cloud::new(self.settings.clone()));
            let now = Timestamp::from_millis(*now_ms);
            let runtime = Runtime::simulated(now, self.settings.seed);
            let allowed_lateness = Duration::from_millis(self.settings.longest_delay_ms());
            let mut world = World::over(cloud, runtime, allowed_lateness, overrides());
            world.disk = Some(FaultyDisk::holding(image).disk());
            let exporter = world.start().await;
            let first = Totals::shown(&exporter.view.snapshot()).unwrap();
            let shown = Totals::shown(shown).unwrap();
            shown
                .within(&first)
                .unwrap_or_else(|fault| panic!("{what}: {fault}"));
            let end_ms = self.settings.start_ms + TRAFFIC_MS;
            let rest_ms = u64::try_from(end_ms - now_ms).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(rest_ms) + allowed_lateness).await;
            world.assert_exact(&exporter, &what).await;
        });
    }

    async fn record(seed: u64) -> Self {
        let disk = FaultyDisk::default();
        let settings = settings(seed);
        let mut world = World::new(settings.clone(), overrides());
        world.disk = Some(disk.disk());
        let watched = Arc::new(Mutex::new(Watched::default()));
        let (eyes, clock) = (watched.clone(), world.runtime.clone());
        disk.record(move || eyes.lock().unwrap().look(clock.now().as_millis()));

        let random = Random::seeded(seed);
        let mut commits = 0;
        let mut cuts = 0;
        for start in 0..STARTS {
            let exporter = world.start().await;
            watched.lock().unwrap().view = Some(exporter.view.clone());
            // The last one is to see the end.
            let longest = if start == STARTS - 1 { 300 } else { 90 };
            tokio::time::sleep(random.jitter(Duration::from_secs(longest))).await;
            let end = [End::Kill, End::PowerCut, End::Stop][start % 3];
            cuts += usize::from(matches!(end, End::PowerCut));
            let committed = finish(exporter, &disk, &random, end).await;
            commits += committed;
            tokio::time::sleep(random.jitter(Duration::from_secs(10))).await;
        }
        let log = disk.recorded();
        let moments = std::mem::take(&mut watched.lock().unwrap().moments);
        Self {
            log,
            moments,
            cuts,
            commits,
            settings,
        }
    }
}

/// Runs it to its end; time passes when there is nothing else to do.
pub fn on_paused_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(work)
}

/// Ends an exporter; how many commits it made at least.
async fn finish(exporter: Exporter, disk: &FaultyDisk, random: &Random, end: End) -> u64 {
    if !matches!(end, End::Stop) {
        // In the middle of a commit: of the operations from now on only some are done.
        let last = disk.asked() + (random.unit() * 60.0) as usize;
        let before = disk.failed();
        disk.fail(Failure {
            at: last..usize::MAX,
            kind: FailureKind::Broken,
        });
        while disk.failed() == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let name = "scf_exporter_commit_duration_seconds_count";
    let committed = exporter.scrape().metric(name, &[]).unwrap() as u64;
    match end {
        End::Stop => {
            exporter.stop().await;
            return committed;
        }
        End::Kill => disk.kill(),
        End::PowerCut => disk.cut_power(random),
    }
    exporter.kill();
    disk.repair();
    committed
}

impl Watched {
    /// The number of the present moment.
    fn look(&mut self, now_ms: i64) -> usize {
        let shown = self.view.as_ref().map(|view| view.snapshot());
        let shown = shown.unwrap_or_default();
        let known = self
            .moments
            .last()
            .is_some_and(|last| last.now_ms == now_ms && Arc::ptr_eq(&last.shown, &shown));
        if !known {
            self.moments.push(Moment { shown, now_ms });
        }
        self.moments.len() - 1
    }
}
