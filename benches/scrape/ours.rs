//! The exporter: series behind its web server, published as the committer publishes them.

use std::future::pending;
use std::sync::Arc;

use arc_swap::ArcSwap;
use scf_exporter::metrics::{FunctionSeries, SeriesSet, Snapshot};
use scf_exporter::model::{Bytes, FunctionId, Nanos, Outcome, RetCode, Row, Timestamp};
use scf_exporter::telemetry::{BuildInfo, Telemetry};
use scf_exporter::web::{self, Limits, Readiness, Site, Status, View, WebConfig};
use tokio::net::TcpListener;

use super::Failure;
use super::workload::{CALLS, Function, Functions, LAST_MILLIS, NAMESPACE, REGION, Sample, ending};

/// More connections than the scrapes that are made at once.
const CONNECTIONS: usize = 256;

pub struct Ours {
    series: SeriesSet,
    generation: u64,
    shown: Arc<Shown>,
}

struct Shown(ArcSwap<Snapshot>);

impl Ours {
    /// Serves the functions at `listener`.
    pub fn start(
        runtime: &tokio::runtime::Runtime,
        listener: TcpListener,
        functions: Functions,
    ) -> Result<Self, Failure> {
        let mut series = SeriesSet::new(usize::MAX);
        for function in functions {
            series.put(Arc::new(series_of(&function?)));
        }
        let shown = Arc::new(Shown(ArcSwap::from_pointee(series.snapshot(1, false))));
        let telemetry = Arc::new(Telemetry::new(&BuildInfo::current())?);
        let site = Arc::new(Site::new(shown.clone(), telemetry, "/metrics")?);
        let limits = Limits {
            connections: CONNECTIONS,
            ..Limits::default()
        };
        runtime.spawn(async move {
            let open = Arc::new(WebConfig::none());
            web::serve(vec![listener], site, open, limits, pending()).await;
        });
        Ok(Self {
            series,
            generation: 1,
            shown,
        })
    }

    /// Counts one more call of each function and publishes that.
    pub fn touch(&mut self) {
        let further = Sample {
            micros: 100_000,
            billed_millis: 100,
            memory_kib: 100_000,
        };
        let row = row_of(CALLS, &further);
        for slot in 0..self.series.slots() {
            let now = Timestamp::from_millis(LAST_MILLIS);
            self.series.change(slot, |series| series.count(&row, now));
        }
        self.generation += 1;
        let snapshot = self.series.snapshot(self.generation, false);
        self.shown.0.store(Arc::new(snapshot));
    }
}

fn series_of(function: &Function) -> FunctionSeries {
    let id = FunctionId::new(REGION, NAMESPACE, &function.name);
    let mut series = FunctionSeries::new(id, RetCode::ZERO);
    for (place, sample) in function.samples.iter().enumerate() {
        let now = Timestamp::from_millis(LAST_MILLIS);
        series.count(&row_of(place, sample), now);
    }
    series
}

fn row_of(place: usize, sample: &Sample) -> Row {
    let (ret_code, _) = ending(place);
    Row {
        ret_code: RetCode::new(ret_code),
        outcome: match ret_code {
            0 => Outcome::Success,
            1 => Outcome::FunctionError,
            _ => Outcome::Timeout,
        },
        position: Timestamp::from_millis(LAST_MILLIS - (CALLS - 1).saturating_sub(place) as i64),
        duration: Nanos(u64::from(sample.micros) * 1_000),
        billed: Nanos(u64::from(sample.billed_millis) * 1_000_000),
        memory: Bytes(u64::from(sample.memory_kib) << 10),
        // Nearly every request id is one; only these have exemplars.
        id_is_uuid: true,
        ..Row::default()
    }
}

// === impl Shown ===

impl View for Shown {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    fn readiness(&self) -> Readiness {
        Readiness::Ready
    }

    fn status(&self) -> Status {
        Status::default()
    }
}
