//! A small reader of Report lines counts what the truth counts.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::{Value, json};

use super::cls::{REPORTS, Service, fields, identity};
use crate::{ClsWire, Faults, FunctionTruth, Settings};

/// What is counted of one function.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    statuses: BTreeMap<u16, u64>,
    duration_ms: u64,
    mem_bytes: u64,
    mb_ms: u64,
    retries: u64,
    cold_starts: u64,
    cold_start_ms: u64,
}

/// A reader that knows the documentation and nothing else.
struct Reader {
    report: Regex,
    init: Regex,
    counted: BTreeSet<(String, String)>,
    cold: BTreeSet<(String, String)>,
    broken: BTreeSet<(String, String)>,
    sums: BTreeMap<(String, String), Sums>,
}

impl Reader {
    fn new() -> Self {
        let report = r"^Report RequestId:\s*([0-9a-f-]{36}) Duration:\s*(\d+)\s*ms Memory:\s*(\d+)\s*MB (?:MemUsage|MaxMemoryUsed):\s*([0-9.]+)MB";
        let init = r"^Init Report RequestId:\s*\S+ (?:InitDuration|Coldstart):\s*(\d+)\s*ms";
        Self {
            report: Regex::new(report).unwrap(),
            init: Regex::new(init).unwrap(),
            counted: BTreeSet::new(),
            cold: BTreeSet::new(),
            broken: BTreeSet::new(),
            sums: BTreeMap::new(),
        }
    }

    fn take(&mut self, line: &Value) {
        let Ok(fields) = serde_json::from_str::<Value>(line["LogJson"].as_str().unwrap()) else {
            self.broken.insert(identity(line));
            return;
        };
        let text = |key: &str| fields[key].as_str().unwrap().to_owned();
        let name = (text("SCF_Namespace"), text("SCF_FunctionName"));
        let key = (text("SCF_RequestId"), text("SCF_RetryNum"));
        let message = text("SCF_Message");
        assert_eq!(text("SCF_Type"), "Platform");
        if let Some(parts) = self.init.captures(&message) {
            if self.cold.insert(key) {
                let sums = self.sums.entry(name).or_default();
                sums.cold_starts += 1;
                sums.cold_start_ms += parts[1].parse::<u64>().unwrap();
            }
        } else if message.starts_with("Report RequestId") {
            let Some(parts) = self.report.captures(&message) else {
                self.broken.insert(identity(line));
                return;
            };
            if !self.counted.insert(key.clone()) {
                return;
            }
            let bytes: f64 = text("SCF_MemUsage").parse().unwrap();
            let shown: f64 = parts[4].parse().unwrap();
            assert!((bytes / 1_048_576.0 - shown).abs() < 0.006, "{message}");
            assert_eq!(
                (&parts[1], &parts[2]),
                (key.0.as_str(), text("SCF_Duration").as_str())
            );
            let (ms, mb): (u64, u64) = (parts[2].parse().unwrap(), parts[3].parse().unwrap());
            let sums = self.sums.entry(name).or_default();
            *sums
                .statuses
                .entry(text("SCF_StatusCode").parse().unwrap())
                .or_default() += 1;
            sums.duration_ms += ms;
            sums.mem_bytes += bytes as u64;
            sums.mb_ms += mb * ms;
            sums.retries += u64::from(key.1 != "0");
        }
    }

    /// Reads a topic by chains, each of which begins at the instant where the last one ended.
    fn read(&mut self, service: &Service, now_ms: i64, topic: &str) -> usize {
        let (mut from, mut seen) = (0, BTreeSet::new());
        loop {
            let params = json!({ "TopicId": topic, "From": from, "QueryString": REPORTS });
            let (lines, over) = service.chain(now_ms, &params);
            for line in &lines {
                if seen.insert(identity(line)) {
                    self.take(line);
                }
            }
            if over {
                return seen.len();
            }
            let next = lines.last().unwrap()["Time"].as_i64().unwrap();
            assert!(next > from, "an instant holds more than a chain");
            from = next;
        }
    }

    fn check(&self, truth: &[FunctionTruth]) {
        for function in truth {
            let name = (function.namespace.clone(), function.function_name.clone());
            let expected = Sums {
                statuses: function.statuses.clone(),
                duration_ms: function.cls_duration_ms,
                mem_bytes: function.mem_bytes,
                mb_ms: function.billed_mb_ms,
                retries: function.retries,
                cold_starts: function.cold_starts,
                cold_start_ms: function.cold_start_ms,
            };
            assert_eq!(
                self.sums.get(&name).unwrap_or(&Sums::default()),
                &expected,
                "{name:?}"
            );
        }
    }
}

fn harsh(seed: u64) -> Settings {
    Settings {
        rate_per_second: 50.0,
        functions: 40,
        topics: 3,
        namespaces: 2,
        burst_ms: Some(200),
        faults: Faults {
            duplicate_lines: 0.05,
            unreadable_rows: 0.01,
            clock_skew_ms: -1_500,
            ..Faults::harsh()
        },
        cls: ClsWire {
            simplified: true,
            ..ClsWire::default()
        },
        ..Settings::new(seed)
    }
}

#[test]
fn what_is_found_at_an_instant_adds_up_to_its_truth() {
    for (seed, settings) in [(1, Settings::new(1)), (2, harsh(2)), (3, harsh(3))] {
        let settings = Settings { seed, ..settings };
        let service = Service::new(settings);
        for after_ms in [50_000, 51_000, 200_000, 120_000] {
            let now_ms = service.settings.start_ms + after_ms;
            let mut reader = Reader::new();
            for topic in service.topics(now_ms) {
                reader.read(&service, now_ms, &topic);
            }
            let truth = service.truth(now_ms);
            let broken: u64 = truth.totals.unreadable;
            assert!(truth.total() > 500 && truth.totals.cold_starts > 10);
            reader.check(&truth.functions);
            assert!(reader.broken.len() as u64 >= broken);
        }
    }
}

#[test]
fn whole_milliseconds_make_all_sums_equal() {
    let service = Service::new(Settings {
        whole_ms: true,
        ..harsh(4)
    });
    let truth = service.truth(service.settings.start_ms + 60_000);
    assert!(truth.totals.cls_duration_ms > 0);
    assert_eq!(
        truth.totals.cls_duration_ms * 1_000,
        truth.totals.duration_us
    );
    assert_eq!(truth.totals.cls_duration_ms, truth.totals.billed_ms);
}

#[test]
fn lines_appear_within_the_stated_delivery() {
    let service = Service::new(Settings {
        topics: 0,
        ..harsh(5)
    });
    let settings = &service.settings;
    let now_ms = settings.start_ms + 60_000;
    let late_ms = now_ms + 200_000;
    let settled_ms = now_ms + settings.faults.clock_skew_ms
        - i64::try_from(settings.faults.max_delivery_ms()).unwrap();
    let params = json!({ "To": settled_ms, "QueryString": REPORTS });
    let (early, _) = service.chain(now_ms, &params);
    assert!(early.len() > 500);
    // The odd fields differ from answer to answer, the lines do not.
    let names = |lines: &[Value]| -> Vec<_> { lines.iter().map(identity).collect() };
    assert_eq!(names(&early), names(&service.chain(late_ms, &params).0));
    let open = json!({ "To": now_ms, "QueryString": REPORTS });
    let count = |now_ms| service.chain(now_ms, &open).0.len();
    assert!(count(late_ms) > count(now_ms), "no line was late");
}

#[test]
fn lines_stored_twice_differ_in_their_identity_alone() {
    let service = Service::new(Settings {
        topics: 0,
        ..harsh(6)
    });
    let now_ms = service.settings.start_ms + 60_000;
    let (lines, _) = service.chain(
        now_ms,
        &json!({ "QueryString": "SCF_Message:\"START RequestId\"" }),
    );
    let mut by_package: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for line in &lines {
        by_package.entry(identity(line).0).or_default().push(line);
    }
    let twice: Vec<_> = by_package
        .values()
        .filter(|lines| lines.len() == 2)
        .collect();
    assert!(!twice.is_empty());
    for pair in twice {
        assert_ne!(identity(pair[0]), identity(pair[1]));
        let id = |line: &Value| fields(line)["SCF_RequestId"].clone();
        assert_eq!(
            (&pair[0]["Time"], id(pair[0])),
            (&pair[1]["Time"], id(pair[1]))
        );
    }
}

fn read_crowded(count: f64, length_ms: i64) {
    let settings = Settings::new(7);
    let service = Service::new(Settings {
        rate_per_second: count * 1_000.0 / length_ms as f64,
        burst_ms: Some(1_000),
        history_ms: length_ms,
        stop_ms: Some(settings.start_ms),
        ..settings
    });
    let now_ms = service.settings.start_ms + 300_000;
    let mut reader = Reader::new();
    reader.read(&service, now_ms, &service.topics(now_ms)[0]);
    reader.check(&service.truth(now_ms).functions);
    assert!(reader.counted.len() as f64 > count * 0.95);
}

#[test]
fn a_crowded_topic_is_read_exactly() {
    read_crowded(20_000.0, 60_000);
}
