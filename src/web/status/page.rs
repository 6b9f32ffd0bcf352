//! The page: what stands in it, worked out for the template.

use std::time::Duration;

use askama::Template;

use super::groups::{self, Group};
use super::spark::{HEIGHT, Spark, WIDTH};
use super::words::{self, Clock, Count, Near, Of, Span};
use crate::model::Timestamp;
use crate::telemetry::{Awaited, BuildInfo, CELLS, Cell, Issue, Rows, Unread};
use crate::web::{Health, Readiness, SourceStatus, Status, TargetStatus};

/// Groups of troubles that are shown in full; the table has each target's own.
const GROUPS_MAX: usize = 12;
/// Streams of a source that are shown.
const STREAMS_MAX: usize = 50;
/// How many characters of an error are shown. The vendor's own are cut to 300 before.
const TEXT_MAX: usize = 1_000;
/// A trouble that has been over for longer is not shown any more.
const OVER_SHOWN: Duration = Duration::from_secs(3_600);
/// From this part on failed invocations catch the eye: a few are nothing unusual.
const MANY_FAILED: f64 = 0.05;
/// From this part of what may be asked on a source is said to be near it.
const BUSY: f64 = 0.8;

#[derive(Template)]
#[template(path = "status.html")]
struct Page<'s> {
    build: BuildInfo,
    metrics: &'s str,
    json: &'static str,
    /// One of `good`, `bad`, `wait`: the colour of the whole.
    tone: &'static str,
    headline: String,
    failing: usize,
    advised: usize,
    waiting: usize,
    uptime: Span,
    clock: Clock,
    hour: Lately,
    oldest_poll: Option<Span>,
    watermark: Option<(Near, Span)>,
    backlog: Option<Span>,
    loaded: Near,
    groups: Vec<Problem>,
    groups_left_out: usize,
    status: &'s Status,
    sources: Vec<Source<'s>>,
    targets: Vec<Target<'s>>,
}

/// What is to be seen at a glance.
struct Glance {
    readiness: Readiness,
    /// Whether something failed.
    stopped: bool,
    /// Whether there is something to be looked at.
    advised: bool,
    failing: usize,
    waiting: usize,
    targets: usize,
}

/// Troubles with one cause.
struct Problem {
    group: Group,
    what: String,
    since: Span,
    last: Span,
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
    /// Requests a second of the action asked most, as it is written and as a number.
    rate: String,
    busiest: f64,
    /// Whether that is near what may be asked.
    busy: bool,
    limit: String,
}

struct Target<'s> {
    status: &'s TargetStatus,
    health: &'static str,
    /// Its place in the order of what needs a look.
    rank: u8,
    hour: Lately,
    read: Option<Span>,
    watermark: Option<Near>,
    waiting: Option<Span>,
    trouble: Option<PageContext<'s>>,
    /// Whether all is well and yet nothing was read.
    silent: bool,
}

/// The trouble of a target.
struct PageContext<'s> {
    trouble: &'s Issue,
    what: String,
    since: Span,
    ended: Option<Span>,
}

/// The page.
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
            advised: !groups.is_empty(),
            failing,
            waiting,
            targets: all.len(),
        };
        let groups_left_out = groups.len().saturating_sub(GROUPS_MAX);
        groups.truncate(GROUPS_MAX);
        let span = |since: Timestamp| Span(now.since(since));
        let watermark = all.iter().map(|one| one.watermark).min().flatten();
        Self {
            build: BuildInfo::current(),
            // Relative, so that a proxy may put the whole under a path of its own.
            metrics: metrics.trim_start_matches('/'),
            json: super::JSON_PATH.trim_start_matches('/'),
            tone: tone(&glance),
            headline: headline(&glance),
            failing,
            advised: having(Health::Advice),
            waiting,
            uptime: span(status.began),
            clock: Clock(now),
            hour: Lately::of(&total(all)),
            oldest_poll: all.iter().filter_map(|one| one.last_poll).min().map(span),
            watermark: watermark.map(|at| (Near { at, now }, span(at))),
            loaded: Near {
                at: status.config.loaded,
                now,
            },
            backlog: all
                .iter()
                .filter_map(|one| one.waiting(now))
                .max()
                .map(Span),
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

    /// As much of the commit as tells it from others.
    fn revision(&self) -> &str {
        let all = self.build.revision;
        all.get(..12).unwrap_or(all)
    }

    /// Requests a second.
    fn rate(per_second: &f64) -> String {
        rate(*per_second)
    }

    /// For the order of a column.
    fn millis(at: &Option<Near>) -> i64 {
        at.map_or(0, |near| near.at.as_millis())
    }

    /// For the order of a column: seconds, -1 where there are none.
    fn seconds(span: &Option<Span>) -> i64 {
        span.map_or(-1, |span| span.0.as_secs() as i64)
    }
}

fn tone(glance: &Glance) -> &'static str {
    let Glance {
        ref readiness,
        stopped,
        advised,
        waiting,
        targets,
        ..
    } = *glance;
    let is_ready = *readiness == Readiness::Ready && waiting == 0;
    match stopped {
        true => "bad",
        false if is_ready && targets > 0 && !advised => "good",
        false => "wait",
    }
}

fn headline(glance: &Glance) -> String {
    let of = |part: usize| {
        let targets = Of(glance.targets as u64, "target");
        format!("{} of {targets}", Count(part as u64))
    };
    let discovers = |unread: &[Unread]| unread.iter().any(|one| one.why == Awaited::Functions);
    match &glance.readiness {
        _ if glance.failing > 0 => format!("{} failing", of(glance.failing)),
        _ if glance.stopped => "Something is wrong".to_owned(),
        Readiness::Waiting(unread) if discovers(unread) => "Looking for targets".to_owned(),
        _ if glance.waiting > 0 => format!("{} still to be read", of(glance.waiting)),
        _ if glance.targets == 0 => "There is nothing to read".to_owned(),
        _ if glance.advised => "All targets are read, but not all is as it should be".to_owned(),
        _ => "All targets are read".to_owned(),
    }
}

/// The invocations of all targets, minute by minute.
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
        since: Span(now.since(group.since)),
        last: Span(now.since(group.trouble.last)),
        group,
    }
}

/// The text, or its beginning.
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

    fn total(&self) -> Count {
        Count(u64::from(self.sum.total))
    }

    fn failed(&self) -> Count {
        Count(u64::from(self.sum.failed))
    }

    fn part(&self) -> f64 {
        f64::from(self.sum.failed) / f64::from(self.sum.total.max(1))
    }

    /// The failed part, as in `1.2 %`.
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
        let busiest = status.requests.first().map_or(0.0, |one| one.per_second);
        Self {
            targets: own().count(),
            failing: own()
                .filter(|target| target.health() == Health::Failing)
                .count(),
            rate: rate(busiest),
            busiest,
            busy: busiest >= BUSY * status.requests_limit,
            limit: rate(status.requests_limit),
            status,
        }
    }

    /// The used part of what may be asked, in hundredths.
    fn used(&self) -> u32 {
        (self.busiest / self.status.requests_limit.max(1e-9) * 100.0).clamp(0.0, 100.0) as u32
    }

    /// How its targets are cut, where no stream of many functions is read.
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

/// Requests a second: whole where they are many or happen to be.
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
            health: health.as_str(),
            rank: health as u8,
            hour: Lately::of(&status.recent),
            read: status.last_poll.map(|at| Span(now.since(at))),
            watermark: status.watermark.map(|at| Near { at, now }),
            waiting: status.waiting(now).map(Span),
            silent: health == Health::Ok && status.rows == Rows::default(),
            trouble: trouble.and_then(|trouble| PageContext::of(trouble, now)),
            status,
        }
    }
}

impl<'s> PageContext<'s> {
    fn of(trouble: &'s Issue, now: Timestamp) -> Option<Self> {
        let ended = trouble.ended.map(|at| now.since(at));
        ended.is_none_or(|ended| ended < OVER_SHOWN).then(|| Self {
            trouble,
            what: cut(&trouble.what),
            since: Span(now.since(trouble.since)),
            ended: ended.map(Span),
        })
    }
}

#[cfg(test)]
mod tests;
