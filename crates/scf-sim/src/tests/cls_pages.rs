//! Tests that pages are parts of one list.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::cls::{REPORTS, Service, identity};
use crate::{Faults, Settings};

const SECONDS: i64 = 30;

fn settings() -> Settings {
    Settings {
        rate_per_second: 30.0,
        burst_ms: Some(500),
        faults: Faults {
            duplicate_lines: 0.05,
            late_rows: 0.2,
            late_delivery_ms: 20_000,
            ..Faults::none()
        },
        ..Settings::new(21)
    }
}

fn by_offset(service: &Service, now_ms: i64, changes: &Value, limit: usize) -> Vec<Value> {
    let mut lines = Vec::new();
    loop {
        let mut changes = changes.as_object().unwrap().clone();
        changes.insert("Offset".to_owned(), lines.len().into());
        changes.insert("Limit".to_owned(), limit.into());
        let answer = service.search(now_ms, changes.into()).unwrap();
        lines.extend(answer["Results"].as_array().unwrap().clone());
        if answer["ListOver"] == true {
            return lines;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn pages_by_context_and_by_offset_are_the_whole(
        limit in 50usize..1_000,
        ascending: bool,
        query in prop::sample::select(vec!["*", REPORTS, "SCF_StatusCode:430", "NOT SCF_Type:Custom"]),
        from in 0i64..SECONDS * 500,
        to in SECONDS * 500..SECONDS * 1_200,
    ) {
        let service = Service::new(settings());
        let start = service.settings.start_ms;
        let now_ms = start + SECONDS * 1_000;
        let params = json!({
            "From": start + from, "To": start + to, "QueryString": query, "Limit": limit,
            "Sort": if ascending { "asc" } else { "desc" },
        });
        let (chained, over) = service.chain(now_ms, &params);
        let offset = by_offset(&service, now_ms, &params, 1_000);
        prop_assert_eq!(chained.len(), offset.len());
        prop_assert!(over && chained == offset);
        let times: Vec<i64> = chained.iter().map(|l| l["Time"].as_i64().unwrap()).collect();
        let in_time = times.iter().all(|t| (start + from..start + to).contains(t));
        let in_order = times.is_sorted_by_key(|t| if ascending { *t } else { -t });
        prop_assert!(in_time && in_order);
        let names: BTreeSet<_> = chained.iter().map(identity).collect();
        prop_assert_eq!(names.len(), chained.len());
    }
}

#[test]
fn directions_mirror_each_other_and_spans_join() {
    let service = Service::new(settings());
    let start = service.settings.start_ms;
    let now_ms = start + SECONDS * 1_000;
    let (ascending, _) = service.chain(now_ms, &json!({ "Limit": 777 }));
    let (mut descending, _) = service.chain(now_ms, &json!({ "Limit": 777, "Sort": "desc" }));
    descending.reverse();
    assert!(ascending.len() > 5_000 && ascending == descending);
    // A time that many lines share belongs to the later range only.
    let border = start + 10_000;
    let early = service.chain(now_ms, &json!({ "To": border })).0;
    let late = service.chain(now_ms, &json!({ "From": border })).0;
    assert!(late.iter().filter(|line| line["Time"] == border).count() > 10);
    assert_eq!([early, late].concat(), ascending);
}

#[test]
fn a_context_finds_what_appears_after_it_and_nothing_before() {
    let service = Service::new(settings());
    let early_ms = service.settings.start_ms + 10_000;
    let later_ms = early_ms + 30_000;
    let params = |context: Value| json!({ "Context": context, "Limit": 400, "To": early_ms, "QueryString": REPORTS });
    let first = service.search(early_ms, params("".into())).unwrap();
    let lines = first["Results"].as_array().unwrap();
    let seen: BTreeSet<_> = lines.iter().map(identity).collect();
    let whole = service.page(later_ms, params("".into()));
    let rest = service.page(later_ms, params(first["Context"].clone()));
    assert!(rest.iter().all(|line| !seen.contains(&identity(line))));
    // Late lines can also come before the cursor, and are then missed.
    assert!(whole.len() > seen.len() + rest.len());
    let last = identity(lines.last().unwrap());
    let place = whole.iter().position(|line| identity(line) == last);
    assert_eq!(whole[place.unwrap() + 1..], rest);
}

#[test]
fn chains_end_after_ten_thousand_lines() {
    let service = Service::new(settings());
    let now_ms = service.settings.start_ms + 60_000;
    let search =
        |context: &Value| service.search(now_ms, json!({ "Limit": 900, "Context": context }));
    let mut answer = search(&json!("")).unwrap();
    let mut sizes = Vec::new();
    loop {
        sizes.push(answer["Results"].as_array().unwrap().len());
        assert_eq!(answer["ListOver"], false);
        match search(&answer["Context"]) {
            Ok(next) => answer = next,
            Err(problem) => {
                assert_eq!(problem.code, "FailedOperation.GetlogReachLimit");
                break;
            }
        }
    }
    assert_eq!(sizes, [vec![900; 11], vec![100]].concat());
}

#[test]
fn several_topics_are_searched_together() {
    let service = Service::new(Settings {
        topics: 3,
        ..settings()
    });
    let now_ms = service.settings.start_ms + 10_000;
    let [first, others @ ..] = &service.topics(now_ms)[..] else {
        panic!("no topic");
    };
    let query = "SCF_Message:\"START RequestId\"";
    let single = |id: &String| {
        let params = json!({ "TopicId": id, "QueryString": query });
        service.page(now_ms, params).len()
    };
    let listed: Vec<Value> = others.iter().map(|id| json!({ "TopicId": id })).collect();
    let both = json!({ "TopicId": null, "Topics": listed, "QueryString": query });
    let both = service.search(now_ms, both).unwrap();
    let lines = both["Results"].as_array().unwrap();
    assert_eq!(both["Context"], "");
    assert_eq!(both["Topics"]["Infos"].as_array().unwrap().len(), 2);
    assert!(lines.iter().all(|line| line["TopicId"] != first.as_str()));
    assert!(lines.is_sorted_by_key(|line| line["Time"].as_i64()));
    assert_eq!(lines.len(), others.iter().map(single).sum::<usize>());
    // A list of one may carry a context.
    let one = |context: &Value| {
        let topic = json!({ "TopicId": first, "Context": context });
        let params = json!({ "TopicId": null, "Topics": [topic], "Limit": 40 });
        service.search(now_ms, params).unwrap()
    };
    let page = one(&json!(""));
    assert_eq!(page["Topics"]["Infos"][0]["Context"], page["Context"]);
    assert_ne!(one(&page["Context"])["Results"], page["Results"]);
}

#[test]
fn defaults_are_a_hundred_lines_newest_first() {
    let service = Service::new(settings());
    let now_ms = service.settings.start_ms + 20_000;
    let params = json!({ "Limit": null, "Sort": null, "QueryString": null });
    let answer = service.search(now_ms, params).unwrap();
    let lines = answer["Results"].as_array().unwrap();
    assert_eq!(lines.len(), 100);
    assert!(lines.is_sorted_by_key(|line| -line["Time"].as_i64().unwrap()));
    assert_eq!(answer["ListOver"], false);
    assert_eq!(answer["Analysis"], false);
}
