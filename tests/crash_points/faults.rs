//! A disk that fails at one operation of a run, or from one on for a while.

use std::time::Duration;

use scf_exporter::metrics::Snapshot;
use scf_exporter::store::Store;
use scf_exporter::web::View as _;
use scf_sim::Settings;

use crate::run::{on_paused_time, overrides, settings};
use crate::support::faulty_disk::{Failure, FailureKind, FaultyDisk};
use crate::support::world::{Exporter, World};
use crate::totals::Totals;

/// Operations that fail one after another: with every try to go on at least one.
pub const A_WHILE: usize = 12;
/// Every so many operations fail in a short test; no multiple of what a commit takes.
const STEP: usize = 7;
/// Operations of the first opening.
const OPENING: usize = 12;
const SEED: u64 = 62;
const TRAFFIC: Duration = Duration::from_secs(40);

/// Lets an operation of a run fail in a run of its own, and `length - 1` after it: each operation
/// where time is no matter, else every so many, beginning with the opening's.
pub fn at_each_operation(kind: FailureKind, length: usize) {
    let whole = on_paused_time(run(None));
    assert!(
        whole.asked > 100,
        "a run of only {} operations",
        whole.asked
    );
    let (mut runs, mut failed, mut refused) = (0, 0, 0);
    let step = if crate::is_long() { 1 } else { STEP };
    let later = (OPENING..whole.asked).step_by(step);
    for first in (0..OPENING).chain(later) {
        runs += 1;
        let at = first..first + length;
        let ended = on_paused_time(run(Some(Failure { at, kind })));
        failed += usize::from(ended.failed > 0);
        refused += usize::from(ended.commit_errors > 0);
    }
    println!(
        "{kind:?}, {length} in a row: {runs} runs, one for every {step} of {} operations; {failed} \
         with a failure, {refused} with a commit refused, seed {SEED}",
        whole.asked
    );
    assert!(refused > runs / 2, "too few failures had an effect");
}

/// How a run went.
struct Ended {
    /// Operations of the disk.
    asked: usize,
    failed: usize,
    commit_errors: u64,
}

fn small() -> Settings {
    let settings = settings(SEED);
    Settings {
        functions: 3,
        rate_per_second: 2.0,
        stop_ms: Some(settings.start_ms + TRAFFIC.as_millis() as i64),
        ..settings
    }
}

/// A run over a disk that fails as told; all that must hold is asserted in it.
async fn run(failure: Option<Failure>) -> Ended {
    let what = format!("{failure:?}, seed {SEED}");
    let disk = FaultyDisk::default();
    let mut world = World::new(small(), overrides());
    world.disk = Some(disk.disk());
    if let Some(failure) = failure {
        disk.fail(failure);
    }
    // Where the state cannot be opened the process ends, and is started again.
    let exporter = world.start_after_kill().await;
    let before = disk.failed();
    let allowed_lateness = Duration::from_millis(world.cloud.settings().longest_delay_ms());
    let (mut shown, mut known) = (Totals::default(), 0);
    for _ in 0..(TRAFFIC + allowed_lateness).as_secs() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let snapshot = exporter.view.snapshot();
        let now = Totals::shown(&snapshot).unwrap();
        let fault = shown.within(&now).err();
        assert_eq!(fault, None, "{what}: shown before, and now");
        shown = now;
        let known_now = snapshot
            .series
            .iter()
            .filter(|series| series.about.is_some());
        let known_before = std::mem::replace(&mut known, known_now.count());
        assert!(
            known >= known_before,
            "{what}: the configuration of functions was lost"
        );
    }
    world.assert_exact(&exporter, &what).await;
    let asked = disk.asked();
    let commit_errors = commit_errors(&exporter);
    let failed_at_work = disk.failed() > before;
    assert_eq!(
        commit_errors > 0,
        failed_at_work,
        "{what}: {commit_errors} commit errors"
    );
    exporter.stop().await;
    let truth = Totals::of(&world.cloud.truth(world.now_ms()));
    let kept = kept(&disk);
    kept.within(&truth)
        .unwrap_or_else(|fault| panic!("{what}: {fault}"));
    // What was read while the list of functions could not be kept has no configured memory.
    let without = |totals: &Totals| totals.clone().without_configured_memory();
    assert_eq!(without(&kept), without(&truth), "{what}: kept on the disk");
    Ended {
        asked,
        failed: disk.failed(),
        commit_errors,
    }
}

/// What the exporter shows of its failed commits; that it can be scraped is a part of it.
fn commit_errors(exporter: &Exporter) -> u64 {
    let name = "scf_exporter_commit_errors_total";
    exporter.scrape().metric(name, &[]).unwrap() as u64
}

fn kept(disk: &FaultyDisk) -> Totals {
    disk.repair();
    let (_store, stored) = Store::open_on(disk.disk()).unwrap();
    let functions = stored.functions.into_iter().flatten();
    let series = functions.map(|function| function.series);
    let snapshot = Snapshot::new(1, false, series.collect());
    Totals::shown(&snapshot).unwrap()
}
