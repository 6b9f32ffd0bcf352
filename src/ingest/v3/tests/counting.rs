//! Reads that compare what the API counts with what the ledger knows.

use std::collections::BTreeMap;
use std::ops::Range;

use super::super::answer::{LogsAnswer, ParseScope};
use super::super::fetch::{LogsApi, Rows};
use super::*;
use crate::config::Pattern;
use crate::ingest::page_size::PageSize;
use crate::ledger::Ask;

/// Knows what it was given, as the ledger does.
#[derive(Default)]
struct Knowing(BTreeMap<InvocationKey, (FunctionId, Timestamp)>);

impl Knowing {
    /// Rows that were met before.
    fn of(rows: &[(i64, u64)]) -> Self {
        let known = rows.iter().map(|(second, id)| {
            let name = Fake::function(*id);
            let id = attempt_id(&id.to_string());
            let function = FunctionId::new("r", "ns", name);
            (InvocationKey { id, attempt: 0 }, (function, at(*second)))
        });
        Self(known.collect())
    }
}

impl PageSink for Knowing {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        self.0.extend(page.rows.iter().map(|row| {
            let function = page.functions[row.function as usize].clone();
            (row.key, (function, row.position))
        }));
        Box::pin(async { Flow::Continue })
    }

    fn reached(&mut self, _: Timestamp) -> BoxFuture<'_, Flow> {
        Box::pin(async { Flow::Continue })
    }

    fn met(&mut self, span: Range<Timestamp>) -> BoxFuture<'_, Option<Vec<(FunctionId, u64)>>> {
        let met = self.0.values().filter(|(_, at)| span.contains(at));
        let met = met.map(|(function, _)| (function.clone(), 1)).collect();
        Box::pin(async move { Some(met) })
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_is_proven_by_counting_while_a_call_runs_below_the_first_page() {
    let rows: Vec<_> = (0..4_000).map(|row| (row as i64, row * 10)).collect();
    // The call of second 2,500 runs; of the others all are known, or all but that of second 500,
    // which is found in the closed part.
    for (missing, pages) in [(None, 3), (Some(500), 4)] {
        let mut api = Fake::new(rows.clone());
        Arc::get_mut(&mut api).unwrap().running.insert(25_000);
        let source = source(api, Read::Region, FunctionSelector::default());
        let mut known = rows.clone();
        known.retain(|(second, _)| *second != 2_500 && Some(*second) != missing);
        let mut sink = Knowing::of(&known);
        let target = TargetId::namespace("r", "ns");
        let sweep = span(Mode::Sweep, 0, 2_000, 4_000);
        let report = source.read(&target, sweep, &mut sink).await.unwrap();
        assert!(report.complete && !report.confirmed, "{missing:?}");
        assert_eq!((sink.0.len(), report.pages), (3_999, pages), "{missing:?}");
        // The next proof is a minute away: the newest page is read, and where the call runs.
        let report = source.read(&target, sweep, &mut sink).await.unwrap();
        assert_eq!(
            (report.complete, report.missing, report.pages),
            (false, false, 2)
        );
    }
}

/// Ten calls of a function that is no longer wanted are passed over, and ten others are missing: one
/// must not stand in for the other.
#[tokio::test(start_paused = true)]
async fn what_was_counted_of_a_function_that_is_left_out_now_proves_nothing() {
    let id = |row: u64| row * 10 + if (3_500..3_510).contains(&row) { 9 } else { 0 };
    let rows: Vec<_> = (0..4_000).map(|row| (row as i64, id(row))).collect();
    let wanted = FunctionSelector {
        functions: FunctionFilter::new(vec![], vec![], vec![Pattern::new("other").unwrap()]),
        ..FunctionSelector::default()
    };
    let source = source(Fake::new(rows.clone()), Read::Region, wanted);
    let mut known = rows.clone();
    known.retain(|(second, _)| !(500..510).contains(second));
    let mut sink = Knowing::of(&known);
    let target = TargetId::namespace("r", "ns");
    let sweep = span(Mode::Sweep, 0, 3_900, 4_000);
    let report = source.read(&target, sweep, &mut sink).await.unwrap();
    assert!(report.complete);
    assert_eq!(sink.0.len(), 4_000, "the missing ones are found");
}

#[tokio::test(start_paused = true)]
async fn calls_that_run_do_not_end_a_read_of_new_rows() {
    let rows: Vec<_> = (0..1_500).map(|row| (row as i64, row * 10)).collect();
    let mut api = Fake::new(rows.clone());
    let running = (1_000..1_500).step_by(10).map(|row| row * 10);
    Arc::get_mut(&mut api).unwrap().running.extend(running);
    let source = source(api, Read::Function, FunctionSelector::default());
    let mut sink = Knowing::of(&rows[..1_000]);
    let tail = span(Mode::Tail, 0, 100, 1_500);
    source.read(&one_function(), tail, &mut sink).await.unwrap();
    assert_eq!(sink.0.len(), 1_450, "all but those that run");
}

fn stream() -> TargetId {
    TargetId::namespace("r", "ns")
}

#[tokio::test(start_paused = true)]
async fn a_row_that_appears_late_is_found_at_once_whatever_stands_above_it() {
    let rows: Vec<_> = (0..18_000).map(|row| (row as i64 / 20, row * 10)).collect();
    for missing in [500, 1_500, 5_000, 16_500] {
        let source = source(
            Fake::new(rows.clone()),
            Read::Region,
            FunctionSelector::default(),
        );
        let mut sink = Knowing::of(&rows);
        let sweep = span(Mode::Sweep, 0, 50, 900);
        let report = source.read(&stream(), sweep, &mut sink).await.unwrap();
        assert!(report.confirmed && report.pages == 1);
        sink.0
            .retain(|key, _| key.id != attempt_id(&(missing * 10).to_string()));
        let report = source.read(&stream(), sweep, &mut sink).await.unwrap();
        assert_eq!(sink.0.len(), 18_000, "row {missing}");
        assert!(
            !report.missing && report.pages < 16,
            "{} pages",
            report.pages
        );
        // A restart knows nothing beside the ledger, and needs nothing else.
        let report = source.read(&stream(), sweep, &mut sink).await.unwrap();
        assert!(report.confirmed && report.pages == 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_far_below_the_newest_page_is_counted_in_the_next_read() {
    let rows: Vec<_> = (0..4_000).map(|row| (row as i64, row * 10)).collect();
    let mut api = Fake::new(rows.clone());
    let running = [25_000, 24_000, 100];
    Arc::get_mut(&mut api).unwrap().running.extend(running);
    let ended = Fake::new(rows.clone());
    let sweep = span(Mode::Sweep, 0, 50, 4_000);
    let mut source = source(api, Read::Region, FunctionSelector::default());
    let mut sink = Knowing::default();
    source.read(&stream(), sweep, &mut sink).await.unwrap();
    assert_eq!(sink.0.len(), 3_997);
    source.api = ended;
    let report = source.read(&stream(), sweep, &mut sink).await.unwrap();
    assert_eq!(sink.0.len(), 4_000);
    // The newest page, the one with two of them, and the one with the third.
    assert_eq!(report.pages, 3);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_stands_twice_in_the_list_is_looked_for_once() {
    let rows: Vec<_> = (0..4_000).map(|row| (row as i64, row * 10)).collect();
    let mut api = Fake::new(rows.clone());
    Arc::get_mut(&mut api)
        .unwrap()
        .twice
        .extend([5_000, 20_000]);
    let source = source(api, Read::Region, FunctionSelector::default());
    let mut sink = Knowing::of(&rows);
    let sweep = span(Mode::Sweep, 0, 50, 4_000);
    let first = source.read(&stream(), sweep, &mut sink).await.unwrap();
    assert!(first.pages > 2 && first.pages < 20, "{}", first.pages);
    for _ in 0..3 {
        let report = source.read(&stream(), sweep, &mut sink).await.unwrap();
        assert_eq!((report.pages, report.missing), (1, false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_can_never_be_had_is_stepped_over_and_the_read_is_complete() {
    let rows: Vec<_> = (0..3_000).map(|row| (row as i64 / 10, row * 10)).collect();
    let mut api = Fake::new(rows.clone());
    Arc::get_mut(&mut api)
        .unwrap()
        .heavy
        .extend([29_950, 14_000, 0]);
    let source = source(api.clone(), Read::Region, FunctionSelector::default());
    let (mut sink, mut taken) = (Knowing::default(), Taken::default());
    let sweep = span(Mode::Sweep, 0, 250, 300);
    let report = source.read(&stream(), sweep, &mut sink).await.unwrap();
    assert!(report.complete && !report.missing);
    assert_eq!(sink.0.len(), 2_997);
    let report = source.read(&stream(), sweep, &mut sink).await.unwrap();
    assert!(report.pages < 10 && !report.missing, "{}", report.pages);
    // The same where nothing can be told by counting.
    source.read(&stream(), sweep, &mut taken).await.unwrap();
    assert_eq!(taken.keys.len(), 2_997);
    let rejects = taken.pages.iter().flat_map(|page| &page.rejects);
    assert!(rejects.clone().count() > 0);
    assert!(
        rejects
            .clone()
            .all(|reason| *reason == RejectReason::Unavailable)
    );
}

#[tokio::test(start_paused = true)]
async fn an_api_that_gives_no_row_at_all_fails_the_read() {
    let mut api = Fake::new((0..50).map(|row| (row as i64, row * 10)).collect());
    Arc::get_mut(&mut api)
        .unwrap()
        .heavy
        .extend((0..50).map(|row| row * 10));
    let source = source(api, Read::Region, FunctionSelector::default());
    let sweep = span(Mode::Sweep, 0, 250, 300);
    let mut sink = Knowing::default();
    let read = source.read(&stream(), sweep, &mut sink).await;
    assert_eq!(&*read.unwrap_err().code, "ResponseSizeLimitExceeded");
    assert!(sink.0.is_empty());
}

/// A row that cannot be had, and one that changes places with it after so many requests. Request
/// ids: 1 and 2.
struct Swapped(Mutex<usize>);

impl LogsApi for Swapped {
    fn logs<'a>(&'a self, params: &'a Value) -> BoxFuture<'a, Result<LogsAnswer, ApiError>> {
        let mut asks_left = self.0.lock();
        let heavy_at = u64::from(*asks_left == 0);
        *asks_left = asks_left.saturating_sub(1);
        let asked = |name: &str| params[name].as_u64().unwrap();
        let page = asked("Offset")..asked("Offset") + asked("Limit");
        let rows: Vec<_> = (0..2).filter(|at| page.contains(at)).collect();
        let went = match rows.contains(&heavy_at) {
            true => Err(refused("ResponseSizeLimitExceeded")),
            false => {
                let rows: Vec<_> = rows.iter().map(|_| json!({"RequestId": "2"})).collect();
                Ok(serde_json::from_value(json!({"TotalCount": 2, "Data": rows})).unwrap())
            }
        };
        Box::pin(async move { went })
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_secs(DAY)
    }
}

#[tokio::test]
async fn one_row_that_changes_its_place_is_not_taken_for_two() {
    let (target, wanted, tells_retries) =
        (stream(), FunctionSelector::default(), AtomicBool::new(true));
    let reading = ParseScope {
        context: ParseContext {
            target: &target,
            wanted: &wanted,
        },
        tells_retries: &tells_retries,
    };
    // Two, one, and the other place are refused.
    for asks in 0..5 {
        let api = Swapped(Mutex::new(asks));
        let rows = Rows { api: &api, reading };
        let ask = Ask {
            from: DAY,
            to: DAY + 1,
            offset: 0,
            limit: 10,
        };
        let fetched = rows.fetch(ask, "desc", &PageSize::new(2)).await.unwrap();
        let had = fetched.answer.data.map_or(0, |rows| rows.len());
        let had = had - fetched.answer.unavailable.len();
        assert!(had == 1 || fetched.answer.total_count.is_none(), "{asks}");
        assert!(fetched.answer.unavailable.len() < 2, "{asks}");
    }
}
