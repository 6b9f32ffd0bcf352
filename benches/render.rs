//! What a scrape costs a processor apart from HTTP: each format and encoding with a body that has to
//! be rendered, then with one that is there. Other libraries, and HTTP, are in the bench `scrape`.
//!
//! `cargo bench --bench render [-- NAME]`, where `NAME` is a part of a name such as `text gzip`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use scf_exporter::expose::{ExpositionOptions, RenderedBody, ScrapeFormat};
use scf_exporter::model::{AttemptKey, Bytes, FunctionId, Nanos, Outcome, RetCode, Row, Timestamp};
use scf_exporter::runtime::Random;
use scf_exporter::series::{FunctionSeries, SeriesSet, Snapshot};
use scf_exporter::telemetry::{BuildInfo, Telemetry};

const FUNCTIONS: usize = 10_000;
/// Invocations of each function.
const CALLS: u64 = 60;
const ROUNDS: usize = 15;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    // Cargo hands `--bench` to every bench.
    let words = std::env::args().skip(1).filter(|word| word != "--bench");
    let wanted = words.collect::<Vec<_>>().join(" ").to_lowercase();
    let telemetry = Telemetry::new(&BuildInfo::current())?;
    let snapshot = fill();
    println!(
        "{FUNCTIONS} functions with three histograms, a scrape in ms of processor time, least of \
         {ROUNDS}\n{:<22}{:>9}{:>9}",
        "the body is", "rendered", "there"
    );
    for of in ScrapeFormat::all() {
        let name = format!("{:?} {}", of.format, of.encoding.as_str()).to_lowercase();
        if name.contains(&wanted) {
            println!("{name:<22}{}", costs(of, &snapshot, &telemetry)?);
        }
    }
    Ok(())
}

/// The line of one format.
fn costs(of: ScrapeFormat, snapshot: &Snapshot, telemetry: &Telemetry) -> Result<String, Failure> {
    let render = |buffer| {
        let options = ExpositionOptions::default();
        RenderedBody::render(of, options, snapshot, buffer).map(Arc::new)
    };
    let mut body = render(Vec::new())?;
    let mut least = [Duration::MAX; 2];
    for _ in 0..ROUNDS {
        for (at, least) in least.iter_mut().enumerate() {
            let before = processor_time()?;
            if at == 0 {
                body = render(body.into_buffer())?;
            }
            black_box(body.rest(&telemetry.gather())?);
            *least = (*least).min(processor_time()?.saturating_sub(before));
        }
    }
    let times = least.map(|time| format!("{:>9.2}", time.as_secs_f64() * 1e3));
    let size = body.as_ref().as_ref().len() as f64 / 1e6;
    Ok(format!("{}{size:>9.2} MB", times.concat()))
}

/// How long this thread has run: unlike the clock on the wall, it does not count what other
/// programs took meanwhile. Linux tells it.
fn processor_time() -> Result<Duration, Failure> {
    // Asking for a rest makes the kernel bring its account up to date.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split(' ').next().unwrap_or_default();
    Ok(Duration::from_nanos(nanos.parse()?))
}

fn fill() -> Snapshot {
    let random = Random::seeded(1);
    let mut all = SeriesSet::new(FUNCTIONS);
    for number in 0..FUNCTIONS {
        let name = format!("order-service-handler-{number:05}");
        let function = FunctionId::new("ap-guangzhou", "default", &name);
        let mut series = FunctionSeries::new(function, RetCode::ZERO);
        for call in 0..CALLS {
            let nanos = 200_000 + random.next_u64() % (60_000_000_000 >> (random.next_u64() % 16));
            let (ret_code, outcome) = match call {
                58 => (433, Outcome::Timeout),
                59 => (1, Outcome::FunctionError),
                _ => (0, Outcome::Success),
            };
            let row = Row {
                function: 0,
                ret_code: RetCode::new(ret_code),
                outcome,
                key: AttemptKey { id: 0, attempt: 0 },
                position: Timestamp::from_millis(1_700_000_000_000 + call as i64),
                duration: Nanos(nanos),
                billed: Nanos(nanos.next_multiple_of(100_000_000)),
                memory: Bytes((10 + random.next_u64() % 900) << 20),
                ..Row::default()
            };
            series.count(&row, Timestamp::from_secs(1_700_000_060));
        }
        all.put(Arc::new(series));
    }
    all.snapshot(1, false)
}
