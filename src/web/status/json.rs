//! The status as JSON. Times are seconds since the epoch and spans seconds, as in the metrics.

use std::time::Duration;

use serde::Serialize;

use crate::telemetry::{Awaited, BuildInfo, Cell, Rows, Unread};
use crate::web::view::{ConfigStatus, FunctionTable, SeriesStatus, SourceStatus, StateStatus};
use crate::web::{Readiness, Status, TargetStatus};

#[derive(Serialize)]
struct Document<'s> {
    version: &'static str,
    revision: &'static str,
    now_timestamp_seconds: f64,
    uptime_seconds: f64,
    readiness: &'static str,
    targets_waiting: usize,
    config: &'s ConfigStatus,
    state: State<'s>,
    series: SeriesStatus,
    functions: &'s FunctionTable,
    records: Rows,
    sources: &'s [SourceStatus],
    targets: Vec<Target<'s>>,
}

#[derive(Serialize)]
struct State<'s> {
    on_disk: bool,
    #[serde(flatten)]
    status: &'s StateStatus,
}

#[derive(Serialize)]
struct Target<'s> {
    #[serde(flatten)]
    status: &'s TargetStatus,
    health: &'static str,
    behind_seconds: Option<f64>,
    waiting_seconds: Option<f64>,
    /// By minute, the present one last.
    invocations_last_hour: Vec<u32>,
    failed_last_hour: Vec<u32>,
}

/// Returns the whole status as JSON.
pub(super) fn document(readiness: Readiness, status: &Status) -> serde_json::Result<Vec<u8>> {
    let build = BuildInfo::current();
    let discovers = |unread: &[Unread]| unread.iter().any(|one| one.why == Awaited::Functions);
    let seconds = |span: Option<Duration>| span.map(|span| span.as_secs_f64());
    let counts = |of: &TargetStatus, count: fn(&Cell) -> u32| of.recent.iter().map(count).collect();
    let target = |one| Target {
        status: one,
        health: one.health().as_str(),
        behind_seconds: seconds(one.behind(status.now)),
        waiting_seconds: seconds(one.waiting(status.now)),
        invocations_last_hour: counts(one, |cell| cell.total),
        failed_last_hour: counts(one, |cell| cell.failed),
    };
    let targets = || status.targets.iter();
    serde_json::to_vec(&Document {
        version: build.version,
        revision: build.revision,
        now_timestamp_seconds: status.now.as_secs_f64(),
        uptime_seconds: status.now.since(status.began).as_secs_f64(),
        readiness: match readiness {
            Readiness::Waiting(unread) if discovers(&unread) => "discovering",
            Readiness::Waiting(_) => "reading",
            Readiness::Ready => "ready",
        },
        targets_waiting: targets().filter(|one| one.last_poll.is_none()).count(),
        config: &status.config,
        state: State {
            on_disk: status.state.bytes.is_some(),
            status: &status.state,
        },
        series: status.series,
        functions: &status.functions,
        records: status.rows,
        sources: &status.sources,
        targets: targets().map(target).collect(),
    })
}
