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
        }
    }

    /// `None`: the context is refused. A context is the number of lines that the chain has given.
    fn answer(&mut self, ask: &ChainAsk) -> Option<ChainPage> {
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
            return None;
        }
        let page: Vec<_> = lines
            .iter()
            .skip(skip)
            .take(self.limit.min(bound - skip))
            .collect();
        self.met.extend(page.iter().map(|line| line.1));
        let given = skip + page.len();
        let capped = given >= bound && given < lines.len();
        let over = match self.at_bound {
            AtBound::Over => given == lines.len() || capped,
            AtBound::NoContext | AtBound::Refusal => given == lines.len(),
        };
        let context = !(over || capped && matches!(self.at_bound, AtBound::NoContext));
        Some(ChainPage {
            marks: page
                .iter()
                .map(|line| ChainMark {
                    at: Timestamp::from_millis(line.0),
                    mark: line.1,
                })
                .collect(),
            over: Some(over),
            context: context.then(|| given.to_string()),
        })
    }

    fn read(&mut self, from: i64, to: i64) -> ChainRead {
        let mut read = ChainRead::new(
            Timestamp::from_millis(from),
            Timestamp::from_millis(to),
            self.limit,
        );
        read.chain_max = self.chain_max;
        while let Some(ask) = read.next() {
            match self.answer(&ask) {
                Some(page) => read.took(page),
                None => assert!(read.lost_context(), "a refused context stops the read"),
            }
            let reached = read.reached().as_millis();
            let below = self
                .lines
                .iter()
                .filter(|line| (from..reached).contains(&line.0));
            for line in below {
                assert!(self.met.contains(&line.1), "{line:?} lies below {reached}");
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
    let mut read = ChainRead::new(
        Timestamp::from_millis(0),
        Timestamp::from_millis(600_000),
        1_000,
    );
    while let Some(ask) = read.next() {
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

fn page(times: &[i64], over: Option<bool>, context: Option<&str>) -> ChainPage {
    let marks = times.iter().zip(0..).map(|(&at, mark)| ChainMark {
        at: Timestamp::from_millis(at),
        mark,
    });
    ChainPage {
        marks: marks.collect(),
        over,
        context: context.map(str::to_owned),
    }
}

fn read_of_ten() -> ChainRead {
    ChainRead::new(Timestamp::from_millis(0), Timestamp::from_millis(10), 100)
}

#[test]
fn an_answer_without_the_word_on_its_end_is_judged_by_its_length() {
    let mut read = read_of_ten();
    read.took(page(&[1, 2], None, None));
    assert!(read.next().is_none() && read.is_complete());

    let mut read = read_of_ten();
    read.took(page(&[3; 100], None, Some("")));
    let ask = read.next().unwrap();
    assert_eq!((ask.from.as_millis(), ask.place), (3, ChainPlace::Start));
}

#[test]
fn a_chain_that_goes_on_without_lines_is_not_believed_for_ever() {
    let mut read = read_of_ten();
    while read.next().is_some() {
        read.took(page(&[], Some(false), Some("x")));
    }
    assert!(!read.is_complete());
    let mut read = read_of_ten();
    read.took(page(&[], Some(false), None));
    assert!(read.next().is_none() && !read.is_complete());
}

#[test]
fn a_server_that_repeats_its_page_is_not_asked_for_ever() {
    let mut read = read_of_ten();
    read.took(page(&[1, 2], Some(false), Some("x")));
    assert!(read.next().is_some());
    read.took(page(&[1, 2], Some(false), Some("x")));
    assert!(read.next().is_none() && !read.is_complete());
}

#[test]
fn a_seam_in_disorder_makes_the_read_incomplete() {
    let mut read = read_of_ten();
    read.took(page(&[5, 3], Some(true), None));
    assert!(
        read.is_complete(),
        "without a seam the order does not matter"
    );

    let mut read = read_of_ten();
    read.took(page(&[5, 3], Some(false), None));
    assert_eq!(read.reached(), Timestamp::from_millis(0));
    read.took(page(&[3], Some(true), None));
    assert!(read.next().is_none() && !read.is_complete());
}

#[test]
fn a_millisecond_whose_order_moves_is_read_from_its_start() {
    let mut read = read_of_ten();
    read.took(page(&[0; 100], Some(false), None));
    let offset = |read: &ChainRead| read.next().map(|ask| ask.place);
    assert_eq!(offset(&read), Some(ChainPlace::Offset(84)));
    // Its first lines have the marks 0, 1, ..., not 84, 85, ...
    read.took(page(&[0; 30], Some(true), None));
    assert_eq!(offset(&read), Some(ChainPlace::Offset(0)));
    read.took(page(&[0; 100], Some(false), None));
    assert_eq!(offset(&read), Some(ChainPlace::Offset(84)));
    read.took(page(&[0; 100], Some(true), None));
    assert!(!read.is_complete(), "it moved again");
    assert_eq!(read.next().unwrap().from, Timestamp::from_millis(1));
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
}
