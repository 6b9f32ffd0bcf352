//! What it costs to read a million rows: the whole exporter (fetch, parse, ledger, durable commit,
//! series) against a bare loop of `reqwest` and `serde_json` that counts nothing, over the same
//! pages of a server on the same machine.
//!
//! `cargo bench --bench ingest`; `BENCH_ROWS` and `BENCH_ROUNDS` make it shorter. Each contestant
//! of each round is a process of its own, so that its CPU time and memory are told apart from the
//! server's and from each other. The ratios are the point: see `docs/PERFORMANCE.md`.

#[path = "ingest/bare.rs"]
mod bare;
#[path = "ingest/meter.rs"]
mod meter;
#[path = "ingest/server.rs"]
mod server;
#[path = "ingest/whole.rs"]
mod whole;
#[path = "ingest/workload.rs"]
mod workload;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use meter::Spent;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const ROWS: usize = 1_000_000;
const ROUNDS: usize = 3;
const PAGE_SIZES: [usize; 2] = [100, 1_000];

/// Who reads, and how the table calls it.
const CONTESTANTS: [(&str, &str); 3] = [
    ("bare-1", "bare loop, 1 in flight"),
    ("bare-4", "bare loop, 4 in flight"),
    ("whole", "the whole exporter"),
];

/// The processors of contestants and of the server: apart from each other, where the machine can
/// keep them so.
const OURS: usize = 0;
const THEIRS: usize = 1;

/// The server's process; it ends as its standard input does.
struct Server {
    child: Child,
    port: u16,
    pinned: bool,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", rows] => server::run(rows.parse()?),
        ["contestant", who, port, page_size, rows] => {
            let spent = contest(who, port.parse()?, page_size.parse()?, rows.parse()?)?;
            println!("{spent}");
            Ok(())
        }
        _ => compare(
            setting("BENCH_ROWS", ROWS)?,
            setting("BENCH_ROUNDS", ROUNDS)?,
        ),
    }
}

fn setting(name: &str, default: usize) -> Result<usize, Failure> {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("{name} is no number").into()),
        Err(_) => Ok(default),
    }
}

fn contest(who: &str, port: u16, page_size: usize, rows: usize) -> Result<Spent, Failure> {
    let spent = match who {
        "bare-1" => bare::run(port, page_size, 1),
        "bare-4" => bare::run(port, page_size, 4),
        _ => whole::run(port, page_size, rows),
    }?;
    if spent.rows != rows {
        return Err(format!("{} of {rows} rows", spent.rows).into());
    }
    Ok(spent)
}

/// Runs all contestants in turn, round after round, and prints the medians.
fn compare(rows: usize, rounds: usize) -> Result<(), Failure> {
    println!(
        "{rows} rows of {} functions; making them",
        workload::FUNCTIONS
    );
    let pinned = can_pin();
    match pinned {
        true => println!("contestants run on processor {OURS}, the server on {THEIRS}"),
        false => println!("contestants and server share all processors (no taskset, or one only)"),
    }
    let server = Server::start(rows, pinned)?;
    for page_size in PAGE_SIZES {
        let mut results = CONTESTANTS.map(|_| Vec::new());
        for _ in 0..rounds.max(1) {
            for ((who, _), results) in CONTESTANTS.iter().zip(&mut results) {
                results.push(server.contestant(who, page_size, rows)?);
            }
        }
        table(page_size, &results);
    }
    Ok(())
}

/// Whether processes can be kept on a processor each.
fn can_pin() -> bool {
    let probe = Command::new("taskset")
        .args(["-c", &THEIRS.to_string(), "true"])
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

/// This program once more, on one processor where that is possible.
fn again(pinned: bool, processor: usize) -> Result<Command, Failure> {
    let program = std::env::current_exe()?;
    if !pinned {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &processor.to_string()]).arg(program);
    Ok(command)
}

fn table(page_size: usize, results: &[Vec<Spent>; CONTESTANTS.len()]) {
    println!("\n{page_size} rows a page, median of {}", results[0].len());
    println!(
        "{:<26}{:>14}{:>22}{:>9}{:>9}{:>10}{:>9}",
        "", "rows/CPU-s", "(lowest-highest)", "CPU s", "wall s", "peak MiB", "x bare-1"
    );
    let baseline = median(&results[0], Spent::rate);
    for ((_, name), results) in CONTESTANTS.iter().zip(results) {
        let rates = results.iter().map(Spent::rate);
        let range = format!(
            "({:.0}-{:.0})",
            rates.clone().fold(f64::MAX, f64::min),
            rates.fold(0.0, f64::max)
        );
        println!(
            "{name:<26}{:>14.0}{range:>22}{:>9.2}{:>9.2}{:>10.0}{:>9.2}",
            median(results, Spent::rate),
            median(results, |spent| spent.cpu),
            median(results, |spent| spent.wall),
            median(results, |spent| spent.peak),
            median(results, Spent::rate) / baseline,
        );
        let repeated = median(results, |spent| spent.read as f64 / spent.rows as f64 - 1.0);
        if repeated > 0.0 {
            println!(
                "{:<26}{:>13.1}% of the rows were met twice",
                "",
                repeated * 100.0
            );
        }
    }
}

fn median(results: &[Spent], of: impl Fn(&Spent) -> f64) -> f64 {
    let mut values: Vec<f64> = results.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

// === impl Server ===

impl Server {
    fn start(rows: usize, pinned: bool) -> Result<Self, Failure> {
        let mut child = again(pinned, THEIRS)?
            .args(["server", &rows.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut port = String::new();
        BufReader::new(output).read_line(&mut port)?;
        let port = port.trim().parse()?;
        Ok(Self {
            child,
            port,
            pinned,
        })
    }

    fn contestant(&self, who: &str, page_size: usize, rows: usize) -> Result<Spent, Failure> {
        let numbers = [self.port as usize, page_size, rows].map(|number| number.to_string());
        let output = again(self.pinned, OURS)?
            .args(["contestant", who])
            .args(numbers)
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("{who} failed").into());
        }
        String::from_utf8(output.stdout)?.parse()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}
