//! Sources that can be read, but whose configuration needs attention, have a hint on the status page:
//! names that match nothing, rights that are missing. Answers that are written oddly have none.

use std::time::Duration;

use crate::support::world::{Exporter, World, calls_for, through};
use scf_exporter::config::FunctionFilter;
use scf_exporter::web::{Readiness, SourceStatus, View};
use scf_sim::{Api3, Faults, Settings};

fn settings(seed: u64) -> Settings {
    Settings {
        functions: 5,
        namespaces: 1,
        rate_per_second: 5.0,
        max_duration_ms: 10_000,
        ..calls_for(seed, Duration::from_secs(60))
    }
}

/// An exporter after a minute, and the status of its one source.
async fn started(world: &World) -> (Exporter, SourceStatus) {
    let exporter = world.start().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let [source] = &exporter.view.status().sources[..] else {
        panic!("there is one source");
    };
    (exporter, source.clone())
}

fn hints(source: &SourceStatus) -> Vec<&str> {
    source.hints.iter().map(|hint| &*hint.what).collect()
}

fn unmatched(exporter: &Exporter) -> f64 {
    let scrape = exporter.scrape();
    scrape.sum("scf_exporter_unmatched_selectors", &[])
}

#[tokio::test(start_paused = true)]
async fn a_name_that_matches_nothing_has_a_hint_with_the_similar_name() {
    for api in ["v2", "v3", "cls"] {
        let read = (api != "cls").then_some("region");
        let mut world = World::new(settings(5), through(api, read));
        let now_ms = world.now_ms();
        let names = world.cloud.truth(now_ms + 60_000).functions;
        let name = names[0].function_name.clone();
        let slip = format!("{name}x");
        let told = format!("no function is called `{slip}`; did you mean `{name}`?");
        // Alone, and beside one that exists.
        for beside in [None, Some(name)] {
            let wanted = beside.clone().into_iter().chain([slip.clone()]).collect();
            world.config.sources[0].functions = FunctionFilter::new(wanted, vec![], vec![]);
            let (exporter, source) = started(&world).await;
            assert!(hints(&source).contains(&&*told), "{api}: {source:?}");
            assert_eq!((source.unmatched, unmatched(&exporter)), (1, 1.0), "{api}");
            // Nothing failed: it has been read, and there may be nothing to read.
            assert_eq!(exporter.view.readiness(), Readiness::Ready, "{api}");
            exporter.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_to_which_no_function_logs_has_a_hint() {
    let mut world = World::new(settings(6), through("cls", None));
    world.config.sources[0].topics = vec!["0a1b2c3d-0000-4000-8000-00000000ffff".to_owned()];
    let (exporter, source) = started(&world).await;
    let told = hints(&source);
    assert!(
        told[0].starts_with("no log topic of these functions is called `0a1b"),
        "{told:?}"
    );
    assert!(
        told[1].contains("not among the configured ones"),
        "{told:?}"
    );
    assert_eq!(unmatched(&exporter), 1.0);
    exporter.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_has_a_hint_with_what_it_costs() {
    for (api, action, words) in [
        ("v3", "GetFunction", ["scf:GetFunction", "timeouts"]),
        ("v3", "ListNamespaces", ["scf:ListNamespaces", "`default`"]),
        ("cls", "ListNamespaces", ["scf:ListNamespaces", "`default`"]),
    ] {
        let api3 = Api3 {
            denied_actions: vec![action.to_owned()],
            ..Api3::default()
        };
        let world = World::new(
            Settings {
                api3,
                ..settings(7)
            },
            through(api, None),
        );
        let (exporter, source) = started(&world).await;
        let told = hints(&source);
        let [told] = told[..] else {
            panic!("{api} without {action}: {told:?}");
        };
        for word in words {
            assert!(told.contains(word), "{told}");
        }
        assert_eq!(unmatched(&exporter), 0.0);
        assert_eq!(
            exporter.view.readiness(),
            Readiness::Ready,
            "{api} {action}"
        );
        exporter.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_as_texts_and_odd_lines_lose_nothing() {
    for api in ["v2", "v3", "cls"] {
        let faults = Faults {
            odd_scalars: 1.0,
            odd_lines: 0.5,
            ..Faults::none()
        };
        let world = World::new(
            Settings {
                faults,
                ..settings(8)
            },
            through(api, None),
        );
        let exporter = world.start().await;
        world.assert_exact(&exporter, api).await;
        let known = if api == "v2" { 0 } else { 5 };
        for gauge in [
            "scf_function_memory_limit_bytes",
            "scf_function_timeout_seconds",
        ] {
            let scrape = exporter.scrape();
            assert_eq!(scrape.matching(gauge, &[]).len(), known, "{api} {gauge}");
        }
        exporter.stop().await;
    }
}
