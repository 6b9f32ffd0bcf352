//! A row of the table: the same scrape some times, its time, its processor time and its size.

use std::thread::sleep;
use std::time::Duration;

use super::Failure;
use super::child::Child;
use super::client::{Client, Wish};

/// After an answer a server may still be letting go of it.
const REST: Duration = Duration::from_millis(4);

#[derive(Default)]
pub struct Row {
    /// Milliseconds.
    took: Vec<f64>,
    cpu: Vec<f64>,
    bytes: usize,
}

impl Row {
    /// Scrapes once more.
    pub fn scrape(
        &mut self,
        child: &Child,
        client: &mut Client,
        wish: Wish,
    ) -> Result<(), Failure> {
        let before = child.cpu()?;
        let scraped = client.scrape(wish)?;
        sleep(REST);
        let spent = child.cpu()?.since(&before);
        self.took.push(scraped.took.as_secs_f64() * 1e3);
        self.cpu.push(spent.as_secs_f64() * 1e3);
        self.bytes = scraped.bytes;
        Ok(())
    }

    /// How often it was scraped.
    pub fn len(&self) -> usize {
        self.took.len()
    }

    /// Takes over what another row measured.
    pub fn join(&mut self, other: &Self) {
        self.took.extend(&other.took);
        self.cpu.extend(&other.cpu);
        self.bytes = other.bytes;
    }

    /// The median time in milliseconds.
    pub fn median(&self) -> f64 {
        median(&self.took)
    }

    /// The median of the server's processor time in milliseconds.
    pub fn cpu(&self) -> f64 {
        median(&self.cpu)
    }

    pub fn print_head(title: &str) {
        println!(
            "\n{title:<52}{:>9}{:>9}{:>9}{:>9}{:>9}{:>11}{:>8}",
            "scrapes", "p50 ms", "slowest", "CPU ms", "MB", "x prepared", "x flat"
        );
    }

    /// Prints the row with its ratios to the limits.
    pub fn print(&self, name: &str, prepared: Option<f64>, flat: Option<f64>) {
        let ratio = |limit: Option<f64>| {
            limit.map_or(String::new(), |limit| {
                format!("{:.2}", self.median() / limit)
            })
        };
        println!(
            "{name:<52}{:>9}{:>9.2}{:>9.2}{:>9.2}{:>9.3}{:>11}{:>8}",
            self.len(),
            self.median(),
            self.took.iter().copied().fold(0.0, f64::max),
            self.cpu(),
            self.bytes as f64 / 1e6,
            ratio(prepared),
            ratio(flat),
        );
    }
}

/// The middle of some values, the upper one of two; zero of none.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The least value that so large a share of the values does not exceed.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share) as usize;
    let last = values.len().saturating_sub(1);
    values.get(at.min(last)).copied().unwrap_or_default()
}
