//! A server's process, as the one who started it sees it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::Failure;
use super::client::Client;

/// By how much the coarse figure of processor time may be off.
const COARSE: Duration = Duration::from_millis(20);

/// A running server. It ends with its handle.
pub struct Child {
    process: Process,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    port: u16,
}

/// Processor time so far.
pub struct Cpu {
    /// Nanoseconds of each thread that lives.
    threads: BTreeMap<u32, u64>,
    /// Of the whole process, ended threads included; coarse.
    whole: Duration,
}

/// Resident memory in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    pub now: f64,
    pub peak: f64,
}

impl Child {
    /// This program once more, as the server called `who`.
    pub fn start(who: &str, data: &Path, count: usize) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", who])
            .arg(data)
            .arg(count.to_string());
        Self::spawn(command)
    }

    /// Starts a server that prints its port.
    pub fn spawn(mut command: Command) -> Result<Self, Failure> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take();
        let output = process.stdout.take().ok_or("no output")?;
        let mut child = Self {
            process,
            input,
            output: BufReader::new(output),
            port: 0,
        };
        let line = child.line()?;
        child.port = line
            .parse()
            .map_err(|_| format!("{line:?} where a port should be"))?;
        Ok(child)
    }

    /// A scraper of this server.
    pub fn client(&self) -> Client {
        Client::new(self.port)
    }

    /// Gives a command and waits until it is done; what the answer says beside that.
    pub fn obey(&mut self, command: &str) -> Result<String, Failure> {
        self.tell(command)?;
        self.done()
    }

    /// Gives a command.
    pub fn tell(&mut self, command: &str) -> Result<(), Failure> {
        let input = self.input.as_mut().ok_or("no input")?;
        writeln!(input, "{command}")?;
        Ok(input.flush()?)
    }

    /// Waits for the answer to a command.
    pub fn done(&mut self) -> Result<String, Failure> {
        let line = self.line()?;
        let rest = line.strip_prefix("done");
        let rest = rest.ok_or_else(|| format!("{line:?} where done should be"))?;
        Ok(rest.trim().to_owned())
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("a server ended".into());
        }
        Ok(line.trim_end().to_owned())
    }

    pub fn cpu(&self) -> Result<Cpu, Failure> {
        let folder = format!("/proc/{}", self.process.id());
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir(format!("{folder}/task"))? {
            let entry = entry?;
            // A thread may end meanwhile.
            if let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) {
                let id = entry.file_name().to_string_lossy().parse()?;
                let nanos = text.split(' ').next().ok_or("no time in schedstat")?;
                threads.insert(id, nanos.parse()?);
            }
        }
        let stat = fs::read_to_string(format!("{folder}/stat"))?;
        // The second field is the name in parentheses, which may hold anything; the 14th and
        // 15th are user and system time, which Linux tells in hundredths of a second.
        let (_, behind) = stat.rsplit_once(')').ok_or("no name in stat")?;
        let mut ticks = 0;
        for field in behind.split_whitespace().skip(11).take(2) {
            ticks += field.parse::<u64>()?;
        }
        Ok(Cpu {
            threads,
            whole: Duration::from_millis(ticks * 10),
        })
    }

    pub fn memory(&self) -> Result<Memory, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let field = |name: &str| -> Result<f64, Failure> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.ok_or("no memory in status")?.trim_end_matches("kB");
            Ok(kib.trim().parse()?)
        };
        Ok(Memory {
            now: field("VmRSS:")?,
            peak: field("VmHWM:")?,
        })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Its standard input ends with this, and so should it; where it does not, it is made to.
        self.input = None;
        let _gone = self.process.kill();
        let _ended = self.process.wait();
    }
}

impl Cpu {
    /// What was spent since: of the threads that live, to the nanosecond. Where threads came and
    /// went meanwhile, as with a thread for each connection, only the coarse figure has all.
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
