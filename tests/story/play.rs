//! Playing a story: the whole program on paused time, without a socket, a file or a thread.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use scf_exporter::app::{Dependencies, Pipeline};
use scf_exporter::config::{Api, Read};
use scf_exporter::model::Timestamp;
use scf_exporter::store::Store;
use scf_exporter::web::View;
use scf_sim::Cloud;
use tencentcloud::Environment;
use tencentcloud::runtime::Runtime;
use tokio::time::Instant;

mod coming_and_going;
mod moment;
mod nap;
mod reload;

use super::checks::{self, Broken, StatusView};
use super::deadline::Deadlines;
use super::panics;
use super::plan::{End, Event, Layout, Setup, Story};
use super::remembered::Remembered;
use super::setup::{config, environment};
use super::support::faulty_disk::FaultyDisk;
use super::support::world::{Exporter, Sums};
use super::wire::{Log, Wire};
use super::zeros::Zeros;

/// How long an exporter may take, after the last call, to have counted everything: the longest
/// wait after failures is five minutes, and some follow one another.
const CATCH_UP: Duration = Duration::from_secs(3 * 3_600);
/// How long it is watched once it is exact.
const WATCH: Duration = Duration::from_secs(300);
/// A service manager starts again so soon what could not start.
const START_AGAIN: Duration = Duration::from_secs(5);

/// What a run came to.
#[derive(Debug, Default, Clone)]
pub struct Outcome {
    pub broken: Option<Broken>,
    pub log: String,
    pub simulated: Duration,
    pub invocations: u64,
    pub requests: u64,
    pub kills: usize,
    pub lives: usize,
    /// Rows that were due and counted in time.
    pub judged: u64,
}

struct Player<'a> {
    story: &'a Story,
    /// By the true time.
    runtime: Runtime,
    /// By the clock of the exporter's machine.
    machine: Runtime,
    cloud: Arc<Cloud>,
    log: Arc<Log>,
    wire: Arc<Wire>,
    image: FaultyDisk,
    shown: StatusView,
    zeros: Zeros,
    deadlines: Deadlines,
    remembered: Remembered,
    /// What was counted for series that have ended, and what was counted at the last look.
    ended: Sums,
    last_counted: Sums,
    /// All targets that there are were opened, and that is durable.
    has_state: bool,
    /// Life and generation of the last snapshot that was looked at: each is looked at once.
    looked_at: (usize, u64),
    full_until: Option<Instant>,
    setup: Setup,
    now: Option<Life>,
    lives: usize,
    /// Rows counted, over all lives.
    counted: u64,
    /// Rows told as invalid, over all lives.
    told: u64,
}

/// One life of the exporter.
struct Life {
    exporter: Exporter,
    rows_before: u64,
    /// Some commit failed, or a read was broken off, so that rows were read which nobody kept.
    refused: bool,
    /// It was configured to make spot checks.
    looks: bool,
}

/// Plays a story to its end or to the first promise that is broken.
pub fn play(story: &Story) -> Outcome {
    let panics_before = panics::count();
    let run = catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.expect("a runtime of one thread").block_on(async {
            let mut player = Player::new(story);
            let broken = player.play().await.err();
            player.outcome(broken)
        })
    }));
    let mut outcome = run.unwrap_or_default();
    if panics::count() > panics_before {
        outcome.broken = Some(format!("it panicked: {}", panics::last()));
    }
    outcome
}

impl<'a> Player<'a> {
    fn new(story: &'a Story) -> Self {
        let origin = Timestamp::from_millis(story.world.start_ms);
        let runtime = Runtime::simulated(origin, story.seed);
        let machine = runtime
            .clone()
            .by_clock(story.clock.over(runtime.clock.clone()));
        let cloud = Arc::new(Cloud::new(story.world.clone()));
        let log = Arc::new(Log::new(runtime.clone()));
        Self {
            story,
            wire: Wire::new(cloud.clone(), log.clone(), story),
            runtime,
            machine,
            cloud,
            log,
            image: FaultyDisk::default(),
            shown: StatusView::default(),
            zeros: Zeros::default(),
            deadlines: Deadlines::new(story.world.start_ms),
            remembered: Remembered::default(),
            ended: Sums::new(),
            last_counted: Sums::new(),
            has_state: false,
            looked_at: (0, 0),
            full_until: None,
            setup: story.setup,
            now: None,
            lives: 0,
            counted: 0,
            told: 0,
        }
    }

    fn outcome(&self, broken: Option<Broken>) -> Outcome {
        let now_ms = self.now_ms();
        Outcome {
            broken,
            log: self.log.text(),
            simulated: Duration::from_millis((now_ms - self.story.world.start_ms) as u64),
            invocations: self.cloud.truth(now_ms).total(),
            requests: self.wire.requests(),
            kills: self.story.kills(),
            lives: self.lives,
            judged: self.deadlines.judged,
        }
    }

    async fn play(&mut self) -> Result<(), Broken> {
        self.start().await?;
        for step in &self.story.steps {
            self.pass(step.after).await?;
            self.log.line(&format!("step {:?}", step.what));
            match step.what {
                Event::Outage(lasting) => self.wire.cut_off_for(lasting),
                Event::Storm(lasting) => self.wire.storm_for(lasting),
                Event::FullDisk(lasting) => {
                    self.image.set_full(true);
                    let until = Instant::now() + lasting;
                    self.full_until = Some(self.full_until.map_or(until, |at| at.max(until)));
                    self.life().refused = true;
                }
                Event::Restart { end, away, setup } => {
                    self.end(end).await?;
                    self.pass(away).await?;
                    self.setup = setup;
                    self.start().await?;
                }
                Event::Reload { setup, cut } => self.reload(setup, cut).await?,
            }
        }
        let left_ms = self.story.end_ms() - self.now_ms();
        self.pass(Duration::from_millis(left_ms.max(0) as u64))
            .await?;
        self.log.line("no more calls");
        while self.setup.layout == Layout::First {
            let layout = Layout::Two;
            self.reload(
                Setup {
                    layout,
                    ..self.setup
                },
                None,
            )
            .await?;
            self.pass(START_AGAIN).await?;
        }
        self.catch_up().await?;
        self.evict().await?;
        self.wait_for_ends().await?;
        self.end(End::Stop).await?;
        self.keeps_nothing()
    }

    async fn start(&mut self) -> Result<(), Broken> {
        self.wire.take_most_under_way(false);
        let disk = self.image.new_process();
        let has_state = self.has_state;
        let config = config(
            self.story,
            &self.setup,
            &self.cloud,
            &self.runtime,
            has_state,
        );
        loop {
            let dependencies = Dependencies {
                runtime: self.machine.clone(),
                transport: self.wire.clone(),
                environment: self.environment(),
                disk: Some(disk.clone()),
            };
            match Pipeline::build(&config, dependencies).await {
                Ok(pipeline) => {
                    let (view, telemetry) = (pipeline.view.clone(), pipeline.telemetry.clone());
                    let exporter = Exporter {
                        running: pipeline.start(),
                        view,
                        telemetry,
                    };
                    self.now = Some(Life {
                        exporter,
                        rows_before: self.wire.rows(),
                        refused: self.full_until.is_some(),
                        looks: looks(&self.setup),
                    });
                    self.lives += 1;
                    self.remembered = Remembered::default();
                    self.log.line("started");
                    self.deadlines.begin(self.now_ms(), self.story);
                    return self.scrape();
                }
                Err(error) => {
                    self.log.line(&format!("cannot start: {error}"));
                    self.pass(START_AGAIN).await?;
                }
            }
        }
    }

    fn environment(&self) -> Environment {
        let (story, runtime) = (self.story.clone(), self.runtime.clone());
        Arc::new(move |name| environment(&story, name, runtime.now().as_millis()))
    }

    /// Lets time pass, with a scrape now and then.
    async fn pass(&mut self, span: Duration) -> Result<(), Broken> {
        let until = Instant::now() + span;
        while Instant::now() < until {
            let left = until - Instant::now();
            let room = self.full_until.map(|at| at - Instant::now());
            let nap = left.min(self.story.scrape).min(room.unwrap_or(left));
            self.nap(nap).await?;
            if self.full_until.is_some_and(|at| Instant::now() >= at) {
                self.full_until = None;
                self.image.set_full(false);
                self.log.line("the disk has room again");
            }
            self.scrape()?;
        }
        Ok(())
    }

    /// What holds at any time.
    fn scrape(&mut self) -> Result<(), Broken> {
        let Some(life) = &self.now else {
            return Ok(());
        };
        let most = self.wire.take_most_under_way(self.story.reloads());
        checks::in_flight_bound(most, self.in_flight_max())?;
        let generation = life.exporter.view.snapshot().generation;
        let zero_first = Duration::from_secs(self.setup.zero_first);
        if self.looked_at == (self.lives, generation) {
            return self.zeros.check(zero_first, None);
        }
        self.looked_at = (self.lives, generation);
        let now_ms = self.now_ms();
        let scrape = life.exporter.scrape();
        let entries = scrape.sum("scf_exporter_ledger_entries", &[]);
        self.log.line(&format!(
            "scrape: generation {generation}, {} counted, {entries} remembered, {} changes {:x} \
             on {} bytes",
            scrape.sum("scf_invocations_total", &[]),
            self.image.syncs(),
            self.image.written(),
            self.image.seen().len(),
        ));
        let may_end =
            |function: &str| coming_and_going::may_end(self.story, &self.cloud, function, now_ms);
        let ended = self.shown.check(&scrape, may_end)?;
        for function in &ended {
            self.log
                .line(&format!("the series of {function} have ended"));
            self.zeros.forget(function);
            let last = self.last_counted.remove_entry(function);
            self.ended = checks::together(self.ended.clone(), &last.into_iter().collect());
        }
        self.zeros.check(zero_first, Some(&scrape))?;
        self.last_counted = checks::counted(&life.exporter, self.api());
        self.has_state |= coming_and_going::has_state(&life.exporter);
        let counted = checks::together(self.last_counted.clone(), &self.ended);
        let truth = checks::expected(&self.cloud.truth(now_ms), self.api());
        checks::never_more(&counted, &truth)?;
        self.nothing_left_out(&life.exporter.dispositions())?;
        let watermark_ms = self
            .remembered
            .watermark_ms(&life.exporter, &scrape, self.setup.api);
        let read_by_all = !life.refused && self.setup.layout != Layout::First;
        match watermark_ms {
            Some(watermark_ms) if read_by_all && entries > 0.0 && !self.any_deleted() => {
                let skew_ms = self.story.world.faults.clock_skew_ms;
                let lateness_s = self.story.run_time_s() + self.story.delivery_s();
                let from_ms = watermark_ms - skew_ms - 1_000 * lateness_s as i64;
                checks::ledger_bound(entries as u64, &self.cloud, now_ms, from_ms)
            }
            // A function that is read no more has no watermark that moves; and where the state was
            // opened, its topics and their functions are known again with the next list.
            _ => Ok(()),
        }
    }

    async fn end(&mut self, end: End) -> Result<(), Broken> {
        self.moment(end).await;
        // The last that Prometheus sees of this life.
        self.scrape()?;
        let Some(life) = self.now.take() else {
            return Ok(());
        };
        let (telemetry, view) = (life.exporter.telemetry.clone(), life.exporter.view.clone());
        let mut to_the_last = false;
        if end == End::Stop {
            let limit = Duration::from_secs(self.setup.stop_timeout);
            let began = Instant::now();
            life.exporter.running.stop(limit).await;
            let refused = life.refused || self.full_until.is_some();
            // A spot check looks at rows that nobody takes in.
            let looks = life.looks;
            to_the_last = began.elapsed() < limit && !refused && !looks && !self.any_deleted();
        } else {
            self.image.kill();
            life.exporter.kill();
        }
        self.image.kill();
        self.zeros.end();
        self.log.line(&format!(
            "ended: {end}, generation {}",
            view.snapshot().generation
        ));
        let dispositions = super::support::world::dispositions_of(&telemetry);
        self.counted += dispositions["counted"];
        let rows = self.wire.rows() - life.rows_before;
        self.told += dispositions["invalid"];
        self.nothing_left_out(&dispositions)?;
        checks::accounted(&dispositions, rows, to_the_last)
    }

    /// After the last call the exporter comes to the truth, and stays there.
    async fn catch_up(&mut self) -> Result<(), Broken> {
        let allowed_lateness =
            Duration::from_millis(self.cloud.longest_delay_ms()) + Duration::from_secs(180);
        self.pass(allowed_lateness).await?;
        let until = Instant::now() + CATCH_UP;
        while self.is_exact().is_err() && Instant::now() < until {
            self.pass(Duration::from_secs(30)).await?;
        }
        self.is_exact()?;
        self.pass(WATCH).await?;
        self.is_exact()?;
        let truth = self.cloud.truth(self.now_ms());
        let (truth, lost) = (truth.total(), truth.totals.sums.unreadable);
        let this_life = self.life().exporter.dispositions();
        let told = self.told + this_life["invalid"];
        if told < lost && self.story.kills() == 0 {
            return Err(format!("{lost} rows cannot be had, but {told} are told"));
        }
        let counted = self.counted + this_life["counted"];
        // A kill between disk and metric takes the metric's last step along.
        if counted > truth || (self.story.kills() == 0 && counted < truth) {
            return Err(format!(
                "{counted} rows are called counted in all lives, but there were {truth}"
            ));
        }
        Ok(())
    }

    fn nothing_left_out(&self, dispositions: &BTreeMap<String, u64>) -> Result<(), Broken> {
        let lost = || self.cloud.truth(self.now_ms()).totals.sums.unreadable;
        checks::nothing_left_out(dispositions, lost, self.story.most_sources())
    }

    fn is_exact(&self) -> Result<(), Broken> {
        let Some(life) = &self.now else {
            return Err("there is no exporter".into());
        };
        let truth = self.cloud.truth(self.now_ms());
        let counted = checks::counted(&life.exporter, self.api());
        let counted = checks::together(counted, &self.ended);
        checks::exact(&counted, &checks::expected(&truth, self.api()))
    }

    /// Once nothing can come again no key is kept, for each function that is still read.
    async fn evict(&mut self) -> Result<(), Broken> {
        if self.any_deleted() {
            return Ok(());
        }
        let allowed_lateness =
            Duration::from_secs(self.story.run_time_s() + self.story.delivery_s());
        let until = Instant::now() + 2 * allowed_lateness + CATCH_UP;
        loop {
            let entries = self
                .life()
                .exporter
                .scrape()
                .sum("scf_exporter_ledger_entries", &[]);
            if entries == 0.0 {
                return Ok(());
            }
            if Instant::now() >= until {
                return Err(format!("{entries} keys are never evicted"));
            }
            self.pass(Duration::from_secs(60)).await?;
        }
    }

    /// Evicted keys are no longer on the disk either.
    fn keeps_nothing(&self) -> Result<(), Broken> {
        if self.any_deleted() {
            return Ok(());
        }
        let (_store, stored) = Store::open_on(self.image.new_process())
            .map_err(|error| format!("the state cannot be opened at the end: {error}"))?;
        if stored.keys.is_empty() {
            return Ok(());
        }
        Err(format!(
            "{} packs of evicted keys are on the disk",
            stored.keys.len()
        ))
    }

    fn generation(&self) -> u64 {
        let life = self.now.as_ref();
        life.map_or(0, |life| life.exporter.view.snapshot().generation)
    }

    fn life(&mut self) -> &mut Life {
        self.now
            .as_mut()
            .expect("an exporter is at work between two steps")
    }

    /// The API that told all rows; none where it was several.
    fn api(&self) -> Option<Api> {
        self.story.one_api().then_some(self.story.setup.api)
    }

    /// Requests that may be under way to one service: each source has a limit of its own.
    fn in_flight_max(&self) -> usize {
        match self.setup.layout {
            Layout::One | Layout::First => self.setup.in_flight,
            Layout::Two => 2 * self.setup.in_flight,
        }
    }

    fn any_deleted(&self) -> bool {
        let mut lives = self.story.world.lives.iter();
        lives.any(|life| life.deleted_ms < i64::MAX)
    }

    fn now_ms(&self) -> i64 {
        self.runtime.now().as_millis()
    }
}

/// Whether it looks at rows that it does not take in.
fn looks(setup: &Setup) -> bool {
    setup.api != Api::Cls && setup.read == Read::Auto
}
