//! What takes too long for every change: hundreds of ends of the real program, and a day of a
//! thousand functions. `make soak` runs it; a plain `cargo test` does not.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod day;
mod ends;

#[path = "../it/support/mod.rs"]
mod support;

use peak_alloc::PeakAlloc;

/// Counts the bytes that this process holds.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

#[test]
fn two_hundred_ends_under_load() {
    ends::stopped_and_killed(200);
}

#[test]
fn a_day_of_a_thousand_functions_by_function() {
    day::a_day(24, None);
}

#[test]
fn a_day_of_a_thousand_functions_by_namespace() {
    day::a_day(24, Some("region"));
}
