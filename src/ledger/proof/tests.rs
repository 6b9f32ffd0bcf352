use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// An API that is asked for the newest rows first. Written from the documents and their gaps.
#[derive(Debug, Clone)]
struct Fake {
    /// Second, id, and whether nothing is ever counted for the row.
    rows: Vec<(i64, u64, bool)>,
    end: End,
    order: Sorting,
    page_max: usize,
    total_max: u64,
    answers: u64,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Inside,
    Outside,
    /// Rows start some time within their second.
    ToTheMillisecond,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sorting {
    NewestFirst,
    /// The same, with ties in another order at each answer.
    Shuffled,
    /// Whatever is asked for.
    OldestFirst,
}

impl Fake {
    fn new(seconds: impl IntoIterator<Item = i64>) -> Self {
        let rows = seconds.into_iter().zip(1..);
        Self {
            rows: rows.map(|(second, id)| (second, id, false)).collect(),
            end: End::Inside,
            order: Sorting::Shuffled,
            page_max: usize::MAX,
            total_max: u64::MAX,
            answers: 0,
        }
    }

    fn answer(&mut self, ask: Ask) -> (Vec<Mark>, Vec<Mark>, u64) {
        self.answers += 1;
        assert!(
            ask.to > ask.from && ask.to - ask.from <= SECONDS_MAX,
            "{ask:?}"
        );
        let inside = |&(second, id, _): &(i64, u64, bool)| {
            let before_end = match self.end {
                End::Inside => second <= ask.to,
                End::Outside => second < ask.to,
                End::ToTheMillisecond => second < ask.to || (second == ask.to && id % 3 == 0),
            };
            second >= ask.from && before_end
        };
        let mut rows: Vec<_> = self.rows.iter().copied().filter(inside).collect();
        let salt = self.answers;
        rows.sort_by_key(|&(second, id, _)| match self.order {
            Sorting::NewestFirst => (-second, id),
            Sorting::Shuffled => (-second, (id ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            Sorting::OldestFirst => (second, id),
        });
        let total = (rows.len() as u64).min(self.total_max);
        rows.truncate(ask.limit.min(self.page_max));
        let mark = |&(second, id, _): &(i64, u64, bool)| Mark {
            second: Some(second),
            id,
        };
        let passed = rows.iter().filter(|(_, _, passed)| *passed).map(mark);
        (rows.iter().map(mark).collect(), passed.collect(), total)
    }
}

/// Asks to the end. What was met before is in `met`, and what the answers show is added.
fn prove(fake: &mut Fake, mut proof: Proof, met: &mut BTreeSet<(i64, u64)>) -> (bool, u64) {
    let count = |met: &BTreeSet<(i64, u64)>, span: &Range<Timestamp>| {
        let within = |(second, _): &&(i64, u64)| span.contains(&Timestamp::from_secs(*second));
        Some(met.iter().filter(within).count() as u64)
    };
    while let Some(ask) = proof.next() {
        let (marks, passed, total) = fake.answer(ask);
        let rows = marks.iter().filter(|mark| !passed.contains(mark));
        met.extend(rows.map(|mark| (mark.second.unwrap(), mark.id)));
        let counted = proof.counted(&marks, &passed, Some(total));
        let of_answer = count(met, &counted.span);
        proof.took(&marks, Some(total), counted, of_answer);
        if let Some(first) = proof.open() {
            let of_first = count(met, &first.span);
            proof.met_of_first(of_first);
        }
    }
    (proof.is_whole(), fake.answers)
}

fn all_met(fake: &Fake) -> BTreeSet<(i64, u64)> {
    let rows = fake.rows.iter().filter(|(_, _, passed)| !passed);
    rows.map(|&(second, id, _)| (second, id)).collect()
}

#[test]
fn one_answer_proves_any_number_of_rows() {
    // Twenty rows a second for five minutes, in answers of a thousand.
    let mut fake = Fake::new((0..6_000).map(|row| row / 20));
    let mut met = all_met(&fake);
    assert_eq!(
        prove(&mut fake, Proof::new(0, 300, 1_000), &mut met),
        (true, 1)
    );
}

#[test]
fn what_is_missing_is_found_in_few_answers() {
    for hole in [0, 1_234, 3_000, 4_999, 5_000, 5_999] {
        let mut fake = Fake::new((0..6_000).map(|row| row / 20));
        let all = all_met(&fake);
        let mut met = all.clone();
        met.remove(&(hole / 20, hole as u64 + 1));
        let (whole, asks) = prove(&mut fake, Proof::new(0, 300, 1_000), &mut met);
        assert!(whole && met == all, "{hole}");
        // By pages it takes six; by halves of five pages four at the most.
        assert!(asks <= 4, "{asks} answers for row {hole}");
    }
}

#[test]
fn a_second_wider_than_an_answer_and_a_total_at_the_depth_are_no_proof() {
    let mut fake = Fake::new([7; 50]);
    let mut met = BTreeSet::new();
    assert!(!prove(&mut fake, Proof::new(0, 10, 20), &mut met).0);
    let mut fake = Fake::new((0..30_000).map(|row| row / 10_000));
    fake.total_max = 10_000;
    let mut met = all_met(&fake);
    met.pop_first();
    // As many are met as the API can count.
    met.retain(|(second, _)| *second == 0);
    met.insert((1, 99_999));
    assert!(!prove(&mut fake, Proof::new(0, 3, 1_000), &mut met).0);
}

#[test]
fn nothing_to_prove_is_proven_and_a_long_time_is_cut() {
    assert!(Proof::new(10, 10, 5).is_whole() && Proof::new(10, 9, 5).is_whole());
    let days = 3 * SECONDS_MAX;
    let mut fake = Fake::new((0..90).map(|row| row * (days / 90)));
    let mut met = BTreeSet::new();
    assert!(prove(&mut fake, Proof::new(0, days, 100), &mut met).0);
    assert_eq!(met, all_met(&fake));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever the API's habits and whatever was met before: what is proven is there.
    #[test]
    fn what_is_proven_was_met(
        rows in prop::collection::vec((prop_oneof![0i64..60, 20i64..24], prop::bool::weighted(0.1)), 0..200),
        missing in prop::collection::btree_set(0usize..200, 0..12),
        end in prop_oneof![Just(End::Inside), Just(End::Outside), Just(End::ToTheMillisecond)],
        order in prop_oneof![
            Just(Sorting::NewestFirst), Just(Sorting::Shuffled), Just(Sorting::OldestFirst)
        ],
        page_max in 4usize..40,
        limit in 4usize..40,
    ) {
        let mut fake = Fake::new(rows.iter().map(|row| row.0));
        for (row, passed) in fake.rows.iter_mut().zip(rows.iter().map(|row| row.1)) {
            row.2 = passed;
        }
        (fake.end, fake.order, fake.page_max) = (end, order, page_max);
        let within: BTreeSet<_> = all_met(&fake).into_iter().filter(|(second, _)| (5..50).contains(second)).collect();
        let holes: BTreeSet<u64> = missing.iter().map(|row| *row as u64 + 1).collect();
        let mut met: BTreeSet<_> = all_met(&fake).into_iter().filter(|(_, id)| !holes.contains(id)).collect();
        let (whole, _) = prove(&mut fake, Proof::new(5, 50, limit), &mut met);
        prop_assert!(!whole || met.is_superset(&within));
        // Where the order is kept and a second fits into an answer, the proof is found.
        let widest = (0..60).map(|second| fake.rows.iter().filter(|row| row.0 == second).count()).max();
        let fits = widest.unwrap_or(0) * 2 < page_max.min(limit);
        let is_ordered = matches!(order, Sorting::NewestFirst | Sorting::Shuffled);
        prop_assert!(whole || !fits || !is_ordered);
    }
}
