//! `docs/METRICS.md` and the catalog say the same: each metric of one is in the other, with the
//! same type, unit and labels.

use std::collections::BTreeMap;

use scf_exporter::metrics::catalog::{ALL, Metric};

use crate::support::text_of;

/// Type, unit and labels as the tables of the page write them.
type Entry = (String, String, String);

fn documented() -> BTreeMap<String, Entry> {
    let page = text_of("docs/METRICS.md");
    let mut entries = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, unit, labels, meaning] = cells[..] else {
            panic!("not five cells: {line}");
        };
        assert!(!meaning.is_empty(), "no meaning: {line}");
        let entry = (kind.to_owned(), unit.to_owned(), labels.to_owned());
        let met = entries.insert(name.trim_matches('`').to_owned(), entry);
        assert!(met.is_none(), "there twice: {name}");
    }
    entries
}

fn entry(metric: &Metric) -> Entry {
    let labels: Vec<String> = metric
        .labels
        .iter()
        .map(|label| format!("`{label}`"))
        .collect();
    (
        metric.kind.as_str().to_owned(),
        metric.unit.map_or("", |unit| unit.as_str()).to_owned(),
        labels.join(", "),
    )
}

#[test]
fn the_page_and_the_catalog_are_the_same() {
    let catalog: BTreeMap<String, Entry> = ALL
        .iter()
        .map(|metric| (metric.name.to_owned(), entry(metric)))
        .collect();
    let documented = documented();
    for (name, entry) in &catalog {
        assert_eq!(
            documented.get(name),
            Some(entry),
            "docs/METRICS.md on {name}"
        );
    }
    for name in documented.keys() {
        assert!(catalog.contains_key(name), "no such metric: {name}");
    }
}

#[test]
fn the_examples_use_metrics_that_exist() {
    let page = text_of("docs/METRICS.md");
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for name in page
        .split(|c| !word(c))
        .filter(|word| word.starts_with("scf_"))
    {
        let known = name == "scf_exporter_"
            || ALL.iter().any(|metric| {
                let suffix = name.strip_prefix(metric.name);
                suffix.is_some_and(|suffix| ["", "_bucket", "_sum", "_count"].contains(&suffix))
            });
        assert!(known, "docs/METRICS.md names {name}, which does not exist");
    }
}
