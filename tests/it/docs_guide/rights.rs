//! The policies of the guide hold exactly the actions that the program calls: those written into
//! the rooms that make the requests of each API.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::blocks;
use crate::support::root;

/// The first words of the actions of the APIs that are read.
const VERBS: [&str; 5] = ["Assume", "Describe", "Get", "List", "Search"];
/// Needs no right: the token of the pod is all that it shows.
const UNSIGNED: &str = "sts:AssumeRoleWithWebIdentity";

/// What finds functions for API 3.0 and for CLS.
const FUNCTIONS: (&str, &str) = ("scf", "src/ingest/discovery");

#[test]
fn each_policy_holds_the_actions_that_are_called() {
    let page = fs::read_to_string(root().join("docs/guide/apis.md")).unwrap();
    for (title, rooms) in [
        ("### cls\n", &[FUNCTIONS, ("cls", "src/ingest/cls")][..]),
        ("### v3\n", &[FUNCTIONS, ("scf", "src/ingest/v3")]),
        ("### v2\n", &[("scf", "src/ingest/v2")]),
        (
            "### A role\n",
            &[("sts", "crates/tencentcloud/src/credentials")],
        ),
    ] {
        let mut called: BTreeSet<String> = BTreeSet::new();
        for (service, room) in rooms {
            called.extend(actions(room).map(|action| format!("{service}:{action}")));
        }
        called.remove(UNSIGNED);
        assert!(!called.is_empty(), "{title}");
        assert_eq!(granted(&page, title), called, "{title}");
    }
}

/// The actions of the first policy behind a heading.
fn granted(page: &str, title: &str) -> BTreeSet<String> {
    let (_, section) = page.split_once(title).unwrap();
    let block = blocks(section, "json").into_iter().next().unwrap();
    let policy: Value = serde_json::from_str(&block).unwrap();
    assert_eq!(policy["version"], "2.0");
    let statements = policy["statement"].as_array().unwrap();
    let mut granted = BTreeSet::new();
    for statement in statements {
        assert_eq!(statement["effect"], "allow");
        let actions = statement["action"].as_array().unwrap();
        granted.extend(actions.iter().map(|one| one.as_str().unwrap().to_owned()));
    }
    granted
}

/// The names of actions that stand as texts in a room, tests left out.
fn actions(room: &str) -> impl Iterator<Item = String> {
    let mut code = String::new();
    add(&root().join(format!("{room}.rs")), &mut code);
    append(&root().join(room), &mut code);
    let texts: Vec<String> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|text| is_action(text))
        .map(str::to_owned)
        .collect();
    texts.into_iter()
}

fn append(folder: &Path, code: &mut String) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name.contains("test") || name == "scripted" {
            continue;
        }
        if path.is_dir() {
            append(&path, code);
        } else {
            add(&path, code);
        }
    }
}

fn add(file: &Path, code: &mut String) {
    let text = fs::read_to_string(file).unwrap();
    code.push_str(text.split("#[cfg(test)]\nmod tests {").next().unwrap());
}

fn is_action(text: &str) -> bool {
    let verb = VERBS.iter().find_map(|verb| text.strip_prefix(verb));
    verb.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_uppercase())
            && rest.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}
