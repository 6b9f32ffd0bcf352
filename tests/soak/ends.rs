//! The real program under load, stopped and killed in turn at random instants.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tencentcloud::runtime::Random;

use crate::support::process::{
    Counts, Program, Simulator, assert_never_less, counts, free_address, scrape, until,
    write_replay,
};

/// Takes the place of the seed that the clock gives.
const SEED_VARIABLE: &str = "SOAK_SEED";
const FUNCTIONS: usize = 12;
const CALLS_PER_SECOND: usize = 100;
/// The longest time from a start of the program to its end.
const LONGEST: Duration = Duration::from_millis(1_500);
/// A start of a busy machine's slow minute.
const PATIENCE: Duration = Duration::from_secs(60);

const FLAGS: &str = "--poll.interval 200ms --poll.idle-interval 400ms --poll.sweep-interval 1s \
    --poll.max-run-time 5s --poll.delivery-delay 5s --poll.page-size 100 \
    --limits.requests-per-second 200 --first-read 5m";

/// One exporter after another over one state.
struct Soak {
    cloud: Simulator,
    line: String,
    address: String,
    random: Random,
    /// What the last scrape showed.
    shown: Counts,
    scrapes: u64,
}

/// Ends the program `ends` times; what a scrape has shown never goes back, and at the end all is
/// counted once.
pub fn stopped_and_killed(ends: usize) {
    let seed = std::env::var(SEED_VARIABLE).map_or_else(|_| clock(), |seed| seed.parse().unwrap());
    println!("ends: {SEED_VARIABLE}={seed}");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("replay.jsonl");
    let span = Duration::from_millis(1_300) * ends as u32;
    let rows = span.as_millis() as usize * CALLS_PER_SECOND / 1_000;
    let start_ms = |row: usize| (row * 1_000 / CALLS_PER_SECOND) as i64;
    write_replay(&file, rows, FUNCTIONS, start_ms);
    let cloud = Simulator::start(&format!("--faults typical --replay {}", file.display()));
    let address = free_address();
    let mut soak = Soak {
        line: run(&cloud.address, &address, &directory.path().join("state")),
        cloud,
        address,
        random: Random::seeded(seed),
        shown: Counts::new(),
        scrapes: 0,
    };
    let began = Instant::now();
    for end in 0..ends {
        soak.cycle(end % 2 == 0);
    }
    let per_end = began.elapsed() / ends as u32;
    let counted: u64 = soak.shown.values().sum();
    println!(
        "ends: {ends} ends, every second one a kill -9, one each {per_end:?}, {} scrapes, {counted} \
         of {rows} counted by then, seed {seed}",
        soak.scrapes
    );
    soak.finish(rows, seed);
}

impl Soak {
    fn start(&self) -> Program {
        Program::start(&self.line, &self.cloud.keys(), None)
    }

    /// One life. A kill may come before the first answer, SIGTERM is for what has begun.
    fn cycle(&mut self, is_stopped: bool) {
        let program = self.start();
        let end = Instant::now() + self.random.jitter(LONGEST);
        if is_stopped {
            until(PATIENCE, "a scrape", || self.scrape());
        }
        while Instant::now() < end {
            // Nobody answers yet: the next look is as good.
            let _early = self.scrape();
        }
        if is_stopped {
            assert_eq!(program.terminate(), Some(0), "a graceful stop is a success");
        } else {
            program.kill();
        }
    }

    /// A scrape, which must show no less than the last one.
    fn scrape(&mut self) -> Option<()> {
        let now = counts(&scrape(&self.address)?);
        assert_never_less(&self.shown, &now);
        self.scrapes += 1;
        self.shown = now;
        Some(())
    }

    fn finish(mut self, rows: usize, seed: u64) {
        let program = self.start();
        let limit = Duration::from_secs(rows as u64 / CALLS_PER_SECOND as u64) + PATIENCE;
        until(limit, "every invocation", || {
            self.scrape()?;
            (self.shown.values().sum::<u64>() >= rows as u64).then_some(())
        });
        assert_eq!(
            self.shown,
            self.cloud.truth().0,
            "counted, and the truth, seed {seed}"
        );
        assert_eq!(program.terminate(), Some(0));
        println!("ends: {rows} invocations, each counted once");
    }
}

fn clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_nanos() as u64
}

fn run(cloud: &str, address: &str, state: &Path) -> String {
    format!(
        "run --api v3 --region ap-guangzhou --endpoint http://{cloud} --web.listen-address {address} \
         --state.path {} {FLAGS}",
        state.display()
    )
}
