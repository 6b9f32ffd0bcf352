//! Rules on the text of a file.

use super::source::Source;

/// Lines of a Rust file; 100 to 250 is the aim.
const LINES_MAX: usize = 500;

/// A name that only some files, or folders ending with `/`, may use in front of their unit tests,
/// and what the others do instead.
type Ban = (&'static str, &'static [&'static str], &'static str);

const CLOCK: &str =
    "take time from tencentcloud::runtime, or from tokio::time, so that tests can pause it";
const SPAWN: &str = "spawn through tencentcloud::runtime";
const ENVIRONMENT: &str = "only the entry reads the environment; pass it in";
const PRINT: &str = "use tracing; only what talks to a person at a terminal prints";
/// The wiring file reads the environment once and hands it down.
const ENTRIES: &[&str] = &["src/main.rs", "src/app.rs", "src/demo.rs"];
/// The simulator and the web server have tasks of their own: they know no other package.
const ROOTS: &[&str] = &[
    "crates/tencentcloud/src/runtime.rs",
    "crates/scf-sim/",
    "crates/exporter-toolkit/",
];
const TALKERS: &[&str] = &[
    "src/main.rs",
    "src/cli.rs",
    "src/demo.rs",
    "src/demo/",
    "src/check.rs",
    "crates/scf-sim/",
];

const BANS: &[Ban] = &[
    ("SystemTime", ROOTS, CLOCK),
    ("std::time::Instant", ROOTS, CLOCK),
    ("tokio::spawn", ROOTS, SPAWN),
    ("tokio::task::spawn", ROOTS, SPAWN),
    ("thread::spawn", ROOTS, SPAWN),
    (
        "PoisonError",
        &[],
        "use the locks of parking_lot, which a panic does not poison",
    ),
    ("env::var", ENTRIES, ENVIRONMENT),
    ("print!", TALKERS, PRINT),
    ("println!", TALKERS, PRINT),
    ("eprint!", TALKERS, PRINT),
    ("eprintln!", TALKERS, PRINT),
];

/// What the source of a package must not hold.
pub fn source_faults(file: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, line) in file.text.lines().enumerate() {
        if !line.is_ascii() {
            faults.push(format!("{}:{}: not ASCII", file.path, at + 1));
        }
    }
    let code = file.lines_before_tests(&file.code);
    for ban in BANS {
        faults.extend(banned(file, &code, *ban));
    }
    faults.extend(shown_secrets(file));
    if imports_std_instant(&file.code) && !excepted(&file.path, ROOTS) {
        faults.push(format!("{}: imports std's Instant: {CLOCK}", file.path));
    }
    faults.extend(metric_names(file));
    faults
}

/// What no Rust file of the repository must hold.
pub fn rust_faults(file: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = file.text.lines().count();
    if lines > LINES_MAX {
        faults.push(format!("{}: {lines} lines, {LINES_MAX} at most", file.path));
    }
    for word in ["todo!", "unimplemented!", "#[ignore"] {
        if holds(&file.code, word) {
            faults.push(format!("{}: holds {word}", file.path));
        }
    }
    faults
}

/// Paths of one person's or one service's machine.
pub fn machine_paths(path: &str, text: &str) -> Vec<String> {
    // In two parts, so that this file does not hold them.
    [
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/fa", "rm/"),
        ("/ho", "me/"),
    ]
    .map(|(head, tail)| format!("{head}{tail}"))
    .into_iter()
    .filter(|name| stands_alone(text, name))
    .map(|name| format!("{path}: names the machine path {name}"))
    .collect()
}

/// Whether `name` begins a path here, rather than being a part of a longer one.
fn stands_alone(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '/'))
    })
}

fn banned(file: &Source, code: &[(usize, &str)], (name, except, instead): Ban) -> Vec<String> {
    if excepted(&file.path, except) {
        return Vec::new();
    }
    code.iter()
        .filter(|(_, line)| holds(line, name))
        .map(|(at, _)| format!("{}:{at}: {}: {}", file.path, name, instead))
        .collect()
}

fn excepted(path: &str, except: &[&str]) -> bool {
    except
        .iter()
        .any(|name| path == *name || (name.ends_with('/') && path.starts_with(name)))
}

/// Whether `code` holds `name` as a word of its own: not as the end of a longer name.
fn holds(code: &str, name: &str) -> bool {
    code.match_indices(name)
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

/// Types with a key in plain text whose derived Debug would show it.
fn shown_secrets(file: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for derived in file.code.split("#[derive(").skip(1) {
        let (traits, item) = derived.split_once(")]").unwrap_or_default();
        let fields = item.split("\n}").next().unwrap_or_default();
        let fields = fields.split(";\n").next().unwrap_or_default();
        let plain = ["secret_key: String", "token: String"];
        if holds(traits, "Debug") && plain.iter().any(|field| fields.contains(field)) {
            let name = item.split("struct ").nth(1).unwrap_or_default();
            let name = name.split([' ', '<']).next().unwrap_or_default();
            faults.push(format!("{}: the Debug of {name} shows a secret", file.path));
        }
    }
    faults
}

/// Whether a `use std::time::{...}` brings in the clock that no test can pause.
fn imports_std_instant(code: &str) -> bool {
    code.split("use std::time::{").skip(1).any(|rest| {
        let group = rest.split('}').next().unwrap_or_default();
        holds(group, "Instant")
    })
}

/// Literals that look like a metric's name outside the one table of them.
fn metric_names(file: &Source) -> Vec<String> {
    if excepted(
        &file.path,
        &["src/metrics/catalog.rs", "src/metrics/catalog/"],
    ) {
        return Vec::new();
    }
    let crate_name = "\"scf_exporter\"";
    file.lines_before_tests(&file.code_and_text)
        .into_iter()
        .filter(|(_, line)| line.replace(crate_name, "").contains("\"scf_"))
        .map(|(at, _)| {
            format!(
                "{}:{at}: a metric name outside src/metrics/catalog.rs",
                file.path
            )
        })
        .collect()
}

#[test]
fn each_rule_of_sources_bites() {
    let bad = [
        ("let a = 'x'; // caf\u{e9}", "not ASCII"),
        ("let now = SystemTime::now();", "SystemTime"),
        ("let now = std::time::Instant::now();", "std::time::Instant"),
        (
            "use std::time::{Duration, Instant};",
            "imports std's Instant",
        ),
        ("tokio::spawn(work);", "tokio::spawn"),
        ("tokio::task::spawn_blocking(work);", "tokio::task::spawn"),
        ("std::thread::spawn(work);", "thread::spawn"),
        ("let a = std::env::var(name);", "env::var"),
        ("println!();", "println!"),
        (
            "#[derive(Clone, Debug)]\npub struct Key {\n    pub secret_key: String,\n}",
            "Debug of Key shows",
        ),
        ("let a = \"scf_calls_total\";", "a metric name outside"),
    ];
    for (text, words) in bad {
        let faults = source_faults(&Source::new("src/scheduler.rs", text.into())).join("\n");
        assert!(faults.contains(words), "{text}: no {words:?} in {faults:?}");
    }
}

#[test]
fn each_rule_of_rust_files_bites() {
    let long = "\n".repeat(LINES_MAX + 1);
    for (text, words) in [
        (long.as_str(), "501 lines"),
        ("todo!()", "holds todo!"),
        ("unimplemented!()", "holds unimplemented!"),
        ("#[ignore]", "holds #[ignore"),
        ("#[ignore = \"slow\"]", "holds #[ignore"),
    ] {
        let faults = rust_faults(&Source::new("tests/a.rs", text.into())).join("\n");
        assert!(faults.contains(words), "no {words:?} in {faults:?}");
    }
}

#[test]
fn machine_paths_are_found_as_the_start_of_a_path() {
    let (head, tail) = ("/wo", "rk/");
    assert_eq!(
        machine_paths("a.md", &format!("see {head}{tail}notes")).len(),
        1
    );
    assert_eq!(
        machine_paths("a.md", &format!("see docs{head}{tail}notes")).len(),
        0
    );
}

#[test]
fn what_is_allowed_passes() {
    let good = [
        (
            "crates/tencentcloud/src/runtime.rs",
            "let now = SystemTime::now(); tokio::spawn(work);",
        ),
        (
            "src/scheduler.rs",
            "use tokio::time::Instant; // SystemTime, tokio::spawn",
        ),
        (
            "src/scheduler.rs",
            "fn a() {}\n#[cfg(test)]\nmod tests {\nprintln!(\"scf_x\");\n}\n",
        ),
        (
            "src/scheduler.rs",
            "let a = \"println! and SystemTime\"; my_println!(a);",
        ),
        (
            "crates/scf-sim/src/keys.rs",
            "#[derive(Debug)]\nstruct A;\n\n#[derive(Clone)]\nstruct B {\n    secret_key: String,\n}\n",
        ),
        ("src/metrics/catalog.rs", "let a = \"scf_calls_total\";"),
        ("src/demo.rs", "println!(); let target = \"scf_exporter\";"),
    ];
    for (path, text) in good {
        let faults = source_faults(&Source::new(path, text.into()));
        assert_eq!(faults, Vec::<String>::new(), "{path}: {text}");
    }
}
