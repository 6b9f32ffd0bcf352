//! Deterministic simulation: whole stories of an exporter and a hostile cloud, each decided by one
//! seed, and what must hold in all of them. `docs/SIMULATION.md` says how it works; `make sim`
//! plays many.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod checks;
mod clock;
mod deadline;
mod draw;
mod mutants;
mod panics;
mod plan;
mod play;
mod remembered;
mod rotate;
mod runner;
mod setup;
mod shrink;
#[path = "../it/support/mod.rs"]
mod support;
mod wire;
mod zeros;

use plan::Story;

/// Played by a plain `cargo test`; CI plays others, chosen by the commit.
const FIXED: (u64, u64) = (1, 16);

/// The seeds of `make sim`, or a few.
#[test]
fn stories_end_exact() {
    let given = |name| -> Option<u64> { Some(std::env::var(name).ok()?.parse().unwrap()) };
    let start = given("SIM_START").unwrap_or(FIXED.0);
    let seeds = given("SIM_SEEDS").unwrap_or(FIXED.1);
    runner::run(start, seeds, given("SIM_SHRINK") != Some(0));
}

#[test]
fn the_same_seed_twice_gives_the_same_log() {
    panics::note();
    for seed in [1_001, 1_002] {
        let (one, other) = (play::play(&Story::of(seed)), play::play(&Story::of(seed)));
        let differ = one
            .log
            .lines()
            .zip(other.log.lines())
            .position(|(a, b)| a != b);
        if let Some(line) = differ {
            let at = |log: &str| log.lines().nth(line).unwrap().to_owned();
            panic!(
                "seed {seed}, line {line}:\n{}\n{}",
                at(&one.log),
                at(&other.log)
            );
        }
        assert!(one.log.lines().count() > 100, "seed {seed}");
        assert_eq!(one.log, other.log, "seed {seed}");
    }
}
