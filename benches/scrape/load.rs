//! Scrapes at a steady rate while rows are counted at a steady rate: what each does to the other.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::child::Child;
use super::client::{Client, Format, Wish};
use super::goals::Goals;
use super::rows::{median, quantile};
use super::{Failure, Plan};

const SCRAPES_A_SECOND: u32 = 20;
/// A scrape that takes longer than its share of a second delays none of the others.
const CONNECTIONS: u32 = 4;
/// As Prometheus asks.
const WISH: Wish = Wish {
    format: Format::Text,
    gzip: true,
};

/// What was measured, in milliseconds.
#[derive(Default)]
pub struct Load {
    pub quiet: Vec<f64>,
    pub loaded: Vec<f64>,
    /// Times of pages, with nobody scraping and with scrapes.
    pub alone: Vec<f64>,
    pub beside: Vec<f64>,
}

/// Scrapes alone, rows alone, both, some times in turn.
pub fn measure(plan: &Plan, data: &Path, count: usize, goals: &mut Goals) -> Result<(), Failure> {
    let mut ours = Child::start("ours", data, count)?;
    let mut clients: Vec<Client> = (0..CONNECTIONS).map(|_| ours.client()).collect();
    let seconds = plan.load_seconds;
    let command = format!("count {seconds}");
    let mut load = Load::default();
    // So that neither finds the other cold.
    ours.obey("count 1")?;
    scrapes(&mut clients, 1)?;
    for _ in 0..plan.load_rounds {
        load.quiet.extend(scrapes(&mut clients, seconds)?);
        load.alone.extend(times(&ours.obey(&command)?)?);
        // What was counted meanwhile is rendered: that is no part of the load.
        scrapes(&mut clients[..1], 1)?;
        ours.tell(&command)?;
        let scraped = scrapes(&mut clients, seconds);
        load.beside.extend(times(&ours.done()?)?);
        load.loaded.extend(scraped?);
    }
    load.print(count);
    goals.load(&load);
    Ok(())
}

/// Microseconds as a server told them, in milliseconds.
fn times(told: &str) -> Result<Vec<f64>, Failure> {
    let times = told.split_whitespace().map(str::parse::<f64>);
    let times: Vec<f64> = times.collect::<Result<_, _>>()?;
    Ok(times.into_iter().map(|micros| micros / 1e3).collect())
}

/// Scrapes at the rate, over all connections in turn; how long each took.
fn scrapes(clients: &mut [Client], seconds: u64) -> Result<Vec<f64>, Failure> {
    let begin = Instant::now();
    let each = CONNECTIONS.min(clients.len() as u32);
    let wanted = seconds as u32 * SCRAPES_A_SECOND;
    let results: Vec<Result<Vec<f64>, Failure>> = thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter_mut()
            .zip(0..)
            .map(|(client, first)| {
                let turns = (first..wanted).step_by(each as usize);
                scope.spawn(move || turns.map(|turn| scrape_at(client, begin, turn)).collect())
            })
            .collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(_) => Err("a scraper failed".into()),
        });
        ended.collect()
    });
    let mut all = Vec::new();
    for result in results {
        all.extend(result?);
    }
    Ok(all)
}

/// Scrapes when it is this one's turn. One that comes too late because the one before it took so
/// long has waited since then: that is a part of its time.
fn scrape_at(client: &mut Client, begin: Instant, turn: u32) -> Result<f64, Failure> {
    let due = begin + Duration::from_secs(1) * turn / SCRAPES_A_SECOND;
    let early = due.saturating_duration_since(Instant::now());
    let start = if early.is_zero() {
        due
    } else {
        thread::sleep(early);
        Instant::now()
    };
    client.scrape(WISH)?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

impl Load {
    fn print(&self, count: usize) {
        println!(
            "\n{SCRAPES_A_SECOND} scrapes a second (text, gzip) and 2,000 rows a second in pages of \
             100, {count} functions"
        );
        println!(
            "{:<46}{:>9}{:>9}{:>9}{:>9}",
            "", "number", "p50 ms", "p99 ms", "sum ms"
        );
        for (name, values) in [
            ("scrapes, nothing is counted", &self.quiet),
            ("scrapes while rows are counted", &self.loaded),
            ("pages, nobody scrapes", &self.alone),
            ("pages beside scrapes", &self.beside),
        ] {
            println!(
                "{name:<46}{:>9}{:>9.2}{:>9.2}{:>9.0}",
                values.len(),
                median(values),
                quantile(values, 0.99),
                values.iter().sum::<f64>(),
            );
        }
    }
}
