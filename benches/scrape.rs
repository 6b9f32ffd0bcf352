//! Measures scrapes over HTTP on loopback: when nothing and when everything changed since the last
//! one, beside two limits (a body that is prepared before, and flat arrays written anew), and many
//! at once. It also measures the memory of a function.
//!
//! `cargo bench --bench scrape [-- FUNCTIONS]` takes 10,000 functions by default. Every server is a
//! process of its own, and all show the same numbers. Only the ratios within a run matter: see
//! `docs/PERFORMANCE.md`.

#[path = "scrape/client.rs"]
mod client;
#[path = "scrape/flat.rs"]
mod flat;
#[path = "scrape/ours.rs"]
mod ours;
#[path = "support/process.rs"]
mod process;
#[path = "scrape/serve.rs"]
mod serve;
#[path = "scrape/workload.rs"]
mod workload;

use std::path::Path;
use std::time::{Duration, Instant};

use client::{Form, Row, Server};
use process::{Cpu, Process, memory_kib};
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const FUNCTIONS: usize = 10_000;
const ROUNDS: usize = 15;
/// A measurement ends after this time once it has [`SOME`] rounds.
const ENOUGH: Duration = Duration::from_secs(20);
const SOME: usize = 3;
const STORM: usize = 200;

/// Highest ratios of scrapes of text, plain and packed, to those of the prepared body where nothing
/// changed, and to those of the flat arrays where everything did.
const UNCHANGED: [f64; 2] = [1.1, 1.1];
const CHANGED: [f64; 2] = [1.0, 1.1];
/// Highest ratio of the processor time of many scrapes at once to that of one scrape that renders and
/// of the others that do not.
const TOGETHER: f64 = 1.5;
/// Most resident memory in KiB a function, without bodies.
const RESIDENT: f64 = 3.0;

struct Bench {
    runtime: tokio::runtime::Runtime,
    data: String,
    functions: usize,
    goals: Vec<String>,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments = arguments.iter().map(String::as_str);
    // Cargo hands `--bench` to every bench.
    let arguments: Vec<&str> = arguments.filter(|word| *word != "--bench").collect();
    match arguments[..] {
        ["serve", who, data, count] => serve::run(who, Path::new(data), count.parse()?),
        [count] => compare(count.parse()?),
        _ => compare(FUNCTIONS),
    }
}

fn compare(functions: usize) -> Result<(), Failure> {
    // The exporter installs it too; `reqwest` is built without one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("workload");
    workload::write(&data, functions)?;
    let mut bench = Bench {
        runtime: tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?,
        data: data.to_string_lossy().into_owned(),
        functions,
        goals: Vec::new(),
    };
    Row::print_head(&format!("{functions} functions"));
    let mut ours = bench.server("ours", functions)?;
    let text = folder.path().join("text");
    let body = bench.runtime.block_on(ours.scraper.text(Form::TEXT))?;
    bench.check(&body, 0)?;
    std::fs::write(&text, body)?;
    let prepared = Server::of(Process::again(&[
        "serve",
        "prepared",
        &text.to_string_lossy(),
        "0",
    ])?)?;
    let flat = bench.server("flat", functions)?;
    bench.states(&mut ours, &prepared, false)?;
    bench.states(&mut ours, &flat, true)?;
    bench.storm(&mut ours)?;
    drop((ours, prepared, flat));
    bench.memory()?;
    println!("\nGoals, {functions} functions");
    for goal in &bench.goals {
        println!("  {goal}");
    }
    Ok(())
}

// === impl Bench ===

impl Bench {
    /// Starts a process of this program that serves `functions` as `who`.
    fn server(&self, who: &str, functions: usize) -> Result<Server, Failure> {
        let count = functions.to_string();
        Server::of(Process::again(&["serve", who, &self.data, &count])?)
    }

    fn goal(&mut self, name: &str, value: f64, limit: f64) {
        let met = if value <= limit { "met" } else { "NOT MET" };
        self.goals
            .push(format!("{name}: at most {limit:.1}: {value:.2} {met}"));
    }

    /// Scrapes in each form after everything has changed or nothing has, and after each scrape the
    /// limit in text.
    fn states(
        &mut self,
        ours: &mut Server,
        limit: &Server,
        is_changed: bool,
    ) -> Result<(), Failure> {
        let (state, beside, goals) = match is_changed {
            true => ("everything changed", "flat arrays", CHANGED),
            false => ("nothing changed", "the prepared body", UNCHANGED),
        };
        for form in [Form::TEXT, Form::OPEN_METRICS, Form::PROTOBUF] {
            for (gzip, goal) in [false, true].into_iter().zip(goals) {
                let (form, text) = (form.gzip(gzip), Form::TEXT.gzip(gzip));
                let (mut own, mut other) = (Row::default(), Row::default());
                self.runtime.block_on(ours.scraper.scrape(form))?;
                self.rounds(|bench| {
                    if is_changed {
                        ours.touch()?;
                    }
                    bench.runtime.block_on(own.scrape(ours, form))?;
                    bench.runtime.block_on(other.scrape(limit, text))
                })?;
                own.print(&format!("ours, {}, {state}", form.words()));
                if form == text {
                    other.print(&format!("  limit: {beside}, {}", text.words()));
                    let name = format!("{state}, {}, to {beside}", form.words());
                    self.goal(&name, own.median() / other.median(), goal);
                }
            }
        }
        Ok(())
    }

    /// Scrapes many times at once after everything has changed.
    fn storm(&mut self, ours: &mut Server) -> Result<(), Failure> {
        let form = Form::TEXT.gzip(true);
        let (mut first, mut next) = (Row::default(), Row::default());
        for _ in 0..SOME {
            ours.touch()?;
            self.runtime.block_on(first.scrape(ours, form))?;
            self.runtime.block_on(next.scrape(ours, form))?;
        }
        ours.touch()?;
        let (id, began) = (ours.id(), Instant::now());
        let before = Cpu::of(&id)?;
        self.runtime.block_on(async {
            let mut scrapes = JoinSet::new();
            for _ in 0..STORM {
                let scraper = ours.scraper.clone();
                scrapes.spawn(async move { scraper.scrape(form).await });
            }
            scrapes
                .join_all()
                .await
                .into_iter()
                .collect::<Result<Vec<_>, _>>()
        })?;
        let (took, spent) = (began.elapsed(), Cpu::of(&id)?.since(&before));
        let expected = first.cpu() + next.cpu() * (STORM - 1) as f64;
        println!(
            "{STORM} scrapes at once, everything changed: {:.0} ms, {:.0} ms of processor time; one \
             rendering and {} answers without take {expected:.0} ms",
            took.as_secs_f64() * 1e3,
            spent.as_secs_f64() * 1e3,
            STORM - 1
        );
        let ratio = spent.as_secs_f64() * 1e3 / expected;
        self.goal(
            "200 scrapes at once, to one rendering and 199 answers",
            ratio,
            TOGETHER,
        );
        Ok(())
    }

    /// Measures how much more memory is resident than without functions.
    fn memory(&mut self) -> Result<(), Failure> {
        let (empty, mut full) = (
            self.server("ours", 0)?,
            self.server("ours", self.functions)?,
        );
        let each = |full: f64, empty: f64| (full - empty) / self.functions.max(1) as f64;
        let resident = |server: &Server| memory_kib(&server.id(), "VmRSS:");
        let before = each(resident(&full)?, resident(&empty)?);
        let forms = [Form::TEXT.gzip(true), Form::TEXT];
        let mut bodies = 0;
        for _ in 0..SOME {
            full.touch()?;
            bodies = 0;
            for form in forms {
                self.runtime.block_on(empty.scraper.scrape(form))?;
                bodies += self.runtime.block_on(full.scraper.scrape(form))?;
            }
        }
        let text = self.runtime.block_on(full.scraper.text(Form::TEXT))?;
        self.check(&text, SOME)?;
        let bodies = bodies as f64 / 1_024.0 / self.functions.max(1) as f64;
        let after = each(resident(&full)?, resident(&empty)?);
        println!(
            "\nours, resident KiB a function: {before:.2} before scrapes; after scrapes of text, \
             plain and packed, {after:.2}, of which the two bodies are {bodies:.2}"
        );
        self.goal("resident KiB a function, before scrapes", before, RESIDENT);
        let name = "resident KiB a function, after scrapes, without bodies";
        self.goal(name, after - bodies, RESIDENT);
        Ok(())
    }

    /// Repeats a measurement [`ROUNDS`] times, or until [`ENOUGH`] time has passed.
    fn rounds(&self, mut measure: impl FnMut(&Self) -> Result<(), Failure>) -> Result<(), Failure> {
        let began = Instant::now();
        for round in 0..ROUNDS {
            if round >= SOME && began.elapsed() > ENOUGH {
                break;
            }
            measure(self)?;
        }
        Ok(())
    }

    /// Compares a text with the invocations, of which each function got `touched` further ones.
    fn check(&self, text: &str, touched: usize) -> Result<(), Failure> {
        let expected = (self.functions * (workload::CALLS + touched)) as f64;
        for name in [
            "scf_invocations_total{",
            "scf_invocation_duration_seconds_count{",
        ] {
            let lines = text.lines().filter(|line| line.starts_with(name));
            let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
            let shown: f64 = values.sum();
            if shown != expected {
                return Err(format!("{name} is {shown}, not {expected}").into());
            }
        }
        Ok(())
    }
}
