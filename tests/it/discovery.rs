//! The life of a source beside its list of functions: what comes, goes, fails, hangs or breaks.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use scf_exporter::commit::{Committer, LedgerState, Rules, ZeroFirst};
use scf_exporter::config::Poll;
use scf_exporter::ingest::{Listing, LogSource, PageSink, ReadReport, Span};
use scf_exporter::ledger::{AllowedLateness, ListId, ListedFunction, Retention, TargetId};
use scf_exporter::model::{FunctionId, Timestamp};
use scf_exporter::scheduler::{Budget, Poller, run_source};
use scf_exporter::store::Store;
use scf_exporter::telemetry::{BuildInfo, Telemetry};
use tencentcloud::runtime::{Runtime, spawn};
use tencentcloud::{ApiError, BoxFuture, CloudClock, ErrorClass};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What a list comes to.
#[derive(Clone, Copy)]
enum List {
    All(&'static [&'static str]),
    Part(&'static [&'static str]),
    Fails,
    Hangs,
}

/// Lists by a script, whose last line goes on for ever, and notes what is read.
struct Scripted {
    lists: Mutex<VecDeque<List>>,
    listed: Mutex<Vec<Instant>>,
    reads: Mutex<BTreeMap<String, usize>>,
    /// The next read of this function panics.
    breaks: Mutex<Option<&'static str>>,
    runtime: Runtime,
}

/// A source at work.
struct Work {
    source: Arc<Scripted>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl LogSource for Scripted {
    fn list(&self) -> BoxFuture<'_, Result<Listing, ApiError>> {
        self.listed.lock().unwrap().push(Instant::now());
        let mut lists = self.lists.lock().unwrap();
        let list = match lists.len() {
            1 => lists[0],
            _ => lists.pop_front().unwrap(),
        };
        Box::pin(async move {
            match list {
                List::All(names) => Ok(listing(names, true)),
                List::Part(names) => Ok(listing(names, false)),
                List::Fails => Err(failure()),
                List::Hangs => std::future::pending().await,
            }
        })
    }

    fn read<'a>(
        &'a self,
        target: &'a TargetId,
        _: Span,
        _: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
        let name = target.to_string();
        let mut breaks = self.breaks.lock().unwrap();
        let breaks = breaks.take_if(|broken| name.ends_with(*broken)).is_some();
        *self.reads.lock().unwrap().entry(name).or_default() += 1;
        Box::pin(async move {
            assert!(!breaks, "this read is meant to break");
            Ok(ReadReport::default())
        })
    }

    fn allowed_lateness(&self, _: &TargetId) -> AllowedLateness {
        AllowedLateness::of_lines(Duration::from_secs(60))
    }

    fn now(&self) -> Timestamp {
        self.runtime.now()
    }
}

/// The functions of these names; `name@topic` is read from a log topic.
fn listing(names: &[&str], complete: bool) -> Listing {
    let functions = names.iter().map(|name| {
        let function = FunctionId::new("ap-x", "default", name);
        ListedFunction {
            target: match name.split_once('@') {
                Some((_, topic)) => TargetId::topic("ap-x", topic),
                None => TargetId::function(function.clone()),
            },
            function,
            about: None,
        }
    });
    Listing {
        functions: functions.collect(),
        complete,
        look: None,
    }
}

fn failure() -> ApiError {
    ApiError {
        class: ErrorClass::Transient,
        action: "ListFunctions".into(),
        endpoint: "scf.test".into(),
        code: "InternalError".into(),
        message: "no".into(),
        advice: "",
        request_id: None,
        attempts: 1,
    }
}

/// Polls every 15 s (idle ones every minute), lists every 300 s.
fn timing() -> Poll {
    let secs = Duration::from_secs;
    Poll {
        interval: secs(15),
        idle_interval: secs(60),
        sweep_interval: secs(60),
        first_read: secs(900),
        max_run_time: secs(900),
        delivery_delay: secs(60),
        page_size: 1_000,
        stop_timeout: secs(20),
        discovery_interval: secs(300),
    }
}

fn work(lists: &[List], breaks: Option<&'static str>) -> Work {
    let origin = Timestamp::from_secs(1_700_000_000);
    let runtime = Runtime::simulated(origin, 7);
    let stop = runtime.stop.clone();
    let telemetry = Arc::new(Telemetry::new(&BuildInfo::current()).unwrap());
    let rules = Rules {
        functions: 10,
        several_accounts: false,
        allowed_lateness: AllowedLateness::of_lines(Duration::from_secs(60)),
        first_read: Duration::from_secs(60),
        retention: Retention {
            span: Duration::ZERO,
            is_written: false,
        },
    };
    let ledger = LedgerState::new(rules);
    let (committer, writer, _) = Committer::new(
        ledger,
        Store::memory(),
        telemetry.clone(),
        runtime.clone(),
        ZeroFirst::new(Duration::ZERO, Vec::new()),
    );
    spawn(committer.run());
    let source = Arc::new(Scripted {
        lists: Mutex::new(lists.iter().copied().collect()),
        listed: Mutex::default(),
        reads: Mutex::default(),
        breaks: Mutex::new(breaks),
        runtime: runtime.clone(),
    });
    let poller = Poller {
        name: "s".into(),
        lists: ListId {
            account: "".into(),
            region: "ap-x".into(),
            selection: 0,
        },
        source: source.clone() as Arc<dyn LogSource>,
        timing: timing(),
        budget: Budget::new(1_000.0),
        writer,
        telemetry: telemetry.source("s").unwrap(),
        board: Arc::default(),
        clock: CloudClock::over(runtime.clock.clone()),
        runtime,
    };
    Work {
        source,
        stop,
        task: spawn(run_source(poller, BTreeSet::new())),
    }
}

impl Work {
    /// How often each function is read in the next so many seconds.
    async fn reads_in(&self, secs: u64) -> BTreeMap<String, usize> {
        self.source.reads.lock().unwrap().clear();
        tokio::time::sleep(Duration::from_secs(secs)).await;
        let reads = self.source.reads.lock().unwrap();
        let names = reads.iter();
        names
            .map(|(target, reads)| (target.rsplit('/').next().unwrap().to_owned(), *reads))
            .collect()
    }

    async fn names_read_in(&self, secs: u64) -> Vec<String> {
        self.reads_in(secs).await.into_keys().collect()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn new_functions_are_read_and_deleted_ones_no_more() {
    let lists = [List::All(&["a", "b"]), List::All(&["b", "c"])];
    let work = work(&lists, None);
    assert_eq!(work.names_read_in(250).await, ["a", "b"]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(work.names_read_in(250).await, ["b", "c"]);
    work.stop().await;
}

/// A function that moved to another topic may have left lines unread in the old one.
#[tokio::test(start_paused = true)]
async fn a_topic_that_was_left_is_read_until_the_list_after() {
    let lists = [List::All(&["a@old"]), List::All(&["a@new"])];
    let work = work(&lists, None);
    assert_eq!(work.names_read_in(290).await, ["topic:old"]);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(work.names_read_in(250).await, ["topic:new", "topic:old"]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(work.names_read_in(250).await, ["topic:new"]);
    work.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_list_in_parts_is_asked_for_on_and_ends_nothing_before_it_is_whole() {
    let lists = [
        List::Part(&["a"]),
        List::Part(&["a", "b"]),
        List::All(&["a", "b", "c"]),
        List::Part(&["c"]),
        List::All(&["c"]),
    ];
    let work = work(&lists, None);
    let started = Instant::now();
    assert_eq!(work.names_read_in(290).await, ["a", "b", "c"]);
    assert_eq!(work.names_read_in(400).await.last().unwrap(), "c");
    assert_eq!(work.names_read_in(100).await, ["c"]);
    let listed = work.source.listed.lock().unwrap().clone();
    let at: Vec<_> = listed.iter().map(|at| (*at - started).as_secs()).collect();
    assert_eq!(at, [0, 1, 2, 302, 303, 603]);
    work.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_or_hangs_hinders_no_reading() {
    for last in [List::Fails, List::Hangs] {
        let work = work(&[List::All(&["a"]), last], None);
        tokio::time::sleep(Duration::from_secs(300)).await;
        for _ in 0..5 {
            // Idle targets are read every minute.
            assert_eq!(work.reads_in(300).await, BTreeMap::from([("a".into(), 5)]));
        }
        work.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_in_the_middle_of_a_list_is_obeyed_at_once() {
    let work = work(&[List::All(&["a"]), List::Hangs], None);
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    let wished = Instant::now();
    work.stop().await;
    assert_eq!(wished.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_broke_is_read_again_after_the_next_list() {
    let work = work(&[List::All(&["a", "b"])], Some("b"));
    let first = work.reads_in(290).await;
    assert_eq!(first["b"], 1, "it broke in its first read: {first:?}");
    tokio::time::sleep(Duration::from_secs(30)).await;
    let later = work.reads_in(250).await;
    assert!(later["b"] >= 4 && later["a"] >= 4, "{later:?}");
    work.stop().await;
}
