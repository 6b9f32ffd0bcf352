//! Many seeds on all cores.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::panics;
use super::plan::Story;
use super::play::{Outcome, play};
use super::shrink::shrink;

/// Name of the threads that play.
pub const WORKER: &str = "story";
/// Time between two lines about progress.
const PROGRESS: Duration = Duration::from_secs(60);

/// Sums over all runs.
#[derive(Debug, Default)]
struct Sums {
    seeds: u64,
    simulated: Duration,
    invocations: u64,
    requests: u64,
    kills: usize,
    lives: usize,
    judged: u64,
    with_judged: u64,
}

/// The first story that failed.
struct Failed {
    story: Story,
    outcome: Outcome,
}

/// Plays `seeds` stories from `start` on; panics with the first failure, made small if wanted.
pub fn run(start: u64, seeds: u64, small: bool) {
    panics::note();
    let (next, stop) = (AtomicU64::new(start), AtomicBool::new(false));
    let (sums, failed) = (Mutex::new(Sums::default()), Mutex::new(None));
    let began = Instant::now();
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..cores {
            let work = || work(&next, start + seeds, &stop, &sums, &failed);
            let worker = std::thread::Builder::new().name(WORKER.to_owned());
            worker
                .spawn_scoped(scope, work)
                .expect("threads can be had");
        }
        report_progress(began, seeds, &stop, &sums);
    });
    let sums = sums.into_inner().expect("workers do not panic");
    sums.print(began.elapsed());
    let failed: Option<Failed> = failed.into_inner().expect("workers do not panic");
    if let Some(failed) = failed {
        tell(failed, small);
    }
}

fn work(
    next: &AtomicU64,
    end: u64,
    stop: &AtomicBool,
    sums: &Mutex<Sums>,
    failed: &Mutex<Option<Failed>>,
) {
    while !stop.load(Ordering::Relaxed) {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            break;
        }
        let story = Story::of(seed);
        let outcome = play(&story);
        sums.lock().expect("workers do not panic").add(&outcome);
        if outcome.broken.is_some() {
            stop.store(true, Ordering::Relaxed);
            // Seeds are handed out in order: of those that failed the first is always the same.
            let mut failed = failed.lock().expect("workers do not panic");
            if failed.as_ref().is_none_or(|other| seed < other.story.seed) {
                *failed = Some(Failed { story, outcome });
            }
        }
    }
}

fn report_progress(began: Instant, seeds: u64, stop: &AtomicBool, sums: &Mutex<Sums>) {
    let mut told = Instant::now();
    loop {
        let done = sums.lock().expect("workers do not panic").seeds;
        if done >= seeds || stop.load(Ordering::Relaxed) {
            return;
        }
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            println!(
                "{done} of {seeds} seeds after {} s",
                began.elapsed().as_secs()
            );
        }
        // Nothing is decided by how long this takes.
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn tell(failed: Failed, small: bool) {
    let Failed { story, outcome } = failed;
    let seed = story.seed;
    let full = outcome.broken.clone().unwrap_or_default();
    println!("seed {seed} fails: {full}");
    assert!(small, "seed {seed} fails: {full}");
    println!("It is made smaller now.");
    let worker = std::thread::Builder::new().name(WORKER.to_owned());
    let small = worker
        .spawn(move || shrink(story, outcome))
        .expect("threads can be had");
    let (story, outcome) = small.join().expect("playing does not panic");
    let broken = outcome.broken.unwrap_or_default();
    panic!(
        "seed {seed} fails: {full}\n\nA smaller story that fails:\n{}{}\nTo play the whole of it \
         again: make sim START={seed} SEEDS=1\n",
        story.tell(),
        format_args!("\n  => {broken}\n"),
    );
}

// === impl Sums ===

impl Sums {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.simulated += outcome.simulated;
        self.invocations += outcome.invocations;
        self.requests += outcome.requests;
        self.kills += outcome.kills;
        self.lives += outcome.lives;
        self.judged += outcome.judged;
        self.with_judged += u64::from(outcome.judged > 0);
    }

    fn print(&self, took: Duration) {
        println!(
            "{} seeds in {:.0} s ({:.0} a minute): {:.1} simulated days, {} invocations, {} \
             requests, {} lives of the exporter, {} of them killed; {} rows were due in time, in {} \
             seeds",
            self.seeds,
            took.as_secs_f64(),
            self.seeds as f64 * 60.0 / took.as_secs_f64().max(0.001),
            self.simulated.as_secs_f64() / 86_400.0,
            self.invocations,
            self.requests,
            self.lives,
            self.kills,
            self.judged,
            self.with_judged,
        );
    }
}
