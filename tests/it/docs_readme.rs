//! What the documents name has to exist: files, flags, metrics, make targets.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scf_exporter::catalog::ALL;
use scf_exporter::config::{self, Overrides};

/// The documents that a reader starts from.
const PAGES: [&str; 3] = ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md"];
/// Flags of other programs that the documents show.
const FOREIGN_FLAGS: [&str; 3] = ["--release", "--rm", "--locked"];
/// Tests that the documents promise and that are still to be written. One that exists must go.
const AWAITED: [&str; 0] = [];
/// Suffixes of a histogram's series.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let folder = page.parent().expect("a page has a folder").to_path_buf();
        for link in between(&read(&page), "](", ")") {
            let file = link.split('#').next().unwrap_or_default();
            assert!(
                link.starts_with("http") || file.is_empty() || folder.join(file).exists(),
                "{}: {link} leads nowhere",
                page.display()
            );
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    for page in pages() {
        for name in between(&read(&page), "`tests/", "`") {
            let path = root().join("tests").join(name.replace("*.rs", ""));
            let exists = path.exists() || (name.contains('*') && root().join("tests").exists());
            let awaited = AWAITED.contains(&name.as_str());
            assert!(
                exists != awaited,
                "{}: tests/{name}: exists: {exists}",
                page.display()
            );
        }
    }
}

#[test]
fn every_promise_of_exactness_names_its_test() {
    let readme = read(&root().join("README.md"));
    let (_, section) = readme
        .split_once("## How exact is it")
        .expect("the section");
    let (section, _) = section.split_once("\n## ").expect("another follows");
    let promises: Vec<&str> = section.split("\n- ").skip(1).collect();
    assert!(promises.len() > 10, "{promises:#?}");
    for promise in promises {
        assert!(promise.contains("`tests/"), "no test is named: {promise}");
    }
}

#[test]
fn every_flag_in_the_readme_is_documented() {
    let known = words_from(&read(&root().join("docs/CONFIG.md")), "--");
    for flag in words_from(&read(&root().join("README.md")), "--") {
        assert!(
            known.contains(&flag) || FOREIGN_FLAGS.contains(&flag.as_str()),
            "docs/CONFIG.md does not know {flag}"
        );
    }
}

#[test]
fn every_metric_that_is_named_exists() {
    for page in pages() {
        for name in words_from(&read(&page), "scf_") {
            let known = |name: &str| ALL.iter().any(|metric| metric.name == name);
            let mut stems = SUFFIXES
                .iter()
                .filter_map(|suffix| name.strip_suffix(suffix));
            let prefix = name.ends_with('_') || name == "scf_exporter";
            assert!(
                prefix || known(&name) || stems.any(known),
                "{}: no metric {name}",
                page.display()
            );
        }
    }
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = read(&root().join("Makefile"));
    for page in pages() {
        for target in between(&read(&page), "`make ", "`") {
            assert!(
                makefile.contains(&format!("\n{target}:")),
                "{}: no make target {target}",
                page.display()
            );
        }
    }
}

#[test]
fn the_configuration_in_the_readme_is_good() {
    let readme = read(&root().join("README.md"));
    let blocks: Vec<&str> = readme
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|block| block.starts_with("sources:"))
        .collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let faults = config::parse(
            block,
            "README",
            Path::new(""),
            &Overrides::default(),
            &|_| None,
        );
        assert!(faults.is_ok(), "{:?}", faults.err());
    }
}

#[test]
fn every_record_bears_the_number_of_its_file() {
    let mut numbers = BTreeSet::new();
    let records = fs::read_dir(root().join("docs/adr")).expect("the records are there");
    for path in records.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number: u32 = name[..4].parse().expect("a number of four digits");
        let title = if number == 0 {
            "# N. ".to_owned()
        } else {
            format!("# {number}. ")
        };
        assert!(read(&path).starts_with(&title), "{name}: no {title:?}");
        assert!(numbers.insert(number), "{name}: the number is there twice");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages and every decision record.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = PAGES.iter().map(|page| root().join(page)).collect();
    let records = fs::read_dir(root().join("docs/adr")).expect("the records are there");
    pages.extend(records.flatten().map(|entry| entry.path()));
    pages
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every text that stands between `start` and `end` on one line.
fn between(text: &str, start: &str, end: &str) -> Vec<String> {
    let pieces = text.lines().flat_map(|line| line.split(start).skip(1));
    pieces
        .filter_map(|piece| piece.split_once(end))
        .map(|(inside, _)| inside.to_owned())
        .collect()
}

/// Every word that begins with `start`: letters, digits and `. _ -` inside it.
fn words_from(text: &str, start: &str) -> BTreeSet<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.split(|c: char| !inside(c))
        .filter(|word| word.starts_with(start) && word.len() > start.len())
        .filter(|word| !word.bytes().all(|byte| byte == b'-'))
        .map(|word| word.trim_end_matches(['.', '-']).to_owned())
        .collect()
}
