//! A topic that answers like CLS, and the source over it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::config::Read;
use crate::ingest::discovery::{Found, FoundList};
use crate::ingest::tests::{Answers, Listed, Taken, complete, failure, place, sweep, tail};
use crate::model::{FunctionId, Timestamp};
use tencentcloud::ErrorClass;

/// A topic: the times of its report lines, one invocation each. A context is the number of lines
/// that the chain has returned.
pub(super) struct Fake {
    /// Ascending, from 1 on.
    pub(super) times: Vec<i64>,
    /// Its keys are indexed.
    pub(super) indexed: bool,
    /// Each request of which the number is divisible by this one finds no context.
    pub(super) forgets: Option<usize>,
    /// Responses with more lines fail.
    pub(super) most: usize,
    /// Indices of lines that no response can bring.
    pub(super) withheld: BTreeSet<usize>,
    /// Requests from the second one on fail with this code.
    pub(super) fails: Option<&'static str>,
    /// The parameters of each request.
    pub(super) asked: Mutex<Vec<Value>>,
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
    pub(super) fn new(times: impl IntoIterator<Item = i64>) -> Self {
        Self {
            times: times.into_iter().collect(),
            indexed: true,
            forgets: None,
            most: usize::MAX,
            withheld: BTreeSet::new(),
            fails: None,
            asked: Mutex::default(),
        }
    }
}

impl Answers for Fake {
    fn answer(&self, params: &Value) -> Result<Value, ApiError> {
        let failed = |code| Err(failure(ErrorClass::Invalid, "SearchLog", code));
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
        asked.push(params.clone());
        if let Some(code) = self.fails.filter(|_| asked.len() > 1) {
            return failed(code);
        }
        let expired = self.forgets.is_some_and(|n| asked.len().is_multiple_of(n));
        if context.is_some_and(|given: usize| expired || given >= 10_000) {
            return failed("FailedOperation.InvalidContext");
        }
        let skip = context.or(offset).unwrap_or(0);
        let page = lines.iter().skip(skip).take(limit);
        if page.clone().any(|(index, _)| self.withheld.contains(index)) {
            return failed("ResponseSizeLimitExceeded");
        }
        if page.clone().count() > self.most {
            return failed("LimitExceeded.SearchResultTooLarge");
        }
        let page: Vec<Value> = page.map(|&(index, at)| line(index, at)).collect();
        let given = skip + page.len();
        Ok(json!({
            "Results": page, "Context": given.to_string(), "ListOver": given >= lines.len(),
        }))
    }
}

/// A sweep, in milliseconds.
pub(super) fn sweep_of(from: i64, closed: i64, now: i64) -> Span {
    let [from, closed, now] = [from, closed, now].map(Timestamp::from_millis);
    sweep(from, closed, now)
}

fn source(
    fake: &Arc<Fake>,
    list: Result<FoundList, ApiError>,
    topics: &[&str],
) -> ClsSource<Arc<Fake>> {
    let topics = topics.iter().map(ToString::to_string).collect();
    let wanted = FunctionSelector::default();
    let (list, place) = (Listed::new(list), place("a", Read::Region));
    ClsSource::new(fake.clone(), list, place, wanted, topics, 1_000)
}

fn functions() -> FoundList {
    let topic = |id: &str| discovery::Topic::Id(id.into());
    let of = |(name, topic): (&str, discovery::Topic)| Found {
        function: FunctionId::new("ap-x", "default", name).of_account("a"),
        about: None,
        topic,
    };
    let all = [
        ("f", topic("t")),
        ("g", topic("t")),
        ("h", topic("u")),
        ("i", discovery::Topic::None),
        ("j", discovery::Topic::Unknown),
    ];
    complete(all.map(of).into())
}

#[tokio::test(start_paused = true)]
async fn functions_that_share_a_topic_share_its_target() {
    let source = source(&Arc::new(Fake::new([])), Ok(functions()), &[]);
    assert!(source.standing_targets().is_empty());
    let listing = source.list().await.unwrap();
    let listed = listing.functions.iter();
    let listed: Vec<_> = listed
        .map(|one| format!("{} {}", one.function.name, one.target))
        .collect();
    assert_eq!(
        listed,
        ["f a@ap-x/topic:t", "g a@ap-x/topic:t", "h a@ap-x/topic:u"]
    );
    assert!(listing.complete.is_some());
    let lateness = source.allowed_lateness(&TargetId::topic("ap-x", "t"));
    assert_eq!(lateness.as_duration(), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn configured_topics_stand_whatever_the_list_says() {
    let fake = Arc::new(Fake::new([]));
    let configured = source(&fake, Ok(functions()), &["t", "v"]);
    let standing = configured.standing_targets();
    let standing: Vec<String> = standing.iter().map(ToString::to_string).collect();
    assert_eq!(standing, ["a@ap-x/topic:t", "a@ap-x/topic:v"]);
    assert_eq!(configured.list().await.unwrap().functions.len(), 2);

    let refused = failure(
        ErrorClass::Invalid,
        "ListFunctions",
        "UnauthorizedOperation",
    );
    let failing = source(&fake, Err(refused), &["t"]);
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
        let source = source(&fake, Ok(functions()), &["t"]);
        let target = &source.standing_targets()[0];
        let minutes =
            |from: i64, now: i64| sweep_of(from * MINUTE, (now - 1) * MINUTE, now * MINUTE);
        let mut taken = Taken::default();
        let report = source
            .read(target, minutes(0, 15), &mut taken)
            .await
            .unwrap();
        assert!(report.complete);
        assert_eq!(report.advice.is_some(), advised);
        assert_eq!(fake.asked.lock().len(), 2, "one search, one check");

        let later = tail(minutes(14, 16));
        let report = source.read(target, later, &mut taken).await.unwrap();
        assert_eq!(report.advice.is_some(), advised, "until a line comes");
        let advice = report.advice.unwrap_or_default();
        let says = |words: &str| advice.contains(words);
        assert!(!advised || says("topic t ") && says("SCF_Type"), "{advice}");
        source
            .read(target, minutes(14, 17), &mut taken)
            .await
            .unwrap();
        assert_eq!(fake.asked.lock().len(), 4, "no second check so soon");
    }
}
