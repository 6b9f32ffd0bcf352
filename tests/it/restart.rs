//! The real program, killed again and again while it reads: what a scrape has shown never goes
//! back, and in the end every invocation is counted once.

use std::time::Duration;

use crate::support::process::{
    Counts, Program, Simulator, assert_never_less, counts, free_address, scrape, until,
    write_replay,
};

const FUNCTIONS: usize = 6;
const ROWS: usize = 3_000;
const KILLS: usize = 6;
/// The last call begins this long after the start of the simulator.
const ARRIVALS_MS: usize = 9_000;

/// Polls fast, in small pages, so that a kill often hits a read.
const FLAGS: &str = "--poll.interval 100ms --poll.idle-interval 200ms --poll.sweep-interval 300ms \
    --poll.max-run-time 5s --poll.delivery-delay 5s --poll.page-size 50 \
    --limits.requests-per-second 200 --first-read 5m --read function --web.zero-first 0s";

#[test]
fn kill_9_at_any_time_neither_loses_nor_repeats_an_invocation() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("replay.jsonl");
    // From a minute ago to some seconds from now.
    write_replay(&file, ROWS, FUNCTIONS, |row| {
        (row * (60_000 + ARRIVALS_MS) / ROWS) as i64 - 60_000
    });
    let cloud = Simulator::start(&format!(
        "--seed 5 --faults typical --replay {}",
        file.display()
    ));
    let address = free_address();
    let line = format!(
        "run --api v2 --region ap-guangzhou --endpoint http://{} --web.listen-address {address} \
         --state.path {} {FLAGS}",
        cloud.address,
        directory.path().join("state").display()
    );

    let mut shown = Counts::new();
    let mut rises = 0;
    for _ in 0..KILLS {
        let exporter = Program::start(&line, &cloud.keys(), None);
        // The last state is served at once, so the first scrape is one to compare.
        let first = until(Duration::from_secs(20), "a scrape", || scrape(&address));
        assert_never_less(&shown, &counts(&first));
        let before: u64 = counts(&first).values().sum();
        until(Duration::from_secs(20), "an invocation counted", || {
            shown = counts(&scrape(&address)?);
            (shown.values().sum::<u64>() > before).then_some(())
        });
        rises += 1;
        exporter.kill();
    }
    assert_eq!(rises, KILLS);

    let exporter = Program::start(&line, &cloud.keys(), None);
    let last = until(
        Duration::from_secs(60),
        "counters equal to the truth",
        || {
            let metrics = scrape(&address)?;
            assert_never_less(&shown, &counts(&metrics));
            let total: u64 = counts(&metrics).values().sum();
            (total == ROWS as u64 && counts(&metrics) == cloud.truth().0).then_some(metrics)
        },
    );
    for (function, seconds) in cloud.truth().1 {
        let labels = [("function_name", function.as_str())];
        let sum = last.sum("scf_invocation_duration_seconds_sum", &labels);
        assert!(
            (sum - seconds).abs() < 1e-6,
            "{function}: {sum} and {seconds}"
        );
    }
    assert_eq!(
        exporter.terminate(),
        Some(0),
        "a graceful stop is a success"
    );
}
