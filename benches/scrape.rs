//! What a scrape costs over HTTP on loopback: ours in each format, plain and packed, when nothing,
//! little and everything changed since the last one, beside the libraries that exporters are
//! usually made with and beside two limits, flat arrays written anew and a body made before.
//! Then scrapes while rows are counted, and the memory that a function takes.
//!
//! `cargo bench --bench scrape [-- 1000 10000] [quick]`. Every server is a process of its own, all
//! of them show the same numbers, and what they show is compared with them. The peers in Python
//! and Go are left out, with the reason, where they cannot be had. The times are those of this
//! machine; the ratios within a run are the point: see `docs/PERFORMANCE.md`.

#[path = "scrape/child.rs"]
mod child;
#[path = "scrape/client.rs"]
mod client;
#[path = "scrape/crates.rs"]
mod crates;
#[path = "scrape/flat.rs"]
mod flat;
#[path = "scrape/foreign.rs"]
mod foreign;
#[path = "scrape/goals.rs"]
mod goals;
#[path = "scrape/load.rs"]
mod load;
#[path = "scrape/ours.rs"]
mod ours;
#[path = "scrape/peers.rs"]
mod peers;
#[path = "scrape/rows.rs"]
mod rows;
#[path = "scrape/serve.rs"]
mod serve;
#[path = "scrape/states.rs"]
mod states;
#[path = "scrape/workload.rs"]
mod workload;

use std::path::{Path, PathBuf};
use std::time::Instant;

use child::Child;
use client::Format;
use goals::Goals;
use peers::{Footprint, Subject};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How much is measured.
struct Plan {
    counts: Vec<usize>,
    /// Scrapes for each row of ours, of a contestant, at the most.
    rounds: usize,
    scrapes: usize,
    /// Seconds of each part of the load, and how often it alternates.
    load_seconds: u64,
    load_rounds: usize,
}

/// From so many functions on memory tells more than noise.
const MANY: usize = 2_000;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", who, data, count] => serve::run(who, Path::new(data), count.parse()?),
        _ => compare(&Plan::of(&arguments)?),
    }
}

fn compare(plan: &Plan) -> Result<(), Failure> {
    let begun = Instant::now();
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("workload");
    let foreign = foreign::subjects(folder.path(), &data);
    for &count in &plan.counts {
        let truth = workload::write(&data, count)?;
        let mut goals = Goals::default();
        let text = folder.path().join("text");
        let prepared = states(plan, count, &data, &text, &mut goals)?;
        if plan.counts.last() == Some(&count) {
            load::measure(plan, &data, count, &mut goals)?;
        }
        let mut footprints = Vec::new();
        rows::Row::print_head(&format!("{count} functions, the others"));
        for subject in own_subjects(&data).iter().chain(&foreign) {
            footprints.push(subject.examine(plan.scrapes, count, truth, &prepared)?);
        }
        memory(count, &footprints, &mut goals);
        goals.print(count);
    }
    println!("\n{:.0} s in all", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Ours in all states beside the limits; the limits' median times, plain and packed.
fn states(
    plan: &Plan,
    count: usize,
    data: &Path,
    text: &PathBuf,
    goals: &mut Goals,
) -> Result<[f64; 2], Failure> {
    let mut ours = Child::start("ours", data, count)?;
    std::fs::write(text, ours.client().fetch(states::PLAIN_TEXT)?)?;
    let prepared = Child::start("prepared", text, count)?;
    let flat = Child::start("flat", data, count)?;
    let limits = states::Limits { prepared, flat };
    let states = states::measure(plan.rounds, count, &mut ours, &limits)?;
    let prepared = states::print(count, &states);
    goals.states(&states);
    Ok(prepared)
}

/// The contestants that are parts of this program.
fn own_subjects(data: &Path) -> Vec<Subject> {
    let names = [
        ("ours", Format::Text),
        ("flat", Format::Text),
        ("prometheus", Format::Text),
        ("prometheus-client", Format::OpenMetrics),
    ];
    let subject = |(name, format): (&'static str, _)| {
        let data = data.to_owned();
        let start = Box::new(move |count| Child::start(name, &data, count));
        Subject {
            name,
            format,
            is_ours: name == "ours",
            start: Ok(start),
        }
    };
    names.map(subject).into()
}

fn memory(count: usize, footprints: &[Footprint], goals: &mut Goals) {
    peers::print(count, footprints);
    for footprint in footprints.iter().filter(|one| one.is_ours) {
        if count >= MANY {
            goals.memory(footprint);
        }
    }
}

// === impl Plan ===

impl Plan {
    fn of(arguments: &[&str]) -> Result<Self, Failure> {
        let mut counts = Vec::new();
        let mut quick = false;
        for argument in arguments {
            match *argument {
                "quick" => quick = true,
                // Cargo hands `--bench` to every bench.
                flag if flag.starts_with("--") => {}
                count => counts.push(count.parse().map_err(|_| format!("no number: {count}"))?),
            }
        }
        let counts = match (counts.is_empty(), quick) {
            (false, _) => counts,
            (true, true) => vec![1_000],
            (true, false) => vec![1_000, 10_000],
        };
        Ok(if quick {
            Self {
                counts,
                rounds: 5,
                scrapes: 4,
                load_seconds: 2,
                load_rounds: 1,
            }
        } else {
            Self {
                counts,
                rounds: 15,
                scrapes: 20,
                load_seconds: 10,
                load_rounds: 3,
            }
        })
    }
}
