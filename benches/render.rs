//! What the text of 10,000 functions with three histograms costs: our walk into a reused buffer,
//! over equal data against the `prometheus` crate's `TextEncoder` in the same run; then what each
//! format costs beside what is kept from the last scrape.
//!
//! `cargo bench --bench render [-- FUNCTIONS]`. The times are those of this machine; the ratios
//! are the point.

use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus::{
    Encoder, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};
use scf_exporter::catalog::{self, FUNCTION_LABELS, Metric};
use scf_exporter::expose::{self, Form, Rendition, Scrape, Style};
use scf_exporter::model::{AttemptKey, Bytes, FunctionId, Nanos, Outcome, RetCode, Row, Timestamp};
use scf_exporter::runtime::Random;
use scf_exporter::series::{
    Bounds, DURATION_BOUNDS, FunctionSeries, MEMORY_BOUNDS, SeriesSet, Snapshot,
};
use scf_exporter::telemetry::{BuildInfo, Telemetry};

/// Invocations of each function.
const CALLS: u64 = 60;
const ROUNDS: usize = 15;

type Failure = Box<dyn std::error::Error>;

/// The same families as ours, kept by the `prometheus` crate.
struct Peer {
    registry: Registry,
    invocations: IntCounterVec,
    duration: HistogramVec,
    billed: HistogramVec,
    memory: HistogramVec,
    last: GaugeVec,
    info: GaugeVec,
}

fn main() -> Result<(), Failure> {
    // Cargo hands `--bench` to every bench.
    let functions = std::env::args()
        .skip(1)
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(10_000);
    let (snapshot, peer) = fill(functions)?;
    let telemetry = Telemetry::new(&BuildInfo::current())?;

    let mut ours = Vec::new();
    let own = fastest(|| {
        ours.clear();
        expose::render(&snapshot, &telemetry, &mut ours);
        ours.len()
    });
    let mut theirs = Vec::new();
    let encoder = TextEncoder::new();
    let peer_time = fastest(|| {
        theirs.clear();
        let encoded = encoder.encode(&peer.registry.gather(), &mut theirs);
        encoded.map_or(0, |()| theirs.len())
    });
    let families = peer.registry.gather();
    let encode_only = fastest(|| {
        theirs.clear();
        let encoded = encoder.encode(&families, &mut theirs);
        encoded.map_or(0, |()| theirs.len())
    });

    println!(
        "{functions} functions with three histograms, processor time, least of {ROUNDS}; the \
         machine copies the bytes of ours in {:.2} ms",
        fastest(|| copy(&ours)).as_secs_f64() * 1e3
    );
    line("ours, reused buffer", own, &ours, own);
    line("prometheus crate, gather + encode", peer_time, &theirs, own);
    line("prometheus crate, encode alone", encode_only, &theirs, own);
    println!("a scrape where all functions, one in a hundred, none changed since the last one:");
    Form::all(Style::default()).try_for_each(|form| kept(form, &snapshot, &telemetry))
}

/// What a scrape costs beside what is kept from the last one.
fn kept(form: Form, snapshot: &Snapshot, telemetry: &Telemetry) -> Result<(), Failure> {
    let own = telemetry.gather();
    let before = Arc::new(Rendition::new(form, snapshot, None)?);
    let hundredth = changed(snapshot, 100);
    let mut size = 0;
    let mut frames = |rendition: io::Result<Rendition>| {
        let Ok(mut scrape) = rendition.and_then(|made| Scrape::new(Arc::new(made), &own)) else {
            return 0;
        };
        size = scrape.left();
        std::iter::from_fn(|| scrape.next_frame().map(black_box)).count()
    };
    let anew = fastest(|| frames(Rendition::new(form, snapshot, None)));
    let few = fastest(|| {
        frames(Rendition::new(
            form,
            &hundredth,
            Some(Rendition::clone(&before)),
        ))
    });
    let none = fastest(|| {
        let scrape = Scrape::new(before.clone(), &own);
        scrape.map_or(0, |mut scrape| {
            std::iter::from_fn(|| scrape.next_frame().map(black_box)).count()
        })
    });
    println!(
        "{:<36}{:>9.2} ms{:>9.2} ms{:>9.2} ms{:>8.2} MB",
        format!("{:?}, {:?}", form.format, form.encoding),
        anew.as_secs_f64() * 1e3,
        few.as_secs_f64() * 1e3,
        none.as_secs_f64() * 1e3,
        size as f64 / 1e6,
    );
    Ok(())
}

/// The next snapshot, in which one function in `of`, taken at random, changed.
fn changed(snapshot: &Snapshot, of: u64) -> Snapshot {
    let random = Random::seeded(2);
    let series = snapshot.series.iter().map(|series| {
        if random.next_u64().is_multiple_of(of) {
            Arc::new(FunctionSeries::clone(series))
        } else {
            Arc::clone(series)
        }
    });
    let next = Snapshot::new(snapshot.generation + 1, false, series.collect());
    next.following(snapshot)
}

fn line(name: &str, took: Duration, text: &[u8], own: Duration) {
    let series = text.split(|&byte| byte == b'\n').filter(|line| {
        let first = line.first();
        first.is_some_and(|&byte| byte != b'#')
    });
    let series = series.count();
    println!(
        "{name:<36}{:>9.2} ms{:>8.1} ns/series{series:>9} series{:>8.2} MB{:>8.2} x ours",
        took.as_secs_f64() * 1e3,
        took.as_secs_f64() * 1e9 / series as f64,
        text.len() as f64 / 1e6,
        took.as_secs_f64() / own.as_secs_f64(),
    );
}

/// The least processor time of some rounds after one that warms up: noise only ever adds.
fn fastest(mut work: impl FnMut() -> usize) -> Duration {
    black_box(work());
    let rounds = (0..ROUNDS).map(|_| {
        let (start, on_processor) = (Instant::now(), processor_time());
        black_box(work());
        match (on_processor, processor_time()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            _ => start.elapsed(),
        }
    });
    rounds.min().unwrap_or_default()
}

/// Time that this thread has run, where Linux tells it: unlike the clock on the wall, it does
/// not count what other programs took meanwhile.
fn processor_time() -> Option<Duration> {
    // Asking for a rest makes the kernel bring its account up to date.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanos = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanos))
}

/// The lower limit: the finished bytes, copied in blocks as large as a piece.
fn copy(text: &[u8]) -> usize {
    let mut block = Vec::with_capacity(64 * 1024);
    let mut size = 0;
    for part in text.chunks(64 * 1024) {
        block.clear();
        block.extend_from_slice(part);
        size += black_box(&block).len();
    }
    size
}

/// Equal data for both.
fn fill(functions: usize) -> Result<(Arc<Snapshot>, Peer), Failure> {
    let peer = Peer::new()?;
    let random = Random::seeded(1);
    let mut all = SeriesSet::new(functions);
    for number in 0..functions {
        let name = format!("order-service-handler-{number:05}");
        let mut series = FunctionSeries::new(
            FunctionId::new("ap-guangzhou", "default", &name),
            RetCode::ZERO,
        );
        for call in 0..CALLS {
            let nanos = 200_000 + random.next_u64() % (60_000_000_000 >> (random.next_u64() % 16));
            let memory = (10 + random.next_u64() % 900) << 20;
            let (ret_code, outcome) = match call {
                58 => (433, Outcome::Timeout),
                59 => (1, Outcome::FunctionError),
                _ => (0, Outcome::Success),
            };
            series.count(
                &Row {
                    function: 0,
                    ret_code: RetCode::new(ret_code),
                    outcome,
                    key: AttemptKey { id: 0, attempt: 0 },
                    position: Timestamp::from_millis(1_700_000_000_000 + call as i64),
                    duration: Nanos(nanos),
                    billed: Nanos(nanos.next_multiple_of(100_000_000)),
                    memory: Bytes(memory),
                    ..Row::default()
                },
                Timestamp::from_secs(1_700_000_060),
            );
            peer.count(
                &name,
                ret_code,
                outcome,
                &[
                    nanos as f64 / 1e9,
                    nanos.next_multiple_of(100_000_000) as f64 / 1e9,
                    memory as f64,
                ],
            );
        }
        peer.known(&name);
        all.put(Arc::new(series));
    }
    Ok((Arc::new(all.snapshot(1, false)), peer))
}

// === impl Peer ===

impl Peer {
    fn new() -> Result<Self, Failure> {
        let opts = |metric: &Metric| Opts::new(metric.name, metric.help);
        let seconds = || -> Result<Vec<f64>, Failure> { bounds(&DURATION_BOUNDS) };
        let histogram = |metric: &Metric, bounds| {
            let opts = HistogramOpts::new(metric.name, metric.help).buckets(bounds);
            HistogramVec::new(opts, metric.labels)
        };
        let peer = Self {
            registry: Registry::new(),
            invocations: IntCounterVec::new(
                opts(&catalog::INVOCATIONS),
                catalog::INVOCATIONS.labels,
            )?,
            duration: histogram(&catalog::DURATION, seconds()?)?,
            billed: histogram(&catalog::BILLED_DURATION, seconds()?)?,
            memory: histogram(&catalog::MEMORY_USAGE, bounds(&MEMORY_BOUNDS)?)?,
            last: GaugeVec::new(opts(&catalog::LAST_INVOCATION), FUNCTION_LABELS)?,
            info: GaugeVec::new(opts(&catalog::FUNCTION_INFO), FUNCTION_LABELS)?,
        };
        peer.registry.register(Box::new(peer.invocations.clone()))?;
        peer.registry.register(Box::new(peer.duration.clone()))?;
        peer.registry.register(Box::new(peer.billed.clone()))?;
        peer.registry.register(Box::new(peer.memory.clone()))?;
        peer.registry.register(Box::new(peer.last.clone()))?;
        peer.registry.register(Box::new(peer.info.clone()))?;
        Ok(peer)
    }

    fn count(&self, name: &str, ret_code: i64, outcome: Outcome, values: &[f64; 3]) {
        let function = ["ap-guangzhou", "default", name];
        let code = ret_code.to_string();
        let way = ["ap-guangzhou", "default", name, &code, outcome.as_str()];
        self.invocations.with_label_values(&way).inc();
        self.duration
            .with_label_values(&function)
            .observe(values[0]);
        self.billed.with_label_values(&function).observe(values[1]);
        self.memory.with_label_values(&function).observe(values[2]);
    }

    fn known(&self, name: &str) {
        let function = ["ap-guangzhou", "default", name];
        self.info.with_label_values(&function).set(1.0);
        self.last
            .with_label_values(&function)
            .set(1_700_000_000.059);
    }
}

fn bounds(bounds: &Bounds) -> Result<Vec<f64>, Failure> {
    Ok(bounds
        .le
        .iter()
        .map(|le| le.parse::<f64>())
        .collect::<Result<_, _>>()?)
}
