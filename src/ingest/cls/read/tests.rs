use std::sync::LazyLock;

use super::*;
use crate::config::FunctionSelector;
use crate::ingest::cls::tests::{Bag, Fake, error, span};
use crate::ledger::TargetId;

static TARGET: LazyLock<TargetId> = LazyLock::new(|| TargetId::topic("ap-x", "t"));
static WANTED: LazyLock<FunctionSelector> = LazyLock::new(FunctionSelector::default);

fn size() -> PageSize {
    PageSize::new(1_000)
}

fn topic(size: &PageSize) -> Topic<'_> {
    Topic {
        id: "t",
        query: "q",
        size,
        context: ParseContext {
            target: &TARGET,
            wanted: &WANTED,
        },
    }
}

fn sweep_of(from: i64, closed: i64, now: i64) -> Span {
    span(Mode::Sweep, from, closed, now)
}

#[tokio::test(start_paused = true)]
async fn a_sweep_goes_over_the_ends_of_chains_and_says_how_far_it_came() {
    // 25,000 lines, 100 to a millisecond: a chain ends at each 10,000th, which is known when the
    // millisecond of the last line is read again from its start.
    let fake = Fake::new((0..25_000).map(|n| 1 + n / 100).collect());
    let mut bag = Bag::default();
    let sweep = sweep_of(1, 150, 500);
    let went = topic(&size())
        .sweep(&fake, sweep, &mut bag, &mut Unavailable::new())
        .await
        .unwrap();
    assert!(went.report.complete && !went.report.truncated && went.found);
    assert_eq!(bag.distinct(), 25_000);
    // The first chain ends in millisecond 100, the second in 199, beyond what is closed.
    assert_eq!(bag.reached, [100, 150]);
    assert_eq!(went.report.pages, 26);
    let asked = fake.asked.lock();
    let first = &asked[0];
    assert_eq!((&first["From"], &first["To"]), (&1.into(), &501.into()));
    assert_eq!(
        (&first["Sort"], &first["Limit"]),
        (&"asc".into(), &1_000.into())
    );
    assert_eq!(
        (&first["TopicId"], &first["QuerySyntax"]),
        (&"t".into(), &1.into())
    );
    assert!(first.get("Context").is_none() && first.get("Offset").is_none());
    assert_eq!(asked[1]["Context"], "1000");
    assert_eq!(asked[10]["From"], 100);
}

#[tokio::test(start_paused = true)]
async fn a_millisecond_that_fills_a_chain_is_read_by_offset() {
    let mut times = vec![5; 12_500];
    times.extend(vec![6; 10]);
    let fake = Fake::new(times);
    let mut bag = Bag::default();
    let sweep = sweep_of(0, 100, 100);
    let went = topic(&size())
        .sweep(&fake, sweep, &mut bag, &mut Unavailable::new())
        .await
        .unwrap();
    assert!(went.report.complete);
    assert_eq!(bag.distinct(), 12_510);
    assert_eq!(bag.reached, [6]);
    let asked = fake.asked.lock();
    let by_offset = asked.iter().filter(|params| params.get("Offset").is_some());
    for params in by_offset {
        assert_eq!((&params["From"], &params["To"]), (&5.into(), &6.into()));
        assert!(params.get("Context").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_context_costs_requests_and_no_rows() {
    let mut fake = Fake::new((0..9_000).map(|n| 1 + n / 7).collect());
    fake.forgets = Some(3);
    let mut bag = Bag::default();
    let sweep = sweep_of(0, 5_000, 5_000);
    let went = topic(&size())
        .sweep(&fake, sweep, &mut bag, &mut Unavailable::new())
        .await
        .unwrap();
    assert!(went.report.complete);
    assert_eq!(bag.distinct(), 9_000);
}

#[tokio::test(start_paused = true)]
async fn a_sweep_ends_when_the_sink_has_enough() {
    let fake = Fake::new((1..9_001).collect());
    let mut bag = Bag {
        enough: Some(2),
        ..Bag::default()
    };
    let sweep = sweep_of(0, 9_001, 9_001);
    let went = topic(&size())
        .sweep(&fake, sweep, &mut bag, &mut Unavailable::new())
        .await
        .unwrap();
    assert!(!went.report.complete);
    assert_eq!((bag.pages, went.report.pages), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_tail_goes_newest_first_until_enough_or_the_end() {
    let fake = Fake::new((0..2_500).collect());
    let mut bag = Bag {
        enough: Some(2),
        ..Bag::default()
    };
    let tail = span(Mode::Tail, 100, 2_000, 3_000);
    topic(&size()).tail(&fake, tail, &mut bag).await.unwrap();
    let positions: Vec<i64> = bag
        .rows
        .iter()
        .map(|row| row.position.as_millis())
        .collect();
    assert_eq!(positions, (500..2_500).rev().collect::<Vec<_>>());

    let mut bag = Bag::default();
    let went = topic(&size()).tail(&fake, tail, &mut bag).await.unwrap();
    assert!(went.report.complete);
    assert_eq!((bag.distinct(), bag.pages), (2_400, 3));
    assert!(bag.reached.is_empty());

    let many = Fake::new((0..12_000).collect());
    let tail = span(Mode::Tail, 0, 11_000, 12_000);
    let went = topic(&size())
        .tail(&many, tail, &mut Bag::default())
        .await
        .unwrap();
    assert!(!went.report.complete && !went.report.truncated);
    assert_eq!(went.report.pages, 10);
}

/// Fails from the second request on.
struct Failing(Fake, &'static str);

impl Search for Failing {
    fn search(&self, params: Value) -> BoxFuture<'_, Result<SearchAnswer, ApiError>> {
        if self.0.asked.lock().is_empty() {
            return self.0.search(params);
        }
        Box::pin(std::future::ready(Err(error(self.1))))
    }
}

#[tokio::test(start_paused = true)]
async fn other_failures_end_a_read() {
    let sweep = sweep_of(0, 5_000, 5_000);
    for code in [
        "FailedOperation.SyntaxError",
        "FailedOperation.InvalidContext",
    ] {
        let failing = Failing(Fake::new((1..3_001).collect()), code);
        let failed = topic(&size())
            .sweep(
                &failing,
                sweep,
                &mut Bag::default(),
                &mut Unavailable::new(),
            )
            .await;
        assert_eq!(failed.err().map(|error| error.code), Some(code.into()));
    }
}

fn limits(fake: &Fake) -> Vec<i64> {
    let asked = fake.asked.lock();
    asked
        .iter()
        .map(|params| params["Limit"].as_i64().unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_refused_for_its_size_is_asked_for_smaller_and_larger_later() {
    let mut fake = Fake::new((1..=3_000).collect());
    fake.most = 200;
    let (size, mut bag) = (size(), Bag::default());
    let sweep = sweep_of(0, 5_000, 5_000);
    let mut unavailable = Unavailable::new();
    let topic = topic(&size);
    let went = topic.sweep(&fake, sweep, &mut bag, &mut unavailable).await;
    assert!(went.unwrap().report.complete);
    assert_eq!((bag.distinct(), bag.unavailable), (3_000, 0));
    assert_eq!(limits(&fake)[..6], [1_000, 500, 250, 125, 125, 250]);
    let refused = limits(&fake).iter().filter(|limit| **limit > 200).count();
    assert!(refused < 8, "{refused} of {} refused", limits(&fake).len());
    // No more than that is allowed any longer.
    fake.most = usize::MAX;
    for _ in 0..9 {
        let sink = &mut Bag::default();
        topic
            .sweep(&fake, sweep, sink, &mut unavailable)
            .await
            .unwrap();
    }
    assert_eq!(size.get(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_tail_asks_for_smaller_pages_too_and_goes_on_where_it_was() {
    let mut fake = Fake::new((1..=1_000).collect());
    fake.most = 200;
    let (size, mut bag) = (size(), Bag::default());
    let tail = span(Mode::Tail, 0, 900, 1_000);
    let went = topic(&size).tail(&fake, tail, &mut bag).await.unwrap();
    assert!(went.report.complete);
    assert_eq!(bag.distinct(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_cannot_be_had_is_counted_once_and_the_rest_is_read() {
    let mut fake = Fake::new((0..3_000).map(|n| 1 + n / 3).collect());
    fake.withheld = BTreeSet::from([1_500]);
    let (size, mut bag) = (size(), Bag::default());
    let mut unavailable = Unavailable::new();
    let sweep = sweep_of(1, 900, 1_000);
    let topic = topic(&size);
    for _ in 0..3 {
        let went = topic.sweep(&fake, sweep, &mut bag, &mut unavailable).await;
        assert!(went.unwrap().report.complete);
        assert_eq!((bag.distinct(), bag.unavailable), (2_999, 1));
        let furthest = bag.reached.last().unwrap();
        assert!((502..=900).contains(furthest), "{furthest}");
    }
    // Line 1,500 stands in millisecond 501; lines 1,501 and 1,502 share it.
    assert_eq!(unavailable, BTreeSet::from([Timestamp::from_millis(501)]));
    let newest_first = |params: &Value| params["Sort"] == "desc";
    assert!(fake.asked.lock().iter().any(newest_first));
    let later = sweep_of(600, 900, 1_000);
    topic
        .sweep(&fake, later, &mut bag, &mut unavailable)
        .await
        .unwrap();
    assert!(unavailable.is_empty(), "what is settled is forgotten");
}
