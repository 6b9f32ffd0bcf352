//! The layer table: which room under `src/` may use which. A use that runs up fails.
//!
//! A new arrow is a decision: enter it here, and say why in the change that needs it.

use super::circles::paths;
use super::source::Source;

/// Packages of the workspace. Cargo holds what they use; which rooms use them stands in the table.
const PACKAGES: &[&str] = &["tencentcloud", "exporter_toolkit", "scf_sim"];

/// Room by room, from the top down, with the rooms and packages it may use besides itself.
const TABLE: &[(&str, &str)] = &[
    (
        "main",
        "cli app demo check health logging config tencentcloud scf_sim",
    ),
    // Questions of the fuzz targets; no part of the program.
    ("fuzzing", "ingest store exposition config exporter_toolkit"),
    (
        "demo",
        "app web cli config telemetry metrics model tencentcloud scf_sim",
    ),
    (
        "app",
        "cli config web exposition scheduler commit ingest store telemetry ledger metrics model \
         tencentcloud",
    ),
    ("check", "web config exporter_toolkit"),
    // It asks from outside, and spawns in its tests alone.
    ("health", "tencentcloud"),
    // The simulator's own words for its faults are flag values.
    ("cli", "config scf_sim"),
    ("logging", "config"),
    (
        "web",
        "exposition telemetry config metrics model tencentcloud exporter_toolkit",
    ),
    (
        "scheduler",
        "commit ingest ledger telemetry config model tencentcloud",
    ),
    (
        "commit",
        "store ledger metrics telemetry model tencentcloud",
    ),
    // An adapter does not know who counts its rows.
    ("ingest", "config ledger model tencentcloud"),
    ("store", "ledger metrics model"),
    ("exposition", "metrics model"),
    ("telemetry", "metrics model"),
    // The rule for an address stands where the address is used.
    ("config", "model tencentcloud exporter_toolkit"),
    ("ledger", "model"),
    ("metrics", "model"),
    // For the instant alone.
    ("model", "tencentcloud"),
    // Declares the rooms and uses none.
    ("lib", ""),
];

/// Every use of a room that the table does not allow.
pub fn faults(file: &Source) -> Vec<String> {
    let (path, room) = (&file.path, room(&file.path));
    let Some((_, allowed)) = TABLE.iter().find(|(name, _)| *name == room) else {
        return vec![format!("{path}: room {room} is not in the layer table")];
    };
    let mut faults = Vec::new();
    for (line, names) in paths(&file.code) {
        let used = match &names[..] {
            [root, room, ..] if root == "crate" || root == "scf_exporter" => room,
            [package, ..] if PACKAGES.contains(&package.as_str()) => package,
            _ => continue,
        };
        if used != room && !allowed.split(' ').any(|name| name == used) {
            faults.push(format!("{path}:{line}: {room} must not use {used}"));
        }
    }
    for (at, line) in file.code.lines().enumerate() {
        if climbs_out(path, line) {
            let line = at + 1;
            faults.push(format!(
                "{path}:{line}: write crate::, not super::, for a room"
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

/// Whether a chain of `super::` leaves the room: as many as the file is deep, one more within its
/// unit tests, where the first only leaves the test module (`super::super::` at depth one).
fn climbs_out(path: &str, code: &str) -> bool {
    let depth = path.strip_prefix("src/").unwrap_or(path).split('/').count();
    code.contains(&"super::".repeat(depth + 1))
}

#[test]
fn uses_that_run_up_are_found() {
    for (path, text, words) in [
        (
            "src/model/units.rs",
            "use crate::metrics::Bounds;",
            "src/model/units.rs:1: model must not use metrics",
        ),
        (
            "src/ledger/seen.rs",
            "fn a() { crate::store::open() }",
            ":1: ledger must not use store",
        ),
        (
            "src/web.rs",
            "use crate::{exposition::Scrape, store::{A, B}};",
            ":1: web must not use store",
        ),
        (
            "src/scheduler.rs",
            "use std::fmt;\n\nuse crate::{\n    model,\n    web,\n};\nfn a() {}",
            ":3: scheduler must not use web",
        ),
        (
            "src/main.rs",
            "use scf_exporter::{\n    cli,\n    store,\n};",
            ":1: main must not use store",
        ),
        (
            "src/metrics.rs",
            "use crate::{\n    model,\n};\nuse exporter_toolkit::serve;",
            ":4: metrics must not use exporter_toolkit",
        ),
        (
            "src/ledger/dedup.rs",
            "fn a() -> scf_sim::Cloud",
            ":1: ledger must not use scf_sim",
        ),
        (
            "src/ledger.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::store;\n}",
            ":3: ledger must not use store",
        ),
        (
            "src/ledger/tests.rs",
            "use crate::store;",
            ":1: ledger must not use store",
        ),
        ("src/novel.rs", "", "room novel is not in the layer table"),
        (
            "src/web/page.rs",
            "\nuse super::super::super::poll;",
            ":2: write crate::",
        ),
    ] {
        let faults = faults(&Source::new(path, text.into())).join("\n");
        assert!(faults.contains(words), "{path}: no {words:?} in {faults:?}");
    }
}

#[test]
fn uses_that_run_down_pass() {
    let text = "//! See [`crate::store`].\nuse crate::{exposition::Scrape, model::{Bytes, Nanos}};\n\
                use super::page;\nlet a = \"crate::store\";\n";
    assert_eq!(
        faults(&Source::new("src/web/site.rs", text.into())),
        Vec::<String>::new()
    );
}

/// A room may only use rooms that stand below it in the table, which rules circles out.
#[test]
fn the_table_has_no_circle() {
    for (at, (room, allowed)) in TABLE.iter().enumerate() {
        let rooms = allowed.split_whitespace();
        for used in rooms.filter(|used| !PACKAGES.contains(used)) {
            let below = TABLE[at + 1..].iter().any(|(name, _)| *name == used);
            assert!(below, "{room} uses {used}, which is not below it");
        }
    }
}
