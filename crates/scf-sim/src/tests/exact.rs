//! Tests that the visible rows add up to the truth.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::client::Client;
use crate::replay::parse_replay;
use crate::{Cloud, Faults, Settings, Truth};

/// Count, microseconds, billed milliseconds and bytes of a function, and counts by return code.
type Sums = ([u64; 4], BTreeMap<i32, u64>);

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .or_else(|| value.as_str()?.parse().ok())
        .unwrap()
}

fn add(sums: &mut BTreeMap<String, Sums>, row: &Value) {
    let name = row["functionName"].as_str().unwrap().to_owned();
    let (sum, codes) = sums.entry(name).or_default();
    *codes.entry(number(&row["retCode"]) as i32).or_default() += 1;
    sum[0] += 1;
    sum[1] += (number(&row["duration"]) * 1_000.0).round() as u64;
    sum[2] += number(&row["billDuration"]) as u64;
    sum[3] += number(&row["memUsage"]) as u64;
}

fn check(sums: &BTreeMap<String, Sums>, truth: &Truth) {
    let total = |at: usize| sums.values().map(|(sum, _)| sum[at]).sum::<u64>();
    assert_eq!(total(0), truth.total());
    assert_eq!(total(1), truth.totals.sums.duration_us);
    for function in &truth.functions {
        let (name, of) = (&function.function_name, &function.sums);
        let (sum, codes) = sums.get(name).cloned().unwrap_or_default();
        assert_eq!(codes, function.invocations, "{name}");
        assert_eq!(
            sum[1..],
            [of.duration_us, of.billed_ms, of.mem_bytes],
            "{name}"
        );
    }
}

fn is_finished(row: &Value) -> bool {
    number(&row["invokeFinished"]) == 1.0
}

#[test]
fn finished_rows_of_an_instant_add_up_to_its_truth() {
    for (seed, faults) in [
        (1, Faults::none()),
        (2, Faults::typical()),
        (3, Faults::harsh()),
    ] {
        // The faults of rows, without those of requests.
        let faults = Faults {
            usual_delivery_ms: faults.usual_delivery_ms,
            late_rows: faults.late_rows,
            late_delivery_ms: faults.late_delivery_ms,
            running_rows: faults.running_rows,
            long_calls: faults.long_calls,
            unstable_ties: faults.unstable_ties,
            odd_fields: faults.odd_fields,
            ..Faults::none()
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
        let mut sums = BTreeMap::new();
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
    let [b, a] = &truth.functions[..] else {
        panic!("{truth:?}");
    };
    let names = [&b.function_name, &a.function_name, &a.namespace];
    assert_eq!(names, ["b", "a", "prod"]);
    assert_eq!(a.invocations, BTreeMap::from([(-1, 1)]));
    let sums = &truth.totals.sums;
    assert_eq!((sums.duration_us, sums.billed_ms), (502_500, 600));
    assert_eq!((sums.retries, sums.mem_bytes), (1, 7));
}
