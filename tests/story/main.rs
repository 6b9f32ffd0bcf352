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
mod streamed;
#[path = "../it/support/mod.rs"]
mod support;
mod wire;
mod zeros;

use plan::Story;

/// Played by a plain `cargo test`; CI plays others, chosen by the commit.
const FIXED: (u64, u64) = (1, 16);

fn given(name: &str) -> Option<u64> {
    Some(std::env::var(name).ok()?.parse().unwrap())
}

/// The seeds of `make sim`, or a few.
fn seeds() -> (u64, u64) {
    let start = given("SIM_START").unwrap_or(FIXED.0);
    (start, given("SIM_SEEDS").unwrap_or(FIXED.1))
}

#[test]
fn stories_end_exact() {
    let (start, count) = seeds();
    runner::run(start, count, given("SIM_SHRINK") != Some(0));
}

#[test]
fn streamed_stories_end_exact() {
    panics::note();
    let (start, count) = seeds();
    let mut kills = 0;
    for seed in start..start + count {
        let played = streamed::play(seed);
        kills += played.unwrap_or_else(|broken| panic!("seed {seed} fails: {broken}"));
    }
    println!("{count} streams, read by exporters that were killed {kills} times");
    assert!(kills as u64 > count, "only {kills} kills");
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
