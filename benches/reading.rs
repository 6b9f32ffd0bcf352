//! Measures how many requests each way of reading takes, and how long rows wait. The whole exporter
//! reads an hour of a simulated region on paused time, within five requests a second.
//!
//! `cargo bench --bench reading -- [WORD]... [minutes=N]` runs the rows of the table that have all
//! of the words, such as `v3 function 400` or `page=100`. See `docs/PERFORMANCE.md`.

#[path = "support/cloud.rs"]
mod cloud;
#[path = "support/config.rs"]
mod config;
#[path = "reading/gateway.rs"]
mod gateway;

use std::sync::Arc;
use std::time::{Duration, Instant};

use gateway::{Gateway, Waits};
use scf_exporter::app::{Dependencies, Pipeline};
use scf_exporter::config::Config;
use scf_exporter::model::Timestamp;
use scf_sim::{Cloud, Faults, Settings};
use tencentcloud::runtime::Runtime;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The rate limit of the reader.
const REQUESTS_PER_SECOND: f64 = 5.0;
/// Calls a second in the region. They are about a million a day.
const CALLS_PER_SECOND: f64 = 12.0;
/// Time before the measured stretch, in which the exporter finds its rate and the longest call ends.
const WARM_UP: Duration = Duration::from_secs(15 * 60);
const STRETCH_MINUTES: u64 = 60;
const LONGEST_CALL_MS: u64 = 600_000;
const STOP: Duration = Duration::from_secs(60);
const SEED: u64 = 400;

/// Pairs of an API and the way in which it is read.
const WAYS: [(&str, &str); 5] = [
    ("v3", "auto"),
    ("v3", "function"),
    ("v2", "auto"),
    ("v2", "function"),
    ("cls", "topic"),
];
const FUNCTIONS: [usize; 2] = [50, 400];
/// Pairs of rows a page and seconds from poll to poll.
const PACES: [(usize, u64); 2] = [(1_000, 15), (100, 60)];

/// One row of the table.
struct Scenario {
    api: &'static str,
    read: &'static str,
    functions: usize,
    page: usize,
    interval: u64,
}

const HEAD: &str = "\
| API | read | functions | page | poll s | log requests | others | rows | requests a row | floor \
| p50 s | p99 s | longest s | left | even p99 s | took s |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

fn main() -> Result<(), Failure> {
    let (mut words, mut minutes) = (Vec::new(), STRETCH_MINUTES);
    for word in std::env::args().skip(1).filter(|word| word != "--bench") {
        match word.strip_prefix("minutes=") {
            Some(number) => minutes = number.parse()?,
            None => words.push(word),
        }
    }
    println!(
        "{minutes} minutes after {} to warm up\n\n{HEAD}",
        WARM_UP.as_secs() / 60
    );
    for scenario in scenarios() {
        let own = scenario.words();
        if words.iter().all(|word| own.contains(word)) {
            let line = scenario.run(Duration::from_secs(minutes * 60));
            println!("{}", line.map_err(|cause| format!("{own:?}: {cause}"))?);
        }
    }
    Ok(())
}

fn scenarios() -> Vec<Scenario> {
    let mut all = Vec::new();
    for (api, read) in WAYS {
        for functions in FUNCTIONS {
            all.extend(PACES.map(|(page, interval)| Scenario {
                api,
                read,
                functions,
                page,
                interval,
            }));
        }
    }
    all
}

// === impl Scenario ===

impl Scenario {
    /// Returns the words that select it, which are the first cells of its line.
    fn words(&self) -> [String; 5] {
        let (page, poll) = (
            format!("page={}", self.page),
            format!("poll={}s", self.interval),
        );
        let functions = self.functions.to_string();
        [
            self.api.to_owned(),
            self.read.to_owned(),
            functions,
            page,
            poll,
        ]
    }

    /// Reads a region and returns the line of the table.
    fn run(&self, stretch: Duration) -> Result<String, Failure> {
        let began = Instant::now();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let waits = runtime.block_on(self.read(stretch))?;
        Ok(self.line(&waits, began.elapsed()))
    }

    async fn read(&self, stretch: Duration) -> Result<Waits, Failure> {
        let settings = self.settings();
        let config = self.config(&settings)?;
        let start = Timestamp::from_millis(settings.start_ms);
        let runtime = Runtime::simulated(start, SEED);
        let gateway = Gateway::new(Cloud::new(settings), runtime.clock.clone());
        let dependencies = Dependencies {
            runtime,
            transport: gateway.clone(),
            environment: Arc::new(|_: &str| None),
            disk: None,
        };
        let running = Pipeline::build(&config, dependencies).await?.start();
        tokio::time::sleep(WARM_UP).await;
        gateway.begin();
        tokio::time::sleep(stretch).await;
        let waits = gateway.waits();
        running.stop(STOP).await;
        Ok(waits)
    }

    /// Returns a cloud in which no request fails, and rows are late and calls are long as on a usual day.
    fn settings(&self) -> Settings {
        let usual = Faults::typical();
        Settings {
            functions: self.functions,
            rate_per_second: CALLS_PER_SECOND,
            max_duration_ms: LONGEST_CALL_MS,
            faults: Faults {
                running_rows: usual.running_rows,
                long_calls: usual.long_calls,
                usual_delivery_ms: usual.usual_delivery_ms,
                ..Faults::none()
            },
            ..Settings::new(SEED)
        }
    }

    fn config(&self, settings: &Settings) -> Result<Config, Failure> {
        let Self { page, interval, .. } = self;
        let head = format!(
            "state: {{path: \"\"}}\n\
             limits: {{requests_per_second: {REQUESTS_PER_SECOND}}}\n\
             poll: {{interval: {interval}s, page_size: {page}}}"
        );
        let read = match self.api {
            "cls" => String::new(),
            _ => format!("\x20 read: {}\n", self.read),
        };
        config::of_source(&head, self.api, "http://sim.test", &read, settings)
    }

    fn line(&self, waits: &Waits, took: Duration) -> String {
        let cells = self.words().join(" | ");
        let (logs, rows) = (waits.logs, waits.rows);
        let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|part| waits.seconds(part));
        format!(
            "| {cells} | {logs} | {} | {rows} | {:.4} | {} | {p50:.1} | {p99:.1} | {longest:.0} | \
             {} | {:.1} | {:.0} |",
            waits.others,
            logs as f64 / rows as f64,
            rows.div_ceil(self.page),
            waits.left,
            self.even_p99(),
            took.as_secs_f64(),
        )
    }

    /// Returns the 99th percentile of waits if polls were evenly spaced. For one stream the interval
    /// decides, for many the budget.
    fn even_p99(&self) -> f64 {
        let round = self.functions as f64 / REQUESTS_PER_SECOND;
        let interval = self.interval as f64;
        match self.read {
            "function" => 0.99 * interval.max(round),
            _ => 0.99 * interval,
        }
    }
}
