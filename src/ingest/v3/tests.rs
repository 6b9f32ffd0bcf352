mod counting;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{LogsAnswer, Sorted};
use super::*;
use crate::config::Read;
use crate::ingest::discovery::{Found, Topic};
use crate::ingest::tests::{Answers, Listed, Taken, complete, failure, place, sweep, tail};
use crate::model::{
    Bytes, FunctionConfig, InvocationKey, Outcome, RejectReason, Timestamp, attempt_id,
};
use tencentcloud::ErrorClass;

/// Answers from rows of `(start, request id)`, as the documents describe, and records the requests.
struct Fake {
    rows: Vec<(i64, u64)>,
    /// Invocations that run.
    running: BTreeSet<u64>,
    /// Rows that are listed twice.
    twice: BTreeSet<u64>,
    /// Rows that no response can bring.
    heavy: BTreeSet<u64>,
    limit_max: u64,
    asked: Mutex<Vec<Value>>,
}

/// 2024-01-01 00:00:00 in Beijing: date -u -d '2023-12-31 16:00:00' +%s
const DAY: i64 = 1_704_038_400;

impl Fake {
    fn new(rows: &[(i64, u64)]) -> Self {
        Self {
            rows: rows.to_vec(),
            running: BTreeSet::new(),
            twice: BTreeSet::new(),
            heavy: BTreeSet::new(),
            limit_max: 1_000,
            asked: Mutex::default(),
        }
    }

    /// The function of the row with this request id.
    fn function(id: u64) -> &'static str {
        if id % 10 == 9 { "other" } else { "f" }
    }

    /// Seconds since [`DAY`] of a text of that day.
    fn second(text: &Value) -> i64 {
        let text = text.as_str().unwrap();
        let (day, time) = text.split_once(' ').unwrap();
        let days = match day {
            "2023-12-31" => -1,
            "2024-01-01" => 0,
            other => panic!("{other}"),
        };
        let parts: Vec<i64> = time.split(':').map(|part| part.parse().unwrap()).collect();
        days * 86_400 + parts[0] * 3_600 + parts[1] * 60 + parts[2]
    }

    fn text(second: i64) -> String {
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        format!("2024-01-01 {hour:02}:{minute:02}:{second:02}")
    }
}

impl Answers for Fake {
    fn answer(&self, params: &Value) -> Result<Value, ApiError> {
        let mut asked = self.asked.lock();
        asked.push(params.clone());
        // Rows that cannot be fetched keep their places.
        let salt = asked.len() as u64 * u64::from(self.heavy.is_empty());
        let [offset, limit] = ["Offset", "Limit"].map(|name| params[name].as_u64().unwrap());
        if limit > self.limit_max || offset + limit > 10_000 {
            return Err(refused("InvalidParameterValue.Limit"));
        }
        let [from, to] = ["StartTime", "EndTime"].map(|name| Self::second(&params[name]));
        assert!(to > from && to - from <= 86_400);
        let inside = |(start, _): &&(i64, u64)| (from..=to).contains(start);
        let mut rows: Vec<_> = self.rows.iter().filter(inside).copied().collect();
        let again = rows.iter().filter(|(_, id)| self.twice.contains(id));
        rows.extend(again.copied().collect::<Vec<_>>());
        rows.sort_by_key(|(start, id)| (*start, (id ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        if params["Order"] == "desc" {
            rows.reverse();
        }
        let total = rows.len();
        let page = rows.into_iter().skip(offset as usize).take(limit as usize);
        let page: Vec<_> = page.collect();
        if page.iter().any(|(_, id)| self.heavy.contains(id)) {
            return Err(refused("ResponseSizeLimitExceeded"));
        }
        let row = |(start, id)| {
            let code = if self.running.contains(&id) { 2 } else { 0 };
            json!({"FunctionName": Self::function(id),
                "RequestId": id.to_string(), "StartTime": Self::text(start), "RetCode": code,
                "RetMsg": "", "InvokeFinished": 1, "Duration": 1.5, "BillDuration": 2,
                "MemUsage": 1024, "RetryNum": 0})
        };
        let page: Vec<Value> = page.into_iter().map(row).collect();
        Ok(json!({"TotalCount": total, "Data": page, "RequestId": "x"}))
    }
}

fn refused(code: &str) -> ApiError {
    failure(ErrorClass::Invalid, "GetFunctionLogs", code)
}

fn source(cloud: &Arc<Fake>, read: Read, wanted: FunctionSelector) -> V3Source<Arc<Fake>> {
    let list = Listed::new(Ok(complete(Vec::new())));
    V3Source::new(cloud.clone(), list, place("", read), wanted, 1_000)
}

/// The source of one function, or of the namespace.
fn source_of(fake: Fake, read: Read) -> V3Source<Arc<Fake>> {
    source(&Arc::new(fake), read, FunctionSelector::default())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(DAY + second)
}

fn sweep_of(from: i64, closed: i64, now: i64) -> Span {
    sweep(at(from), at(closed), at(now))
}

fn one_function() -> TargetId {
    TargetId::function(FunctionId::new("ap-x", "ns", "f"))
}

fn namespace() -> TargetId {
    TargetId::namespace("ap-x", "ns")
}

/// Reads the one function or the namespace.
async fn read(source: &V3Source<Arc<Fake>>, span: Span, taken: &mut Taken) -> ReadReport {
    let target = match source.place.read {
        Read::Function => one_function(),
        _ => namespace(),
    };
    source.read(&target, span, taken).await.unwrap()
}

/// A row each second, with every tenth request id.
fn each_second(rows: u64) -> Vec<(i64, u64)> {
    (0..rows).map(|row| (row as i64, row * 10)).collect()
}

#[tokio::test(start_paused = true)]
async fn forty_thousand_calls_of_an_hour_are_handed_over_in_spite_of_the_cap() {
    let rows = (0..40_000).map(|row| (36_000 + (row * 3_600 / 40_000) as i64, row * 10));
    let source = source_of(Fake::new(&rows.collect::<Vec<_>>()), Read::Function);
    let mut taken = Taken::default();
    let report = read(&source, sweep_of(0, 43_000, 44_000), &mut taken).await;
    assert!(report.complete && !report.truncated);
    assert_eq!(taken.known.len(), 40_000);
    assert_eq!(taken.reached.last(), Some(&at(43_000)));
    assert!(taken.reached.is_sorted() && taken.reached.len() > 5);
    assert!(report.pages < 80, "{} pages", report.pages);
    let asked = source.cloud.asked.lock();
    let is_of_one = |one: &Value| one["FunctionName"] == "f" && one["Namespace"] == "ns";
    assert!(asked.iter().all(is_of_one));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_reads_the_closed_part_and_then_what_may_still_change() {
    let fake = Fake::new(&[(10, 1), (99, 2), (100, 3), (199, 4), (201, 5)]);
    let source = source_of(fake, Read::Function);
    let mut taken = Taken::default();
    let report = read(&source, sweep_of(0, 100, 200), &mut taken).await;
    assert!(report.complete);
    // The sink does not count, so after the newest page all is read. The end of a window is inside
    // it here.
    assert_eq!((report.pages, taken.known.len()), (3, 5));
    assert_eq!(taken.reached, [at(100)]);
    let asked = source.cloud.asked.lock();
    assert_eq!(asked[0]["EndTime"], "2024-01-01 00:03:21");
    let windows = asked[1..].iter();
    let windows: Vec<_> = windows
        .map(|one| [&one["StartTime"], &one["EndTime"]])
        .collect();
    let [first, middle, last] = ["00:00:00", "00:01:40", "00:03:20"];
    let expected = [[first, middle], [middle, last]];
    let expected = expected.map(|times| times.map(|time| json!(format!("2024-01-01 {time}"))));
    assert_eq!(windows, expected.each_ref().map(|times| times.each_ref()));
}

#[tokio::test(start_paused = true)]
async fn the_tail_is_read_newest_first_until_it_is_known() {
    let source = source_of(Fake::new(&each_second(5_000)), Read::Function);
    let mut taken = Taken {
        stops_when_known: true,
        ..Taken::default()
    };
    let newest = tail(sweep_of(0, 4_000, 5_000));
    let report = read(&source, newest, &mut taken).await;
    // 100, 200, 400, 800, then 1,000 at a time: 5,000 rows take eight pages.
    assert_eq!((report.pages, taken.known.len()), (8, 5_000));
    let report = read(&source, newest, &mut taken).await;
    assert_eq!(report.pages, 1, "all of the first page is known");
}

#[tokio::test(start_paused = true)]
async fn a_refused_page_is_asked_for_in_halves_and_larger_ones_are_tried_seldom() {
    let mut fake = Fake::new(&each_second(500));
    fake.limit_max = 100;
    let source = source_of(fake, Read::Function);
    for _ in 0..2 {
        let mut taken = Taken::default();
        let report = read(&source, sweep_of(0, 600, 700), &mut taken).await;
        assert_eq!((report.complete, taken.known.len()), (true, 500));
    }
    let asked = source.cloud.asked.lock();
    let limits = asked.iter().flat_map(|params| params["Limit"].as_u64());
    let limits: Vec<u64> = limits.collect();
    // The first page is small; the next one is halved until it arrives.
    assert_eq!(limits[..6], [100, 1_000, 500, 250, 125, 62]);
    let refused = limits.iter().filter(|limit| **limit > 100).count();
    assert!(refused * 3 < limits.len(), "{limits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_read_as_one_and_sorted_out_by_function() {
    let rows: Vec<_> = (0..100).map(|row| (row as i64, row)).collect();
    let source = source_of(Fake::new(&rows), Read::Region);
    let mut taken = Taken::default();
    let report = read(&source, sweep_of(0, 600, 700), &mut taken).await;
    assert!(report.complete);
    let functions = taken.pages[0].functions.iter();
    let names: BTreeSet<String> = functions.map(ToString::to_string).collect();
    let expected = ["ap-x/ns/f", "ap-x/ns/other"].map(str::to_owned);
    assert_eq!(names, expected.into());
    let asked = source.cloud.asked.lock();
    assert!(asked[0].get("FunctionName").is_none());
    assert_eq!(asked[0]["Namespace"], "ns");
}

#[tokio::test(start_paused = true)]
async fn a_target_waits_for_the_longest_timeout_of_its_functions() {
    let about = |timeout| {
        Some(Arc::new(FunctionConfig {
            memory_limit: Bytes(0),
            timeout: Duration::from_secs(timeout),
            runtime: String::new(),
        }))
    };
    let function = |namespace, name| FunctionId::new("ap-x", namespace, name);
    let found = |namespace, name, about| Found {
        function: function(namespace, name),
        about,
        topic: Topic::Unknown,
    };
    let known = Listed::new(Ok(complete(vec![
        found("a", "f", about(3)),
        found("a", "g", about(30)),
        found("b", "f", about(3)),
        found("b", "g", None),
    ])));
    let source = |read| {
        let (fake, wanted) = (Arc::new(Fake::new(&[])), FunctionSelector::default());
        V3Source::new(fake, known.clone(), place("", read), wanted, 1_000)
    };
    let late = |source: &V3Source<_>, target: TargetId| {
        source.allowed_lateness(&target).as_duration().as_secs()
    };
    let (region, in_a) = (source(Read::Region), || TargetId::namespace("ap-x", "a"));
    assert_eq!(late(&region, in_a()), 961, "nothing is known yet");
    assert_eq!(region.list().await.unwrap().functions.len(), 4);
    assert_eq!(late(&region, in_a()), 91);
    assert_eq!(late(&region, TargetId::namespace("ap-x", "b")), 961);
    let each = source(Read::Function);
    each.list().await.unwrap();
    assert_eq!(late(&each, TargetId::function(function("a", "f"))), 64);
    assert_eq!(late(&each, TargetId::function(function("b", "g"))), 961);
    known.0.lock().as_mut().unwrap().complete = None;
    region.list().await.unwrap();
    assert_eq!(late(&region, in_a()), 961, "others may be missing");
}

#[test]
fn a_body_of_odd_rows_spoils_no_other_row() {
    let body = r#"{"TotalCount":"4","Data":[7,{"FunctionName":"f","RequestId":"abc",
        "StartTime":"2018-06-11 18:46:45","RetCode":3,"InvokeFinished":0,"Duration":1,
        "BillDuration":1,"MemUsage":1,"RetryNum":1},{"RequestId":1e999},null]}"#;
    let answer: LogsAnswer = serde_json::from_str(body).unwrap();
    assert_eq!(answer.total_count, Some(4));
    let (target, wanted) = (one_function(), FunctionSelector::default());
    let Sorted { page, marks, .. } = answer.sort(ParseScope {
        context: ParseContext {
            target: &target,
            wanted: &wanted,
        },
        has_retry_numbers: &AtomicBool::new(false),
    });
    use RejectReason::*;
    assert_eq!(page.rejects, [NotAnObject, RequestId, NotAnObject]);
    let key = InvocationKey {
        id: attempt_id("abc"),
        attempt: 1,
    };
    assert_eq!(
        (page.rows[0].key, page.rows[0].outcome),
        (key, Outcome::Interrupted)
    );
    // date -u -d '2018-06-11 10:46:45' +%s
    assert_eq!(marks[1].second, Some(1_528_714_005));
    let distinct: BTreeSet<_> = marks.iter().map(|mark| mark.id).collect();
    assert_eq!(distinct.len(), 4);
}
