//! A stream in memory: partitions of records that come one after the other, and an exporter that
//! reads it. It shares the seam with the program and nothing else: its truth is a set of ids.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scf_exporter::commit::{Committer, LedgerState, Published, Rules, ZeroFirst};
use scf_exporter::config::Poll;
use scf_exporter::ingest::StreamedSource;
use scf_exporter::ledger::{AllowedLateness, Checkpoint, ListId, Retention, Scope, TargetId};
use scf_exporter::metrics::Snapshot;
use scf_exporter::model::{
    Batch, FunctionId, InvocationKey, Nanos, Outcome, Page, RejectReason, RetCode, Row, Timestamp,
};
use scf_exporter::scheduler::{Budget, Poller, run_stream};
use scf_exporter::store::{Disk, OpenError, Store};
use scf_exporter::telemetry::{BuildInfo, Telemetry};
use tencentcloud::runtime::{Random, Runtime, spawn};
use tencentcloud::{ApiError, BoxFuture, CloudClock, ErrorClass};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How far apart the copies of an invocation may be, and how late its record.
const LATENESS_S: u64 = 120;
const REGION: &str = "ap-x";

/// One record of a partition.
#[derive(Debug, Clone)]
pub struct Record {
    /// When it is appended.
    pub written_ms: i64,
    /// When the line was logged.
    pub logged_ms: i64,
    /// Number of the invocation; copies have the same. None where it cannot be read.
    pub call: Option<u64>,
}

/// What of a stream is drawn.
#[derive(Debug, Clone)]
pub struct Knobs {
    pub partitions: u32,
    /// The last of them is added later.
    pub grows: bool,
    pub records: u64,
    pub traffic: Duration,
    /// The part of the records that is written twice, that is very late, that cannot be read.
    pub copies: f64,
    pub late: f64,
    pub unreadable: f64,
    /// The part of the answers that fails, or holds records from before what was asked for.
    pub failures: f64,
    pub rewinds: f64,
    pub batch_max: usize,
}

/// Partitions whose records are there from the start and seen when their time has come.
pub struct Stream {
    pub partitions: Vec<Vec<Record>>,
    knobs: Knobs,
    start_ms: i64,
    runtime: Runtime,
    random: Random,
    out_of_reach: AtomicBool,
    /// Offsets that were asked for before they were there, which no reader may do.
    beyond: Mutex<Vec<u64>>,
}

/// An exporter that reads a stream.
pub struct StreamExporter {
    pub published: Published,
    pub telemetry: Arc<Telemetry>,
    stop: CancellationToken,
    source: JoinHandle<()>,
    committer: JoinHandle<()>,
}

/// Invocations by function and code.
pub type Counts = BTreeMap<String, u64>;

impl Knobs {
    pub fn drawn(random: &Random) -> Self {
        let between = |least: u64, most: u64| least + random.next_u64() % (most - least + 1);
        let part = |most: f64| match random.unit() < 0.5 {
            true => random.unit() * most,
            false => 0.0,
        };
        Self {
            partitions: between(1, 5) as u32,
            grows: random.unit() < 0.3,
            records: between(50, 1_500),
            traffic: Duration::from_secs(between(300, 3_600)),
            copies: part(0.3),
            late: part(0.1),
            unreadable: part(0.1),
            failures: part(0.3),
            rewinds: part(0.3),
            batch_max: between(1, 200) as usize,
        }
    }
}

impl Stream {
    /// A stream whose records come from now on.
    pub fn new(knobs: Knobs, runtime: &Runtime, random: &Random) -> Arc<Self> {
        let mut partitions = vec![Vec::new(); knobs.partitions as usize];
        let start_ms = runtime.now().as_millis();
        let traffic_ms = knobs.traffic.as_millis() as f64;
        let lateness_ms = 1_000.0 * LATENESS_S as f64;
        for call in 0..knobs.records {
            let written_ms = start_ms + (traffic_ms * random.unit()) as i64;
            let is_late = random.unit() < knobs.late;
            let late_ms = match is_late {
                true => lateness_ms * (1.0 + 10.0 * random.unit()),
                false => 10_000.0 * random.unit(),
            };
            let record = Record {
                written_ms,
                logged_ms: written_ms - late_ms as i64,
                call: (random.unit() >= knobs.unreadable).then_some(call),
            };
            // A copy is known as long as keys are kept; of a record that is later than that none is.
            let copy_ms = (lateness_ms - 30_000.0) * random.unit();
            let is_copied = random.unit() < knobs.copies && !is_late && record.call.is_some();
            let copy = Record {
                written_ms: written_ms + copy_ms as i64,
                ..record.clone()
            };
            for record in [Some(record), is_copied.then_some(copy)]
                .into_iter()
                .flatten()
            {
                let partition = random.next_u64() % u64::from(knobs.partitions);
                partitions[partition as usize].push(record);
            }
        }
        for partition in &mut partitions {
            partition.sort_by_key(|record| record.written_ms);
        }
        Arc::new(Self {
            partitions,
            start_ms,
            runtime: runtime.clone(),
            random: Random::seeded(random.next_u64()),
            out_of_reach: AtomicBool::new(false),
            beyond: Mutex::default(),
            knobs,
        })
    }

    pub fn set_out_of_reach(&self, is_so: bool) {
        self.out_of_reach.store(is_so, Ordering::Relaxed);
    }

    /// The end of all records.
    pub fn end_ms(&self) -> i64 {
        let records = self.partitions.iter().flatten();
        let last = records.map(|record| record.written_ms).max();
        last.unwrap_or(self.start_ms)
    }

    /// The records of each partition that are there by now.
    pub fn written(&self) -> Vec<usize> {
        let now_ms = self.runtime.now().as_millis();
        let there =
            |partition: &Vec<Record>| partition.partition_point(|one| one.written_ms <= now_ms);
        self.partitions.iter().map(there).collect()
    }

    /// What an exact reader has counted of so many first records of each partition.
    pub fn truth(&self, read: &[usize]) -> Counts {
        let records = self.partitions.iter().zip(read);
        let records = records.flat_map(|(partition, count)| &partition[..*count]);
        let calls: BTreeSet<u64> = records.filter_map(|record| record.call).collect();
        let mut counts = Counts::new();
        for call in calls {
            let (function, code) = function_and_code(call);
            *counts
                .entry(format!("{} {code}", function.name))
                .or_default() += 1;
        }
        counts
    }

    /// That no reader asked for what was not there.
    pub fn nothing_skipped(&self) -> Result<(), String> {
        match self.beyond.lock().unwrap().first() {
            Some(offset) => Err(format!("offset {offset} was asked for before it was there")),
            None => Ok(()),
        }
    }

    fn number_of(&self, partition: &TargetId) -> usize {
        match partition.scope {
            Scope::Partition { number, .. } => number as usize,
            _ => panic!("{partition} is no partition"),
        }
    }

    /// Partitions are there from the start, but for the last one where they grow.
    fn known_partitions(&self) -> Vec<TargetId> {
        let count = self.knobs.partitions;
        let is_new = |number: u32| {
            let first = self.partitions[number as usize].first();
            let is_there = first.is_none_or(|one| one.written_ms <= self.runtime.now().as_millis());
            self.knobs.grows && number > 0 && number + 1 == count && !is_there
        };
        let known = (0..count).filter(|number| !is_new(*number));
        known.map(partition).collect()
    }

    fn batch(&self, partition: usize, asked: u64) -> Batch {
        let there = self.written()[partition];
        if asked > there as u64 {
            self.beyond.lock().unwrap().push(asked);
        }
        let rewound = (self.random.unit() * 20.0) as u64;
        let from = match self.random.unit() < self.knobs.rewinds {
            true => asked.saturating_sub(rewound),
            false => asked,
        };
        let first = from as usize;
        let end = there.min(first + self.knobs.batch_max).max(first);
        let records = &self.partitions[partition][first..end];
        let newest = records.iter().map(|record| record.logged_ms).max();
        let reached_ms = match end == there {
            true => self.runtime.now().as_millis(),
            false => newest.unwrap_or(self.start_ms),
        };
        Batch {
            page: page_of(records),
            from,
            next: end as u64,
            reached: Timestamp::from_millis(reached_ms),
        }
    }

    async fn answer<T>(&self, value: impl FnOnce() -> T) -> Result<T, ApiError> {
        let latency = self.random.jitter(Duration::from_millis(300));
        tokio::time::sleep(latency).await;
        let fails = self.random.unit() < self.knobs.failures;
        match fails || self.out_of_reach.load(Ordering::Relaxed) {
            true => Err(failure()),
            false => Ok(value()),
        }
    }
}

impl StreamedSource for Stream {
    fn partitions(&self) -> BoxFuture<'_, Result<Vec<TargetId>, ApiError>> {
        Box::pin(self.answer(|| self.known_partitions()))
    }

    fn offset_at<'a>(
        &'a self,
        partition: &'a TargetId,
        time: Timestamp,
    ) -> BoxFuture<'a, Result<u64, ApiError>> {
        let older = move |record: &Record| record.logged_ms < time.as_millis();
        let records = &self.partitions[self.number_of(partition)];
        Box::pin(self.answer(move || {
            let first = records.iter().position(|record| !older(record));
            first.unwrap_or(records.len()) as u64
        }))
    }

    fn read<'a>(
        &'a self,
        partition: &'a TargetId,
        from: u64,
    ) -> BoxFuture<'a, Result<Batch, ApiError>> {
        let number = self.number_of(partition);
        Box::pin(self.answer(move || self.batch(number, from)))
    }
}

impl StreamExporter {
    /// Starts one over a state; everything in the stream counts.
    pub fn start(stream: &Arc<Stream>, disk: Disk) -> Result<Self, OpenError> {
        let (store, mut stored) = Store::open_on(disk)?;
        let runtime = stream.runtime.clone().with_own_stop();
        let stop = runtime.stop.clone();
        let telemetry = Arc::new(Telemetry::new(&BuildInfo::current()).unwrap());
        let held = std::mem::take(&mut stored.held);
        let (committer, writer, published) = Committer::new(
            LedgerState::restore(rules(), stored),
            store,
            telemetry.clone(),
            runtime.clone(),
            ZeroFirst::new(Duration::ZERO, held),
        );
        let source: Arc<dyn StreamedSource> = stream.clone();
        let poller = Poller {
            name: "s".into(),
            lists: ListId {
                account: "".into(),
                region: REGION.into(),
                selection: 0,
            },
            source,
            timing: timing(),
            budget: Budget::new(1_000.0),
            writer,
            telemetry: telemetry.source("s").unwrap(),
            board: Arc::default(),
            clock: CloudClock::over(runtime.clock.clone()),
            runtime,
        };
        Ok(Self {
            published,
            telemetry,
            stop,
            committer: spawn(committer.run()),
            source: spawn(run_stream(poller)),
        })
    }

    /// What a scrape shows.
    pub fn counts(&self) -> Counts {
        counts_of(&self.published.load())
    }

    pub async fn stop(self) {
        self.stop.cancel();
        self.source.await.unwrap();
        self.committer.await.unwrap();
    }

    /// Ends it in the middle of whatever it does.
    pub async fn kill(self) {
        self.source.abort();
        self.committer.abort();
        let _ended = self.source.await;
        let _ended = self.committer.await;
    }
}

/// What a snapshot shows.
pub fn counts_of(snapshot: &Snapshot) -> Counts {
    let mut counts = Counts::new();
    for series in &snapshot.series {
        for code in series.codes.iter().filter(|code| code.count > 0) {
            let name = format!("{} {}", series.function.name, code.ret_code);
            *counts.entry(name).or_default() += code.count;
        }
    }
    counts
}

/// How many records of each partition a stored state has counted.
pub fn offsets_of(targets: &[(TargetId, Checkpoint)], stream: &Stream) -> Vec<usize> {
    let mut read = vec![0; stream.partitions.len()];
    for (target, checkpoint) in targets {
        let next = checkpoint.next_offset().expect("only a stream was read");
        read[stream.number_of(target)] = next as usize;
    }
    read
}

fn partition(number: u32) -> TargetId {
    TargetId::partition(REGION, "logs", number)
}

fn function_and_code(call: u64) -> (FunctionId, RetCode) {
    let function = FunctionId::new(REGION, "default", &format!("f{}", call % 7));
    let code = if call.is_multiple_of(5) { 430 } else { 200 };
    (function, RetCode::new(code))
}

fn page_of(records: &[Record]) -> Page {
    let mut page = Page::default();
    for record in records {
        let Some(call) = record.call else {
            page.rejects.push(RejectReason::RequestId);
            continue;
        };
        let (function, ret_code) = function_and_code(call);
        let known = page.functions.iter().position(|one| *one == function);
        let index = known.unwrap_or(page.functions.len());
        if known.is_none() {
            page.functions.push(function);
        }
        page.rows.push(Row {
            function: index as u16,
            ret_code,
            outcome: match ret_code == RetCode::OK_STATUS {
                true => Outcome::Success,
                false => Outcome::FunctionError,
            },
            key: InvocationKey {
                id: u128::from(call),
                attempt: 0,
            },
            position: Timestamp::from_millis(record.logged_ms),
            started: Timestamp::from_millis(record.logged_ms - 1_000),
            duration: Nanos(1_000_000_000),
            ..Row::default()
        });
    }
    page
}

fn rules() -> Rules {
    Rules {
        functions: 100,
        several_accounts: false,
        allowed_lateness: AllowedLateness::of_lines(Duration::from_secs(LATENESS_S)),
        first_read: Duration::from_secs(24 * 3_600),
        retention: Retention {
            span: Duration::ZERO,
            is_written: false,
        },
    }
}

fn timing() -> Poll {
    let secs = Duration::from_secs;
    Poll {
        interval: secs(10),
        idle_interval: secs(10),
        sweep_interval: secs(60),
        first_read: secs(24 * 3_600),
        max_run_time: secs(900),
        delivery_delay: secs(60),
        page_size: 1_000,
        stop_timeout: secs(20),
        discovery_interval: secs(30),
    }
}

fn failure() -> ApiError {
    ApiError {
        class: ErrorClass::Transient,
        action: "Fetch".into(),
        endpoint: "stream.test".into(),
        code: "OutOfReach".into(),
        message: "no".into(),
        advice: "",
        request_id: None,
        attempts: 1,
    }
}
