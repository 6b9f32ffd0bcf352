//! Five minutes of a harsh cloud behind three APIs: throttling, errors, cut and slow answers, late and
//! running rows, ties that change places. Whichever is read, every finished invocation counts once,
//! every row has a disposition, and all come to the same totals.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::world::{Exporter, World, calls_for, dispositions_of, through};
use scf_exporter::config::{Api, Overrides};
use scf_exporter::model::Outcome;
use scf_exporter::web::View;
use scf_sim::{Faults, Settings};

const TRAFFIC: Duration = Duration::from_secs(300);
const SEED: u64 = 31;

/// By function and outcome: invocations; by function: run time and memory.
type Totals = (
    BTreeMap<(String, Outcome), u64>,
    BTreeMap<String, (u128, u128, u128)>,
);

fn harsh() -> Settings {
    Settings {
        functions: 50,
        namespaces: 3,
        rate_per_second: 200.0,
        faults: Faults::harsh(),
        // CLS tells whole milliseconds only.
        whole_ms: true,
        ..calls_for(SEED, TRAFFIC)
    }
}

/// Runs the world through one API until all is counted; what was counted.
async fn read(settings: Settings, overrides: Overrides) -> Totals {
    let allowed_lateness = Duration::from_millis(settings.longest_delay_ms());
    let world = World::new(settings, overrides);
    let exporter = world.start().await;
    tokio::time::sleep(TRAFFIC + allowed_lateness).await;
    world.assert_exact(&exporter, &format!("seed {SEED}")).await;
    beside_the_rows(&world, &exporter);
    let totals = totals_of(&exporter);
    let telemetry = exporter.telemetry.clone();
    exporter.stop().await;
    if world.config.sources[0].api == Api::V2 {
        every_row_has_a_disposition(&world, &dispositions_of(&telemetry));
    }
    totals
}

/// Every row that the cloud handed out stands under one disposition.
fn every_row_has_a_disposition(world: &World, dispositions: &BTreeMap<String, u64>) {
    let truth = world.truth();
    let invocations: u64 = truth.values().flat_map(|sums| sums.0.values()).sum();
    assert_eq!(dispositions["counted"], invocations);
    assert!(
        dispositions["unfinished"] > 0,
        "some rows are of running calls"
    );
    let sum: u64 = dispositions.values().sum();
    assert_eq!(sum, world.transport.rows(), "rows read");
}

/// What only some APIs tell, against the truth.
fn beside_the_rows(world: &World, exporter: &Exporter) {
    let truth = world.cloud.truth(world.now_ms());
    let series = &exporter.view.snapshot().series;
    let sum = |of: &dyn Fn(&scf_exporter::metrics::FunctionSeries) -> u128| -> u128 {
        series.iter().map(|series| of(series)).sum()
    };
    let (retries, billed) = (
        sum(&|one| one.retries.into()),
        sum(&|one| one.billed_memory),
    );
    let colds = sum(&|one| {
        let starts = one.cold_starts.as_ref();
        starts.map_or(0, |starts| starts.duration.count().into())
    });
    let of_truth = |value: u64| u128::from(value);
    match world.config.sources[0].api {
        Api::V2 => assert_eq!((retries, billed, colds), (0, 0, 0)),
        Api::V3 => {
            assert_eq!(retries, of_truth(truth.totals.sums.retries));
        }
        Api::Cls => {
            assert_eq!(retries, of_truth(truth.totals.sums.retries));
            assert_eq!(colds, of_truth(truth.totals.sums.cold_starts));
            let mb_ms = of_truth(truth.totals.sums.billed_mb_ms);
            assert_eq!(billed, mb_ms * (1 << 20) * 1_000_000);
        }
    }
}

fn totals_of(exporter: &Exporter) -> Totals {
    let mut totals = Totals::default();
    for series in &exporter.view.snapshot().series {
        let name = series.function.name.to_string();
        for code in series.codes.iter().filter(|code| code.count > 0) {
            *totals.0.entry((name.clone(), code.outcome)).or_default() += code.count;
        }
        let (run, billed) = (series.duration.sum(), series.billed.sum());
        totals.1.insert(name, (run, billed, series.memory.sum()));
    }
    totals
}

#[tokio::test(start_paused = true)]
async fn one_seed_read_through_each_api_gives_one_truth() {
    let v2 = read(harsh(), through("v2", None)).await;
    let by_region = read(harsh(), through("v2", Some("region"))).await;
    assert_eq!(v2, by_region);
    let v3 = read(harsh(), through("v3", None)).await;
    assert_eq!(v2, v3);
    let by_namespace = read(harsh(), through("v3", Some("region"))).await;
    assert_eq!(v2, by_namespace);
    let cls = read(harsh(), through("cls", None)).await;
    assert_eq!(v2, cls);
}

/// Each topic is one stream, however many functions write to it.
#[tokio::test(start_paused = true)]
async fn functions_spread_over_topics_give_the_same() {
    let spread = Settings {
        topics: 7,
        ..harsh()
    };
    let shared = read(harsh(), through("cls", None)).await;
    assert_eq!(read(spread, through("cls", None)).await, shared);
}
