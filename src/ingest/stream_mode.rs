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
const NARROW_FOR: Duration = Duration::from_secs(3_600);
const NARROW_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Time between looks at single functions beside a stream that is trusted.
const CHECK_EVERY: Duration = Duration::from_secs(600);
/// Functions looked at before one read, until the stream is trusted.
const LOOKS_AT_ONCE: usize = 20;
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
    fn strategy(&self) -> &StreamMode;

    /// Reads one target, of whichever kind.
    fn read_target<'a>(
        &'a self,
        target: &'a TargetId,
        span: Span,
        sink: &'a mut dyn PageSink,
    ) -> BoxFuture<'a, Result<ReadReport, ApiError>>;

    /// Rows of one function by itself, the newest ones.
    fn look<'a>(
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
            Box::pin(self.strategy.changed())
        }

        fn strategy(&self) -> Vec<(TargetId, String)> {
            self.strategy.told()
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
    /// What looks at functions showed, until it can be compared.
    looks: Vec<Look>,
    /// When each function was looked at last, and its rows were all in the stream.
    looked_at: BTreeMap<TargetId, Timestamp>,
    /// How often there were rows to compare.
    agreed: usize,
    turn: usize,
    next_check: Option<Timestamp>,
    narrow: Option<PerFunction>,
    times_narrowed: u32,
}

/// Why its functions are read one by one, and until when.
struct PerFunction {
    why: String,
    until: Timestamp,
}

/// What a look at one function by itself showed.
struct Look {
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
    pub(super) fn is_wide(&self, stream: &TargetId) -> bool {
        match self.read {
            Read::Region => true,
            Read::Function => false,
            Read::Auto => {
                let streams = self.lock();
                streams.get(stream).is_none_or(|one| one.narrow.is_none())
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
            known.looked_at.retain(|one, _| listed.contains(one));
            if known.narrow.take_if(|narrow| narrow.until <= now).is_some() {
                known.begin();
            }
        }
    }

    /// The functions to be looked at before a read of `stream`: few or none.
    fn to_look_at(&self, stream: &TargetId, span: Span) -> Vec<TargetId> {
        let Span { now, closed, .. } = span;
        let mut streams = self.lock();
        let Some(known) = streams.get_mut(stream) else {
            return Vec::new();
        };
        let waits = |one: &&TargetId| known.looks.iter().any(|look| look.function == **one);
        let (silent, heard) = known.due(closed);
        let mut due = silent;
        if known.looks.len() < AGREED_TO_TRUST {
            due.extend(heard);
        }
        due.retain(|one| !waits(one));
        if !due.is_empty() {
            return due.into_iter().take(LOOKS_AT_ONCE).cloned().collect();
        }
        if !known.looks.is_empty() || known.next_check.is_some_and(|at| now < at) {
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

    /// Keeps what a look at a function of `stream` showed.
    fn looked(&self, stream: &TargetId, look: Look) {
        if let Some(known) = self.lock().get_mut(stream) {
            if look.page.rows.is_empty() {
                known.looked_at.insert(look.function, look.at);
            } else {
                known.looks.push(look);
            }
        }
    }

    /// What can be compared after a read that brought every row within `proven`. A look whose rows
    /// are all newer is kept.
    fn to_compare(&self, stream: &TargetId, proven: &Range<Timestamp>) -> Vec<Look> {
        let mut streams = self.lock();
        let Some(known) = streams.get_mut(stream).filter(|_| !proven.is_empty()) else {
            return Vec::new();
        };
        let is_newer = |look: &Look| {
            let mut positions = look.page.rows.iter().map(|row| row.position);
            positions.all(|position| position >= proven.end)
        };
        let (kept, mut ready): (Vec<_>, Vec<_>) = known.looks.drain(..).partition(is_newer);
        known.looks = kept;
        for look in &mut ready {
            look.page.rows.retain(|row| proven.contains(&row.position));
        }
        ready
    }

    /// Notes at `now` that the rows of a look were known but for `missing`; `None`: that cannot be
    /// told.
    fn compared(&self, stream: &TargetId, now: Timestamp, look: Look, missing: Option<u64>) {
        if let Some(missing @ 1..) = missing {
            let why = format!("it brought {missing} rows of one function too few");
            return self.narrow(stream, now, &why);
        }
        if let Some(known) = self.lock().get_mut(stream) {
            known.agreed += usize::from(missing.is_some() && !look.page.rows.is_empty());
            known.looked_at.insert(look.function, look.at);
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
    pub(super) fn narrow(&self, stream: &TargetId, now: Timestamp, why: &str) {
        if self.read != Read::Auto {
            return;
        }
        let mut streams = self.lock();
        let known = streams.entry(stream.clone()).or_default();
        if known.narrow.is_some() {
            return;
        }
        let wait = NARROW_FOR.saturating_mul(1 << known.times_narrowed.min(8));
        let wait = wait.min(NARROW_MAX);
        known.times_narrowed += 1;
        warn!(
            target_name = %stream, why,
            "one stream for all functions will not do: each is read by itself, which costs more requests; \
             in {} min the stream is tried again", wait.as_secs() / 60
        );
        known.narrow = Some(PerFunction {
            why: why.to_owned(),
            until: now + wait,
        });
        known.looks.clear();
        drop(streams);
        self.changed.notify_one();
    }

    /// Waits until targets have to be cut anew.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How each stream's functions are read, in words.
    pub(super) fn told(&self) -> Vec<(TargetId, String)> {
        let told = |(stream, known): (&TargetId, &Stream)| {
            let text = match (&known.narrow, self.read) {
                (Some(narrow), _) => format!("each function by itself: {}", narrow.why),
                (None, Read::Function) => "each function by itself".to_owned(),
                (None, _) => "one stream for all functions".to_owned(),
            };
            (stream.clone(), text)
        };
        self.lock().iter().map(told).collect()
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
            times_narrowed: self.times_narrowed,
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
    /// That a function had no rows is said of the time before the look only. But once the stream has
    /// brought rows of others and not of this one, it is taken for its way.
    fn due(&self, closed: Timestamp) -> (Vec<&TargetId>, Vec<&TargetId>) {
        let since = self.first_brought.map_or(closed, |first| first.min(closed));
        let is_due = |one: &&TargetId| self.looked_at.get(*one).is_none_or(|at| *at < since);
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

/// Reads `target`; where it is a stream of many functions, looks at some of them beside it, and
/// draws the conclusions.
pub(super) async fn read(
    source: &dyn Streams,
    target: &TargetId,
    span: Span,
    sink: &mut dyn PageSink,
) -> Result<ReadReport, ApiError> {
    let strategy = source.strategy();
    if strategy.read != Read::Auto || matches!(target.scope, Scope::Function(_)) {
        return source.read_target(target, span, sink).await;
    }
    // What is there before the stream is read, the stream must bring.
    look_at_some(source, target, span).await;
    let settles = strategy.is_trusted(target, span.closed);
    let mut careful = AuditingSink {
        strategy,
        stream: target,
        now: span.now,
        sink,
        settles,
    };
    let mut report = match source.read_target(target, span, &mut careful).await {
        Err(refused) if is_of_the_stream(&refused) => {
            strategy.narrow(target, span.now, &refused.to_string());
            return Ok(ReadReport::default());
        }
        answer => answer?,
    };
    if report.truncated {
        let why = "it holds more rows than the API hands out";
        strategy.narrow(target, span.now, why);
    }
    let proven = if report.confirmed {
        span.first_second()..Timestamp::MAX
    } else if report.complete {
        span.closed_seconds()
    } else {
        Timestamp::MIN..Timestamp::MIN
    };
    for look in strategy.to_compare(target, &proven) {
        let missing = careful.recheck(look.page.clone()).await;
        strategy.compared(target, span.now, look, missing);
    }
    report.complete &= strategy.is_wide(target) && strategy.is_trusted(target, span.closed);
    Ok(report)
}

/// Whether a refusal may be one of a stream of many functions: not where it names another parameter.
fn is_of_the_stream(refused: &ApiError) -> bool {
    let parts = refused.code.rsplit('.');
    let of_another = parts.take(1).any(|last| OTHER_PARAMETERS.contains(&last));
    refused.class == ErrorClass::Invalid && !of_another && !refused.asks_for_less()
}

/// Looks at functions whose turn it is, until some have had rows.
async fn look_at_some(source: &dyn Streams, stream: &TargetId, span: Span) {
    let strategy = source.strategy();
    let mut with_rows = 0;
    for function in strategy.to_look_at(stream, span) {
        // If it fails so will the read, or the next look does better.
        let Ok(mut page) = source.look(&function, span).await else {
            break;
        };
        (page.unfinished, page.rejects) = (0, Vec::new());
        page.rows.retain(|row| row.position >= span.first_second());
        with_rows += usize::from(!page.rows.is_empty());
        let at = span.now;
        strategy.looked(stream, Look { function, at, page });
        if with_rows >= AGREED_TO_TRUST {
            break;
        }
    }
}

/// Hands everything on, and settles only what may be.
struct AuditingSink<'a> {
    strategy: &'a StreamMode,
    stream: &'a TargetId,
    now: Timestamp,
    sink: &'a mut dyn PageSink,
    settles: bool,
}

impl PageSink for AuditingSink<'_> {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        self.strategy
            .brought(self.stream, self.now, &page.functions);
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
