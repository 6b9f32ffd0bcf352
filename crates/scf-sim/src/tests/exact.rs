//! Tests that the visible rows add up to the truth.

use std::collections::{BTreeMap, HashMap};

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

/// Returns harsh faults of rows, without faults of requests.
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
        // Rows with equal keys may be shuffled between pages, so one time is read until every row
        // was found.
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
    let later_ms = now_ms + settings.longest_delay_ms() as i64;
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
    // The longest delay is 700 ms, plus a second for truncated start times.
    assert_eq!(cloud.longest_delay_ms(), 1_700);
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
