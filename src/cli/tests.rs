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

#[test]
fn every_flag_reaches_its_key() {
    for key in keys() {
        let Some(flag) = key.flag else { continue };
        let expected = Overrides::default().with(key.path, ["x".to_owned()]);
        assert_eq!(run(&[flag, "x"]).unwrap(), expected, "{flag}");
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
