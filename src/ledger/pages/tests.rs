//! The joins of pages against a list that grows, shuffles and shrinks between two answers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// A list as the server keeps it: (second, id), newest first.
#[derive(Debug, Clone)]
struct List(Vec<(i64, u64)>);

/// What happens to the list between two requests.
#[derive(Debug, Clone)]
enum Event {
    Insert { second: i64 },
    Shuffle { seed: u64 },
    Expire { rows: usize },
}

impl List {
    fn sort(&mut self) {
        self.0.sort_by_key(|(second, _)| std::cmp::Reverse(*second));
    }

    fn apply(&mut self, event: &Event, next_id: &mut u64) {
        match event {
            Event::Insert { second } => {
                *next_id += 1;
                self.0.push((*second, *next_id));
                self.sort();
            }
            Event::Shuffle { seed } => {
                // Orders the rows of each second by a hash of the seed: any order can come out.
                self.0.sort_by_key(|(second, id)| {
                    let mixed = (id ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    (std::cmp::Reverse(*second), mixed ^ (mixed >> 29))
                });
            }
            Event::Expire { rows } => {
                let keep = self.0.len().saturating_sub(*rows);
                self.0.truncate(keep);
            }
        }
    }

    fn page(&self, offset: u64, limit: usize) -> (PageShape, Vec<(i64, u64)>) {
        let rows: Vec<_> = self
            .0
            .iter()
            .skip(offset as usize)
            .take(limit)
            .copied()
            .collect();
        let tie_start = rows.last().map_or(0, |last| {
            rows.iter()
                .position(|row| row.0 == last.0)
                .unwrap_or_default()
        });
        let shape = PageShape {
            offset,
            rows: rows.len(),
            total: Some(self.0.len() as u64),
            newest: rows.first().map(|row| Timestamp::from_secs(row.0)),
            oldest: rows.last().map(|row| Timestamp::from_secs(row.0)),
            tie_start,
            sorted: true,
            marks: rows.iter().map(|row| row.1).collect(),
        };
        (shape, rows)
    }
}

/// What a read met.
struct Met {
    read: PagedRead,
    rows: BTreeSet<u64>,
    stepped: u64,
}

impl Met {
    fn is_complete(&self) -> bool {
        self.read.is_complete()
    }
}

/// Reads `list` back to `from` as the reader does it: at most `sizes` rows a request, in turn; no
/// answer comes with one of the rows `bad`, and `before` each request the list changes.
fn read_changing(
    list: &mut List,
    from: i64,
    sizes: &[usize],
    bad: &BTreeSet<u64>,
    before: &mut dyn FnMut(&mut List),
) -> Met {
    let mut met = Met {
        read: PagedRead::new(Timestamp::from_secs(from), 100, 100),
        rows: BTreeSet::new(),
        stepped: 0,
    };
    let (mut next, mut request, mut most) = (met.read.first(), 0, usize::MAX);
    while let NextPage::Fetch { offset, limit } = next {
        before(list);
        let limit = limit.min(most).min(sizes[request % sizes.len()]);
        request += 1;
        assert!(request < 50_000, "the read does not end");
        let (shape, rows) = list.page(offset, limit);
        if rows.iter().any(|row| bad.contains(&row.1)) {
            most = (limit / 2).max(1);
            if limit == 1 {
                let Some(on) = met.read.step_over() else {
                    // The caller gives up: the watermark does not advance.
                    met.read.broken = true;
                    break;
                };
                next = on;
            }
            continue;
        }
        most = limit.saturating_mul(2);
        met.stepped += met.read.stepped();
        met.rows.extend(rows.iter().map(|row| row.1));
        next = met.read.took(shape);
    }
    met
}

/// Reads `list` back to `from`, with the events of one entry before each request but the first.
fn read(list: &mut List, from: i64, limit: usize, between: &[Vec<Event>]) -> Met {
    let (mut next_id, mut request) = (1_000_000, 0);
    read_changing(list, from, &[limit], &BTreeSet::new(), &mut |list| {
        if request > 0 {
            for event in between.get(request - 1).into_iter().flatten() {
                list.apply(event, &mut next_id);
            }
        }
        request += 1;
    })
}

fn fetch(offset: u64, limit: usize) -> NextPage {
    NextPage::Fetch { offset, limit }
}

fn list_of(seconds: &[i64]) -> List {
    let mut list = List(
        seconds
            .iter()
            .zip(1..)
            .map(|(&second, id)| (second, id))
            .collect(),
    );
    list.sort();
    list
}

fn events() -> impl Strategy<Value = Vec<Vec<Event>>> {
    let event = prop_oneof![
        3 => (0..60i64).prop_map(|second| Event::Insert { second }),
        2 => any::<u64>().prop_map(|seed| Event::Shuffle { seed }),
        1 => (1..4usize).prop_map(|rows| Event::Expire { rows }),
    ];
    proptest::collection::vec(proptest::collection::vec(event, 0..4), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_complete_read_met_every_row_that_was_there_when_it_began(
        seconds in proptest::collection::vec(0..60i64, 0..200),
        from in 0..60i64,
        limit in 4..24usize,
        between in events(),
    ) {
        let mut list = list_of(&seconds);
        let before = list.clone();
        let met = read(&mut list, from, limit, &between);
        if met.is_complete() {
            let expired = |id: u64| !list.0.iter().any(|row| row.1 == id);
            for (second, id) in before.0 {
                prop_assert!(
                    second < from || met.rows.contains(&id) || expired(id),
                    "row {id} of second {second} was missed"
                );
            }
        }
    }

    #[test]
    fn what_is_called_complete_was_met_whatever_the_pages_and_the_order(
        seconds in proptest::collection::vec(0..40i64, 0..160),
        from in 0..20i64,
        sizes in proptest::collection::vec(1..40usize, 1..8),
        bad in proptest::collection::btree_set(1..160u64, 0..4),
        seed in any::<u64>(),
        shuffles_in in 1..30u64,
        inserts in prop_oneof![Just(0u64), 0..30u64],
    ) {
        let mut list = list_of(&seconds);
        let all = list.clone();
        let (mut request, mut id) = (seed, 1_000);
        let mut change = |list: &mut List| {
            request = request.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let drawn = (request ^ (request >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 32;
            if drawn % shuffles_in == 0 {
                list.apply(&Event::Shuffle { seed: drawn }, &mut id);
            }
            if (drawn >> 8) % 100 < inserts {
                list.apply(&Event::Insert { second: (drawn >> 16) as i64 % 60 }, &mut id);
            }
        };
        let met = read_changing(&mut list, from, &sizes, &bad, &mut change);
        if met.is_complete() {
            for (second, id) in all.0 {
                let is_met = second < from || bad.contains(&id) || met.rows.contains(&id);
                prop_assert!(is_met, "row {id} of second {second} was missed");
            }
        }
    }

    #[test]
    fn rows_that_cannot_be_had_do_not_keep_a_still_list_from_being_complete(
        seconds in proptest::collection::vec(0..40i64, 0..160),
        sizes in proptest::collection::vec(1..40usize, 1..8),
        bad in proptest::collection::btree_set(1..160u64, 0..4),
    ) {
        let mut list = list_of(&seconds);
        let met = read_changing(&mut list, 0, &sizes, &bad, &mut |_| ());
        let places = list.0.iter().map(|row| bad.contains(&row.1)).collect::<Vec<_>>();
        let too_many = places.windows(4).any(|four| four.iter().all(|is_bad| *is_bad));
        prop_assert!(met.is_complete() || too_many);
        let lost = places.iter().filter(|is_bad| **is_bad).count();
        prop_assert!(too_many || (met.rows.len() + lost, met.stepped) == (list.0.len(), lost as u64));
    }

    #[test]
    fn a_list_that_holds_still_is_read_completely(
        seconds in proptest::collection::vec(0..60i64, 0..200),
        from in 0..60i64,
        limit in 16..64usize,
    ) {
        let mut list = list_of(&seconds);
        let met = read(&mut list, from, limit, &[]);
        prop_assert!(met.is_complete());
        let wanted = list.0.iter().filter(|row| row.0 >= from).all(|row| met.rows.contains(&row.1));
        prop_assert!(wanted);
    }

    #[test]
    fn rows_that_only_come_in_never_break_a_read(
        seconds in proptest::collection::vec(0..600i64, 0..200),
        limit in 24..64usize,
        inserts in proptest::collection::vec(proptest::collection::vec(0..600i64, 0..4), 0..40),
    ) {
        let between: Vec<Vec<Event>> = inserts
            .into_iter()
            .map(|at| at.into_iter().map(|second| Event::Insert { second }).collect())
            .collect();
        prop_assert!(read(&mut list_of(&seconds), 0, limit, &between).is_complete());
    }
}

#[test]
fn a_second_wider_than_a_page_is_read_through_while_its_order_holds() {
    let still = read(&mut list_of(&[7; 200]), 0, 50, &[]);
    assert_eq!((still.is_complete(), still.rows.len()), (true, 200));
    let shuffles: Vec<_> = (0..40).map(|seed| vec![Event::Shuffle { seed }]).collect();
    let moving = read(&mut list_of(&[7; 200]), 0, 50, &shuffles);
    assert!(!moving.is_complete(), "an order that moves proves nothing");
}

#[test]
fn one_row_that_changes_its_place_is_not_taken_for_two() {
    // Row 3 cannot be read. The pages of four and two fail, and behind row 1 those of two and of
    // one. Then it changes places with row 2, once.
    let mut list = List(vec![(10, 1), (9, 3), (9, 2), (8, 4)]);
    let mut request = 0;
    let mut swap = |list: &mut List| {
        request += 1;
        if request == 6 {
            list.0.swap(1, 2);
        }
    };
    let bad = BTreeSet::from([3]);
    let met = read_changing(&mut list, 0, &[4], &bad, &mut swap);
    assert!(met.is_complete());
    assert_eq!(met.rows, BTreeSet::from([1, 2, 4]));
}

#[test]
fn a_list_that_shrank_is_read_again_further_up() {
    let seconds: Vec<i64> = (0..100).collect();
    let mut list = list_of(&seconds);
    let mut read = PagedRead::new(Timestamp::from_secs(0), 10, 10);
    let (first, _) = list.page(0, 10);
    assert_eq!(read.took(first), fetch(9, 10));
    list.0.drain(2..5);
    let (second, _) = list.page(9, 10);
    assert_eq!(read.took(second), fetch(6, 10));
    let (again, rows) = list.page(6, 10);
    assert_eq!(rows[0].0, 90, "the last row of the first page is met again");
    assert_eq!(read.took(again), fetch(15, 10));
}

#[test]
fn an_answer_that_does_not_page_ends_the_read() {
    let list = list_of(&[7, 7]);
    let mut read = PagedRead::new(Timestamp::from_secs(0), 10, 10);
    for offset in [0, 1] {
        let (mut page, _) = list.page(0, 10);
        page.offset = offset;
        page.total = Some(189);
        let next = read.took(page);
        assert_eq!(next == NextPage::Done, offset > 0);
    }
    assert!(!read.is_complete());
}

#[test]
fn pages_grow_and_an_order_that_was_not_asked_for_is_noticed() {
    let seconds: Vec<i64> = (0..100).collect();
    let list = list_of(&seconds);
    let mut read = PagedRead::new(Timestamp::from_secs(0), 10, 1_000);
    let (first, _) = list.page(0, 10);
    assert_eq!(read.took(first), fetch(9, 20));

    let mut read = PagedRead::new(Timestamp::from_secs(50), 10, 10);
    let ascending = PageShape {
        rows: 10,
        total: Some(100),
        newest: Some(Timestamp::from_secs(9)),
        oldest: Some(Timestamp::from_secs(0)),
        sorted: false,
        ..PageShape::default()
    };
    assert_eq!(
        read.took(ascending),
        NextPage::Done,
        "all of it is older than the window"
    );
    assert!(!read.is_complete());
}
