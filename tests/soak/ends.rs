//! The real program under load, stopped and killed in turn at random instants.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tencentcloud::runtime::Random;

use crate::support::exposition::Exposition;
use crate::support::process::{Program, Simulator, free_address, get, until};

/// Takes the place of the seed that the clock gives.
const SEED_VARIABLE: &str = "SOAK_SEED";
const FUNCTIONS: usize = 12;
const CALLS_PER_SECOND: usize = 100;
/// The longest time from a start of the program to its end.
const LONGEST: Duration = Duration::from_millis(1_500);
/// A start of a busy machine's slow minute.
const PATIENCE: Duration = Duration::from_secs(60);

/// Invocations by namespace, function and code.
type Counts = BTreeMap<(String, String, String), u64>;

/// One exporter after another over one state.
struct Soak {
    arguments: Vec<String>,
    keys: (String, String),
    address: String,
    random: Random,
    /// What the last scrape showed.
    shown: Counts,
    scrapes: u64,
}

/// Ends the program `ends` times; what a scrape has shown never goes back, and at the end all is
/// counted once.
pub fn stopped_and_killed(ends: usize) {
    let seed = std::env::var(SEED_VARIABLE).map_or_else(|_| clock(), |seed| seed.parse().unwrap());
    println!("ends: {SEED_VARIABLE}={seed}");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("replay.jsonl");
    let rows = replay(&file, Duration::from_millis(1_300) * ends as u32);
    let file = file.display().to_string();
    let simulator = Simulator::start(&["--faults", "typical", "--replay", &file]);
    let cloud = simulator.address.clone();
    let address = free_address();
    let mut soak = Soak {
        arguments: run(&cloud, &address, &directory.path().join("state")),
        keys: (simulator.id.clone(), simulator.key.clone()),
        address,
        random: Random::seeded(seed),
        shown: Counts::new(),
        scrapes: 0,
    };
    let began = Instant::now();
    for end in 0..ends {
        soak.cycle(end % 2 == 0);
    }
    let per_end = began.elapsed() / ends as u32;
    let counted: u64 = soak.shown.values().sum();
    println!(
        "ends: {ends} ends, every second one a kill -9, one each {per_end:?}, {} scrapes, {counted} \
         of {rows} counted by then, seed {seed}",
        soak.scrapes
    );
    soak.finish(&cloud, rows, seed);
}

impl Soak {
    fn start(&self) -> Program {
        Program::start(&self.arguments, Some((&self.keys.0, &self.keys.1)))
    }

    /// One life. A kill may come before the first answer, SIGTERM is for what has begun.
    fn cycle(&mut self, is_stopped: bool) {
        let program = self.start();
        let end = Instant::now() + self.random.jitter(LONGEST);
        if is_stopped {
            until(PATIENCE, "a scrape", || self.scrape());
        }
        while Instant::now() < end {
            // Nobody answers yet: the next look is as good.
            let _early = self.scrape();
        }
        if is_stopped {
            assert_eq!(program.terminate(), Some(0), "a graceful stop is a success");
        } else {
            program.kill();
        }
    }

    /// A scrape, which must show no less than the last one.
    fn scrape(&mut self) -> Option<()> {
        let metrics = Exposition::parse(&get(&self.address, "/metrics")?).unwrap();
        let now = counts(&metrics);
        for (series, count) in &self.shown {
            assert!(
                now.get(series) >= Some(count),
                "{series:?} fell from {count}"
            );
        }
        self.scrapes += 1;
        self.shown = now;
        Some(())
    }

    fn finish(mut self, cloud: &str, rows: usize, seed: u64) {
        let program = self.start();
        let limit = Duration::from_secs(rows as u64 / CALLS_PER_SECOND as u64) + PATIENCE;
        until(limit, "every invocation", || {
            self.scrape()?;
            (self.shown.values().sum::<u64>() >= rows as u64).then_some(())
        });
        assert_eq!(
            self.shown,
            truth(cloud),
            "counted, and the truth, seed {seed}"
        );
        assert_eq!(program.terminate(), Some(0));
        println!("ends: {rows} invocations, each counted once");
    }
}

fn clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_nanos() as u64
}

/// Calls from now on for `span`, some of them long, some failing.
fn replay(path: &Path, span: Duration) -> usize {
    let rows = span.as_millis() as usize * CALLS_PER_SECOND / 1_000;
    let mut lines = String::new();
    for row in 0..rows {
        let (function, code) = (row * row % FUNCTIONS, [0, 0, 0, 1, -1][row % 5]);
        let start = row * 1_000 / CALLS_PER_SECOND;
        let duration = if row % 97 == 0 { 4_000 } else { row % 211 };
        writeln!(
            lines,
            r#"{{"function_name":"f{function}","namespace":"default","request_id":"{row:08x}-0000-4000-8000-{row:012x}","retry":0,"start_offset_ms":{start},"duration_ms":{duration}.25,"billed_ms":{},"mem_bytes":{},"ret_code":{code},"visible_after_ms":{},"log":""}}"#,
            duration + 1,
            (row % 64 + 1) << 20,
            row % 900,
        )
        .unwrap();
    }
    fs::write(path, lines).unwrap();
    rows
}

fn run(cloud: &str, address: &str, state: &Path) -> Vec<String> {
    let endpoint = format!("http://{cloud}");
    let state = state.display().to_string();
    let flags = [
        ["--api", "v3"],
        ["--region", "ap-guangzhou"],
        ["--endpoint", &endpoint],
        ["--web.listen-address", address],
        ["--state.path", &state],
        ["--poll.interval", "200ms"],
        ["--poll.idle-interval", "400ms"],
        ["--poll.sweep-interval", "1s"],
        ["--poll.max-run-time", "5s"],
        ["--poll.delivery-delay", "5s"],
        ["--poll.page-size", "100"],
        ["--limits.requests-per-second", "200"],
        ["--first-read", "5m"],
    ];
    let flags = flags.as_flattened().iter().map(|&flag| flag.to_owned());
    std::iter::once("run".to_owned()).chain(flags).collect()
}

fn counts(metrics: &Exposition) -> Counts {
    let mut counts = Counts::new();
    for sample in metrics.matching("scf_invocations_total", &[]) {
        let label = |name: &str| sample.labels[name].clone();
        let series = (
            label("function_namespace"),
            label("function_name"),
            label("ret_code"),
        );
        *counts.entry(series).or_default() += sample.value as u64;
    }
    counts.retain(|_, count| *count > 0);
    counts
}

fn truth(cloud: &str) -> Counts {
    let body = get(cloud, "/_sim/truth").expect("the simulator answers");
    let truth: serde_json::Value = serde_json::from_str(&body).unwrap();
    let mut counts = Counts::new();
    for function in truth["functions"].as_array().unwrap() {
        let text = |name: &str| function[name].as_str().unwrap().to_owned();
        for (code, count) in function["invocations"].as_object().unwrap() {
            let series = (text("namespace"), text("function_name"), code.clone());
            counts.insert(series, count.as_u64().unwrap());
        }
    }
    counts.retain(|_, count| *count > 0);
    counts
}
