//! Every relative link of every document leads to a file that exists, and every anchor to a
//! heading of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::pages::{self, lines};
use crate::support::root;

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let pages = pages::pages();
    let anchors: BTreeMap<&str, BTreeSet<String>> = pages
        .iter()
        .map(|(name, text)| (name.as_str(), anchors(text)))
        .collect();
    let mut faults = Vec::new();
    let mut seen = 0;
    for (name, text) in &pages {
        for link in links(text) {
            seen += 1;
            if let Err(why) = follow(name, &link, &anchors) {
                faults.push(format!("{name}: {link}: {why}"));
            }
        }
    }
    assert!(seen > 80, "only {seen} links were found");
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn headings_have_the_anchors_that_the_forge_gives_them() {
    let page = "# A `b.c` and d_e\n## Same\n## Same\n### cls: 10,000 (rows)\n```sh\n# no heading\n```\n## \u{4e2d}\u{6587}\u{ff0c}x\n";
    let expected = [
        "a-bc-and-d_e",
        "cls-10000-rows",
        "same",
        "same-1",
        "\u{4e2d}\u{6587}x",
    ];
    assert_eq!(anchors(page).into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_dead_link_is_noticed() {
    let known = BTreeMap::from([("README.md", BTreeSet::from(["there".to_owned()]))]);
    for (link, good) in [
        ("https://example.com/x", true),
        ("#there", true),
        ("Cargo.toml", true),
        ("../README.md#there", false),
        ("README.md#there", true),
        ("README.md#gone", false),
        ("gone.md", false),
        ("Cargo.toml#x", false),
    ] {
        let followed = follow("README.md", link, &known);
        assert_eq!(followed.is_ok(), good, "{link}: {followed:?}");
    }
}

/// The targets of all links and pictures outside of code.
fn links(page: &str) -> Vec<String> {
    let prose: Vec<String> = lines(page)
        .iter()
        .filter(|line| line.block.is_none())
        .map(|line| without_code(line.text))
        .collect();
    // A link may run over the end of a line.
    let prose = prose.join(" ");
    let pieces = prose.split("](").skip(1);
    let links = pieces.filter_map(|piece| Some(piece.split_once(')')?.0.to_owned()));
    links.collect()
}

/// The line without what stands between single quotes of code, where brackets are no link; a link's
/// text may be code, its target is not.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

fn follow(
    from: &str,
    link: &str,
    anchors: &BTreeMap<&str, BTreeSet<String>>,
) -> Result<(), String> {
    if link.starts_with("https://") || link.starts_with("http://") {
        return Ok(());
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let page = if file.is_empty() {
        from.to_owned()
    } else {
        resolved(from, file).ok_or("it leads out of the repository")?
    };
    if !root().join(&page).exists() {
        return Err("there is no such file".to_owned());
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let known = anchors.get(page.as_str());
    match known.is_some_and(|known| known.contains(anchor)) {
        true => Ok(()),
        false => Err(format!("{page} has no such heading")),
    }
}

/// `file` as seen from the page `from`, from the root; none outside of it.
fn resolved(from: &str, file: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Path::new(&parts.join("/")).to_str().map(str::to_owned)
}

/// What follows `#` in a link to each heading: lower case, blanks as dashes, no other signs than
/// dashes and underlines; numbered where it is there already.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in lines(page).iter().filter(|line| line.block.is_none()) {
        let Some(title) = line.text.trim_start_matches('#').strip_prefix(' ') else {
            continue;
        };
        if !line.text.starts_with('#') {
            continue;
        }
        let slug: String = shown(title)
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let mut numbered = slug.clone();
        let mut number = 0;
        while !anchors.insert(numbered) {
            number += 1;
            numbered = format!("{slug}-{number}");
        }
    }
    anchors
}

/// A heading as it is shown: of a link, its text.
fn shown(title: &str) -> String {
    let mut shown = String::new();
    let mut rest = title.trim();
    while let Some((before, behind)) = rest.split_once("](") {
        shown.push_str(before);
        rest = behind.split_once(')').map_or("", |(_, rest)| rest);
    }
    shown + rest
}
