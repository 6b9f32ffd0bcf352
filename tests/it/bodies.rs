//! Every recorded and documented body and line, served over real HTTP to the whole exporter: what
//! is counted, which outcome a failure has, and that `/metrics` goes on being served.
#![allow(clippy::unwrap_used, reason = "a test may end at any surprise")]

mod bench;
mod case;
mod legacy;
mod lines;
mod own;
mod recorded;
mod recorded_more;
mod responder;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bench::{Bench, WORKER};
use case::Case;

fn at(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// The bodies kept beside the project, where they are.
fn kept() -> Option<PathBuf> {
    let folder = at("../shared/cases/responses");
    if !folder.is_dir() {
        println!("skipped: no {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Names of the bodies in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: BTreeSet<String> = names.filter(|name| name != "index.md").collect();
    names.into_iter().collect()
}

fn named(cases: &[&[Case]]) -> Vec<String> {
    let mut names: Vec<String> = cases.concat().iter().map(|case| case.name.into()).collect();
    names.sort();
    names
}

async fn check_all(folder: &Path, cases: impl IntoIterator<Item = Case>) {
    for case in cases {
        let body = std::fs::read(folder.join(case.name)).unwrap();
        case.check(&body).await;
    }
}

async fn check_kept(cases: &[Case]) {
    if let Some(folder) = kept() {
        check_all(&folder, cases.iter().copied()).await;
    }
}

#[test]
fn the_tables_name_every_body_once() {
    let folder = at("tests/data/bodies");
    assert_eq!(named(&[own::OWN]), names(&folder));
    let Some(folder) = kept() else { return };
    let tables = [
        recorded::V2,
        recorded::V3_LOGS,
        recorded::V3_ERRORS,
        recorded_more::CLS,
        recorded_more::LISTS,
        recorded_more::ASTRAY,
    ];
    assert_eq!(named(&tables), names(&folder));
}

#[tokio::test]
async fn own_bodies_read_through_api_3_have_their_outcome() {
    let cases = own::OWN.iter().filter(|case| case.api == "v3");
    check_all(&at("tests/data/bodies"), cases.copied()).await;
}

#[tokio::test]
async fn own_bodies_read_through_cls_have_their_outcome() {
    let cases = own::OWN.iter().filter(|case| case.api == "cls");
    check_all(&at("tests/data/bodies"), cases.copied()).await;
}

/// The lists serve the reading of CLS in the same way.
#[tokio::test]
async fn own_lists_have_their_outcome_by_cls() {
    let lists = own::OWN.iter().filter(|case| is_list(case));
    check_all(&at("tests/data/bodies"), lists.map(by_cls)).await;
}

#[tokio::test]
async fn recorded_bodies_of_v2_have_the_outcome_of_their_index() {
    check_kept(recorded::V2).await;
}

#[tokio::test]
async fn recorded_logs_of_api_3_have_the_outcome_of_their_index() {
    check_kept(recorded::V3_LOGS).await;
}

#[tokio::test]
async fn recorded_errors_of_api_3_have_the_outcome_of_their_index() {
    check_kept(recorded::V3_ERRORS).await;
}

#[tokio::test]
async fn recorded_bodies_of_cls_have_the_outcome_of_their_index() {
    check_kept(recorded_more::CLS).await;
}

#[tokio::test]
async fn recorded_lists_have_the_outcome_of_their_index_by_either_api() {
    check_kept(recorded_more::LISTS).await;
    let Some(folder) = kept() else { return };
    let lists = recorded_more::LISTS.iter().filter(|case| is_list(case));
    check_all(&folder, lists.map(by_cls)).await;
}

#[tokio::test]
async fn answers_to_other_calls_do_no_harm() {
    check_kept(recorded_more::ASTRAY).await;
}

/// A function without a log topic is no target of CLS, so it is not shown there.
fn is_list(case: &Case) -> bool {
    let lists = ["ListFunctions", "ListNamespaces", "GetFunction"];
    lists.contains(&case.action) && case.name != "get_function_zeros.json"
}

fn by_cls(case: &Case) -> Case {
    Case {
        api: "cls",
        ..*case
    }
}

#[tokio::test]
async fn the_topic_of_a_function_is_searched() {
    let own = [("get_function.json", "topic-of-fixture")];
    topics_are_searched(&at("tests/data/bodies"), &own).await;
    if let Some(folder) = kept() {
        topics_are_searched(&folder, recorded_more::TOPICS).await;
    }
}

async fn topics_are_searched(folder: &Path, topics: &[(&str, &str)]) {
    for (file, topic) in topics {
        let body = std::fs::read(folder.join(file)).unwrap();
        let bench = Bench::start("cls", "GetFunction", 200, &body).await;
        let name = [("action", "SearchLog")];
        let searched = |metrics: &crate::support::exposition::Exposition| {
            let searches = metrics.sum("scf_exporter_api_requests_total", &name);
            (searches == 0.0).then(|| "no search".to_owned())
        };
        bench.until(file, searched).await;
        let search = bench.asked("SearchLog").unwrap();
        assert!(
            search.contains(&format!(r#""TopicId":"{topic}""#)),
            "{search}"
        );
        let function = bench.asked("GetFunction").unwrap();
        assert!(function.contains(&format!(r#""FunctionName":"{WORKER}""#)));
        bench.stop().await;
    }
}
