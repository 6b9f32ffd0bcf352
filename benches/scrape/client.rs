//! A scraper that measures its own time and the processor time of the server.

use std::io::Write;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING};

use super::Failure;
use super::process::{Cpu, Process, median};

/// Time limit of a request.
const LONGEST: Duration = Duration::from_secs(60);
/// Waited after an answer, so that the server has freed it before its time is measured.
const REST: Duration = Duration::from_millis(4);

/// The format and encoding of a scrape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    pub name: &'static str,
    accept: &'static str,
    pub gzip: bool,
}

/// A running server.
pub struct Server {
    process: Process,
    pub scraper: Scraper,
}

/// A client of a server. Its clones share connections.
#[derive(Clone)]
pub struct Scraper {
    port: u16,
    client: reqwest::Client,
}

/// Times of repeated scrapes, in milliseconds.
#[derive(Default)]
pub struct Row {
    took: Vec<f64>,
    cpu: Vec<f64>,
    pub bytes: usize,
}

// === impl Form ===

impl Form {
    pub const TEXT: Self = Self::of("text", "text/plain;version=0.0.4");
    pub const OPEN_METRICS: Self =
        Self::of("OpenMetrics", "application/openmetrics-text;version=1.0.0");
    pub const PROTOBUF: Self = Self::of(
        "protobuf",
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
    );

    const fn of(name: &'static str, accept: &'static str) -> Self {
        let gzip = false;
        Self { name, accept, gzip }
    }

    pub fn gzip(self, gzip: bool) -> Self {
        Self { gzip, ..self }
    }

    pub fn words(self) -> String {
        format!("{}{}", self.name, if self.gzip { ", gzip" } else { "" })
    }
}

// === impl Server ===

impl Server {
    /// Takes over a process that prints its port.
    pub fn of(mut process: Process) -> Result<Self, Failure> {
        let line = process.line()?;
        let port = line
            .parse()
            .map_err(|_| format!("{line:?} where a port should be"))?;
        let client = reqwest::Client::builder()
            .no_proxy()
            .no_gzip()
            .timeout(LONGEST)
            .build()?;
        Ok(Self {
            process,
            scraper: Scraper { port, client },
        })
    }

    /// Counts one more call of each function, and returns when scrapes show it.
    pub fn touch(&mut self) -> Result<(), Failure> {
        let input = self.process.input.as_mut().ok_or("no input")?;
        writeln!(input, "touch")?;
        input.flush()?;
        match &*self.process.line()? {
            "done" => Ok(()),
            other => Err(format!("{other:?} where done should be").into()),
        }
    }

    pub fn id(&self) -> String {
        self.process.child.id().to_string()
    }
}

// === impl Scraper ===

impl Scraper {
    /// Scrapes once and returns the length of the body as it was sent.
    pub async fn scrape(&self, form: Form) -> Result<usize, Failure> {
        let mut response = self.ask(form).await?;
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await? {
            bytes += chunk.len();
        }
        Ok(bytes)
    }

    /// Scrapes once and returns the body.
    pub async fn text(&self, form: Form) -> Result<String, Failure> {
        Ok(self.ask(form).await?.text().await?)
    }

    async fn ask(&self, form: Form) -> Result<reqwest::Response, Failure> {
        let encoding = if form.gzip { "gzip" } else { "identity" };
        let request = self
            .client
            .get(format!("http://127.0.0.1:{}/metrics", self.port))
            .header(ACCEPT, form.accept)
            .header(ACCEPT_ENCODING, encoding);
        let response = request.send().await?.error_for_status()?;
        let is_packed = response.headers().contains_key(CONTENT_ENCODING);
        if is_packed != form.gzip {
            return Err(format!("{form:?} is answered by {:?}", response.headers()).into());
        }
        Ok(response)
    }
}

// === impl Row ===

impl Row {
    /// Scrapes once and adds the times.
    pub async fn scrape(&mut self, server: &Server, form: Form) -> Result<(), Failure> {
        let id = server.id();
        let before = Cpu::of(&id)?;
        let began = Instant::now();
        self.bytes = server.scraper.scrape(form).await?;
        self.took.push(began.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(REST).await;
        let spent = Cpu::of(&id)?.since(&before);
        self.cpu.push(spent.as_secs_f64() * 1e3);
        Ok(())
    }

    /// Returns the median time in milliseconds.
    pub fn median(&self) -> f64 {
        median(self.took.iter().copied())
    }

    /// Returns the median of the server's processor time in milliseconds.
    pub fn cpu(&self) -> f64 {
        median(self.cpu.iter().copied())
    }

    pub fn print_head(title: &str) {
        println!(
            "\n{title:<50}{:>9}{:>9}{:>9}{:>9}",
            "scrapes", "p50 ms", "CPU ms", "MB"
        );
    }

    pub fn print(&self, name: &str) {
        println!(
            "{name:<50}{:>9}{:>9.2}{:>9.2}{:>9.3}",
            self.took.len(),
            self.median(),
            self.cpu(),
            self.bytes as f64 / 1e6,
        );
    }
}
