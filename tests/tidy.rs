//! The rules of the house that no compiler checks: which room may use which, how long a file may
//! be, what may be called where. Each rule has a test that shows it bites.
//!
//! Function length, `todo!` in code and the like are clippy's part (`make lint`); what stands here
//! holds for a plain `cargo test` as well.

#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/rules.rs"]
mod rules;
#[path = "tidy/source.rs"]
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
fn sources_keep_the_rules() {
    let faults = rust_files("src")
        .iter()
        .flat_map(rules::source_faults)
        .collect();
    report(faults);
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

/// Cargo finds none by itself, see `behaviours.rs`: a file that nobody names would never run.
#[test]
fn every_file_of_tests_is_run() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("it is readable");
    let (modules, manifest) = (read("tests/behaviours.rs"), read("Cargo.toml"));
    let forgotten = |name: &str| {
        let module = format!("#[path = \"{name}.rs\"]\nmod {name};");
        let target = format!("[[test]]\nname = \"{name}\"\n");
        !modules.contains(&module) && !manifest.contains(&target)
    };
    assert!(forgotten("no_such_file"));
    let files = fs::read_dir(root().join("tests")).expect("it is a folder");
    let names = files.filter_map(|file| {
        let path = file.ok()?.path();
        let rust = path.extension().is_some_and(|end| end == "rs");
        rust.then(|| {
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned())
        })?
    });
    report(names.filter(|name| forgotten(name)).collect());
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
