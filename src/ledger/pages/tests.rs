//! The seam argument against a list that grows, shuffles and shrinks between two answers.

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

/// Reads `list` back to `from`, with the events of one entry happening before each request but
/// the first. Returns the read and the ids met.
fn read(
    list: &mut List,
    from: i64,
    limit: usize,
    between: &[Vec<Event>],
) -> (PagedRead, BTreeSet<u64>) {
    let mut next_id = 1_000_000;
    let mut met = BTreeSet::new();
    let mut read = PagedRead::new(Timestamp::from_secs(from), limit, limit);
    let mut next = read.first();
    let mut request = 0;
    while let NextPage::Fetch { offset, limit } = next {
        if request > 0 {
            for event in between.get(request - 1).into_iter().flatten() {
                list.apply(event, &mut next_id);
            }
        }
        request += 1;
        assert!(request < 5_000, "the read does not end");
        let (shape, rows) = list.page(offset, limit);
        met.extend(rows.iter().map(|row| row.1));
        next = read.took(shape);
    }
    (read, met)
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
        let (read, met) = read(&mut list, from, limit, &between);
        if read.is_complete() {
            let expired = |id: u64| !list.0.iter().any(|row| row.1 == id);
            for (second, id) in before.0 {
                prop_assert!(
                    second < from || met.contains(&id) || expired(id),
                    "row {id} of second {second} was missed"
                );
            }
        }
    }

    #[test]
    fn a_list_that_holds_still_is_read_completely(
        seconds in proptest::collection::vec(0..60i64, 0..200),
        from in 0..60i64,
        limit in 16..64usize,
    ) {
        let mut list = list_of(&seconds);
        let (read, met) = read(&mut list, from, limit, &[]);
        prop_assert!(read.is_complete());
        let wanted = list.0.iter().filter(|row| row.0 >= from).all(|row| met.contains(&row.1));
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
        let (read, _) = read(&mut list_of(&seconds), 0, limit, &between);
        prop_assert!(read.is_complete());
    }
}

#[test]
fn a_second_wider_than_a_page_is_read_through_while_its_order_holds() {
    let (still, met) = read(&mut list_of(&[7; 200]), 0, 50, &[]);
    assert!(still.is_complete());
    assert_eq!(met.len(), 200);

    let shuffles: Vec<_> = (0..40).map(|seed| vec![Event::Shuffle { seed }]).collect();
    let (moving, _) = read(&mut list_of(&[7; 200]), 0, 50, &shuffles);
    assert!(!moving.is_complete(), "an order that moves proves nothing");
}

#[test]
fn a_list_that_shrank_is_read_again_further_up() {
    let seconds: Vec<i64> = (0..100).collect();
    let mut list = list_of(&seconds);
    let mut read = PagedRead::new(Timestamp::from_secs(0), 10, 10);
    let (first, _) = list.page(0, 10);
    assert_eq!(
        read.took(first),
        NextPage::Fetch {
            offset: 9,
            limit: 10
        }
    );
    list.0.drain(2..5);
    let (second, _) = list.page(9, 10);
    assert_eq!(
        read.took(second),
        NextPage::Fetch {
            offset: 6,
            limit: 10
        }
    );
    let (again, rows) = list.page(6, 10);
    assert_eq!(rows[0].0, 90, "the last row of the first page is met again");
    assert_eq!(
        read.took(again),
        NextPage::Fetch {
            offset: 15,
            limit: 10
        }
    );
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
    assert_eq!(
        read.took(first),
        NextPage::Fetch {
            offset: 9,
            limit: 20
        }
    );

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
