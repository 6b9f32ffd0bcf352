//! Processes of a bench: this program once more, or another one, and what they spend.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::Failure;

/// By how much the coarse figure of processor time may be off.
const COARSE: Duration = Duration::from_millis(20);

/// A process that answers line by line. It ends with its handle.
pub struct Process {
    pub child: Child,
    pub input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// Processor time of a process so far, user and system.
pub struct Cpu {
    /// Nanoseconds of each thread that lives.
    threads: BTreeMap<u32, u64>,
    /// Of the whole process, ended threads included; coarse.
    whole: Duration,
}

// === impl Process ===

impl Process {
    /// Starts this program with other arguments.
    pub fn again(arguments: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(arguments);
        Self::spawn(command)
    }

    pub fn spawn(mut command: Command) -> Result<Self, Failure> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        Ok(Self {
            input: child.stdin.take(),
            output: BufReader::new(output),
            child,
        })
    }

    /// Waits for the next line of its output.
    pub fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("a process ended without an answer".into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its standard input ends with this, and so should it; where it does not, it is made to.
        drop(self.input.take());
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

// === impl Cpu ===

impl Cpu {
    /// Of the process `id`, or of this one: `self`.
    pub fn of(id: &str) -> Result<Self, Failure> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{id}/task"))? {
            let entry = entry?;
            // A thread may end meanwhile.
            if let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) {
                let thread = entry.file_name().to_string_lossy().parse()?;
                let nanos = text.split(' ').next().ok_or("no time in schedstat")?;
                threads.insert(thread, nanos.parse()?);
            }
        }
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The second field is the name in parentheses, which may hold anything; the 14th and
        // 15th are user and system time, which Linux tells in hundredths of a second.
        let (_, behind) = stat.rsplit_once(')').ok_or("no name in stat")?;
        let mut ticks = 0;
        for field in behind.split_whitespace().skip(11).take(2) {
            ticks += field.parse::<u64>()?;
        }
        Ok(Self {
            threads,
            whole: Duration::from_millis(ticks * 10),
        })
    }

    /// What was spent since: of the threads that live, to the nanosecond. Where threads ended
    /// meanwhile only the coarse figure has all.
    pub fn since(&self, before: &Self) -> Duration {
        let mut spent = Duration::ZERO;
        for (id, now) in &self.threads {
            let before = before.threads.get(id).copied().unwrap_or(0);
            spent += Duration::from_nanos(now.saturating_sub(before));
        }
        let whole = self.whole.saturating_sub(before.whole);
        if whole > spent + COARSE { whole } else { spent }
    }
}

/// Memory of the process `id`, or of this one: `self`; KiB. `VmRSS:` is what is resident now,
/// `VmHWM:` the most that ever was.
pub fn memory_kib(id: &str, field: &str) -> Result<f64, Failure> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.ok_or("no memory in status")?.trim_end_matches("kB");
    Ok(kib.trim().parse()?)
}

/// The middle of some values, the upper one of two; zero of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
