use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// How an API reads what is asked for. It is written from the documents and their gaps, and knows
/// nothing of the reader.
#[derive(Debug, Clone, Copy)]
struct Habits {
    end: End,
    order: Sorting,
    /// Rows of an answer at the most, however many are asked for.
    page_max: usize,
    /// Totals above are cut.
    total_max: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Inside,
    Outside,
    /// Inside, but rows start some time within their second.
    InsideToTheMillisecond,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sorting {
    Stable,
    /// Ties in another order at each answer.
    Shuffled,
    /// Newest first, whatever is asked for.
    Reversed,
}

const PLAIN: Habits = Habits {
    end: End::Inside,
    order: Sorting::Shuffled,
    page_max: 1_000,
    total_max: u64::MAX,
};

/// A list of rows that grows.
struct Fake {
    habits: Habits,
    /// Second, id, and the answer from which on the row can be seen.
    rows: Vec<(i64, u64, usize)>,
    answers: usize,
    /// A row whose second cannot be read.
    unplaced: Option<u64>,
}

impl Fake {
    fn new(habits: Habits, seconds: impl IntoIterator<Item = i64>) -> Self {
        let rows = seconds
            .into_iter()
            .zip(1..)
            .map(|(second, id)| (second, id, 0));
        Self {
            habits,
            rows: rows.collect(),
            answers: 0,
            unplaced: None,
        }
    }

    fn answer(&mut self, ask: Ask) -> (Vec<Mark>, u64) {
        assert!(ask.offset + ask.limit as u64 <= 10_000, "{ask:?}");
        assert!(ask.to > ask.from && ask.to - ask.from <= 86_400, "{ask:?}");
        self.answers += 1;
        let inside = |&(second, id, seen): &(i64, u64, usize)| {
            let before_end = match self.habits.end {
                End::Inside => second <= ask.to,
                End::Outside => second < ask.to,
                End::InsideToTheMillisecond => second < ask.to || (second == ask.to && id % 9 == 0),
            };
            second >= ask.from && before_end && seen <= self.answers
        };
        let mut rows: Vec<_> = self.rows.iter().copied().filter(inside).collect();
        let salt = self.answers as u64;
        rows.sort_by_key(|&(second, id, _)| match self.habits.order {
            Sorting::Stable => (second, id),
            Sorting::Shuffled => (
                second,
                (id ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (salt << 7)),
            ),
            Sorting::Reversed => (-second, id),
        });
        let total = (rows.len() as u64).min(self.habits.total_max);
        let page = rows.into_iter().skip(ask.offset as usize);
        let page = page.take(ask.limit.min(self.habits.page_max));
        let page = page.map(|(second, id, _)| Mark {
            second: Some(second).filter(|_| self.unplaced != Some(id)),
            id,
        });
        (page.collect(), total)
    }
}

/// Reads to the end; the ids met, each time that the reader said how far it is.
fn read(fake: &mut Fake, mut read: WindowRead) -> (WindowRead, BTreeSet<u64>) {
    let mut met = BTreeSet::new();
    while let Some(ask) = read.next() {
        let (rows, total) = fake.answer(ask);
        met.extend(rows.iter().map(|row| row.id));
        read.took(&rows, Some(total));
        let reached = read.reached().as_secs();
        for &(second, id, seen) in &fake.rows {
            let due = second < reached && seen == 0;
            assert!(
                !due || met.contains(&id) || read.is_truncated(),
                "{second} below {reached}"
            );
        }
    }
    (read, met)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(second)
}

fn closed(from: i64, to: i64) -> WindowRead {
    WindowRead::closed(at(from), at(to), 1_000)
}

#[test]
fn forty_thousand_rows_of_an_hour_are_read_exactly_and_cheaply() {
    for total_max in [u64::MAX, 10_000] {
        let habits = Habits { total_max, ..PLAIN };
        // Eleven or twelve rows in each second of an hour in the middle of the day.
        let seconds = (0..40_000).map(|row| 40_000 + row * 3_600 / 40_000);
        let mut fake = Fake::new(habits, seconds);
        let (read, met) = read(&mut fake, closed(0, 86_400));
        assert!(read.is_complete());
        assert_eq!(met.len(), 40_000);
        assert!(fake.answers < 80, "{} answers for 40 pages", fake.answers);
    }
}

#[test]
fn an_idle_day_takes_one_answer_and_three_days_take_three() {
    let mut fake = Fake::new(PLAIN, [40, 200_000]);
    let (read, met) = read(&mut fake, closed(0, 3 * 86_400));
    assert!(read.is_complete());
    assert_eq!((met.len(), fake.answers), (2, 3));
}

#[test]
fn a_second_wider_than_a_page_is_read_until_it_adds_up() {
    for end in [End::Inside, End::Outside, End::InsideToTheMillisecond] {
        let habits = Habits { end, ..PLAIN };
        let seconds = (0..6_500).map(|row| if row < 3_500 { 50 } else { 51 });
        let mut fake = Fake::new(habits, seconds);
        let (read, met) = read(&mut fake, closed(0, 1_000));
        assert!(read.is_complete(), "{end:?}");
        assert_eq!(met.len(), 6_500);
    }
}

#[test]
fn two_full_seconds_side_by_side_fit_although_together_they_do_not() {
    let seconds = (0..14_000).map(|row| 50 + row / 7_000);
    let habits = Habits {
        order: Sorting::Stable,
        ..PLAIN
    };
    let (read, met) = read(&mut Fake::new(habits, seconds), closed(0, 1_000));
    assert!(read.is_complete());
    assert_eq!(met.len(), 14_000);
}

#[test]
fn a_second_deeper_than_the_api_pages_is_cut_and_reading_goes_on() {
    let seconds = (0..12_000).map(|_| 50).chain([90]);
    let (read, met) = read(&mut Fake::new(PLAIN, seconds), closed(0, 1_000));
    assert!(read.is_truncated() && !read.is_complete());
    assert_eq!(
        read.reached(),
        at(1_000),
        "else the same second would be read for ever"
    );
    assert!(met.contains(&12_001));
}

#[test]
fn a_row_that_the_answers_leave_out_leaves_the_read_incomplete() {
    for total in [None, Some(10), Some(10_000)] {
        let mut read = closed(0, 1_000);
        while let Some(ask) = read.next() {
            let inside = (ask.from..=ask.to).contains(&500) && ask.offset == 0;
            let rows = [Mark {
                second: Some(500),
                id: 1,
            }];
            read.took(if inside { &rows } else { &[] }, total.filter(|_| inside));
        }
        assert!(!read.is_complete(), "{total:?}");
        assert!(read.reached() <= at(500));
    }
}

/// Such as one that no answer can bring: it may belong to either side of where one answer ends.
#[test]
fn a_row_whose_second_cannot_be_read_leaves_the_read_complete_wherever_it_stands() {
    for page_max in 2..9 {
        for unplaced in 1..=40 {
            let habits = Habits {
                order: Sorting::Stable,
                page_max,
                ..PLAIN
            };
            let mut fake = Fake::new(habits, (0..40).map(|row| row / 2 * 3));
            fake.unplaced = Some(unplaced);
            let (read, met) = read(&mut fake, closed(0, 1_000));
            assert!(read.is_complete(), "row {unplaced}, {page_max} a page");
            assert_eq!(met.len(), 40);
        }
    }
}

#[test]
fn one_fleeting_omission_is_read_again() {
    let mut fake = Fake::new(PLAIN, (0..3_000).map(|row| row / 3));
    let mut read = closed(0, 1_000);
    let mut met = BTreeSet::new();
    let mut first = true;
    while let Some(ask) = read.next() {
        let (mut rows, total) = fake.answer(ask);
        if std::mem::take(&mut first) {
            rows.remove(7);
        }
        met.extend(rows.iter().map(|row| row.id));
        read.took(&rows, Some(total));
    }
    assert!(read.is_complete());
    assert_eq!(met.len(), 3_000);
}

#[test]
fn an_api_that_does_not_know_the_time_range_is_found_out() {
    let mut read = closed(86_400, 2 * 86_400);
    let rows = [Mark {
        second: Some(500),
        id: 1,
    }];
    while read.next().is_some() {
        read.took(&rows, Some(1));
    }
    assert!(!read.is_complete());
}

#[test]
fn parts_of_seconds_belong_to_the_read_in_which_they_begin() {
    let read = WindowRead::closed(
        Timestamp::from_millis(1_001),
        Timestamp::from_millis(2_001),
        9,
    );
    let ask = read.next().unwrap();
    assert_eq!((ask.from, ask.to), (2, 3));
}

fn habits() -> impl Strategy<Value = Habits> {
    let end = prop_oneof![
        Just(End::Inside),
        Just(End::Outside),
        Just(End::InsideToTheMillisecond)
    ];
    let order = prop_oneof![
        Just(Sorting::Stable),
        Just(Sorting::Shuffled),
        Just(Sorting::Reversed)
    ];
    (end, order, 3usize..40).prop_map(|(end, order, page_max)| Habits {
        end,
        order,
        page_max,
        total_max: u64::MAX,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Rows with any ties, an API with any habits, late rows above the closed part: whatever the
    /// reader says that it reached was met, and a quiet list is always read to its end.
    #[test]
    fn what_is_said_to_be_reached_was_met(
        habits in habits(),
        limit in 3usize..40,
        seconds in prop::collection::vec(prop_oneof![0i64..200, 40i64..44], 0..300),
        late in prop::collection::vec((100i64..200, 1usize..40), 0..60),
    ) {
        let mut fake = Fake::new(habits, seconds.iter().copied());
        let ids = 1_000..;
        fake.rows.extend(late.iter().zip(ids).map(|(&(second, seen), id)| (second, id, seen)));
        let (read, met) = read(&mut fake, WindowRead::closed(at(0), at(100), limit));
        let below: BTreeSet<u64> = fake.rows.iter()
            .filter(|(second, _, _)| *second < 100).map(|(_, id, _)| *id).collect();
        if read.is_complete() {
            prop_assert!(met.is_superset(&below));
        }
        prop_assert!(read.is_complete() || habits.order != Sorting::Stable);
    }

    /// A live read meets everything that was there before it began, where the order is kept.
    #[test]
    fn a_live_read_meets_what_was_there(
        limit in 10usize..40,
        seconds in prop::collection::vec(0i64..200, 0..300),
        late in prop::collection::vec((0i64..200, 1usize..20), 0..60),
    ) {
        let habits = Habits { order: Sorting::Stable, ..PLAIN };
        let mut fake = Fake::new(habits, seconds.iter().copied());
        let ids = 1_000..;
        fake.rows.extend(late.iter().zip(ids).map(|(&(second, seen), id)| (second, id, seen)));
        let (_, met) = read(&mut fake, WindowRead::live(at(0), at(200), limit));
        prop_assert!((1..=seconds.len() as u64).all(|id| met.contains(&id)));
    }
}
