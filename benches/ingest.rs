//! Measures the cost of a row through each API, end to end over HTTP and for the adapter alone. Each
//! is compared with a bare use of `serde_json` on the same answers, and with a search for quotes.
//!
//! Run it with `cargo bench --bench ingest [-- v2 v3 cls]`; `BENCH_ROWS` and `BENCH_ROUNDS` make it
//! shorter. The simulated cloud and each contestant of each round are processes of their own, so that
//! their processor time can be told apart. Only the ratios within a run matter: see
//! `docs/PERFORMANCE.md`.

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
use serde::{Deserialize, Serialize};
use world::World;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const ROWS: usize = 200_000;
const ROUNDS: usize = 3;
const APIS: [&str; 3] = ["v2", "v3", "cls"];

/// The contestants, by the argument that selects the part of this program, and their titles.
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

/// The cost of a contestant, as its process prints it.
#[derive(Debug, Serialize, Deserialize)]
struct Spent {
    rows: usize,
    /// Processor time in seconds.
    cpu: f64,
    /// Wall-clock time in seconds.
    wall: f64,
    /// Peak memory of the process in MiB.
    peak: f64,
}

fn main() -> Result<(), Failure> {
    // `reqwest` is built without a provider; the exporter installs the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", world] => server::run(&serde_json::from_str(world)?),
        ["contestant", who, ports, world] => {
            let (ports, world) = (serde_json::from_str(ports)?, serde_json::from_str(world)?);
            println!("{}", serde_json::to_string(&contest(who, ports, &world)?)?);
            Ok(())
        }
        _ => compare(&arguments),
    }
}

/// Runs a contestant. `ports` are those of the simulated cloud and of the recorded answers.
fn contest(who: &str, ports: [u16; 2], world: &World) -> Result<Spent, Failure> {
    match who {
        "whole" => whole::run(ports[0], world),
        "bare" => bare::over_http(ports[1], world),
        "alone" => alone::run(world),
        _ => bare::in_memory(world, who == "serde"),
    }
}

fn compare(arguments: &[&str]) -> Result<(), Failure> {
    let setting = |name, default| match std::env::var(name) {
        Ok(text) => text.parse(),
        Err(_) => Ok(default),
    };
    let (rows, rounds) = (
        setting("BENCH_ROWS", ROWS)?,
        setting("BENCH_ROUNDS", ROUNDS)?,
    );
    for api in APIS {
        let is_named = |word: &&str| APIS.contains(word);
        if arguments.contains(&api) || !arguments.iter().any(is_named) {
            table(&World::new(api, rows)?, rounds.max(1))?;
        }
    }
    Ok(())
}

/// Runs all contestants in turn in each round, and prints the medians.
fn table(world: &World, rounds: usize) -> Result<(), Failure> {
    let told = serde_json::to_string(world)?;
    let mut server = Process::again(&["server", &told])?;
    let ports = server.line()?;
    let mut results = CONTESTANTS.map(|_| Vec::new());
    for _ in 0..rounds {
        for ((who, _), results) in CONTESTANTS.iter().zip(&mut results) {
            let line = Process::again(&["contestant", who, &ports, &told])?.line();
            let line = line.map_err(|cause| format!("{who}: {cause}"))?;
            results.push(serde_json::from_str::<Spent>(&line)?);
        }
    }
    let (api, rows, page) = (&world.api, results[0][0].rows, world::PAGE);
    println!("\n{api}: {rows} rows, pages of {page}, median of {rounds}");
    println!("{:54}  rows/CPU-s    CPU s   wall s  peak MiB  x peer", "");
    for (at, (_, name)) in CONTESTANTS.iter().enumerate() {
        let of = |who: usize, what: fn(&Spent) -> f64| median(results[who].iter().map(what));
        let rate = |one: &Spent| one.rows as f64 / one.cpu;
        // The whole and the adapter alone are compared with the peer after each.
        let peer = [1, 1, 3, 3, 3][at];
        println!(
            "{name:<54}{:>12.0}{:>9.2}{:>9.2}{:>10.0}{:>8.2}",
            of(at, rate),
            of(at, |one| one.cpu),
            of(at, |one| one.wall),
            of(at, |one| one.peak),
            of(at, rate) / of(peer, rate),
        );
    }
    Ok(())
}
