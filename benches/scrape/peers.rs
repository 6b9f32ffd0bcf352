//! Each contestant by itself: what a scrape of it costs, and the memory that a function takes,
//! over the same program without functions.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;

use super::Failure;
use super::child::{Child, Memory};
use super::client::{Client, Format, Wish};
use super::rows::Row;
use super::states::{SERVED, packed};
use super::workload::Truth;

/// Our own count of the bytes that are kept between scrapes.
const RENDERED: &str = "scf_exporter_rendered_bytes{";

/// After so long a row has scrapes enough, two at the least: some contestants take seconds for one.
const ENOUGH: Duration = Duration::from_secs(4);

/// Starts a server of so many functions.
pub type Start = Box<dyn Fn(usize) -> Result<Child, Failure>>;

/// A contestant.
pub struct Subject {
    pub name: &'static str,
    /// In which it is asked.
    pub format: Format,
    pub is_ours: bool,
    /// Or why it cannot be had.
    pub start: Result<Start, String>,
}

/// KiB for each function at each step.
pub struct Footprint {
    pub name: &'static str,
    pub is_ours: bool,
    steps: Vec<Step>,
    peak: f64,
    skipped: Option<String>,
}

/// Memory after some scrapes.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    pub name: &'static str,
    /// KiB a function.
    pub resident: f64,
    /// Of that, bodies kept between scrapes, where they are told.
    pub rendered: f64,
}

/// One server on the way through the steps.
struct Walk {
    child: Child,
    client: Client,
    memory: Vec<(&'static str, Memory, f64)>,
}

// === impl Subject ===

impl Subject {
    /// Goes through all steps, prints what scrapes cost, and compares what is shown with `truth`.
    pub fn examine(
        &self,
        scrapes: usize,
        count: usize,
        truth: Truth,
        prepared: &[f64; 2],
    ) -> Result<Footprint, Failure> {
        let mut footprint = Footprint {
            name: self.name,
            is_ours: self.is_ours,
            steps: Vec::new(),
            peak: 0.0,
            skipped: None,
        };
        let start = match &self.start {
            Ok(start) => start,
            Err(reason) => {
                println!("{:<52}left out: {reason}", self.name);
                footprint.skipped = Some(reason.clone());
                return Ok(footprint);
            }
        };
        let mut rows = Vec::new();
        let empty = self.walk(start(0)?, scrapes, Truth::default(), &mut Vec::new())?;
        let full = self.walk(start(count)?, scrapes, truth, &mut rows)?;
        if !self.is_ours {
            for (name, wish, row) in &rows {
                let limit = prepared[usize::from(wish.gzip)];
                row.print(name, Some(limit), None);
            }
        }
        let each = |full: f64, empty: f64| (full - empty) / count.max(1) as f64;
        for ((name, full, rendered), (_, empty, other)) in full.iter().zip(&empty) {
            footprint.steps.push(Step {
                name,
                resident: each(full.now, empty.now),
                rendered: each(*rendered, *other),
            });
            footprint.peak = each(full.peak, empty.peak);
        }
        Ok(footprint)
    }

    fn walk(
        &self,
        child: Child,
        scrapes: usize,
        truth: Truth,
        rows: &mut Vec<(String, Wish, Row)>,
    ) -> Result<Vec<(&'static str, Memory, f64)>, Failure> {
        let wish = |format, gzip| Wish { format, gzip };
        let (plain, gzip) = (wish(self.format, false), wish(self.format, true));
        let client = child.client();
        let mut walk = Walk {
            child,
            client,
            memory: Vec::new(),
        };
        walk.note("before", None)?;
        let mut step = |walk: &mut Walk, wish: Wish, state: &str| -> Result<(), Failure> {
            let mut row = Row::default();
            let begun = Instant::now();
            while row.len() < scrapes.min(2) || row.len() < scrapes && begun.elapsed() < ENOUGH {
                row.scrape(&walk.child, &mut walk.client, wish)?;
            }
            let format = wish.format.name();
            let name = format!("{}, {format}{}, {state}", self.name, packed(wish.gzip));
            rows.push((name, wish, row));
            Ok(())
        };
        step(&mut walk, gzip, "nothing changed")?;
        walk.note("gzip", self.is_ours.then_some(gzip))?;
        step(&mut walk, plain, "nothing changed")?;
        truth.compare(self.name, &walk.text(plain)?)?;
        walk.note("plain", self.is_ours.then_some(plain))?;
        if self.is_ours {
            for format in [Format::OpenMetrics, Format::Protobuf] {
                for gzip in [false, true] {
                    step(&mut walk, wish(format, gzip), "nothing changed")?;
                }
            }
        }
        walk.note("all formats", self.is_ours.then_some(plain))?;
        walk.child.obey("touch all")?;
        if self.is_ours {
            thread::sleep(SERVED);
        }
        step(&mut walk, plain, "everything changed")?;
        walk.note("changed", self.is_ours.then_some(plain))?;
        Ok(walk.memory)
    }
}

impl Walk {
    /// Notes the memory, beside it what an answer to `told` says of bodies kept between scrapes.
    fn note(&mut self, name: &'static str, told: Option<Wish>) -> Result<(), Failure> {
        let rendered = match told {
            Some(wish) => rendered(&self.text(wish)?),
            None => 0.0,
        };
        self.memory.push((name, self.child.memory()?, rendered));
        Ok(())
    }

    /// Scrapes once more; the text.
    fn text(&mut self, wish: Wish) -> Result<String, Failure> {
        let body = self.client.fetch(wish)?;
        if !wish.gzip {
            return Ok(String::from_utf8(body)?);
        }
        let mut text = String::new();
        MultiGzDecoder::new(&body[..]).read_to_string(&mut text)?;
        Ok(text)
    }
}

/// Bodies kept between scrapes, in KiB; zero where the text does not tell.
fn rendered(text: &str) -> f64 {
    let lines = text.lines().rev();
    let kept = lines.filter(|line| line.starts_with(RENDERED));
    let bytes = kept.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
    bytes.sum::<f64>() / 1_024.0
}

impl Truth {
    /// Whether a text adds up to what was observed.
    fn compare(&self, who: &str, text: &str) -> Result<(), Failure> {
        let sum = |name: &str| -> Result<f64, Failure> {
            let mut sum = 0.0;
            for line in text.lines().filter(|line| line.starts_with(name)) {
                let (_, value) = line.rsplit_once(' ').ok_or("a sample without a value")?;
                sum += value.parse::<f64>()?;
            }
            Ok(sum)
        };
        for (name, expected) in [
            ("scf_invocation_duration_seconds_count{", self.invocations),
            (
                "scf_invocation_billed_duration_seconds_count{",
                self.invocations,
            ),
            ("scf_invocation_memory_usage_bytes_sum{", self.memory_bytes),
            ("scf_invocations_total{", self.invocations),
        ] {
            let shown = sum(name)?;
            if shown != expected as f64 {
                return Err(format!("{who}: {name} is {shown}, not {expected}").into());
            }
        }
        Ok(())
    }
}

// === impl Footprint ===

impl Footprint {
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

/// Prints what each contestant holds.
pub fn print(count: usize, footprints: &[Footprint]) {
    println!(
        "\nResident KiB a function, {count} functions, over the same program without any; each step \
         after the scrapes of the rows above"
    );
    println!(
        "{:<28}{:>9}{:>9}{:>9}{:>13}{:>17}{:>9}",
        "", "before", "gzip", "plain", "all formats", "all changed too", "peak"
    );
    for footprint in footprints {
        if let Some(reason) = &footprint.skipped {
            println!("{:<28}left out: {reason}", footprint.name);
            continue;
        }
        let line = |name: &str, of: &dyn Fn(&Step) -> f64, peak: String| {
            let values: Vec<f64> = footprint.steps.iter().map(of).collect();
            print!("{name:<28}");
            for (value, width) in values.iter().zip([9, 9, 9, 13, 17]) {
                print!("{value:>width$.2}");
            }
            println!("{peak:>9}");
        };
        let peak = format!("{:.2}", footprint.peak);
        line(footprint.name, &|step| step.resident, peak);
        if footprint.is_ours {
            line(
                "  of that, kept bodies",
                &|step| step.rendered,
                String::new(),
            );
        }
    }
}
