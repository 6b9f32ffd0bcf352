//! How well the scarce resource, requests, is spent: the whole exporter reads a day of function
//! traffic from a simulated cloud on paused time, within five requests a second, by each way of
//! reading; a naive schedule reads the same for comparison.
//!
//! `cargo bench --bench reading -- [WORD]...` runs the rows of the table that fit the words: an
//! API (`v2`), a way of reading (`region`), a number of functions (`400`), `page=100`, `poll=60s`.
//! Of words of one kind any fits. `day` reads the whole day instead of its two busiest hours,
//! `minutes=N` another stretch, `traces=FOLDER` takes the trace from there. See `docs/PERFORMANCE.md`.

#[path = "reading/bound.rs"]
mod bound;
#[path = "reading/cloud.rs"]
mod cloud;
#[path = "reading/measure.rs"]
mod measure;
#[path = "reading/naive.rs"]
mod naive;
#[path = "reading/scenario.rs"]
mod scenario;
#[path = "reading/shape.rs"]
mod shape;
#[path = "reading/trace.rs"]
mod trace;
#[path = "reading/traffic.rs"]
mod traffic;
#[path = "reading/whole.rs"]
mod whole;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bound::Budget;
use measure::Measured;
use scenario::{Choice, Scenario};
use traffic::Traffic;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What every reader may spend.
const REQUESTS_PER_SECOND: f64 = 5.0;
const BUSY_MINUTES: usize = 120;
const TRACES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/cases/traces");

/// The lines of the table, in order; a line is printed as soon as those before it are.
#[derive(Default)]
struct Table {
    done: BTreeMap<usize, String>,
    printed: usize,
}

fn main() -> Result<(), Failure> {
    let choice = Choice::parse(std::env::args().skip(1))?;
    let minutes = choice.minutes.unwrap_or(BUSY_MINUTES);
    let folder = choice.traces.clone().unwrap_or_else(|| TRACES.to_owned());
    let day = trace::read(Path::new(&folder))?.unwrap_or_else(shape::day);
    let scenarios = choice.scenarios();
    let mut worlds: BTreeMap<usize, Arc<Traffic>> = BTreeMap::new();
    println!("{}; {minutes} minutes after 30 to warm up", day.origin);
    for scenario in &scenarios {
        let functions = scenario.functions;
        worlds.entry(functions).or_insert_with(|| {
            let world = Traffic::new(&day, functions, minutes);
            world.tell();
            Arc::new(world)
        });
    }
    println!("\n{HEAD}");
    let (next, table) = (AtomicUsize::new(0), Mutex::new(Table::default()));
    let work = || -> Result<(), Failure> {
        loop {
            let at = next.fetch_add(1, Ordering::SeqCst);
            let Some(scenario) = scenarios.get(at) else {
                return Ok(());
            };
            let line = line_of(&worlds[&scenario.functions], scenario)
                .map_err(|cause| format!("{}: {cause}", scenario.name()))?;
            table
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(at, line);
        }
    };
    std::thread::scope(|scope| {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        let ended = workers.into_iter().map(|worker| match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect::<Result<Vec<()>, Failure>>()
    })?;
    Ok(())
}

const HEAD: &str = "\
| API | read | functions | page | poll s | log requests | others | polls | counted | requests a \
row | floor | (requests - polls) / floor | p50 s | p99 s | longest s | left | bound p99 s | took s |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

/// Runs a scenario; its line of the table.
fn line_of(traffic: &Arc<Traffic>, scenario: &Scenario) -> Result<String, Failure> {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let measured = runtime.block_on(async {
        match scenario.read {
            "naive" => naive::run(traffic.clone(), scenario).await.map(Some),
            _ => whole::run(traffic.clone(), scenario).await,
        }
    })?;
    let Some(measured) = measured else {
        return Ok(format!("| {} | not offered |", scenario.cells()));
    };
    let took = began.elapsed().as_secs_f64();
    Ok(line(
        scenario,
        &measured,
        &bound_of(traffic, scenario),
        took,
    ))
}

fn line(scenario: &Scenario, measured: &Measured, bound: &str, took: f64) -> String {
    let Measured {
        logs,
        others,
        polls,
        counted,
        waits_ms,
        waiting,
    } = *measured;
    let floor = counted.div_ceil(scenario.page);
    let ratio = (logs as f64 - polls as f64) / floor as f64;
    let a_row = logs as f64 / counted as f64;
    let [p50, p99, longest] = waits_ms.map(|ms| ms as f64 / 1_000.0);
    format!(
        "| {} | {logs} | {others} | {polls} | {counted} | {a_row:.4} | {floor} | {ratio:.2} | \
         {p50:.1} | {p99:.1} | {longest:.0} | {waiting} | {bound} | {took:.0} |",
        scenario.cells()
    )
}

/// What the budget allows: of one stream the interval decides, of many the budget; in brackets
/// with polls by the square root of the rate.
fn bound_of(traffic: &Traffic, scenario: &Scenario) -> String {
    let interval = scenario.interval as f64;
    if scenario.is_one_stream() {
        return format!("{:.1}", 0.99 * interval);
    }
    let budget = Budget {
        rates: &traffic.rates(),
        requests: REQUESTS_PER_SECOND,
        page: scenario.page as f64,
        interval,
    };
    let (best, square_root) = (budget.best_p99(), budget.square_root_p99());
    format!("{best:.1} ({square_root:.1})")
}

// === impl Table ===

impl Table {
    fn add(&mut self, at: usize, line: String) {
        self.done.insert(at, line);
        while let Some(line) = self.done.remove(&self.printed) {
            println!("{line}");
            // Whoever sends it to a file wants to look on.
            let _seen = std::io::stdout().flush();
            self.printed += 1;
        }
    }
}
