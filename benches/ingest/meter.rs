//! What the running process spends, as the kernel tells it.

use std::fmt;
use std::fs;
use std::process::Command;
use std::str::FromStr;
use std::time::Instant;

use super::Failure;

/// A measurement that began.
pub struct Meter {
    began: Instant,
    cpu: f64,
}

/// What a contestant spent, printed by its process and read by the one that started it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spent {
    /// Rows that the result is made of.
    pub rows: usize,
    /// Rows that were met on the way, repeated ones included.
    pub read: u64,
    /// Seconds of CPU, user and system, all threads.
    pub cpu: f64,
    /// Seconds.
    pub wall: f64,
    /// The most memory the process ever held, in MiB.
    pub peak: f64,
}

// === impl Meter ===

impl Meter {
    pub fn start() -> Result<Self, Failure> {
        Ok(Self {
            cpu: cpu_seconds()?,
            began: Instant::now(),
        })
    }

    pub fn stop(self, rows: usize, read: u64) -> Result<Spent, Failure> {
        Ok(Spent {
            rows,
            read,
            wall: self.began.elapsed().as_secs_f64(),
            cpu: cpu_seconds()? - self.cpu,
            peak: peak_mib()?,
        })
    }
}

/// User and system time of this process, ended threads included.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is the name in parentheses, which may hold anything; the 14th and 15th
    // are user and system time in ticks.
    let (_, behind) = stat.rsplit_once(')').ok_or("no name in stat")?;
    let ticks = behind.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(u64::from_str).sum::<Result<_, _>>()?;
    Ok(ticks as f64 / ticks_per_second()?)
}

fn ticks_per_second() -> Result<f64, Failure> {
    let output = Command::new("getconf").arg("CLK_TCK").output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

fn peak_mib() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.ok_or("no VmHWM in status")?.trim_end_matches("kB");
    Ok(kib.trim().parse::<f64>()? / 1_024.0)
}

// === impl Spent ===

impl Spent {
    /// Rows per second of CPU.
    pub fn rate(&self) -> f64 {
        self.rows as f64 / self.cpu
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rows,
            read,
            cpu,
            wall,
            peak,
        } = self;
        write!(f, "{rows} {read} {cpu} {wall} {peak}")
    }
}

impl FromStr for Spent {
    type Err = Failure;

    fn from_str(line: &str) -> Result<Self, Failure> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [rows, read, cpu, wall, peak] = fields[..] else {
            return Err(format!("a contestant printed {line:?}").into());
        };
        Ok(Self {
            rows: rows.parse()?,
            read: read.parse()?,
            cpu: cpu.parse()?,
            wall: wall.parse()?,
            peak: peak.parse()?,
        })
    }
}
