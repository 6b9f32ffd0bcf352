//! Reading a log oldest first, in chains of pages of bounded length, without a hole between them.
//!
//! CLS gives at most 10,000 lines to a chain of pages bound by a context, in the order of their
//! time. What follows is read by a new chain that begins at the time of the last line, that
//! millisecond included, for others may share it: its lines come twice, and their keys tell.
//! Where the lines of one millisecond fill more than a page, or the whole chain, the rest of that
//! millisecond is read by offset, which knows no such bound, and the next chain begins after it.
//!
//! A line that cannot be had even by itself is stepped over. No offset leads past it in a chain, so
//! the span is halved until the millisecond that holds it is found; this one is read from both ends,
//! and what remains between them is unavailable. Whether it is the line or the moment is asked once
//! more after something else was answered.

mod lines;

use std::collections::{BTreeSet, VecDeque};

use crate::model::Timestamp;
use lines::{Chain, MillisecondScan, after, overlap};

/// Lines of one chain at the most (vendor's page on `SearchLog`).
const CHAIN_MAX: usize = 10_000;
/// Answers of one read at the most; what is left is for the next read.
const PAGES_MAX: usize = 10_000;
/// Answers read by offset inside one millisecond at the most.
const INSTANT_PAGES_MAX: usize = 1_000;
/// Chains of one read that may be lost before their end.
const LOST_MAX: usize = 100;
/// Lines one after the other that may be in doubt. With more it is not the lines' fault.
const DOUBTS_MAX: usize = 3;
/// Answers without a line, one after the other, in a chain that claims to go on.
const EMPTY_MAX: usize = 3;

/// One line of an answer, whatever it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainMark {
    /// Where it stands in the log.
    pub at: Timestamp,
    /// A value that tells lines apart.
    pub mark: u64,
}

/// What an answer looked like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainPage {
    /// Every line, in the order of the answer.
    pub marks: Vec<ChainMark>,
    /// Whether everything that matches has been given, as the answer says.
    pub list_over: Option<bool>,
    /// What to send back for the next page.
    pub context: Option<String>,
}

/// What to ask for next: at most `limit` lines in `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainAsk {
    /// Lines of the answer at the most.
    pub limit: usize,
    /// The newest line first, else the oldest.
    pub newest_first: bool,
    /// The first millisecond.
    pub from: Timestamp,
    /// The first millisecond after it.
    pub to: Timestamp,
    /// Where in it.
    pub place: ChainPlace,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainPlace {
    /// At the beginning, of a chain.
    Start,
    /// Where the last page of the chain ended.
    Context(String),
    /// Behind so many lines.
    Offset(u64),
}

/// One read of `[from, to)`.
#[derive(Debug)]
pub struct ChainRead {
    to: Timestamp,
    /// Lines asked for in the page under way.
    limit: usize,
    /// [`CHAIN_MAX`], but less in tests.
    chain_max: usize,
    phase: Phase,
    chain: Chain,
    /// Everything below it was handed over.
    reached: Timestamp,
    pages: usize,
    lost: usize,
    broken: bool,
    truncated: bool,
    /// A line below cannot be had by itself, and all lines below the chain were handed over.
    withheld_below: Option<Timestamp>,
    /// Where lines cannot be had, and the other ends of their milliseconds were read; in order.
    doubts: VecDeque<MillisecondScan>,
    /// Milliseconds with an unavailable line that were not told yet.
    unavailable: VecDeque<Timestamp>,
    /// Milliseconds that had such lines in earlier reads.
    known: BTreeSet<Timestamp>,
}

#[derive(Debug)]
enum Phase {
    Chain(Option<String>),
    MillisecondScan(MillisecondScan),
    /// A millisecond from its other end: so many lines were given, up to the line at which the
    /// instant stands.
    Rest(usize, MillisecondScan),
    /// The first line in doubt once more, before reading goes on.
    Recheck(Box<Phase>),
    Done,
}

// === impl ChainRead ===

impl ChainRead {
    /// A read of `[from, to)`. In the milliseconds of `known` lines were unavailable before: they
    /// are read by themselves, so that they need not be found again.
    pub fn new(from: Timestamp, to: Timestamp, known: BTreeSet<Timestamp>) -> Self {
        let mut read = Self {
            to,
            limit: 1,
            chain_max: CHAIN_MAX,
            phase: Phase::Done,
            chain: Chain::new(from, to),
            reached: from,
            pages: 0,
            lost: 0,
            broken: false,
            truncated: false,
            withheld_below: None,
            doubts: VecDeque::new(),
            unavailable: VecDeque::new(),
            known,
        };
        read.begin(from);
        read
    }

    /// What to ask for, in a page of up to `limit` lines; `None` when the read has ended.
    pub fn next(&mut self, limit: usize) -> Option<ChainAsk> {
        self.limit = limit.clamp(1, CHAIN_MAX);
        if matches!(self.phase, Phase::Chain(Some(_))) && self.limit != self.chain.limit {
            // A context holds for one size of pages.
            self.join();
        }
        if let Phase::MillisecondScan(instant) = &mut self.phase {
            instant.share(overlap(self.limit));
        }
        self.chain.limit = match self.phase {
            Phase::Chain(_) => self.limit,
            _ => self.chain.limit,
        };
        if let Phase::Recheck(_) = self.phase {
            self.limit = 1;
        }
        self.ask()
    }

    fn ask(&self) -> Option<ChainAsk> {
        let of_chain = |place| ChainAsk {
            limit: self.limit,
            newest_first: false,
            from: self.chain.from,
            to: self.chain.until,
            place,
        };
        let of_instant = |at, offset: usize| ChainAsk {
            from: at,
            to: after(at),
            ..of_chain(ChainPlace::Offset(offset as u64))
        };
        match &self.phase {
            Phase::Done => None,
            Phase::Chain(None) => Some(of_chain(ChainPlace::Start)),
            Phase::Chain(Some(context)) => Some(of_chain(ChainPlace::Context(context.clone()))),
            Phase::MillisecondScan(instant) => Some(of_instant(instant.at, instant.offset)),
            Phase::Rest(given, instant) => Some(ChainAsk {
                newest_first: true,
                ..of_instant(instant.at, *given)
            }),
            Phase::Recheck(_) => {
                let doubt = self.doubts.front()?;
                Some(of_instant(doubt.at, doubt.offset))
            }
        }
    }

    /// Takes in the answer to [`Self::next`].
    pub fn took(&mut self, page: ChainPage) {
        self.pages += 1;
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Chain(_) => self.took_of_chain(page),
            Phase::MillisecondScan(instant) => self.took_of_instant(instant, &page),
            Phase::Rest(given, instant) => self.took_of_rest(given, instant, &page),
            Phase::Recheck(_) => {
                // It was the moment. What was read behind it comes again.
                let first = self.doubts.pop_front();
                self.doubts.clear();
                if let Some(instant) = first {
                    self.took_of_instant(instant, &page);
                }
            }
            Phase::Done => return,
        }
        if !self.doubts.is_empty() {
            let go_on = std::mem::replace(&mut self.phase, Phase::Done);
            self.phase = Phase::Recheck(Box::new(go_on));
        }
        if self.pages >= PAGES_MAX && !matches!(self.phase, Phase::Done) {
            self.give_up();
        }
    }

    /// The context of the chain was refused: reading goes on by time. False where that does not
    /// help: there was no context, or it happened too often.
    pub fn lost_context(&mut self) -> bool {
        if !matches!(self.phase, Phase::Chain(Some(_))) || self.lost >= LOST_MAX {
            return false;
        }
        self.lost += 1;
        self.join();
        true
    }

    /// No answer to [`Self::next`] can be had, although it asks for one line alone. False where
    /// the read cannot go on, because nothing else was answered since this happened several times.
    pub fn withheld(&mut self) -> bool {
        self.pages += 1;
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Chain(_) => self.halve(),
            Phase::MillisecondScan(instant) => self.phase = Phase::Rest(0, instant),
            Phase::Rest(_, instant) if self.doubts.len() < DOUBTS_MAX => {
                let at = instant.at;
                self.doubts.push_back(instant);
                self.begin(after(at));
                // Nothing is left that could tell the line from the moment.
                self.broken |= matches!(self.phase, Phase::Done);
            }
            Phase::Recheck(go_on) => {
                let doubt = self.doubts.pop_front();
                self.unavailable.extend(doubt.map(|instant| instant.at));
                if self.doubts.is_empty() {
                    self.phase = *go_on;
                    self.reach(self.chain.from);
                } else {
                    self.phase = Phase::Recheck(go_on);
                }
            }
            Phase::Rest(..) | Phase::Done => {
                self.broken = true;
                return false;
            }
        }
        if self.pages >= PAGES_MAX {
            self.give_up();
        }
        true
    }

    /// A millisecond whose line proved to be unavailable, once.
    pub fn take_unavailable(&mut self) -> Option<Timestamp> {
        self.unavailable.pop_front()
    }

    /// Goes on with the first half of what the chain has not given, down to a millisecond.
    fn halve(&mut self) {
        let chain = &self.chain;
        self.broken |= !chain.sorted;
        let (low, high) = (chain.end(), chain.until);
        if after(low) >= high {
            self.phase = Phase::MillisecondScan(chain.instant(low));
            self.withheld_below = None;
        } else {
            self.withheld_below = Some(high);
            self.begin(low);
        }
    }

    /// Everything below it was handed over.
    pub fn reached(&self) -> Timestamp {
        self.reached
    }

    /// Whether everything in the span was handed over. Only meaningful at the end.
    pub fn is_complete(&self) -> bool {
        !self.broken && !self.truncated
    }

    /// Whether lines of a millisecond were left out for want of an end.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    fn took_of_chain(&mut self, page: ChainPage) {
        if !page.marks.is_empty() && self.chain.page == page.marks {
            // The same lines for another context: what answers does not page.
            return self.give_up();
        }
        self.chain.add(&page.marks);
        let rows = page.marks.len();
        // At the bound it may say that all is over where it only may not go on.
        let at_bound = self.chain.taken >= self.chain_max;
        let context = page.context.filter(|context| !context.is_empty());
        match (page.list_over, context) {
            (Some(true), _) if !at_bound => self.end_chain(),
            (None, None) if rows < self.chain.limit => self.end_chain(),
            (_, Some(context)) if rows == 0 && self.chain.empty < EMPTY_MAX => {
                self.chain.empty += 1;
                self.phase = Phase::Chain(Some(context));
            }
            (_, _) if rows == 0 => self.give_up(),
            (_, Some(context)) if self.chain.taken + self.chain.limit <= self.chain_max => {
                self.chain.empty = 0;
                self.phase = Phase::Chain(Some(context));
            }
            _ => self.join(),
        }
        if let Phase::Chain(Some(_)) = self.phase {
            self.chain.page = page.marks;
        }
    }

    /// From a chain that may not go on to what follows it.
    ///
    /// To repeat the lines of the last millisecond costs as many pages as they fill; to go on
    /// inside it by offset costs a page or two. A chain that never left its first millisecond
    /// would only be repeated.
    fn join(&mut self) {
        let chain = &self.chain;
        self.broken |= !chain.sorted;
        let at = chain.end();
        let stuck = at == chain.from && chain.taken > 0;
        if stuck || chain.ties > self.limit {
            self.phase = Phase::MillisecondScan(chain.instant(at));
        } else {
            self.begin(at);
        }
    }

    /// A chain that has given all goes over to what lies behind its part of the span.
    fn end_chain(&mut self) {
        if self.chain.until < self.to {
            self.begin(self.chain.until);
        }
    }

    fn took_of_instant(&mut self, mut instant: MillisecondScan, page: &ChainPage) {
        instant.pages += 1;
        let marks: Vec<u64> = page.marks.iter().map(|line| line.mark).collect();
        if !marks.starts_with(&instant.expected) {
            // The order does not hold still, or lines came in before: once more from its start.
            self.broken |= instant.again;
            if !instant.again {
                instant.again = true;
                instant.offset = 0;
                instant.expected.clear();
                self.phase = Phase::MillisecondScan(instant);
                return;
            }
        }
        let rows = marks.len();
        let nothing_new = rows <= instant.expected.len();
        let short = rows < self.limit && page.list_over.is_none();
        if page.list_over == Some(true) || nothing_new || short {
            self.begin(after(instant.at));
        } else if instant.pages >= INSTANT_PAGES_MAX {
            self.truncated = true;
            self.begin(after(instant.at));
        } else {
            let shared = overlap(self.limit).min(rows);
            instant.offset += rows - shared;
            instant.expected = marks[rows - shared..].to_vec();
            self.phase = Phase::MillisecondScan(instant);
        }
    }

    /// Lines of the millisecond from its other end, down to the one that cannot be had.
    fn took_of_rest(&mut self, given: usize, mut instant: MillisecondScan, page: &ChainPage) {
        instant.pages += 1;
        let rows = page.marks.len();
        let short = rows < self.limit && page.list_over.is_none();
        if page.list_over == Some(true) || rows == 0 || short {
            self.begin(after(instant.at));
        } else if instant.pages >= INSTANT_PAGES_MAX {
            self.truncated = true;
            self.begin(after(instant.at));
        } else {
            self.phase = Phase::Rest(given + rows, instant);
        }
    }

    fn begin(&mut self, from: Timestamp) {
        self.reach(from);
        let (until, is_alone) = self.end_of(from);
        self.chain = Chain::new(from, until);
        self.phase = match from < self.to {
            true if is_alone => Phase::MillisecondScan(self.chain.instant(from)),
            true => Phase::Chain(None),
            false => Phase::Done,
        };
    }

    /// Where a chain from there ends, and whether it is one millisecond that is read by offset.
    fn end_of(&mut self, from: Timestamp) -> (Timestamp, bool) {
        self.withheld_below = self.withheld_below.filter(|high| from < *high);
        if let Some(high) = self.withheld_below {
            let half = (high.as_millis() - from.as_millis()) / 2;
            let middle = Timestamp::from_millis(from.as_millis() + half);
            return (middle.max(after(from)), half == 0);
        }
        match self.known.range(from..self.to).next() {
            Some(&at) if at == from => (after(from), true),
            Some(&at) => (at, false),
            None => (self.to, false),
        }
    }

    /// Nothing counts as reached behind a line that is in doubt.
    fn reach(&mut self, position: Timestamp) {
        if !self.broken && self.doubts.is_empty() {
            self.reached = self.reached.max(position);
        }
    }

    fn give_up(&mut self) {
        self.broken = true;
        self.phase = Phase::Done;
    }
}

#[cfg(test)]
mod tests;
