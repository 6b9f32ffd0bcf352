//! The real program as a child process, and plain HTTP to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::exposition::Exposition;

/// A child that does not outlive the test.
pub struct Program(pub Child);

impl Program {
    /// Starts the program with these arguments and keys in its environment.
    pub fn start(args: &[String], keys: Option<(&str, &str)>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scf-exporter"));
        command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .env_clear();
        if let Some((id, key)) = keys {
            command
                .env("TENCENTCLOUD_SECRET_ID", id)
                .env("TENCENTCLOUD_SECRET_KEY", key);
        }
        Self(command.spawn().expect("the program starts"))
    }

    /// The same with its log in a file, and without keys.
    pub fn telling(args: &[String], log: &std::path::Path) -> Self {
        let log = std::fs::File::create(log).expect("a file for the log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_scf-exporter"));
        command.args(args).stdout(Stdio::null()).stderr(log);
        Self(command.env_clear().spawn().expect("the program starts"))
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
        let told = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .expect("kill runs");
        assert!(told.success());
        self.0.wait().expect("it ends").code()
    }
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
    pub fn start(args: &[&str]) -> Self {
        let args: Vec<String> = ["sim"]
            .iter()
            .chain(args)
            .map(ToString::to_string)
            .collect();
        let mut program = Program::start(&args, None);
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
