//! When the committer commits, and what it says of when a series began.

use super::*;
use crate::commit::ListedFunctions;
use crate::commit::Rules;
use crate::ledger::{AllowedLateness, Functions, ListedFunction, Retention, TargetId};
use crate::model::{FunctionId, Timestamp};
use crate::model::{Outcome, Page, RetCode, Row};
use crate::telemetry::BuildInfo;
use tencentcloud::runtime::{Runtime, spawn};

const RULES: Rules = Rules {
    functions: 10,
    several_accounts: false,
    allowed_lateness: AllowedLateness::of_lines(Duration::from_secs(60)),
    first_read: Duration::from_secs(60),
    retention: Retention {
        span: Duration::ZERO,
        is_written: false,
    },
};

fn function(name: &str) -> ListedFunctions {
    let listed = ListedFunction {
        function: FunctionId::new("ap-x", "default", name),
        target: TargetId::region("ap-x"),
        about: None,
    };
    ListedFunctions {
        listed: vec![listed],
        ..ListedFunctions::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_rush_is_committed_together_and_a_single_change_at_once() {
    let telemetry = Arc::new(Telemetry::new(&BuildInfo::current()).unwrap());
    let (committer, writer, published) = Committer::new(
        LedgerState::new(RULES),
        Store::memory(),
        telemetry,
        Runtime::system(),
        ZeroFirst::new(Duration::ZERO, Vec::new()),
    );
    let task = spawn(committer.run());
    let generation = || published.load().generation;
    let (started, first) = (Instant::now(), generation());

    writer.register_functions(function("a")).await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO, "after a rest");
    assert_eq!(generation(), first + 1);

    let (one, other) = tokio::join!(
        writer.register_functions(function("b")),
        writer.register_functions(function("c"))
    );
    assert_eq!((one, other), (Ok(()), Ok(())));
    let waited = started.elapsed();
    // The timer of the runtime counts whole milliseconds.
    let most = COMMIT_GAP + Duration::from_millis(1);
    assert!((COMMIT_GAP..=most).contains(&waited), "{waited:?}");
    assert_eq!(generation(), first + 2, "one change for both");

    tokio::time::sleep(COMMIT_GAP).await;
    let later = Instant::now();
    writer.register_functions(function("d")).await.unwrap();
    assert_eq!(later.elapsed(), Duration::ZERO, "after a rest");
    drop(writer);
    task.await.unwrap();
}

/// Of the function, of its first success and of its first failure: held at zero or not, they stay.
#[tokio::test(start_paused = true)]
async fn a_series_begins_when_it_is_entered_by_this_machine_s_clock() {
    let origin = Timestamp::from_secs(1_700_000_000);
    let span = Duration::from_secs(10);
    let telemetry = Arc::new(Telemetry::new(&BuildInfo::current()).unwrap());
    let source = telemetry.source("s").unwrap();
    let (committer, writer, published) = Committer::new(
        LedgerState::new(RULES),
        Store::memory(),
        telemetry,
        Runtime::simulated(origin, 1),
        ZeroFirst::new(span, Vec::new()),
    );
    let task = spawn(committer.run());
    let began = Instant::now();
    let target = TargetId::region("ap-x");
    // The cloud's clock is another.
    writer
        .open(&target, Timestamp::from_secs(60))
        .await
        .unwrap();
    let rest = || tokio::time::sleep(Duration::from_secs(1));
    rest().await;
    let entered = began.elapsed();
    writer.register_functions(function("a")).await.unwrap();
    rest().await;
    let failed = began.elapsed();
    for id in 0..3 {
        let row = Row {
            ret_code: RetCode::new(433),
            outcome: Outcome::Timeout,
            key: crate::model::InvocationKey { id, attempt: 0 },
            position: Timestamp::from_secs(60),
            ..Row::default()
        };
        let page = Page {
            functions: vec![FunctionId::new("ap-x", "default", "a")],
            rows: vec![row],
            ..Page::default()
        };
        let answer = writer.page(&target, page, &source).await.unwrap();
        assert_eq!(answer.counted, 1);
        for wait in [Duration::ZERO, span] {
            tokio::time::sleep(wait).await;
            let series = published.load().series[0].clone();
            let starts: Vec<_> = series.codes.iter().map(|code| code.since).collect();
            let (entered, failed) = (Some(origin + entered), Some(origin + failed));
            assert_eq!((series.since, starts), (entered, vec![entered, failed]));
        }
    }
    assert_eq!(published.load().series[0].invocations(), 3);
    drop(writer);
    task.await.unwrap();
}

/// What is asked in one breath before and after other terms: each is entered by its own.
#[tokio::test(start_paused = true)]
async fn other_terms_hold_for_what_comes_after_them() {
    let about = Arc::new(crate::model::FunctionConfig {
        memory_limit: crate::model::Bytes(64 << 20),
        timeout: Duration::from_secs(3),
        runtime: "Go1".to_owned(),
    });
    let known = |name: &str| {
        let mut listed = function(name);
        listed.listed[0].about = Some(about.clone());
        listed
    };
    let strict = Rules {
        functions: 1,
        ..RULES
    };
    let (committer, writer, published) = Committer::new(
        LedgerState::new(strict),
        Store::memory(),
        Arc::new(Telemetry::new(&BuildInfo::current()).unwrap()),
        Runtime::system(),
        ZeroFirst::new(Duration::ZERO, Vec::new()),
    );
    let terms = CommitConfig {
        rules: Rules {
            several_accounts: true,
            ..RULES
        },
        zero_first: Duration::ZERO,
        ended: Vec::new(),
        gone: vec![FunctionId::new("ap-x", "default", "a")],
        wanted: Functions::all(),
    };
    let task = spawn(committer.run());
    let answers = tokio::join!(
        biased;
        writer.register_functions(known("a")),
        writer.register_functions(known("b")),
        writer.reconfigure(terms),
        writer.register_functions(known("c"))
    );
    assert_eq!(answers, (Ok(()), Ok(()), Ok(()), Ok(())));
    let shown = published.load();
    let of = |slot: usize| {
        (
            &*shown.series[slot].function.name,
            shown.series[slot].about.is_some(),
        )
    };
    assert_eq!(
        [of(0), of(1), of(2)],
        [("a", false), ("_overflow", true), ("c", true)]
    );
    assert!(shown.accounts);
    drop(writer);
    task.await.unwrap();
}
