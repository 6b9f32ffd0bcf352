//! The life of one source: find its functions, keep a task for each target.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tracing::{info, warn};

use super::Poller;
use super::target::run_target;
use crate::config::Read;
use crate::ledger::TargetId;
use crate::model::FunctionId;

/// The targets at work. Dropping it ends them.
#[derive(Default)]
struct Tasks {
    running: JoinSet<()>,
    by_target: BTreeMap<TargetId, AbortHandle>,
}

/// Runs a source until the stop; returns when all its targets have ended.
pub async fn run_source(poller: Poller) {
    let stop = poller.runtime.stop.clone();
    let mut tasks = Tasks::default();
    if poller.read == Read::Region {
        start(
            &poller,
            &mut tasks,
            TargetId::region(&poller.region),
            Duration::ZERO,
        );
    }
    let mut failures = 0u32;
    loop {
        let wait = match poller.source.list().await {
            Ok(functions) => {
                failures = 0;
                found(&poller, &mut tasks, functions).await;
                poller.timing.discovery_interval
            }
            Err(_) if stop.is_wished() => break,
            Err(error) => {
                // The last good list goes on. The first one is asked for again soon.
                warn!(source = &*poller.name, %error, "the list of functions could not be read");
                poller.telemetry.poll_failed();
                poller
                    .board
                    .discovery_failed(&poller.name, poller.runtime.now(), &error);
                let soon = poller.timing.interval.saturating_mul(1 << failures.min(16));
                failures += 1;
                soon.min(poller.timing.discovery_interval)
            }
        };
        poller.telemetry.set_targets(tasks.by_target.len());
        if !stop.pause(wait).await {
            break;
        }
    }
    while tasks.running.join_next().await.is_some() {}
}

/// Takes in a list of functions: all are shown, new ones are read, gone ones are read no more.
async fn found(poller: &Poller, tasks: &mut Tasks, functions: Vec<FunctionId>) {
    poller.board.discovered(&poller.name);
    // If this is refused they are shown with their first invocation, or at the next discovery.
    let _shown_later = poller.writer.known(functions.clone()).await;
    if poller.read == Read::Region {
        return;
    }
    let wanted: BTreeSet<TargetId> = functions.into_iter().map(TargetId::function).collect();
    let gone: Vec<TargetId> = tasks
        .by_target
        .keys()
        .filter(|target| !wanted.contains(target))
        .cloned()
        .collect();
    for target in gone {
        info!(source = &*poller.name, target_name = %target, "function is gone");
        if let Some(task) = tasks.by_target.remove(&target) {
            task.abort();
        }
        // Its settled position stays: should it come back, reading goes on from there.
        poller.board.closed(&target);
    }
    let spread = poller.timing.interval;
    for target in wanted {
        if !tasks.by_target.contains_key(&target) {
            let first_wait = poller.runtime.random.jitter(spread);
            start(poller, tasks, target, first_wait);
        }
    }
}

fn start(poller: &Poller, tasks: &mut Tasks, target: TargetId, first_wait: Duration) {
    poller.board.added(&target);
    let task = tasks
        .running
        .spawn(run_target(poller.clone(), target.clone(), first_wait));
    tasks.by_target.insert(target, task);
}
