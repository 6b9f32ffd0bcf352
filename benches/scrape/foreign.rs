//! The peers in other languages, made for the run where this machine can.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::Failure;
use super::child::Child;
use super::client::Format;
use super::peers::{Start, Subject};

/// Python and Go. Both show the workload in `data`; what is built is put into `folder`.
pub fn subjects(folder: &Path, data: &Path) -> Vec<Subject> {
    let subject = |name, start: Result<Start, Failure>| Subject {
        name,
        format: Format::Text,
        is_ours: false,
        start: start.map_err(|error| error.to_string()),
    };
    vec![
        subject("client_golang", go(folder, data)),
        subject("Python prometheus_client", python(data)),
    ]
}

fn source(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("benches/scrape/peer").join(name)
}

/// Built outside the tree, by the versions that its `go.sum` names.
fn go(folder: &Path, data: &Path) -> Result<Start, Failure> {
    let folder = folder.join("go");
    fs::create_dir_all(&folder)?;
    for name in ["main.go", "go.mod", "go.sum"] {
        fs::copy(source(name), folder.join(name))?;
    }
    let mut build = Command::new("go");
    build.args(["build", "-mod=readonly", "-o", "peer", "."]);
    run(build.current_dir(&folder), "go build")?;
    let data = data.to_owned();
    Ok(Box::new(move |count| {
        let mut command = Command::new(folder.join("peer"));
        command.arg(&data).arg(count.to_string());
        Child::spawn(command)
    }))
}

fn python(data: &Path) -> Result<Start, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut script = Command::new(root.join("scripts/get-sdks.sh"));
    let output = run(script.arg("openmetrics"), "scripts/get-sdks.sh")?;
    let clients = String::from_utf8(output.stdout)?;
    let python = Path::new(clients.trim()).join("openmetrics/bin/python");
    let data = data.to_owned();
    Ok(Box::new(move |count| {
        let mut command = Command::new(&python);
        command
            .arg("-B")
            .arg(source("peer.py"))
            .arg(&data)
            .arg(count.to_string());
        Child::spawn(command)
    }))
}

fn run(command: &mut Command, name: &str) -> Result<Output, Failure> {
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(output);
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let last = told.trim().lines().next_back().unwrap_or("it says nothing");
    Err(format!("{name} failed: {last}").into())
}
