//! The rows of the table, and which of them are wanted.

use super::Failure;
use super::trace::MINUTES;

const APIS: [&str; 2] = ["v3", "v2"];
const READS: [&str; 4] = ["region", "auto", "function", "naive"];
const FUNCTIONS: [usize; 4] = [50, 400, 500, 5_000];
const PAGES: [usize; 2] = [1_000, 100];
const INTERVALS: [u64; 2] = [15, 60];

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    pub api: &'static str,
    /// As in the configuration, or `naive`.
    pub read: &'static str,
    pub functions: usize,
    pub page: usize,
    /// From poll to poll, seconds.
    pub interval: u64,
}

/// What the command line says.
#[derive(Debug, Default)]
pub struct Choice {
    /// How much of the day is read, if not the usual stretch.
    pub minutes: Option<usize>,
    pub traces: Option<String>,
    /// Words that rows of the table are chosen by.
    words: Vec<String>,
}

// === impl Choice ===

impl Choice {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut choice = Self::default();
        for argument in arguments {
            if let Some(folder) = argument.strip_prefix("traces=") {
                choice.traces = Some(folder.to_owned());
            } else if let Some(minutes) = argument.strip_prefix("minutes=") {
                let minutes: usize = minutes.parse()?;
                choice.minutes = Some(minutes.clamp(1, MINUTES));
            } else if argument == "day" {
                choice.minutes = Some(MINUTES);
            } else if kinds().iter().flatten().any(|word| *word == argument) {
                choice.words.push(argument);
            } else if argument != "--bench" {
                let words: Vec<String> = kinds().into_iter().flatten().collect();
                let words = words.join(", ");
                return Err(
                    format!("{argument:?}: write {words}, day, minutes=N, traces=FOLDER").into(),
                );
            }
        }
        Ok(choice)
    }

    /// The rows of the table. Without words v2, whose reading is the older one, is shown as it is
    /// set up by default alone.
    pub fn scenarios(&self) -> Vec<Scenario> {
        let mut all = Vec::new();
        for api in APIS {
            for functions in FUNCTIONS {
                for interval in INTERVALS {
                    for page in PAGES {
                        all.extend(READS.map(|read| Scenario {
                            api,
                            read,
                            functions,
                            page,
                            interval,
                        }));
                    }
                }
            }
        }
        all.retain(|scenario| self.wants(scenario));
        all
    }

    fn wants(&self, scenario: &Scenario) -> bool {
        if self.words.is_empty() && scenario.api == "v2" {
            return scenario.page == PAGES[0] && scenario.interval == INTERVALS[0];
        }
        kinds().iter().zip(scenario.words()).all(|(kind, word)| {
            let mut said = self
                .words
                .iter()
                .filter(|said| kind.contains(said))
                .peekable();
            said.peek().is_none() || said.any(|said| *said == word)
        })
    }
}

/// The words that choose rows, a list a column.
fn kinds() -> [Vec<String>; 5] {
    [
        APIS.map(str::to_owned).to_vec(),
        READS.map(str::to_owned).to_vec(),
        FUNCTIONS.map(|functions| functions.to_string()).to_vec(),
        PAGES.map(|page| format!("page={page}")).to_vec(),
        INTERVALS.map(|seconds| format!("poll={seconds}s")).to_vec(),
    ]
}

// === impl Scenario ===

impl Scenario {
    /// The words that choose it.
    fn words(&self) -> [String; 5] {
        [
            self.api.to_owned(),
            self.read.to_owned(),
            self.functions.to_string(),
            format!("page={}", self.page),
            format!("poll={}s", self.interval),
        ]
    }

    pub fn name(&self) -> String {
        self.words().join(" ")
    }

    /// The first cells of its line.
    pub fn cells(&self) -> String {
        let Self {
            api,
            read,
            functions,
            page,
            interval,
        } = self;
        format!("{api} | {read} | {functions} | {page} | {interval}")
    }

    /// Whether all functions are read as one.
    pub fn is_one_stream(&self) -> bool {
        ["region", "auto"].contains(&self.read)
    }

    /// One seed for all: the readers of one table meet the same chance.
    pub fn seed(&self) -> u64 {
        7
    }
}
