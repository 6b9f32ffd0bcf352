//! Processes of a bench, and their processor time and memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::Failure;

/// A process that answers line by line. It is killed when this is dropped.
pub struct Process {
    pub child: Child,
    pub input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// Processor time of each thread of a process so far, in nanoseconds.
pub struct Cpu(BTreeMap<u32, u64>);

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
        // The end of its standard input should end it.
        drop(self.input.take());
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

// === impl Cpu ===

impl Cpu {
    /// Reads the times of the process `id`, or of this one where `id` is `self`.
    pub fn of(id: &str) -> Result<Self, Failure> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("/proc/{id}/task"))? {
            let entry = entry?;
            // A thread may have ended by now.
            if let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) {
                let thread = entry.file_name().to_string_lossy().parse()?;
                let nanos = text.split(' ').next().ok_or("no time in schedstat")?;
                threads.insert(thread, nanos.parse()?);
            }
        }
        Ok(Self(threads))
    }

    /// Returns the time that living threads have spent since `before`. These processes keep their threads.
    pub fn since(&self, before: &Self) -> Duration {
        let spent = self.0.iter().map(|(id, now)| {
            let before = before.0.get(id).copied().unwrap_or(0);
            now.saturating_sub(before)
        });
        Duration::from_nanos(spent.sum())
    }
}

/// Returns memory of the process `id`, or of this one where `id` is `self`, in KiB: `VmRSS:` is the
/// resident memory, `VmHWM:` its peak.
pub fn memory_kib(id: &str, field: &str) -> Result<f64, Failure> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.ok_or("no memory in status")?.trim_end_matches("kB");
    Ok(kib.trim().parse()?)
}

/// Returns the median, the upper one of two middle values, or zero where there are no values.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
