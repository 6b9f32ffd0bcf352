//! Every crash point of the store: a run of hundreds of commits through the whole pipeline is cut
//! at each write and each sync, and what could be left of the disk is opened again. It is a state
//! that the run went through, never less than a scrape has shown, never more than the truth.
//!
//! And every operation of a shorter run fails, for want of room or for a broken disk: the exporter
//! goes on, shows nothing less, and ends at the truth.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod faults;
mod images;
mod run;
mod streamed;
mod totals;

#[path = "../it/support/mod.rs"]
mod support;

use crate::support::faulty_disk::FailureKind;
use run::Run;

/// Seed of the run and of what is left of the disk.
const SEED: u64 = 61;
const COMMITS_MIN: u64 = 200;
/// Set to `all`, it takes every sample for the whole; see `make soak`.
const VARIABLE: &str = "CRASH_POINTS";

/// Whether time is no matter.
fn is_long() -> bool {
    std::env::var(VARIABLE).is_ok_and(|value| value == "all")
}

#[test]
fn every_write_and_every_sync_can_be_the_last_one() {
    let run = Run::recorded(SEED);
    assert!(
        run.commits >= COMMITS_MIN,
        "only {} commits, seed {SEED}",
        run.commits
    );
    let found = images::examine(&run, SEED);
    assert!(
        found.run_on > 0 && found.reordered > found.writes,
        "{found}"
    );
    println!("seed {SEED}: {} commits, {found}", run.commits);
    assert_eq!(
        found.writes + found.syncs + found.lengths + run.cuts,
        run.log.len()
    );
}

#[test]
fn an_offset_is_never_apart_from_what_was_counted_up_to_it() {
    let operations = streamed::examine(SEED);
    assert!(operations > 200, "only {operations} operations");
}

#[test]
fn no_room_once() {
    faults::at_each_operation(FailureKind::Full { syncs: false }, 1);
}

#[test]
fn no_room_for_a_while() {
    faults::at_each_operation(FailureKind::Full { syncs: false }, faults::A_WHILE);
}

#[test]
fn a_broken_disk_once() {
    faults::at_each_operation(FailureKind::Broken, 1);
}

#[test]
fn a_broken_disk_for_a_while() {
    faults::at_each_operation(FailureKind::Broken, faults::A_WHILE);
}
