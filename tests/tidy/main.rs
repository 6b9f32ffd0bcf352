//! The rules of the house that no compiler checks: which room may use which, how long a file may
//! be, what may be called where. Each rule has a test that shows it bites.
//!
//! Function length, `todo!` in code and the like are clippy's part (`make lint`); what stands here
//! holds for a plain `cargo test` as well.

mod circles;
mod layers;
mod rules;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use source::Source;

/// Folders with nothing written by hand.
const SKIPPED: [&str; 5] = ["target", ".git", ".cache", "data", "proptest-regressions"];
/// Far above any file of this repository: larger ones are not text of ours.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let faults = rust_files("src").iter().flat_map(layers::faults).collect();
    report(faults);
}

#[test]
fn no_modules_use_each_other() {
    let crates = fs::read_dir(root().join("crates")).into_iter().flatten();
    let folders = crates.flatten().map(|of| relative(&of.path().join("src")));
    let folders = folders.chain(["src".to_owned()]);
    report(
        folders
            .flat_map(|folder| circles::faults(&folder, &rust_files(&folder)))
            .collect(),
    );
}

#[test]
fn sources_keep_the_rules() {
    let files = ["src", "crates"].into_iter().flat_map(rust_files);
    // An example talks to a person at a terminal.
    let sources = files.filter(|file| !file.path.contains("/examples/"));
    report(
        sources
            .flat_map(|file| rules::source_faults(&file))
            .collect(),
    );
}

#[test]
fn all_rust_files_keep_the_rules() {
    let files = ["src", "crates", "tests", "benches"]
        .into_iter()
        .flat_map(rust_files);
    report(files.flat_map(|file| rules::rust_faults(&file)).collect());
}

#[test]
fn no_text_names_a_machine() {
    let mut faults = Vec::new();
    for path in files_below(root()) {
        if fs::metadata(&path).is_ok_and(|meta| meta.len() <= FILE_BYTES_MAX)
            && let Ok(text) = fs::read_to_string(&path)
        {
            faults.extend(rules::machine_paths(&relative(&path), &text));
        }
    }
    report(faults);
}

/// A file that no `mod` names is never compiled, and rustc does not say so.
#[test]
fn every_file_of_tests_is_run() {
    let mut unnamed = Vec::new();
    for file in rust_files("tests") {
        let (folder, name) = file.path.rsplit_once('/').expect("it is below tests");
        let name = name.strip_suffix(".rs").expect("a Rust file");
        if folder != "tests" && !["main", "mod"].contains(&name) && !is_module(folder, name) {
            unnamed.push(file.path);
        }
    }
    assert!(!is_module("tests/it", "no_such_file"));
    report(unnamed);
}

/// Whether a file that may declare the modules of `folder` declares `name`.
fn is_module(folder: &str, name: &str) -> bool {
    let declares = |path: String| {
        let text = fs::read_to_string(root().join(path)).unwrap_or_default();
        let mut lines = text.lines().map(|line| line.trim_start_matches("pub "));
        lines.any(|line| line == format!("mod {name};"))
    };
    let parents = ["/main.rs", "/mod.rs", ".rs"];
    parents
        .into_iter()
        .any(|end| declares(format!("{folder}{end}")))
}

fn report(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.to_string_lossy().replace('\\', "/")
}

fn rust_files(folder: &str) -> Vec<Source> {
    let mut files = files_below(&root().join(folder));
    files.retain(|path| path.extension().is_some_and(|end| end == "rs"));
    let read = |path: &PathBuf| fs::read_to_string(path).expect("a Rust file is readable UTF-8");
    files
        .iter()
        .map(|path| Source::new(&relative(path), read(path)))
        .collect()
}

/// Every file below `folder`, in a stable order; none where there is no such folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    let mut files = Vec::new();
    for path in entries {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_symlink() || SKIPPED.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}
