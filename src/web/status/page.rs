//! Works out what the template of the page shows.

use std::time::Duration;

use askama::Template;

use super::groups::{self, Group};
use super::spark::{HEIGHT, Spark, WIDTH};
use super::words;
use crate::model::Timestamp;
use crate::telemetry::{Awaited, BuildInfo, CELLS, Cell, Issue, Rows, Unread};
use crate::web::{
    ActionRate, FunctionStatus, Health, Readiness, SourceStatus, Status, TargetStatus,
};

/// Groups of issues that are shown; the table has the issue of each target.
const GROUPS_MAX: usize = 12;
/// Streams of a source that are shown.
const STREAMS_MAX: usize = 50;
/// Characters of an error that are shown. Those of the vendor are cut to 300 before.
const TEXT_MAX: usize = 1_000;
/// How long an issue is shown after it has ended.
const OVER_SHOWN: Duration = Duration::from_secs(3_600);
/// Share of failed invocations from which they are highlighted.
const MANY_FAILED: f64 = 0.05;
/// Share of the rate limit from which a source is called busy.
const BUSY: f64 = 0.8;

#[derive(Template)]
#[template(path = "status.html")]
struct Page<'s> {
    build: BuildInfo,
    metrics: &'s str,
    json: &'static str,
    /// A class of the style sheet: `good`, `bad` or `wait`.
    tone: &'static str,
    headline: String,
    failing: usize,
    advised: usize,
    waiting: usize,
    uptime: Duration,
    hour: Lately,
    oldest_poll: Option<Duration>,
    watermark: Option<(Timestamp, Duration)>,
    backlog: Option<Duration>,
    /// Whether there are targets and all of them fail.
    all_failing: bool,
    groups: Vec<Problem>,
    groups_left_out: usize,
    status: &'s Status,
    sources: Vec<Source<'s>>,
    functions: Vec<Function<'s>>,
    targets: Vec<Target<'s>>,
}

/// What headline and tone depend on.
struct Glance {
    readiness: Readiness,
    /// Whether something failed.
    stopped: bool,
    /// Whether the configuration could not be reloaded.
    not_reloaded: bool,
    /// Whether anything needs attention.
    advised: bool,
    failing: usize,
    waiting: usize,
    targets: usize,
}

struct Problem {
    group: Group,
    what: String,
    since: Duration,
    last: Duration,
}

/// Invocations of the last hour.
struct Lately {
    sum: Cell,
    spark: Spark,
}

struct Source<'s> {
    status: &'s SourceStatus,
    targets: usize,
    failing: usize,
    /// The action that is closest to its limit.
    busiest: Option<&'s ActionRate>,
}

struct Target<'s> {
    status: &'s TargetStatus,
    health: Health,
    hour: Lately,
    read: Option<Duration>,
    waiting: Option<Duration>,
    trouble: Option<PageContext<'s>>,
    /// Whether it is read and yet no row was found.
    silent: bool,
}

/// A function of the table of functions.
struct Function<'s> {
    status: &'s FunctionStatus,
    last: Option<Duration>,
}

/// The issue of a target.
struct PageContext<'s> {
    trouble: &'s Issue,
    what: String,
    since: Duration,
    ended: Option<Duration>,
}

/// Renders the page.
pub(super) fn render(
    telemetry_path: &str,
    readiness: Readiness,
    mut status: Status,
) -> askama::Result<String> {
    status
        .targets
        .sort_by(|a, b| (a.health(), &a.name).cmp(&(b.health(), &b.name)));
    Page::of(telemetry_path, readiness, &status).render()
}

impl<'s> Page<'s> {
    fn of(metrics: &'s str, readiness: Readiness, status: &'s Status) -> Self {
        let (now, all) = (status.now, &status.targets);
        let having = |health| all.iter().filter(|one| one.health() == health).count();
        let (failing, waiting) = (having(Health::Failing), having(Health::Waiting));
        let mut groups = groups::of(status);
        let stopped = groups.iter().any(|group| !group.trouble.hint);
        let glance = Glance {
            readiness,
            stopped,
            not_reloaded: status.config.fault.is_some(),
            advised: !groups.is_empty(),
            failing,
            waiting,
            targets: all.len(),
        };
        let groups_left_out = groups.len().saturating_sub(GROUPS_MAX);
        groups.truncate(GROUPS_MAX);
        let span = |since: Timestamp| now.since(since);
        let functions = status.functions.rows.iter();
        let watermark = all.iter().map(|one| one.watermark).min().flatten();
        Self {
            build: BuildInfo::current(),
            // Relative, so that a proxy can serve everything below a path of its own.
            metrics: metrics.trim_start_matches('/'),
            json: super::JSON_PATH.trim_start_matches('/'),
            tone: tone(&glance),
            headline: headline(&glance),
            failing,
            advised: having(Health::Advice),
            waiting,
            uptime: span(status.began),
            hour: Lately::of(&total(all)),
            oldest_poll: all.iter().filter_map(|one| one.last_poll).min().map(span),
            watermark: watermark.map(|at| (at, span(at))),
            backlog: all.iter().filter_map(|one| one.waiting(now)).max(),
            all_failing: failing > 0 && failing == all.len(),
            groups: groups
                .into_iter()
                .map(|group| problem(group, now))
                .collect(),
            groups_left_out,
            sources: status
                .sources
                .iter()
                .map(|source| Source::of(source, all))
                .collect(),
            functions: functions.map(|one| Function::of(one, now)).collect(),
            targets: all.iter().map(|target| Target::of(target, now)).collect(),
            status,
        }
    }
}

impl Page<'_> {
    fn title(&self) -> String {
        match self.failing {
            0 => "scf-exporter".to_owned(),
            failing => format!("({failing} failing) scf-exporter"),
        }
    }

    /// Returns the start of the commit, which is long enough to tell it from others.
    fn revision(&self) -> &str {
        let all = self.build.revision;
        all.get(..12).unwrap_or(all)
    }

    fn rows_read(&self) -> String {
        words::count(&self.status.rows.read())
    }

    fn rate(per_second: &f64) -> String {
        rate(*per_second)
    }

    /// Returns the key by which a column is sorted.
    fn millis(at: &Option<Timestamp>) -> i64 {
        at.map_or(0, Timestamp::as_millis)
    }

    /// Returns the key by which a column is sorted: seconds, or -1 where nothing is known.
    fn seconds(span: &Option<Duration>) -> i64 {
        span.map_or(-1, |span| span.as_secs() as i64)
    }
}

fn tone(glance: &Glance) -> &'static str {
    let Glance {
        ref readiness,
        stopped,
        not_reloaded,
        advised,
        waiting,
        targets,
        ..
    } = *glance;
    let is_ready = *readiness == Readiness::Ready && waiting == 0;
    match stopped {
        true => "bad",
        false if is_ready && targets > 0 && !advised && !not_reloaded => "good",
        false => "wait",
    }
}

fn headline(glance: &Glance) -> String {
    let of = |part: usize| {
        let targets = words::of(&(glance.targets as u64), "target");
        format!("{} of {targets}", words::count(&(part as u64)))
    };
    let discovers = |unread: &[Unread]| unread.iter().any(|one| one.why == Awaited::Functions);
    match &glance.readiness {
        _ if glance.failing > 0 => format!("{} failing", of(glance.failing)),
        _ if glance.stopped => "Something is wrong".to_owned(),
        _ if glance.not_reloaded => "The configuration could not be reloaded".to_owned(),
        Readiness::Waiting(unread) if discovers(unread) => "Looking for targets".to_owned(),
        _ if glance.waiting > 0 => format!("{} still to be read", of(glance.waiting)),
        _ if glance.targets == 0 => "There is nothing to read".to_owned(),
        _ if glance.advised => "All targets are read; see the advice".to_owned(),
        _ => "All targets are read".to_owned(),
    }
}

/// Adds up the invocations of all targets by minute.
fn total(targets: &[TargetStatus]) -> Vec<Cell> {
    let mut total = vec![Cell::default(); CELLS];
    for target in targets {
        for (sum, cell) in total.iter_mut().zip(&target.recent) {
            sum.add(*cell);
        }
    }
    total
}

fn problem(group: Group, now: Timestamp) -> Problem {
    Problem {
        what: cut(&group.trouble.what),
        since: now.since(group.since),
        last: now.since(group.trouble.last),
        group,
    }
}

/// Cuts a text that is too long.
fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

impl Lately {
    fn of(cells: &[Cell]) -> Self {
        let mut sum = Cell::default();
        cells.iter().for_each(|cell| sum.add(*cell));
        Self {
            sum,
            spark: Spark::of(cells),
        }
    }

    fn total(&self) -> String {
        words::count(&self.sum.total.into())
    }

    fn failed(&self) -> String {
        words::count(&self.sum.failed.into())
    }

    fn part(&self) -> f64 {
        f64::from(self.sum.failed) / f64::from(self.sum.total.max(1))
    }

    fn percent(&self) -> String {
        format!("{:.1} %", self.part() * 100.0)
    }

    fn class(&self) -> &'static str {
        if self.part() >= MANY_FAILED {
            "bad"
        } else {
            "few"
        }
    }
}

impl<'s> Source<'s> {
    fn of(status: &'s SourceStatus, all: &[TargetStatus]) -> Self {
        let own = || all.iter().filter(|target| target.source == status.name);
        Self {
            targets: own().count(),
            failing: own()
                .filter(|target| target.health() == Health::Failing)
                .count(),
            busiest: status
                .requests
                .iter()
                .max_by(|a, b| a.used().total_cmp(&b.used())),
            status,
        }
    }

    fn busy(&self) -> bool {
        self.busiest.is_some_and(|action| action.used() >= BUSY)
    }

    /// Returns the requests a second of the action that is closest to its limit, and that limit.
    fn budget(&self) -> (f64, f64) {
        let none = (0.0, self.status.requests_limit);
        self.busiest
            .map_or(none, |action| (action.per_second, action.limit))
    }

    /// Returns the used share of the rate limit in percent.
    fn used(&self) -> u32 {
        let used = self.busiest.map_or(0.0, ActionRate::used);
        (used * 100.0).clamp(0.0, 100.0) as u32
    }

    /// Returns what a target is where no stream of many functions is read.
    fn own_targets(&self) -> &'static str {
        match self.status.api.as_str() {
            "cls" => "a log topic each",
            _ => "a function each",
        }
    }

    fn streams(&self) -> impl Iterator<Item = &'s (String, String)> {
        self.status.stream_modes.iter().take(STREAMS_MAX)
    }

    fn streams_left_out(&self) -> usize {
        self.status.stream_modes.len().saturating_sub(STREAMS_MAX)
    }
}

/// Writes requests a second, without decimals where they are many or a whole number.
fn rate(per_second: f64) -> String {
    if per_second >= 100.0 || per_second.fract() == 0.0 {
        format!("{per_second:.0}")
    } else if per_second < 1.0 {
        format!("{per_second:.2}")
    } else {
        format!("{per_second:.1}")
    }
}

impl<'s> Target<'s> {
    fn of(status: &'s TargetStatus, now: Timestamp) -> Self {
        let health = status.health();
        let trouble = status.trouble.as_ref();
        Self {
            health,
            hour: Lately::of(&status.recent),
            read: status.last_poll.map(|at| now.since(at)),
            waiting: status.waiting(now),
            silent: health == Health::Ok && status.rows == Rows::default(),
            trouble: trouble.and_then(|trouble| PageContext::of(trouble, now)),
            status,
        }
    }

    /// Returns the key by which the column of states is sorted.
    fn rank(&self) -> u8 {
        self.health as u8
    }
}

impl<'s> Function<'s> {
    fn of(status: &'s FunctionStatus, now: Timestamp) -> Self {
        Self {
            last: status.last_invocation.map(|at| now.since(at)),
            status,
        }
    }

    fn percent(&self) -> String {
        let part = self.status.failed as f64 / self.status.invocations.max(1) as f64;
        format!("{:.1} %", part * 100.0)
    }

    fn p95(&self) -> String {
        match self.status.p95_seconds {
            Some(seconds) if seconds < 1.0 => format!("{:.0} ms", (seconds * 1_000.0).max(1.0)),
            Some(seconds) => format!("{seconds:.1} s"),
            None => "-".to_owned(),
        }
    }
}

impl<'s> PageContext<'s> {
    fn of(trouble: &'s Issue, now: Timestamp) -> Option<Self> {
        let ended = trouble.ended.map(|at| now.since(at));
        ended.is_none_or(|ended| ended < OVER_SHOWN).then(|| Self {
            trouble,
            what: cut(&trouble.what),
            since: now.since(trouble.since),
            ended,
        })
    }
}

#[cfg(test)]
mod tests;
