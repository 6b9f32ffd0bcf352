//! A day of function traffic from the files of the trace.

use std::fs;
use std::path::Path;

use super::Failure;

pub const MINUTES: usize = 1_440;

/// What the percentiles of a run time are of.
pub const PERCENTS: [f64; 7] = [0.0, 1.0, 25.0, 50.0, 75.0, 99.0, 100.0];

/// A day of some functions, the busiest first.
pub struct Day {
    pub functions: Vec<Function>,
    /// Where it comes from, in words.
    pub origin: &'static str,
}

/// A day of one function.
#[derive(Clone)]
pub struct Function {
    /// Calls, by minute.
    pub minutes: Vec<f64>,
    /// Run times at [`PERCENTS`], milliseconds.
    pub run_ms: [f64; PERCENTS.len()],
}

/// Reads the day in `folder`; none where there is no such folder.
///
/// The files do not tell which run times are whose, so each list is sorted by its own count and
/// paired by rank. Memory is left out: how rows are read does not depend on it.
pub fn read(folder: &Path) -> Result<Option<Day>, Failure> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut counts: Vec<Vec<f64>> = Vec::new();
    for line in rows(&folder.join("400_inv.csv"))? {
        counts.push(numbers(&line, 3, MINUTES)?);
    }
    counts.sort_by(|a, b| sum(b).total_cmp(&sum(a)));
    let mut runs: Vec<Vec<f64>> = Vec::new();
    for line in rows(&folder.join("400_run.csv"))? {
        // Average, count, least, most; then the percentiles.
        runs.push(numbers(&line, 3, 4 + PERCENTS.len())?);
    }
    runs.sort_by(|a, b| b[1].total_cmp(&a[1]));
    let functions = counts.into_iter().zip(runs).map(|(minutes, run)| {
        let mut run_ms = [0.0; PERCENTS.len()];
        run_ms.copy_from_slice(&run[4..]);
        Function { minutes, run_ms }
    });
    Ok(Some(Day {
        functions: functions.collect(),
        origin: "a real day of Azure Functions traffic, 400 functions by the minute",
    }))
}

fn rows(file: &Path) -> Result<Vec<String>, Failure> {
    let text = fs::read_to_string(file).map_err(|cause| format!("{}: {cause}", file.display()))?;
    Ok(text.lines().skip(1).map(str::to_owned).collect())
}

fn numbers(line: &str, skipped: usize, wanted: usize) -> Result<Vec<f64>, Failure> {
    let fields = line
        .split(',')
        .skip(skipped)
        .map(|field| field.trim().parse());
    let numbers: Vec<f64> = fields.collect::<Result<_, _>>()?;
    match numbers.len() == wanted {
        true => Ok(numbers),
        false => Err(format!("{} numbers where {wanted} are expected", numbers.len()).into()),
    }
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

// === impl Function ===

impl Function {
    /// Calls of the day.
    pub fn calls(&self) -> f64 {
        sum(&self.minutes)
    }

    /// The run time that the part `unit` of all calls stays below, milliseconds. Between two
    /// percentiles the logarithm is taken to be straight: over the functions with 100 samples and
    /// more that gives the trace's own averages times 1.16 (median), straight lines times 1.34.
    pub fn run_ms(&self, unit: f64) -> f64 {
        let percent = unit * 100.0;
        let right = PERCENTS.partition_point(|p| *p <= percent);
        let right = right.clamp(1, PERCENTS.len() - 1);
        let (low, high) = (self.run_ms[right - 1].max(1.0), self.run_ms[right].max(1.0));
        let part = (percent - PERCENTS[right - 1]) / (PERCENTS[right] - PERCENTS[right - 1]);
        low * (high / low).powf(part)
    }
}
