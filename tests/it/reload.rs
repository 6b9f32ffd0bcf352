//! A running exporter takes over another configuration: nothing is lost, nothing counts twice, and
//! what cannot be taken over changes nothing. Stories (`story.rs`) draw reloads beside all else.
#![allow(clippy::unwrap_used, reason = "a test may end at any surprise")]

use crate::support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use scf_exporter::app::{BuildError, Running};
use scf_exporter::config::{
    Api, Config, CredentialsConfig, FunctionFilter, Level, ListenAddress, LogFormat, Pattern, Read,
    Source, keys,
};
use scf_exporter::web::{Readiness, View};
use scf_sim::{Cloud, Faults, Settings, Windows};
use support::counts::{Counts, assert_counts, counts, counts_of, source_of};
use support::world::{Exporter, World, state_in, through};
use tencentcloud::runtime::Random;
use tencentcloud::secret::Secret;

const START_MS: i64 = 1_700_000_000_000;
const RELOADS: u64 = 50;
/// Reloads come up to so long after one another.
const GAP_S: u64 = 30;

fn settings(seed: u64, region: &str) -> Settings {
    Settings {
        functions: 8,
        namespaces: 2,
        topics: 3,
        rate_per_second: 8.0,
        max_duration_ms: 20_000,
        region: region.to_owned(),
        start_ms: START_MS,
        stop_ms: Some(START_MS + 900_000),
        ..Settings::new(seed)
    }
}

fn world(api: &str, read: Option<&str>, faults: Faults) -> World {
    let overrides = through(api, read).with("poll.first_read", Some("1d".to_owned()));
    World::new(
        Settings {
            faults,
            ..settings(5, "ap-guangzhou")
        },
        overrides,
    )
}

/// A second region, in a cloud of its own, and the source that reads it.
fn second_region(world: &World) -> (Arc<Cloud>, Source) {
    let cloud = Arc::new(Cloud::new(Settings {
        rate_per_second: 3.0,
        faults: world.cloud.settings().faults.clone(),
        ..settings(6, "ap-beijing")
    }));
    world.transport.add("beijing.test", cloud.clone());
    let first = &world.config.sources[0];
    let source = source_of(first, "beijing", "beijing.test", &cloud);
    (cloud, source)
}

/// Two sources that read all that `whole` reads.
fn halves(whole: &Source, cloud: &Cloud) -> [Source; 2] {
    let pattern = |text: &str| vec![Pattern::new(text).unwrap()];
    let (mut one, mut other) = (whole.clone(), whole.clone());
    one.name = "one".to_owned();
    other.name = "other".to_owned();
    let text = match whole.api {
        Api::Cls => {
            let mut topics: Vec<_> = cloud.topics().into_iter().collect();
            let (topic, names) = topics.remove(0);
            one.topics = vec![topic];
            other.topics = topics.into_iter().map(|(topic, _)| topic).collect();
            names.join("|")
        }
        Api::V2 | Api::V3 => "[a-m].*".to_owned(),
    };
    one.functions = FunctionFilter::new(Vec::new(), pattern(&text), Vec::new());
    other.functions = FunctionFilter::new(Vec::new(), Vec::new(), pattern(&text));
    [one, other]
}

fn truth<'a>(clouds: impl IntoIterator<Item = &'a Arc<Cloud>>, api: Api, now_ms: i64) -> Counts {
    let counts = clouds
        .into_iter()
        .flat_map(|cloud| counts_of("", cloud, api, now_ms));
    counts.collect()
}

async fn sleep(secs: u64) {
    tokio::time::sleep(Duration::from_secs(secs)).await;
}

async fn reload(running: &mut Running, config: &Config) -> scf_exporter::app::Reloaded {
    let reloaded = running.reload(config).await;
    reloaded.unwrap_or_else(|error| panic!("{error}"))
}

/// Another configuration: some of the sources under some names, other intervals and limits.
fn drawn(whole: &Config, parts: &[Source], random: &Random) -> Config {
    let draw = |below: u64| random.next_u64() % below;
    let mut config = whole.clone();
    config.poll.interval = Duration::from_secs(5 + draw(3) * 5);
    config.poll.page_size = [50, 1_000][draw(2) as usize];
    config.limits.requests_in_flight = [1, 16][draw(2) as usize];
    config.sources = parts.to_vec();
    config.sources.retain(|_| draw(4) > 0);
    if config.sources.is_empty() {
        config.sources = parts[..1].to_vec();
    }
    for source in &mut config.sources {
        source.name += ["", "-renamed"][draw(2) as usize];
    }
    config
}

async fn fifty_reloads(api: &str, read: Option<&str>) {
    let world = world(api, read, Faults::typical());
    let (beijing, second) = second_region(&world);
    let [one, other] = halves(&world.config.sources[0], &world.cloud);
    let parts = [one, other, second];
    let random = Random::seeded(11);
    let mut exporter = world.start().await;
    let (mut added, mut changed, mut removed) = (0, 0, 0);
    for _ in 0..RELOADS {
        tokio::time::sleep(Duration::from_millis(random.next_u64() % (GAP_S * 1_000))).await;
        let config = drawn(&world.config, &parts, &random);
        let reloaded = reload(&mut exporter.running, &config).await;
        assert!(reloaded.in_time, "{reloaded:?}");
        added += reloaded.added.len();
        changed += reloaded.changed.len();
        removed += reloaded.removed.len();
    }
    assert!(
        added > 20 && removed > 20 && changed > 20,
        "{added} {changed} {removed}"
    );
    let mut all = world.config.clone();
    all.sources = parts.to_vec();
    reload(&mut exporter.running, &all).await;
    let api = world.config.sources[0].api;
    let truth = || truth([&world.cloud, &beijing], api, world.now_ms());
    assert!(
        truth().values().sum::<u64>() > 5_000,
        "there is much to lose"
    );
    assert_counts(&exporter, "after all reloads", truth).await;
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn fifty_reloads_under_load_through_v2_are_exact() {
    fifty_reloads("v2", Some("function")).await;
}

#[tokio::test(start_paused = true)]
async fn fifty_reloads_under_load_through_v3_are_exact() {
    fifty_reloads("v3", Some("function")).await;
}

#[tokio::test(start_paused = true)]
async fn fifty_reloads_under_load_through_cls_are_exact() {
    fifty_reloads("cls", None).await;
}

#[tokio::test(start_paused = true)]
async fn what_stays_the_same_is_not_disturbed() {
    let world = world("v3", None, Faults::none());
    let (_, second) = second_region(&world);
    let mut exporter = world.start().await;
    sleep(60).await;
    let before = exporter.view.status().targets;
    let again = reload(&mut exporter.running, &world.config).await;
    let nothing = scf_exporter::app::Reloaded {
        in_time: true,
        ..Default::default()
    };
    assert_eq!(again, nothing);
    assert_eq!(exporter.view.status().targets, before);
    // Another source, other limits for the committer and another level are no reason either.
    let mut config = world.config.clone();
    config.sources.push(second);
    config.log.level = Level::Debug;
    config.poll.stop_timeout = Duration::from_secs(5);
    config.poll.first_read = Duration::from_secs(60);
    config.limits.functions = 5_000;
    config.web.zero_first = Duration::from_secs(1);
    let more = reload(&mut exporter.running, &config).await;
    assert_eq!((more.added.len(), more.changed.len()), (1, 0));
    let after = exporter.view.status().targets;
    assert_eq!(after, before, "those of the other source are not known yet");
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_is_no_longer_shown_as_if_it_were_read() {
    let world = world("v3", None, Faults::none());
    let (_, second) = second_region(&world);
    let mut both = world.config.clone();
    both.sources.push(second);
    let mut exporter = world.start().await;
    reload(&mut exporter.running, &both).await;
    assert_ne!(exporter.view.readiness(), Readiness::Ready);
    sleep(120).await;
    assert_eq!(exporter.view.readiness(), Readiness::Ready);
    let of_source = |exporter: &Exporter, source: &str| -> BTreeSet<String> {
        let scrape = exporter.scrape();
        let families = scrape.families.iter();
        let of = |label: Option<&String>| label.is_some_and(|label| label == source);
        let own = families.filter(|f| f.samples.iter().any(|s| of(s.labels.get("source"))));
        own.map(|family| family.name.clone()).collect()
    };
    let infos = |exporter: &Exporter| {
        let scrape = exporter.scrape();
        let of = |region| {
            scrape
                .matching("scf_function_timeout_seconds", &[("region", region)])
                .len()
        };
        (of("ap-guangzhou"), of("ap-beijing"))
    };
    assert!(of_source(&exporter, "beijing").len() >= 14);
    assert_eq!(infos(&exporter), (8, 8));
    let shown = counts(&exporter);

    reload(&mut exporter.running, &world.config).await;
    assert_eq!(of_source(&exporter, "beijing"), BTreeSet::new());
    assert_eq!(infos(&exporter), (8, 0));
    let targets = exporter.view.status().targets;
    assert!(
        targets
            .iter()
            .all(|target| !target.name.contains("beijing"))
    );
    assert_eq!(exporter.view.readiness(), Readiness::Ready);
    for (place, count) in shown {
        assert!(counts(&exporter)[&place] >= count, "{place:?} went back");
    }
    exporter.stop().await;
}

/// One that begins anew does not show how far the one before it was.
#[tokio::test(start_paused = true)]
async fn what_changed_is_settled_when_that_is_known() {
    let world = world("v3", None, Faults::none());
    let mut exporter = world.start().await;
    sleep(120).await;
    let watermark = "scf_exporter_watermark_timestamp_seconds";
    assert_eq!(exporter.scrape().matching(watermark, &[]).len(), 1);
    let polls = exporter.scrape().sum("scf_exporter_polls_total", &[]);
    let mut config = world.config.clone();
    config.poll.page_size = 77;
    let reloaded = reload(&mut exporter.running, &config).await;
    assert_eq!(reloaded.changed.len(), 1);
    assert_eq!(exporter.scrape().matching(watermark, &[]).len(), 0);
    let after = exporter.scrape().sum("scf_exporter_polls_total", &[]);
    assert!(after >= polls, "its counters go on: {polls} {after}");
    sleep(60).await;
    assert_eq!(exporter.scrape().matching(watermark, &[]).len(), 1);
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_built_changes_nothing() {
    let world = world("v2", Some("function"), Faults::none());
    let mut exporter = world.start().await;
    sleep(60).await;
    let before = exporter.view.status().targets;
    let mut config = world.config.clone();
    config.sources[0].name = "other".to_owned();
    let mut second = config.sources[0].clone();
    second.name = "without".to_owned();
    second.region = "ap-nowhere".to_owned();
    second.credentials = CredentialsConfig::Explicit {
        secret_id: "id".to_owned(),
        secret_key: Secret::new(""),
        token: None,
    };
    config.sources.push(second);
    let failed = exporter.running.reload(&config).await;
    assert!(
        matches!(failed, Err(BuildError::Credentials { .. })),
        "{failed:?}"
    );
    assert_eq!(exporter.view.status().targets, before);
    let scrape = exporter.scrape();
    for name in ["other", "without"] {
        let polls = scrape.matching("scf_exporter_polls_total", &[("source", name)]);
        assert!(polls.is_empty(), "{name}");
    }
    let truth = || truth([&world.cloud], Api::V2, world.now_ms());
    sleep(900).await;
    assert_counts(&exporter, "after a reload that failed", truth).await;
    exporter.stop().await;
}

/// Twenty seconds in a minute nothing can be reached; reloads fall into it and beside it.
#[tokio::test(start_paused = true)]
async fn reloads_in_outages_are_exact() {
    let faults = Faults {
        outages: Some(Windows {
            every_ms: 60_000,
            lasting_ms: 20_000,
        }),
        ..Faults::none()
    };
    let world = world("cls", None, faults);
    let mut exporter = world.start().await;
    let mut config = world.config.clone();
    for number in 0..20 {
        sleep(7).await;
        config.poll.page_size = 100 + number;
        reload(&mut exporter.running, &config).await;
    }
    sleep(900).await;
    let truth = || truth([&world.cloud], Api::Cls, world.now_ms());
    assert_counts(&exporter, "after outages", truth).await;
    exporter.stop().await;
}

/// Answers take long, so that the reload is in its middle when the stop comes.
#[tokio::test(start_paused = true)]
async fn a_stop_in_a_reload_loses_nothing() {
    let faults = Faults {
        slow_body: 1.0,
        max_delay: Duration::from_secs(8),
        ..Faults::none()
    };
    let directory = tempfile::tempdir().unwrap();
    let mut world = world("v2", Some("function"), faults);
    world.config.state.path = state_in(directory.path()).map(Into::into);
    let mut cut = 0;
    for number in 0..8 {
        let mut exporter = world.start().await;
        sleep(40).await;
        world.config.poll.page_size = 100 + number;
        let reload = exporter.running.reload(&world.config);
        let limit = Duration::from_millis(300);
        cut += u32::from(tokio::time::timeout(limit, reload).await.is_err());
        exporter.stop().await;
    }
    assert!(cut >= 4, "{cut} reloads were cut");
    let exporter = world.start().await;
    sleep(900).await;
    let truth = || truth([&world.cloud], Api::V2, world.now_ms());
    assert_counts(&exporter, "after cut reloads", truth).await;
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_raised_counts_nothing_twice() {
    let mut world = world("v3", None, Faults::none());
    world.config.limits.functions = 3;
    let mut exporter = world.start().await;
    sleep(300).await;
    let overflow = [("function_name", "_overflow")];
    let folded = |e: &Exporter| e.scrape().sum("scf_invocations_total", &overflow);
    assert!(folded(&exporter) > 0.0);
    let mut config = world.config.clone();
    config.limits.functions = 100;
    reload(&mut exporter.running, &config).await;
    sleep(60).await;
    let stays = folded(&exporter);
    sleep(1_200).await;
    assert_eq!(folded(&exporter), stays, "each has its own by then");
    let all: u64 = counts(&exporter).values().sum();
    let truth: u64 = truth([&world.cloud], Api::V3, world.now_ms())
        .values()
        .sum();
    assert_eq!(all, truth);
    assert!(counts(&exporter).len() > 4);
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn accounts_are_told_apart_as_long_as_there_are_several() {
    let mut world = world("v3", None, Faults::none());
    world.config.sources[0].account = "a".to_owned();
    let (_, mut second) = second_region(&world);
    second.account = "b".to_owned();
    let mut exporter = world.start().await;
    sleep(60).await;
    let labels = |exporter: &Exporter| -> BTreeSet<Option<String>> {
        let scrape = exporter.scrape();
        let samples = scrape.matching("scf_invocations_total", &[]);
        let accounts = samples.iter().map(|s| s.labels.get("account").cloned());
        accounts.collect()
    };
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(labels(&exporter), BTreeSet::from([None]));
    let mut both = world.config.clone();
    both.sources.push(second);
    reload(&mut exporter.running, &both).await;
    sleep(60).await;
    assert_eq!(labels(&exporter), BTreeSet::from([named("a"), named("b")]));
    reload(&mut exporter.running, &world.config).await;
    assert_eq!(labels(&exporter), BTreeSet::from([None]));
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_only_a_start_reads_keeps_its_value() {
    let world = world("v2", Some("function"), Faults::none());
    let mut exporter = world.start().await;
    let mut config = world.config.clone();
    config.web.listen_addresses = vec![ListenAddress::parse("127.0.0.1:1").unwrap()];
    config.web.systemd_socket = true;
    config.web.config_file = Some("web.yml".into());
    config.web.telemetry_path = "/other".to_owned();
    config.web.native_histograms_only = true;
    config.web.created_series = true;
    config.web.enable_lifecycle = true;
    config.state.path = Some("elsewhere".into());
    config.log.format = LogFormat::Json;
    let at_start = keys().filter(|key| key.needs_restart);
    let at_start: Vec<&str> = at_start.map(|key| key.path).collect();
    for time in ["first", "second"] {
        let reloaded = reload(&mut exporter.running, &config).await;
        assert_eq!(reloaded.kept, at_start, "told the {time} time");
    }
    let back = reload(&mut exporter.running, &world.config).await;
    assert!(back.kept.is_empty());
    exporter.stop().await;
}

/// A namespace that one source read as a whole and by function, in turns.
#[tokio::test(start_paused = true)]
async fn streams_that_are_cut_in_another_way_are_exact() {
    let world = world("v3", Some("region"), Faults::typical());
    let mut exporter = world.start().await;
    for number in 0..12 {
        sleep(35).await;
        let mut config = world.config.clone();
        config.sources[0].read = [Read::Function, Read::Region, Read::Auto][number % 3];
        reload(&mut exporter.running, &config).await;
    }
    sleep(900).await;
    let truth = || truth([&world.cloud], Api::V3, world.now_ms());
    assert_counts(&exporter, "after reads in turns", truth).await;
    exporter.stop().await;
}
