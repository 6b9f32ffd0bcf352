//! The peers in other languages, made for the run where this machine can.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Failure;
use super::client::Server;
use super::process::Process;

/// client_golang and Python's prometheus_client as servers of `functions` functions of `data`, or
/// why they cannot be had. What is built is put into `folder`.
pub fn all(
    folder: &Path,
    data: &str,
    functions: usize,
) -> [(&'static str, Result<Server, String>); 2] {
    let start = |command: Result<Command, Failure>| {
        let mut command = command?;
        command.arg(data).arg(functions.to_string());
        Server::of(Process::spawn(command)?)
    };
    [
        ("client_golang", go(folder)),
        ("Python prometheus_client", python()),
    ]
    .map(|(name, command)| (name, start(command).map_err(|cause| cause.to_string())))
}

fn source(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("benches/scrape/peer").join(name)
}

/// Built outside the tree, by the versions that its `go.sum` names.
fn go(folder: &Path) -> Result<Command, Failure> {
    let folder = folder.join("go");
    fs::create_dir_all(&folder)?;
    for name in ["main.go", "go.mod", "go.sum"] {
        fs::copy(source(name), folder.join(name))?;
    }
    let mut build = Command::new("go");
    build.args(["build", "-mod=readonly", "-o", "peer", "."]);
    run(build.current_dir(&folder), "go build")?;
    Ok(Command::new(folder.join("peer")))
}

fn python() -> Result<Command, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut script = Command::new(root.join("scripts/get-sdks.sh"));
    let clients = run(script.arg("openmetrics"), "scripts/get-sdks.sh")?;
    let mut command = Command::new(Path::new(clients.trim()).join("openmetrics/bin/python"));
    command.arg("-B").arg(source("peer.py"));
    Ok(command)
}

/// Runs a command to its end; what it prints.
fn run(command: &mut Command, name: &str) -> Result<String, Failure> {
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let last = told.trim().lines().next_back().unwrap_or("it says nothing");
    Err(format!("{name} failed: {last}").into())
}
