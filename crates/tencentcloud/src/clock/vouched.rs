//! What is known of the cloud's time. Pure: the machine's clocks are passed in.
//!
//! The cloud's time is the time of an answer's `Date`, carried on by the monotonic clock: nothing
//! sets that one, so a wall clock that jumps moves neither a signature nor a watermark. Before the
//! first `Date` the wall clock has to do.
//!
//! Two readings of it are kept. The best one is for asking, signing and showing, and follows every
//! answer at once. The least one is for settling: it falls at once, and it only rises above what
//! earlier answers allow when the later time was held for a while. To settle late costs a second
//! look at rows; to settle early loses them.

/// Wall and monotonic clock that part by more than this, or a `Date` this far off, is a jump; in
/// milliseconds. Behind one name of the cloud there are machines whose clocks differ a little.
const PARTED_MS: i64 = 1_000;
const SLACK_MS: i64 = 3_000;

/// An answer's date further off than this is nonsense rather than a clock: ten years.
pub(super) const MAX_OFFSET_MS: i64 = 10 * 366 * 86_400 * 1_000;

/// A later time is believed for settling when it was held this long, by so many answers in a row:
/// one machine of the cloud with a wrong clock, or one odd proxy, does not.
const HELD_MS: i64 = 600_000;
const HELD_ANSWERS: u32 = 5;

/// Both clocks of the machine at one moment, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) monotonic: i64,
    pub(super) wall: i64,
}

/// The beginning of a read, to be judged at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    monotonic: i64,
    jumps: u64,
}

/// What is known. Offsets are the cloud's or the wall clock's time less the monotonic clock's.
#[derive(Debug, Clone)]
pub(super) struct Vouched {
    /// The cloud's clock, once a `Date` has told it.
    told: Option<i64>,
    /// The wall clock, when it was vouched for last.
    wall: i64,
    range: Range,
    /// How often the time was found to be another than was thought.
    jumps: u64,
    /// Since when no clock jumped that times are taken from.
    steady_since: i64,
    /// Answers since then whose dates fit.
    fits: u32,
    /// Whether a date ever contradicted an earlier one.
    contradicted: bool,
}

/// Where the cloud's clock can be, by the answers so far.
#[derive(Debug, Clone, Copy)]
struct Range {
    least: i64,
    most: i64,
    /// Answers that say it is later.
    later: Option<Later>,
}

/// A later time than was believed, which has yet to prove true.
#[derive(Debug, Clone, Copy)]
struct Later {
    since: i64,
    least: i64,
    most: i64,
    answers: u32,
}

/// What answers, or the wall clock, have said of the time without contradiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Steady {
    pub(super) since: i64,
    pub(super) now: i64,
    /// Whether so many said so that no single machine can be wrong.
    pub(super) is_sure: bool,
}

impl Reading {
    fn wall_offset(self) -> i64 {
        self.wall.saturating_sub(self.monotonic)
    }
}

// === impl Vouched ===

impl Vouched {
    /// Nothing is known but the wall clock.
    pub(super) fn begin(at: Reading) -> Self {
        let wall = at.wall_offset();
        Self {
            told: None,
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

    /// The cloud's time less the monotonic clock's, as well as it is known.
    pub(super) fn offset(&self, at: Reading) -> i64 {
        self.told.unwrap_or_else(|| at.wall_offset())
    }

    /// The cloud's time, as well as it is known.
    pub(super) fn now(&self, at: Reading) -> i64 {
        at.monotonic.saturating_add(self.offset(at))
    }

    /// The cloud's time at the least.
    pub(super) fn at_least(&self, at: Reading) -> i64 {
        let least = at.monotonic.saturating_add(self.range.least);
        least.min(self.now(at))
    }

    /// How far the cloud's clock is ahead of the wall clock, once a date has told it.
    pub(super) fn ahead(&self, at: Reading) -> i64 {
        let ahead = |told: i64| told.saturating_sub(at.wall_offset());
        self.told.map_or(0, ahead)
    }

    /// Notes where wall and monotonic clock have parted. Small steps add up: they are measured
    /// from the last moment that was vouched for.
    pub(super) fn look(&mut self, at: Reading) {
        let wall = at.wall_offset();
        if wall.abs_diff(self.wall) > PARTED_MS.unsigned_abs() {
            self.wall = wall;
            self.jumps += 1;
            if self.told.is_none() {
                self.steady_since = at.monotonic;
            }
        }
        if self.told.is_none() {
            self.range.take_in(self.wall, self.wall, at.monotonic);
        }
    }

    /// Takes in the date of an answer to a request that was sent and answered at these moments.
    /// It stands for some moment between them, cut to its second. A request is accepted by a cloud
    /// whose clock is up to `allowed` away from its stamp, so a date further off is not the
    /// cloud's (a gateway's, perhaps), and teaches nothing.
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
        self.tell(offset, known, received);
    }

    /// Takes over the date of a refusal that says that the stamp was wrong, unless it is nonsense.
    /// The cloud's offset.
    pub(super) fn refused(&mut self, date: i64, sent: i64, received: Reading) -> Option<i64> {
        self.look(received);
        if date.checked_sub(received.wall)?.unsigned_abs() > MAX_OFFSET_MS.unsigned_abs() {
            return None;
        }
        let (least, most) = bounds(date, sent, received)?;
        self.bound(least, most, received.monotonic);
        self.tell(least, self.offset(received), received);
        Some(least)
    }

    /// A stamp was refused and no date says why: the wall clock has to do again. After a sleep of
    /// the machine, in which the monotonic clock stood still, it is the better one. The offset.
    pub(super) fn refused_undated(&mut self, received: Reading) -> i64 {
        self.look(received);
        if self.told.take().is_some() {
            self.jump(received.monotonic);
        }
        received.wall_offset()
    }

    /// The beginning of a read.
    pub(super) fn begun(&mut self, at: Reading) -> Begun {
        self.look(at);
        Begun {
            monotonic: at.monotonic,
            jumps: self.jumps,
        }
    }

    /// The cloud's time at the beginning of a read, at the least; `None` where the read may move no
    /// watermark: a clock has jumped since, or nothing has vouched for the time yet, neither an
    /// answer's date nor the monotonic clock for as long as a row may be late.
    pub(super) fn vouches_for(&mut self, begun: Begun, at: Reading, lateness: i64) -> Option<i64> {
        self.look(at);
        let is_vouched = self.told.is_some() || self.steady_for(at) >= lateness;
        let good = is_vouched && self.jumps == begun.jumps;
        good.then(|| begun.monotonic.saturating_add(self.range.least))
    }

    /// What the clock by which times are taken says, where something vouches for it.
    pub(super) fn steady(&mut self, at: Reading, lateness: i64) -> Option<Steady> {
        self.look(at);
        let held = self.steady_for(at);
        let is_sure = match self.told {
            Some(_) if !self.contradicted => self.fits >= HELD_ANSWERS,
            Some(_) => self.fits >= HELD_ANSWERS && held >= HELD_MS,
            None => held >= HELD_MS.max(lateness),
        };
        let vouched = self.told.is_some() || held >= lateness;
        vouched.then(|| Steady {
            since: self.now(at).saturating_sub(held),
            now: self.now(at),
            is_sure,
        })
    }

    /// How often a clock jumped.
    pub(super) fn jumps(&self) -> u64 {
        self.jumps
    }

    fn steady_for(&self, at: Reading) -> i64 {
        at.monotonic.saturating_sub(self.steady_since)
    }

    /// Goes by `offset` from now on, where it was `known` before.
    fn tell(&mut self, offset: i64, known: i64, at: Reading) {
        let fits = offset.abs_diff(known) <= PARTED_MS.unsigned_abs();
        match (self.told.replace(offset), fits) {
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
        if self.told.is_none() && fits {
            // The first date. The wall clock vouched for nothing, not even where it is right.
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
    /// Takes in that the clock lies between these two.
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

/// The offsets that a date can mean.
fn bounds(date: i64, sent: i64, received: Reading) -> Option<(i64, i64)> {
    let least = date.checked_sub(received.monotonic)?;
    let most = date.checked_add(999)?.checked_sub(sent)?;
    Some((least, most.max(least)))
}

#[cfg(test)]
mod tests;
