//! What can be seen is counted in time: every row of v2 and v3 has a deadline.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use scf_exporter::config::Api;
use scf_sim::Cloud;

use super::checks::Broken;
use super::clock::MachineClock;
use super::plan::{Layout, Setup, Story};
use super::wire::is_spoilt;

/// The part of the requests that may be used where a budget is called idle: less than a half, so
/// that there is room to look for rows in.
const USED_MAX: f64 = 0.3;
/// Requests that two polls may take.
const REQUESTS: u32 = 40;
/// What two polls take beside requests and the waits between them.
const SLACK: Duration = Duration::from_secs(10);
/// How long a start may take to find its functions, apart from requests.
const SETTLING: Duration = Duration::from_secs(60);
/// How long commits that failed keep polls away.
const AFTER_FULL_DISK: Duration = Duration::from_secs(330);
/// So long failures count that came before: waits of five minutes lie between them in the end.
const FAILURES_MS: i64 = 1_800_000;
/// The longest wait after failures.
const FAILURE_WAIT_MS: i64 = 300_000;

/// What the network saw.
#[derive(Default)]
pub struct Seen(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    /// When each request id was handed out last.
    handed_ms: HashMap<String, i64>,
    /// When rows were asked for.
    asked_ms: Vec<i64>,
    /// When an answer was none, or late.
    bad_ms: Vec<i64>,
}

/// The rows that are due.
pub struct Deadlines {
    /// Rows that became visible before are known here.
    known_ms: i64,
    waiting: Vec<Waiting>,
    /// From then on nothing but the network stands in the way.
    at_work_ms: i64,
    /// Rows that were due, and handed out in time.
    pub judged: u64,
}

struct Waiting {
    request_id: String,
    visible_ms: i64,
}

// === impl Seen ===

impl Seen {
    pub fn asked(&self, now_ms: i64) {
        self.lock().asked_ms.push(now_ms);
    }

    /// Notes the rows of an answer of v2 or v3.
    pub fn handed(&self, now_ms: i64, body: &[u8]) {
        if is_spoilt(body) {
            return;
        }
        let body = String::from_utf8_lossy(body);
        let mut noted = self.lock();
        for name in ["\"RequestId\":\"", "\"requestId\":\"", "\"request_id\":\""] {
            for (at, _) in body.match_indices(name) {
                let rest = &body[at + name.len()..];
                let id = rest.split('"').next().unwrap_or_default();
                noted.handed_ms.insert(id.to_owned(), now_ms);
            }
        }
    }

    pub fn bad(&self, now_ms: i64) {
        self.lock().bad_ms.push(now_ms);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Noted> {
        self.0.lock().expect("nobody panics with it")
    }
}

impl Noted {
    /// From when on failures keep no poll away any more: each may have doubled the wait.
    fn recovered_ms(&self, interval_ms: i64) -> i64 {
        let Some(last) = self.bad_ms.last() else {
            return i64::MIN;
        };
        let before = self.bad_ms.iter().rev();
        let failures = before.take_while(|at| *last - **at < FAILURES_MS).count();
        let wait_ms = interval_ms.saturating_mul(1 << failures.min(16));
        last + wait_ms.min(FAILURE_WAIT_MS.max(interval_ms))
    }

    fn asked_since(&self, from_ms: i64) -> usize {
        self.asked_ms.len() - self.asked_ms.partition_point(|at| *at < from_ms)
    }
}

// === impl Deadlines ===

impl Deadlines {
    pub fn new(start_ms: i64) -> Self {
        Self {
            known_ms: start_ms,
            waiting: Vec::new(),
            at_work_ms: i64::MAX,
            judged: 0,
        }
    }

    /// An exporter begins, or takes over another configuration.
    pub fn begin(&mut self, now_ms: i64, story: &Story) {
        self.at_work_ms = now_ms + ms(SETTLING + story.latency * REQUESTS);
    }

    /// Something stands in the way of polls.
    pub fn full_disk(&mut self, now_ms: i64) {
        self.at_work_ms = self.at_work_ms.max(now_ms + ms(AFTER_FULL_DISK));
    }

    /// That no row has been visible for more than two polls, and was not handed out, while the
    /// budget was idle and nothing went wrong.
    pub fn check(
        &mut self,
        now_ms: i64,
        cloud: &Cloud,
        seen: &Seen,
        story: &Story,
        setup: &Setup,
    ) -> Result<(), Broken> {
        // A function that is not there all the time is found with a list.
        let lives: Vec<usize> = story.world.lives.iter().map(|life| life.function).collect();
        for row in cloud.rows(now_ms, self.known_ms) {
            if row.retry == 0 && !lives.contains(&row.function) {
                self.waiting.push(Waiting {
                    request_id: row.request_id,
                    visible_ms: row.visible_ms,
                });
            }
        }
        self.known_ms = now_ms + 1;
        // By a clock that is wrong, what is new may lie in the future.
        let is_timed = story.clock == MachineClock::default() && story.has_right_dates();
        // Attempts met in topics are kept by log time, so that after a move from there totals tell
        // nothing for as long, and only sweeps find what stands far down.
        let has_topics = story.setups().any(|setup| setup.api == Api::Cls);
        if has_topics || setup.layout == Layout::First || !is_timed {
            self.begin(now_ms, story);
        }
        let interval_ms = (setup.interval * 1_000) as i64;
        let noted = seen.lock();
        let quiet_ms = self.at_work_ms.max(noted.recovered_ms(interval_ms));
        let within_ms = self.within_ms(story, setup);
        let mut judged = 0;
        let mut late = None;
        self.waiting.retain(|row| {
            let last_ms = noted.handed_ms.get(&row.request_id);
            let is_handed = last_ms.is_some_and(|at| *at >= row.visible_ms);
            let from_ms = row.visible_ms.max(quiet_ms);
            if is_handed {
                judged += u64::from(from_ms == row.visible_ms);
            } else if now_ms >= from_ms.saturating_add(within_ms)
                && noted.asked_since(from_ms) as f64 <= requests_max(now_ms - from_ms, story, setup)
            {
                late = Some((row.request_id.clone(), now_ms - from_ms));
            }
            !is_handed
        });
        self.judged += judged;
        match late {
            Some((id, waited_ms)) => Err(format!(
                "row {id} can be seen for {} s while the budget is idle, and was not read",
                waited_ms / 1_000
            )),
            None => Ok(()),
        }
    }

    /// Two polls at the slower pace, and what their requests take.
    fn within_ms(&self, story: &Story, setup: &Setup) -> i64 {
        let wait_s = setup.interval.max(setup.idle_interval);
        let wait = Duration::from_secs(2 * wait_s);
        ms(wait + SLACK + story.latency * REQUESTS)
    }
}

/// Requests that an idle budget has made at the most, by its rate and by what may be under way.
fn requests_max(span_ms: i64, story: &Story, setup: &Setup) -> f64 {
    let round_trip = 2.0 * story.latency.as_secs_f64();
    let by_way = setup.in_flight as f64 / round_trip.max(0.001);
    let rate = setup.requests_per_second.min(by_way);
    USED_MAX * rate * span_ms as f64 / 1_000.0
}

fn ms(span: Duration) -> i64 {
    span.as_millis() as i64
}
