//! A new series is shown at zero before it shows its value, so that Prometheus sees the increase.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::support::faulty_disk::FaultyDisk;
use crate::support::world::{Exporter, World, calls_for, through};
use scf_exporter::metrics::{CodeCount, FunctionSeries, Snapshot};
use scf_exporter::model::Outcome;
use scf_exporter::store::{Store, Stored};
use scf_exporter::web::View as _;
use scf_sim::{Faults, Life, Settings};
use tencentcloud::runtime::Random;
use tokio::time::{Instant, sleep};

const SCRAPE: Duration = Duration::from_secs(15);
const LIVES: usize = 24;
const FUNCTIONS: usize = 24;
const SPAN: Duration = Duration::from_secs(5);
/// Between two looks at what is published.
const LOOK: Duration = Duration::from_millis(1);
/// Whether a function has these depends on what is known of it, which each life learns anew: they
/// may be gone for a while, and have their zero when they come back.
const OF_THE_LIST: [&str; 2] = [
    "scf_invocation_retries_total",
    "scf_billed_memory_byte_seconds_total",
];

/// Every series of the workload's counters and histograms: its first sample is zero, whenever it
/// appears, and over the run they rise to the truth.
#[tokio::test(start_paused = true)]
async fn the_first_sample_of_every_series_is_zero() {
    for (api, seed) in [("v2", 81), ("v3", 82), ("cls", 83)] {
        let settings = Settings {
            functions: 10,
            rate_per_second: 3.0,
            max_duration_ms: 10_000,
            faults: Faults::typical(),
            ..calls_for(seed, Duration::from_secs(600))
        };
        let overrides = through(api, None).with("web.zero_first", Some("16s".into()));
        let world = World::new(settings, overrides);
        let exporter = world.start().await;
        let mut first: BTreeMap<String, f64> = BTreeMap::new();
        for _ in 0..80 {
            sleep(SCRAPE).await;
            for family in exporter.scrape().families {
                let counted = family.kind != "gauge" && !family.name.starts_with("scf_exporter_");
                for sample in family.samples.iter().filter(|_| counted) {
                    let key = format!("{} {:?}", sample.name, sample.labels);
                    first.entry(key).or_insert(sample.value);
                }
            }
        }
        let not_zero: Vec<_> = first
            .iter()
            .filter(|(key, value)| key.starts_with("scf_") && **value != 0.0)
            .collect();
        assert!(not_zero.is_empty(), "{api}: {not_zero:#?}");
        let codes = first
            .keys()
            .filter(|key| key.starts_with("scf_invocations_total"));
        assert!(codes.count() > 15, "{api}: several codes came up");
        world.assert_exact(&exporter, api).await;
        exporter.stop().await;
    }
}

/// Killed again and again, also while a change that holds a series at zero, or that holds it no
/// longer, is durable and not yet published: in each life nothing is above zero that no life showed
/// at zero for the whole span, nothing falls, and in the end all is counted.
#[tokio::test(start_paused = true)]
async fn a_kill_takes_no_zero_along() {
    let mut cut = Cut::default();
    for (api, seed) in [("v3", 84), ("cls", 85), ("v3", 86), ("cls", 87), ("v3", 88)] {
        let start_ms = 1_700_000_000_000;
        // A function after another is made, so that there is always something new.
        let life = |function: usize| Life {
            function,
            created_ms: start_ms + 15_000 * function as i64,
            ..Life::ALWAYS
        };
        let settings = Settings {
            functions: FUNCTIONS,
            rate_per_second: 6.0,
            max_duration_ms: 10_000,
            faults: Faults::typical(),
            lives: (0..FUNCTIONS).map(life).collect(),
            ..calls_for(seed, Duration::from_secs(400))
        };
        let overrides = through(api, None)
            .with("web.zero_first", Some(format!("{}s", SPAN.as_secs())))
            .with("poll.interval", Some("10s".into()))
            .with("poll.discovery_interval", Some("10s".into()));
        let mut world = World::new(settings, overrides);
        let (image, random) = (FaultyDisk::default(), Random::seeded(seed));
        let mut watch = Watch {
            seed,
            ..Watch::default()
        };
        for _ in 0..LIVES {
            world.disk = Some(image.new_process());
            let exporter = world.start_after_kill().await;
            watch.pass(&exporter, random.jitter(4 * SPAN)).await;
            match random.unit() {
                0.0..0.3 => watch.until_unpublished(&exporter, &image, false).await,
                0.3..0.8 => watch.until_unpublished(&exporter, &image, true).await,
                // At any instant.
                _ => {}
            }
            let shown = exporter.view.snapshot();
            watch.end();
            image.kill();
            exporter.kill();
            let (_store, stored) = Store::open_on(image.new_process()).unwrap();
            cut.note(&shown, &stored);
        }
        world.disk = Some(image.new_process());
        let exporter = world.start_after_kill().await;
        watch.pass(&exporter, 4 * SPAN).await;
        world.assert_exact(&exporter, api).await;
        exporter.stop().await;
    }
    println!("{cut:?}");
    let fell = cut.begun > 3 && cut.held > 3 && cut.ended > 3;
    assert!(fell, "kills fell elsewhere: {cut:?}");
}

/// Where kills fell.
#[derive(Debug, Default)]
struct Cut {
    /// Series that were held on the disk, and not shown yet.
    begun: usize,
    /// Lives that ended with something held.
    held: usize,
    /// Series that were shown at zero, and held no longer on the disk.
    ended: usize,
}

impl Cut {
    fn note(&mut self, shown: &Snapshot, stored: &Stored) {
        self.held += usize::from(!stored.held.is_empty());
        for (slot, held) in &stored.held {
            let before = shown.series.get(*slot as usize);
            let before = before.map(|series| codes(series)).unwrap_or_default();
            self.begun += codes(held).difference(&before).count();
        }
        let held: BTreeSet<u32> = stored.held.iter().map(|(slot, _)| *slot).collect();
        for (slot, before) in (0..).zip(&shown.series) {
            // A code is there since it came up; success was there before.
            let is_new = |code: &CodeCount| code.count == 0 && code.outcome != Outcome::Success;
            if !held.contains(&slot) {
                self.ended += before.codes.iter().filter(|code| is_new(code)).count();
            }
        }
    }
}

fn codes(series: &FunctionSeries) -> BTreeSet<String> {
    let codes = series.codes.iter();
    codes
        .map(|code| format!("{} {:?}", code.ret_code, code.outcome))
        .collect()
}

/// All that was shown, over all lives.
#[derive(Default)]
struct Watch {
    seed: u64,
    generation: u64,
    /// Series at zero, and since when they are in this life.
    zero_since: BTreeMap<String, Instant>,
    /// Those that were at zero for the span.
    held: BTreeSet<String>,
    last: BTreeMap<String, f64>,
}

impl Watch {
    /// A life ends.
    fn end(&mut self) {
        self.note_held();
        self.generation = 0;
        self.zero_since.clear();
    }

    fn is_over(&self) -> bool {
        let now = Instant::now();
        let mut zeros = self.zero_since.iter();
        zeros.any(|(series, since)| now >= *since + SPAN && !self.held.contains(series))
    }

    /// Notes what has been at zero for the span by now.
    fn note_held(&mut self) {
        let now = Instant::now();
        for (series, since) in &self.zero_since {
            // A look comes up to one step after the publication.
            if now + LOOK >= *since + SPAN {
                self.held.insert(series.clone());
            }
        }
    }

    async fn pass(&mut self, exporter: &Exporter, span: Duration) {
        let until = Instant::now() + span;
        while Instant::now() < until {
            self.look(exporter);
            sleep(LOOK).await;
        }
        self.look(exporter);
    }

    /// Until a change is durable that is not published, if wanted such as is made when something
    /// was at zero for the span; or nothing happens for long.
    async fn until_unpublished(&mut self, exporter: &Exporter, image: &FaultyDisk, over: bool) {
        let until = Instant::now() + 4 * SPAN;
        while Instant::now() < until {
            let (syncs, generation) = (image.syncs(), self.generation);
            sleep(LOOK).await;
            self.look(exporter);
            let unpublished = image.syncs() > syncs && self.generation == generation;
            if unpublished && (!over || self.is_over()) {
                return;
            }
        }
    }

    fn look(&mut self, exporter: &Exporter) {
        let generation = exporter.view.snapshot().generation;
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        self.note_held();
        let now = Instant::now();
        let mut zero_since = BTreeMap::new();
        for family in exporter.scrape().families {
            let counted = family.kind != "gauge" && !family.name.starts_with("scf_exporter_");
            let is_of_calls = counted && !OF_THE_LIST.contains(&family.name.as_str());
            for sample in family.samples.iter().filter(|_| is_of_calls) {
                let key = format!("{} {:?}", sample.name, sample.labels);
                if !key.starts_with("scf_") {
                    continue;
                }
                if sample.value == 0.0 {
                    let since = self.zero_since.get(&key).copied().unwrap_or(now);
                    zero_since.insert(key.clone(), since);
                } else {
                    assert!(
                        self.held.contains(&key),
                        "seed {}: no zero before {key}",
                        self.seed
                    );
                }
                let last = self.last.insert(key.clone(), sample.value);
                assert!(
                    last <= Some(sample.value),
                    "seed {}: {key} fell from {last:?}",
                    self.seed
                );
            }
        }
        self.zero_since = zero_since;
    }
}
