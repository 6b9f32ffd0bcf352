//! Restarts on paused time, with a state directory: graceful stops in the middle of traffic, and
//! the way of reading changed each time. Nothing is lost or counted twice.

use std::time::Duration;

use crate::support::world::{World, calls_for, state_in};
use scf_exporter::config::{Overrides, Read};
use scf_sim::{Faults, Settings};

fn settings(seed: u64) -> Settings {
    Settings {
        functions: 12,
        rate_per_second: 20.0,
        faults: Faults::harsh(),
        ..calls_for(seed, Duration::from_secs(400))
    }
}

#[tokio::test(start_paused = true)]
async fn each_restart_may_read_in_another_way() {
    for seed in [21, 22, 23] {
        let directory = tempfile::tempdir().unwrap();
        let state_path = state_in(directory.path());
        let mut world = World::new(
            settings(seed),
            Overrides::default().with("state.path", state_path),
        );
        for (turn, read) in [Read::Function, Read::Region]
            .into_iter()
            .cycle()
            .take(8)
            .enumerate()
        {
            world.config.sources[0].read = read;
            let exporter = world.start().await;
            tokio::time::sleep(Duration::from_secs(37 + turn as u64)).await;
            exporter.stop().await;
            // Down for a while: the gap is read at the next start.
            tokio::time::sleep(Duration::from_secs(11)).await;
        }
        world.config.sources[0].read = Read::Function;
        let exporter = world.start().await;
        let truth = world.truth();
        world.assert_exact(&exporter, &format!("seed {seed}")).await;
        assert_ne!(
            truth,
            world.truth(),
            "calls were still coming in, seed {seed}"
        );
        exporter.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_state_directory_counting_begins_anew() {
    let world = World::new(settings(24), Overrides::default());
    let exporter = world.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let first = exporter.counted();
    exporter.stop().await;
    let exporter = world.start().await;
    assert_ne!(exporter.counted(), first, "nothing was kept");
    tokio::time::sleep(Duration::from_secs(60)).await;
    let dispositions = exporter.dispositions();
    assert!(
        dispositions["counted"] > 0,
        "the first read goes back over the same calls"
    );
    exporter.stop().await;
}
