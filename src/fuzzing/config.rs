//! The fuzz target of configuration files.

use std::collections::BTreeSet;
use std::path::Path;

use crate::config::{self, Config, Diagnostics, Overrides, Place, format_duration, parse_duration};

/// The value of every environment variable. No diagnostic may contain it.
const SECRET: &str = "value-that-nobody-may-see";
/// A line that changes nothing.
const COMMENT: &str = "# nothing\n";

/// Checks that an accepted configuration keeps its rules, that diagnostics have a place inside the
/// text and show no secret, and that a comment on top changes nothing but their line numbers.
pub(super) fn text(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let read = parse(text);
    match &read {
        Ok(config) => check(config),
        Err(faults) => check_faults(text, faults),
    }
    // A byte order mark counts only at the very beginning.
    if !text.starts_with('\u{feff}') {
        let moved = parse(&format!("{COMMENT}{text}"));
        match (&read, &moved) {
            (Ok(config), Ok(moved)) => {
                assert_eq!(config.warnings.len(), moved.warnings.len());
                assert_eq!(without_warnings(config), without_warnings(moved));
            }
            (Err(faults), Err(moved)) => assert_eq!(places(faults, 1), places(moved, 0)),
            _ => panic!("a comment matters: {read:?} and {moved:?}"),
        }
    }
    for word in text.split_whitespace() {
        if let Some(duration) = parse_duration(word) {
            assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
        }
    }
}

fn parse(text: &str) -> Result<Config, Diagnostics> {
    let env = |name: &str| (!name.contains("UNSET")).then(|| SECRET.to_owned());
    config::parse(
        text,
        "f.yaml",
        Path::new("/nowhere"),
        &Overrides::default(),
        &env,
    )
}

fn check(config: &Config) {
    assert!(!config.sources.is_empty());
    let names: BTreeSet<_> = config.sources.iter().map(|source| &source.name).collect();
    assert_eq!(names.len(), config.sources.len(), "names are distinct");
    let unnamed = config.sources.iter().filter(|it| it.account.is_empty());
    assert!([0, config.sources.len()].contains(&unnamed.count()));
    assert!(config.poll.interval <= config.poll.idle_interval);
    assert!(config.poll.page_size > 0 && config.limits.requests_in_flight > 0);
    let path = &config.web.telemetry_path;
    assert!(path.starts_with('/') && path != "/" && !path.starts_with("/-/"));
    for source in &config.sources {
        let topics: BTreeSet<_> = source.topics.iter().collect();
        assert_eq!(topics.len(), source.topics.len(), "topics are distinct");
        assert!(!source.region.is_empty());
    }
}

fn check_faults(text: &str, faults: &Diagnostics) {
    assert!(faults.iter().count() > 0);
    let lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    // What is missing at the end of a text is reported on the line after it.
    let lines = lines.count() + 1;
    for fault in faults.iter() {
        if let Place::File { line, column } = fault.place {
            assert!((1..=lines).contains(&line) && column > 0, "{fault:?}");
        }
    }
    assert!(text.contains(SECRET) || !faults.to_string().contains(SECRET));
}

/// Returns the configuration without its warnings, which contain line numbers.
fn without_warnings(config: &Config) -> Config {
    Config {
        warnings: Vec::new(),
        ..config.clone()
    }
}

/// Returns the places of diagnostics, moved down by `lines`, and their keys.
fn places(faults: &Diagnostics, lines: usize) -> Vec<(Place, String)> {
    let place = |place| match place {
        Place::File { line, column } => Place::File {
            line: line + lines,
            column,
        },
        other => other,
    };
    let places = faults.iter().map(|it| (place(it.place), it.path.clone()));
    places.collect()
}
