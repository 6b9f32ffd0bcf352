//! Runs one source: discovers its functions and runs a task for each target.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use super::Poller;
use super::report::{Repeated, Repeats};
use super::target::{run_standing_target, run_target};
use crate::commit::{ListRequest, ListedFunctions};
use crate::ingest::{DiscoveryIssues, Listing};
use crate::ledger::{ListScan, TargetId};
use crate::model::FunctionId;
use tencentcloud::ApiError;

/// The pause before an incomplete list is requested again.
const LIST_ON: Duration = Duration::from_secs(1);
const NOTHING_FOUND: &str = "no function to read was found, so nothing is counted: check the region, \
     the namespaces and the names of functions";

/// The running targets. Dropping it ends them.
#[derive(Default)]
struct Tasks {
    running: JoinSet<()>,
    by_target: BTreeMap<TargetId, AbortHandle>,
    /// The functions of the last list that was read.
    listed: BTreeSet<FunctionId>,
    /// Targets without any function in the last complete list.
    left: BTreeSet<TargetId>,
    /// The texts of the last complete list.
    logged: Vec<String>,
    list_failures: Repeats,
}

/// Runs a source until the stop, and returns when all its targets have ended. Targets are read
/// while the list of functions is fetched.
///
/// `listed` are its functions that are shown as listed already. Those that are missing from the
/// first complete list lose their info.
pub async fn run_source(poller: Poller, listed: BTreeSet<FunctionId>) {
    let poller = Arc::new(poller);
    let stop = poller.runtime.stop.clone();
    let mut tasks = Tasks {
        listed,
        ..Tasks::default()
    };
    for target in poller.source.standing_targets() {
        poller.board.added(&target, &poller.name);
        let task = run_standing_target(poller.clone(), target.clone());
        tasks.by_target.insert(target, tasks.running.spawn(task));
    }
    let mut failures = 0u32;
    let mut began = None;
    loop {
        let list_began = *began.get_or_insert_with(Instant::now);
        // The stop interrupts a long list.
        let Some(list) = poller.runtime.until_stopped(poller.source.list()).await else {
            break;
        };
        restart_broken(&poller, &mut tasks);
        let wait = match list {
            Ok(listing) => {
                failures = 0;
                if let Some(Repeated { what, times }) = tasks.list_failures.end() {
                    info!(
                        source = &*poller.name,
                        after = what,
                        lists = times,
                        "lists succeed again"
                    );
                }
                let is_complete = listing.complete.is_some();
                if is_complete {
                    began = None;
                }
                match found(&poller, &mut tasks, listing, list_began).await {
                    false => poller.timing.interval,
                    true if is_complete => poller.timing.discovery_interval,
                    true => LIST_ON,
                }
            }
            Err(_) if stop.is_cancelled() => break,
            Err(error) => {
                began = None;
                // The last list stays in use. The first one is requested again soon.
                list_failed(&poller, &mut tasks, &error);
                let soon = poller.timing.interval.saturating_mul(1 << failures.min(16));
                failures += 1;
                soon.min(poller.timing.discovery_interval)
            }
        };
        poller.telemetry.set_targets(tasks.by_target.len());
        end_series(&poller).await;
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            () = poller.source.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    while tasks.running.join_next().await.is_some() {}
}

/// Ends series whose retention is over. Does nothing while the clock is not vouched for: a clock
/// that is ahead would end series that are still in use.
pub(super) async fn end_series<S: ?Sized>(poller: &Poller<S>) {
    if (poller.clock.vouched(poller.timing.discovery_interval)).is_some() {
        // If the commit fails it is tried again after the next list.
        let _ended = poller.writer.end_series(poller.clock.at_least()).await;
    }
}

/// Applies a list of functions: registers them, starts the targets of new ones, and ends targets
/// without functions. Returns whether the functions could be registered.
async fn found(poller: &Arc<Poller>, tasks: &mut Tasks, listing: Listing, began: Instant) -> bool {
    let list = listing.functions;
    let (scan, issues) = listing.complete.map(|all| (all.scan, all.issues)).unzip();
    let wanted: BTreeSet<TargetId> = list.iter().map(|one| one.target.clone()).collect();
    let functions: BTreeSet<FunctionId> = list.iter().map(|one| one.function.clone()).collect();
    let gone = if let Some(ListScan {
        named, would_name, ..
    }) = &scan
    {
        // The committer decides how many lists have to miss a function.
        let is_missed =
            |function: &FunctionId| would_name.has(function) && !named.contains(function);
        let left = tasks.listed.difference(&functions);
        let gone: Vec<_> = left.filter(|one| !is_missed(one)).cloned().collect();
        tasks.listed = functions;
        gone
    } else {
        tasks.listed.extend(functions);
        Vec::new()
    };
    // If the commit fails, the next discovery repeats it. Where clocks disagree the earlier time is
    // used: a target that begins too early loses nothing.
    let now = poller.clock.at_least();
    let known = ListedFunctions {
        listed: list,
        gone: gone.clone(),
        asked: Some(ListRequest {
            by: poller.lists.clone(),
            began: now - began.elapsed(),
            now,
            look: scan,
        }),
    };
    let entered = poller.writer.register_functions(known).await.is_ok();
    if !entered {
        tasks.listed.extend(gone);
    }
    if issues.is_some() {
        end_others(poller, tasks, &wanted);
    }
    let spread = poller.timing.interval;
    for target in wanted {
        if !tasks.by_target.contains_key(&target) {
            let first_wait = poller.runtime.random.jitter(spread);
            start(poller, tasks, target, first_wait);
        }
    }
    // Its targets must be on the board first: otherwise it would seem to have none.
    let (now, stream_modes) = (poller.runtime.now(), poller.source.stream_modes());
    let board = &poller.board;
    board.discovered(&poller.name, now, stream_modes, issues.is_some());
    if let Some(issues) = issues {
        report_issues(poller, tasks, issues);
    }
    entered
}

/// Shows the issues of a complete list and logs new ones: otherwise a misspelled name would look like
/// an idle account.
fn report_issues(poller: &Poller, tasks: &mut Tasks, issues: DiscoveryIssues) {
    let DiscoveryIssues {
        unmatched,
        mut texts,
    } = issues;
    if tasks.by_target.is_empty() {
        texts.push(NOTHING_FOUND.to_owned());
    }
    for text in texts.iter().filter(|text| !tasks.logged.contains(text)) {
        warn!(source = &*poller.name, "{text}");
    }
    poller.telemetry.set_unmatched(unmatched);
    let now = poller.runtime.now();
    (poller.board).set_issues(&poller.name, now, unmatched, &texts);
    tasks.logged = texts;
}

/// Reports that the functions could not be listed. Each list until the next good one fails in the same
/// way, so repeats are lines for debugging.
fn list_failed(poller: &Poller, tasks: &mut Tasks, error: &ApiError) {
    const FAILED: &str = "the list of functions could not be read";
    let (source, request_id) = (&*poller.name, error.request_id.as_deref());
    match tasks.list_failures.is_news(&error.code) {
        true => warn!(source, request_id, %error, "{FAILED}"),
        false => debug!(source, request_id, %error, "{FAILED}"),
    }
    poller.telemetry.poll_failed();
    let now = poller.runtime.now();
    poller.board.discovery_failed(&poller.name, now, error);
}

/// Restarts targets whose task ended before the stop, which happens only after a panic.
fn restart_broken(poller: &Arc<Poller>, tasks: &mut Tasks) {
    while tasks.running.try_join_next().is_some() {}
    let ended = tasks
        .by_target
        .iter()
        .filter(|(_, task)| task.is_finished());
    let broken: Vec<TargetId> = ended.map(|(target, _)| target.clone()).collect();
    if poller.runtime.stop.is_cancelled() {
        return;
    }
    for target in broken {
        warn!(
            source = &*poller.name,
            target_name = %target,
            "reading it broke off by a fault of this program and is started again; please report it"
        );
        poller.telemetry.poll_failed();
        let first_wait = poller.runtime.random.jitter(poller.timing.interval);
        start(poller, tasks, target, first_wait);
    }
}

/// Ends the targets of functions that are gone. A topic is read until the next list: a function
/// that moved away may have left unread lines in it.
fn end_others(poller: &Poller, tasks: &mut Tasks, wanted: &BTreeSet<TargetId>) {
    let mut left = BTreeSet::new();
    // Standing targets do not depend on the list of functions.
    let standing = poller.source.standing_targets();
    let gone = tasks.by_target.extract_if(.., |target, _| {
        if wanted.contains(target) || standing.contains(target) {
            return false;
        }
        let just_left = !target.kind().names_functions && !tasks.left.contains(target);
        if just_left {
            left.insert(target.clone());
        }
        !just_left
    });
    for (target, task) in gone {
        info!(source = &*poller.name, target_name = %target, "nothing is left to read in it");
        task.abort();
        // Its watermark stays: if it comes back, reading continues from there.
        poller.board.closed(&target);
    }
    tasks.left = left;
}

fn start(poller: &Arc<Poller>, tasks: &mut Tasks, target: TargetId, first_wait: Duration) {
    poller.board.added(&target, &poller.name);
    let task = tasks
        .running
        .spawn(run_target(poller.clone(), target.clone(), first_wait));
    tasks.by_target.insert(target, task);
}
