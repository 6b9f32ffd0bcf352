//! What the guide says about Helm, Kubernetes and Compose against the files that they use: values
//! that the chart has, objects that the manifests have, paths that exist. `make e2e` gives the
//! guide's own files to `helm` and `kubectl`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{blocks, guide};
use crate::rules::yaml;
use crate::support::{root, text_of};

const PAGE: &str = "docs/guide/kubernetes.md";
const CHART: &str = "deploy/helm/scf-exporter";
const MANIFESTS: &str = "deploy/kubernetes/scf-exporter.yaml";
/// Values of which the chart knows no keys of their own: they are handed on as they are.
const HANDED_ON: [&str; 3] = ["config.", "serviceAccount.annotations.", "resources."];

#[test]
fn every_value_that_is_set_or_named_is_one_of_the_chart() {
    let page = text_of(PAGE);
    let chart = yaml::read(&text_of(&format!("{CHART}/values.yaml")));
    let known = paths(&chart);
    let mut named: Vec<String> = Vec::new();
    for block in blocks(&page, "yaml") {
        if ["# values.yaml\n", "# identity.yaml\n", "# openshift.yaml\n"]
            .iter()
            .any(|name| block.starts_with(name))
        {
            named.extend(paths(&yaml::read(&block)).into_keys());
        }
    }
    assert!(named.len() >= 8, "{named:?}");
    let quoted = page.split('`').skip(1).step_by(2);
    let tops = chart.as_object().unwrap();
    named.extend(quoted.filter_map(|code| {
        let path = code.split([':', ' ', '[']).next().unwrap();
        let (top, _) = path.split_once('.')?;
        tops.contains_key(top).then(|| path.to_owned())
    }));
    assert!(named.contains(&"networkPolicy.extraEgress".to_owned()));
    for path in named {
        let handed_on = HANDED_ON.iter().any(|start| path.starts_with(start));
        assert!(handed_on || known.contains_key(&path), "no value {path}");
    }
}

#[test]
fn every_object_that_is_named_is_in_the_manifests() {
    let objects: Vec<Value> = text_of(MANIFESTS)
        .split("\n---\n")
        .skip(1)
        .map(yaml::read)
        .collect();
    let find = |kind: &str, name: &str| {
        objects
            .iter()
            .find(|one| one["kind"] == kind && one["metadata"]["name"] == name)
            .unwrap_or_else(|| panic!("no {kind} {name}"))
    };
    let mut seen = BTreeMap::new();
    for (page, text) in guide() {
        let words = text.split(|c: char| c.is_whitespace() || c == '`');
        for (kind, name) in words.filter_map(|word| word.split_once('/')) {
            let kind = match kind {
                "statefulset" => "StatefulSet",
                "service" => "Service",
                "configmap" => "ConfigMap",
                _ => continue,
            };
            let object = find(kind, name);
            assert_eq!(object["metadata"]["namespace"], "monitoring", "{page}");
            *seen.entry(kind).or_insert(0) += 1;
        }
    }
    assert!(seen.len() >= 2, "{seen:?}");

    let page = text_of(PAGE);
    let set = find("StatefulSet", "scf-exporter");
    let claim = &set["spec"]["volumeClaimTemplates"][0]["metadata"]["name"];
    let claim = format!("`{}-scf-exporter-0`", claim.as_str().unwrap());
    assert!(page.contains(&claim), "the claim is {claim}");
    let service = find("Service", "scf-exporter");
    let port = service["spec"]["ports"][0]["port"].as_str().unwrap();
    assert!(page.contains(&format!("port-forward service/scf-exporter 10112:{port}\n")));
    let labels = &set["spec"]["selector"]["matchLabels"];
    let label = labels["app.kubernetes.io/name"].as_str().unwrap();
    assert!(page.contains(&format!("get pods -l app.kubernetes.io/name={label}\n")));
    let pod = &set["spec"]["template"]["spec"]["containers"][0];
    for variable in pod["env"].as_array().unwrap() {
        let from = &variable["valueFrom"]["secretKeyRef"];
        let [secret, key] = [&from["name"], &from["key"]].map(|one| one.as_str().unwrap());
        assert!(page.contains(&format!("create secret generic {secret} ")));
        let told = [format!("--from-literal={key}="), format!("`{key}`")];
        assert!(told.iter().any(|word| page.contains(word)), "no key {key}");
    }
}

/// What is installed has to be where the unit looks for it.
#[test]
fn what_is_installed_for_systemd_is_what_the_unit_names() {
    let page = text_of("docs/guide/systemd.md");
    let unit = text_of("deploy/systemd/scf-exporter.service");
    let setting = |name: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("the unit has no {name}"))
    };
    let expected: BTreeSet<&str> = [
        setting("ExecStart=").split(' ').next().unwrap(),
        setting("EnvironmentFile=-"),
        setting("Environment=SCF_EXPORTER_CONFIG_FILE="),
        "/etc/systemd/system/scf-exporter.service",
    ]
    .into();
    let installs = blocks(&page, "sh").concat();
    let mut installed = BTreeSet::new();
    for line in installs.lines().filter(|line| line.contains("install ")) {
        let words: Vec<&str> = line.split(' ').collect();
        let [.., from, to] = words[..] else {
            panic!("{line}")
        };
        let built = from == "target/release/scf-exporter";
        assert!(built || root().join(from).exists(), "there is no {from}");
        installed.insert(to);
    }
    assert_eq!(installed, expected);
    let state = format!("`/var/lib/{}`", setting("StateDirectory="));
    assert!(page.contains(&state), "the state is in {state}");
}

#[test]
fn every_path_in_a_command_exists() {
    let mut seen = 0;
    for (page, text) in guide() {
        for block in blocks(&text, "sh") {
            for word in block.split_whitespace() {
                if word.starts_with("deploy/") || word.starts_with("examples/") {
                    let made = word
                        .strip_suffix("scf.yaml")
                        .or(word.strip_suffix("real.env"));
                    let there = root().join(word).exists();
                    // The reader copies the two from the examples beside them.
                    let copied = made.is_some() && root().join(format!("{word}.example")).exists();
                    assert!(there || copied, "{page}: there is no {word}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen >= 3, "only {seen} paths were found");
}

/// The paths of all values, those of whole areas among them.
fn paths(tree: &Value) -> BTreeMap<String, &Value> {
    let mut paths = BTreeMap::new();
    let mut open = vec![(String::new(), tree)];
    while let Some((path, value)) = open.pop() {
        for (key, below) in value.as_object().into_iter().flatten() {
            let dot = if path.is_empty() { "" } else { "." };
            open.push((format!("{path}{dot}{key}"), below));
        }
        if !path.is_empty() {
            paths.insert(path, value);
        }
    }
    paths
}
