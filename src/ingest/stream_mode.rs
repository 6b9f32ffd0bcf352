//! Decides for `read: auto` whether many functions are read through one stream (aggregated) or each
//! by itself (per function).
//!
//! One stream for a region or namespace costs far fewer requests, but the vendor does not document
//! that the API serves it, or that it holds every function. It is used until a request is refused,
//! rows exceed a cap, or a spot check of one function finds rows that the stream lacks.
//! Then each function is read by itself, and after a while the stream is tried again.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::warn;

use super::{Flow, PageSink, ReadReport, Span};
use crate::config::Read;
use crate::ledger::{Scope, TargetId};
use crate::model::{FunctionId, Page, Timestamp};
use tencentcloud::{ApiError, BoxFuture, ErrorClass};

/// How long functions are read one by one before their stream is tried again; doubles each time, up
/// to a day.
const PER_FUNCTION_FOR: Duration = Duration::from_secs(3_600);
const PER_FUNCTION_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Pause between spot checks of single functions while their stream is trusted.
const CHECK_EVERY: Duration = Duration::from_secs(600);
/// Spot checks before one read, until the stream is trusted.
const SPOT_CHECKS_AT_ONCE: usize = 20;
/// Number of spot checks with rows that must agree before the stream is trusted.
const AGREED_TO_TRUST: usize = 3;
/// Number of functions without rows in the stream that must be checked, and have none by themselves
/// either.
const SILENT_TO_TRUST: usize = 100;

/// Parameters other than the function that a refusal may name.
const OTHER_PARAMETERS: [&str; 8] = [
    "StartTime",
    "EndTime",
    "StartTimeOrEndTime",
    "DateTime",
    "Offset",
    "Limit",
    "Order",
    "OrderBy",
];

/// A source whose functions can be read aggregated or per function.
pub(super) trait Streams: Send + Sync {
    /// Reads one target, of whichever kind.
    fn read_target<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>>;

    /// Reads the newest rows of one function by itself.
    fn spot_check<'a>(
        &'a self,
        function: &'a TargetId,
        span: Span,
    ) -> BoxFuture<'a, Result<Page, ApiError>>;
}

/// The methods of [`super::LogSource`] that are the same for every source with [`Streams`].
macro_rules! read_in_its_mode {
    () => {
        fn read<'a>(
            &'a self,
            target: &'a TargetId,
            span: Span,
            sink: &'a mut dyn PageSink,
        ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
            Box::pin(stream_mode::read(self, &self.mode, target, span, sink))
        }

        fn is_worth_sweeping(&self) -> bool {
            true
        }

        fn changed(&self) -> BoxFuture<'_, ()> {
            Box::pin(self.mode.changed())
        }

        fn stream_modes(&self) -> Vec<(TargetId, String)> {
            self.mode.describe()
        }
    };
}
pub(super) use read_in_its_mode;

/// How the streams of one source are read: aggregated or per function.
pub(super) struct StreamMode {
    read: Read,
    streams: Mutex<BTreeMap<TargetId, Stream>>,
    /// The functions could not be listed, so no spot check is possible.
    unlisted: AtomicBool,
    changed: Notify,
}

/// What is known about a stream of many functions.
#[derive(Default)]
struct Stream {
    /// The targets of its functions.
    functions: Vec<TargetId>,
    /// Functions with rows in the stream, and the time of the first rows.
    seen: HashSet<TargetId>,
    first_seen: Option<Timestamp>,
    /// Results of spot checks that cannot be compared yet.
    spot_checks: Vec<SpotCheck>,
    /// Time of the last spot check of each function that agreed.
    checked_at: BTreeMap<TargetId, Timestamp>,
    /// Number of spot checks with rows that agreed.
    agreed: usize,
    turn: usize,
    next_check: Option<Timestamp>,
    per_function: Option<Split>,
    times_split: u32,
}

/// Why and until when its functions are read one by one.
struct Split {
    why: String,
    until: Instant,
}

/// The rows that one function had when it was read by itself.
struct SpotCheck {
    function: TargetId,
    at: Timestamp,
    page: Page,
}

impl StreamMode {
    pub(super) fn new(read: Read) -> Self {
        Self {
            read,
            streams: Mutex::default(),
            unlisted: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// Returns whether the functions of `stream` are read through it.
    pub(super) fn is_aggregated(&self, stream: &TargetId) -> bool {
        match self.read {
            Read::Region => true,
            Read::Function => false,
            Read::Auto => {
                let streams = self.lock();
                streams
                    .get(stream)
                    .is_none_or(|one| one.per_function.is_none())
            }
        }
    }

    /// Returns the target through which `function`, one of `stream`, is read.
    pub(super) fn target_of(&self, stream: TargetId, function: &FunctionId) -> TargetId {
        match self.is_aggregated(&stream) {
            true => stream,
            false => TargetId::function(function.clone()),
        }
    }

    /// Sets the functions of each stream, and retries streams whose time has come.
    pub(super) fn listed(&self, functions: BTreeMap<TargetId, Vec<TargetId>>) {
        let now = Instant::now();
        let mut streams = self.lock();
        streams.retain(|stream, _| functions.contains_key(stream));
        for (stream, functions) in functions {
            let known = streams.entry(stream).or_default();
            known.functions = functions;
            let listed: HashSet<&TargetId> = known.functions.iter().collect();
            known.seen.retain(|one| listed.contains(one));
            known.checked_at.retain(|one, _| listed.contains(one));
            if known
                .per_function
                .take_if(|split| split.until <= now)
                .is_some()
            {
                known.reset();
            }
        }
    }

    /// Returns the functions to spot check before a read of `stream`, often none.
    fn due_spot_checks(&self, stream: &TargetId, span: Span) -> Vec<TargetId> {
        let Span { now, closed, .. } = span;
        let mut streams = self.lock();
        let Some(known) = streams.get_mut(stream) else {
            return Vec::new();
        };
        let waits = |one: &&TargetId| {
            known
                .spot_checks
                .iter()
                .any(|check| check.function == **one)
        };
        let (silent, heard) = known.due(closed);
        let mut due = silent;
        if known.spot_checks.len() < AGREED_TO_TRUST {
            due.extend(heard);
        }
        due.retain(|one| !waits(one));
        if !due.is_empty() {
            return due.into_iter().take(SPOT_CHECKS_AT_ONCE).cloned().collect();
        }
        if !known.spot_checks.is_empty() || known.next_check.is_some_and(|at| now < at) {
            return Vec::new();
        }
        known.next_check = Some(now + CHECK_EVERY);
        known.turn += 1;
        known.in_turn().cloned().into_iter().collect()
    }

    /// Records that `stream` holds rows of these functions.
    fn saw(&self, stream: &TargetId, now: Timestamp, functions: &[FunctionId]) {
        if functions.is_empty() {
            return;
        }
        if let Some(known) = self.lock().get_mut(stream) {
            known.first_seen.get_or_insert(now);
            let new = functions.iter().cloned().map(TargetId::function);
            known.seen.extend(new);
        }
    }

    /// Stores the result of a spot check of a function of `stream`.
    fn spot_checked(&self, stream: &TargetId, check: SpotCheck) {
        if let Some(known) = self.lock().get_mut(stream) {
            if check.page.rows.is_empty() {
                known.checked_at.insert(check.function, check.at);
            } else {
                known.spot_checks.push(check);
            }
        }
    }

    /// Takes the spot checks that can be compared after a read of every row within `proven`. A check
    /// whose rows are all newer stays.
    fn to_compare(&self, stream: &TargetId, proven: &Range<Timestamp>) -> Vec<SpotCheck> {
        let mut streams = self.lock();
        let Some(known) = streams.get_mut(stream).filter(|_| !proven.is_empty()) else {
            return Vec::new();
        };
        let is_newer = |check: &SpotCheck| {
            let mut positions = check.page.rows.iter().map(|row| row.position);
            positions.all(|position| position >= proven.end)
        };
        let (kept, mut ready): (Vec<_>, Vec<_>) = known.spot_checks.drain(..).partition(is_newer);
        known.spot_checks = kept;
        for check in &mut ready {
            check.page.rows.retain(|row| proven.contains(&row.position));
        }
        ready
    }

    /// Records that `missing` rows of a spot check were unknown to the ledger; `None` if that is not
    /// known.
    fn compared(&self, stream: &TargetId, check: SpotCheck, missing: Option<u64>) {
        if let Some(missing @ 1..) = missing {
            let why = format!("it brought {missing} rows of one function too few");
            return self.split(stream, &why);
        }
        if let Some(known) = self.lock().get_mut(stream) {
            known.agreed += usize::from(missing.is_some() && !check.page.rows.is_empty());
            known.checked_at.insert(check.function, check.at);
        }
    }

    /// Records that the functions cannot be listed.
    pub(super) fn not_listed(&self) {
        self.unlisted.store(true, Ordering::Relaxed);
    }

    /// Returns whether the watermark of `stream` may move up to `closed`.
    fn is_trusted(&self, stream: &TargetId, closed: Timestamp) -> bool {
        let unlisted = || self.unlisted.load(Ordering::Relaxed);
        self.read != Read::Auto
            || self
                .lock()
                .get(stream)
                .map_or_else(unlisted, |known| known.is_trusted(closed))
    }

    /// Switches `stream` to per function from now on.
    fn split(&self, stream: &TargetId, why: &str) {
        if self.read != Read::Auto {
            return;
        }
        let mut streams = self.lock();
        let known = streams.entry(stream.clone()).or_default();
        if known.per_function.is_some() {
            return;
        }
        let wait = PER_FUNCTION_FOR.saturating_mul(1 << known.times_split.min(8));
        let wait = wait.min(PER_FUNCTION_MAX);
        known.times_split += 1;
        warn!(
            target_name = %stream, why,
            "one stream for all functions will not do: each is read by itself, which costs more requests; \
             in {} min the stream is tried again", wait.as_secs() / 60
        );
        known.per_function = Some(Split {
            why: why.to_owned(),
            until: Instant::now() + wait,
        });
        known.spot_checks.clear();
        drop(streams);
        self.changed.notify_one();
    }

    /// Waits until the mode of a stream changes.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Describes the mode of each stream, for people.
    pub(super) fn describe(&self) -> Vec<(TargetId, String)> {
        let describe = |(stream, known): (&TargetId, &Stream)| {
            let text = match (&known.per_function, self.read) {
                (Some(split), _) => format!("each function by itself: {}", split.why),
                (None, Read::Function) => "each function by itself".to_owned(),
                (None, _) => "one stream for all functions".to_owned(),
            };
            (stream.clone(), text)
        };
        self.lock().iter().map(describe).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<TargetId, Stream>> {
        self.streams.lock()
    }
}

impl Stream {
    /// Drops what was learned about the stream.
    fn reset(&mut self) {
        *self = Self {
            functions: std::mem::take(&mut self.functions),
            times_split: self.times_split,
            ..Self::default()
        };
    }

    /// Splits the functions into those without rows in the stream and the others.
    fn silent_and_heard(&self) -> (Vec<&TargetId>, Vec<&TargetId>) {
        let is_silent = |one: &&TargetId| !self.seen.contains(*one);
        self.functions.iter().partition(is_silent)
    }

    /// Returns the functions to spot check before the watermark may move up to `closed`: those
    /// without rows, and the others.
    ///
    /// A spot check verifies a function without rows only up to the time of the check. Once the
    /// stream had rows of others but not of this one, that is taken to stay so.
    fn due(&self, closed: Timestamp) -> (Vec<&TargetId>, Vec<&TargetId>) {
        let since = self.first_seen.map_or(closed, |first| first.min(closed));
        let is_due = |one: &&TargetId| self.checked_at.get(*one).is_none_or(|at| *at < since);
        let (silent, heard) = self.silent_and_heard();
        let beyond = silent.len().saturating_sub(SILENT_TO_TRUST);
        let silent = silent.into_iter().filter(is_due).skip(beyond).collect();
        let agree = self.agreed >= AGREED_TO_TRUST;
        let heard = heard.into_iter().filter(|one| !agree && is_due(one));
        (silent, heard.collect())
    }

    fn is_trusted(&self, closed: Timestamp) -> bool {
        let (silent, heard) = self.due(closed);
        silent.is_empty() && heard.is_empty()
    }

    /// Returns the function to check next while the stream is trusted; alternates between both kinds.
    fn in_turn(&self) -> Option<&TargetId> {
        let (silent, heard) = self.silent_and_heard();
        let mut kinds = [silent, heard];
        kinds.rotate_left(self.turn % 2);
        let kind = kinds.iter().find(|kind| !kind.is_empty())?;
        Some(kind[self.turn / 2 % kind.len()])
    }
}

/// Reads `target`. In a stream of many functions some are spot checked first, and the results
/// decide the mode.
pub(super) async fn read(
    source: &dyn Streams,
    mode: &StreamMode,
    target: &TargetId,
    span: Span,
    sink: &mut dyn PageSink,
) -> Result<ReadReport, ApiError> {
    if mode.read != Read::Auto || matches!(target.scope, Scope::Function(_)) {
        return source.read_target(target, span, sink).await;
    }
    // Rows that exist before the stream is read must be in the stream.
    spot_check_some(source, mode, target, span).await;
    let is_trusted = mode.is_trusted(target, span.closed);
    let mut auditing = AuditingSink {
        mode,
        stream: target,
        now: span.now,
        sink,
        is_trusted,
    };
    let mut report = match source.read_target(target, span, &mut auditing).await {
        Err(refused) if is_of_the_stream(&refused) => {
            mode.split(target, &refused.to_string());
            return Ok(ReadReport::default());
        }
        answer => answer?,
    };
    if report.truncated {
        mode.split(target, "it holds more rows than the API hands out");
    }
    let proven = if report.confirmed {
        span.first_second()..Timestamp::MAX
    } else if report.complete {
        span.closed_seconds()
    } else {
        Timestamp::MIN..Timestamp::MIN
    };
    for check in mode.to_compare(target, &proven) {
        let missing = auditing.recheck(check.page.clone()).await;
        mode.compared(target, check, missing);
    }
    report.complete &= mode.is_aggregated(target) && mode.is_trusted(target, span.closed);
    Ok(report)
}

/// Returns whether a refusal may concern the aggregated stream: not where it names another
/// parameter.
fn is_of_the_stream(refused: &ApiError) -> bool {
    let parts = refused.code.rsplit('.');
    let of_another = parts.take(1).any(|last| OTHER_PARAMETERS.contains(&last));
    refused.class == ErrorClass::Invalid && !of_another && !refused.asks_for_less()
}

/// Spot checks functions that are due, until enough of them had rows.
async fn spot_check_some(source: &dyn Streams, mode: &StreamMode, stream: &TargetId, span: Span) {
    let mut with_rows = 0;
    for function in mode.due_spot_checks(stream, span) {
        // If it fails so does the read, or the next spot check succeeds.
        let Ok(mut page) = source.spot_check(&function, span).await else {
            break;
        };
        (page.unfinished, page.rejects) = (0, Vec::new());
        page.rows.retain(|row| row.position >= span.first_second());
        with_rows += usize::from(!page.rows.is_empty());
        let at = span.now;
        mode.spot_checked(stream, SpotCheck { function, at, page });
        if with_rows >= AGREED_TO_TRUST {
            break;
        }
    }
}

/// Passes everything on, and moves the watermark only while the stream is trusted.
struct AuditingSink<'a> {
    mode: &'a StreamMode,
    stream: &'a TargetId,
    now: Timestamp,
    sink: &'a mut dyn PageSink,
    is_trusted: bool,
}

impl PageSink for AuditingSink<'_> {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        self.mode.saw(self.stream, self.now, &page.functions);
        self.sink.put(page)
    }

    fn reached(&mut self, position: Timestamp) -> BoxFuture<'_, Flow> {
        if self.is_trusted {
            self.sink.reached(position)
        } else {
            Box::pin(async { Flow::Continue })
        }
    }

    fn met(&mut self, span: Range<Timestamp>) -> BoxFuture<'_, Option<Vec<(FunctionId, u64)>>> {
        self.sink.met(span)
    }

    fn recheck(&mut self, page: Page) -> BoxFuture<'_, Option<u64>> {
        self.sink.recheck(page)
    }
}
