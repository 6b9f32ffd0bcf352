use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A log that answers like CLS, and what a reader has met of it.
struct Log {
    /// Time and mark of every line, in the order of the log.
    lines: Vec<(i64, u64)>,
    limit: usize,
    chain_max: usize,
    at_bound: AtBound,
    /// Every so many answers a context is refused.
    forgets: Option<usize>,
    requests: usize,
    met: Vec<u64>,
    /// Lines with which no answer comes.
    withheld: BTreeSet<u64>,
    /// Requests that are not answered at all.
    silent: std::ops::Range<usize>,
    /// Milliseconds that the read called unavailable.
    unavailable: Vec<i64>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
enum No {
    Context,
    Answer,
}

/// What the log says when a chain has given as many lines as it may.
#[derive(Debug, Clone, Copy)]
enum AtBound {
    Over,
    NoContext,
    Refusal,
}

impl Log {
    fn new(times: &[i64], limit: usize, chain_max: usize) -> Self {
        let mut times = times.to_vec();
        times.sort_unstable();
        Self {
            lines: times.into_iter().zip(0..).collect(),
            limit,
            chain_max,
            at_bound: AtBound::Over,
            forgets: None,
            requests: 0,
            met: Vec::new(),
            withheld: BTreeSet::new(),
            silent: 0..0,
            unavailable: Vec::new(),
        }
    }

    /// A context is the number of lines that the chain has given.
    fn answer(&mut self, ask: &ChainAsk) -> Result<ChainPage, No> {
        self.requests += 1;
        let below = |at: Timestamp| self.lines.partition_point(|line| line.0 < at.as_millis());
        let lines = &self.lines[below(ask.from)..below(ask.to)];
        let (skip, bound) = match &ask.place {
            ChainPlace::Start => (0, self.chain_max),
            ChainPlace::Offset(offset) => (usize::try_from(*offset).unwrap(), usize::MAX),
            ChainPlace::Context(context) => (context.parse().unwrap(), self.chain_max),
        };
        let in_chain = matches!(ask.place, ChainPlace::Context(_));
        if in_chain
            && (skip >= bound
                || self
                    .forgets
                    .is_some_and(|n| self.requests.is_multiple_of(n)))
        {
            return Err(No::Context);
        }
        let mut lines = lines.to_vec();
        if ask.newest_first {
            lines.reverse();
        }
        let page: Vec<_> = lines
            .iter()
            .skip(skip)
            .take(ask.limit.min(bound - skip))
            .collect();
        let is_silent = self.silent.contains(&self.requests);
        if is_silent || page.iter().any(|line| self.withheld.contains(&line.1)) {
            return Err(No::Answer);
        }
        self.met.extend(page.iter().map(|line| line.1));
        let given = skip + page.len();
        let capped = given >= bound && given < lines.len();
        let over = match self.at_bound {
            AtBound::Over => given == lines.len() || capped,
            AtBound::NoContext | AtBound::Refusal => given == lines.len(),
        };
        let context = !(over || capped && matches!(self.at_bound, AtBound::NoContext));
        Ok(ChainPage {
            marks: page
                .iter()
                .map(|line| ChainMark {
                    at: Timestamp::from_millis(line.0),
                    mark: line.1,
                })
                .collect(),
            list_over: Some(over),
            context: context.then(|| given.to_string()),
        })
    }

    fn read(&mut self, from: i64, to: i64) -> ChainRead {
        self.read_again(from, to, BTreeSet::new())
    }

    /// Pages are halved where there is no answer, and twice as large after each.
    fn read_again(&mut self, from: i64, to: i64, known: BTreeSet<Timestamp>) -> ChainRead {
        let ms = Timestamp::from_millis;
        let mut read = ChainRead::new(ms(from), ms(to), known);
        read.chain_max = self.chain_max;
        let mut limit = self.limit;
        while let Some(ask) = read.next(limit) {
            assert!(ask.from < ask.to && ask.limit <= limit);
            match self.answer(&ask) {
                Ok(page) => {
                    read.took(page);
                    limit = (limit * 2).min(self.limit);
                }
                Err(No::Context) => {
                    assert!(read.lost_context(), "a refused context stops the read");
                }
                Err(No::Answer) if ask.limit > 1 => limit = ask.limit / 2,
                Err(No::Answer) if !read.withheld() => break,
                Err(No::Answer) => {}
            }
            let told = read.take_unavailable();
            self.unavailable.extend(told.map(Timestamp::as_millis));
            let reached = read.reached().as_millis();
            let below = self
                .lines
                .iter()
                .filter(|line| (from..reached).contains(&line.0));
            for line in below {
                let told = self.withheld.contains(&line.1) && self.unavailable.contains(&line.0);
                assert!(
                    told || self.met.contains(&line.1),
                    "{line:?} lies below {reached}"
                );
            }
            assert!(self.requests < 5_000, "the read has no end");
        }
        read
    }

    fn distinct(&self) -> Vec<u64> {
        let mut met = self.met.clone();
        met.sort_unstable();
        met.dedup();
        met
    }
}

/// What the vendor's numbers allow: 1.15 times as many requests as full pages.
fn assert_cheap(times: &[i64], what: &str) {
    let mut log = Log::new(times, 1_000, CHAIN_MAX);
    let (from, to) = (Timestamp::from_millis(0), Timestamp::from_millis(600_000));
    let mut read = ChainRead::new(from, to, BTreeSet::new());
    while let Some(ask) = read.next(1_000) {
        let page = log.answer(&ask).unwrap();
        read.took(page);
    }
    assert!(read.is_complete(), "{what}");
    assert_eq!(log.distinct().len(), times.len(), "{what}");
    let pages = times.len().div_ceil(1_000);
    assert!(
        log.requests * 100 <= pages * 115,
        "{what}: {} requests for {pages} pages",
        log.requests
    );
}

#[test]
fn two_hundred_thousand_lines_in_ten_minutes_cost_few_requests() {
    for in_one in [
        1, 7, 333, 999, 1_000, 1_001, 1_500, 3_333, 5_000, 9_999, 25_000, 200_000,
    ] {
        let gap = 600_000 * in_one / 200_000;
        let times: Vec<i64> = (0..200_000).map(|n| n / in_one * gap).collect();
        assert_cheap(&times, &format!("{in_one} share a millisecond"));
    }
}

#[test]
fn an_empty_log_is_read_with_one_request() {
    let mut log = Log::new(&[], 100, 1_000);
    let read = log.read(0, 10);
    assert!(read.is_complete());
    assert_eq!(log.requests, 1);
    let nothing = Log::new(&[5], 100, 1_000).read(7, 7);
    assert!(nothing.is_complete(), "an empty span needs no request");
}

/// An answer with lines at these milliseconds, and the end of the list and the context that it
/// tells.
type Answer<'a> = (&'a [i64], Option<bool>, Option<&'a str>);

fn page((times, list_over, context): Answer<'_>) -> ChainPage {
    let marks = times.iter().zip(0..).map(|(&at, mark)| ChainMark {
        at: Timestamp::from_millis(at),
        mark,
    });
    ChainPage {
        marks: marks.collect(),
        list_over,
        context: context.map(str::to_owned),
    }
}

/// No line, or always the same two, and more to come.
const EMPTY: Answer<'_> = (&[], Some(false), Some("x"));
const SAME: Answer<'_> = (&[1, 2], Some(false), Some("x"));

fn read_of_ten() -> ChainRead {
    let (from, to) = (Timestamp::from_millis(0), Timestamp::from_millis(10));
    let mut read = ChainRead::new(from, to, BTreeSet::new());
    read.next(100);
    read
}

#[test]
fn a_read_ends_where_its_answers_say_so_or_make_no_sense() {
    let (over, goes_on): (Option<bool>, _) = (Some(true), Some(false));
    let cases: [(&str, &[Answer<'_>], bool); 6] = [
        (
            "short, without a word on its end",
            &[(&[1, 2], None, None)],
            true,
        ),
        (
            "no line, and no context to go on",
            &[(&[], goes_on, None)],
            false,
        ),
        ("goes on without lines", &[EMPTY; 4], false),
        ("the same page again", &[SAME; 2], false),
        ("disorder without a join", &[(&[5, 3], over, None)], true),
        (
            "disorder before a join",
            &[(&[5, 3], goes_on, None), (&[3], over, None)],
            false,
        ),
    ];
    for (case, answers, is_complete) in cases {
        let mut read = read_of_ten();
        for answer in answers {
            assert!(read.next(100).is_some(), "{case}");
            read.took(page(*answer));
        }
        assert!(read.next(100).is_none(), "{case}");
        assert_eq!(read.is_complete(), is_complete, "{case}");
    }
}

#[test]
fn a_full_page_without_a_word_on_its_end_is_followed_by_another_chain() {
    let mut read = read_of_ten();
    read.took(page((&[3; 100], None, Some(""))));
    let ask = read.next(100).unwrap();
    assert_eq!((ask.from.as_millis(), ask.place), (3, ChainPlace::Start));
}

#[test]
fn nothing_is_reached_behind_a_join_in_disorder() {
    let mut read = read_of_ten();
    read.took(page((&[5, 3], Some(false), None)));
    assert_eq!(read.reached(), Timestamp::from_millis(0));
}

#[test]
fn a_millisecond_whose_order_moves_is_read_from_its_start() {
    let mut read = read_of_ten();
    // The first lines of each answer have the marks 0, 1, ..., not 84, 85, ...
    for (lines, over, offset) in [(100, false, 84), (30, true, 0), (100, false, 84)] {
        read.took(page((&vec![0; lines], Some(over), None)));
        let place = read.next(100).map(|ask| ask.place);
        assert_eq!(place, Some(ChainPlace::Offset(offset)));
    }
    read.took(page((&[0; 100], Some(true), None)));
    assert!(!read.is_complete(), "it moved again");
    assert_eq!(read.next(100).unwrap().from, Timestamp::from_millis(1));
}

/// 1,000 lines, one in each millisecond from 100 on.
fn log_of_a_thousand() -> Log {
    let times: Vec<i64> = (0..1_000).map(|n| n + 100).collect();
    Log::new(&times, 1_000, CHAIN_MAX)
}

#[test]
fn a_line_that_cannot_be_had_is_stepped_over_and_told_once() {
    let mut log = log_of_a_thousand();
    log.withheld = BTreeSet::from([0, 567, 999]);
    let read = log.read(0, 2_000);
    assert!(read.is_complete());
    assert_eq!(read.reached(), Timestamp::from_millis(1_100));
    assert_eq!(log.unavailable, [100, 667, 1_099]);
    assert_eq!(log.distinct().len(), 997);
    assert!(log.requests < 300, "{} requests", log.requests);

    // Another read that knows of them finds them at once.
    let known = [100, 667, 1_099].map(Timestamp::from_millis).into();
    let mut again = log_of_a_thousand();
    again.withheld = log.withheld;
    assert!(again.read_again(0, 2_000, known).is_complete());
    assert_eq!(again.unavailable, [100, 667, 1_099]);
    assert!(again.requests < log.requests, "{} requests", again.requests);
}

/// With nothing between them that could be answered, as in a topic of few calls.
#[test]
fn up_to_three_lines_in_a_row_that_cannot_be_had_are_stepped_over() {
    for (count, is_good) in [(2, true), (3, true), (4, false)] {
        let times: Vec<i64> = (0..count).map(|n| 100 + n).collect();
        let mut log = Log::new(&times, 1, 1);
        log.withheld = (0..count as u64).collect();
        let read = log.read(0, 2_000);
        assert_eq!(read.is_complete(), is_good, "{count}");
        let told = if is_good { times } else { Vec::new() };
        assert_eq!(log.unavailable, told, "{count}");
    }
}

#[test]
fn an_api_that_answers_nothing_for_a_while_hides_no_line() {
    // However long it lasts: either the read ends without its end, or all lines are met.
    for lasting in 1..160 {
        for begins in [1, 2, 40] {
            let mut log = log_of_a_thousand();
            log.limit = 64;
            log.silent = begins..begins + lasting;
            let read = log.read(0, 2_000);
            assert_eq!(log.unavailable, [0; 0], "{begins} {lasting}");
            if read.is_complete() {
                assert_eq!(log.distinct().len(), 1_000, "{begins} {lasting}");
            }
        }
    }
}

#[test]
fn both_ends_of_a_millisecond_around_a_line_are_read() {
    let mut log = Log::new(&[[5; 300], [6; 300]].concat(), 100, 1_000);
    log.withheld = BTreeSet::from([150]);
    let read = log.read(0, 10);
    assert!(read.is_complete());
    assert_eq!(log.unavailable, [5]);
    assert_eq!(log.distinct().len(), 599);
}

proptest! {
    #[test]
    fn every_line_of_the_span_is_met(
        times in prop::collection::vec(0i64..12, 0..1_500),
        limit in 32usize..120,
        pages in 1usize..6,
        at_bound in prop::sample::select(vec![
            AtBound::Over, AtBound::NoContext, AtBound::Refusal,
        ]),
        forgets in prop::option::of(5usize..20),
        from in 0i64..4,
        to in 8i64..14,
    ) {
        let mut log = Log::new(&times, limit, limit * pages);
        log.at_bound = at_bound;
        log.forgets = forgets;
        let read = log.read(from, to);
        prop_assert!(read.is_complete());
        let inside = log.lines.iter().filter(|line| (from..to).contains(&line.0));
        let inside: Vec<u64> = inside.map(|line| line.1).collect();
        prop_assert_eq!(log.distinct(), inside);
    }

    #[test]
    fn every_line_but_those_that_cannot_be_had_is_met(
        times in prop::collection::vec(0i64..400, 0..400),
        limit in 1usize..120,
        pages in 1usize..6,
        withheld in prop::collection::btree_set(0i64..400, 0..4),
        at_bound in prop::sample::select(vec![
            AtBound::Over, AtBound::NoContext, AtBound::Refusal,
        ]),
    ) {
        let mut log = Log::new(&times, limit, limit * pages);
        log.at_bound = at_bound;
        // At most one in a millisecond: what lies between two cannot be had either.
        let one = |at: &i64| Some(log.lines.iter().find(|line| line.0 == *at)?.1);
        log.withheld = withheld.iter().filter_map(one).collect();
        let read = log.read(0, 500);
        prop_assert!(read.is_complete());
        let there = log.lines.iter().filter(|line| !log.withheld.contains(&line.1));
        let there: Vec<u64> = there.map(|line| line.1).collect();
        prop_assert_eq!(log.distinct(), there);
        prop_assert_eq!(log.unavailable.len(), log.withheld.len());
    }
}
