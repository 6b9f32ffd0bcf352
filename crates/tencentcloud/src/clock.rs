//! The cloud's time, as answers tell it.

mod vouched;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use super::date::parse_http_date;
use crate::Timestamp;
use crate::runtime::{Clock, SystemClock};
use vouched::{Reading, Vouched};

pub use vouched::Begun;

/// Offsets this close are the same: dates have whole seconds and answers take their time. The
/// vendor allows five minutes.
const AGREE_MS: i64 = 2_000;

/// An offset that changes by less is no news.
const NEWS_MS: i64 = 1_000;

/// The cloud's clock. Clones share what is known: give one to all clients of a source, and what
/// one learns holds for all. As a [`Clock`] it tells the cloud's time, which is this machine's
/// until an answer has told another.
#[derive(Clone, Default)]
pub struct CloudClock(Arc<Shared>);

#[derive(Default)]
struct Shared {
    machine: OnceLock<Machine>,
    known: Mutex<Option<Known>>,
}

/// The clocks of this machine.
struct Machine {
    wall: Arc<dyn Clock>,
    started: Instant,
}

struct Known {
    vouched: Vouched,
    /// The offset from the machine's clock that was told last, and since when.
    told: ClockOffset,
}

/// How far the cloud's clock is ahead of this machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// In milliseconds, by whole seconds; positive where this machine is late.
    pub millis: i64,
    /// Since when it is as much, by the cloud's clock.
    pub since: Timestamp,
}

/// A time that something vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouch {
    /// The cloud's time now.
    pub now: Timestamp,
    /// Since when no answer has contradicted it.
    pub since: Timestamp,
    /// Whether so many answers said so that no single machine of the cloud can be wrong.
    pub is_sure: bool,
    /// How often the time was found to be another than was thought.
    pub jumps: u64,
}

// === impl ClockOffset ===

impl ClockOffset {
    /// Whether a clock that is so many milliseconds off needs a person: half a minute is more than
    /// any time service leaves.
    pub const fn is_wrong(millis: i64) -> bool {
        millis.unsigned_abs() > 30_000
    }

    /// What is wrong with such a clock, in words.
    pub fn tell(millis: i64) -> String {
        let side = if millis < 0 { "ahead of" } else { "behind" };
        let seconds = millis.unsigned_abs() / 1_000;
        format!("this machine's clock is {seconds} s {side} the cloud's")
    }
}

// === impl CloudClock ===

impl CloudClock {
    /// A clock over a machine's wall clock. Must be made inside a tokio runtime when time is
    /// paused, so that both start together.
    pub fn over(wall: Arc<dyn Clock>) -> Self {
        let clock = Self::default();
        clock.run_on(wall);
        clock
    }

    /// Runs on a machine's wall clock from now on, unless it does so on another.
    pub(super) fn run_on(&self, wall: Arc<dyn Clock>) {
        let started = Instant::now();
        self.0.machine.get_or_init(|| Machine { wall, started });
        self.with(|_, _| ());
    }

    /// How far the cloud's clock is ahead of this machine's. Zero as long as no answer has told
    /// of seconds.
    pub fn offset(&self) -> ClockOffset {
        self.with(|known, at| known.offset(at))
    }

    /// The cloud's time at the least: what settles goes by it.
    pub fn at_least(&self) -> Timestamp {
        self.with(|known, at| Timestamp::from_millis(known.vouched.at_least(at)))
    }

    /// Marks the beginning of a read.
    pub fn begun(&self) -> Begun {
        self.with(|known, at| known.vouched.begun(at))
    }

    /// Up to where a read may move the watermark of a target whose rows are late by up to
    /// `lateness`; `None` where it may not, as its time proved wrong or nothing vouches for it.
    pub fn may_settle(&self, begun: Begun, lateness: Duration) -> Option<Timestamp> {
        let begun_at = self.with(|known, at| known.vouched.vouches_for(begun, at, ms(lateness)));
        Some(Timestamp::from_millis(begun_at?) - lateness)
    }

    /// The present time, where an answer, or the monotonic clock for `lateness`, vouches for it.
    pub fn vouched(&self, lateness: Duration) -> Option<Vouch> {
        self.with(|known, at| {
            let steady = known.vouched.steady(at, ms(lateness))?;
            Some(Vouch {
                now: Timestamp::from_millis(steady.now),
                since: Timestamp::from_millis(steady.since),
                is_sure: steady.is_sure,
                jumps: known.vouched.jumps(),
            })
        })
    }

    /// A stamp for a request that is sent now.
    pub(super) fn stamp(&self) -> Stamp {
        self.with(|known, at| Stamp {
            monotonic: at.monotonic,
            offset: known.vouched.offset(at),
            time: Timestamp::from_millis(known.vouched.now(at)),
        })
    }

    /// Takes in an answer that is no refusal, and its `date` (the header's value), where it has
    /// one. `allowed` is how far a request's stamp may be away from the cloud's clock.
    pub(super) fn answered(&self, date: Option<&str>, sent: Stamp, allowed: Duration) {
        let date = date.and_then(date_ms);
        let allowed = ms(allowed).unsigned_abs();
        self.with(|known, at| match date {
            Some(date) => known.vouched.answered(date, sent.monotonic, at, allowed),
            None => known.vouched.look(at),
        });
    }

    /// Takes in that a request was refused for its stamp. Whether another would be signed by
    /// another time.
    pub(super) fn refused(&self, date: Option<&str>, sent: Stamp) -> bool {
        let offset = self.with(|known, at| match date {
            Some(date) => known.vouched.refused(date_ms(date)?, sent.monotonic, at),
            None => Some(known.vouched.refused_undated(at)),
        });
        // Not compared with what is known: of several calls under way one learns, and all may go
        // again.
        offset.is_some_and(|offset| offset.abs_diff(sent.offset) >= AGREE_MS.unsigned_abs())
    }

    /// The offset, where it changed since this was asked last.
    pub(super) fn news(&self) -> Option<i64> {
        self.with(|known, at| {
            let offset = known.offset(at);
            let is_news = offset != known.told;
            known.told = offset;
            is_news.then_some(offset.millis)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Known, Reading) -> T) -> T {
        let machine = self.0.machine.get_or_init(Machine::system);
        let mut known = self.lock();
        let at = machine.read();
        act(known.get_or_insert_with(|| Known::begin(at)), at)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.0.known.lock()
    }
}

impl Clock for CloudClock {
    fn now(&self) -> Timestamp {
        self.with(|known, at| Timestamp::from_millis(known.vouched.now(at)))
    }

    /// Whether an answer has told the time.
    fn is_vouched(&self) -> bool {
        self.vouched(Duration::MAX).is_some()
    }
}

impl fmt::Debug for CloudClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CloudClock").field(&self.now()).finish()
    }
}

/// When a request was sent, by which clock.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stamp {
    monotonic: i64,
    offset: i64,
    /// The cloud's time, as it was signed.
    pub(super) time: Timestamp,
}

// === impl Machine ===

impl Machine {
    fn system() -> Self {
        Self {
            wall: Arc::new(SystemClock),
            started: Instant::now(),
        }
    }

    fn read(&self) -> Reading {
        Reading {
            monotonic: ms(self.started.elapsed()),
            wall: self.wall.now().as_millis(),
        }
    }
}

// === impl Known ===

impl Known {
    fn begin(at: Reading) -> Self {
        let told = ClockOffset {
            millis: 0,
            since: Timestamp::from_millis(at.wall),
        };
        Self {
            vouched: Vouched::begin(at),
            told,
        }
    }

    /// The present offset: the one that was told last, unless it has changed.
    fn offset(&self, at: Reading) -> ClockOffset {
        let ahead = self.vouched.ahead(at);
        if ahead.abs_diff(self.told.millis) < NEWS_MS.unsigned_abs() {
            return self.told;
        }
        ClockOffset {
            millis: (ahead.saturating_add(500).div_euclid(1_000)).saturating_mul(1_000),
            since: Timestamp::from_millis(self.vouched.now(at)),
        }
    }
}

fn date_ms(date: &str) -> Option<i64> {
    parse_http_date(date)?.checked_mul(1_000)
}

fn ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
