//! The status as JSON. Times are seconds since the epoch and spans seconds, as in the metrics.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::model::Timestamp;
use crate::telemetry::{Awaited, BuildInfo, Issue, Rows, Unread};
use crate::web::{Readiness, SourceStatus, Status, TargetStatus};

#[derive(Serialize)]
struct Document<'s> {
    version: &'static str,
    revision: &'static str,
    now_timestamp_seconds: f64,
    uptime_seconds: f64,
    readiness: &'static str,
    targets_waiting: usize,
    config: Config,
    state: State<'s>,
    series: Series,
    records: Rows,
    sources: Vec<Source<'s>>,
    targets: Vec<Target<'s>>,
}

#[derive(Serialize)]
struct Config {
    last_reload_successful: bool,
    last_reload_success_timestamp_seconds: f64,
}

#[derive(Serialize)]
struct State<'s> {
    on_disk: bool,
    bytes: Option<u64>,
    error: Option<Error<'s>>,
}

#[derive(Serialize)]
struct Series {
    functions: usize,
    functions_limit: usize,
    overflow_invocations: u64,
}

#[derive(Serialize)]
struct Source<'s> {
    name: &'s str,
    api: &'s str,
    region: &'s str,
    account: &'s str,
    requests_per_second_limit: f64,
    requests_per_second: BTreeMap<&'s str, f64>,
    failed_requests_per_second: BTreeMap<&'s str, f64>,
    streams: BTreeMap<&'s str, &'s str>,
    /// Whether it was once read with success.
    ready: bool,
    unmatched_selectors: usize,
    /// What a person should know or change although nothing failed.
    advice: Vec<Error<'s>>,
    clock_offset_seconds: f64,
    error: Option<Error<'s>>,
}

#[derive(Serialize)]
struct Target<'s> {
    name: &'s str,
    source: &'s str,
    health: &'static str,
    last_poll_timestamp_seconds: Option<f64>,
    watermark_timestamp_seconds: Option<f64>,
    behind_seconds: Option<f64>,
    waiting_seconds: Option<f64>,
    records: Rows,
    /// By minute, the present one last.
    invocations_last_hour: Vec<u32>,
    failed_last_hour: Vec<u32>,
    error: Option<Error<'s>>,
}

#[derive(Serialize)]
struct Error<'s> {
    code: &'s str,
    message: &'s str,
    advice: &'s str,
    /// Whether nothing failed and it is only advice.
    hint: bool,
    since_timestamp_seconds: f64,
    last_timestamp_seconds: f64,
    times: u64,
    /// When it went well again; nothing where it did not.
    ended_timestamp_seconds: Option<f64>,
}

/// The whole status as JSON.
pub(super) fn document(readiness: Readiness, status: &Status) -> serde_json::Result<Vec<u8>> {
    let build = BuildInfo::current();
    let discovers = |unread: &[Unread]| unread.iter().any(|one| one.why == Awaited::Functions);
    let word = match readiness {
        Readiness::Waiting(unread) if discovers(&unread) => "discovering",
        Readiness::Waiting(_) => "reading",
        Readiness::Ready => "ready",
    };
    let waiting = status.targets.iter().filter(|one| one.last_poll.is_none());
    let targets_waiting = waiting.count();
    let targets = status.targets.iter();
    serde_json::to_vec(&Document {
        version: build.version,
        revision: build.revision,
        now_timestamp_seconds: status.now.as_secs_f64(),
        uptime_seconds: status.now.since(status.began).as_secs_f64(),
        readiness: word,
        targets_waiting,
        config: Config {
            last_reload_successful: status.config.successful,
            last_reload_success_timestamp_seconds: status.config.loaded.as_secs_f64(),
        },
        state: State {
            on_disk: status.state.bytes.is_some(),
            bytes: status.state.bytes,
            error: status.state.trouble.as_ref().map(error),
        },
        series: Series {
            functions: status.series.functions,
            functions_limit: status.series.limit,
            overflow_invocations: status.series.overflow,
        },
        records: status.rows,
        sources: status.sources.iter().map(source).collect(),
        targets: targets.map(|one| target(one, status.now)).collect(),
    })
}

fn source(source: &SourceStatus) -> Source<'_> {
    let requests = || source.requests.iter();
    let streams = source.stream_modes.iter();
    Source {
        name: &source.name,
        api: &source.api,
        region: &source.region,
        account: &source.account,
        requests_per_second_limit: source.requests_limit,
        requests_per_second: requests()
            .map(|one| (one.action.as_str(), one.per_second))
            .collect(),
        failed_requests_per_second: requests()
            .map(|one| (one.action.as_str(), one.failed_per_second))
            .collect(),
        streams: streams.map(|(s, how)| (s.as_str(), how.as_str())).collect(),
        ready: source.ready,
        unmatched_selectors: source.unmatched,
        advice: source.hints.iter().map(error).collect(),
        clock_offset_seconds: source.clock_offset_seconds,
        error: source.trouble.as_ref().map(error),
    }
}

fn target(target: &TargetStatus, now: Timestamp) -> Target<'_> {
    let seconds = |span: Option<Duration>| span.map(|span| span.as_secs_f64());
    Target {
        name: &target.name,
        source: &target.source,
        health: target.health().as_str(),
        last_poll_timestamp_seconds: target.last_poll.map(Timestamp::as_secs_f64),
        watermark_timestamp_seconds: target.watermark.map(Timestamp::as_secs_f64),
        behind_seconds: seconds(target.behind(now)),
        waiting_seconds: seconds(target.waiting(now)),
        records: target.rows,
        invocations_last_hour: target.recent.iter().map(|cell| cell.total).collect(),
        failed_last_hour: target.recent.iter().map(|cell| cell.failed).collect(),
        error: target.trouble.as_ref().map(error),
    }
}

fn error(trouble: &Issue) -> Error<'_> {
    Error {
        code: &trouble.code,
        message: &trouble.what,
        advice: &trouble.advice,
        hint: trouble.hint,
        since_timestamp_seconds: trouble.since.as_secs_f64(),
        last_timestamp_seconds: trouble.last.as_secs_f64(),
        times: trouble.times,
        ended_timestamp_seconds: trouble.ended.map(Timestamp::as_secs_f64),
    }
}
