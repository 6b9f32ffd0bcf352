//! What is known of the cloud's time. Pure: readings of the machine's clocks are arguments.
//!
//! All state is kept as offsets from the monotonic clock, which nothing adjusts. An offset plus the
//! monotonic clock is a time. Two estimates are kept, because errors cost differently: a watermark
//! that is late makes some rows be read twice, one that is early loses rows.
//!
//! - The *best estimate* is for requests, signatures and display. It follows every response at
//!   once.
//! - The *lower bound* is for watermarks. It falls at once and rises slowly.
//!
//! The rules:
//!
//! 1. Before the first `Date` of a response, both estimates are the wall clock. Afterwards the wall
//!    clock is only compared with, so one that jumps moves neither signatures nor watermarks.
//! 2. A `Date` has whole seconds, and the cloud wrote it between sending and receiving, so it
//!    allows a range of offsets. If the best estimate is in that range, give or take
//!    [`SLACK_MS`], it stays; otherwise the middle of the range replaces it.
//! 3. A `Date` that is further from the best estimate than the cloud tolerates in a timestamp is
//!    ignored: a gateway wrote it. The `Date` of a response that refuses the timestamp always
//!    counts, unless it is more than [`MAX_OFFSET_MS`] off. If such a response has no `Date`, the
//!    wall clock counts again, because the monotonic clock stands still while a machine sleeps.
//! 4. The clock *jumps* if the best estimate changes, or wall and monotonic clock part, by more
//!    than [`PARTED_MS`]. A read during which it jumped moves no watermark.
//! 5. The lower bound is the lowest offset that all responses allow. A response that allows only
//!    earlier ones lowers it at once. One that allows only later ones raises it after
//!    [`HELD_ANSWERS`] such responses in a row over [`HELD_MS`]: one server with a wrong clock, or
//!    one odd proxy, does not last so long. A wrong `Date` that overlaps the range narrows it at
//!    once, so the bound can be wrong by less than the width of the range, about a second.
//! 6. The time is *confirmed* by one `Date`, or without any by a wall clock that has not jumped for
//!    the allowed lateness; before, no watermark moves. It is *sure* after [`HELD_ANSWERS`]
//!    responses that agree; once any have contradicted each other, or without a `Date`, it must
//!    also have held for [`HELD_MS`].

use crate::Timestamp;

/// A change of more than this many milliseconds is a jump.
const PARTED_MS: i64 = 1_000;

/// How far a `Date` may contradict the best estimate without replacing it, in milliseconds. Servers
/// behind one host name have clocks that differ slightly.
const SLACK_MS: i64 = 3_000;

/// A `Date` that is further off than this (ten years) is ignored as nonsense.
pub(super) const MAX_OFFSET_MS: i64 = 10 * 366 * 86_400 * 1_000;

/// How long a later time must be seen before it raises the lower bound, in milliseconds.
const HELD_MS: i64 = 600_000;

/// How many responses in a row must agree on a time before it is sure.
const HELD_ANSWERS: u32 = 5;

/// Both clocks of the machine at one moment, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) monotonic: i64,
    pub(super) wall: i64,
}

/// The clocks at the beginning of a read, compared with those at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    monotonic: i64,
    jumps: u64,
}

/// State of the clock. Offsets are the cloud's or the wall clock's time minus the monotonic
/// clock's, in milliseconds.
#[derive(Debug, Clone)]
pub(super) struct Vouched {
    /// Offset of the cloud's clock; `None` before the first `Date`.
    date_offset: Option<i64>,
    /// Offset of the wall clock when it was last confirmed.
    wall: i64,
    range: Range,
    /// Number of times that the clock was corrected.
    jumps: u64,
    /// Monotonic time since which the clock in use has not jumped.
    steady_since: i64,
    /// Number of responses since then whose dates agree.
    fits: u32,
    /// Set once a date has contradicted an earlier one.
    contradicted: bool,
}

/// Bounds of the cloud's offset, from the responses so far.
#[derive(Debug, Clone, Copy)]
struct Range {
    least: i64,
    most: i64,
    /// Responses that place the cloud's clock above the bounds.
    later: Option<Later>,
}

/// A later time that is not yet confirmed.
#[derive(Debug, Clone, Copy)]
struct Later {
    since: i64,
    least: i64,
    most: i64,
    answers: u32,
}

/// A time that responses or the monotonic clock confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouch {
    /// The cloud's current time.
    pub now: Timestamp,
    /// Start of the period in which no response contradicted it.
    pub since: Timestamp,
    /// Set once enough responses agree that a single server with a wrong clock cannot be the cause.
    pub is_sure: bool,
    /// Number of times that the clock was corrected.
    pub jumps: u64,
}

impl Reading {
    fn wall_offset(self) -> i64 {
        self.wall.saturating_sub(self.monotonic)
    }
}

// === impl Vouched ===

impl Vouched {
    /// Starts with the wall clock as the only source.
    pub(super) fn begin(at: Reading) -> Self {
        let wall = at.wall_offset();
        Self {
            date_offset: None,
            wall,
            range: Range {
                least: wall,
                most: wall,
                later: None,
            },
            jumps: 0,
            steady_since: at.monotonic,
            fits: 0,
            contradicted: false,
        }
    }

    /// Returns the best estimate of the cloud's time minus the monotonic clock's.
    pub(super) fn offset(&self, at: Reading) -> i64 {
        self.date_offset.unwrap_or_else(|| at.wall_offset())
    }

    /// Returns the best estimate of the cloud's time.
    pub(super) fn now(&self, at: Reading) -> i64 {
        at.monotonic.saturating_add(self.offset(at))
    }

    /// Returns the lower bound of the cloud's time.
    pub(super) fn at_least(&self, at: Reading) -> i64 {
        let least = at.monotonic.saturating_add(self.range.least);
        least.min(self.now(at))
    }

    /// Returns how far the cloud's clock is ahead of the wall clock; 0 before the first `Date`.
    pub(super) fn ahead(&self, at: Reading) -> i64 {
        let ahead = |offset: i64| offset.saturating_sub(at.wall_offset());
        self.date_offset.map_or(0, ahead)
    }

    /// Detects that wall and monotonic clock have diverged. They are compared with their last
    /// confirmed readings, so that small steps add up.
    pub(super) fn look(&mut self, at: Reading) {
        let wall = at.wall_offset();
        if wall.abs_diff(self.wall) > PARTED_MS.unsigned_abs() {
            self.wall = wall;
            self.jumps += 1;
            if self.date_offset.is_none() {
                self.steady_since = at.monotonic;
            }
        }
        if self.date_offset.is_none() {
            self.range.take_in(self.wall, self.wall, at.monotonic);
        }
    }

    /// Learns from the `Date` of a response to a request that was sent and answered at these
    /// moments. The date is some moment between them, cut to its second. The cloud accepts requests
    /// whose timestamp differs from its clock by up to `allowed`, so a date that is further off is
    /// not the cloud's (perhaps a gateway's) and is ignored.
    pub(super) fn answered(&mut self, date: i64, sent: i64, received: Reading, allowed: u64) {
        self.look(received);
        let Some((least, most)) = bounds(date, sent, received) else {
            return;
        };
        let known = self.offset(received);
        let middle = least / 2 + most / 2;
        if middle.abs_diff(known) > allowed {
            return;
        }
        let possible = least.saturating_sub(SLACK_MS)..=most.saturating_add(SLACK_MS);
        let offset = if possible.contains(&known) {
            known
        } else {
            middle
        };
        self.bound(least, most, received.monotonic);
        self.adopt(offset, known, received);
    }

    /// Adopts the `Date` of a response that refused the timestamp, unless it is nonsense. Returns
    /// the cloud's offset.
    pub(super) fn refused(&mut self, date: i64, sent: i64, received: Reading) -> Option<i64> {
        self.look(received);
        if date.checked_sub(received.wall)?.unsigned_abs() > MAX_OFFSET_MS.unsigned_abs() {
            return None;
        }
        let (least, most) = bounds(date, sent, received)?;
        self.bound(least, most, received.monotonic);
        self.adopt(least, self.offset(received), received);
        Some(least)
    }

    /// Handles a refused timestamp when the response has no `Date`: the wall clock is used
    /// again. It is the better one after the machine has slept, because the monotonic clock stood
    /// still. Returns the offset.
    pub(super) fn refused_undated(&mut self, received: Reading) -> i64 {
        self.look(received);
        if self.date_offset.take().is_some() {
            self.jump(received.monotonic);
        }
        received.wall_offset()
    }

    /// Records the clocks at the beginning of a read.
    pub(super) fn begun(&mut self, at: Reading) -> Begun {
        self.look(at);
        Begun {
            monotonic: at.monotonic,
            jumps: self.jumps,
        }
    }

    /// Returns the lower bound of the cloud's time at the beginning of a read. Returns `None` if
    /// the read may not move a watermark: a clock has jumped since, or nothing confirms the time
    /// yet, neither a `Date` nor the monotonic clock for as long as rows may be late.
    pub(super) fn vouches_for(&mut self, begun: Begun, at: Reading, lateness: i64) -> Option<i64> {
        self.look(at);
        let is_vouched = self.date_offset.is_some() || self.steady_for(at) >= lateness;
        let good = is_vouched && self.jumps == begun.jumps;
        good.then(|| begun.monotonic.saturating_add(self.range.least))
    }

    /// Returns the best estimate, if a `Date` confirms it or the wall clock has not jumped for
    /// `lateness`. See rule 6 for when it counts as sure.
    pub(super) fn confirmed(&mut self, at: Reading, lateness: i64) -> Option<Vouch> {
        self.look(at);
        let held = self.steady_for(at);
        let is_sure = match self.date_offset {
            Some(_) if !self.contradicted => self.fits >= HELD_ANSWERS,
            Some(_) => self.fits >= HELD_ANSWERS && held >= HELD_MS,
            None => held >= HELD_MS.max(lateness),
        };
        let is_confirmed = self.date_offset.is_some() || held >= lateness;
        is_confirmed.then(|| Vouch {
            now: Timestamp::from_millis(self.now(at)),
            since: Timestamp::from_millis(self.now(at).saturating_sub(held)),
            is_sure,
            jumps: self.jumps,
        })
    }

    /// Returns the milliseconds since the clock in use last jumped.
    fn steady_for(&self, at: Reading) -> i64 {
        at.monotonic.saturating_sub(self.steady_since)
    }

    /// Adopts `offset` in place of `known`, the offset in use so far.
    fn adopt(&mut self, offset: i64, known: i64, at: Reading) {
        let fits = offset.abs_diff(known) <= PARTED_MS.unsigned_abs();
        match (self.date_offset.replace(offset), fits) {
            (Some(_), true) => {}
            (Some(_), false) => {
                self.contradicted = true;
                self.jump(at.monotonic);
            }
            (None, true) => self.steady_since = at.monotonic,
            (None, false) => self.jump(at.monotonic),
        }
        self.fits += 1;
        self.wall = at.wall_offset();
    }

    fn jump(&mut self, monotonic: i64) {
        self.jumps += 1;
        self.fits = 0;
        self.steady_since = monotonic;
    }

    fn bound(&mut self, least: i64, most: i64, monotonic: i64) {
        let fits = (least..=most).contains(&self.range.least);
        if self.date_offset.is_none() && fits {
            // The first date replaces the bounds, because the wall clock confirms nothing.
            self.range = Range {
                least,
                most,
                later: None,
            };
        } else {
            self.range.take_in(least, most, monotonic);
        }
    }
}

// === impl Range ===

impl Range {
    /// Narrows the bounds to offsets from `least` to `most`.
    fn take_in(&mut self, least: i64, most: i64, monotonic: i64) {
        if most < self.least {
            (self.least, self.most, self.later) = (least, most, None);
        } else if least <= self.most {
            self.least = self.least.max(least);
            self.most = self.most.min(most).max(self.least);
            self.later = None;
        } else {
            self.take_in_later(least, most, monotonic);
        }
    }

    fn take_in_later(&mut self, least: i64, most: i64, monotonic: i64) {
        let later = self.later.get_or_insert(Later {
            since: monotonic,
            least,
            most,
            answers: 0,
        });
        later.least = later.least.min(least);
        later.most = later.most.max(most);
        later.answers = later.answers.saturating_add(1);
        let held = monotonic.saturating_sub(later.since);
        if held >= HELD_MS && later.answers >= HELD_ANSWERS {
            (self.least, self.most) = (later.least, later.most);
            self.later = None;
        }
    }
}

/// Returns the lowest and highest offset that a date allows, or `None` on overflow.
fn bounds(date: i64, sent: i64, received: Reading) -> Option<(i64, i64)> {
    let least = date.checked_sub(received.monotonic)?;
    let most = date.checked_add(999)?.checked_sub(sent)?;
    Some((least, most.max(least)))
}

#[cfg(test)]
mod tests;
