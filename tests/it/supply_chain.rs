//! The dependency tree keeps to `deny.toml`: licences, sources, bans. What cargo-deny does with the
//! same file (`make deny`), and known vulnerabilities besides, needs that program and a network;
//! this needs neither.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};

use crate::support::{root, text_of};

struct Rules(toml::Table);

impl Rules {
    fn of_the_project() -> Self {
        Self(text_of("deny.toml").parse().unwrap())
    }

    fn list(&self, section: &str, key: &str) -> &Vec<toml::Value> {
        self.0[section][key].as_array().unwrap()
    }

    /// What `package` breaks, if anything.
    fn fault(&self, package: &Value) -> Option<String> {
        let text = |key: &str| package[key].as_str();
        let name = text("name").unwrap();
        let banned = self.list("bans", "deny").iter();
        let mut banned = banned.map(|ban| ban["name"].as_str().unwrap());
        if banned.any(|ban| ban == name) {
            return Some(format!("{name} is banned"));
        }
        match text("source") {
            // The project itself.
            None => return None,
            // A registry of its own, or a repository, would have another.
            Some("registry+https://github.com/rust-lang/crates.io-index") => {}
            Some(source) => return Some(format!("{name} comes from {source}")),
        }
        let Some(license) = text("license") else {
            return Some(format!("{name} names no licence"));
        };
        // Older packages write `MIT/Apache-2.0`.
        let Ok(terms) = Expression::parse_mode(license, ParseMode::LAX) else {
            return Some(format!("{name}: {license} cannot be read"));
        };
        let allowed: BTreeSet<&str> = self
            .list("licenses", "allow")
            .iter()
            .map(|license| license.as_str().unwrap())
            .collect();
        let is_met = terms.evaluate(|term| {
            let id = term.license.id().map(|id| id.name);
            term.addition.is_none() && id.is_some_and(|id| allowed.contains(id))
        });
        (!is_met).then(|| format!("{name}: {license} is not allowed"))
    }
}

#[test]
fn every_package_may_be_there() {
    let done = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    let tree: Value = serde_json::from_slice(&done.stdout).unwrap();
    let packages = tree["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "the whole tree is told");
    let rules = Rules::of_the_project();
    let faults: Vec<_> = packages.iter().filter_map(|one| rules.fault(one)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn each_rule_bites() {
    let rules = Rules::of_the_project();
    let fault = |name: &str, source: &str, license: Option<&str>| {
        rules.fault(&serde_json::json!({"name": name, "source": source, "license": license}))
    };
    let index = "registry+https://github.com/rust-lang/crates.io-index";
    for license in ["MIT/Apache-2.0", "GPL-3.0 OR MIT", "MIT AND ISC"] {
        assert_eq!(fault("good", index, Some(license)), None);
    }
    for license in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "no licence"] {
        assert!(fault("bad", index, Some(license)).is_some(), "{license}");
    }
    assert!(fault("bad", index, None).is_some());
    assert!(fault("bad", "git+https://example.com/bad", Some("MIT")).is_some());
    assert!(fault("openssl-sys", index, Some("MIT")).is_some());
}
