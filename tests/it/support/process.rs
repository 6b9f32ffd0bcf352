//! The real program as a child process, and plain HTTP to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::exposition::Exposition;

/// Invocations by namespace, function and code.
pub type Counts = BTreeMap<[String; 3], u64>;

/// A child that does not outlive the test.
pub struct Program(pub Child);

impl Program {
    /// Starts the program with the words of `line` as arguments, with these environment variables
    /// and no others, and with its log in a file or thrown away.
    pub fn start(line: &str, variables: &[(&str, &str)], log: Option<&Path>) -> Self {
        let log = log.map_or_else(Stdio::null, |log| {
            fs::File::create(log).expect("a file for the log").into()
        });
        let child = Command::new(env!("CARGO_BIN_EXE_scf-exporter"))
            .args(line.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(log)
            .env_clear()
            .envs(variables.iter().copied())
            .spawn();
        Self(child.expect("the program starts"))
    }

    /// The first line that it prints.
    pub fn first_line(&mut self) -> String {
        let mut line = String::new();
        let out = self.0.stdout.as_mut().expect("its output is piped");
        BufReader::new(out)
            .read_line(&mut line)
            .expect("it prints a line");
        line
    }

    /// Ends it as `kill -9` does.
    pub fn kill(mut self) {
        self.0.kill().expect("it is there");
        self.0.wait().expect("it ends");
    }

    /// Ends it as an init system does; its exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        signal(&pid, "-TERM");
        self.0.wait().expect("it ends").code()
    }
}

/// Sends a signal to a process.
pub fn signal(pid: &str, name: &str) {
    let sent = Command::new("kill").args([name, pid]).status();
    assert!(sent.expect("kill runs").success());
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The simulated cloud as a program.
pub struct Simulator {
    pub program: Program,
    pub address: String,
    pub id: String,
    pub key: String,
}

impl Simulator {
    /// Starts it; it has printed where it listens, and its key.
    pub fn start(flags: &str) -> Self {
        let mut program = Program::start(&format!("sim {flags}"), &[], None);
        let line: serde_json::Value =
            serde_json::from_str(&program.first_line()).expect("a line of JSON");
        let field = |name: &str| line[name].as_str().expect("a text").to_owned();
        Self {
            address: field("listening"),
            id: field("secret_id"),
            key: field("secret_key"),
            program,
        }
    }

    /// Its key, as the environment variables of an exporter.
    pub fn keys(&self) -> [(&str, &str); 2] {
        [
            ("TENCENTCLOUD_SECRET_ID", &self.id),
            ("TENCENTCLOUD_SECRET_KEY", &self.key),
        ]
    }

    /// What it says was called, and the seconds that each function ran.
    pub fn truth(&self) -> (Counts, BTreeMap<String, f64>) {
        let body = get(&self.address, "/_sim/truth").expect("the simulator answers");
        let truth: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        let (mut counts, mut seconds) = (Counts::new(), BTreeMap::new());
        for function in truth["functions"].as_array().expect("a list") {
            let text = |name: &str| function[name].as_str().expect("a text").to_owned();
            for (code, count) in function["invocations"].as_object().expect("counts") {
                let series = [text("namespace"), text("function_name"), code.clone()];
                counts.insert(series, count.as_u64().expect("a count"));
            }
            let ran_ms = function["duration_ms"].as_f64().expect("a number");
            seconds.insert(text("function_name"), ran_ms / 1_000.0);
        }
        counts.retain(|_, count| *count > 0);
        (counts, seconds)
    }
}

/// Writes calls for the simulator to replay, some of them long, some failing; each starts at what
/// `start_ms` says of its number, counted from the start of the simulator.
pub fn write_replay(path: &Path, calls: usize, functions: usize, start_ms: impl Fn(usize) -> i64) {
    let mut lines = String::new();
    for call in 0..calls {
        let (function, code) = (call * call % functions, [0, 0, 0, 1, -1][call % 5]);
        let start = start_ms(call);
        let duration = if call % 97 == 0 { 4_000 } else { call % 211 };
        let billed = duration.next_multiple_of(100);
        writeln!(
            lines,
            r#"{{"function_name":"f{function}","namespace":"default","request_id":"{call:08x}-0000-4000-8000-{call:012x}","retry":0,"start_offset_ms":{start},"duration_ms":{duration}.25,"billed_ms":{billed},"mem_bytes":{},"ret_code":{code},"visible_after_ms":{},"log":"a\n\"b\""}}"#,
            (call % 64 + 1) << 20,
            call % 900,
        )
        .expect("a String takes all");
    }
    fs::write(path, lines).expect("a file for the calls");
}

/// The invocations that a scrape shows; those never called are left out.
pub fn counts(metrics: &Exposition) -> Counts {
    let mut counts = Counts::new();
    for sample in metrics.matching("scf_invocations_total", &[]) {
        let labels = ["function_namespace", "function_name", "ret_code"];
        let series = labels.map(|name| sample.labels[name].clone());
        *counts.entry(series).or_default() += sample.value as u64;
    }
    counts.retain(|_, count| *count > 0);
    counts
}

/// Asserts that nothing that was shown `before` is less `now`.
pub fn assert_never_less(before: &Counts, now: &Counts) {
    for (series, count) in before {
        assert!(
            now.get(series) >= Some(count),
            "{series:?} fell from {count}"
        );
    }
}

/// A scrape, or `None` while nobody answers.
pub fn scrape(address: &str) -> Option<Exposition> {
    Some(Exposition::parse(&get(address, "/metrics")?).expect("a scrape"))
}

/// The body of a GET, or `None` while nobody answers with 200.
pub fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.lines()
        .next()?
        .contains(" 200 ")
        .then(|| body.to_owned())
}

/// Asks again and again until there is an answer, for at most `limit`.
pub fn until<T>(limit: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {limit:?}: {what}");
        // Between questions to another process; nothing is decided by how long this takes.
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// An address on loopback that was free a moment ago.
pub fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it has an address");
    address.to_string()
}
