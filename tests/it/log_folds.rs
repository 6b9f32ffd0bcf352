//! The real program's log: what happens to many targets at once takes a few lines and their number,
//! and a selection that finds nothing is logged once.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::support::process::{Program, Simulator, free_address, get, until};

const FUNCTIONS: usize = 60;
/// Lines of one kind in a minute, as the documents have it.
const LINES: usize = 20;

fn sample(address: &str, start: &str) -> Option<f64> {
    let metrics = get(address, "/metrics")?;
    let line = metrics.lines().find(|line| line.starts_with(start))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// A simulated cloud, and a file that says to read it so.
fn cloud(folder: &Path, how: &str) -> (Program, String) {
    let cloud = Simulator::start(&format!("--seed 7 --functions {FUNCTIONS}"));
    let (key, config) = (folder.join("key"), folder.join("config.yaml"));
    fs::write(&key, &cloud.key).unwrap();
    let text = format!(
        "sources: [{{{how}, region: ap-guangzhou, endpoint: 'http://{}', \
         credentials: {{secret_id: {}, secret_key_file: {}}}}}]",
        cloud.address,
        cloud.id,
        key.display()
    );
    fs::write(&config, text).unwrap();
    (cloud.program, config.to_str().unwrap().to_owned())
}

#[test]
fn a_selection_that_finds_nothing_is_logged_once() {
    for how in ["api: cls", "api: v3", "api: v2"] {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let nothing = format!("{how}, functions: {{include: [zzz]}}");
        let (_cloud, config) = cloud(folder.path(), &nothing);
        let address = free_address();
        let line = format!(
            "run --config.file {config} --state.path= --poll.discovery-interval=1s \
             --web.listen-address {address}"
        );
        let program = Program::start(&line, &[], Some(&log));
        let lists = "scf_exporter_api_requests_total{";
        until(Duration::from_secs(60), "some lists of functions", || {
            let metrics = get(&address, "/metrics")?;
            let mut lines = metrics.lines().filter(|line| line.starts_with(lists));
            let list = lines.rfind(|line| line.contains("ListFunctions"))?;
            let number: f64 = list.rsplit(' ').next()?.parse().ok()?;
            (number >= 3.0).then_some(())
        });
        assert_eq!(program.terminate(), Some(0));
        let said = fs::read_to_string(&log).unwrap();
        let told = said.matches("no function to read was found").count();
        assert_eq!(told, 1, "{how}: {said}");
    }
}

/// The lines of a log at `info` and above, and those for debugging.
fn by_severity(said: &str) -> (Vec<&str>, Vec<&str>) {
    let is_detail = |line: &&str| line.contains("level=debug") || line.contains("level=trace");
    said.lines().partition(|line| !is_detail(line))
}

#[test]
fn a_log_begins_with_version_and_file_and_names_modules_for_debugging_only() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let (_cloud, config) = cloud(folder.path(), "api: v3, read: region");
    let address = free_address();
    let line = format!(
        "run --config.file {config} --state.path= --log.level=debug --web.listen-address {address}"
    );
    let program = Program::start(&line, &[], Some(&log));
    until(Duration::from_secs(60), "a poll", || {
        let polls = "scf_exporter_polls_total{result=\"success\"";
        sample(&address, polls).filter(|&polls| polls > 0.0)
    });
    assert_eq!(program.terminate(), Some(0));
    let said = fs::read_to_string(&log).unwrap();
    let (plain, detailed) = by_severity(&said);
    let version = format!("version={}", env!("CARGO_PKG_VERSION"));
    let file = format!("config_file={config}");
    let first = plain[0];
    assert!(first.contains("starting scf-exporter"), "{first}");
    assert!(first.contains(&version) && first.contains(&file), "{first}");
    assert!(plain.len() >= 4, "{said}");
    for line in plain {
        assert!(!line.contains("scf_exporter::"), "{line}");
    }
    assert!(!detailed.is_empty());
    for line in detailed {
        assert!(line.contains("target=scf_exporter::"), "{line}");
    }
}

#[test]
fn a_list_that_fails_again_is_logged_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let (cloud, config) = cloud(folder.path(), "api: v3, read: function");
    let address = free_address();
    let line = format!(
        "run --config.file {config} --state.path= --poll.discovery-interval=1s \
         --poll.interval=1s --log.level=debug --web.listen-address {address}"
    );
    let program = Program::start(&line, &[], Some(&log));
    let limit = Duration::from_secs(60);
    until(limit, "the first list", || {
        let status = get(&address, "/api/v1/status")?;
        status.contains("\"readiness\":\"ready\"").then_some(())
    });
    cloud.kill();
    let failed = "the list of functions could not be read";
    let said = until(limit, "lists that fail", || {
        let said = fs::read_to_string(&log).ok()?;
        (said.matches(failed).count() >= 3).then_some(said)
    });
    assert_eq!(program.terminate(), Some(0));
    let (plain, _) = by_severity(&said);
    let told = plain.iter().filter(|line| line.contains(failed)).count();
    assert_eq!(told, 1, "{said}");
}

#[test]
fn an_outage_takes_a_few_lines() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let (cloud, config) = cloud(folder.path(), "api: v2, read: function");

    let address = free_address();
    let line = format!(
        "run --config.file {config} --state.path= --web.listen-address {address} \
         --poll.interval=100ms --poll.idle-interval=200ms --limits.requests-per-second=500 \
         --web.zero-first=0s"
    );
    let program = Program::start(&line, &[], Some(&log));
    let limit = Duration::from_secs(60);
    until(limit, "a read of each function", || {
        let status = get(&address, "/api/v1/status")?;
        let read = ["\"readiness\":\"ready\"", "\"targets_waiting\":0"];
        read.iter()
            .all(|words| status.contains(words))
            .then_some(())
    });
    cloud.kill();
    let failed = "scf_exporter_polls_total{result=\"failure\"";
    until(limit, "failures of most functions", || {
        sample(&address, failed).filter(|&polls| polls >= FUNCTIONS as f64)
    });
    assert_eq!(program.terminate(), Some(0));

    let said = fs::read_to_string(&log).unwrap();
    let with = |word: &str| said.lines().filter(|line| line.contains(word)).count();
    // Its own line tells how many there were; it names them too.
    let told = said.lines().filter(|line| line.contains("left out"));
    let told: Vec<_> = told.filter(|line| line.contains("poll failed")).collect();
    assert_eq!(with("poll failed") - told.len(), LINES, "{said}");
    assert_eq!(told.len(), 1, "{said}");
    let number = told[0].split("lines=").nth(1).unwrap().split(' ').next();
    let left_out: usize = number.unwrap().parse().unwrap();
    // Each target says it once.
    assert!(
        (FUNCTIONS / 2..=FUNCTIONS).contains(&(left_out + LINES)),
        "{said}"
    );
}
