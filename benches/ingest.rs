//! What a row costs through each API: end to end over HTTP, and reading alone, each beside a bare
//! use of `serde_json` on the very same answers, and beside a search for quotes in them.
//!
//! `cargo bench --bench ingest [-- v2 v3 cls]`; `BENCH_ROWS` and `BENCH_ROUNDS` make it shorter.
//! The simulated cloud is a process of its own, and so is each contestant of each round, so that
//! processor time is told apart. The ratios within a run are the point: see `docs/PERFORMANCE.md`.

#[path = "ingest/alone.rs"]
mod alone;
#[path = "ingest/bare.rs"]
mod bare;
#[path = "support/cloud.rs"]
mod cloud;
#[path = "support/config.rs"]
mod config;
#[path = "support/process.rs"]
mod process;
#[path = "ingest/server.rs"]
mod server;
#[path = "ingest/whole.rs"]
mod whole;
#[path = "ingest/world.rs"]
mod world;

use process::{Process, median};
use world::World;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const ROWS: usize = 200_000;
const ROUNDS: usize = 3;
const APIS: [&str; 3] = ["v2", "v3", "cls"];

/// What is measured, and which part of this program does it.
const CONTESTANTS: [(&str, &str); 5] = [
    ("whole", "end to end: the whole exporter"),
    ("bare", "  peer: reqwest and serde_json, nothing counted"),
    (
        "alone",
        "reading alone: the adapter, without HTTP and ledger",
    ),
    ("serde", "  peer: serde_json, nothing kept"),
    ("quotes", "  limit: memchr for quotes and backslashes"),
];

/// What a contestant spent, printed by its process.
#[derive(Debug, Clone, Copy)]
struct Spent {
    rows: usize,
    /// Seconds of processor time.
    cpu: f64,
    /// Seconds.
    wall: f64,
    /// The most memory that the process held, MiB.
    peak: f64,
}

fn main() -> Result<(), Failure> {
    // The exporter installs it too; `reqwest` is built without one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", ref world @ ..] => server::run(World::parse(world)?),
        ["contestant", who, first, second, ref world @ ..] => {
            let (world, ports) = (World::parse(world)?, [first.parse()?, second.parse()?]);
            let Spent {
                rows,
                cpu,
                wall,
                peak,
            } = contest(who, ports, world)?;
            println!("{rows} {cpu} {wall} {peak}");
            Ok(())
        }
        _ => compare(&arguments),
    }
}

/// `ports` are those of the simulated cloud and of the recorded answers.
fn contest(who: &str, ports: [u16; 2], world: World) -> Result<Spent, Failure> {
    match who {
        "whole" => whole::run(ports[0], world),
        "bare" => bare::over_http(ports[1], world),
        "alone" => alone::run(world),
        "serde" => bare::in_memory(world),
        _ => bare::quotes(world),
    }
}

fn compare(arguments: &[&str]) -> Result<(), Failure> {
    let (rows, rounds) = (
        setting("BENCH_ROWS", ROWS)?,
        setting("BENCH_ROUNDS", ROUNDS)?,
    );
    for api in APIS {
        let is_named = |word: &&str| APIS.contains(word);
        if arguments.contains(&api) || !arguments.iter().any(is_named) {
            table(World::new(api, rows)?, rounds.max(1))?;
        }
    }
    Ok(())
}

fn setting(name: &str, default: usize) -> Result<usize, Failure> {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("{name} is no number").into()),
        Err(_) => Ok(default),
    }
}

/// Runs all contestants in turn, round after round, and prints the medians.
fn table(world: World, rounds: usize) -> Result<(), Failure> {
    let words = world.words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut server = Process::again(&[&["server"], &words[..]].concat())?;
    let told = server.line()?;
    let ports: Vec<&str> = told.split(' ').collect();
    let mut results = CONTESTANTS.map(|_| Vec::new());
    for _ in 0..rounds {
        for ((who, _), results) in CONTESTANTS.iter().zip(&mut results) {
            let arguments = [&["contestant", who], &ports[..], &words[..]].concat();
            let line = Process::again(&arguments)?.line();
            results.push(Spent::parse(
                &line.map_err(|cause| format!("{who}: {cause}"))?,
            )?);
        }
    }
    println!(
        "\n{}: {} rows, pages of {}, median of {rounds}\n{:<54}{:>12}{:>9}{:>9}{:>10}{:>8}",
        world.api,
        results[0][0].rows,
        world::PAGE,
        "",
        "rows/CPU-s",
        "CPU s",
        "wall s",
        "peak MiB",
        "x peer"
    );
    for (at, (_, name)) in CONTESTANTS.iter().enumerate() {
        let rate = |of: &Vec<Spent>| median(of.iter().map(|one| one.rows as f64 / one.cpu));
        // End to end is held against what follows it, and so is reading alone.
        let peer = [1, 1, 3, 3, 3][at];
        println!(
            "{name:<54}{:>12.0}{:>9.2}{:>9.2}{:>10.0}{:>8.2}",
            rate(&results[at]),
            median(results[at].iter().map(|one| one.cpu)),
            median(results[at].iter().map(|one| one.wall)),
            median(results[at].iter().map(|one| one.peak)),
            rate(&results[at]) / rate(&results[peer]),
        );
    }
    Ok(())
}

// === impl Spent ===

impl Spent {
    fn parse(line: &str) -> Result<Self, Failure> {
        let fields: Vec<&str> = line.split(' ').collect();
        let [rows, cpu, wall, peak] = fields[..] else {
            return Err(format!("a contestant printed {line:?}").into());
        };
        Ok(Self {
            rows: rows.parse()?,
            cpu: cpu.parse()?,
            wall: wall.parse()?,
            peak: peak.parse()?,
        })
    }
}
