//! When a read of a CLS log is complete: oldest first, in chains of pages, without a gap between
//! them.
//!
//! A chain is a series of pages that are linked by a context. CLS limits it to 10,000 lines, in the
//! order of their time. The next chain begins at the millisecond of the last line, because other
//! lines may share it: the lines of that millisecond are read twice, and their keys are recognized.
//! Where the lines of one millisecond fill more than a page, or the whole chain, the rest of that
//! millisecond is read by offset, which has no such limit, and the next chain begins after it.
//!
//! A line may be unavailable: no request for it is answered, even for it alone. A chain cannot skip
//! it, so the span is halved until the millisecond that holds the line is found. That millisecond
//! is read from both ends, and what remains between them is unavailable. To exclude an outage, the
//! line is requested once more after another request was answered.

mod lines;

use std::collections::{BTreeSet, VecDeque};

use crate::model::Timestamp;
use lines::{Chain, MillisecondScan, after, overlap};

/// Maximum number of lines in a chain (documentation of `SearchLog`).
const CHAIN_MAX: usize = 10_000;
/// Maximum number of pages in a read; the next read continues from there.
const PAGES_MAX: usize = 10_000;
/// Maximum number of pages read by offset inside one millisecond.
const MILLISECOND_PAGES_MAX: usize = 1_000;
/// Maximum number of chains in a read whose context may be rejected.
const LOST_MAX: usize = 100;
/// Maximum number of consecutive lines that may be unavailable. More of them mean an outage.
const DOUBTS_MAX: usize = 3;
/// Maximum number of consecutive empty pages in a chain that claims to go on.
const EMPTY_MAX: usize = 3;

/// A line of a page, as far as its place in the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainMark {
    /// Its time in the log.
    pub at: Timestamp,
    /// A value that identifies the line.
    pub mark: u64,
}

/// A page, as far as completeness is concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainPage {
    /// All lines, in the order of the answer.
    pub marks: Vec<ChainMark>,
    /// `ListOver` of the answer: no more lines match.
    pub list_over: Option<bool>,
    /// The token that requests the next page of the chain.
    pub context: Option<String>,
}

/// The next request: at most `limit` lines in `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainAsk {
    /// Maximum number of lines in the answer.
    pub limit: usize,
    /// Whether the newest line comes first, instead of the oldest.
    pub newest_first: bool,
    /// The first millisecond.
    pub from: Timestamp,
    /// The end, exclusive.
    pub to: Timestamp,
    /// Where the page begins.
    pub place: ChainPlace,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainPlace {
    /// At the first line, as the first page of a chain.
    Start,
    /// Where the last page of the chain ended.
    Context(String),
    /// After this number of lines.
    Offset(u64),
}

/// One read of `[from, to)`.
#[derive(Debug)]
pub struct ChainRead {
    to: Timestamp,
    /// Number of lines that the current request asks for.
    limit: usize,
    /// [`CHAIN_MAX`]; tests use less.
    chain_max: usize,
    phase: Phase,
    chain: Chain,
    /// All available lines below it were read.
    reached: Timestamp,
    pages: usize,
    lost: usize,
    broken: bool,
    truncated: bool,
    /// While the span is halved: an unavailable line lies below this and not below the chain.
    withheld_below: Option<Timestamp>,
    /// Milliseconds that hold a line without an answer and were read from both ends, in order.
    doubts: VecDeque<MillisecondScan>,
    /// Milliseconds with an unavailable line that the caller has not taken yet.
    unavailable: VecDeque<Timestamp>,
    /// Milliseconds that had unavailable lines in earlier reads.
    known: BTreeSet<Timestamp>,
}

#[derive(Debug)]
enum Phase {
    Chain(Option<String>),
    MillisecondScan(MillisecondScan),
    /// A millisecond from its other end, down to the line without an answer; with the number of
    /// lines read from there.
    FromEnd(usize, MillisecondScan),
    /// The first of the doubts is requested once more before the phase in the box goes on.
    Recheck(Box<Phase>),
    Done,
}

// === impl ChainRead ===

impl ChainRead {
    /// A read of `[from, to)`. The milliseconds of `known` had unavailable lines in earlier reads;
    /// they are read separately, so that the lines need not be searched for again.
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

    /// Returns the next request, for up to `limit` lines; `None` when the read has ended.
    pub fn next(&mut self, limit: usize) -> Option<ChainAsk> {
        self.limit = limit.clamp(1, CHAIN_MAX);
        if matches!(self.phase, Phase::Chain(Some(_))) && self.limit != self.chain.limit {
            // A context is valid for one size of pages only.
            self.join();
        }
        if let Phase::MillisecondScan(scan) = &mut self.phase {
            scan.share(overlap(self.limit));
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
        let of_millisecond = |at, offset: usize| ChainAsk {
            from: at,
            to: after(at),
            ..of_chain(ChainPlace::Offset(offset as u64))
        };
        match &self.phase {
            Phase::Done => None,
            Phase::Chain(None) => Some(of_chain(ChainPlace::Start)),
            Phase::Chain(Some(context)) => Some(of_chain(ChainPlace::Context(context.clone()))),
            Phase::MillisecondScan(scan) => Some(of_millisecond(scan.at, scan.offset)),
            Phase::FromEnd(given, scan) => Some(ChainAsk {
                newest_first: true,
                ..of_millisecond(scan.at, *given)
            }),
            Phase::Recheck(_) => {
                let doubt = self.doubts.front()?;
                Some(of_millisecond(doubt.at, doubt.offset))
            }
        }
    }

    /// Processes the answer to [`Self::next`].
    pub fn took(&mut self, page: ChainPage) {
        self.pages += 1;
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Chain(_) => self.took_of_chain(page),
            Phase::MillisecondScan(scan) => self.took_of_millisecond(scan, &page),
            Phase::FromEnd(given, scan) => self.took_from_end(given, scan, &page),
            Phase::Recheck(_) => {
                // It was an outage. What was read after it is read again.
                let first = self.doubts.pop_front();
                self.doubts.clear();
                if let Some(scan) = first {
                    self.took_of_millisecond(scan, &page);
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

    /// The API rejected the context: reading goes on by time. Returns false where that cannot help:
    /// the request had no context, or this happened too often.
    pub fn lost_context(&mut self) -> bool {
        if !matches!(self.phase, Phase::Chain(Some(_))) || self.lost >= LOST_MAX {
            return false;
        }
        self.lost += 1;
        self.join();
        true
    }

    /// The request of [`Self::next`] has no answer although it asks for a single line. Returns
    /// false where the read cannot go on, because this happened several times without another
    /// answer.
    pub fn withheld(&mut self) -> bool {
        self.pages += 1;
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Chain(_) => self.halve(),
            Phase::MillisecondScan(scan) => self.phase = Phase::FromEnd(0, scan),
            Phase::FromEnd(_, scan) if self.doubts.len() < DOUBTS_MAX => {
                let at = scan.at;
                self.doubts.push_back(scan);
                self.begin(after(at));
                // No request is left whose answer would exclude an outage.
                self.broken |= matches!(self.phase, Phase::Done);
            }
            Phase::Recheck(go_on) => {
                let doubt = self.doubts.pop_front();
                self.unavailable.extend(doubt.map(|scan| scan.at));
                if self.doubts.is_empty() {
                    self.phase = *go_on;
                    self.reach(self.chain.from);
                } else {
                    self.phase = Phase::Recheck(go_on);
                }
            }
            Phase::FromEnd(..) | Phase::Done => {
                self.broken = true;
                return false;
            }
        }
        if self.pages >= PAGES_MAX {
            self.give_up();
        }
        true
    }

    /// Takes a millisecond that holds an unavailable line; each is returned once.
    pub fn take_unavailable(&mut self) -> Option<Timestamp> {
        self.unavailable.pop_front()
    }

    /// Goes on with the first half of what the chain has not returned, down to a millisecond.
    fn halve(&mut self) {
        let chain = &self.chain;
        self.broken |= !chain.sorted;
        let (low, high) = (chain.end(), chain.until);
        if after(low) >= high {
            self.phase = Phase::MillisecondScan(chain.scan(low));
            self.withheld_below = None;
        } else {
            self.withheld_below = Some(high);
            self.begin(low);
        }
    }

    /// Returns the time below which all available lines were read.
    pub fn reached(&self) -> Timestamp {
        self.reached
    }

    /// Returns whether the whole span was read. Only meaningful at the end.
    pub fn is_complete(&self) -> bool {
        !self.broken && !self.truncated
    }

    /// Returns whether a millisecond had more pages than the limit, so that lines are missing.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    fn took_of_chain(&mut self, page: ChainPage) {
        if !page.marks.is_empty() && self.chain.page == page.marks {
            // The same lines for another context: the API does not page.
            return self.give_up();
        }
        self.chain.add(&page.marks);
        let rows = page.marks.len();
        // At its limit a chain may report its end although more lines match.
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

    /// Continues after a chain that may not go on.
    ///
    /// To repeat the lines of the last millisecond costs as many pages as they fill; to go on
    /// inside it by offset costs a page or two. A chain that never left its first millisecond
    /// would repeat itself forever.
    fn join(&mut self) {
        let chain = &self.chain;
        self.broken |= !chain.sorted;
        let at = chain.end();
        let stuck = at == chain.from && chain.taken > 0;
        if stuck || chain.ties > self.limit {
            self.phase = Phase::MillisecondScan(chain.scan(at));
        } else {
            self.begin(at);
        }
    }

    fn end_chain(&mut self) {
        if self.chain.until < self.to {
            self.begin(self.chain.until);
        }
    }

    fn took_of_millisecond(&mut self, mut scan: MillisecondScan, page: &ChainPage) {
        scan.pages += 1;
        let marks: Vec<u64> = page.marks.iter().map(|line| line.mark).collect();
        if !marks.starts_with(&scan.expected) {
            // The order changed, or lines were inserted: read it once more from its start.
            self.broken |= scan.again;
            if !scan.again {
                scan.again = true;
                scan.offset = 0;
                scan.expected.clear();
                self.phase = Phase::MillisecondScan(scan);
                return;
            }
        }
        let rows = marks.len();
        let nothing_new = rows <= scan.expected.len();
        let short = rows < self.limit && page.list_over.is_none();
        if page.list_over == Some(true) || nothing_new || short {
            self.begin(after(scan.at));
        } else if scan.pages >= MILLISECOND_PAGES_MAX {
            self.truncated = true;
            self.begin(after(scan.at));
        } else {
            let shared = overlap(self.limit).min(rows);
            scan.offset += rows - shared;
            scan.expected = marks[rows - shared..].to_vec();
            self.phase = Phase::MillisecondScan(scan);
        }
    }

    /// Processes a page from the end of a millisecond, down to the line without an answer.
    fn took_from_end(&mut self, given: usize, mut scan: MillisecondScan, page: &ChainPage) {
        scan.pages += 1;
        let rows = page.marks.len();
        let short = rows < self.limit && page.list_over.is_none();
        if page.list_over == Some(true) || rows == 0 || short {
            self.begin(after(scan.at));
        } else if scan.pages >= MILLISECOND_PAGES_MAX {
            self.truncated = true;
            self.begin(after(scan.at));
        } else {
            self.phase = Phase::FromEnd(given + rows, scan);
        }
    }

    fn begin(&mut self, from: Timestamp) {
        self.reach(from);
        let (until, is_alone) = self.end_of(from);
        self.chain = Chain::new(from, until);
        self.phase = match from < self.to {
            true if is_alone => Phase::MillisecondScan(self.chain.scan(from)),
            true => Phase::Chain(None),
            false => Phase::Done,
        };
    }

    /// Returns where a chain from `from` ends, and whether it is one millisecond, read by offset.
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

    /// Does not move past an error or a line in doubt.
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
