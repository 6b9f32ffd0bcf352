//! Tests that the documents name exist, each promise of exactness names one, and the decision
//! records are numbered.

use std::collections::BTreeSet;

use crate::support::pages::pages;
use crate::support::{root, text_of};

#[test]
fn every_test_that_is_named_exists() {
    let mut seen = 0;
    for (page, text) in pages() {
        for name in between(&text, "`tests/", "`") {
            let path = root().join("tests").join(name.replace("*.rs", ""));
            let exists = path.exists() || name.contains('*');
            assert!(exists, "{page}: there is no tests/{name}");
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} tests are named");
}

#[test]
fn every_promise_of_exactness_names_its_test() {
    let page = text_of("docs/guide/exactness.md");
    let (section, _) = page
        .split_once("\n## Check it")
        .expect("the promises come first");
    let promises: Vec<&str> = section.split("\n- ").skip(1).collect();
    assert!(promises.len() > 10, "{promises:#?}");
    for promise in promises {
        assert!(promise.contains("`tests/"), "no test is named: {promise}");
    }
}

#[test]
fn every_record_bears_the_number_of_its_file() {
    let mut numbers = BTreeSet::new();
    for (name, text) in pages() {
        let Some(record) = name.strip_prefix("docs/adr/") else {
            continue;
        };
        let number: u32 = record[..4].parse().expect("a number of four digits");
        let title = match number {
            0 => "# N. ".to_owned(),
            _ => format!("# {number}. "),
        };
        assert!(text.starts_with(&title), "{name}: no {title:?}");
        assert!(numbers.insert(number), "{name}: the number is there twice");
    }
    assert!(numbers.len() > 10, "{numbers:?}");
}

/// Every text that stands between `start` and `end` on one line.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    let pieces = text.lines().flat_map(|line| line.split(start).skip(1));
    let inside = pieces.filter_map(|piece| piece.split_once(end));
    inside.map(|(inside, _)| inside).collect()
}
