//! The life of one source: find its functions, keep a task for each target.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::target::run_target;
use super::{Poller, Streams, pause};
use crate::ledger::TargetId;
use crate::model::FunctionId;
use crate::runtime::spawn;

/// The targets at work.
type Tasks = BTreeMap<TargetId, JoinHandle<()>>;

/// Runs a source until the stop; returns when all its targets have ended.
pub async fn run_source(poller: Poller) {
    let mut stop = poller.stop.clone();
    let mut tasks = Tasks::new();
    if poller.streams == Streams::Region {
        start(&poller, &mut tasks, TargetId::region(&poller.region), Duration::ZERO);
    }
    let mut failures = 0u32;
    loop {
        let wait = match poller.source.list().await {
            Ok(functions) => {
                failures = 0;
                found(&poller, &mut tasks, functions).await;
                poller.timing.discovery_interval
            }
            Err(error) => {
                // The last good list goes on. The first one is asked for again soon.
                warn!(source = &*poller.name, %error, "the list of functions could not be read");
                poller.telemetry.poll_failed();
                poller.board.discovery_failed(&poller.name, poller.runtime.now(), &error);
                let soon = poller.timing.interval.saturating_mul(1 << failures.min(16));
                failures += 1;
                soon.min(poller.timing.discovery_interval)
            }
        };
        poller.telemetry.set_targets(tasks.len());
        if !pause(&mut stop, wait).await {
            break;
        }
    }
    for task in tasks.into_values() {
        // An error here is the task's own panic, which was reported where it happened.
        let _ended = task.await;
    }
}

/// Takes in a list of functions: all are shown, new ones are read, gone ones are read no more.
async fn found(poller: &Poller, tasks: &mut Tasks, functions: Vec<FunctionId>) {
    poller.board.discovered(&poller.name);
    // If this is refused they are shown with their first invocation, or at the next discovery.
    let _shown_later = poller.writer.known(functions.clone()).await;
    if poller.streams == Streams::Region {
        return;
    }
    let wanted: Vec<TargetId> = functions.into_iter().map(TargetId::function).collect();
    let gone: Vec<TargetId> =
        tasks.keys().filter(|target| !wanted.contains(target)).cloned().collect();
    for target in gone {
        info!(source = &*poller.name, target_name = %target, "function is gone");
        if let Some(task) = tasks.remove(&target) {
            task.abort();
        }
        // Its settled position stays: should it come back, reading goes on from there.
        poller.board.closed(&target);
    }
    let spread = poller.timing.interval;
    for target in wanted {
        if !tasks.contains_key(&target) {
            let first_wait = poller.runtime.random.jitter(spread);
            start(poller, tasks, target, first_wait);
        }
    }
}

fn start(poller: &Poller, tasks: &mut Tasks, target: TargetId, first_wait: Duration) {
    poller.board.added(&target);
    let task = spawn(run_target(poller.clone(), target.clone(), first_wait));
    tasks.insert(target, task);
}
