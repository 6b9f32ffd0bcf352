//! Configuration files as a user writes them: the good are read, and every rule has a bad one
//! whose message is compared letter by letter.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scf_exporter::check::describe;
use scf_exporter::config::{
    self, Api, Config, CredentialsConfig, Diagnostics, Domain, Overrides, Read, SignatureMethod,
};

use crate::support::root;

/// What no message, description or debug text may hold.
const SECRETS: [&str; 2] = ["hunter2", "t0ken-value"];

fn env(name: &str) -> Option<String> {
    let value = match name {
        "SCF_ID" | "SCF_SECRET_ID" => "AKIDfromEnvironment",
        "SCF_KEY" | "SCF_SECRET_KEY" => "hunter2",
        "SCF_TOKEN" => "t0ken-value",
        "SCF_EMPTY" => "",
        "SCF_LINES" => "hunter2\nhunter2",
        "SCF_CONTROL" => "hunter2\u{7}x",
        _ => return None,
    };
    Some(value.to_owned())
}

fn parse(text: &str, name: &str, overrides: &Overrides) -> Result<Config, Diagnostics> {
    let base = root().join("tests/data/config");
    config::parse(text, name, &base, overrides, &env)
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = root().join("tests/data/config").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn shows_no_secret(text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{text}");
    }
}

fn source_flags(region: &str) -> Overrides {
    let mut overrides = Overrides::default();
    overrides = overrides.with("sources[].api", Some("v2".to_owned()));
    overrides = overrides.with("sources[].region", Some(region.to_owned()));
    overrides
}

// `BLESS=1` writes the messages anew; read the difference before committing it.
#[test]
fn every_bad_file_gets_its_message() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for path in files("bad") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        let faults = parse(&text, &name, &Overrides::default()).expect_err(&name);
        let base = root().display().to_string();
        let shown = format!("{faults}\n").replace(&base, "ROOT");
        shows_no_secret(&shown);
        let expected = path.with_extension("txt");
        if bless {
            fs::write(&expected, &shown).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != shown {
            wrong.push(format!("{name} gives:\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_good_file_is_read_and_shows_no_secret() {
    let mut files = files("good");
    files.push(root().join("examples/minimal.yaml"));
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let config = parse(&text, "good.yaml", &Overrides::default())
            .unwrap_or_else(|faults| panic!("{}:\n{faults}", path.display()));
        shows_no_secret(&format!("{config:?} {config:#?}"));
        shows_no_secret(&describe(&config));
    }
}

/// The least file that works.
fn minimal() -> config::Config {
    let file = root().join("examples/minimal.yaml");
    config::load(Some(&file), &Overrides::default(), &env).unwrap()
}

#[test]
fn each_action_has_its_own_limit_unless_one_is_written() {
    let config = minimal();
    // As the vendor documents them; 10 where it says nothing.
    for (api, action, expected) in [
        (Api::V2, "GetFunctionLogs", 10.0),
        (Api::V2, "ListFunctions", 10.0),
        (Api::V3, "GetFunctionLogs", 5.0),
        (Api::V3, "ListFunctions", 100.0),
        (Api::V3, "GetFunction", 100.0),
        (Api::V3, "ListNamespaces", 20.0),
        (Api::Cls, "SearchLog", 10.0),
        (Api::Cls, "GetFunction", 100.0),
        (Api::Cls, "AssumeRole", 10.0),
    ] {
        let limits = config.limits.requests_of(api);
        assert_eq!(limits.of(action), expected, "{api} {action}");
    }
    let written = config::Limits {
        requests_per_second: Some(7.0),
        ..config.limits
    };
    for action in ["GetFunctionLogs", "GetFunction", "ListNamespaces"] {
        assert_eq!(written.requests_of(Api::V3).of(action), 7.0);
    }
}

#[test]
fn the_least_file_gets_the_documented_defaults() {
    let config = minimal();
    // Written out by hand, from the description of the flags.
    assert_eq!(config.web.listen_addresses[0].to_string(), ":10112");
    assert_eq!(config.web.telemetry_path, "/metrics");
    assert_eq!(config.state.path, Some(PathBuf::from("data/")));
    let poll = &config.poll;
    let seconds = [
        (poll.interval, 15),
        (poll.idle_interval, 60),
        (poll.sweep_interval, 60),
        (poll.first_read, 900),
        (poll.max_run_time, 900),
        (poll.delivery_delay, 180),
        (poll.stop_timeout, 20),
        (poll.discovery_interval, 300),
        (poll.allowed_lateness(), 1_080),
    ];
    for (span, expected) in seconds {
        assert_eq!(span, Duration::from_secs(expected));
    }
    assert_eq!(poll.page_size, 1000);
    assert_eq!(config.limits.functions, 10_000);
    assert_eq!(config.limits.requests_per_second, None);
    assert_eq!(config.limits.requests_in_flight, 16);
    assert_eq!(config.limits.request_timeout, Duration::from_secs(30));
    assert_eq!(config.log.level.as_str(), "info");
    assert_eq!(config.log.format.as_str(), "logfmt");
    let source = &config.sources[0];
    assert_eq!(
        (source.name.as_str(), source.account.as_str()),
        ("cls/ap-guangzhou", "")
    );
    assert_eq!((source.api, source.domain), (Api::Cls, Domain::Public));
    assert_eq!(
        (
            source.endpoint.as_deref(),
            source.url_of(&source.endpoints.cls)
        ),
        (None, None)
    );
    assert_eq!(source.method.as_str(), "POST");
    assert_eq!(source.signature_method.as_str(), "TC3-HMAC-SHA256");
    assert_eq!(source.credentials, CredentialsConfig::Chain);
    assert_eq!(source.role, None);
    assert!(source.topics.is_empty() && source.namespaces.wants("anything"));
    assert!(source.functions.wants("anything") && source.functions.exact_names().is_none());
}

#[test]
fn the_full_example_has_every_key_and_is_read() {
    let text = fs::read_to_string(root().join("examples/full.yaml")).unwrap();
    for key in config::keys() {
        let written = format!("{}:", key.name());
        assert!(text.contains(&written), "{} is missing", key.path);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("full.yaml");
    fs::create_dir(folder.path().join("secrets")).unwrap();
    fs::write(folder.path().join("secrets/scf-secret-key"), "hunter2\n").unwrap();
    fs::write(folder.path().join("secrets/scf-token"), "t0ken-value\n").unwrap();
    fs::write(&file, text).unwrap();
    let config = config::load(Some(&file), &Overrides::default(), &env).unwrap();
    shows_no_secret(&format!("{config:?}"));
    assert_eq!(config.sources[2].name, "prod/v2/ap-shanghai");
    let private = &config.sources[3];
    assert_eq!(
        private.url_of(&private.endpoints.scf),
        Some("https://scf.cloud.example.com")
    );
    assert_eq!(private.signature_method, SignatureMethod::HmacSha256);
    let CredentialsConfig::Explicit {
        secret_id,
        secret_key,
        token,
    } = &config.sources[2].credentials
    else {
        panic!("not explicit");
    };
    assert_eq!(secret_id, "AKIDexample");
    assert_eq!(secret_key.expose(), "hunter2");
    assert_eq!(token.as_ref().unwrap().expose(), "t0ken-value");
    let CredentialsConfig::Explicit { secret_id, .. } = &config.sources[0].credentials else {
        panic!("not explicit");
    };
    assert_eq!(secret_id, "AKIDfromEnvironment");
}

#[test]
fn a_single_source_needs_no_file() {
    let mut flags = source_flags("ap-guangzhou");
    flags = flags.with(
        "sources[].functions.names",
        vec!["b".to_owned(), "a".to_owned()],
    );
    flags = flags.with(
        "sources[].endpoint",
        Some("http://127.0.0.1:1/x".to_owned()),
    );
    flags = flags.with("sources[].read", Some("region".to_owned()));
    flags = flags.with("state.path", Some(String::new()));
    let config = config::load(None, &flags, &env).unwrap();
    let source = &config.sources[0];
    assert_eq!(source.functions.exact_names().unwrap(), ["a", "b"]);
    assert_eq!(source.endpoint.as_deref(), Some("http://127.0.0.1:1/x"));
    assert_eq!(source.read, Read::Region);
    assert_eq!(config.state.path, None);
}

#[test]
fn flags_win_over_the_file() {
    let text = "poll: {interval: 20s, page_size: 50}\n\
                sources: [{api: v2, region: gz, functions: {include: [x]}, method: GET}]\n";
    let mut flags = Overrides::default().with("poll.interval", Some("30s".to_owned()));
    flags = flags.with("sources[].region", Some("sh".to_owned()));
    flags = flags.with("sources[].functions.names", vec!["only".to_owned()]);
    let config = parse(text, "c.yaml", &flags).unwrap();
    assert_eq!(config.poll.interval, Duration::from_secs(30));
    assert_eq!(config.poll.page_size, 50);
    let source = &config.sources[0];
    assert_eq!(
        (source.region.as_str(), source.name.as_str()),
        ("sh", "v2/sh")
    );
    assert_eq!(source.method.as_str(), "GET");
    // One function flag replaces the whole block.
    assert_eq!(source.functions.exact_names().unwrap(), ["only"]);
}

#[test]
fn faults_of_flags_and_file_come_together() {
    let mut flags = Overrides::default()
        .with("poll.interval", Some("soon".to_owned()))
        .with("poll.max_run_time", Some("24h".to_owned()))
        .with("poll.delivery_delay", Some("24h".to_owned()));
    flags = flags.with("sources[].functions.include", vec!["(".to_owned()]);
    let text = "poll: {interval: 0s}\nsources: [{api: v2, region: gz}]\n";
    let faults = parse(text, "c.yaml", &flags).unwrap_err().to_string();
    assert_eq!(
        faults,
        "c.yaml:1:18: poll.interval: `0s` is out of bounds: write a duration from 100ms to 1h, \
         such as 15s or 1m30s\n\
         --function.regex (SCF_EXPORTER_FUNCTION_REGEX): `(` is no regular expression: unclosed \
         group\n\
         --poll.delivery-delay (SCF_EXPORTER_POLL_DELIVERY_DELAY): makes 2d together with \
         poll.max_run_time: write at most 1d1h for both\n\
         --poll.interval (SCF_EXPORTER_POLL_INTERVAL): `soon` cannot be read: write a duration \
         from 100ms to 1h, such as 15s or 1m30s"
    );
}

#[test]
fn flags_of_a_source_need_one_source() {
    let text = "sources: [{api: v2, region: gz}, {api: v2, region: sh}]\n";
    let faults = parse(text, "c.yaml", &source_flags("bj")).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "--api (SCF_EXPORTER_API): changes one source, but the file has 2: write api there, and \
         leave this out\n\
         --region (SCF_EXPORTER_REGION): changes one source, but the file has 2: write region \
         there, and leave this out"
    );
}

#[test]
fn nothing_to_read_shows_both_ways() {
    let faults = config::load(None, &Overrides::default(), &env).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "sources: there is nothing to read: give --api cls --region REGION, or a file with \
         --config.file that holds sources: [{api: cls, region: REGION}]"
    );
    let mut only_function = Overrides::default();
    only_function = only_function.with("sources[].functions.names", vec!["login".to_owned()]);
    let faults = config::load(None, &only_function, &env).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "sources[0].api: is missing: write it in the file, or give --api\n\
         sources[0].region: is missing: write it in the file, or give --region"
    );
}

#[test]
fn a_long_interval_carries_the_idle_default_along() {
    let mut flags = source_flags("gz");
    flags = flags.with("poll.interval", Some("5m".to_owned()));
    let config = config::load(None, &flags, &env).unwrap();
    assert_eq!(config.poll.idle_interval, Duration::from_secs(300));
}

#[test]
fn counts_and_sizes_are_limited() {
    let source = "  - {api: v2, region: gz}\n";
    let text = format!("sources:\n{}", source.repeat(101));
    let faults = parse(&text, "c.yaml", &Overrides::default()).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "c.yaml:2:3: sources: 101 sources: write at most 100"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("large.yaml");
    fs::write(&file, "#".repeat((1 << 20) + 1)).unwrap();
    let faults = config::load(Some(&file), &Overrides::default(), &env).unwrap_err();
    assert!(faults.to_string().contains("larger than 1 MiB"), "{faults}");
    let faults = config::load(Some(folder.path()), &Overrides::default(), &env).unwrap_err();
    assert!(faults.to_string().contains("cannot be read"), "{faults}");
    let mut flags = source_flags("gz");
    flags = flags.with("sources[].functions.include", vec!["x".to_owned(); 101]);
    let faults = config::load(None, &flags, &env).unwrap_err();
    assert!(faults.to_string().contains("given 101 times"), "{faults}");
}

#[test]
fn a_missing_file_says_so() {
    let faults = config::load(Some(Path::new("no/such.yaml")), &Overrides::default(), &env)
        .unwrap_err()
        .to_string();
    assert!(
        faults.starts_with("no/such.yaml: cannot be read ("),
        "{faults}"
    );
}

#[test]
fn addresses_are_one_or_several() {
    let addresses = |text: &str, flags: &[&str]| {
        let mut overrides = source_flags("gz");
        overrides = overrides.with(
            "web.listen_address",
            flags.iter().map(|flag| (*flag).to_owned()),
        );
        let parsed = parse(text, "c.yaml", &overrides).map_err(|faults| faults.to_string());
        let shown = |config: Config| {
            let addresses = config.web.listen_addresses.iter();
            addresses.map(ToString::to_string).collect::<Vec<_>>()
        };
        parsed.map(shown)
    };
    let two = "web: {listen_address: [\":1\", \"[::1]:2\"]}\n";
    let of = |words: &[&str]| Ok(words.iter().map(|word| (*word).to_owned()).collect());
    assert_eq!(addresses("", &[]), of(&[":10112"]));
    assert_eq!(
        addresses("web: {listen_address: \":1\"}\n", &[]),
        of(&[":1"])
    );
    assert_eq!(addresses(two, &[]), of(&[":1", "[::1]:2"]));
    assert_eq!(addresses(two, &[":3", ":4"]), of(&[":3", ":4"]));
    let bad = "web: {listen_address: [\":1\", \"x\"]}\n";
    for flags in [&[][..], &[":3"]] {
        let faults = addresses(bad, flags).unwrap_err();
        assert!(
            faults.starts_with("c.yaml:1:30: web.listen_address[1]: `x`"),
            "{faults}"
        );
    }
    let faults = addresses(two, &[":3", "y"]).unwrap_err();
    assert!(
        faults.starts_with("--web.listen-address (SCF_EXPORTER_WEB"),
        "{faults}"
    );
}

#[test]
fn a_web_configuration_is_named_from_where_it_is_named() {
    let named = |text: &str, flag: Option<&str>| {
        let mut overrides = source_flags("gz");
        overrides = overrides.with("web.config_file", flag.map(ToOwned::to_owned));
        let base = Path::new("etc");
        let config = config::parse(text, "etc/c.yaml", base, &overrides, &env);
        config.unwrap().web.config_file
    };
    let written = "web: {config_file: web.yml}\n";
    assert_eq!(named("", None), None);
    assert_eq!(named(written, None), Some("etc/web.yml".into()));
    assert_eq!(named(written, Some("other.yml")), Some("other.yml".into()));
    assert_eq!(named(written, Some("")), None);
}

#[test]
fn the_description_says_what_would_run() {
    let text = "state: {path: \"\"}\n\
                sources:\n\
                - {api: v2, region: gz, endpoint: \"http://127.0.0.1:1\", functions: {names: [b, a]}}\n\
                - {api: v2, region: sh, read: region, functions: {exclude: [x.*]}, \
                credentials: {secret_id: AKIDexample, secret_key: \"${SCF_KEY}\"}}\n";
    let config = parse(text, "c.yaml", &Overrides::default()).unwrap();
    let expected = "\
serve         :10112 at /metrics
protection    none: whoever reaches the port can read; see --web.config.file
state         in memory only: counters start at zero after every restart
poll          every 15s, idle targets every 1m at the latest, 1000 rows a page
sweep         every 1m at most
first read    15m back
series        for at most 10000 functions
log           info and above, as logfmt
source v2/gz
  api         v2, POST signed with HmacSHA256
  region      gz
  endpoint    http://127.0.0.1:1 (not encrypted: use it for tests only)
  read        one stream for each of 2 functions
  lateness    18m (15m of run time, 3m of delivery)
  functions   named a b
  requests    at most 10 a second for each action, 16 in flight
  credentials the first found of environment, the SDK's credentials file, tccli's file, \
the machine's role, the TKE pod's identity
source v2/sh
  api         v2, POST signed with HmacSHA256
  region      sh
  endpoint    the API's own
  read        one stream for the whole region
  lateness    18m (15m of run time, 3m of delivery)
  functions   all, without those matching x.*
  requests    at most 10 a second for each action, 16 in flight
  credentials id and key as the configuration refers to them
";
    assert_eq!(describe(&config), expected);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(sources|poll|web|api|region|interval|cls|topics|role|namespaces|account|[-:{}\\[\\] \n,&*\"a1]){0,40}") {
        let _ = parse(&text, "c.yaml", &Overrides::default());
    }
}
