//! Reads that compare what the API counts with what the ledger knows.

use super::super::row::LogRow;
use super::*;
use crate::config::{FunctionFilter, Pattern};
use crate::ingest::page_size::PageSize;
use crate::ledger::Ask;

/// A sink that counts, as the ledger does, and knows these rows.
fn knowing(rows: &[(i64, u64)]) -> Taken {
    let known = rows.iter().map(|(second, id)| {
        let function = FunctionId::new("ap-x", "ns", Fake::function(*id));
        let id = attempt_id(&id.to_string());
        (InvocationKey { id, attempt: 0 }, (function, at(*second)))
    });
    Taken {
        known: known.collect(),
        counts: true,
        ..Taken::default()
    }
}

/// The rows without those of these seconds.
fn without(rows: &[(i64, u64)], seconds: impl Fn(i64) -> bool) -> Vec<(i64, u64)> {
    let mut rows = rows.to_vec();
    rows.retain(|(second, _)| !seconds(*second));
    rows
}

#[tokio::test(start_paused = true)]
async fn what_is_closed_is_proven_by_counting_while_a_call_runs_below_the_first_page() {
    let rows = each_second(4_000);
    // The call of second 2,500 runs; of the others all are known, or all but that of second 500,
    // which is found in the closed part.
    for (missing, pages) in [(None, 3), (Some(500), 4)] {
        let mut fake = Fake::new(&rows);
        fake.running.insert(25_000);
        let source = source_of(fake, Read::Region);
        let unknown = |second| second == 2_500 || Some(second) == missing;
        let mut sink = knowing(&without(&rows, unknown));
        let sweep = sweep_of(0, 2_000, 4_000);
        let report = read(&source, sweep, &mut sink).await;
        assert!(report.complete && !report.confirmed, "{missing:?}");
        let read_of = (sink.known.len(), report.pages);
        assert_eq!(read_of, (3_999, pages), "{missing:?}");
        // The next verification is a minute away: the newest page is read, and where the call runs.
        let report = read(&source, sweep, &mut sink).await;
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
    let source = source(&Arc::new(Fake::new(&rows)), Read::Region, wanted);
    let missing = |second| (500..510).contains(&second);
    let mut sink = knowing(&without(&rows, missing));
    let report = read(&source, sweep_of(0, 3_900, 4_000), &mut sink).await;
    assert!(report.complete);
    assert_eq!(sink.known.len(), 4_000, "the missing ones are found");
}

#[tokio::test(start_paused = true)]
async fn calls_that_run_do_not_end_a_read_of_new_rows() {
    let rows = each_second(1_500);
    let mut fake = Fake::new(&rows);
    fake.running = (1_000..1_500).step_by(10).map(|row| row * 10).collect();
    let source = source_of(fake, Read::Function);
    let mut sink = knowing(&rows[..1_000]);
    read(&source, tail(sweep_of(0, 100, 1_500)), &mut sink).await;
    assert_eq!(sink.known.len(), 1_450, "all but those that run");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_appears_late_is_found_at_once_whatever_stands_above_it() {
    let rows: Vec<_> = (0..18_000).map(|row| (row as i64 / 20, row * 10)).collect();
    for missing in [500, 1_500, 5_000, 16_500] {
        let source = source_of(Fake::new(&rows), Read::Region);
        let (mut sink, sweep) = (knowing(&rows), sweep_of(0, 50, 900));
        let report = read(&source, sweep, &mut sink).await;
        assert!(report.confirmed && report.pages == 1);
        let missing_id = attempt_id(&(missing * 10).to_string());
        sink.known.retain(|key, _| key.id != missing_id);
        let report = read(&source, sweep, &mut sink).await;
        assert_eq!(sink.known.len(), 18_000, "row {missing}");
        let pages = report.pages;
        assert!(!report.missing && pages < 16, "{pages} pages");
        // After a restart the ledger alone is known, which is enough.
        let report = read(&source, sweep, &mut sink).await;
        assert!(report.confirmed && report.pages == 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ends_far_below_the_newest_page_is_counted_in_the_next_read() {
    let rows = each_second(4_000);
    let mut fake = Fake::new(&rows);
    fake.running = [25_000, 24_000, 100].into();
    let mut source = source_of(fake, Read::Region);
    let (mut sink, sweep) = (knowing(&[]), sweep_of(0, 50, 4_000));
    read(&source, sweep, &mut sink).await;
    assert_eq!(sink.known.len(), 3_997);
    source.cloud = Arc::new(Fake::new(&rows));
    let report = read(&source, sweep, &mut sink).await;
    assert_eq!(sink.known.len(), 4_000);
    // The newest page, the one with two of them, and the one with the third.
    assert_eq!(report.pages, 3);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_stands_twice_in_the_list_is_looked_for_once() {
    let rows = each_second(4_000);
    let mut fake = Fake::new(&rows);
    fake.twice = [5_000, 20_000].into();
    let source = source_of(fake, Read::Region);
    let (mut sink, sweep) = (knowing(&rows), sweep_of(0, 50, 4_000));
    let first = read(&source, sweep, &mut sink).await;
    assert!(first.pages > 2 && first.pages < 20, "{}", first.pages);
    for _ in 0..3 {
        let report = read(&source, sweep, &mut sink).await;
        assert_eq!((report.pages, report.missing), (1, false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_that_can_never_be_had_is_stepped_over_and_the_read_is_complete() {
    let rows: Vec<_> = (0..3_000).map(|row| (row as i64 / 10, row * 10)).collect();
    let mut fake = Fake::new(&rows);
    fake.heavy = [29_950, 14_000, 0].into();
    let source = source_of(fake, Read::Region);
    let (mut sink, sweep) = (knowing(&[]), sweep_of(0, 250, 300));
    let report = read(&source, sweep, &mut sink).await;
    assert!(report.complete && !report.missing);
    assert_eq!(sink.known.len(), 2_997);
    let report = read(&source, sweep, &mut sink).await;
    assert!(report.pages < 10 && !report.missing, "{}", report.pages);
    // The same with a sink that does not count.
    let mut taken = Taken::default();
    read(&source, sweep, &mut taken).await;
    assert_eq!(taken.known.len(), 2_997);
    assert!(taken.unavailable() > 0);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_gives_no_row_at_all_fails_the_read() {
    let mut fake = Fake::new(&each_second(50));
    fake.heavy = (0..50).map(|row| row * 10).collect();
    let source = source_of(fake, Read::Region);
    let (mut sink, target) = (knowing(&[]), namespace());
    let read = source.read(&target, sweep_of(0, 250, 300), &mut sink);
    assert_eq!(&*read.await.unwrap_err().code, "ResponseSizeLimitExceeded");
    assert!(sink.known.is_empty());
}

/// A row that no response can bring, and one that changes places with it after a number of requests.
/// Request ids: 1 and 2.
struct Swapped(Mutex<usize>);

impl Answers for Swapped {
    fn answer(&self, params: &Value) -> Result<Value, ApiError> {
        let mut asks_left = self.0.lock();
        let heavy_at = u64::from(*asks_left == 0);
        *asks_left = asks_left.saturating_sub(1);
        let [offset, limit] = ["Offset", "Limit"].map(|name| params[name].as_u64().unwrap());
        let page = offset..offset + limit;
        if page.contains(&heavy_at) {
            return Err(refused("ResponseSizeLimitExceeded"));
        }
        let rows = (0..2).filter(|at| page.contains(at));
        let rows: Vec<_> = rows.map(|_| json!({"RequestId": "2"})).collect();
        Ok(json!({"TotalCount": 2, "Data": rows}))
    }
}

#[tokio::test]
async fn one_row_that_changes_its_place_is_not_taken_for_two() {
    let (target, wanted) = (namespace(), FunctionSelector::default());
    let scope = ParseScope {
        context: ParseContext {
            target: &target,
            wanted: &wanted,
        },
        has_retry_numbers: &AtomicBool::new(true),
    };
    // Two, one, and the other place are refused.
    for asks in 0..5 {
        let cloud = &Arc::new(Swapped(Mutex::new(asks)));
        let rows = RowFetcher { cloud, scope };
        let ask = Ask {
            from: DAY,
            to: DAY + 1,
            offset: 0,
            limit: 10,
        };
        let fetched = rows.fetch(ask, "desc", &PageSize::new(2)).await.unwrap();
        let rows = fetched.answer.rows;
        let skipped = rows
            .iter()
            .filter(|row| matches!(row, LogRow::Unavailable(_)));
        let skipped = skipped.count();
        let had = rows.len() - skipped;
        assert!(had == 1 || fetched.answer.total_count.is_none(), "{asks}");
        assert!(skipped < 2, "{asks}");
    }
}
