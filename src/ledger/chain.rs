//! Reading a log oldest first, in chains of pages of bounded length, without a hole between them.
//!
//! CLS gives at most 10,000 lines to a chain of pages bound by a context, in the order of their
//! time. What follows is read by a new chain that begins at the time of the last line, that
//! millisecond included, for others may share it: its lines come twice, and their keys tell.
//! Where the lines of one millisecond fill more than a page, or the whole chain, the rest of that
//! millisecond is read by offset, which knows no such bound, and the next chain begins after it.

use crate::model::Timestamp;

/// Lines of one chain at the most (vendor's page on `SearchLog`).
const CHAIN_MAX: usize = 10_000;
/// Answers of one read at the most; what is left is for the next read.
const PAGES_MAX: usize = 10_000;
/// Answers read by offset inside one millisecond at the most.
const INSTANT_PAGES_MAX: usize = 1_000;
/// Chains of one read that may be lost before their end.
const LOST_MAX: usize = 100;
/// Answers without a line, one after the other, in a chain that claims to go on.
const EMPTY_MAX: usize = 3;
/// Lines that two answers read by offset share, to see that their order holds still.
const OVERLAP: usize = 16;

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
    pub over: Option<bool>,
    /// What to send back for the next page.
    pub context: Option<String>,
}

/// What to ask for next: at most so many lines of [`ChainRead::limit`] in `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainAsk {
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
}

#[derive(Debug)]
enum Phase {
    Chain(Option<String>),
    Instant(Instant),
    Done,
}

/// The chain at work, or the last one.
#[derive(Debug)]
struct Chain {
    from: Timestamp,
    taken: usize,
    /// Time of its last line.
    last: Option<Timestamp>,
    /// How many of its lines, at its end, share that time.
    ties: usize,
    /// The last of their marks.
    tail: Vec<u64>,
    sorted: bool,
    empty: usize,
    /// The lines of its last page.
    page: Vec<ChainMark>,
}

/// One millisecond that is read by offset.
#[derive(Debug)]
struct Instant {
    at: Timestamp,
    offset: usize,
    /// What the page at `offset` is to begin with.
    expected: Vec<u64>,
    again: bool,
    pages: usize,
}

// === impl ChainRead ===

impl ChainRead {
    /// A read of `[from, to)` in pages of `limit` lines.
    pub fn new(from: Timestamp, to: Timestamp, limit: usize) -> Self {
        let limit = limit.clamp(OVERLAP * 2, CHAIN_MAX);
        let mut read = Self {
            to,
            limit,
            chain_max: CHAIN_MAX,
            phase: Phase::Done,
            chain: Chain::new(from),
            reached: from,
            pages: 0,
            lost: 0,
            broken: false,
            truncated: false,
        };
        read.begin(from);
        read
    }

    /// Lines to ask for in each page.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// What to ask for; `None` when the read has ended.
    pub fn next(&self) -> Option<ChainAsk> {
        let (from, to) = (self.chain.from, self.to);
        match &self.phase {
            Phase::Done => None,
            Phase::Chain(None) => Some(ChainAsk {
                from,
                to,
                place: ChainPlace::Start,
            }),
            Phase::Chain(Some(context)) => Some(ChainAsk {
                from,
                to,
                place: ChainPlace::Context(context.clone()),
            }),
            Phase::Instant(instant) => Some(ChainAsk {
                from: instant.at,
                to: after(instant.at),
                place: ChainPlace::Offset(instant.offset as u64),
            }),
        }
    }

    /// Takes in the answer to [`Self::next`].
    pub fn took(&mut self, page: ChainPage) {
        self.pages += 1;
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Chain(_) => self.took_of_chain(page),
            Phase::Instant(instant) => self.took_of_instant(instant, &page),
            Phase::Done => return,
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
        self.seam();
        true
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
        match (page.over, context) {
            (Some(true), _) if !at_bound => {}
            (None, None) if rows < self.limit => {}
            (_, Some(context)) if rows == 0 && self.chain.empty < EMPTY_MAX => {
                self.chain.empty += 1;
                self.phase = Phase::Chain(Some(context));
            }
            (_, _) if rows == 0 => self.give_up(),
            (_, Some(context)) if self.chain.taken + self.limit <= self.chain_max => {
                self.chain.empty = 0;
                self.phase = Phase::Chain(Some(context));
            }
            _ => self.seam(),
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
    fn seam(&mut self) {
        let chain = &self.chain;
        self.broken |= !chain.sorted;
        let at = chain.last.unwrap_or(chain.from).max(chain.from);
        let stuck = at == chain.from && chain.taken > 0;
        if stuck || chain.ties > self.limit {
            self.phase = Phase::Instant(Instant {
                at,
                offset: chain.ties - chain.tail.len(),
                expected: chain.tail.clone(),
                again: false,
                pages: 0,
            });
        } else {
            self.begin(at);
        }
    }

    fn took_of_instant(&mut self, mut instant: Instant, page: &ChainPage) {
        instant.pages += 1;
        let marks: Vec<u64> = page.marks.iter().map(|line| line.mark).collect();
        if !marks.starts_with(&instant.expected) {
            // The order does not hold still, or lines came in before: once more from its start.
            self.broken |= instant.again;
            if !instant.again {
                instant.again = true;
                instant.offset = 0;
                instant.expected.clear();
                self.phase = Phase::Instant(instant);
                return;
            }
        }
        let rows = marks.len();
        let nothing_new = rows <= instant.expected.len();
        let short = rows < self.limit && page.over.is_none();
        if page.over == Some(true) || nothing_new || short {
            self.begin(after(instant.at));
        } else if instant.pages >= INSTANT_PAGES_MAX {
            self.truncated = true;
            self.begin(after(instant.at));
        } else {
            let shared = OVERLAP.min(rows);
            instant.offset += rows - shared;
            instant.expected = marks[rows - shared..].to_vec();
            self.phase = Phase::Instant(instant);
        }
    }

    fn begin(&mut self, from: Timestamp) {
        if !self.broken {
            self.reached = self.reached.max(from);
        }
        self.chain = Chain::new(from);
        self.phase = if from < self.to {
            Phase::Chain(None)
        } else {
            Phase::Done
        };
    }

    fn give_up(&mut self) {
        self.broken = true;
        self.phase = Phase::Done;
    }
}

// === impl Chain ===

impl Chain {
    fn new(from: Timestamp) -> Self {
        Self {
            from,
            taken: 0,
            last: None,
            ties: 0,
            tail: Vec::new(),
            sorted: true,
            empty: 0,
            page: Vec::new(),
        }
    }

    fn add(&mut self, marks: &[ChainMark]) {
        self.taken += marks.len();
        for line in marks {
            if self.last != Some(line.at) {
                self.sorted &= self.last.is_none_or(|last| last < line.at);
                self.last = Some(line.at);
                self.ties = 0;
            }
            self.ties += 1;
        }
        let shared = OVERLAP.min(self.ties);
        let new = shared.min(marks.len());
        let kept = (shared - new).min(self.tail.len());
        self.tail.drain(..self.tail.len() - kept);
        let newest = &marks[marks.len() - new..];
        self.tail.extend(newest.iter().map(|line| line.mark));
    }
}

fn after(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.as_millis().saturating_add(1))
}

#[cfg(test)]
mod tests;
