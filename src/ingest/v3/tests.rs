mod counting;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::json;

use super::answer::Sorted;
use super::*;
use crate::config::{FunctionFilter, Read};
use crate::ingest::discovery::{Found, FoundList, Topic};
use crate::ingest::{Flow, Mode};
use crate::model::{Bytes, FunctionConfig, InvocationKey, Outcome, Page, RejectReason, attempt_id};
use tencentcloud::ErrorClass;

/// Answers from rows of `(start, request id)`, as the documents have it; notes what was asked.
struct Fake {
    rows: Vec<(i64, u64)>,
    /// The calls that run.
    running: BTreeSet<u64>,
    /// Rows that stand twice in the list.
    twice: BTreeSet<u64>,
    /// Rows without which alone an answer can be had.
    heavy: BTreeSet<u64>,
    limit_max: u64,
    now: i64,
    asked: Mutex<Vec<Value>>,
}

/// 2024-01-01 00:00:00 in Beijing: date -u -d '2023-12-31 16:00:00' +%s
const DAY: i64 = 1_704_038_400;

impl Fake {
    fn new(rows: Vec<(i64, u64)>) -> Arc<Self> {
        Arc::new(Self {
            rows,
            running: BTreeSet::new(),
            twice: BTreeSet::new(),
            heavy: BTreeSet::new(),
            limit_max: 1_000,
            now: DAY + 80_000,
            asked: Mutex::default(),
        })
    }

    /// Whose row has this request id.
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

    fn answer(&self, params: &Value) -> Result<LogsAnswer, ApiError> {
        let mut asked = self.asked.lock();
        asked.push(params.clone());
        // Where some cannot be had, they keep their places.
        let salt = if self.heavy.is_empty() {
            asked.len() as u64
        } else {
            0
        };
        let (offset, limit) = (
            params["Offset"].as_u64().unwrap(),
            params["Limit"].as_u64().unwrap(),
        );
        if limit > self.limit_max || offset + limit > 10_000 {
            return Err(refused("InvalidParameterValue.Limit"));
        }
        let (from, to) = (
            Self::second(&params["StartTime"]),
            Self::second(&params["EndTime"]),
        );
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
        let page: Vec<Value> = page
            .into_iter()
            .map(|(start, id)| {
                let code = if self.running.contains(&id) { 2 } else { 0 };
                json!({"FunctionName": Self::function(id),
                    "RequestId": id.to_string(), "StartTime": Self::text(start), "RetCode": code,
                    "RetMsg": "", "InvokeFinished": 1, "Duration": 1.5, "BillDuration": 2,
                    "MemUsage": 1024, "RetryNum": 0})
            })
            .collect();
        let body = json!({"TotalCount": total, "Data": page, "RequestId": "x"});
        Ok(serde_json::from_str(&body.to_string()).unwrap())
    }
}

impl LogsApi for Fake {
    fn logs<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Result<LogsAnswer, ApiError>> {
        Box::pin(async move { self.answer(params) })
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.now)
    }
}

fn refused(code: &str) -> ApiError {
    ApiError {
        class: ErrorClass::Invalid,
        action: "GetFunctionLogs".into(),
        endpoint: "h".into(),
        code: code.to_owned().into(),
        message: "too large".into(),
        advice: "",
        request_id: None,
        attempts: 1,
    }
}

struct Functions(Mutex<FoundList>);

impl Lister for Functions {
    fn list(&self) -> BoxFuture<'_, Result<FoundList, ApiError>> {
        let known = self.0.lock().clone();
        Box::pin(async move { Ok(known) })
    }
}

#[derive(Default)]
struct Taken {
    keys: BTreeSet<InvocationKey>,
    pages: Vec<Page>,
    reached: Vec<Timestamp>,
    stop_when_known: bool,
}

impl PageSink for Taken {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        let before = self.keys.len();
        self.keys.extend(page.rows.iter().map(|row| row.key));
        let known = self.keys.len() == before;
        self.pages.push(page);
        let stop = self.stop_when_known && known;
        Box::pin(async move { if stop { Flow::Stop } else { Flow::Continue } })
    }

    fn reached(&mut self, position: Timestamp) -> BoxFuture<'_, Flow> {
        self.reached.push(position);
        Box::pin(async { Flow::Continue })
    }
}

fn place(read: Read) -> SourceScope {
    SourceScope {
        account: "".into(),
        region: "r".into(),
        read,
        max_run_time: Duration::from_secs(900),
        delivery_delay: Duration::from_secs(60),
    }
}

fn source(api: Arc<Fake>, read: Read, wanted: FunctionSelector) -> V3Source {
    let lister = Arc::new(Functions(Mutex::default()));
    V3Source::over(api, lister, place(read), wanted, 1_000)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(DAY + second)
}

fn span(mode: Mode, from: i64, closed: i64, now: i64) -> Span {
    Span {
        mode,
        from: at(from),
        closed: at(closed),
        now: at(now),
        expected: 0,
    }
}

fn one_function() -> TargetId {
    TargetId::function(FunctionId::new("r", "ns", "f"))
}

#[tokio::test(start_paused = true)]
async fn forty_thousand_calls_of_an_hour_are_handed_over_in_spite_of_the_cap() {
    let rows = (0..40_000).map(|row| (36_000 + (row * 3_600 / 40_000) as i64, row * 10));
    let api = Fake::new(rows.collect());
    let source = source(api.clone(), Read::Function, FunctionSelector::default());
    let mut taken = Taken::default();
    let whole = span(Mode::Sweep, 0, 43_000, 44_000);
    let report = source
        .read(&one_function(), whole, &mut taken)
        .await
        .unwrap();
    assert!(report.complete && !report.truncated);
    assert_eq!(taken.keys.len(), 40_000);
    assert_eq!(taken.reached.last(), Some(&at(43_000)));
    assert!(taken.reached.is_sorted() && taken.reached.len() > 5);
    assert!(report.pages < 80, "{} pages", report.pages);
    let asked = api.asked.lock();
    assert!(
        asked
            .iter()
            .all(|params| params["FunctionName"] == "f" && params["Namespace"] == "ns")
    );
}

#[tokio::test(start_paused = true)]
async fn a_sweep_reads_the_closed_part_and_then_what_may_still_change() {
    let api = Fake::new(vec![(10, 1), (99, 2), (100, 3), (199, 4), (201, 5)]);
    let source = source(api.clone(), Read::Function, FunctionSelector::default());
    let mut taken = Taken::default();
    let report = source
        .read(&one_function(), span(Mode::Sweep, 0, 100, 200), &mut taken)
        .await
        .unwrap();
    assert!(report.complete);
    // The sink cannot tell what it knows, so after the newest page all is read. The end of a window
    // is inside it here.
    assert_eq!((report.pages, taken.keys.len()), (3, 5));
    assert_eq!(taken.reached, [at(100)]);
    let asked = api.asked.lock();
    assert_eq!(asked[0]["EndTime"], "2024-01-01 00:03:21");
    assert_eq!(asked[1]["StartTime"], "2024-01-01 00:00:00");
    assert_eq!(asked[1]["EndTime"], "2024-01-01 00:01:40");
    assert_eq!(asked[2]["StartTime"], "2024-01-01 00:01:40");
    assert_eq!(asked[2]["EndTime"], "2024-01-01 00:03:20");
}

#[tokio::test(start_paused = true)]
async fn the_tail_is_read_newest_first_until_it_is_known() {
    let api = Fake::new((0..5_000).map(|row| (row as i64, row * 10)).collect());
    let source = source(api, Read::Function, FunctionSelector::default());
    let mut taken = Taken {
        stop_when_known: true,
        ..Taken::default()
    };
    let tail = span(Mode::Tail, 0, 4_000, 5_000);
    let report = source
        .read(&one_function(), tail, &mut taken)
        .await
        .unwrap();
    // 100, 200, 400, 800, then 1,000 at a time: 5,000 rows take eight pages.
    assert_eq!((report.pages, taken.keys.len()), (8, 5_000));
    let report = source
        .read(&one_function(), tail, &mut taken)
        .await
        .unwrap();
    assert_eq!(report.pages, 1, "all of the first page is known");
}

#[tokio::test(start_paused = true)]
async fn a_refused_page_is_asked_for_in_halves_and_larger_ones_are_tried_seldom() {
    let mut api = Fake::new((0..500).map(|row| (row as i64, row * 10)).collect());
    Arc::get_mut(&mut api).unwrap().limit_max = 100;
    let source = source(api.clone(), Read::Function, FunctionSelector::default());
    for _ in 0..2 {
        let mut taken = Taken::default();
        let sweep = span(Mode::Sweep, 0, 600, 700);
        let report = source
            .read(&one_function(), sweep, &mut taken)
            .await
            .unwrap();
        assert!(report.complete);
        assert_eq!(taken.keys.len(), 500);
    }
    let asked = api.asked.lock();
    let limits: Vec<u64> = asked
        .iter()
        .flat_map(|params| params["Limit"].as_u64())
        .collect();
    // The first page is small; the next one is halved until it can be had.
    assert_eq!(limits[..6], [100, 1_000, 500, 250, 125, 62]);
    let refused = limits.iter().filter(|limit| **limit > 100).count();
    assert!(refused * 3 < limits.len(), "{limits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_read_as_one_and_sorted_out_by_function() {
    let api = Fake::new((0..100).map(|row| (row as i64, row)).collect());
    let functions = FunctionFilter::default();
    let wanted = FunctionSelector {
        functions,
        ..FunctionSelector::default()
    };
    let source = source(api.clone(), Read::Region, wanted);
    let mut taken = Taken::default();
    let target = TargetId::namespace("r", "ns");
    let sweep = span(Mode::Sweep, 0, 600, 700);
    assert!(
        source
            .read(&target, sweep, &mut taken)
            .await
            .unwrap()
            .complete
    );
    let names: Vec<String> = taken.pages[0]
        .functions
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        BTreeSet::from_iter(names),
        BTreeSet::from(["r/ns/f".into(), "r/ns/other".into()])
    );
    let asked = api.asked.lock();
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
    let function = |namespace, name| FunctionId::new("r", namespace, name);
    let found = |namespace, name, about| Found {
        function: function(namespace, name),
        about,
        topic: Topic::NotAsked,
    };
    let known = FoundList {
        functions: vec![
            found("a", "f", about(3)),
            found("a", "g", about(30)),
            found("b", "f", about(3)),
            found("b", "g", None),
        ],
        look: None,
        complete: true,
    };
    let lister = Arc::new(Functions(Mutex::new(known)));
    let late = |source: &V3Source, target: TargetId| {
        source.allowed_lateness(&target).as_duration().as_secs()
    };
    let region = V3Source::over(
        Fake::new(Vec::new()),
        lister.clone(),
        place(Read::Region),
        FunctionSelector::default(),
        1_000,
    );
    let in_a = || TargetId::namespace("r", "a");
    assert_eq!(late(&region, in_a()), 961, "nothing is known yet");
    assert_eq!(region.list().await.unwrap().functions.len(), 4);
    assert_eq!(late(&region, in_a()), 91);
    assert_eq!(late(&region, TargetId::namespace("r", "b")), 961);
    let each = V3Source::over(
        Fake::new(Vec::new()),
        lister.clone(),
        place(Read::Function),
        FunctionSelector::default(),
        1_000,
    );
    each.list().await.unwrap();
    assert_eq!(late(&each, TargetId::function(function("a", "f"))), 64);
    assert_eq!(late(&each, TargetId::function(function("b", "g"))), 961);
    lister.0.lock().complete = false;
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
    let Sorted { page, marks, .. } = answer.sort_out(ParseScope {
        context: ParseContext {
            target: &target,
            wanted: &wanted,
        },
        tells_retries: &AtomicBool::new(false),
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
    assert_eq!(
        marks
            .iter()
            .map(|mark| mark.id)
            .collect::<BTreeSet<_>>()
            .len(),
        4
    );
}
