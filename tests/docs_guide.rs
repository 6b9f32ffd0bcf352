//! The guide and the README in Chinese against the code: flags, metrics, keys, rights and commands.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "docs_guide/deploy.rs"]
mod deploy;

#[path = "docs_guide/rights.rs"]
mod rights;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use scf_exporter::catalog::ALL;
use scf_exporter::cli;
use scf_exporter::config::{self, Overrides, keys};

use crate::support::pages::{self, lines, root};

/// Flags of other programs that the guide shows.
const FOREIGN_FLAGS: [&str; 8] = [
    "--data-urlencode",
    "--enable-feature",
    "--from-literal",
    "--locked",
    "--namespace",
    "--now",
    "--release",
    "--values",
];
/// Flags that Prometheus has as well.
const SHARED_FLAGS: [&str; 2] = ["--config.file", "--web.listen-address"];
/// Suffixes of a histogram's series.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];

#[test]
fn every_page_of_the_guide_is_in_its_index() {
    let index = fs::read_to_string(root().join("docs/guide/README.md")).unwrap();
    for (name, _) in guide() {
        let file = name.rsplit('/').next().unwrap();
        assert!(
            file == "README.md" || index.contains(&format!("]({file})")),
            "the index does not lead to {file}"
        );
    }
    assert!(guide().len() >= 8);
}

#[test]
fn every_document_is_in_the_list_of_all() {
    let list = fs::read_to_string(root().join("docs/README.md")).unwrap();
    let mut seen = 0;
    for (name, _) in pages::pages() {
        let link = match name.strip_prefix("docs/") {
            Some(page) if page.contains('/') || page == "README.md" => continue,
            Some(page) => page.to_owned(),
            None if name.starts_with("README") => continue,
            None => format!("../{name}"),
        };
        assert!(list.contains(&format!("]({link})")), "{name} is not listed");
        seen += 1;
    }
    assert!(seen >= 9, "only {seen} documents");
}

#[test]
fn every_flag_that_is_named_exists() {
    let ours = flags();
    for (name, text) in guide() {
        for flag in words_from(&text, "--") {
            assert!(
                ours.contains(&flag)
                    || SHARED_FLAGS.contains(&flag.as_str())
                    || FOREIGN_FLAGS.contains(&flag.as_str()),
                "{name}: no flag {flag}"
            );
        }
    }
}

#[test]
fn every_metric_that_is_named_exists() {
    for (name, text) in guide() {
        for metric in words_from(&text, "scf_") {
            let known = |metric: &str| ALL.iter().any(|one| one.name == metric);
            let mut stems = SUFFIXES
                .iter()
                .filter_map(|suffix| metric.strip_suffix(suffix));
            let prefix = metric == "scf_exporter_";
            assert!(
                prefix || known(&metric) || stems.any(known),
                "{name}: no metric {metric}"
            );
        }
    }
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    for (name, text) in guide() {
        for piece in text.split("`make ").skip(1) {
            let target = piece.split('`').next().unwrap();
            assert!(
                makefile.contains(&format!("\n{target}:")),
                "{name}: no make target {target}"
            );
        }
    }
}

/// Metrics without their prefix, as the text and commands on them name them.
#[test]
fn every_series_in_a_command_exists() {
    for (name, text) in guide() {
        for line in lines(&text).iter().filter(|line| {
            line.block == Some("sh") && line.text.contains("grep -E '^scf_exporter_(")
        }) {
            let (_, inside) = line.text.split_once("scf_exporter_(").unwrap();
            let (inside, _) = inside.split_once(')').unwrap();
            for part in inside.split('|') {
                let metric = format!("scf_exporter_{part}");
                assert!(
                    ALL.iter().any(|one| one.name == metric),
                    "{name}: no metric {metric}"
                );
            }
        }
    }
}

#[test]
fn every_configuration_is_good() {
    let mut seen = 0;
    for (name, text) in guide() {
        for block in blocks(&text, "yaml") {
            if !block.lines().any(|line| line == "sources:") {
                continue;
            }
            seen += 1;
            let env = |_: &str| Some("value".to_owned());
            // Files that it names are the reader's to make.
            let parsed = config::parse(&block, "page", root(), &Overrides::default(), &env);
            if let Err(faults) = parsed {
                let told = faults.to_string();
                let missing = |fault: &str| fault.contains("secret_key_file");
                assert!(told.lines().all(missing), "{name}: {told}\n{block}");
            }
        }
    }
    assert!(seen >= 3, "only {seen} configurations were found");
}

#[test]
fn every_key_that_is_named_exists() {
    let areas: BTreeSet<&str> = keys()
        .filter_map(|key| key.path.split_once('.'))
        .map(|(area, _)| area)
        .filter(|area| !area.starts_with("sources"))
        .collect();
    for (name, text) in guide() {
        for piece in text.split('`').skip(1).step_by(2) {
            let Some((area, _)) = piece.split_once('.') else {
                continue;
            };
            let plain = piece
                .bytes()
                .all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'_'));
            if plain && areas.contains(area) {
                assert!(
                    keys().any(|key| key.path == piece),
                    "{name}: no key {piece}"
                );
            }
        }
    }
}

/// Whoever reads Chinese is told to do the same.
#[test]
fn both_readmes_have_the_same_commands() {
    let [english, chinese] = ["README.md", "README.zh-CN.md"].map(|name| {
        let text = fs::read_to_string(root().join(name)).unwrap();
        ["sh", "yaml"].map(|language| blocks(&text, language))
    });
    assert!(english.iter().all(|blocks| blocks.len() >= 2));
    // Comments are translated.
    let bare = |block: &String| -> Vec<String> {
        let lines = block.lines().map(|line| line.split('#').next().unwrap());
        lines.map(|line| line.trim_end().to_owned()).collect()
    };
    for (english, chinese) in english.iter().zip(&chinese) {
        let [english, chinese] = [english, chinese].map(|blocks| blocks.iter().map(bare));
        assert_eq!(
            english.collect::<Vec<_>>(),
            chinese.collect::<Vec<_>>(),
            "README.md and README.zh-CN.md"
        );
    }
}

/// What both READMEs must name, whatever the words around it.
#[test]
fn both_readmes_name_the_same_metrics_rights_and_flags() {
    let [english, chinese] =
        ["README.md", "README.zh-CN.md"].map(|name| fs::read_to_string(root().join(name)).unwrap());
    for start in ["scf_", "scf:", "cls:", "sts:"] {
        let [english, chinese] = [&english, &chinese].map(|text| words_from(text, start));
        assert_eq!(english, chinese, "words that begin with {start}");
    }
    let flags = flags();
    for flag in words_from(&chinese, "--") {
        let known = flags.contains(&flag) || FOREIGN_FLAGS.contains(&flag.as_str());
        assert!(known, "README.zh-CN.md: no flag {flag}");
    }
    for (from, to) in [(&english, "README.zh-CN.md"), (&chinese, "README.md")] {
        let top: String = from.lines().take(6).collect();
        assert!(top.contains(&format!("]({to})")), "no link to {to} on top");
    }
}

fn guide() -> Vec<(String, String)> {
    let pages = pages::pages().into_iter();
    let guide = pages.filter(|(name, _)| Path::new(name).starts_with("docs/guide"));
    guide.collect()
}

/// Every flag of every command.
fn flags() -> BTreeSet<String> {
    let command = cli::command();
    let all = command
        .get_subcommands()
        .flat_map(|sub| sub.get_arguments());
    let longs = all.filter_map(|arg| Some(format!("--{}", arg.get_long()?)));
    longs
        .chain(["--help", "--version"].map(str::to_owned))
        .collect()
}

/// The texts of all blocks of a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    let parts = page.split(&*opening).skip(1);
    let texts = parts.filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()));
    texts.collect()
}

/// Every word that begins with `start`: letters, digits and `. _ -` inside it.
fn words_from(text: &str, start: &str) -> BTreeSet<String> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
    text.split(|c: char| !inside(c))
        .filter(|word| word.starts_with(start) && word.len() > start.len())
        .filter(|word| !word.bytes().all(|byte| byte == b'-'))
        .map(|word| word.trim_end_matches(['.', '-', ':']).to_owned())
        .collect()
}
