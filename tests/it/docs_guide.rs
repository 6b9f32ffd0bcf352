//! The guide, the READMEs and the records against the code: flags, metrics, keys, rights and commands.

mod deploy;
mod rights;

use std::collections::BTreeSet;
use std::path::Path;

use scf_exporter::cli;
use scf_exporter::config::{self, Overrides, keys};
use scf_exporter::metrics::catalog::ALL;

use crate::support::pages::{self, blocks, lines, words_from};
use crate::support::{root, text_of};

/// Flags of other programs that the guide shows.
const FOREIGN_FLAGS: [&str; 10] = [
    "--cascade",
    "--data-urlencode",
    "--enable-feature",
    "--from-literal",
    "--locked",
    "--namespace",
    "--now",
    "--release",
    "--rm",
    "--values",
];
/// Beside the guide, what names metrics and targets of make.
const NAMING: [&str; 4] = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/ARCHITECTURE.md",
    "docs/adr",
];
/// Flags that Prometheus has as well.
const SHARED_FLAGS: [&str; 2] = ["--config.file", "--web.listen-address"];
/// Suffixes of a histogram's series.
const SUFFIXES: [&str; 3] = ["_bucket", "_sum", "_count"];

#[test]
fn every_page_of_the_guide_is_in_its_index() {
    let index = text_of("docs/guide/README.md");
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
    let list = text_of("docs/README.md");
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
    for (name, text) in guide().into_iter().chain(pages_of(&["README.md"])) {
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
    for (name, text) in guide().into_iter().chain(pages_of(&NAMING)) {
        for metric in words_from(&text, "scf_") {
            let known = |metric: &str| ALL.iter().any(|one| one.name == metric);
            let mut stems = SUFFIXES
                .iter()
                .filter_map(|suffix| metric.strip_suffix(suffix));
            let prefix = metric.ends_with('_') || metric == "scf_exporter";
            assert!(
                prefix || known(&metric) || stems.any(known),
                "{name}: no metric {metric}"
            );
        }
    }
}

#[test]
fn every_make_target_that_is_named_exists() {
    let makefile = text_of("Makefile");
    for (name, text) in guide().into_iter().chain(pages_of(&NAMING)) {
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
    for (name, text) in guide().into_iter().chain(pages_of(&["README.md"])) {
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
    assert!(seen >= 4, "only {seen} configurations were found");
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
        let text = text_of(name);
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
    let [english, chinese] = ["README.md", "README.zh-CN.md"].map(text_of);
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
    pages_of(&["docs/guide"])
}

/// The pages that are, or are below, one of these.
fn pages_of(paths: &[&str]) -> Vec<(String, String)> {
    let is_of = |name: &String| paths.iter().any(|path| Path::new(name).starts_with(path));
    let pages = pages::pages().into_iter();
    pages.filter(|(name, _)| is_of(name)).collect()
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
