pub(in crate::ledger) mod fake;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use fake::{End, Fake, Row, Sorting, ends, sortings};

/// Reads to the end; the ids met. Each answer is followed by a look at how far the reader says it is.
fn read(fake: &mut Fake, mut read: WindowRead) -> (WindowRead, BTreeSet<u64>) {
    let mut met = BTreeSet::new();
    while let Some(ask) = read.next() {
        let (rows, total) = answer(fake, ask);
        met.extend(rows.iter().map(|row| row.id));
        read.took(&rows, Some(total));
        let reached = read.reached().as_secs();
        for row in &fake.rows {
            let is_due = row.second < reached && row.seen == 0;
            let is_met = !is_due || met.contains(&row.id) || read.is_truncated();
            assert!(is_met, "{row:?} below {reached}");
        }
    }
    (read, met)
}

fn answer(fake: &mut Fake, ask: Ask) -> (Vec<Mark>, u64) {
    assert!(ask.offset + ask.limit as u64 <= 10_000, "{ask:?}");
    let offset = usize::try_from(ask.offset).unwrap();
    fake.answer((ask.from, ask.to), offset, ask.limit, false)
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
        // Eleven or twelve rows in each second of an hour in the middle of the day.
        let mut fake = Fake::new((0..40_000).map(|row| 40_000 + row * 3_600 / 40_000));
        fake.total_max = total_max;
        let (read, met) = read(&mut fake, closed(0, 86_400));
        assert!(read.is_complete());
        assert_eq!(met.len(), 40_000);
        assert!(fake.answers < 80, "{} answers for 40 pages", fake.answers);
    }
}

#[test]
fn an_idle_day_takes_one_answer_and_three_days_take_three() {
    let mut fake = Fake::new([40, 200_000]);
    let (read, met) = read(&mut fake, closed(0, 3 * 86_400));
    assert!(read.is_complete());
    assert_eq!((met.len(), fake.answers), (2, 3));
}

#[test]
fn a_second_wider_than_a_page_is_read_until_it_adds_up() {
    for end in [End::Inside, End::Outside, End::ToTheMillisecond] {
        let mut fake = Fake::new((0..6_500).map(|row| if row < 3_500 { 50 } else { 51 }));
        fake.end = end;
        let (read, met) = read(&mut fake, closed(0, 1_000));
        assert!(read.is_complete(), "{end:?}");
        assert_eq!(met.len(), 6_500);
    }
}

#[test]
fn two_full_seconds_side_by_side_fit_although_together_they_do_not() {
    let mut fake = Fake::new((0..14_000).map(|row| 50 + row / 7_000));
    fake.order = Sorting::Stable;
    let (read, met) = read(&mut fake, closed(0, 1_000));
    assert!(read.is_complete());
    assert_eq!(met.len(), 14_000);
}

#[test]
fn a_second_deeper_than_the_api_pages_is_cut_and_reading_goes_on() {
    let seconds = (0..12_000).map(|_| 50).chain([90]);
    let (read, met) = read(&mut Fake::new(seconds), closed(0, 1_000));
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
            let mut fake = Fake::new((0..40).map(|row| row / 2 * 3));
            (fake.order, fake.page_max) = (Sorting::Stable, page_max);
            fake.unplaced = Some(unplaced);
            let (read, met) = read(&mut fake, closed(0, 1_000));
            assert!(read.is_complete(), "row {unplaced}, {page_max} a page");
            assert_eq!(met.len(), 40);
        }
    }
}

#[test]
fn one_fleeting_omission_is_read_again() {
    let mut fake = Fake::new((0..3_000).map(|row| row / 3));
    let mut read = closed(0, 1_000);
    let mut met = BTreeSet::new();
    let mut first = true;
    while let Some(ask) = read.next() {
        let (mut rows, total) = answer(&mut fake, ask);
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

/// Rows at these seconds, and late ones that can be seen only after some answers.
fn growing(seconds: &[i64], late: &[(i64, u64)]) -> Fake {
    let mut fake = Fake::new(seconds.iter().copied());
    let late = late.iter().zip(1_000..).map(|(&(second, seen), id)| Row {
        second,
        id,
        seen,
        times: 1,
    });
    fake.rows.extend(late);
    fake
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Rows with any ties, an API with any habits, late rows above the closed part: whatever the
    /// reader says that it reached was met, and a quiet list is always read to its end.
    #[test]
    fn what_is_said_to_be_reached_was_met(
        (end, order) in (ends(), sortings()),
        page_max in 3usize..40,
        limit in 3usize..40,
        seconds in prop::collection::vec(prop_oneof![0i64..200, 40i64..44], 0..300),
        late in prop::collection::vec((100i64..200, 1u64..40), 0..60),
    ) {
        let mut fake = growing(&seconds, &late);
        (fake.end, fake.order, fake.page_max) = (end, order, page_max);
        let (read, met) = read(&mut fake, WindowRead::closed(at(0), at(100), limit));
        let below = fake.rows.iter().filter(|row| row.second < 100);
        let below: BTreeSet<u64> = below.map(|row| row.id).collect();
        if read.is_complete() {
            prop_assert!(met.is_superset(&below));
        }
        prop_assert!(read.is_complete() || order != Sorting::Stable);
    }

    /// A live read meets everything that was there before it began, where the order is kept.
    #[test]
    fn a_live_read_meets_what_was_there(
        limit in 10usize..40,
        seconds in prop::collection::vec(0i64..200, 0..300),
        late in prop::collection::vec((0i64..200, 1u64..20), 0..60),
    ) {
        let mut fake = growing(&seconds, &late);
        (fake.order, fake.page_max) = (Sorting::Stable, 1_000);
        let (_, met) = read(&mut fake, WindowRead::live(at(0), at(200), limit));
        prop_assert!((1..=seconds.len() as u64).all(|id| met.contains(&id)));
    }
}
