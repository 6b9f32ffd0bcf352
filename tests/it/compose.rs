//! The Compose file and what it mounts, as far as it can be checked without Docker: every path exists,
//! every address is somebody's, every command line is understood.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scf_exporter::cli::{self, Action};
use scf_exporter::config::{self, Config, Overrides};
use serde_json::Value;

use crate::rules::yaml;
use crate::support::{root, text_of};

const FOLDER: &str = "deploy/compose";
const SERVICES: [&str; 3] = ["exporter", "grafana", "prometheus"];
/// Where the programs listen inside, by service.
const PORTS: [(&str, &str); 3] = [
    ("exporter", "10112"),
    ("grafana", "3000"),
    ("prometheus", "9090"),
];

#[test]
fn every_service_is_confined() {
    let services = &compose()["services"];
    let names: Vec<_> = services.as_object().unwrap().keys().collect();
    assert_eq!(names, SERVICES);
    for name in SERVICES {
        let service = &services[name];
        assert_eq!(service["read_only"], "true", "{name}");
        assert_eq!(texts(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(
            texts(&service["security_opt"]),
            ["no-new-privileges:true"],
            "{name}"
        );
        for forbidden in ["privileged", "user", "cap_add", "network_mode", "pid"] {
            assert!(service[forbidden].is_null(), "{name}: {forbidden}");
        }
        let image = text(&service["image"]);
        let (_, tag) = image.split_once(':').expect("the image has a tag");
        assert!(tag != "latest", "{image}");
        let port = port_of(name);
        assert_eq!(
            texts(&service["ports"]),
            [format!("127.0.0.1:{port}:{port}")],
            "{name}: one port, for this machine alone"
        );
        let checked = !service["healthcheck"]["test"].is_null();
        assert!(
            checked || !service["build"].is_null(),
            "{name}: no health check"
        );
    }
}

#[test]
fn every_mount_has_a_source_and_files_cannot_be_written() {
    let compose = compose();
    let volumes: BTreeSet<&str> = compose["volumes"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut used = BTreeSet::new();
    for name in SERVICES {
        for mount in mounts(&compose["services"][name]) {
            if mount.source.starts_with('.') {
                let path = folder().join(&mount.source);
                assert!(path.exists(), "{name}: {} is missing", path.display());
                assert!(mount.read_only, "{name}: {} can be written", mount.source);
            } else {
                assert!(!mount.read_only, "{name}: {}", mount.source);
                used.insert(mount.source.clone());
            }
        }
    }
    assert_eq!(used, volumes.into_iter().map(str::to_owned).collect());
}

#[test]
fn the_demo_is_reached_from_outside_its_container() {
    let compose = compose();
    let command = texts(&compose["services"]["exporter"]["command"]);
    let config = match parsed(&command) {
        Action::Demo(args) => load("", &args.values.0),
        _ => panic!("{command:?} is no demo"),
    };
    listens(&config);
    assert_eq!(config.web.zero_first, scrape_interval(), "zero first");
}

#[test]
fn the_examples_of_a_real_account_are_good() {
    let real = yaml::read(&read("compose.real.yaml"));
    let service = &real["services"]["exporter"];
    let mounts = mounts(service);
    let command = texts(&service["command"]);
    let Action::Run(args) = parsed(&command) else {
        panic!("{command:?} does not run");
    };
    let file = args.config_file.as_deref().expect("a configuration file");
    assert_eq!(file, Path::new(&mounts[0].target));
    assert!(mounts[0].read_only);
    let config = load(
        &read(&format!("{}.example", mounts[0].source)),
        &args.values.0,
    );
    listens(&config);
    assert_eq!(config.web.zero_first, scrape_interval(), "zero first");
    assert!(!config.sources.is_empty());
    // Keys are never part of a commit.
    let ignored = text_of(".gitignore");
    for secret in [
        texts(&service["env_file"])[0].clone(),
        "scf.yaml".to_owned(),
    ] {
        assert!(read(&format!("{secret}.example")).contains('\n'));
        assert!(
            ignored
                .lines()
                .any(|line| line == format!("/{FOLDER}/{secret}"))
        );
    }
}

/// `make e2e` starts Prometheus by this command line and configuration, with the paths of mounts put
/// right.
#[test]
fn prometheus_has_its_files_where_they_are_mounted() {
    let compose = compose();
    let service = &compose["services"]["prometheus"];
    let mounts = mounts(service);
    let target = |source: &str| &mount_of(&mounts, source).target;
    let command = texts(&service["command"]);
    for flag in [
        format!("--config.file={}", target("./prometheus.yaml")),
        format!("--storage.tsdb.path={}", target("prometheus-data")),
    ] {
        assert!(command.contains(&flag), "{command:?}");
    }
    let config = yaml::read(&read("prometheus.yaml"));
    let rules = format!("{}/*.yaml", target("../mixin"));
    assert_eq!(texts(&config["rule_files"]), [rules]);
    let job = &config["scrape_configs"][0];
    for key in ["honor_labels", "scrape_native_histograms"] {
        assert_eq!(job[key], "true", "{key}");
    }
    let path = job["metrics_path"].as_str().unwrap_or("/metrics");
    let example = load(&read("scf.yaml.example"), &Overrides::default());
    assert_eq!(path, example.web.telemetry_path);
    let targets = texts(&job["static_configs"][0]["targets"]);
    assert_eq!(targets, [format!("exporter:{}", port_of("exporter"))]);
}

#[test]
fn grafana_finds_prometheus_and_the_dashboards() {
    let compose = compose();
    let service = &compose["services"]["grafana"];
    let mounts = mounts(service);
    let target = |source: &str| &mount_of(&mounts, source).target;
    let provisioning = "/etc/grafana/provisioning/";
    for (file, kind) in [("datasources", "datasources"), ("dashboards", "dashboards")] {
        let place = target(&format!("./grafana/{file}.yaml"));
        assert!(
            place.starts_with(&format!("{provisioning}{kind}/")),
            "{place}"
        );
    }
    let sources = yaml::read(&read("grafana/datasources.yaml"));
    let source = &sources["datasources"][0];
    let url = format!("http://prometheus:{}", port_of("prometheus"));
    assert_eq!(source["url"], url.as_str());
    let interval = config::parse_duration(text(&source["jsonData"]["timeInterval"]));
    assert_eq!(interval.unwrap(), scrape_interval());
    let link = &source["jsonData"]["exemplarTraceIdDestinations"][0];
    assert_eq!(link["name"], "request_id");
    assert_eq!(link["url"], "${LOG_CONSOLE}$${__value.raw}");
    assert!(!service["environment"]["LOG_CONSOLE"].is_null());

    let boards = target("../../dashboards");
    let provider = &yaml::read(&read("grafana/dashboards.yaml"))["providers"][0];
    assert_eq!(provider["options"]["path"], boards.as_str());
    let home = text(&service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]);
    let home = home.strip_prefix(&format!("{boards}/")).expect(home);
    assert!(root().join("dashboards").join(home).exists(), "{home}");
}

/// One mount: what, where to, and whether it can be written.
struct Mount {
    source: String,
    target: String,
    read_only: bool,
}

fn mounts(service: &Value) -> Vec<Mount> {
    texts(&service["volumes"])
        .iter()
        .map(|mount| {
            let parts: Vec<&str> = mount.split(':').collect();
            Mount {
                source: parts[0].to_owned(),
                target: parts[1].to_owned(),
                read_only: parts.get(2) == Some(&"ro"),
            }
        })
        .collect()
}

fn mount_of<'a>(mounts: &'a [Mount], source: &str) -> &'a Mount {
    let mut mounts = mounts.iter();
    mounts
        .find(|mount| mount.source == source)
        .unwrap_or_else(|| panic!("{source} is not mounted"))
}

/// Asserts that a configuration serves at the port that is published, on all addresses.
fn listens(config: &Config) {
    let addresses: Vec<String> = config
        .web
        .listen_addresses
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(addresses, [format!(":{}", port_of("exporter"))]);
}

fn parsed(command: &[String]) -> Action {
    let line = std::iter::once("scf-exporter").chain(command.iter().map(String::as_str));
    cli::parse(line)
        .unwrap_or_else(|error| panic!("{error}"))
        .command
}

fn load(text: &str, overrides: &Overrides) -> Config {
    let variables = |_: &str| None;
    config::parse(text, "compose", Path::new(""), overrides, &variables)
        .unwrap_or_else(|faults| panic!("{faults}"))
}

fn scrape_interval() -> Duration {
    let config = yaml::read(&read("prometheus.yaml"));
    config::parse_duration(text(&config["global"]["scrape_interval"])).unwrap()
}

fn port_of(service: &str) -> &'static str {
    PORTS.iter().find(|(name, _)| *name == service).unwrap().1
}

fn compose() -> Value {
    yaml::read(&read("compose.yaml"))
}

fn read(name: &str) -> String {
    text_of(&format!("{FOLDER}/{name}"))
}

fn folder() -> PathBuf {
    root().join(FOLDER)
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    items.iter().map(|item| text(item).to_owned()).collect()
}
