//! One stream for many functions, or one for each: what `read: auto` decides, and why.
//!
//! A stream of a whole region or namespace costs a hundredth of a stream for each function, but the
//! documents do not promise that the API answers it, nor that the answer holds every function. So
//! it is used as long as nothing speaks against it: a refusal, rows beyond a cap, or a spot check
//! that finds more rows of one function than the stream brought. Then each function is read by
//! itself, and after a while the stream is tried again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tracing::warn;

use super::{Flow, PageSink, ReadReport, Span};
use crate::config::Read;
use crate::ledger::{Scope, TargetId};
use crate::model::{Page, Timestamp};
use crate::tencent::{ApiError, BoxFuture, ErrorClass};

/// How long functions are read one by one before their stream is tried again; twice as long each
/// further time, up to a day.
const NARROW_FOR: Duration = Duration::from_secs(3_600);
const NARROW_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Time between spot checks of a stream that is trusted.
const CHECK_EVERY: Duration = Duration::from_secs(600);
/// Functions looked at in one read, until the stream is trusted.
const CHECKS_AT_ONCE: usize = 20;
/// Checks that must have found rows, and all of them in the stream, before it is trusted.
const CHECKS_TO_TRUST: u32 = 3;

/// A source whose functions can be read through one stream or one by one.
pub(super) trait Streams: Send + Sync {
    /// How its targets are cut.
    fn strategy(&self) -> &Strategy;

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

/// How the targets of one source are cut.
pub(super) struct Strategy {
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
    /// What looks at functions showed, until it can be compared.
    looks: Vec<Look>,
    /// Functions compared since the stream was last distrusted.
    compared: usize,
    /// Of these, those that had rows.
    agreed: u32,
    next_check: Option<Timestamp>,
    narrow: Option<Narrow>,
    times_narrowed: u32,
}

/// Why its functions are read one by one, and until when.
struct Narrow {
    why: String,
    until: Timestamp,
}

/// What a look at one function by itself showed.
struct Look(Page);

impl Strategy {
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
            if known.narrow.take_if(|narrow| narrow.until <= now).is_some() {
                (known.compared, known.agreed, known.next_check) = (0, 0, None);
                known.looks.clear();
            }
        }
    }

    /// The functions to be looked at before a read of `stream` at `now`: few or none, and none as
    /// long as earlier looks are not compared.
    fn to_look_at(&self, stream: &TargetId, now: Timestamp) -> Vec<TargetId> {
        let streams = self.lock();
        let Some(known) = streams.get(stream).filter(|known| known.looks.is_empty()) else {
            return Vec::new();
        };
        let wanted = match known.next_check {
            Some(at) if now < at => 0,
            _ if !known.is_trusted() => CHECKS_AT_ONCE,
            _ => 1,
        };
        let functions = &known.functions;
        let in_turn = (0..functions.len().min(wanted))
            .map(|step| functions[(known.compared + step) % functions.len()].clone());
        in_turn.collect()
    }

    /// Keeps what looks at functions of `stream` showed.
    fn looked(&self, stream: &TargetId, looks: Vec<Look>) {
        if let Some(known) = self.lock().get_mut(stream) {
            known.looks.extend(looks);
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
            let mut positions = look.0.rows.iter().map(|row| row.position).peekable();
            positions.peek().is_some() && positions.all(|position| position >= proven.end)
        };
        let (kept, mut ready): (Vec<_>, Vec<_>) = known.looks.drain(..).partition(is_newer);
        known.looks = kept;
        for look in &mut ready {
            look.0.rows.retain(|row| proven.contains(&row.position));
        }
        ready
    }

    /// Notes that of `rows` rows of one function the stream had not brought `missing`; `None`:
    /// that cannot be told.
    fn compared(&self, stream: &TargetId, now: Timestamp, rows: usize, missing: Option<u64>) {
        if let Some(missing @ 1..) = missing {
            let why = format!("it brought {missing} rows of one function too few");
            return self.narrow(stream, now, &why);
        }
        if let Some(known) = self.lock().get_mut(stream) {
            known.compared += 1;
            known.agreed += u32::from(rows > 0 && missing.is_some());
            known.next_check = known.is_trusted().then(|| now + CHECK_EVERY);
        }
    }

    /// The functions cannot be listed.
    pub(super) fn not_listed(&self) {
        self.blind.store(true, Ordering::Relaxed);
    }

    /// Whether what `stream` brings may be settled.
    fn is_trusted(&self, stream: &TargetId) -> bool {
        let blind = || self.blind.load(Ordering::Relaxed);
        self.read != Read::Auto
            || self
                .lock()
                .get(stream)
                .map_or_else(blind, Stream::is_trusted)
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
        known.narrow = Some(Narrow {
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
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// Some functions agreed, or none has anything to say.
    fn is_trusted(&self) -> bool {
        self.agreed >= CHECKS_TO_TRUST || self.compared >= self.functions.len()
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
    let settles = strategy.is_trusted(target);
    let mut careful = Careful { sink, settles };
    let mut report = match source.read_target(target, span, &mut careful).await {
        Err(refused) if refused.class == ErrorClass::Invalid => {
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
    for Look(page) in strategy.to_compare(target, &proven) {
        let rows = page.rows.len();
        let missing = careful.recheck(page).await;
        strategy.compared(target, span.now, rows, missing);
    }
    report.complete &= strategy.is_wide(target) && strategy.is_trusted(target);
    Ok(report)
}

/// Looks at functions whose turn it is, until some have had rows.
async fn look_at_some(source: &dyn Streams, stream: &TargetId, span: Span) {
    let strategy = source.strategy();
    let mut looks = Vec::new();
    let mut with_rows = 0;
    for function in strategy.to_look_at(stream, span.now) {
        // If it fails so will the read, or the next look does better.
        let Ok(mut page) = source.look(&function, span).await else {
            break;
        };
        (page.unfinished, page.rejects) = (0, Vec::new());
        page.rows.retain(|row| row.position >= span.first_second());
        with_rows += u32::from(!page.rows.is_empty());
        looks.push(Look(page));
        if with_rows >= CHECKS_TO_TRUST {
            break;
        }
    }
    strategy.looked(stream, looks);
}

/// Hands everything on, and settles only what may be.
struct Careful<'a> {
    sink: &'a mut dyn PageSink,
    settles: bool,
}

impl PageSink for Careful<'_> {
    fn put(&mut self, page: Page) -> BoxFuture<'_, Flow> {
        self.sink.put(page)
    }

    fn reached(&mut self, position: Timestamp) -> BoxFuture<'_, Flow> {
        if self.settles {
            self.sink.reached(position)
        } else {
            Box::pin(async { Flow::Continue })
        }
    }

    fn met(&mut self, span: Range<Timestamp>) -> BoxFuture<'_, Option<u64>> {
        self.sink.met(span)
    }

    fn recheck(&mut self, page: Page) -> BoxFuture<'_, Option<u64>> {
        self.sink.recheck(page)
    }
}
