use std::sync::{Arc, LazyLock};

use serde_json::{Value, json};

use super::*;
use crate::config::FunctionSelector;
use crate::ingest::cls::tests::{Fake, sweep_of};
use crate::ingest::tests::{Taken, tail};
use crate::ledger::TargetId;

static TARGET: LazyLock<TargetId> = LazyLock::new(|| TargetId::topic("ap-x", "t"));
static WANTED: LazyLock<FunctionSelector> = LazyLock::new(FunctionSelector::default);

/// A topic, and what reads of it leave behind.
struct Topics {
    fake: Arc<Fake>,
    size: PageSize,
    unavailable: Unavailable,
}

impl Topics {
    fn new(fake: Fake) -> Self {
        Self {
            fake: Arc::new(fake),
            size: PageSize::new(1_000),
            unavailable: Unavailable::new(),
        }
    }

    async fn read(&mut self, span: Span, taken: &mut Taken) -> Result<TopicRead, ApiError> {
        let topic = Topic {
            cloud: &self.fake,
            id: "t",
            query: "q",
            size: &self.size,
            context: ParseContext {
                target: &TARGET,
                wanted: &WANTED,
            },
        };
        match span.mode {
            Mode::Sweep => topic.sweep(span, taken, &mut self.unavailable).await,
            Mode::Tail => topic.tail(span, taken).await,
        }
    }
}

/// Reads a topic once.
async fn read(fake: Fake, span: Span, stops_at: Option<usize>) -> (Topics, TopicRead, Taken) {
    let mut topic = Topics::new(fake);
    let mut taken = Taken {
        stops_at,
        ..Taken::default()
    };
    let read = topic.read(span, &mut taken).await.unwrap();
    (topic, read, taken)
}

fn reached(taken: &Taken) -> Vec<i64> {
    taken.reached.iter().map(|at| at.as_millis()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_sweep_goes_over_the_ends_of_chains_and_says_how_far_it_came() {
    // 25,000 lines, 100 to a millisecond: a chain ends at each 10,000th, which is known when the
    // millisecond of the last line is read again from its start.
    let fake = Fake::new((0..25_000).map(|n| 1 + n / 100));
    let (topic, read, taken) = read(fake, sweep_of(1, 150, 500), None).await;
    assert!(read.report.complete && !read.report.truncated && read.found);
    assert_eq!((taken.known.len(), read.report.pages), (25_000, 26));
    // The first chain ends in millisecond 100, the second in 199, beyond what is closed.
    assert_eq!(reached(&taken), [100, 150]);
    let asked = topic.fake.asked.lock();
    let first = json!({"TopicId": "t", "From": 1, "To": 501, "QueryString": "q", "QuerySyntax": 1,
        "Limit": 1_000, "Sort": "asc"});
    assert_eq!(asked[0], first);
    assert_eq!(asked[1]["Context"], "1000");
    assert_eq!(asked[10]["From"], 100);
}

#[tokio::test(start_paused = true)]
async fn a_millisecond_that_fills_a_chain_is_read_by_offset() {
    let fake = Fake::new([vec![5; 12_500], vec![6; 10]].concat());
    let (topic, read, taken) = read(fake, sweep_of(0, 100, 100), None).await;
    assert!(read.report.complete);
    assert_eq!((taken.known.len(), reached(&taken)), (12_510, vec![6]));
    let asked = topic.fake.asked.lock();
    let by_offset = asked.iter().filter(|params| params.get("Offset").is_some());
    for params in by_offset {
        assert_eq!((&params["From"], &params["To"]), (&5.into(), &6.into()));
        assert!(params.get("Context").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_context_costs_requests_and_no_rows() {
    let mut fake = Fake::new((0..9_000).map(|n| 1 + n / 7));
    fake.forgets = Some(3);
    let (_, read, taken) = read(fake, sweep_of(0, 5_000, 5_000), None).await;
    assert_eq!((read.report.complete, taken.known.len()), (true, 9_000));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_ends_when_the_sink_has_enough() {
    let fake = Fake::new(1..9_001);
    let (_, read, taken) = read(fake, sweep_of(0, 9_001, 9_001), Some(2)).await;
    assert!(!read.report.complete);
    assert_eq!((taken.pages.len(), read.report.pages), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_tail_goes_newest_first_until_enough_or_the_end() {
    let newest = tail(sweep_of(100, 2_000, 3_000));
    let (_, _, taken) = read(Fake::new(0..2_500), newest, Some(2)).await;
    let positions = taken.rows().map(|row| row.position.as_millis());
    assert!(positions.eq((500..2_500).rev()));

    let (_, whole, taken) = read(Fake::new(0..2_500), newest, None).await;
    assert!(whole.report.complete && taken.reached.is_empty());
    assert_eq!((taken.known.len(), taken.pages.len()), (2_400, 3));

    let many = tail(sweep_of(0, 11_000, 12_000));
    let (_, cut, _) = read(Fake::new(0..12_000), many, None).await;
    assert!(!cut.report.complete && !cut.report.truncated);
    assert_eq!(cut.report.pages, 10);
}

#[tokio::test(start_paused = true)]
async fn other_failures_end_a_read() {
    for code in [
        "FailedOperation.SyntaxError",
        "FailedOperation.InvalidContext",
    ] {
        let mut fake = Fake::new(1..3_001);
        fake.fails = Some(code);
        let (mut topic, mut taken) = (Topics::new(fake), Taken::default());
        let read = topic.read(sweep_of(0, 5_000, 5_000), &mut taken).await;
        assert_eq!(read.err().map(|error| error.code), Some(code.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_refused_for_its_size_is_asked_for_smaller_and_larger_later() {
    let mut fake = Fake::new(1..=3_000);
    fake.most = 200;
    let sweep = sweep_of(0, 5_000, 5_000);
    let (mut topic, read, taken) = read(fake, sweep, None).await;
    assert!(read.report.complete);
    assert_eq!((taken.known.len(), taken.unavailable()), (3_000, 0));
    let asked = topic.fake.asked.lock().clone();
    let limits: Vec<_> = asked
        .iter()
        .flat_map(|params| params["Limit"].as_i64())
        .collect();
    assert_eq!(limits[..6], [1_000, 500, 250, 125, 125, 250]);
    let refused = limits.iter().filter(|limit| **limit > 200).count();
    assert!(refused < 8, "{refused} of {} refused", limits.len());
    // No more than that is allowed any longer.
    Arc::get_mut(&mut topic.fake).unwrap().most = usize::MAX;
    for _ in 0..9 {
        topic.read(sweep, &mut Taken::default()).await.unwrap();
    }
    assert_eq!(topic.size.get(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_tail_asks_for_smaller_pages_too_and_goes_on_where_it_was() {
    let mut fake = Fake::new(1..=1_000);
    fake.most = 200;
    let (_, read, taken) = read(fake, tail(sweep_of(0, 900, 1_000)), None).await;
    assert_eq!((read.report.complete, taken.known.len()), (true, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_cannot_be_had_is_counted_once_and_the_rest_is_read() {
    let mut fake = Fake::new((0..3_000).map(|n| 1 + n / 3));
    fake.withheld = BTreeSet::from([1_500]);
    let (mut topic, mut taken) = (Topics::new(fake), Taken::default());
    for _ in 0..3 {
        let read = topic.read(sweep_of(1, 900, 1_000), &mut taken).await;
        assert!(read.unwrap().report.complete);
        assert_eq!((taken.known.len(), taken.unavailable()), (2_999, 1));
        let furthest = *reached(&taken).last().unwrap();
        assert!((502..=900).contains(&furthest), "{furthest}");
    }
    // Line 1,500 is in millisecond 501; lines 1,501 and 1,502 share it.
    let at = Timestamp::from_millis(501);
    assert_eq!(topic.unavailable, BTreeSet::from([at]));
    let newest_first = |params: &Value| params["Sort"] == "desc";
    assert!(topic.fake.asked.lock().iter().any(newest_first));
    topic
        .read(sweep_of(600, 900, 1_000), &mut taken)
        .await
        .unwrap();
    assert!(topic.unavailable.is_empty(), "nothing below the watermark");
}
