//! Stories of an exporter that reads a stream: partitions with copies, late and unreadable records,
//! answers that fail or begin too early; kills, full disks and partitions that are added. Drawn by a
//! random stream of their own, so that no other story changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use scf_exporter::model::Timestamp;
use tencentcloud::runtime::{Random, Runtime};
use tokio::time::Instant;

use super::checks::Broken;
use super::panics;
use super::support::faulty_disk::FaultyDisk;
use super::support::stream::{Counts, Knobs, Stream, StreamExporter};
use super::support::world::dispositions_of;

/// How long an exporter may take to have counted all, after the last record or trouble: the longest
/// wait after failures is five minutes, and some follow one another.
const CATCH_UP: Duration = Duration::from_secs(2 * 3_600);

struct Player {
    random: Random,
    stream: Arc<Stream>,
    image: FaultyDisk,
    exporter: Option<StreamExporter>,
    shown: Counts,
}

/// Plays the story of a seed to its end; how often the exporter was killed.
pub fn play(seed: u64) -> Result<usize, Broken> {
    let panics_before = panics::count();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let played = runtime.expect("a runtime of one thread").block_on(async {
        let random = Random::seeded(seed ^ 0x57E4_4000_0000_0000);
        let origin = Timestamp::from_millis(1_700_000_000_000);
        let runtime = Runtime::simulated(origin, random.next_u64());
        let stream = Stream::new(Knobs::drawn(&random), &runtime, &random);
        let mut player = Player {
            random,
            stream,
            image: FaultyDisk::default(),
            exporter: None,
            shown: Counts::new(),
        };
        player.play(&runtime).await
    });
    match panics::count() > panics_before {
        true => Err(format!("it panicked: {}", panics::last())),
        false => played,
    }
}

impl Player {
    async fn play(&mut self, runtime: &Runtime) -> Result<usize, Broken> {
        let mut kills = 0;
        self.start().await;
        let last_ms = self.stream.end_ms();
        let rest =
            |now: Timestamp| Duration::from_millis((last_ms - now.as_millis()).max(0) as u64);
        let steps = self.between(0, 12);
        let gap = rest(runtime.now()) / (steps as u32 + 1);
        for _ in 0..steps {
            self.pass(self.random.jitter(2 * gap)).await?;
            let span = Duration::from_secs(self.between(1, 600));
            match self.between(0, 9) {
                0 => self.exporter.take().expect("it is at work").stop().await,
                1 => {
                    self.stream.set_out_of_reach(true);
                    self.pass(span).await?;
                    self.stream.set_out_of_reach(false);
                }
                2 => {
                    self.image.set_full(true);
                    self.pass(span).await?;
                    self.image.set_full(false);
                }
                kind => {
                    self.moment(kind).await;
                    self.kill().await;
                    kills += 1;
                    if kind == 9 {
                        self.pass(span).await?;
                    }
                }
            }
            self.start().await;
        }
        self.pass(rest(runtime.now()) + Duration::from_secs(60))
            .await?;
        let until = Instant::now() + CATCH_UP;
        while self.counts() != self.truth() && Instant::now() < until {
            self.pass(Duration::from_secs(10)).await?;
        }
        // What was counted stays so, over a restart too.
        for _ in 0..2 {
            let (counts, truth) = (self.counts(), self.truth());
            if counts != truth {
                return Err(format!("counted are {counts:?}, but there were {truth:?}"));
            }
            self.kill().await;
            self.start().await;
            self.pass(Duration::from_secs(300)).await?;
        }
        Ok(kills)
    }

    async fn start(&mut self) {
        while self.exporter.is_none() {
            match StreamExporter::start(&self.stream, self.image.new_process()) {
                Ok(exporter) => self.exporter = Some(exporter),
                Err(_) => tokio::time::sleep(Duration::from_secs(5)).await,
            }
        }
    }

    async fn kill(&mut self) {
        self.image.kill();
        if let Some(exporter) = self.exporter.take() {
            exporter.kill().await;
        }
    }

    /// Waits for a moment to kill it: any, or as soon as a change is durable or published.
    async fn moment(&mut self, kind: u64) {
        let generation = |player: &Self| {
            let exporter = player.exporter.as_ref();
            exporter.map(|one| one.published.load().generation)
        };
        let (syncs, published) = (self.image.syncs(), generation(self));
        for _ in 0..self.between(1, 20_000) {
            let is_now = match kind {
                3 | 4 => self.image.syncs() != syncs,
                5 => generation(self) != published,
                _ => false,
            };
            if is_now {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Lets time pass, and looks now and then.
    async fn pass(&mut self, span: Duration) -> Result<(), Broken> {
        let until = Instant::now() + span;
        loop {
            self.look()?;
            let left = until - Instant::now();
            if left.is_zero() {
                return Ok(());
            }
            tokio::time::sleep(left.min(Duration::from_secs(15))).await;
        }
    }

    /// What holds at any time: nothing falls, nothing is more than there was, nothing is late.
    fn look(&mut self) -> Result<(), Broken> {
        let Some(exporter) = &self.exporter else {
            return Ok(());
        };
        let counts = exporter.counts();
        let truth = self.truth();
        let of = |counts: &BTreeMap<String, u64>, name| counts.get(name).copied().unwrap_or(0);
        for (name, before) in &self.shown {
            if of(&counts, name) < *before {
                return Err(format!(
                    "{name} fell from {before} to {}",
                    of(&counts, name)
                ));
            }
        }
        for (name, count) in &counts {
            if *count > of(&truth, name) {
                return Err(format!("{name}: {count} counted of {}", of(&truth, name)));
            }
        }
        let late = dispositions_of(&exporter.telemetry)["late"];
        if late > 0 {
            return Err(format!("{late} records of a stream are called late"));
        }
        self.shown = counts;
        self.stream.nothing_skipped()
    }

    fn counts(&self) -> Counts {
        let exporter = self.exporter.as_ref();
        exporter.map(StreamExporter::counts).unwrap_or_default()
    }

    fn truth(&self) -> Counts {
        self.stream.truth(&self.stream.written())
    }

    fn between(&self, least: u64, most: u64) -> u64 {
        least + self.random.next_u64() % (most - least + 1)
    }
}

#[test]
fn a_full_disk_fails_whatever_changes_it() {
    let image = FaultyDisk::default();
    let disk = image.new_process()();
    for is_full in [true, false] {
        image.set_full(is_full);
        let done = [disk.set_len(1), disk.write(0, b"a"), disk.sync_data()];
        assert_eq!(done.map(|done| done.is_err()), [is_full; 3]);
    }
}
