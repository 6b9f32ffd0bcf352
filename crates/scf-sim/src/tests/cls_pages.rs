//! Tests that pages are parts of one list.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::cls::{REPORTS, Service, identity};
use crate::{ChainEnd, ClsWire, Faults, Settings};

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
fn directions_mirror_each_other_and_spans_join_without_seam() {
    let service = Service::new(settings());
    let start = service.settings.start_ms;
    let now_ms = start + SECONDS * 1_000;
    let (ascending, _) = service.chain(now_ms, &json!({ "Limit": 777 }));
    let (mut descending, _) = service.chain(now_ms, &json!({ "Limit": 777, "Sort": "desc" }));
    descending.reverse();
    assert!(ascending.len() > 5_000 && ascending == descending);
    // A time that many lines share belongs to the later range only.
    let seam = start + 10_000;
    let early = service.chain(now_ms, &json!({ "To": seam })).0;
    let late = service.chain(now_ms, &json!({ "From": seam })).0;
    assert!(late.iter().filter(|line| line["Time"] == seam).count() > 10);
    assert_eq!([early, late].concat(), ascending);
}

#[test]
fn a_context_meets_what_appears_behind_it_and_nothing_before() {
    let service = Service::new(settings());
    let early_ms = service.settings.start_ms + 10_000;
    let later_ms = early_ms + 30_000;
    let params = |context: Value| json!({ "Context": context, "Limit": 400, "To": early_ms, "QueryString": REPORTS });
    let first = service.search(early_ms, params("".into())).unwrap();
    let seen: BTreeSet<_> = first["Results"]
        .as_array()
        .unwrap()
        .iter()
        .map(identity)
        .collect();
    let whole = service.search(later_ms, params("".into())).unwrap();
    let rest = service
        .search(later_ms, params(first["Context"].clone()))
        .unwrap();
    let rest = rest["Results"].as_array().unwrap().clone();
    assert!(rest.iter().all(|line| !seen.contains(&identity(line))));
    let whole = whole["Results"].as_array().unwrap();
    // Late lines can also come before the cursor, and are then missed.
    assert!(whole.len() > seen.len() + rest.len());
    let last = first["Results"].as_array().unwrap().last().unwrap();
    let place = whole
        .iter()
        .position(|line| identity(line) == identity(last))
        .unwrap();
    assert_eq!(whole[place + 1..], rest);
}

#[test]
fn chains_end_after_ten_thousand_lines() {
    for chain_end in [ChainEnd::ListOver, ChainEnd::Refused] {
        let service = Service::new(Settings {
            cls: ClsWire {
                chain_end,
                ..ClsWire::default()
            },
            ..settings()
        });
        let now_ms = service.settings.start_ms + 60_000;
        let mut context = Value::from("");
        let mut sizes = Vec::new();
        let mut over = false;
        while sizes.iter().sum::<usize>() < 10_000 {
            let answer = service
                .search(now_ms, json!({ "Limit": 900, "Context": context }))
                .unwrap();
            sizes.push(answer["Results"].as_array().unwrap().len());
            (context, over) = (answer["Context"].clone(), answer["ListOver"] == true);
        }
        assert_eq!(sizes, [vec![900; 11], vec![100]].concat());
        let next = service.search(now_ms, json!({ "Limit": 900, "Context": context }));
        match chain_end {
            ChainEnd::ListOver => assert!(over && next.unwrap()["Results"] == json!([])),
            ChainEnd::Refused => {
                assert!(!over);
                assert_eq!(next.unwrap_err().code, "FailedOperation.GetlogReachLimit");
            }
        }
    }
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
    assert_eq!(
        (&answer["ListOver"], &answer["Analysis"]),
        (&json!(false), &json!(false))
    );
}
