//! The goals, each with what was measured. They are told, not asserted: a busy machine is no
//! defect.

use super::client::Format;
use super::load::Load;
use super::peers::Footprint;
use super::rows::{Row, median, quantile};
use super::states::{Change, State};

/// Ours to a prepared body.
const UNCHANGED: f64 = 1.5;
const HUNDREDTH: f64 = 2.0;
/// Ours to flat arrays.
const CHANGED: f64 = 1.0;
/// Scrapes under load to quiet ones, and pages beside scrapes to pages alone.
const LOADED: f64 = 5.0;
const SLOWED: f64 = 1.1;
/// KiB a function, kept bodies apart.
const RESIDENT: f64 = 4.0;

#[derive(Default)]
pub struct Goals {
    lines: Vec<String>,
    /// Packed text of which a hundredth changed, median in milliseconds.
    hundredth: f64,
}

impl Goals {
    pub fn states(&mut self, states: &[State]) {
        for change in Change::ALL {
            for gzip in [false, true] {
                let (limit, beside) = match change {
                    Change::Nothing => (UNCHANGED, "the prepared body"),
                    Change::Random | Change::Same => (HUNDREDTH, "the prepared body"),
                    Change::All => (CHANGED, "flat arrays"),
                };
                let packed = if gzip { "gzip" } else { "plain" };
                let mut line = format!(
                    "{}, {packed}: at most {limit} x {beside}, {packed}:",
                    change.name()
                );
                for state in of(states, change, gzip) {
                    let limits = state.flat.as_ref().unwrap_or(&state.prepared);
                    let ratio = state.ours.median() / limits.median();
                    let format = state.wish.format.name();
                    let met = met(ratio, limit);
                    let cpu = state.ours.cpu() / limits.cpu();
                    line.push_str(&format!(" {format} {ratio:.2} {met} (CPU {cpu:.2});"));
                }
                self.lines.push(line.trim_end_matches(';').to_owned());
            }
        }
        self.plain_beside_packed(states);
        let text = of(states, Change::Random, true).find(|state| state.wish.format == Format::Text);
        self.hundredth = text.map_or(0.0, |state| state.ours.median());
    }

    /// Packed answers beside the plain prepared body too, as which the goal may be read.
    fn plain_beside_packed(&mut self, states: &[State]) {
        let mut plain = Row::default();
        for state in states.iter().filter(|state| !state.wish.gzip) {
            plain.join(&state.prepared);
        }
        let mut line = "for scale, text, gzip, to the plain prepared body:".to_owned();
        for change in [Change::Nothing, Change::Random, Change::Same] {
            for state in of(states, change, true).filter(|of| of.wish.format == Format::Text) {
                let ratio = state.ours.median() / plain.median();
                line.push_str(&format!(" {} {ratio:.2};", change.name()));
            }
        }
        self.lines.push(line.trim_end_matches(';').to_owned());
    }

    pub fn memory(&mut self, footprint: &Footprint) {
        for step in footprint.steps() {
            let own = step.resident - step.rendered;
            self.lines.push(format!(
                "memory, native histograms included, {}: at most {RESIDENT} KiB a function without \
                 kept bodies: {own:.2} {} (kept bodies {:.2})",
                step.name,
                met(own, RESIDENT),
                step.rendered,
            ));
        }
    }

    pub fn load(&mut self, load: &Load) {
        let p99 = quantile(&load.loaded, 0.99);
        for (name, quiet) in [
            ("a scrape that finds nothing changed", median(&load.quiet)),
            ("a scrape that finds 1 % changed", self.hundredth),
        ] {
            let ratio = p99 / quiet;
            self.lines.push(format!(
                "p99 under load: at most {LOADED} x the unloaded median of {name}: {ratio:.2} {}",
                met(ratio, LOADED)
            ));
        }
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        for (name, ratio) in [
            ("median", median(&load.beside) / median(&load.alone)),
            ("sum", sum(&load.beside) / sum(&load.alone)),
        ] {
            self.lines.push(format!(
                "counting beside scrapes: at most {SLOWED} x the time of a page, {name}: \
                 {ratio:.2} {}",
                met(ratio, SLOWED)
            ));
        }
    }

    pub fn print(&self, count: usize) {
        println!("\nGoals, {count} functions");
        for line in &self.lines {
            println!("  {line}");
        }
    }
}

fn of(states: &[State], change: Change, gzip: bool) -> impl Iterator<Item = &State> {
    let states = states.iter();
    states.filter(move |state| state.change == change && state.wish.gzip == gzip)
}

fn met(value: f64, limit: f64) -> &'static str {
    if value <= limit { "met" } else { "not met" }
}
