//! When the committer commits, and what it says of when a series began.

use super::*;
use crate::commit::{CommitFailed, ListedFunctions, Rules};
use crate::ledger::{AllowedLateness, Functions, ListedFunction, Retention, TargetId};
use crate::model::{
    Bytes, FunctionConfig, FunctionId, InvocationKey, Outcome, Page, RetCode, Row, Timestamp,
};
use crate::telemetry::{BuildInfo, SourceTelemetry};
use tencentcloud::runtime::{Runtime, spawn};
use tokio::task::JoinHandle;

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

fn id(name: &str) -> FunctionId {
    FunctionId::new("ap-x", "default", name)
}

fn function(name: &str) -> ListedFunctions {
    let listed = ListedFunction {
        function: id(name),
        target: TargetId::region("ap-x"),
        about: None,
    };
    ListedFunctions {
        listed: vec![listed],
        ..ListedFunctions::default()
    }
}

/// A committer at work, without a disk.
struct Fixture {
    writer: CommitHandle,
    source: Arc<SourceTelemetry>,
    published: Published,
    task: JoinHandle<()>,
}

impl Fixture {
    fn new(rules: Rules, runtime: Runtime, zero_first: Duration) -> Self {
        let telemetry = Arc::new(Telemetry::new(&BuildInfo::current()).unwrap());
        let source = telemetry.source("s").unwrap();
        let (committer, writer, published) = Committer::new(
            LedgerState::new(rules),
            Store::memory(),
            telemetry,
            runtime,
            ZeroFirst::new(zero_first, Vec::new()),
        );
        Self {
            writer,
            source,
            published,
            task: spawn(committer.run()),
        }
    }

    async fn register(&self, name: &str) -> Result<(), CommitFailed> {
        self.writer.register_functions(function(name)).await
    }

    fn generation(&self) -> u64 {
        self.published.load().generation
    }

    /// The committer ends with its last handle.
    async fn end(self) {
        drop(self.writer);
        self.task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_rush_is_committed_together_and_a_single_change_at_once() {
    let fixture = Fixture::new(RULES, Runtime::system(), Duration::ZERO);
    let (started, first) = (Instant::now(), fixture.generation());

    fixture.register("a").await.unwrap();
    assert_eq!(started.elapsed(), Duration::ZERO, "after a rest");
    assert_eq!(fixture.generation(), first + 1);

    let both = tokio::join!(fixture.register("b"), fixture.register("c"));
    assert_eq!(both, (Ok(()), Ok(())));
    let waited = started.elapsed();
    // The timer of the runtime counts whole milliseconds.
    let most = COMMIT_GAP + Duration::from_millis(1);
    assert!((COMMIT_GAP..=most).contains(&waited), "{waited:?}");
    assert_eq!(fixture.generation(), first + 2, "one change for both");

    tokio::time::sleep(COMMIT_GAP).await;
    let later = Instant::now();
    fixture.register("d").await.unwrap();
    assert_eq!(later.elapsed(), Duration::ZERO, "after a rest");
    fixture.end().await;
}

/// Of the function, of its first success and of its first failure: held at zero or not, they stay.
#[tokio::test(start_paused = true)]
async fn a_series_begins_when_it_is_entered_by_this_machine_s_clock() {
    let origin = Timestamp::from_secs(1_700_000_000);
    let span = Duration::from_secs(10);
    let fixture = Fixture::new(RULES, Runtime::simulated(origin, 1), span);
    let began = Instant::now();
    let target = TargetId::region("ap-x");
    // The cloud's clock is another.
    let cloud = Timestamp::from_secs(60);
    fixture.writer.open(&target, cloud).await.unwrap();
    let rest = || tokio::time::sleep(Duration::from_secs(1));
    rest().await;
    let entered = began.elapsed();
    fixture.register("a").await.unwrap();
    rest().await;
    let failed = began.elapsed();
    for request in 0..3 {
        let row = Row {
            ret_code: RetCode::new(433),
            outcome: Outcome::Timeout,
            key: InvocationKey {
                id: request,
                attempt: 0,
            },
            position: cloud,
            ..Row::default()
        };
        let page = Page {
            functions: vec![id("a")],
            rows: vec![row],
            ..Page::default()
        };
        let outcome = fixture
            .writer
            .page(&target, page, &fixture.source)
            .await
            .unwrap();
        assert_eq!(outcome.counted, 1);
        for wait in [Duration::ZERO, span] {
            tokio::time::sleep(wait).await;
            let series = fixture.published.load().series[0].clone();
            let starts: Vec<_> = series.codes.iter().map(|code| code.since).collect();
            let (entered, failed) = (Some(origin + entered), Some(origin + failed));
            assert_eq!((series.since, starts), (entered, vec![entered, failed]));
        }
    }
    assert_eq!(fixture.published.load().series[0].invocations(), 3);
    fixture.end().await;
}

/// What is asked in one breath before and after a new configuration: each is entered by its own.
#[tokio::test(start_paused = true)]
async fn another_configuration_holds_for_what_comes_after_it() {
    let about = Arc::new(FunctionConfig {
        memory_limit: Bytes(64 << 20),
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
    let fixture = Fixture::new(strict, Runtime::system(), Duration::ZERO);
    let config = CommitConfig {
        rules: Rules {
            several_accounts: true,
            ..RULES
        },
        zero_first: Duration::ZERO,
        ended: Vec::new(),
        gone: vec![id("a")],
        wanted: Functions::all(),
    };
    let writer = &fixture.writer;
    let answers = tokio::join!(
        biased;
        writer.register_functions(known("a")),
        writer.register_functions(known("b")),
        writer.reconfigure(config),
        writer.register_functions(known("c"))
    );
    assert_eq!(answers, (Ok(()), Ok(()), Ok(()), Ok(())));
    let shown = fixture.published.load();
    let series = shown.series.iter();
    let named: Vec<_> = series
        .map(|one| (&*one.function.name, one.about.is_some()))
        .collect();
    assert_eq!(named, [("a", false), ("_overflow", true), ("c", true)]);
    assert!(shown.accounts);
    fixture.end().await;
}
