//! Collects the data that the web server shows.

use std::sync::Arc;

use crate::commit::{Published, StoreHealth};
use crate::ledger::AllowedLateness;
use crate::metrics::Snapshot;
use crate::model::Timestamp;
use crate::scheduler::{SourceState, StatusBoard, TargetState};
use crate::telemetry::{Disposition, Issue, Rows, Telemetry};
use crate::web::{
    ActionRate, ConfigStatus, Readiness, SeriesStatus, SourceStatus, StateStatus, Status,
    TargetStatus, View,
};
use tencentcloud::ClockOffset;
use tencentcloud::runtime::{Clock as _, Runtime};

/// The sources of the data that the web server shows.
pub struct StatusView {
    pub(super) published: Published,
    pub(super) board: Arc<StatusBoard>,
    pub(super) condition: Arc<StoreHealth>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) runtime: Runtime,
    pub(super) began: Timestamp,
}

impl View for StatusView {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.published.load_full()
    }

    fn readiness(&self) -> Readiness {
        match self.board.unread() {
            unread if unread.is_empty() => Readiness::Ready,
            unread => Readiness::Waiting(unread),
        }
    }

    fn status(&self) -> Status {
        let sources = self.board.sources();
        // Rows have the cloud's time, so ages are computed with it.
        let clock = sources.first().map(|source| &source.info.clock);
        let now = clock.map_or_else(|| self.runtime.now(), |clock| clock.now());
        let ahead = clock.map_or(0, |clock| clock.offset().millis);
        let by_cloud = |at: Timestamp| Timestamp::from_millis(at.as_millis().saturating_add(ahead));
        let targets = self.board.targets().into_iter();
        let (successful, loaded) = self.telemetry.config_state();
        let snapshot = self.published.load();
        Status {
            now,
            began: by_cloud(self.began),
            targets: targets
                .map(|(id, state)| target(id.to_string(), state, now))
                .collect(),
            sources: sources
                .into_iter()
                .map(|state| source(state, now))
                .collect(),
            rows: self.rows(),
            functions: super::busiest::of(&snapshot),
            series: SeriesStatus {
                functions: snapshot.series.len(),
                limit: self.condition.functions_limit(),
                overflow: self.telemetry.overflow(),
            },
            state: StateStatus {
                bytes: self.condition.bytes(),
                trouble: self.condition.trouble().map(|trouble| Issue {
                    since: by_cloud(trouble.since),
                    last: by_cloud(trouble.last),
                    ended: trouble.ended.map(by_cloud),
                    ..trouble
                }),
            },
            config: ConfigStatus {
                successful,
                loaded: by_cloud(loaded),
                fault: self.telemetry.config_fault(),
            },
        }
    }
}

impl StatusView {
    fn rows(&self) -> Rows {
        let of = |disposition| self.telemetry.recorded(disposition);
        Rows {
            counted: of(Disposition::Counted),
            duplicate: of(Disposition::Duplicate),
            late: of(Disposition::Late),
            unfinished: of(Disposition::Unfinished),
            invalid: of(Disposition::Invalid),
        }
    }
}

fn target(name: String, state: TargetState, now: Timestamp) -> TargetStatus {
    TargetStatus {
        name,
        source: state.source.to_string(),
        last_poll: state.last_poll,
        trouble: state.trouble,
        watermark: state.watermark,
        allowed_lateness: state.allowed_lateness.map(AllowedLateness::as_duration),
        rows: state.rows,
        recent: state.recent.cells(now),
    }
}

/// Returns the issue for a machine whose clock is wrong.
fn wrong_clock(offset: ClockOffset, now: Timestamp) -> Issue {
    let what = format!(
        "{}; the exporter goes by the cloud's time and loses \
         nothing, but Prometheus and the log go by this machine's: mend its time service",
        ClockOffset::describe(offset.millis)
    );
    Issue {
        last: now,
        ..Issue::hint(what).met(None, offset.since)
    }
}

fn source(state: SourceState, now: Timestamp) -> SourceStatus {
    let ready = state.is_ready();
    let offset = state.info.clock.offset();
    let rates = state.info.requests.rates(now).into_iter();
    SourceStatus {
        clock_offset_seconds: offset.millis as f64 / 1_000.0,
        clock: ClockOffset::is_wrong(offset.millis).then(|| wrong_clock(offset, now)),
        name: state.name,
        api: state.info.api.to_string(),
        region: state.info.region,
        account: state.info.account,
        requests_limit: state.info.limits.each_action,
        requests: rates
            .map(|(action, per_second, failed_per_second)| ActionRate {
                limit: state.info.limits.of(&action),
                action,
                per_second,
                failed_per_second,
            })
            .collect(),
        stream_modes: state.stream_modes,
        trouble: state.trouble,
        ready,
        unmatched: state.unmatched,
        hints: state.hints,
    }
}
