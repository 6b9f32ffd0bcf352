//! A topic that answers like CLS, and the source over it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::SearchAnswer;
use super::*;
use crate::config::Read;
use crate::ingest::Flow;
use crate::ingest::discovery::Found;
use crate::model::{Page, RejectReason};
use tencentcloud::ErrorClass;

/// A topic: the times of its report lines, one call each. A context is the number of lines that
/// the chain has given.
pub(super) struct Fake {
    /// Ascending, from 1 on.
    pub(super) times: Vec<i64>,
    /// Whether its keys are indexed.
    pub(super) indexed: bool,
    /// Every so many requests a context is refused.
    pub(super) forgets: Option<usize>,
    /// Lines of one answer at the most.
    pub(super) most: usize,
    /// Indices of lines with which no answer comes.
    pub(super) withheld: BTreeSet<usize>,
    /// Every parameter set that was asked with.
    pub(super) asked: Mutex<Vec<Value>>,
}

pub(super) fn error(code: &str) -> ApiError {
    ApiError {
        class: ErrorClass::Invalid,
        action: "SearchLog".into(),
        endpoint: "h".into(),
        code: code.into(),
        message: "".into(),
        advice: "",
        request_id: None,
        attempts: 1,
    }
}

fn line(index: usize, at: i64) -> Value {
    let record = json!({
        "SCF_FunctionName": "f", "SCF_Namespace": "default", "SCF_RequestId": format!("r{index}"),
        "SCF_RetryNum": "0", "SCF_StatusCode": "200", "SCF_Type": "Platform",
        "SCF_Message": format!("Report RequestId: r{index} Duration:1ms Memory:128MB MemUsage:1MB"),
    });
    json!({
        "Time": at, "PkgId": "p", "PkgLogId": index.to_string(), "LogJson": record.to_string(),
    })
}

impl Fake {
    pub(super) fn new(times: Vec<i64>) -> Self {
        Self {
            times,
            indexed: true,
            forgets: None,
            most: usize::MAX,
            withheld: BTreeSet::new(),
            asked: Mutex::default(),
        }
    }

    fn answer(&self, params: Value) -> Result<SearchAnswer, ApiError> {
        let number = |name: &str| params[name].as_i64();
        let at_least = |at: i64| self.times.partition_point(|time| *time < at);
        let (from, to) = (number("From").unwrap(), number("To").unwrap());
        let mut lines: Vec<(usize, i64)> = (at_least(from)..at_least(to))
            .map(|index| (index, self.times[index]))
            .collect();
        if params["Sort"] == "desc" {
            lines.reverse();
        }
        if !self.indexed && params["QueryString"] != "*" {
            lines.clear();
        }
        let limit = usize::try_from(number("Limit").unwrap()).unwrap();
        let context = params["Context"].as_str().map(|text| text.parse().unwrap());
        let offset = number("Offset").map(|offset| usize::try_from(offset).unwrap());
        let mut asked = self.asked.lock();
        asked.push(params);
        let expired = self.forgets.is_some_and(|n| asked.len().is_multiple_of(n));
        if context.is_some_and(|given: usize| expired || given >= 10_000) {
            return Err(error("FailedOperation.InvalidContext"));
        }
        let skip = context.or(offset).unwrap_or(0);
        let page = lines.iter().skip(skip).take(limit);
        if page.clone().any(|(index, _)| self.withheld.contains(index)) {
            return Err(error("ResponseSizeLimitExceeded"));
        }
        if page.clone().count() > self.most {
            return Err(error("LimitExceeded.SearchResultTooLarge"));
        }
        let page: Vec<Value> = page.map(|&(index, at)| line(index, at)).collect();
        let given = skip + page.len();
        let answer = json!({
            "Results": page, "Context": given.to_string(), "ListOver": given >= lines.len(),
        });
        Ok(serde_json::from_value(answer).unwrap())
    }
}

impl Search for Fake {
    fn search(&self, params: Value) -> BoxFuture<'_, Result<SearchAnswer, ApiError>> {
        Box::pin(async move { self.answer(params) })
    }
}

/// Keeps everything; says enough after so many pages.
#[derive(Default)]
pub(super) struct Bag {
    pub(super) rows: Vec<crate::model::Row>,
    /// Lines that were told as unavailable.
    pub(super) unavailable: usize,
    pub(super) reached: Vec<i64>,
    pub(super) pages: usize,
    pub(super) enough: Option<usize>,
}

impl Bag {
    pub(super) fn distinct(&self) -> usize {
        let keys: BTreeSet<_> = self.rows.iter().map(|row| row.key).collect();
        keys.len()
    }
}

impl PageSink for Bag {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        for reason in &page.rejects {
            assert_eq!(*reason, RejectReason::Unavailable);
        }
        self.unavailable += page.rejects.len();
        self.rows.extend(page.rows);
        self.pages += 1;
        let enough = self.enough == Some(self.pages);
        let flow = if enough { Flow::Stop } else { Flow::Continue };
        Box::pin(std::future::ready(flow))
    }

    fn reached(&mut self, position: Timestamp) -> BoxFuture<'_, Flow> {
        self.reached.push(position.as_millis());
        Box::pin(std::future::ready(Flow::Continue))
    }
}

pub(super) fn span(mode: Mode, from: i64, closed: i64, now: i64) -> Span {
    Span {
        mode,
        from: Timestamp::from_millis(from),
        closed: Timestamp::from_millis(closed),
        now: Timestamp::from_millis(now),
        expected: 0,
    }
}

struct List(Result<FoundList, ApiError>);

impl Lister for List {
    fn list(&self) -> BoxFuture<'_, Result<FoundList, ApiError>> {
        Box::pin(std::future::ready(self.0.clone()))
    }
}

fn source(fake: Arc<Fake>, list: Result<FoundList, ApiError>, topics: &[&str]) -> ClsSource {
    let place = SourceScope {
        account: "a".into(),
        region: "ap-x".into(),
        read: Read::Region,
        max_run_time: Duration::from_secs(900),
        delivery_delay: Duration::from_secs(60),
    };
    ClsSource::over(
        fake,
        Box::new(|| Timestamp::from_secs(7)),
        Arc::new(List(list)),
        place,
        FunctionSelector::default(),
        topics.iter().map(ToString::to_string).collect(),
        1_000,
    )
}

fn functions() -> FoundList {
    let topic = |id: &str| discovery::Topic::Id(id.into());
    let of = |name: &str, topic| Found {
        function: FunctionId::new("ap-x", "default", name).of_account("a"),
        about: None,
        topic,
    };
    FoundList {
        functions: vec![
            of("f", topic("t")),
            of("g", topic("t")),
            of("h", topic("u")),
            of("i", discovery::Topic::None),
            of("j", discovery::Topic::NotAsked),
        ],
        look: None,
        complete: true,
    }
}

#[tokio::test(start_paused = true)]
async fn functions_that_share_a_topic_share_its_target() {
    let source = source(Arc::new(Fake::new(vec![])), Ok(functions()), &[]);
    assert!(source.standing_targets().is_empty());
    let listing = source.list().await.unwrap();
    let listed: Vec<(String, String)> = listing
        .functions
        .iter()
        .map(|one| (one.function.name.to_string(), one.target.to_string()))
        .collect();
    let expected = [
        ("f", "a@ap-x/topic:t"),
        ("g", "a@ap-x/topic:t"),
        ("h", "a@ap-x/topic:u"),
    ];
    assert_eq!(
        listed,
        expected.map(|(name, target)| (name.to_owned(), target.to_owned()))
    );
    assert!(listing.complete);
    let target = TargetId::topic("ap-x", "t");
    assert_eq!(
        source.allowed_lateness(&target).as_duration(),
        Duration::from_secs(60)
    );
    assert_eq!(source.now(), Timestamp::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn configured_topics_stand_whatever_the_list_says() {
    let fake = Arc::new(Fake::new(vec![]));
    let source_ = source(fake.clone(), Ok(functions()), &["t", "v"]);
    let standing: Vec<String> = source_
        .standing_targets()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(standing, ["a@ap-x/topic:t", "a@ap-x/topic:v"]);
    assert_eq!(source_.list().await.unwrap().functions.len(), 2);

    let failing = source(fake, Err(error("UnauthorizedOperation")), &["t"]);
    assert!(failing.list().await.is_err());
    assert_eq!(failing.standing_targets().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_topic_without_the_index_gives_advice_and_an_idle_one_does_not() {
    const MINUTE: i64 = 60_000;
    for (times, indexed, advised) in [
        (vec![MINUTE, 2 * MINUTE], false, true),
        (vec![], true, false),
        (vec![], false, false),
        // Only lines that may not have been searchable when the search was made.
        (vec![14 * MINUTE + 30_000], false, false),
    ] {
        let mut fake = Fake::new(times);
        fake.indexed = indexed;
        let fake = Arc::new(fake);
        let source = source(fake.clone(), Ok(functions()), &["t"]);
        let target = &source.standing_targets()[0];
        let minutes =
            |from: i64, now: i64, mode| span(mode, from * MINUTE, (now - 1) * MINUTE, now * MINUTE);
        let mut bag = Bag::default();
        let sweep = minutes(0, 15, Mode::Sweep);
        let report = source.read(target, sweep, &mut bag).await.unwrap();
        assert!(report.complete);
        assert_eq!(report.advice.is_some(), advised);
        assert_eq!(fake.asked.lock().len(), 2, "one search, one look");

        let tail = minutes(14, 16, Mode::Tail);
        let report = source.read(target, tail, &mut bag).await.unwrap();
        assert_eq!(
            report.advice.is_some(),
            advised,
            "it stands until a line comes"
        );
        if let Some(advice) = report.advice {
            assert!(
                advice.contains("topic t ") && advice.contains("SCF_Type"),
                "{advice}"
            );
        }
        let sweep = minutes(14, 17, Mode::Sweep);
        source.read(target, sweep, &mut bag).await.unwrap();
        assert_eq!(fake.asked.lock().len(), 4, "no second look so soon");
    }
}
