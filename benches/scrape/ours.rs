//! Our side: a real committer over state in memory, its published snapshot behind the real server.

use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use scf_exporter::commit::{Committer, LedgerState, Published, Rules, Writer, ZeroFirst};
use scf_exporter::ledger::{AllowedLateness, Retention, TargetId};
use scf_exporter::model::{
    AttemptKey, Bytes, FunctionId, Nanos, Outcome, Page, RetCode, Row, Timestamp,
};
use scf_exporter::runtime::Runtime;
use scf_exporter::series::{FunctionSeries, Snapshot};
use scf_exporter::store::{Store, Stored, StoredFunction};
use scf_exporter::telemetry::{BuildInfo, Telemetry};
use scf_exporter::web::{self, Limits, Readiness, Site, Status, Toolkit, View};
use tokio::net::TcpListener;
use tokio::time::MissedTickBehavior;

use super::Failure;
use super::workload::{
    CALLS, Function, Functions, LAST_MILLIS, NAMESPACE, REGION, Sample, Stream, ending, name_of,
};

/// Rows of a page, and of a second, while counting.
const PAGE_ROWS: usize = 100;
const ROWS_A_SECOND: usize = 2_000;
const DAY: Duration = Duration::from_secs(24 * 3_600);

pub struct Ours {
    writer: Writer,
    target: TargetId,
    functions: usize,
    /// Makes each row's key its own.
    counted: u128,
}

/// What the server shows.
struct Shown(Published);

impl Ours {
    /// Serves the functions at `listener`. What was counted of them is there as after a start
    /// with state: the ledger need not remember invocations that were settled long ago.
    pub fn start(
        runtime: &tokio::runtime::Runtime,
        listener: TcpListener,
        functions: Functions,
    ) -> Result<Self, Failure> {
        let _entered = runtime.enter();
        let mut stored = Stored::default();
        for function in functions {
            stored.functions.push(Some(StoredFunction {
                series: Arc::new(series_of(&function?)),
                forgotten: Timestamp::from_millis(LAST_MILLIS),
            }));
        }
        let functions = stored.functions.len();
        let rules = Rules {
            functions: functions.max(1),
            several_accounts: false,
            allowed_lateness: AllowedLateness::of_lines(DAY),
            first_read: DAY,
            retention: Retention {
                span: Duration::ZERO,
                is_written: false,
            },
        };
        let telemetry = Arc::new(Telemetry::new(&BuildInfo::current())?);
        let (committer, writer, published) = Committer::new(
            LedgerState::restore(rules, stored),
            Store::memory(),
            telemetry.clone(),
            Runtime::system(),
            ZeroFirst::new(Duration::ZERO, Vec::new()),
        );
        runtime.spawn(committer.run());
        let site = Arc::new(Site::new(
            Arc::new(Shown(published)),
            telemetry,
            "/metrics",
        )?);
        runtime.spawn(async move {
            let open = Arc::new(Toolkit::none());
            web::serve(vec![listener], site, open, Limits::default(), pending()).await;
        });
        Ok(Self {
            writer,
            target: TargetId::namespace(REGION, NAMESPACE),
            functions,
            counted: 0,
        })
    }

    /// Counts one more call of each; returns when they are published.
    pub async fn touch(&mut self, chosen: &[usize], stream: &mut Stream) -> Result<(), Failure> {
        let page = self.page(chosen.iter().copied(), stream);
        let outcome = self.writer.page(&self.target, page).await?;
        if outcome.counted != chosen.len() as u64 {
            return Err(format!("{outcome:?} of {} rows", chosen.len()).into());
        }
        Ok(())
    }

    /// Hands over pages of random functions at a steady rate; the microseconds until each was
    /// durable and published.
    pub async fn count(&mut self, seconds: u64, stream: &mut Stream) -> Result<Vec<u128>, Failure> {
        let pages_a_second = ROWS_A_SECOND / PAGE_ROWS;
        let mut times = Vec::new();
        let mut tick = tokio::time::interval(Duration::from_secs(1) / pages_a_second as u32);
        tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..seconds as usize * pages_a_second {
            tick.tick().await;
            let limit = self.functions;
            let chosen: Vec<_> = (0..PAGE_ROWS).map(|_| stream.below(limit)).collect();
            let page = self.page(chosen.into_iter(), stream);
            let start = Instant::now();
            let outcome = self.writer.page(&self.target, page).await?;
            times.push(start.elapsed().as_micros());
            if outcome.counted != PAGE_ROWS as u64 {
                return Err(format!("{outcome:?} of {PAGE_ROWS} rows").into());
            }
        }
        Ok(times)
    }

    /// A page with a row of each of these functions.
    fn page(&mut self, chosen: impl Iterator<Item = usize>, stream: &mut Stream) -> Page {
        let mut page = Page::default();
        for (place, function) in chosen.enumerate() {
            self.counted += 1;
            page.functions.push(id_of(&name_of(function)));
            page.rows.push(Row {
                function: place as u16,
                key: AttemptKey {
                    id: self.counted,
                    attempt: 0,
                },
                position: Timestamp::from_millis(LAST_MILLIS + self.counted as i64),
                ..row_of(&Sample::further(stream))
            });
        }
        page
    }
}

fn series_of(function: &Function) -> FunctionSeries {
    let mut series = FunctionSeries::new(id_of(&function.name), RetCode::ZERO);
    for (place, sample) in function.samples.iter().enumerate() {
        let (ret_code, _) = ending(place);
        let row = Row {
            ret_code: RetCode::new(ret_code),
            outcome: match ret_code {
                0 => Outcome::Success,
                1 => Outcome::FunctionError,
                _ => Outcome::Timeout,
            },
            position: Timestamp::from_millis(LAST_MILLIS - (CALLS - 1 - place) as i64),
            ..row_of(sample)
        };
        series.count(&row, Timestamp::from_millis(LAST_MILLIS));
    }
    series
}

fn id_of(name: &str) -> FunctionId {
    FunctionId::new(REGION, NAMESPACE, name)
}

fn row_of(sample: &Sample) -> Row {
    Row {
        duration: Nanos(u64::from(sample.micros) * 1_000),
        billed: Nanos(u64::from(sample.billed_millis) * 1_000_000),
        memory: Bytes(u64::from(sample.memory_kib) << 10),
        // As nearly every request id is, so that there are exemplars.
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
