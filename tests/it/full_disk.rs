//! A disk that is full: nothing is counted that could not be kept, `/metrics` goes on, and once
//! there is room again every invocation is counted once.

#![cfg(unix)]

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::exposition::Exposition;
use crate::support::process::{Program, Simulator, free_address, scrape, until, write_replay};

const ROWS: usize = 12_000;

fn counted(metrics: &Exposition) -> usize {
    metrics.sum("scf_invocations_total", &[]) as usize
}

#[test]
fn what_cannot_be_kept_is_not_counted_until_it_can() {
    let directory = tempfile::tempdir().unwrap();
    let replay = directory.path().join("replay.jsonl");
    write_replay(&replay, ROWS, 1, |row| -60_000 + (row * 4) as i64);
    let cloud = Simulator::start(&format!("--replay {}", replay.display()));
    let address = free_address();
    let state = directory.path().join("state");

    // A file may not grow beyond some pages more than a new state has (blocks of 512 bytes; some
    // shells count 1,024), which the ignored signal turns into an error, as on a full disk.
    let command = format!(
        "trap '' XFSZ; ulimit -f \"$BLOCKS\"; exec {} run --api v2 --region ap-guangzhou \
         --endpoint http://{} --web.listen-address {address} --web.zero-first 0s --state.path {} \
         --poll.interval 100ms --poll.idle-interval 200ms --poll.sweep-interval 300ms \
         --poll.page-size 50 --limits.requests-per-second 500",
        env!("CARGO_BIN_EXE_scf-exporter"),
        cloud.address,
        state.display(),
    );
    let start = |blocks: &str| {
        let child = Command::new("sh")
            .args(["-c", &command])
            .env_clear()
            .env("BLOCKS", blocks)
            .envs(cloud.keys())
            .stdout(Stdio::null())
            .stderr(fs::File::create(directory.path().join(blocks)).unwrap())
            .spawn();
        Program(child.unwrap())
    };

    let exporter = start("200");
    let failed = until(Duration::from_secs(30), "a commit that failed", || {
        let metrics = scrape(&address)?;
        (metrics.sum("scf_exporter_commit_errors_total", &[]) >= 2.0).then_some(metrics)
    });
    assert!(counted(&failed) < ROWS, "not all could be kept");
    let log = fs::read_to_string(directory.path().join("200")).unwrap();
    assert!(log.contains("the state could not be written"), "{log}");
    assert!(log.contains("free space"), "{log}");
    let shown = counted(&scrape(&address).unwrap());
    exporter.kill();

    let exporter = start("unlimited");
    let first = until(Duration::from_secs(20), "a scrape", || scrape(&address));
    assert!(counted(&first) >= shown, "what was shown was kept");
    until(Duration::from_secs(30), "every invocation", || {
        (counted(&scrape(&address)?) == ROWS).then_some(())
    });
    exporter.kill();
}
