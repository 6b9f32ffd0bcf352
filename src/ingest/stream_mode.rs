//! One stream for many functions, or one for each: what `read: auto` decides, and why.
//!
//! A stream of a whole region or namespace costs a hundredth of a stream for each function, but the
//! documents do not promise that the API answers it, nor that the answer holds every function. So
//! it is used as long as nothing speaks against it: a refusal, rows beyond a cap, or a spot check
//! that finds more rows of one function than the stream brought. Then each function is read by
//! itself, and after a while the stream is tried again.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tracing::warn;

use super::{Flow, PageSink, ReadReport, Span};
use crate::config::Read;
use crate::ledger::{Scope, TargetId};
use crate::model::{FunctionId, Page, Timestamp};
use tencentcloud::{ApiError, BoxFuture, ErrorClass};

/// How long functions are read one by one before their stream is tried again; twice as long each
/// further time, up to a day.
const PER_FUNCTION_FOR: Duration = Duration::from_secs(3_600);
const PER_FUNCTION_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Pause between spot checks of single functions while their stream is trusted.
const CHECK_EVERY: Duration = Duration::from_secs(600);
/// Functions looked at before one read, until the stream is trusted.
const SPOT_CHECKS_AT_ONCE: usize = 20;
/// Functions with rows that must have been looked at, and all of their rows been in the stream.
const AGREED_TO_TRUST: usize = 3;
/// Functions without rows that must have been looked at, and have had none by themselves either.
const SILENT_TO_TRUST: usize = 100;

/// What a refusal may name that is not the function.
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

/// A source whose functions can be read through one stream or one by one.
pub(super) trait Streams: Send + Sync {
    /// How its targets are cut.
    fn stream_mode(&self) -> &StreamMode;

    /// Reads one target, of whichever kind.
    fn read_target<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>>;

    /// Rows of one function by itself, the newest ones.
    fn spot_check<'a>(
        &'a self,
        function: &'a TargetId,
        span: Span,
    ) -> BoxFuture<'a, Result<Page, ApiError>>;
}

/// The methods of [`super::LogSource`] that every source with [`Streams`] has alike.
macro_rules! read_in_its_mode {
    () => {
        fn read<'a>(
            &'a self,
            target: &'a TargetId,
            span: Span,
            sink: &'a mut dyn PageSink,
        ) -> BoxFuture<'a, Result<ReadReport, ApiError>> {
            Box::pin(stream_mode::read(self, target, span, sink))
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

/// How the targets of one source are cut.
pub(super) struct StreamMode {
    read: Read,
    streams: Mutex<BTreeMap<TargetId, Stream>>,
    /// Nobody could say what functions there are, so nothing can be checked.
    blind: AtomicBool,
    changed: Notify,
}

/// What is known about a stream of many functions.
#[derive(Default)]
struct Stream {
    /// The streams of its functions.
    functions: Vec<TargetId>,
    /// Functions of which it brought rows, and when it first brought any.
    brought: HashSet<TargetId>,
    first_brought: Option<Timestamp>,
    /// Results of spot checks that cannot be compared yet.
    spot_checks: Vec<SpotCheck>,
    /// When each function was looked at last, and its rows were all in the stream.
    checked_at: BTreeMap<TargetId, Timestamp>,
    /// How often there were rows to compare.
    agreed: usize,
    turn: usize,
    next_check: Option<Timestamp>,
    per_function: Option<Split>,
    times_split: u32,
}

/// Why its functions are read one by one, and until when.
struct Split {
    why: String,
    until: Timestamp,
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
            blind: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// Whether the functions of `stream` are read through it.
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

    /// Takes in the functions of each stream, and lets streams be tried again whose time has come.
    pub(super) fn listed(&self, functions: BTreeMap<TargetId, Vec<TargetId>>, now: Timestamp) {
        let mut streams = self.lock();
        streams.retain(|stream, _| functions.contains_key(stream));
        for (stream, functions) in functions {
            let known = streams.entry(stream).or_default();
            known.functions = functions;
            let listed: HashSet<&TargetId> = known.functions.iter().collect();
            known.brought.retain(|one| listed.contains(one));
            known.checked_at.retain(|one, _| listed.contains(one));
            if known
                .per_function
                .take_if(|split| split.until <= now)
                .is_some()
            {
                known.begin();
            }
        }
    }

    /// The functions to be looked at before a read of `stream`: few or none.
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

    /// Notes that `stream` brought rows of these functions.
    fn brought(&self, stream: &TargetId, now: Timestamp, functions: &[FunctionId]) {
        if functions.is_empty() {
            return;
        }
        if let Some(known) = self.lock().get_mut(stream) {
            known.first_brought.get_or_insert(now);
            let new = functions.iter().cloned().map(TargetId::function);
            known.brought.extend(new);
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

    /// What can be compared after a read that brought every row within `proven`. A check whose rows
    /// are all newer is kept.
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

    /// Notes at `now` that the rows of a check were known but for `missing`; `None`: that cannot be
    /// told.
    fn compared(&self, stream: &TargetId, now: Timestamp, check: SpotCheck, missing: Option<u64>) {
        if let Some(missing @ 1..) = missing {
            let why = format!("it brought {missing} rows of one function too few");
            return self.split(stream, now, &why);
        }
        if let Some(known) = self.lock().get_mut(stream) {
            known.agreed += usize::from(missing.is_some() && !check.page.rows.is_empty());
            known.checked_at.insert(check.function, check.at);
        }
    }

    /// The functions cannot be listed.
    pub(super) fn not_listed(&self) {
        self.blind.store(true, Ordering::Relaxed);
    }

    /// Whether what `stream` brings may be settled up to `closed`.
    fn is_trusted(&self, stream: &TargetId, closed: Timestamp) -> bool {
        let blind = || self.blind.load(Ordering::Relaxed);
        self.read != Read::Auto
            || self
                .lock()
                .get(stream)
                .map_or_else(blind, |known| known.is_trusted(closed))
    }

    /// Reads the functions of `stream` one by one from now on.
    pub(super) fn split(&self, stream: &TargetId, now: Timestamp, why: &str) {
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
            until: now + wait,
        });
        known.spot_checks.clear();
        drop(streams);
        self.changed.notify_one();
    }

    /// Waits until targets have to be cut anew.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How each stream's functions are read, in words.
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
    /// Nothing is known of what it brings.
    fn begin(&mut self) {
        *self = Self {
            functions: std::mem::take(&mut self.functions),
            times_split: self.times_split,
            ..Self::default()
        };
    }

    /// Its functions, those of which it never brought a row apart: what it leaves out is there.
    fn silent_and_heard(&self) -> (Vec<&TargetId>, Vec<&TargetId>) {
        let is_silent = |one: &&TargetId| !self.brought.contains(*one);
        self.functions.iter().partition(is_silent)
    }

    /// The functions that have to be looked at before what it brings may be settled up to `closed`,
    /// those without rows and the others.
    ///
    /// That a function had no rows is said of the time before the check only. But once the stream has
    /// brought rows of others and not of this one, it is taken for its way.
    fn due(&self, closed: Timestamp) -> (Vec<&TargetId>, Vec<&TargetId>) {
        let since = self.first_brought.map_or(closed, |first| first.min(closed));
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

    /// The function whose turn it is while the stream is trusted: of either kind by turns.
    fn in_turn(&self) -> Option<&TargetId> {
        let (silent, heard) = self.silent_and_heard();
        let mut kinds = [silent, heard];
        kinds.rotate_left(self.turn % 2);
        let kind = kinds.iter().find(|kind| !kind.is_empty())?;
        Some(kind[self.turn / 2 % kind.len()])
    }
}

/// Reads `target`; where it is a stream of many functions, spot checks some of them as well, and
/// draws the conclusions.
pub(super) async fn read(
    source: &dyn Streams,
    target: &TargetId,
    span: Span,
    sink: &mut dyn PageSink,
) -> Result<ReadReport, ApiError> {
    let mode = source.stream_mode();
    if mode.read != Read::Auto || matches!(target.scope, Scope::Function(_)) {
        return source.read_target(target, span, sink).await;
    }
    // What is there before the stream is read, the stream must bring.
    spot_check_some(source, target, span).await;
    let settles = mode.is_trusted(target, span.closed);
    let mut auditing = AuditingSink {
        mode,
        stream: target,
        now: span.now,
        sink,
        settles,
    };
    let mut report = match source.read_target(target, span, &mut auditing).await {
        Err(refused) if is_of_the_stream(&refused) => {
            mode.split(target, span.now, &refused.to_string());
            return Ok(ReadReport::default());
        }
        answer => answer?,
    };
    if report.truncated {
        let why = "it holds more rows than the API hands out";
        mode.split(target, span.now, why);
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
        mode.compared(target, span.now, check, missing);
    }
    report.complete &= mode.is_aggregated(target) && mode.is_trusted(target, span.closed);
    Ok(report)
}

/// Whether a refusal may be one of a stream of many functions: not where it names another parameter.
fn is_of_the_stream(refused: &ApiError) -> bool {
    let parts = refused.code.rsplit('.');
    let of_another = parts.take(1).any(|last| OTHER_PARAMETERS.contains(&last));
    refused.class == ErrorClass::Invalid && !of_another && !refused.asks_for_less()
}

/// Looks at functions whose turn it is, until some have had rows.
async fn spot_check_some(source: &dyn Streams, stream: &TargetId, span: Span) {
    let mode = source.stream_mode();
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

/// Hands everything on, and settles only what may be.
struct AuditingSink<'a> {
    mode: &'a StreamMode,
    stream: &'a TargetId,
    now: Timestamp,
    sink: &'a mut dyn PageSink,
    settles: bool,
}

impl PageSink for AuditingSink<'_> {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        self.mode.brought(self.stream, self.now, &page.functions);
        self.sink.put(page)
    }

    fn reached(&mut self, position: Timestamp) -> BoxFuture<'_, Flow> {
        if self.settles {
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
