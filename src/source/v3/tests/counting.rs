//! Reads that compare what the API counts with what the ledger knows.

use std::collections::BTreeMap;
use std::ops::Range;

use super::*;
use crate::config::Pattern;

/// Knows what it was given, as the ledger does.
#[derive(Default)]
struct Knowing(BTreeMap<AttemptKey, (FunctionId, Timestamp)>);

impl Knowing {
    /// Rows that were met before.
    fn of(rows: &[(i64, u64)]) -> Self {
        let known = rows.iter().map(|(second, id)| {
            let name = Fake::function(*id);
            let id = attempt_id(&id.to_string());
            let function = FunctionId::new("r", "ns", name);
            (AttemptKey { id, attempt: 0 }, (function, at(*second)))
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
    // which is at the end of the first half of what the first answer does not show.
    for (missing, pages) in [(None, 2), (Some(500), 3)] {
        let mut api = Fake::new(rows.clone());
        Arc::get_mut(&mut api).unwrap().running.insert(25_000);
        let source = source(api, Read::Region, Wanted::default());
        let mut known = rows.clone();
        known.retain(|(second, _)| *second != 2_500 && Some(*second) != missing);
        let mut sink = Knowing::of(&known);
        let target = TargetId::namespace("r", "ns");
        let sweep = span(Mode::Sweep, 0, 2_000, 4_000);
        let report = source.read(&target, sweep, &mut sink).await.unwrap();
        assert!(report.complete && !report.confirmed, "{missing:?}");
        assert_eq!((sink.0.len(), report.pages), (3_999, pages), "{missing:?}");
        // The next proof is five minutes away: the newest page alone is read.
        let report = source.read(&target, sweep, &mut sink).await.unwrap();
        assert_eq!((report.complete, report.pages), (false, 1));
    }
}

/// Ten calls of a function that is no longer wanted are passed over, and ten others are missing: one
/// must not stand in for the other.
#[tokio::test(start_paused = true)]
async fn what_was_counted_of_a_function_that_is_left_out_now_proves_nothing() {
    let id = |row: u64| row * 10 + if (3_500..3_510).contains(&row) { 9 } else { 0 };
    let rows: Vec<_> = (0..4_000).map(|row| (row as i64, id(row))).collect();
    let wanted = Wanted {
        functions: FunctionFilter::new(vec![], vec![], vec![Pattern::new("other").unwrap()]),
        ..Wanted::default()
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
    let source = source(api, Read::Function, Wanted::default());
    let mut sink = Knowing::of(&rows[..1_000]);
    let tail = span(Mode::Tail, 0, 100, 1_500);
    source.read(&one_function(), tail, &mut sink).await.unwrap();
    assert_eq!(sink.0.len(), 1_450, "all but those that run");
}
