//! Whole listings of a scripted cloud on paused time.

mod cloud;
mod issues;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::config::{FunctionFilter, Pattern, Read};
use crate::ingest::tests::place;
use crate::model::Bytes;
use cloud::{Cloud, Failure};

fn filter(names: &[&str], include: &[&str], exclude: &[&str]) -> FunctionFilter {
    let patterns = |texts: &[&str]| texts.iter().map(|t| Pattern::new(t).unwrap()).collect();
    let names = names.iter().map(ToString::to_string).collect();
    FunctionFilter::new(names, patterns(include), patterns(exclude))
}

fn any() -> FunctionFilter {
    FunctionFilter::default()
}

/// Selects by namespace and by function.
fn select(namespaces: FunctionFilter, functions: FunctionFilter) -> FunctionSelector {
    FunctionSelector {
        account: "one".into(),
        region: "ap-x".into(),
        namespaces,
        functions,
    }
}

fn discovery(cloud: &Cloud, wanted: FunctionSelector) -> Functions<Cloud> {
    Functions::new(cloud.clone(), place("one", Read::Function), wanted, false)
}

fn of_all(cloud: &Cloud) -> Functions<Cloud> {
    discovery(cloud, select(any(), any()))
}

/// Lists all functions and needs their topics.
fn with_topics(cloud: &Cloud) -> Functions<Cloud> {
    Functions {
        needs_topics: true,
        ..of_all(cloud)
    }
}

/// The functions of a complete list, as `namespace/name`.
async fn all_names(discovery: &Functions<Cloud>) -> Vec<String> {
    let list = discovery.list().await.unwrap();
    assert!(list.complete.is_some());
    let ids = list.functions.iter().map(|one| &one.function);
    ids.map(|id| format!("{}/{}", id.namespace, id.name))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn functions_come_with_their_details() {
    let cloud = Cloud::of(&["default/a", "other/b"]);
    cloud.set("other/b", |f| f.topic = "");
    let list = of_all(&cloud).list().await.unwrap();
    let about = FunctionConfig {
        memory_limit: Bytes(134_217_728),
        timeout: Duration::from_secs(3),
        runtime: "Nodejs18.15".to_owned(),
    };
    let found = |namespace, name, topic| Found {
        function: FunctionId::new("ap-x", namespace, name).of_account("one"),
        about: Some(Arc::new(about.clone())),
        topic,
    };
    let functions = vec![
        found("default", "a", Topic::Id("topic".into())),
        found("other", "b", Topic::None),
    ];
    assert_eq!(list.functions, functions);
    let scan = list.complete.unwrap().scan;
    let named: Vec<_> = scan.named.iter().map(|one| &*one.name).collect();
    assert_eq!((named, scan.is_certain), (vec!["a", "b"], true));
}

#[tokio::test(start_paused = true)]
async fn lists_that_are_too_large_come_in_smaller_pages() {
    let cloud = Cloud::of_many(60);
    cloud.change(|script| script.refuses_above = 7);
    assert_eq!(all_names(&of_all(&cloud)).await.len(), 60);
    // 100, 50, 25, 12, then pages of 6 and few trials of 12.
    assert!(cloud.asked("ListFunctions") < 20);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_no_list_can_bring_hides_no_other_and_is_not_gone() {
    let names = ["a", "b", "c", "d", "e"].map(|name| format!("default/{name}"));
    let cloud = Cloud::of(&names);
    let discovery = of_all(&cloud);
    assert_eq!(all_names(&discovery).await.len(), 5);
    cloud.change(|script| script.withheld = Some("c"));
    cloud.delete("default/e");
    cloud.add("default/f");
    for _ in 0..4 {
        let found = all_names(&discovery).await;
        for name in ["a", "b", "c", "d", "f"] {
            assert!(found.contains(&format!("default/{name}")), "{found:?}");
        }
    }
    // Once every entry can be read again, functions that the lists miss are gone.
    cloud.change(|script| script.withheld = None);
    all_names(&discovery).await;
    let found = all_names(&discovery).await;
    assert_eq!(found.len(), 5, "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn lists_are_read_whole_however_the_server_pages_and_counts() {
    for (most, total) in [(100, true), (20, true), (7, false), (100, false), (1, true)] {
        let cloud = Cloud::of_many(250);
        (0..30).for_each(|n| cloud.add(&format!("n{n:02}/only")));
        cloud.change(|c| (c.page_max, c.tells_total) = (most, total));
        let discovery = of_all(&cloud);
        let mut list = discovery.list().await.unwrap();
        while list.complete.is_none() {
            list = discovery.list().await.unwrap();
        }
        assert_eq!(list.functions.len(), 280, "{most} {total}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_obey_the_offset_comes_to_an_end() {
    let cloud = Cloud::of_many(30);
    cloud.change(|c| (c.page_max, c.ignores_offset) = (20, true));
    assert_eq!(all_names(&of_all(&cloud)).await.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn new_functions_come_and_deleted_ones_go() {
    let cloud = Cloud::of(&["default/a", "default/b"]);
    let discovery = of_all(&cloud);
    assert_eq!(all_names(&discovery).await, ["default/a", "default/b"]);
    cloud.add("default/c");
    cloud.delete("default/a");
    assert_eq!(
        all_names(&discovery).await,
        ["default/b", "default/c"],
        "its details said that it is not there"
    );
}

#[tokio::test(start_paused = true)]
async fn a_deleted_function_whose_details_fail_goes_at_the_second_list() {
    let cloud = Cloud::of(&["default/a", "default/b"]);
    let discovery = of_all(&cloud);
    discovery.list().await.unwrap();
    cloud.delete("default/a");
    cloud.fail("GetFunction", Failure::Transient);
    assert_eq!(all_names(&discovery).await.len(), 2);
    assert_eq!(all_names(&discovery).await, ["default/b"]);
}

#[tokio::test(start_paused = true)]
async fn a_function_that_slips_between_two_pages_stays() {
    let cloud = Cloud::of(&["default/a", "default/b", "default/c"]);
    let discovery = of_all(&cloud);
    discovery.list().await.unwrap();
    for _ in 0..3 {
        cloud.change(|c| c.hidden = Some("b"));
        assert_eq!(all_names(&discovery).await.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn details_are_asked_for_once_then_after_a_change_or_an_hour() {
    let cloud = Cloud::of(&["default/a", "default/b"]);
    let discovery = of_all(&cloud);
    for _ in 0..3 {
        discovery.list().await.unwrap();
    }
    assert_eq!(cloud.asked("GetFunction"), 2);
    cloud.set("default/b", |f| (f.changed, f.memory) = (2, 256));
    let list = discovery.list().await.unwrap();
    assert_eq!(cloud.asked("GetFunction"), 3);
    let about = list.functions[1].about.as_ref().unwrap();
    assert_eq!(about.memory_limit, Bytes(268_435_456));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    discovery.list().await.unwrap();
    assert_eq!(cloud.asked("GetFunction"), 5);
}

#[tokio::test(start_paused = true)]
async fn details_that_fail_keep_the_last_good_ones_and_are_asked_for_again() {
    let cloud = Cloud::of(&["default/a"]);
    let discovery = with_topics(&cloud);
    let good = discovery.list().await.unwrap();
    cloud.set("default/a", |f| (f.changed, f.topic) = (2, "moved"));
    cloud.fail("GetFunction", Failure::Transient);
    assert_eq!(discovery.list().await.unwrap().functions, good.functions);
    cloud.works("GetFunction");
    let list = discovery.list().await.unwrap();
    assert_eq!(list.functions[0].topic, Topic::Id("moved".into()));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_loses_nothing() {
    let cloud = Cloud::of(&["default/a"]);
    let discovery = of_all(&cloud);
    discovery.list().await.unwrap();
    for action in ["ListNamespaces", "ListFunctions"] {
        cloud.fail(action, Failure::Transient);
        for _ in 0..3 {
            let error = discovery.list().await.unwrap_err();
            assert_eq!(&*error.action, action);
        }
        cloud.works(action);
        assert_eq!(all_names(&discovery).await, ["default/a"]);
    }
    assert_eq!(cloud.asked("GetFunction"), 1, "details are still known");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_fails_keeps_its_functions_and_hinders_no_other() {
    let cloud = Cloud::of(&["n1/a", "n2/b"]);
    let discovery = of_all(&cloud);
    discovery.list().await.unwrap();
    cloud.change(|c| c.broken_namespace = Some("n1"));
    cloud.add("n2/c");
    for _ in 0..3 {
        assert_eq!(all_names(&discovery).await, ["n1/a", "n2/b", "n2/c"]);
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_list_namespaces_the_default_one_is_read() {
    let cloud = Cloud::of(&["default/a", "named/b", "other/c"]);
    cloud.fail("ListNamespaces", Failure::Forbidden);
    assert_eq!(all_names(&of_all(&cloud)).await, ["default/a"]);
    let refused = Err("UnauthorizedOperation.CAM");
    for (namespaces, expected) in [
        (filter(&["named"], &["x.*"], &[]), Ok(1)),
        (filter(&["named"], &["d.*"], &[]), Ok(2)),
        (filter(&[], &["x.*"], &[]), refused),
    ] {
        let wanted = select(namespaces.clone(), any());
        let list = discovery(&cloud, wanted).list().await;
        let found = list.as_ref().map(|list| list.functions.len());
        let found = found.map_err(|error| &*error.code);
        assert_eq!(found, expected, "{namespaces:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_is_wanted_is_asked_for() {
    let cloud = Cloud::of(&["default/a", "default/b", "x1/a", "x2/c"]);
    let names = |names| filter(names, &[], &[]);
    // What is selected and found, and how often each action was needed.
    for (wanted, found, calls) in [
        (
            select(any(), filter(&[], &[], &["b"])),
            vec!["default/a", "x1/a", "x2/c"],
            [1, 3, 3],
        ),
        (
            select(filter(&[], &["x."], &[]), any()),
            vec!["x1/a", "x2/c"],
            [1, 2, 2],
        ),
        (
            select(names(&["default"]), any()),
            vec!["default/a", "default/b"],
            [0, 1, 2],
        ),
        (
            select(names(&["default", "x1"]), names(&["b"])),
            vec!["default/b"],
            [0, 0, 2],
        ),
        (
            select(any(), names(&["a"])),
            vec!["default/a", "x1/a"],
            [1, 3, 2],
        ),
    ] {
        cloud.forget_asked();
        assert_eq!(all_names(&discovery(&cloud, wanted)).await, found);
        let actions = ["ListNamespaces", "ListFunctions", "GetFunction"];
        let asked = actions.map(|action| cloud.asked(action));
        assert_eq!(asked, calls, "{found:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_list_comes_in_parts() {
    for needs_topics in [false, true] {
        // Eight at once, one second each: 80 in ten seconds.
        let cloud = Cloud::of_many(200);
        cloud.change(|c| c.answer_takes = Duration::from_secs(1));
        let discovery = Functions {
            needs_topics,
            ..of_all(&cloud)
        };
        let started = Instant::now();
        let mut parts = Vec::new();
        loop {
            let list = discovery.list().await.unwrap();
            let known = list.functions.iter().filter(|one| one.about.is_some());
            parts.push((list.functions.len(), known.count()));
            if list.complete.is_some() {
                break;
            }
            assert!(started.elapsed() <= Duration::from_secs(11) * parts.len() as u32);
        }
        assert_eq!(cloud.asked("GetFunction"), 200, "each once: {parts:?}");
        assert_eq!(parts.last(), Some(&(200, 200)));
        let (all, known) = parts[0];
        // Twelve at once, a second each, for about ten seconds.
        assert!((84..=120).contains(&known), "{parts:?}");
        assert_eq!(all, if needs_topics { known } else { 200 });
        assert!(cloud.most_at_once() <= 12);
    }
}

#[tokio::test(start_paused = true)]
async fn new_functions_are_found_while_details_are_still_missing() {
    let cloud = Cloud::of_many(7_000);
    cloud.change(|c| c.answer_takes = Duration::from_secs(1));
    let discovery = of_all(&cloud);
    let started = Instant::now();
    let mut seen_new = None;
    discovery.list().await.unwrap();
    cloud.add("default/new");
    loop {
        let list = discovery.list().await.unwrap();
        if seen_new.is_none() && list.functions.len() == 7_001 {
            seen_new = Some(started.elapsed());
        }
        if list.complete.is_some() {
            break;
        }
    }
    assert!(seen_new.unwrap() < Duration::from_secs(360), "{seen_new:?}");
    assert!(started.elapsed() > Duration::from_secs(500));
    assert_eq!(cloud.asked("GetFunction"), 7_001, "each once");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_dropped_goes_on_at_the_next_call() {
    let cloud = Cloud::of_many(100);
    cloud.change(|c| c.answer_takes = Duration::from_secs(1));
    let discovery = of_all(&cloud);
    let long = Duration::from_millis(5_500);
    assert!(tokio::time::timeout(long, discovery.list()).await.is_err());
    while discovery.list().await.unwrap().complete.is_none() {}
    assert_eq!(cloud.asked("GetFunction"), 100, "each once");
}

#[tokio::test(start_paused = true)]
async fn refused_details_are_not_asked_for_a_thousand_times() {
    let cloud = Cloud::of_many(1_000);
    cloud.fail("GetFunction", Failure::Forbidden);
    assert_eq!(all_names(&of_all(&cloud)).await.len(), 1_000);
    assert!(cloud.asked("GetFunction") < 50);

    // Without topics nothing can be read.
    let error = with_topics(&cloud).list().await.unwrap_err();
    assert_eq!(&*error.action, "GetFunction");
}
