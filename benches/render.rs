//! What rendering costs a processor where nobody asks for it: each form anew, then with what is
//! kept from the scrape before. Other libraries, and the way over HTTP, are in the bench `scrape`.
//!
//! `cargo bench --bench render [-- FORM]`, where `FORM` is a part of a name such as `text gzip`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use scf_exporter::expose::{Form, Rendition, Scrape, Style};
use scf_exporter::model::{AttemptKey, Bytes, FunctionId, Nanos, Outcome, RetCode, Row, Timestamp};
use scf_exporter::runtime::Random;
use scf_exporter::series::{FunctionSeries, SeriesSet, Snapshot};
use scf_exporter::telemetry::{BuildInfo, Telemetry};

const FUNCTIONS: usize = 10_000;
/// Invocations of each function.
const CALLS: u64 = 60;
const ROUNDS: usize = 15;

type Failure = Box<dyn std::error::Error>;

/// Scrapes in one form, one after the other.
struct Scraper<'t> {
    form: Form,
    telemetry: &'t Telemetry,
    kept: Option<Rendition>,
}

fn main() -> Result<(), Failure> {
    // Cargo hands `--bench` to every bench.
    let words = std::env::args().skip(1).filter(|word| word != "--bench");
    let wanted = words.collect::<Vec<_>>().join(" ").to_lowercase();
    let telemetry = Telemetry::new(&BuildInfo::current())?;
    let first = fill();
    println!(
        "{FUNCTIONS} functions with three histograms, a scrape in ms of processor time, least of \
         {ROUNDS}\n{:<22}{:>9}{:>9}{:>9}{:>9}",
        "changed since the last", "all", "1 %", "same 1 %", "none"
    );
    for form in Form::all(Style::default()) {
        let (format, encoding) = (form.format, form.encoding.as_str());
        let name = format!("{format:?} {encoding}").to_lowercase();
        if name.contains(&wanted) {
            println!("{name:<22}{}", costs(form, &first, &telemetry)?);
        }
    }
    Ok(())
}

/// The line of one form.
fn costs(form: Form, first: &Snapshot, telemetry: &Telemetry) -> Result<String, Failure> {
    let mut scraper = Scraper {
        form,
        telemetry,
        kept: None,
    };
    let all = scraper.fastest(first, |snapshot| changed(snapshot, |_| true))?;
    let random = Random::seeded(2);
    let hundredth = |_| random.next_u64().is_multiple_of(100);
    let some = scraper.fastest(first, |snapshot| changed(snapshot, hundredth))?;
    let same = scraper.fastest(first, |snapshot| changed(snapshot, |slot| slot % 100 == 7))?;
    let none = scraper.fastest(first, Snapshot::clone)?;
    let times = [all, some, same, none].map(|time| time.as_secs_f64() * 1e3);
    let times = times.map(|millis| format!("{millis:>9.2}")).concat();
    let size = scraper.scrape(first)? as f64 / 1e6;
    Ok(format!("{times}{size:>9.2} MB"))
}

impl Scraper<'_> {
    /// The least processor time of scrapes of one snapshot after the other: noise only ever adds.
    fn fastest(
        &mut self,
        first: &Snapshot,
        next: impl Fn(&Snapshot) -> Snapshot,
    ) -> Result<Duration, Failure> {
        let mut snapshot = first.clone();
        self.kept = None;
        let mut least = Duration::MAX;
        for _ in 0..ROUNDS {
            self.scrape(&snapshot)?;
            snapshot = next(&snapshot);
            let before = processor_time()?;
            self.scrape(&snapshot)?;
            least = least.min(processor_time()?.saturating_sub(before));
        }
        Ok(least)
    }

    /// The bytes of a scrape.
    fn scrape(&mut self, snapshot: &Snapshot) -> Result<usize, Failure> {
        let rendition = match self.kept.take() {
            Some(kept) if kept.generation() == snapshot.generation => kept,
            before => Rendition::new(self.form, snapshot, before)?,
        };
        let rendition = Arc::new(rendition);
        let mut scrape = Scrape::new(rendition.clone(), &self.telemetry.gather())?;
        let size = scrape.left();
        while let Some(frame) = scrape.next_frame() {
            black_box(frame);
        }
        drop(scrape);
        self.kept = Arc::into_inner(rendition);
        Ok(size)
    }
}

/// The next snapshot, in which the functions in these slots changed.
fn changed(snapshot: &Snapshot, is_changed: impl Fn(usize) -> bool) -> Snapshot {
    let series = snapshot.series.iter().enumerate().map(|(slot, series)| {
        if is_changed(slot) {
            Arc::new(FunctionSeries::clone(series))
        } else {
            Arc::clone(series)
        }
    });
    let next = Snapshot::new(snapshot.generation + 1, false, series.collect());
    next.following(snapshot)
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
