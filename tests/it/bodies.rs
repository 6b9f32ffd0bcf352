//! Bodies and log lines of every shape that is known, served over real HTTP to the whole exporter:
//! what is counted, which outcome a failure has, and that `/metrics` goes on being served.
//! `tests/data/bodies/index.toml` and `tests/data/log_lines.tsv` say what comes of each.

mod bench;
mod case;
mod lines;
mod responder;

use std::collections::BTreeSet;

use bench::{Bench, WORKER};
use case::{COUNTED, Case, cases};
use tokio::task::JoinSet;

use crate::support::exposition::Exposition;
use crate::support::root;

/// Checks some at a time: most of a check is waiting for the next poll.
async fn check_all(cases: impl Iterator<Item = Case>) {
    let cases: Vec<Case> = cases.collect();
    assert!(!cases.is_empty());
    for some in cases.chunks(8) {
        let checks = some
            .iter()
            .cloned()
            .map(|case| async move { case.check().await });
        checks.collect::<JoinSet<()>>().join_all().await;
    }
}

#[test]
fn the_index_names_every_body_once() {
    let files: Vec<String> = cases().into_iter().filter_map(|case| case.file).collect();
    let named: BTreeSet<String> = files.iter().cloned().collect();
    assert_eq!(named.len(), files.len());
    let entries = std::fs::read_dir(root().join("tests/data/bodies")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(
        names
            .filter(|name| name != "index.toml")
            .collect::<BTreeSet<_>>(),
        named
    );
}

#[tokio::test]
async fn bodies_of_the_legacy_api_have_their_outcome() {
    check_all(cases().into_iter().filter(|case| case.api == "v2")).await;
}

#[tokio::test]
async fn bodies_of_api_3_have_their_outcome() {
    check_all(cases().into_iter().filter(|case| case.api == "v3")).await;
}

#[tokio::test]
async fn bodies_of_cls_have_their_outcome() {
    check_all(cases().into_iter().filter(|case| case.api == "cls")).await;
}

/// The lists serve the reading of CLS in the same way. A function without a log topic is no target
/// of CLS, so it is not shown there.
#[tokio::test]
async fn lists_have_their_outcome_by_cls() {
    let lists = cases().into_iter().filter(|case| {
        ["ListFunctions", "ListNamespaces", "GetFunction"].contains(&case.action())
            && case.file.as_deref() != Some("get_function_zeros.json")
    });
    let by_cls = lists.map(|mut case| {
        case.api = "cls".to_owned();
        case
    });
    check_all(by_cls).await;
}

fn body_of(file: &str) -> Vec<u8> {
    let mut cases = cases().into_iter();
    cases
        .find(|case| case.file.as_deref() == Some(file))
        .unwrap()
        .body()
}

#[tokio::test]
async fn the_topic_of_a_function_is_searched() {
    let body = body_of("get_function.json");
    let bench = Bench::start("cls", "GetFunction", 200, &body).await;
    let searched = |metrics: &Exposition| {
        let name = [("action", "SearchLog")];
        let searches = metrics.sum("scf_exporter_api_requests_total", &name);
        (searches == 0.0).then(|| "no search".to_owned())
    };
    bench.until("a search", searched).await;
    let search = bench.asked("SearchLog").unwrap();
    assert!(
        search.contains(r#""TopicId":"topic-of-fixture""#),
        "{search}"
    );
    let function = bench.asked("GetFunction").unwrap();
    assert!(function.contains(&format!(r#""FunctionName":"{WORKER}""#)));
    bench.stop().await;
}

#[tokio::test]
async fn after_a_failure_the_next_poll_counts() {
    let refusal = br#"{"code":4102,"message":"(1)no","codeDesc":"No"}"#;
    let bench = Bench::start("v2", "GetFunctionLogs", 200, refusal).await;
    let failed = |metrics: &Exposition| {
        let failures = metrics.sum("scf_exporter_polls_total", &[("result", "failure")]);
        (failures == 0.0).then(|| "a failed poll".to_owned())
    };
    bench.until("a failure", failed).await;
    bench.serve("GetFunctionLogs", 200, &body_of("v2_ok.json"));
    let counted = |metrics: &Exposition| {
        let sum = metrics.sum(COUNTED, &[]);
        (sum != 2.0).then(|| format!("{sum} of 2 invocations"))
    };
    bench.until("after a failure", counted).await;
    bench.stop().await;
}
