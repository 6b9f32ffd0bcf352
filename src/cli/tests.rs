use super::*;
use crate::config::{Overrides, keys};
use scf_sim::{Api3, ClsWire, FaultLevel, Index, Role};

fn run(args: &[&str]) -> Result<Overrides, clap::Error> {
    let line = ["scf-exporter", "run"].iter().chain(args);
    match parse(line)?.command {
        Action::Run(args) => Ok(args.values.0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_definition_is_sound() {
    command().debug_assert();
}

/// Each flag with a value that fits its key alone, by bounds or by kind, and what the finished
/// configuration shows of it.
const FLAGS: &[(&str, &str, &str)] = &[
    (
        "--web.listen-address",
        "127.0.0.1:1",
        "ip: Some(127.0.0.1), port: 1",
    ),
    ("--web.systemd-socket", "true", "systemd_socket: true"),
    ("--web.config.file", "w", "config_file: Some(\"w\")"),
    ("--web.telemetry-path", "/m", "telemetry_path: \"/m\""),
    ("--web.zero-first", "14s", "zero_first: 14s"),
    (
        "--web.native-histograms-only",
        "true",
        "native_histograms_only: true",
    ),
    ("--web.created-series", "true", "created_series: true"),
    ("--web.enable-lifecycle", "true", "enable_lifecycle: true"),
    ("--state.path", "s", "State { path: Some(\"s\") }"),
    ("--poll.interval", "2s", "Poll { interval: 2s,"),
    ("--poll.idle-interval", "3s", "idle_interval: 3s"),
    ("--poll.sweep-interval", "4s", "sweep_interval: 4s"),
    ("--first-read", "5s", "first_read: 5s"),
    ("--poll.max-run-time", "6s", "max_run_time: 6s"),
    ("--poll.delivery-delay", "7s", "delivery_delay: 7s"),
    ("--poll.page-size", "8", "page_size: 8,"),
    ("--poll.stop-timeout", "9s", "stop_timeout: 9s"),
    (
        "--poll.discovery-interval",
        "10s",
        "discovery_interval: 10s",
    ),
    ("--limits.functions", "11", "Limits { functions: 11,"),
    (
        "--limits.requests-per-second",
        "12",
        "requests_per_second: Some(12.0)",
    ),
    (
        "--limits.requests-in-flight",
        "13",
        "requests_in_flight: 13",
    ),
    ("--limits.request-timeout", "15s", "request_timeout: 15s"),
    ("--series.retention", "16s", "retention: Some(16s)"),
    ("--log.level", "warn", "level: Warn"),
    ("--log.format", "json", "format: Json"),
    ("--api", "v3", "api: V3"),
    ("--region", "gz", "region: \"gz\""),
    ("--domain", "internal", "domain: Internal"),
    ("--endpoint", "http://h", "endpoint: Some(\"http://h\")"),
    ("--read", "region", "read: Region"),
    (
        "--namespace",
        "m,n",
        "namespaces: FunctionFilter { names: [\"m\", \"n\"]",
    ),
    (
        "--namespace.regex",
        "o{1,2}",
        "include: [/o{1,2}/], exclude: [/p",
    ),
    (
        "--namespace.exclude",
        "p{1,2}",
        "[/o{1,2}/], exclude: [/p{1,2}/]",
    ),
    (
        "--function",
        "a,b",
        "functions: FunctionFilter { names: [\"a\", \"b\"]",
    ),
    (
        "--function.regex",
        "c{1,2}",
        "include: [/c{1,2}/], exclude: [/d",
    ),
    (
        "--function.exclude",
        "d{1,2}",
        "[/c{1,2}/], exclude: [/d{1,2}/]",
    ),
];

#[test]
fn every_flag_reaches_its_key() {
    let load = |args: &[&str]| crate::config::load(None, &run(args).unwrap(), &|_| None).unwrap();
    // It goes with another API than some of the rest.
    let topics = load(&["--api", "cls", "--region", "gz", "--topic", "t-1,t-2"]);
    assert_eq!(topics.sources[0].topics, ["t-1", "t-2"]);
    let mut named: Vec<&str> = FLAGS.iter().map(|(flag, ..)| *flag).collect();
    named.push("--topic");
    named.sort_unstable();
    let mut all: Vec<&str> = keys().filter_map(|key| key.flag).collect();
    all.sort_unstable();
    assert_eq!(named, all, "flags of this test, and of the table");
    let line: Vec<&str> = FLAGS
        .iter()
        .flat_map(|(flag, value, _)| [*flag, *value])
        .collect();
    let shown = format!("{:?}", load(&line));
    for (flag, _, expected) in FLAGS {
        assert!(
            shown.contains(expected),
            "{flag}: {expected} is not in {shown}"
        );
    }
}

#[test]
fn flags_repeat_and_keep_their_commas() {
    let overrides = run(&[
        "--function",
        "a",
        "--function",
        "b",
        "--function.regex",
        "x,y",
    ])
    .unwrap();
    assert_eq!(overrides.get("sources[].functions.names"), ["a", "b"]);
    assert_eq!(overrides.get("sources[].functions.include"), ["x,y"]);
    assert_eq!(run(&[]).unwrap(), Overrides::default());
}

#[test]
fn the_demo_keeps_to_this_machine_unless_configured() {
    let demo = |args: &[&str]| {
        let line = ["scf-exporter", "demo"].iter().chain(args);
        match parse(line).unwrap().command {
            Action::Demo(args) => args.values.0,
            other => panic!("{other:?}"),
        }
    };
    let config = crate::config::load(None, &demo(&[]), &|_| None).unwrap();
    assert_eq!(
        config.web.listen_addresses[0].to_string(),
        "127.0.0.1:10112"
    );
    assert_eq!(config.state.path, None);
    assert_eq!(config.poll.interval.as_secs(), 5);
    let given = demo(&["--poll.interval", "1s", "--state.path", "d"]);
    assert_eq!(given.get("poll.interval"), ["1s"]);
    assert_eq!(given.get("state.path"), ["d"]);
}

#[test]
fn every_demo_default_is_a_key() {
    for (path, _) in DEMO_DEFAULTS {
        assert!(keys().any(|key| key.path == *path), "{path}");
    }
}

#[test]
fn the_simulated_cloud_has_bounds() {
    let sim = |args: &[&str]| {
        let line = ["scf-exporter", "sim"].iter().chain(args);
        parse(line).map(|cli| match cli.command {
            Action::Sim(args) => args,
            other => panic!("{other:?}"),
        })
    };
    let args = sim(&[
        "--listen",
        "127.0.0.1:9",
        "--faults",
        "harsh",
        "--rate",
        "0.5",
    ])
    .unwrap();
    assert_eq!(args.world.listen.port(), 9);
    assert_eq!(args.world.faults, FaultLevel::Harsh);
    assert_eq!(args.world.rate, 0.5);
    assert_eq!((args.world.namespaces, args.world.topics), (1, 0));
    assert_eq!(args.settings().api3, Api3::default());
    let served = ClsWire {
        query_ms: 20,
        ..ClsWire::default()
    };
    assert_eq!(args.settings().cls, served);
    assert!(args.settings().role == Role::default());
    for bad in [
        ["--functions", "0"],
        ["--namespaces", "0"],
        ["--namespaces", "101"],
        ["--topics", "1001"],
        ["--rate", "nan"],
        ["--rate", "-1"],
        ["--faults", "some"],
        ["--listen", "here"],
        ["--deny", "List Functions"],
        ["--index", "some"],
        ["--key-lifetime", "0s"],
        ["--key-lifetime", "13h"],
    ] {
        assert!(sim(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn the_simulated_cloud_refuses_what_it_is_configured_to() {
    let line = "scf-exporter sim --offline-logs --no-date --deny ListFunctions --deny SearchLog \
                --index full-text --key-lifetime 1m30s";
    let settings = match parse(line.split_whitespace()).unwrap().command {
        Action::Sim(args) => args.settings(),
        other => panic!("{other:?}"),
    };
    assert!(settings.api3.logs_offline);
    assert_eq!(settings.faults.missing_dates.to_string(), "1");
    assert_eq!(settings.api3.denied_actions, ["ListFunctions", "SearchLog"]);
    assert_eq!(settings.cls.index, Index::FullText);
    assert_eq!(settings.role.lifetime_s, 90);
}

#[test]
fn without_a_subcommand_the_help_is_shown() {
    let error = parse(["scf-exporter"]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("check-config"));
    assert_eq!(
        parse(["scf-exporter", "--version"])
            .unwrap_err()
            .exit_code(),
        0
    );
}

#[test]
fn the_help_tells_defaults_and_bounds() {
    let help = |sub| {
        let mut command = command();
        let sub = command.find_subcommand_mut(sub).unwrap();
        let text = sub.render_long_help().to_string();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(help("run").contains("[100ms to 1h; default 15s]"));
    assert!(help("demo").contains("[100ms to 1h; default 5s]"));
    assert!(help("demo").contains("[default empty]"));
}

#[test]
fn the_help_of_run_is_in_groups() {
    let command = command();
    let run = command.find_subcommand("run").unwrap();
    let mut headings = Vec::new();
    for arg in run
        .get_arguments()
        .filter(|arg| arg.get_id() != "config_file")
    {
        let heading = arg.get_help_heading().unwrap_or_else(|| panic!("{arg}"));
        assert_ne!(heading, "Other options", "{arg}: its area needs a heading");
        if headings.last() != Some(&heading) {
            headings.push(heading);
        }
    }
    // Each once, and first what must be given.
    let distinct: std::collections::BTreeSet<_> = headings.iter().collect();
    assert_eq!(distinct.len(), headings.len(), "{headings:?}");
    assert_eq!(headings[..2], ["Source", "Selection of functions"]);
}

#[test]
fn the_short_help_of_the_demo_shows_its_own_flags_only() {
    let mut command = command();
    let demo = command.find_subcommand_mut("demo").unwrap();
    let (short, long) = (demo.render_help(), demo.render_long_help());
    let (short, long) = (short.to_string(), long.to_string());
    let first = short.lines().find(|line| line.trim().starts_with("--"));
    assert_eq!(first.unwrap().trim(), "--api <API>");
    assert!(short.contains("--sim.functions") && short.contains("--web.listen-address"));
    assert!(!short.contains("--poll.interval") && long.contains("--poll.interval"));
}

#[test]
fn the_examples_of_the_help_are_good() {
    let mut seen = 0;
    for sub in command().get_subcommands() {
        let Some(help) = sub.get_after_long_help() else {
            continue;
        };
        let help = help.to_string();
        let examples = help.lines().map(str::trim);
        for line in examples.filter(|line| line.starts_with("scf-exporter ")) {
            let words = line.split(' ').map(|word| word.trim_matches('\''));
            if let Err(fault) = parse(words) {
                panic!("{line}: {fault}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen} examples");
}
