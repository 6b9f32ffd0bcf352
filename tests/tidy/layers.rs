//! The layer table: which room under `src/` may use which. An arrow that runs up fails.
//!
//! A new arrow is a decision: enter it here, and say why in the change that needs it.

use super::source::Source;

/// Packages of the workspace. Cargo holds what they use; which rooms use them stands in the table.
const PACKAGES: &[&str] = &["tencentcloud", "exporter_toolkit", "scf_sim"];

/// Room by room, from the top down, with the rooms and packages it may use besides itself.
pub const TABLE: &[(&str, &[&str])] = &[
    (
        "main",
        &[
            "cli",
            "app",
            "demo",
            "check",
            "health",
            "logging",
            "config",
            "tencentcloud",
            "scf_sim",
        ],
    ),
    // Questions of the fuzz targets; no part of the program.
    (
        "fuzzing",
        &[
            "ingest",
            "store",
            "exposition",
            "config",
            "exporter_toolkit",
        ],
    ),
    (
        "demo",
        &[
            "app",
            "web",
            "cli",
            "config",
            "telemetry",
            "metrics",
            "model",
            "tencentcloud",
            "scf_sim",
        ],
    ),
    (
        "app",
        &[
            "cli",
            "config",
            "web",
            "exposition",
            "scheduler",
            "commit",
            "ingest",
            "store",
            "telemetry",
            "ledger",
            "metrics",
            "model",
            "tencentcloud",
        ],
    ),
    ("check", &["web", "config", "exporter_toolkit"]),
    // It asks from outside, and spawns in its tests alone.
    ("health", &["tencentcloud"]),
    // The simulator's own words for its faults are flag values.
    ("cli", &["config", "scf_sim"]),
    ("logging", &["config"]),
    (
        "web",
        &[
            "exposition",
            "telemetry",
            "config",
            "metrics",
            "model",
            "tencentcloud",
            "exporter_toolkit",
        ],
    ),
    (
        "scheduler",
        &[
            "commit",
            "ingest",
            "ledger",
            "telemetry",
            "config",
            "model",
            "tencentcloud",
        ],
    ),
    (
        "commit",
        &[
            "store",
            "ledger",
            "metrics",
            "telemetry",
            "model",
            "tencentcloud",
        ],
    ),
    // An adapter does not know who counts its rows.
    ("ingest", &["config", "ledger", "model", "tencentcloud"]),
    ("store", &["ledger", "metrics", "model"]),
    ("exposition", &["metrics", "model"]),
    ("telemetry", &["metrics", "model"]),
    // The rule for an address stands where the address is used.
    ("config", &["model", "tencentcloud", "exporter_toolkit"]),
    ("ledger", &["model"]),
    ("metrics", &["model"]),
    // For the instant alone.
    ("model", &["tencentcloud"]),
    // Declares the rooms and uses none.
    ("lib", &[]),
];

/// Every use of a room that the table does not allow.
pub fn faults(file: &Source) -> Vec<String> {
    let room = room(&file.path);
    let Some((_, allowed)) = TABLE.iter().find(|(name, _)| *name == room) else {
        return vec![format!(
            "{}: room {room} is not in the layer table",
            file.path
        )];
    };
    let mut faults = Vec::new();
    for (line, code) in numbered(&file.code) {
        for used in rooms_used(code) {
            if used != room && !allowed.contains(&used.as_str()) {
                faults.push(format!("{}:{line}: {room} must not use {used}", file.path));
            }
        }
        if climbs_out(&file.path, code) {
            faults.push(format!(
                "{}:{line}: write crate::, not super::, for a room",
                file.path
            ));
        }
    }
    faults
}

/// The room of a file: its first name under `src/`.
fn room(path: &str) -> &str {
    let below = path.strip_prefix("src/").unwrap_or(path);
    let first = below.split('/').next().unwrap_or(below);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The code by statements that hold a path, so that a `use` over several lines is seen as one;
/// each with the number of its first line.
fn numbered(code: &str) -> Vec<(usize, &str)> {
    let mut statements = Vec::new();
    let mut line = 1;
    for statement in code.split_inclusive(';') {
        let blank = statement.len() - statement.trim_start().len();
        let first = line + statement[..blank].matches('\n').count();
        statements.push((first, statement.trim_start()));
        line += statement.matches('\n').count();
    }
    statements
}

/// The rooms that a statement names through `crate::` (the program: through the library's name).
fn rooms_used(statement: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for start in ["crate::", "scf_exporter::"] {
        for (at, _) in statement.match_indices(start) {
            let in_word =
                statement[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
            if !in_word {
                rooms.extend(heads(&statement[at + start.len()..]));
            }
        }
    }
    let is_named = |name: &&&str| statement.contains(&format!("{name}::"));
    rooms.extend(PACKAGES.iter().filter(is_named).map(ToString::to_string));
    rooms
}

/// The first names of a path: one, or in a group `{a, b::c, d::{e, f}}` several.
fn heads(path: &str) -> Vec<String> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![word(path)];
    };
    let mut heads = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.push(word(group[start..at].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(word(group[start..at].trim()));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads.retain(|head| !head.is_empty());
    heads
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Whether a chain of `super::` leaves the room: as many as the file is deep, one more within its
/// unit tests, where the first only leaves the test module (`super::super::` at depth one).
fn climbs_out(path: &str, statement: &str) -> bool {
    let depth = path.strip_prefix("src/").unwrap_or(path).split('/').count();
    statement.contains(&"super::".repeat(depth + 1))
}

#[test]
fn arrows_that_run_up_are_found() {
    let bad = [
        (
            "src/model/units.rs",
            "use crate::metrics::Bounds;",
            "model must not use metrics",
        ),
        (
            "src/ledger/seen.rs",
            "fn a() { crate::store::open() }",
            "ledger must not use store",
        ),
        (
            "src/web.rs",
            "use crate::{exposition::Scrape, store::{A, B}};",
            "web must not use store",
        ),
        (
            "src/scheduler.rs",
            "use crate::{\n    model,\n    web,\n};",
            "scheduler must not use web",
        ),
        (
            "src/main.rs",
            "use scf_exporter::{cli, store};",
            "main must not use store",
        ),
        (
            "src/metrics.rs",
            "use exporter_toolkit::serve;",
            "metrics must not use exporter_toolkit",
        ),
        (
            "src/ledger/dedup.rs",
            "fn a() -> scf_sim::Cloud",
            "ledger must not use scf_sim",
        ),
        ("src/novel.rs", "", "room novel is not in the layer table"),
        (
            "src/a/b.rs",
            "use super::super::super::poll;",
            "room a is not",
        ),
        (
            "src/web/page.rs",
            "use super::super::super::poll;",
            "write crate::",
        ),
    ];
    for (path, text, words) in bad {
        let faults = faults(&Source::new(path, text.into())).join("\n");
        assert!(faults.contains(words), "{path}: no {words:?} in {faults:?}");
    }
}

#[test]
fn arrows_that_run_down_pass() {
    let text = "//! See [`crate::store`].\nuse crate::{exposition::Scrape, model::{Bytes, Nanos}};\n\
                use super::page;\nlet a = \"crate::store\"; $crate::store();\n";
    assert_eq!(
        faults(&Source::new("src/web/site.rs", text.into())),
        Vec::<String>::new()
    );
}

#[test]
fn a_fault_names_the_line_of_its_statement() {
    let text = "use std::fmt;\n\nuse crate::{\n    web,\n};\n";
    let faults = faults(&Source::new("src/model.rs", text.into()));
    assert_eq!(faults, ["src/model.rs:3: model must not use web"]);
}

#[test]
fn the_table_has_no_circle() {
    // A room may only use rooms that stand below it in the table, which rules circles out.
    for (at, (room, allowed)) in TABLE.iter().enumerate() {
        for used in allowed.iter().filter(|used| !PACKAGES.contains(used)) {
            let place = TABLE.iter().position(|(name, _)| name == used);
            assert!(
                place.is_some_and(|place| place > at),
                "{room} uses {used}, which is not below it"
            );
        }
    }
}
