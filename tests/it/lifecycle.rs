//! The real program reloads its configuration and ends: by a signal and by requests.

#![cfg(unix)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::process::{Program, free_address, get, scrape, signal, until};

const PATIENCE: Duration = Duration::from_secs(60);
const SUCCESSFUL: &str = "scf_exporter_config_last_reload_successful";
const TIME: &str = "scf_exporter_config_last_reload_success_timestamp_seconds";

/// The program on a configuration file, with no cloud in reach.
struct Server {
    program: Program,
    address: String,
    file: PathBuf,
    log: PathBuf,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start(flags: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = free_address();
        let (file, log) = (
            directory.path().join("scf.yaml"),
            directory.path().join("log"),
        );
        fs::write(&file, configuration(&address, "info", "one")).unwrap();
        let line = format!("run --config.file {} {}", file.display(), flags);
        let server = Self {
            program: Program::start(&line, &[("SCF_KEY", "no-secret")], Some(&log)),
            address,
            file,
            log,
            _directory: directory,
        };
        until(PATIENCE, "it serves", || get(&server.address, "/metrics"));
        server
    }

    fn configure(&self, level: &str, name: &str) {
        fs::write(&self.file, configuration(&self.address, level, name)).unwrap();
    }

    fn hang_up(&self) {
        signal(&self.program.0.id().to_string(), "-HUP");
    }

    fn value(&self, name: &str) -> f64 {
        scrape(&self.address).unwrap().sum(name, &[])
    }

    fn has_source(&self, name: &str) -> bool {
        let scrape = scrape(&self.address).unwrap();
        let polls = scrape.matching("scf_exporter_polls_total", &[("source", name)]);
        !polls.is_empty()
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Status and head and body of an answer.
    fn ask(&self, method: &str, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().to_owned();
        (status, answer)
    }
}

fn configuration(address: &str, level: &str, name: &str) -> String {
    format!(
        "web:\n  listen_address: {address}\nstate:\n  path: \"\"\nlog:\n  level: {level}\n\
         poll:\n  interval: 1s\n  stop_timeout: 1s\nsources:\n  - name: {name}\n    api: v2\n    \
         region: ap-guangzhou\n    endpoint: http://127.0.0.1:9/v2/index.php\n    credentials:\n      \
         secret_id: id\n      secret_key: ${{SCF_KEY}}\n"
    )
}

#[test]
fn a_hangup_reads_the_file_anew_and_a_bad_one_changes_nothing() {
    let server = Server::start("");
    assert_eq!(server.value(SUCCESSFUL), 1.0);
    let began = server.value(TIME);
    assert!(server.has_source("one"));

    // The third line of faults is the seventh of the file.
    server.configure("loud", "a name\n    regoin: x");
    server.hang_up();
    until(PATIENCE, "it fails", || {
        (server.value(SUCCESSFUL) == 0.0).then_some(())
    });
    assert_eq!(server.value(TIME), began, "the time of the last success");
    assert!(server.has_source("one"));
    let (log, file) = (server.log(), server.file.display().to_string());
    for place in [
        "6:10: log.level",
        "11:11: sources[0].name",
        "12:5: sources[0].regoin",
    ] {
        assert!(
            log.contains(&format!("{file}:{place}")),
            "no {place} in {log}"
        );
    }
    assert!(!log.contains("level=debug"), "{log}");

    server.configure("debug", "two");
    server.hang_up();
    until(PATIENCE, "it is taken over", || {
        server.has_source("two").then_some(())
    });
    until(PATIENCE, "it is told", || {
        (server.value(SUCCESSFUL) == 1.0).then_some(())
    });
    assert!(server.value(TIME) > began);
    assert!(!server.has_source("one"));
    until(PATIENCE, "more is logged", || {
        server.log().contains("level=debug").then_some(())
    });
    let log = server.log();
    assert!(
        log.contains("added=two") && log.contains("removed=one"),
        "{log}"
    );
    assert!(!log.contains("no-secret"), "{log}");
    assert_eq!(server.program.terminate(), Some(0));
}

#[test]
fn requests_reload_and_end_where_they_are_enabled() {
    let mut server = Server::start("--web.enable-lifecycle");
    for path in ["/-/reload", "/-/quit"] {
        let (status, answer) = server.ask("GET", path);
        assert_eq!(status, "405");
        assert!(
            answer.to_lowercase().contains("\r\nallow: post, put\r\n"),
            "{answer}"
        );
    }
    server.configure("info", "two");
    assert_eq!(server.ask("POST", "/-/reload").0, "200");
    assert!(server.has_source("two"));
    server.configure("loud", "two");
    let (status, answer) = server.ask("PUT", "/-/reload");
    assert_eq!(status, "500");
    assert!(answer.contains(":6:10: log.level: `loud`"), "{answer}");
    assert_eq!(server.value(SUCCESSFUL), 0.0);
    server.configure("info", "two");
    assert_eq!(server.ask("PUT", "/-/reload").0, "200");
    assert_eq!(server.value(SUCCESSFUL), 1.0);

    assert_eq!(server.ask("POST", "/-/quit").0, "200");
    assert_eq!(server.program.0.wait().unwrap().code(), Some(0));
}

#[test]
fn requests_are_refused_where_they_are_not_enabled() {
    let server = Server::start("");
    for path in ["/-/reload", "/-/quit"] {
        assert_eq!(server.ask("GET", path).0, "405");
        for method in ["POST", "PUT"] {
            let (status, answer) = server.ask(method, path);
            assert_eq!(status, "403");
            assert!(answer.contains("--web.enable-lifecycle"), "{answer}");
        }
    }
    server.configure("info", "two");
    assert!(server.has_source("one"), "nothing was read");
    assert_eq!(server.program.terminate(), Some(0));
}
