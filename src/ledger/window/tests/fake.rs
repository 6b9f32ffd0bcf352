//! A list of rows that grows and answers like API 3.0. Written from the documents and their gaps; it
//! shares nothing with the readers.

use proptest::prelude::*;

use crate::ledger::Mark;

#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub second: i64,
    pub id: u64,
    /// The number of answers before the row can be seen.
    pub seen: u64,
    /// How often it is in the list.
    pub times: usize,
}

/// Whether a window includes its last second.
#[derive(Debug, Clone, Copy)]
pub enum End {
    Inside,
    Outside,
    /// Rows start some time within their second.
    ToTheMillisecond,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sorting {
    Stable,
    /// Rows of one second are in another order in each answer.
    Shuffled,
    /// The other way round than requested.
    Reversed,
}

#[derive(Debug, Clone)]
pub struct Fake {
    pub rows: Vec<Row>,
    pub end: End,
    pub order: Sorting,
    /// Maximum number of rows in an answer, whatever is requested.
    pub page_max: usize,
    /// Totals above are cut off.
    pub total_max: u64,
    pub answers: u64,
    /// The id of a row whose second cannot be read.
    pub unplaced: Option<u64>,
}

impl Fake {
    /// One row for each of these seconds, with the ids 1, 2, and so on.
    pub fn new(seconds: impl IntoIterator<Item = i64>) -> Self {
        let rows = seconds.into_iter().zip(1..).map(|(second, id)| Row {
            second,
            id,
            seen: 0,
            times: 1,
        });
        Self {
            rows: rows.collect(),
            end: End::Inside,
            order: Sorting::Shuffled,
            page_max: usize::MAX,
            total_max: u64::MAX,
            answers: 0,
            unplaced: None,
        }
    }

    /// The marks of the rows between two seconds, and their total.
    pub fn answer(
        &mut self,
        (from, to): (i64, i64),
        offset: usize,
        limit: usize,
        newest_first: bool,
    ) -> (Vec<Mark>, u64) {
        assert!(to > from && to - from <= 86_400, "{from} to {to}");
        self.answers += 1;
        let inside = |row: &&Row| {
            let is_in_end = match self.end {
                End::Inside => true,
                End::Outside => false,
                End::ToTheMillisecond => row.id.is_multiple_of(3),
            };
            let before_end = row.second < to || (row.second == to && is_in_end);
            row.second >= from && before_end && row.seen < self.answers
        };
        let rows = self.rows.iter().filter(inside);
        let rows = rows.flat_map(|row| std::iter::repeat_n(*row, row.times));
        let mut rows: Vec<Row> = rows.collect();
        let salt = self.answers;
        let is_descending = newest_first != (self.order == Sorting::Reversed);
        rows.sort_by_key(|row| {
            let tie = match self.order {
                Sorting::Shuffled => {
                    (row.id ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ (salt << 7))
                }
                Sorting::Stable | Sorting::Reversed => row.id,
            };
            (
                if is_descending {
                    -row.second
                } else {
                    row.second
                },
                tie,
            )
        });
        let total = (rows.len() as u64).min(self.total_max);
        let page = rows.iter().skip(offset).take(limit.min(self.page_max));
        let marks = page.map(|row| Mark {
            second: Some(row.second).filter(|_| self.unplaced != Some(row.id)),
            id: row.id,
        });
        (marks.collect(), total)
    }
}

pub fn ends() -> impl Strategy<Value = End> {
    prop::sample::select(vec![End::Inside, End::Outside, End::ToTheMillisecond])
}

pub fn sortings() -> impl Strategy<Value = Sorting> {
    prop::sample::select(vec![Sorting::Stable, Sorting::Shuffled, Sorting::Reversed])
}
