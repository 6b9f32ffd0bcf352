//! What the web server shows, put together from the parts that know it.

use std::sync::Arc;

use crate::commit::{Condition, Published};
use crate::model::Timestamp;
use crate::poll::{Board, SourceState, TargetState};
use crate::runtime::Runtime;
use crate::series::Snapshot;
use crate::telemetry::{Disposition, Rows, Telemetry};
use crate::web::{
    ActionRate, ConfigStatus, Readiness, SeriesStatus, SourceStatus, StateStatus, Status,
    TargetStatus, View,
};

/// Snapshot, board and the rest, as the web server asks for them.
pub struct Shown {
    pub(super) published: Published,
    pub(super) board: Arc<Board>,
    pub(super) condition: Arc<Condition>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) runtime: Runtime,
    pub(super) began: Timestamp,
}

impl View for Shown {
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
        let now = self.runtime.now();
        let targets = self.board.targets().into_iter();
        let sources = self.board.sources().into_iter();
        let (successful, loaded) = self.telemetry.config_state();
        Status {
            now,
            began: self.began,
            targets: targets
                .map(|(id, state)| target(id.to_string(), state, now))
                .collect(),
            sources: sources.map(|state| source(state, now)).collect(),
            rows: self.rows(),
            series: SeriesStatus {
                functions: self.published.load().series.len(),
                limit: self.condition.functions_limit(),
                overflow: self.telemetry.overflow(),
            },
            state: StateStatus {
                bytes: self.condition.bytes(),
                trouble: self.condition.trouble(),
            },
            config: ConfigStatus { successful, loaded },
        }
    }
}

impl Shown {
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
        settled: state.settled,
        late_after: state.late_after,
        rows: state.rows,
        recent: state.recent.cells(now),
    }
}

fn source(state: SourceState, now: Timestamp) -> SourceStatus {
    let rates = state.info.requests.rates(now).into_iter();
    SourceStatus {
        name: state.name,
        api: state.info.api.to_string(),
        region: state.info.region,
        account: state.info.account,
        requests_limit: state.info.limit,
        requests: rates
            .map(|(action, per_second, failed_per_second)| ActionRate {
                action,
                per_second,
                failed_per_second,
            })
            .collect(),
        strategies: state.strategies,
        trouble: state.trouble,
        ready: state.ready,
        unmatched: state.unmatched,
        hints: state.hints,
    }
}
