//! What the packages are made of, as far as it can be told without the tools that make them:
//! manual pages and completions name every flag, the image's build gets everything it needs and
//! nothing else, versions are the same everywhere. `tests/e2e/check_packages.py` and its neighbours
//! have the tools.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use clap::{Command, ValueEnum};
use clap_complete::Shell;
use scf_exporter::cli;
use scf_exporter::config;

use crate::support::{root, text_of};

/// The flags and variables of one command.
fn names(command: &Command) -> Vec<String> {
    let args = command.get_arguments();
    args.flat_map(|arg| {
        let flag = arg.get_long().map(|long| format!("--{long}"));
        let variable = arg.get_env().map(|name| name.to_str().unwrap().to_owned());
        flag.into_iter().chain(variable)
    })
    .collect()
}

/// A manual page as its reader sees the words: without the escapes of roff.
fn manual(name: Option<&str>) -> String {
    let page = String::from_utf8(cli::manual(name).unwrap()).unwrap();
    page.replace("\\-", "-").replace("\\&", "")
}

/// Whether `word` stands in `text` and is not only the beginning of a longer name.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.match_indices(word).any(|(at, _)| {
        let rest = text[at + word.len()..].trim_start_matches('.');
        !rest.starts_with(part)
    })
}

#[test]
fn each_manual_page_names_every_flag_and_variable() {
    let command = cli::command();
    let mut seen = 0;
    for sub in command.get_subcommands() {
        let page = manual(Some(sub.get_name()));
        for name in names(sub) {
            assert!(
                has_word(&page, &name),
                "{}: {name} is missing",
                sub.get_name()
            );
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} names");
}

/// As `man-pages(7)` names and orders them; groups of options are subsections.
#[test]
fn the_manual_pages_have_the_usual_sections() {
    for (name, expected) in [
        (
            Some("run"),
            "NAME SYNOPSIS DESCRIPTION OPTIONS CREDENTIALS EXIT_STATUS ENVIRONMENT FILES SIGNALS \
             EXAMPLES SEE_ALSO",
        ),
        (
            None,
            "NAME SYNOPSIS DESCRIPTION OPTIONS SUBCOMMANDS EXIT_STATUS ENVIRONMENT FILES SIGNALS",
        ),
        (
            Some("demo"),
            "NAME SYNOPSIS DESCRIPTION OPTIONS EXIT_STATUS SIGNALS EXAMPLES SEE_ALSO",
        ),
        (
            Some("health"),
            "NAME SYNOPSIS DESCRIPTION OPTIONS EXIT_STATUS SEE_ALSO",
        ),
    ] {
        let page = manual(name);
        let titles = page.lines().filter_map(|line| line.strip_prefix(".SH "));
        let titles: Vec<String> = titles
            .map(|title| title.trim_matches('"').replace(' ', "_"))
            .collect();
        let expected: Vec<&str> = expected.split_whitespace().collect();
        assert_eq!(titles, expected, "{name:?}");
    }
}

#[test]
fn the_page_of_the_program_names_every_page() {
    let page = manual(None);
    for sub in cli::command().get_subcommands() {
        let name = format!("scf-exporter-{}(1)", sub.get_name());
        assert!(page.contains(&name), "{name} is missing");
    }
    assert!(cli::manual(Some("nothing")).is_err());
}

#[test]
fn every_shell_completes_every_flag_and_command() {
    let command = cli::command();
    for shell in Shell::value_variants() {
        let script = String::from_utf8(cli::completions(*shell)).unwrap();
        for sub in command.get_subcommands() {
            assert!(has_word(&script, sub.get_name()), "{shell}");
            for arg in sub.get_arguments().filter_map(clap::Arg::get_long) {
                // fish writes flags without their dashes.
                assert!(has_word(&script, arg), "{shell}: {arg} is missing");
            }
        }
    }
}

#[test]
fn bash_finds_what_each_command_completes() {
    let script = String::from_utf8(cli::completions(Shell::Bash)).unwrap();
    let looked_up: BTreeSet<&str> = script
        .lines()
        .filter_map(|line| line.trim().strip_prefix("cmd=\"")?.strip_suffix('"'))
        .filter(|name| !name.is_empty())
        .collect();
    let commands = cli::command().get_subcommands().count();
    assert!(looked_up.len() > commands, "{looked_up:?}");
    for name in looked_up {
        let label = format!("{name})");
        let defined = script.lines().filter(|line| line.trim() == label).count();
        assert_eq!(defined, 1, "{name}");
    }
}

/// What the Dockerfile takes from the build context.
fn copied() -> BTreeSet<String> {
    let lines = text_of("Dockerfile").replace("\\\n", " ");
    let copies = lines.lines().filter_map(|line| line.strip_prefix("COPY "));
    let mut paths = BTreeSet::new();
    for copy in copies.filter(|copy| !copy.contains("--from=")) {
        let words: Vec<&str> = copy.split_whitespace().collect();
        let (_, sources) = words.split_last().unwrap();
        paths.extend(sources.iter().map(|path| (*path).to_owned()));
    }
    paths
}

#[test]
fn the_image_is_built_from_files_that_exist_and_pass_the_ignore_file() {
    let copied = copied();
    for path in &copied {
        assert!(root().join(path).exists(), "{path} is copied, and missing");
    }
    let ignore = text_of(".dockerignore");
    let let_through: BTreeSet<String> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .map(str::to_owned)
        .collect();
    assert!(ignore.lines().any(|line| line == "*"), "{ignore}");
    assert_eq!(copied, let_through);
}

/// Every file that the sources hold as they are: `include_str!` and the like, templates.
fn included() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let crates = sources(&root().join("crates"));
    for path in sources(&root().join("src")).into_iter().chain(crates) {
        let text = fs::read_to_string(&path).unwrap();
        for marker in ["include_str!(\"", "include_bytes!(\"", "include!(\""] {
            for piece in text.split(marker).skip(1) {
                let name = piece.split('"').next().unwrap();
                found.insert(plain(&path.parent().unwrap().join(name)));
            }
        }
        for piece in text.split("#[template(path = \"").skip(1) {
            let name = piece.split('"').next().unwrap();
            found.insert(root().join("templates").join(name));
        }
    }
    found
}

/// The path without its steps up.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(part);
        }
    }
    plain
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let (folders, files): (Vec<_>, Vec<_>) =
        entries.map(|e| e.path()).partition(|path| path.is_dir());
    let below = folders.iter().flat_map(|folder| sources(folder));
    let rust = files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"));
    rust.chain(below).collect()
}

#[test]
fn the_image_is_built_from_everything_that_the_sources_include() {
    let copied = copied();
    let included = included();
    assert!(included.len() >= 4, "{included:?}");
    for file in included {
        assert!(file.exists(), "{}", file.display());
        let inside = copied
            .iter()
            .any(|path| file.starts_with(root().join(path)));
        assert!(inside, "{} is not copied", file.display());
    }
}

/// Cargo refuses a manifest of which one target is missing, also to build another.
#[test]
fn the_image_is_built_with_every_target_of_the_manifest() {
    let manifest: toml::Table = text_of("Cargo.toml").parse().unwrap();
    let copied = copied();
    let mut seen = 0;
    for (kind, folder) in [("bench", "benches"), ("test", "tests")] {
        for target in manifest[kind].as_array().unwrap() {
            let name = target["name"].as_str().unwrap();
            let path = target.get("path").and_then(toml::Value::as_str);
            let places = [
                format!("{folder}/{name}.rs"),
                format!("{folder}/{name}/main.rs"),
            ];
            let mut places = path.into_iter().map(str::to_owned).chain(places);
            let path = places.find(|path| root().join(path).exists());
            let path = path.unwrap_or_else(|| panic!("{name} has no file"));
            let inside = copied.iter().any(|from| Path::new(&path).starts_with(from));
            assert!(inside, "{path} is not copied");
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen} targets");
}

#[test]
fn the_program_in_the_image_runs_as_nobody_and_is_asked_for_its_health() {
    let dockerfile = text_of("Dockerfile");
    let (_, last) = dockerfile.rsplit_once("\nFROM ").unwrap();
    assert!(last.starts_with("scratch\n"), "{last}");
    let user = last.lines().find_map(|line| line.strip_prefix("USER "));
    let id: u32 = user.unwrap().split(':').next().unwrap().parse().unwrap();
    assert!(id > 0);
    let check = last.split("\nHEALTHCHECK ").nth(1).unwrap();
    // There is no shell in it, so only the form of a list works.
    let list = check.split("CMD ").nth(1).unwrap().lines().next().unwrap();
    let words: Vec<String> = serde_json::from_str(list).unwrap();
    assert!(matches!(
        cli::parse(words).unwrap().command,
        cli::Action::Health(_)
    ));
}

/// The chart's schema refuses unknown keys, so it has to know those of the configuration. What stands
/// in them is judged by the exporter.
#[test]
fn the_chart_takes_every_part_of_the_configuration() {
    let schema = text_of("deploy/helm/scf-exporter/values.schema.json");
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let known = &schema["properties"]["config"]["properties"];
    let mut parts: BTreeSet<&str> = config::keys()
        .map(|key| key.path.split(['.', '[']).next().unwrap())
        .collect();
    // Where the state is, is the chart's own.
    assert!(parts.remove("state") && parts.len() > 5, "{parts:?}");
    for part in parts {
        assert!(known[part].is_object(), "config.{part} would be refused");
    }
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let chart = text_of("deploy/helm/scf-exporter/Chart.yaml");
    for key in ["version", "appVersion"] {
        let line = format!("\n{key}: {}\n", env!("CARGO_PKG_VERSION"));
        assert!(chart.contains(&line), "{key} is another");
    }
}
