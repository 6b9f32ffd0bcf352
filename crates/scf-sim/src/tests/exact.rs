//! The world is exact: what is shown adds up to the truth.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use serde_json::Value;

use super::client::Client;
use crate::{Cloud, Faults, Settings, Truth, parse_replay};

/// Count, microseconds, billed milliseconds and bytes by function and return code.
type Sums = BTreeMap<(String, i64), (u64, u64, u64, u64)>;

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap()
}

fn add(sums: &mut Sums, row: &Value) {
    let name = row["functionName"].as_str().unwrap().to_owned();
    let sum = sums
        .entry((name, number(&row["retCode"]) as i64))
        .or_default();
    sum.0 += 1;
    sum.1 += (number(&row["duration"]) * 1_000.0).round() as u64;
    sum.2 += number(&row["billDuration"]) as u64;
    sum.3 += number(&row["memUsage"]) as u64;
}

fn check(sums: &Sums, truth: &Truth) {
    let count: u64 = sums.values().map(|s| s.0).sum();
    assert_eq!(count, truth.total());
    assert_eq!(
        sums.values().map(|s| s.1).sum::<u64>(),
        truth.totals.duration_us
    );
    for function in &truth.functions {
        let mine: Vec<_> = sums
            .iter()
            .filter(|((name, _), _)| *name == function.function_name)
            .collect();
        let codes: BTreeMap<i32, u64> = mine
            .iter()
            .map(|((_, code), sum)| (*code as i32, sum.0))
            .collect();
        assert_eq!(codes, function.invocations, "{}", function.function_name);
        assert_eq!(
            mine.iter().map(|(_, s)| s.1).sum::<u64>(),
            function.duration_us
        );
        assert_eq!(
            mine.iter().map(|(_, s)| s.2).sum::<u64>(),
            function.billed_ms
        );
        assert_eq!(
            mine.iter().map(|(_, s)| s.3).sum::<u64>(),
            function.mem_bytes
        );
    }
}

fn is_finished(row: &Value) -> bool {
    number(&row["invokeFinished"]) == 1.0
}

/// Harsh as to the rows, kind as to the requests.
fn harsh_rows() -> Faults {
    let harsh = Faults::harsh();
    Faults {
        usual_delivery_ms: harsh.usual_delivery_ms,
        late_rows: harsh.late_rows,
        late_delivery_ms: harsh.late_delivery_ms,
        running_rows: harsh.running_rows,
        long_calls: harsh.long_calls,
        unstable_ties: harsh.unstable_ties,
        odd_fields: harsh.odd_fields,
        ..Faults::none()
    }
}

#[test]
fn finished_rows_of_an_instant_add_up_to_its_truth() {
    for (seed, faults) in [
        (1, Faults::none()),
        (2, Faults::typical()),
        (3, harsh_rows()),
    ] {
        let faults = Faults {
            throttle: 0.0,
            errors: 0.0,
            html: 0.0,
            cut_body: 0.0,
            ..faults
        };
        let settings = Settings {
            faults,
            rate_per_second: 60.0,
            ..Settings::new(seed)
        };
        let mut client = Client::new(&settings);
        let now_ms = settings.start_ms + 100_000;
        let cloud = Cloud::new(settings);
        // Ties may be shuffled between pages, so one instant is read until every row was met.
        let mut met = HashMap::new();
        for _ in 0..20 {
            let (rows, total) = client.all_rows(&cloud, now_ms);
            for row in rows {
                let key = (row["requestId"].clone(), row["startTime"].clone());
                met.insert(format!("{key:?}"), row);
            }
            if met.len() == total {
                break;
            }
        }
        let mut sums = Sums::new();
        met.values()
            .filter(|row| is_finished(row))
            .for_each(|row| add(&mut sums, row));
        check(&sums, &cloud.truth(now_ms));
        assert!(cloud.truth(now_ms).total() > 4_000);
    }
}

/// A reader that asks again until all is well, and counts each (request id, start) once.
#[test]
fn a_patient_reader_of_a_harsh_cloud_reaches_the_truth() {
    let mut settings = Settings::new(99);
    settings.faults = Faults::harsh();
    settings.rate_per_second = 20.0;
    settings.max_duration_ms = 20_000;
    settings.log_bytes = (0, 0);
    settings.stop_ms = Some(settings.start_ms + 90_000);
    let mut client = Client::new(&settings);
    let end_ms = settings.start_ms + 90_000 + settings.horizon_ms() as i64;
    let cloud = Cloud::new(settings.clone());
    let (mut now_ms, mut seen, mut sums) = (settings.start_ms, HashSet::new(), Sums::new());
    let mut failures = 0;
    while now_ms <= end_ms {
        let mut offset = 0;
        loop {
            let from = offset.to_string();
            let params = [
                ("limit", "500"),
                ("offset", from.as_str()),
                ("order", "desc"),
            ];
            let response = client.send(&cloud, now_ms, "GetFunctionLogs", &params);
            now_ms += 20;
            let whole = response.status == 200 && response.cut_after.is_none();
            // Some bytes of users' texts are no UTF-8.
            let text = String::from_utf8_lossy(&response.body);
            let answer = serde_json::from_str(&text).unwrap_or(Value::Null);
            if !whole || answer["code"] != 0 {
                failures += 1;
                continue;
            }
            let page = answer["data"].as_array().unwrap();
            for row in page.iter().filter(|row| is_finished(row)) {
                let key = format!("{} {}", row["requestId"], row["startTime"]);
                if seen.insert(key) {
                    add(&mut sums, row);
                }
            }
            // Pages overlap, because rows shift and ties change places between requests.
            offset += 250;
            if page.len() < 500 {
                break;
            }
        }
        now_ms += 4_000;
    }
    assert!(failures > 20, "only {failures} failures");
    check(&sums, &cloud.truth(now_ms));
    assert_eq!(cloud.truth(now_ms).total(), cloud.truth(end_ms).total());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn requests_and_steps_change_nothing(
        seed in any::<u64>(),
        steps in prop::collection::vec((0i64..120_000, any::<bool>()), 0..8),
    ) {
        let settings = Settings { faults: harsh_rows(), ..Settings::new(seed) };
        let settings = Settings {
            faults: Faults { unstable_ties: false, odd_fields: 0.0, ..settings.faults.clone() },
            ..settings
        };
        let now_ms = settings.start_ms + 90_000;
        let (asked, fresh) = (Cloud::new(settings.clone()), Cloud::new(settings.clone()));
        let mut client = Client::new(&settings);
        for (step, rows) in steps {
            let at_ms = settings.start_ms + step;
            if rows {
                client.all_rows(&asked, at_ms);
            } else {
                asked.truth(at_ms);
            }
        }
        prop_assert_eq!(asked.truth(now_ms), fresh.truth(now_ms));
        prop_assert_eq!(client.all_rows(&asked, now_ms), client.all_rows(&fresh, now_ms));
    }
}

#[test]
fn running_rows_finish_under_their_start() {
    let faults = Faults {
        running_rows: 1.0,
        long_calls: 0.1,
        ..Faults::none()
    };
    let settings = Settings {
        faults,
        ..Settings::new(8)
    };
    let mut client = Client::new(&settings);
    let now_ms = settings.start_ms + 30_000;
    let later_ms = now_ms + settings.horizon_ms() as i64;
    let cloud = Cloud::new(settings);
    let id = |row: &Value| row["requestId"].as_str().unwrap().to_owned();
    let (rows, _) = client.all_rows(&cloud, now_ms);
    let running: Vec<&Value> = rows.iter().filter(|row| !is_finished(row)).collect();
    assert!(running.len() > 20);
    let (rows, _) = client.all_rows(&cloud, later_ms);
    let finished: HashMap<String, &Value> = rows.iter().map(|row| (id(row), row)).collect();
    for before in running {
        assert_eq!(
            (&before["duration"], &before["retCode"]),
            (&0.into(), &2.into())
        );
        let after = finished[&id(before)];
        assert!(is_finished(after));
        assert_eq!(before["startTime"], after["startTime"]);
        assert_ne!(after["retCode"], 2);
    }
}

#[test]
fn rows_appear_within_the_horizon_and_not_all_at_once() {
    let settings = Settings {
        faults: harsh_rows(),
        max_duration_ms: 15_000,
        ..Settings::new(12)
    };
    let stop_ms = settings.start_ms + 10_000;
    let settings = Settings {
        stop_ms: Some(stop_ms),
        ..settings
    };
    let cloud = Cloud::new(settings.clone());
    let drained_ms = stop_ms + settings.horizon_ms() as i64;
    assert!(cloud.truth(stop_ms).total() < cloud.truth(drained_ms).total());
    assert_eq!(
        cloud.truth(drained_ms).total(),
        cloud.truth(drained_ms + 86_400_000).total()
    );
    let (now, before) = (
        cloud.truth(drained_ms),
        cloud.truth_before(drained_ms, stop_ms + 1),
    );
    assert_eq!(before.totals, cloud.truth(stop_ms).totals);
    assert!(before.total() < now.total());
}

#[test]
fn unreadable_rows_are_listed_apart() {
    let faults = Faults {
        unreadable_rows: 0.2,
        ..Faults::none()
    };
    let settings = Settings {
        faults,
        ..Settings::new(13)
    };
    let mut client = Client::new(&settings);
    let now_ms = settings.start_ms + 30_000;
    let cloud = Cloud::new(settings);
    let (rows, total) = client.all_rows(&cloud, now_ms);
    let truth = cloud.truth(now_ms);
    assert_eq!(truth.total() + truth.totals.unreadable, total as u64);
    let readable = |row: &Value| {
        row["requestId"].is_string()
            && row["duration"].is_number()
            && row["startTime"].as_str().unwrap().starts_with("2023")
    };
    let mut sums = Sums::new();
    rows.iter()
        .filter(|row| readable(row))
        .for_each(|row| add(&mut sums, row));
    check(&sums, &truth);
    assert!(truth.totals.unreadable > 50);
}

#[test]
fn a_replay_shows_exactly_its_rows_when_they_are_due() {
    let text = concat!(
        r#"{"function_name":"b","request_id":"r1","start_offset_ms":1000,"duration_ms":500,"#,
        r#""visible_after_ms":200,"ret_code":0,"mem_bytes":7}"#,
        "\n",
        r#"{"function_name":"a","namespace":"prod","request_id":"r2","start_offset_ms":0,"#,
        r#""duration_ms":2.5,"billed_ms":100,"ret_code":-1,"retry":1}"#,
        "\n",
    );
    let settings = Settings::new(1);
    let (mut client, start_ms) = (Client::new(&settings), settings.start_ms);
    let cloud = Cloud::with_replay(settings, parse_replay("x", text).unwrap());
    // Longest wait is 700 ms, and a second for cut start times.
    assert_eq!(cloud.horizon_ms(), 1_700);
    let mut ids = |now_ms| -> Vec<Value> {
        let (rows, _) = client.all_rows(&cloud, now_ms);
        rows.iter().map(|row| row["requestId"].clone()).collect()
    };
    assert_eq!(ids(start_ms + 2), Vec::<Value>::new());
    assert_eq!(ids(start_ms + 3), ["r2"]);
    assert_eq!(ids(start_ms + 1_699), ["r2"]);
    assert_eq!(ids(start_ms + 1_700), ["r2", "r1"]);
    let truth = cloud.truth(start_ms + 1_700);
    let names: Vec<&str> = truth
        .functions
        .iter()
        .map(|f| f.function_name.as_str())
        .collect();
    assert_eq!(names, ["b", "a"]);
    assert_eq!(
        truth.function("a").unwrap().invocations,
        BTreeMap::from([(-1, 1)])
    );
    assert_eq!(truth.function("a").unwrap().namespace, "prod");
    assert_eq!(
        (truth.totals.duration_us, truth.totals.billed_ms),
        (502_500, 600)
    );
    assert_eq!((truth.totals.retries, truth.totals.mem_bytes), (1, 7));
}
