//! Several sources in one process: accounts, regions, and parts of one region.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::support::counts::{Counts, assert_counts, counts_of, source_of};
use crate::support::world::{START_MS, World, calls_for, through};
use scf_exporter::config::{self, Api, FunctionFilter, Overrides, SignatureMethod, Source};
use scf_sim::{Cloud, Settings};

fn settings(seed: u64, region: &str) -> Settings {
    Settings {
        functions: 6,
        rate_per_second: 10.0,
        region: region.to_owned(),
        ..calls_for(seed, Duration::from_secs(300))
    }
}

/// Time for all calls to begin, end and be delivered.
async fn drain() {
    tokio::time::sleep(Duration::from_secs(400)).await;
}

/// Same region, and functions of the same names: only the account tells them apart.
#[tokio::test(start_paused = true)]
async fn two_accounts_have_clouds_and_keys_of_their_own() {
    let mut world = World::new(settings(71, "ap-guangzhou"), through("cls", None));
    // The seed makes the names; the traffic is another.
    let same = settings(71, "ap-guangzhou");
    let other = Arc::new(Cloud::new(Settings {
        rate_per_second: 7.0,
        secret_id: "AKIDofTheOther".to_owned(),
        secret_key: "secretOfTheOther".to_owned(),
        ..same
    }));
    world.transport.add("b.test", other.clone());
    let first = world.config.sources[0].clone();
    world.config.sources = vec![
        Source {
            account: "a".to_owned(),
            ..source_of(&first, "one", "a.test", &world.cloud)
        },
        Source {
            account: "b".to_owned(),
            ..source_of(&first, "two", "b.test", &other)
        },
    ];
    let exporter = world.start().await;
    drain().await;
    let mut all = counts_of("a", &world.cloud, Api::V3, world.now_ms());
    let names = |counts: &Counts| -> BTreeSet<String> {
        counts.keys().map(|[.., name]| name.clone()).collect()
    };
    let of_other = counts_of("b", &other, Api::V3, world.now_ms());
    assert!(
        !names(&all).is_disjoint(&names(&of_other)),
        "some names are shared"
    );
    all.extend(of_other);
    assert_counts(&exporter, "two accounts", || all.clone()).await;
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn several_regions_of_one_account_through_several_apis() {
    let mut world = World::new(settings(73, "ap-guangzhou"), through("v3", None));
    let first = world.config.sources[0].clone();
    let mut sources = vec![first.clone()];
    let mut clouds = vec![world.cloud.clone()];
    for (seed, region, api) in [(74, "ap-beijing", Api::Cls), (75, "eu-frankfurt", Api::V2)] {
        let cloud = Arc::new(Cloud::new(settings(seed, region)));
        let host = format!("{region}.test");
        world.transport.add(&host, cloud.clone());
        let signature_method = match api {
            Api::V2 => SignatureMethod::HmacSha256,
            Api::V3 | Api::Cls => first.signature_method,
        };
        sources.push(Source {
            api,
            signature_method,
            ..source_of(&first, region, &host, &cloud)
        });
        clouds.push(cloud);
    }
    world.config.sources = sources;
    let exporter = world.start().await;
    drain().await;
    let now_ms = world.now_ms();
    let all = clouds
        .iter()
        .flat_map(|cloud| counts_of("", cloud, Api::V3, now_ms));
    let all: Counts = all.collect();
    assert_counts(&exporter, "several regions", || all.clone()).await;
    let scrape = exporter.scrape();
    let accounts = scrape.families.iter().flat_map(|family| &family.samples);
    let named = accounts.filter(|sample| sample.labels.contains_key("account"));
    assert_eq!(named.count(), 0, "there is one account");
    for source in &world.config.sources {
        let labels = [("source", source.name.as_str()), ("result", "failure")];
        assert_eq!(
            scrape.metric("scf_exporter_polls_total", &labels),
            Some(0.0)
        );
    }
    exporter.stop().await;
}

/// Functions that are no part of the filter are not shown and not counted; two sources may share
/// a region where each function is a stream of its own.
#[tokio::test(start_paused = true)]
async fn two_sources_with_a_part_of_the_functions_each() {
    let names: Vec<String> = {
        let cloud = Cloud::new(settings(76, "ap-guangzhou"));
        let functions = cloud.truth(START_MS).functions;
        functions.into_iter().map(|f| f.function_name).collect()
    };
    let only = |names: &[String]| FunctionFilter::new(names.to_vec(), vec![], vec![]);
    for second in [Api::V3, Api::Cls] {
        let mut world = World::new(settings(76, "ap-guangzhou"), through("v3", None));
        let first = world.config.sources[0].clone();
        world.config.sources = vec![
            Source {
                functions: only(&names[..2]),
                ..first.clone()
            },
            Source {
                name: "second".to_owned(),
                api: second,
                functions: only(&names[2..4]),
                ..first
            },
        ];
        let exporter = world.start().await;
        drain().await;
        let mut wanted = counts_of("", &world.cloud, Api::V3, world.now_ms());
        wanted.retain(|[.., name], _| names[..4].contains(name));
        assert_eq!(wanted.len(), 4);
        assert_counts(&exporter, "parts", || wanted.clone()).await;
        exporter.stop().await;
    }
}

/// A stream has one watermark, so only one source may read it.
#[test]
fn two_sources_of_one_stream_are_refused() {
    let refused = |one: &str, other: &str| {
        let text = format!(
            "sources:\n- {{name: one, region: r, functions: {{names: [a]}}, {one}}}\n\
             - {{name: two, region: r, functions: {{names: [b]}}, {other}}}\n"
        );
        let config = config::parse(&text, "f", Path::new(""), &Overrides::default(), &|_| None);
        match config {
            Ok(_) => false,
            Err(faults) if faults.to_string().contains("the same log as sources[0]") => true,
            Err(faults) => panic!("{faults}"),
        }
    };
    for (one, other) in [
        ("api: cls", "api: cls"),
        ("api: cls, topics: [t]", "api: cls"),
        ("api: cls, topics: [t]", "api: cls, topics: [u, t]"),
        ("api: v2, read: region", "api: v2, read: region"),
        ("api: v3, read: region", "api: v3, read: region"),
        ("api: v2, read: function", "api: v2, read: region"),
        ("api: v3, read: region", "api: cls"),
        (
            "api: v3, read: region, namespaces: {names: [n, m]}",
            "api: v3, read: region, namespaces: {names: [n]}",
        ),
    ] {
        assert!(refused(one, other), "{one}, {other}");
        assert!(refused(other, one), "{other}, {one}");
    }
    for (one, other) in [
        ("api: cls, topics: [t]", "api: cls, topics: [u]"),
        ("api: v2, read: function", "api: v3, read: function"),
        ("api: v3, read: function", "api: cls"),
        (
            "api: v3, read: region, namespaces: {names: [n]}",
            "api: v3, read: region, namespaces: {names: [m]}",
        ),
    ] {
        assert!(!refused(one, other), "{one}, {other}");
    }
}
