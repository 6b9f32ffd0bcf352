//! The API changed between two starts over one state: what one has counted the other does not
//! count again, and nothing falls between them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::support::world::{Exporter, World, calls_for, state_in, through};
use scf_exporter::config::{Api, SignatureMethod};
use scf_sim::{Faults, Settings};

fn settings(seed: u64) -> Settings {
    Settings {
        functions: 8,
        topics: 2,
        rate_per_second: 10.0,
        faults: Faults {
            late_rows: 0.1,
            ..Faults::typical()
        },
        // The log of CLS has whole milliseconds, so that sums agree over all APIs.
        whole_ms: true,
        ..calls_for(seed, Duration::from_secs(500))
    }
}

/// By function: invocations whatever their code (each API has codes of its own), microseconds
/// run, bytes used.
type Sums = BTreeMap<String, (u64, u128, u128)>;

fn bare(sums: crate::support::world::Sums) -> Sums {
    let bare = sums.into_iter().map(|(name, (codes, us, _, bytes))| {
        let total = codes.values().sum();
        (name, (total, us, bytes))
    });
    bare.collect()
}

fn world(seed: u64, directory: &Path) -> World {
    let overrides = through("v3", None).with("state.path", state_in(directory));
    World::new(settings(seed), overrides)
}

/// An exporter at work through `api` for a while, and a gap.
async fn part_of_the_time(world: &mut World, api: Api) {
    read_through(world, api);
    let exporter = world.start().await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    exporter.stop().await;
    tokio::time::sleep(Duration::from_secs(15)).await;
}

fn read_through(world: &mut World, api: Api) {
    let source = &mut world.config.sources[0];
    source.api = api;
    source.signature_method = match api {
        Api::V2 => SignatureMethod::HmacSha256,
        Api::V3 | Api::Cls => SignatureMethod::Tc3,
    };
}

async fn assert_exact(world: &World, exporter: &Exporter, what: &str) {
    for _ in 0..40 {
        if bare(exporter.counted()) == bare(world.truth()) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(bare(exporter.counted()), bare(world.truth()), "{what}");
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(bare(exporter.counted()), bare(world.truth()), "{what}");
    assert_eq!(exporter.dispositions()["late"], 0, "{what}");
}

/// Reads through each API in turn, with a gap between them.
async fn moved(seed: u64, apis: &[Api]) {
    let directory = tempfile::tempdir().unwrap();
    let mut world = world(seed, directory.path());
    for api in apis {
        part_of_the_time(&mut world, *api).await;
    }
    let exporter = world.start().await;
    assert_exact(&world, &exporter, &format!("{apis:?} seed {seed}")).await;
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_api_neither_loses_nor_repeats_an_invocation() {
    let (v2, v3, cls) = (Api::V2, Api::V3, Api::Cls);
    let moves: [&[Api]; 6] = [
        &[v2, v3],
        &[v2, cls],
        &[v3, cls],
        &[cls, v3],
        &[v2, v3, cls],
        &[v3, cls, v3, cls],
    ];
    for apis in moves {
        for seed in [61, 62] {
            moved(seed, apis).await;
        }
    }
}

/// The key of a row of v2 has the start time in place of the number of the retry, so what another
/// API counted last cannot be found again and may count twice. Nothing is lost, though.
#[tokio::test(start_paused = true)]
async fn back_to_v2_nothing_is_lost() {
    for from in [Api::V3, Api::Cls] {
        let directory = tempfile::tempdir().unwrap();
        let mut world = world(63, directory.path());
        for api in [from, Api::V2] {
            part_of_the_time(&mut world, api).await;
        }
        let exporter = world.start().await;
        tokio::time::sleep(Duration::from_secs(900)).await;
        let (counted, truth) = (bare(exporter.counted()), bare(world.truth()));
        for (name, (calls, ..)) in &truth {
            assert!(counted[name].0 >= *calls, "{from:?} {name}");
        }
        let total = |sums: &Sums| sums.values().map(|(calls, ..)| calls).sum::<u64>();
        let (counted, truth) = (total(&counted), total(&truth));
        eprintln!("from {from:?} to v2: {counted} counted of {truth}");
        exporter.stop().await;
    }
}
