//! `docs/CONFIG.md` against the code: every key, flag, variable, default and bound stands in it,
//! and nothing stands in it that does not exist.

#![allow(clippy::unwrap_used)] // a test file: helpers outside the tests may stop it too

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::Arg;
use scf_exporter::app::ONLY_AT_START;
use scf_exporter::cli::{self, DEMO_DEFAULTS};
use scf_exporter::config::{
    self, KEYS, MAX_ADDRESSES, MAX_NAMES, MAX_PATTERNS, MAX_SOURCES, MAX_TOPICS, Overrides,
    environment_name,
};

fn page() -> String {
    crate::support::text_of("docs/CONFIG.md")
}

/// The cells of every table row, code quotes taken off.
fn rows(page: &str) -> Vec<Vec<String>> {
    page.lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|row| row.split('|').map(|cell| unquoted(cell.trim())).collect())
        .collect()
}

/// A cell that is one piece of code, without its quotes; any other as it stands.
fn unquoted(cell: &str) -> String {
    let inner = cell.strip_prefix('`').and_then(|c| c.strip_suffix('`'));
    inner
        .filter(|c| !c.contains('`'))
        .unwrap_or(cell)
        .to_owned()
}

/// The rows that begin with one of `firsts`, by it.
fn rows_of_length(page: &str, length: usize) -> BTreeMap<String, Vec<String>> {
    let rows = rows(page).into_iter().filter(|row| row.len() == length);
    rows.filter(|row| !row[0].starts_with("---"))
        .map(|row| (row[0].clone(), row[1..].to_vec()))
        .collect()
}

fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}

fn arguments() -> Vec<Arg> {
    let command = cli::command();
    command
        .get_subcommands()
        .flat_map(|sub| sub.get_arguments().cloned().collect::<Vec<_>>())
        .collect()
}

fn flag(arg: &Arg) -> Option<String> {
    arg.get_long().map(|long| format!("--{long}"))
}

fn default(arg: &Arg) -> String {
    let values = arg.get_default_values();
    or_dash(values.first().map(|value| value.to_str().unwrap()))
}

/// Words of the page that begin with `prefix`, up to the first sign that is not part of a name.
fn words(page: &str, prefix: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    page.match_indices(prefix)
        .filter(|(at, _)| !page[..*at].ends_with(part))
        .map(|(at, _)| page[at..].split(|c| !part(c)).next().unwrap())
        .map(|word| word.trim_end_matches('.').to_owned())
        .filter(|word| word.len() > prefix.len() && !word.starts_with("---"))
        .collect()
}

/// The page says of each key that needs a restart that it does, and of no other.
#[test]
fn what_needs_a_restart_is_listed() {
    let page = page();
    let (_, section) = page.split_once("\nThese need a restart.").unwrap();
    let (paragraph, _) = section.split_once("\n\n").unwrap();
    let listed = paragraph.split('`').skip(1).step_by(2).collect::<Vec<_>>();
    assert_eq!(listed, ONLY_AT_START);
}

#[test]
fn every_key_has_its_row_and_no_row_is_left_over() {
    let mut rows = rows_of_length(&page(), 6);
    rows.remove("Key");
    for key in KEYS {
        let row = rows.remove(key.path);
        let row = row.unwrap_or_else(|| panic!("{} has no row", key.path));
        let expected = [
            or_dash(key.flag),
            or_dash(key.environment().as_deref()),
            or_dash(key.default),
            key.shape.bounds(),
        ];
        assert_eq!(row[..4], expected, "{}", key.path);
        assert!(!row[4].is_empty(), "{} has no meaning", key.path);
    }
    assert!(rows.is_empty(), "unknown keys: {rows:?}");
}

#[test]
fn flags_and_variables_are_those_of_the_command_line() {
    let page = page();
    let mut flags: BTreeSet<String> = arguments().iter().filter_map(flag).collect();
    flags.extend(["--help".to_owned(), "--version".to_owned()]);
    assert_eq!(words(&page, "--"), flags);
    let variables: BTreeSet<String> = arguments()
        .iter()
        .filter_map(|arg| Some(arg.get_env()?.to_str().unwrap().to_owned()))
        .collect();
    assert_eq!(words(&page, "SCF_EXPORTER_"), variables);
}

#[test]
fn every_flag_has_a_variable() {
    let mut without = Vec::new();
    for arg in arguments() {
        let Some(flag) = flag(&arg) else { continue };
        let Some(variable) = arg.get_env() else {
            without.push(flag);
            continue;
        };
        let name = environment_name(&flag);
        let in_sim = name.replace("EXPORTER_", "EXPORTER_SIM_");
        let variable = variable.to_str().unwrap();
        assert!(variable == name || variable == in_sim, "{flag}: {variable}");
    }
    // Once, in the demo: its numbers must not go where the real ones are.
    assert_eq!(without, ["--state.path"]);
}

#[test]
fn the_simulated_cloud_is_the_same_alone_and_in_the_demo() {
    let page = page();
    let command = cli::command();
    let args = |sub: &str| -> BTreeMap<String, Arg> {
        let sub = command.find_subcommand(sub).unwrap();
        let args = sub.get_arguments();
        args.filter_map(|arg| Some((flag(arg)?, arg.clone())))
            .collect()
    };
    let (demo, sim) = (args("demo"), args("sim"));
    let mut seen = 0;
    for row in rows(&page).iter().filter(|row| row.len() == 5) {
        let Some(alone) = sim.get(&row[1]) else {
            continue;
        };
        seen += 1;
        let mut both = vec![alone];
        both.extend(demo.get(&row[0]));
        assert_eq!(both.len() == 1, row[0] == "-", "{row:?}");
        for arg in both {
            assert_eq!(row[2], arg.get_env().unwrap().to_str().unwrap());
            assert_eq!(row[3], default(arg), "{row:?}");
        }
    }
    assert_eq!(seen, sim.len());
}

#[test]
fn the_defaults_of_the_demo_are_listed() {
    let mut rows = rows_of_length(&page(), 2);
    rows.remove("Flag");
    let listed: BTreeMap<_, _> = rows
        .into_iter()
        .map(|(flag, row)| (flag, row[0].clone()))
        .collect();
    let expected: BTreeMap<String, String> = DEMO_DEFAULTS
        .iter()
        .map(|(flag, value)| (flag, if value.is_empty() { "empty" } else { value }))
        .map(|(flag, value)| ((*flag).to_owned(), value.to_owned()))
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn counts_on_the_page_are_those_of_the_code() {
    let page = page();
    for text in [
        format!("a list of at most {MAX_SOURCES}."),
        format!("Functions to read, at most {MAX_NAMES}."),
        format!("Patterns of functions to read, at most {MAX_PATTERNS} of"),
        format!("Namespaces to read, at most {MAX_NAMES}."),
        format!("at most {MAX_TOPICS} topics"),
        format!("a list of at most {MAX_ADDRESSES} addresses"),
    ] {
        assert!(page.contains(&text), "{text}");
    }
}

#[test]
fn the_examples_on_the_page_are_good() {
    let page = page();
    let blocks: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 6);
    for block in blocks {
        let env = |_: &str| Some("value".to_owned());
        config::parse(block, "page", Path::new(""), &Overrides::default(), &env)
            .unwrap_or_else(|faults| panic!("{faults}\n{block}"));
    }
}
