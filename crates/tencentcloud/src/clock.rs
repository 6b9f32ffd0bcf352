//! The cloud's time, learned from the `Date` headers of its responses.

mod vouched;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::date::parse_http_date;
use crate::Timestamp;
use crate::runtime::{Clock, SystemClock};
use crate::timestamp::millis;
use vouched::{Reading, Vouched};

pub use vouched::{Begun, Vouch};

/// Two offsets closer than this count as equal, because dates have whole seconds and responses take
/// time. The vendor tolerates five minutes.
const AGREE_MS: i64 = 2_000;

/// A change of the offset smaller than this is not reported.
const NEWS_MS: i64 = 1_000;

/// The cloud's clock. Clones share their state: all clients of a source should get a clone of the
/// same clock, so that what one learns holds for all. As a [`Clock`] it shows the cloud's time,
/// which is this machine's time until a response has shown another one.
#[derive(Clone, Default)]
pub struct CloudClock(Arc<Shared>);

#[derive(Default)]
struct Shared {
    machine: OnceLock<Machine>,
    known: Mutex<Option<Known>>,
}

/// The clocks of this machine, and what is known of the cloud's time.
struct Machine {
    wall: Arc<dyn Clock>,
    started: Instant,
}

struct Known {
    vouched: Vouched,
    /// The last reported offset from this machine's clock, and when it was first measured.
    reported: ClockOffset,
}

/// Difference between the cloud's clock and this machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// Milliseconds by which this machine is behind, accurate to a second; negative if it is ahead.
    pub millis: i64,
    /// When this value was first measured, by the cloud's clock.
    pub since: Timestamp,
}

// === impl ClockOffset ===

impl ClockOffset {
    /// Returns whether an offset of this many milliseconds needs an operator's attention: half a
    /// minute is more than any time service leaves.
    pub const fn is_wrong(millis: i64) -> bool {
        millis.unsigned_abs() > 30_000
    }

    /// Returns a description of such an offset.
    pub fn describe(millis: i64) -> String {
        let side = if millis < 0 { "ahead of" } else { "behind" };
        let seconds = millis.unsigned_abs() / 1_000;
        format!("this machine's clock is {seconds} s {side} the cloud's")
    }
}

// === impl CloudClock ===

impl CloudClock {
    /// Creates a clock based on this wall clock. When tokio's time is paused, it must be called
    /// inside a tokio runtime, so that both clocks start together.
    pub fn over(wall: Arc<dyn Clock>) -> Self {
        let clock = Self::default();
        clock.run_on(wall);
        clock
    }

    /// Sets the wall clock, unless one is in use already.
    pub(super) fn run_on(&self, wall: Arc<dyn Clock>) {
        let started = Instant::now();
        self.0.machine.get_or_init(|| Machine { wall, started });
        self.with(|_, _| ());
    }

    /// Returns how far the cloud's clock is ahead of this machine's. It is zero until a response
    /// shows a difference of seconds.
    pub fn offset(&self) -> ClockOffset {
        self.with(|known, at| known.offset(at))
    }

    /// Returns the lower bound of the cloud's time. Watermarks are computed from it.
    pub fn at_least(&self) -> Timestamp {
        self.with(|known, at| Timestamp::from_millis(known.vouched.at_least(at)))
    }

    /// Records the clocks at the beginning of a read.
    pub fn begun(&self) -> Begun {
        self.with(|known, at| known.vouched.begun(at))
    }

    /// Returns how far the watermark of a target may move after a read, given that its rows are up
    /// to `lateness` late. Returns `None` if the clock was corrected during the read or nothing
    /// confirms the time.
    pub fn watermark_limit(&self, begun: Begun, lateness: Duration) -> Option<Timestamp> {
        let begun_at =
            self.with(|known, at| known.vouched.vouches_for(begun, at, millis(lateness)));
        Some(Timestamp::from_millis(begun_at?) - lateness)
    }

    /// Returns the current time, if a response confirms it or the monotonic clock ran undisturbed
    /// for `lateness`.
    pub fn vouched(&self, lateness: Duration) -> Option<Vouch> {
        self.with(|known, at| known.vouched.confirmed(at, millis(lateness)))
    }

    /// Returns the timestamp for a request that is sent now.
    pub(super) fn stamp(&self) -> Stamp {
        self.with(|known, at| Stamp {
            monotonic: at.monotonic,
            offset: known.vouched.offset(at),
            time: Timestamp::from_millis(known.vouched.now(at)),
        })
    }

    /// Learns from the `Date` header of a response that does not refuse the timestamp. `allowed` is
    /// how far a request's timestamp may differ from the cloud's clock.
    pub(super) fn answered(&self, date: Option<&str>, sent: Stamp, allowed: Duration) {
        let date = date.and_then(date_ms);
        let allowed = millis(allowed).unsigned_abs();
        self.with(|known, at| match date {
            Some(date) => known.vouched.answered(date, sent.monotonic, at, allowed),
            None => known.vouched.look(at),
        });
    }

    /// Learns that a request was refused because of its timestamp. Returns whether the next request
    /// would get a different one.
    pub(super) fn refused(&self, date: Option<&str>, sent: Stamp) -> bool {
        let offset = self.with(|known, at| match date {
            Some(date) => known.vouched.refused(date_ms(date)?, sent.monotonic, at),
            None => Some(known.vouched.refused_undated(at)),
        });
        // The comparison is with the refused request, not with what is known by now: of several
        // requests in flight one learns the offset first, and all of them may be sent again.
        offset.is_some_and(|offset| offset.abs_diff(sent.offset) >= AGREE_MS.unsigned_abs())
    }

    /// Returns the offset if it changed since the last call of this function.
    pub(super) fn changed_offset(&self) -> Option<i64> {
        self.with(|known, at| {
            let offset = known.offset(at);
            let is_news = offset != known.reported;
            known.reported = offset;
            is_news.then_some(offset.millis)
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Known, Reading) -> T) -> T {
        let machine = self.0.machine.get_or_init(Machine::system);
        let mut known = self.0.known.lock();
        let at = machine.read();
        act(known.get_or_insert_with(|| Known::begin(at)), at)
    }
}

impl Clock for CloudClock {
    fn now(&self) -> Timestamp {
        self.with(|known, at| Timestamp::from_millis(known.vouched.now(at)))
    }

    /// Returns whether several responses in a row agree on the time. One wrong date must not make new
    /// keys look expired: without keys no request is sent, and no response could correct it.
    fn is_vouched(&self) -> bool {
        self.vouched(Duration::MAX)
            .is_some_and(|vouch| vouch.is_sure)
    }
}

impl fmt::Debug for CloudClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CloudClock").field(&self.now()).finish()
    }
}

/// The timestamp of a request, and the clock offset behind it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stamp {
    monotonic: i64,
    offset: i64,
    /// The cloud's time with which the request was signed.
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
            monotonic: millis(self.started.elapsed()),
            wall: self.wall.now().as_millis(),
        }
    }
}

// === impl Known ===

impl Known {
    fn begin(at: Reading) -> Self {
        let reported = ClockOffset {
            millis: 0,
            since: Timestamp::from_millis(at.wall),
        };
        Self {
            vouched: Vouched::begin(at),
            reported,
        }
    }

    /// Returns the current offset. As long as it does not change, the time of its first measurement
    /// stays.
    fn offset(&self, at: Reading) -> ClockOffset {
        let ahead = self.vouched.ahead(at);
        if ahead.abs_diff(self.reported.millis) < NEWS_MS.unsigned_abs() {
            return self.reported;
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

#[cfg(test)]
mod tests;
