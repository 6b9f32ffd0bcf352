use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::super::Scrape;
use super::*;
use crate::model::{FunctionId, Nanos, RetCode, Row, Timestamp};
use crate::series::FunctionSeries;

const TEXT: Form = Form {
    format: Format::Text,
    encoding: Encoding::Identity,
    style: PLAIN,
};
const PLAIN: Style = Style {
    native_histograms_only: false,
    created_series: false,
    began: None,
};

fn series(number: usize) -> Arc<FunctionSeries> {
    let function = FunctionId::new("r", "n", &format!("f{number}"));
    Arc::new(FunctionSeries::new(function, RetCode::ZERO))
}

fn called(series: &mut Arc<FunctionSeries>) {
    let row = Row {
        duration: Nanos(1_000_000),
        ..Row::default()
    };
    Arc::make_mut(series).count(&row, Timestamp::from_secs(2));
}

fn body(rendition: Rendition) -> Vec<u8> {
    let mut scrape = Scrape::new(Arc::new(rendition), &[]).unwrap();
    std::iter::from_fn(|| scrape.next_frame())
        .collect::<Vec<_>>()
        .concat()
}

/// The lines of each family, which come in one piece, in an order of their own.
fn lines(text: &[u8]) -> Vec<(String, BTreeSet<String>)> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let families = text.split("# HELP ").skip(1);
    let families = families.map(|family| {
        let (head, rest) = family.split_once('\n').unwrap();
        (head.to_owned(), rest.lines().map(str::to_owned).collect())
    });
    families.collect()
}

/// What happens from one snapshot to the next.
#[derive(Debug, Clone)]
enum Step {
    Call(BTreeSet<usize>),
    Add(usize),
    Accounts,
    Nothing,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => btree_set(0usize..60, 0..12).prop_map(Step::Call),
        2 => (0usize..20).prop_map(Step::Add),
        1 => Just(Step::Accounts),
        1 => Just(Step::Nothing),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_kept_and_what_is_made_anew_are_the_same_scrape(
        first in 0usize..30,
        steps in vec(step(), 1..8),
    ) {
        let mut all: Vec<_> = (0..first).map(series).collect();
        let mut snapshot = Snapshot::new(1, false, all.clone());
        let mut kept = Rendition::new(TEXT, &snapshot, None).unwrap();
        for step in steps {
            let mut accounts = snapshot.accounts;
            match step {
                Step::Call(which) => {
                    let known = all.len();
                    let which = which.into_iter().filter(|number| *number < known);
                    which.for_each(|number| called(&mut all[number]));
                }
                Step::Add(more) => all.extend((all.len()..all.len() + more).map(series)),
                Step::Accounts => accounts = !accounts,
                Step::Nothing => {}
            }
            let next = Snapshot::new(snapshot.generation + 1, accounts, all.clone());
            snapshot = next.following(&snapshot);
            kept = Rendition::new(TEXT, &snapshot, Some(kept.clone())).unwrap();

            let mut slots = kept.slots.clone();
            slots.sort_unstable();
            prop_assert!(slots.into_iter().eq(0..all.len() as u32), "each once");
            let anew = Rendition::new(TEXT, &snapshot, None).unwrap();
            prop_assert_eq!(kept.bytes(), anew.bytes());
            prop_assert!(kept.sort_out(&snapshot).1.is_empty(), "nothing is left to do");
            let again = Rendition::new(TEXT, &snapshot, Some(kept.clone())).unwrap();
            prop_assert_eq!(lines(&body(again)), lines(&body(anew)));
        }
    }
}

#[test]
fn those_that_are_busy_come_to_share_blocks() {
    let mut all: Vec<_> = (0..20 * BLOCK).map(series).collect();
    let mut snapshot = Snapshot::new(1, false, all.clone());
    let mut rendition = Rendition::new(TEXT, &snapshot, None).unwrap();
    let mut made_each_time = Vec::new();
    for _ in 0..3 {
        // One of each block.
        for number in 0..BLOCK {
            called(&mut all[number * BLOCK]);
        }
        let next = Snapshot::new(snapshot.generation + 1, false, all.clone());
        snapshot = next.following(&snapshot);
        made_each_time.push(rendition.sort_out(&snapshot).1.len());
        rendition = Rendition::new(TEXT, &snapshot, Some(rendition)).unwrap();
    }
    assert_eq!(made_each_time, [BLOCK * BLOCK, BLOCK, BLOCK]);
}

#[test]
fn another_form_gives_nothing_to_go_on_with() {
    let snapshot = Snapshot::new(1, false, vec![series(0)]);
    let text = Rendition::new(TEXT, &snapshot, None).unwrap();
    let open = Form {
        format: Format::OpenMetrics,
        ..TEXT
    };
    let anew = Rendition::new(open, &snapshot, None).unwrap();
    let next = Rendition::new(open, &snapshot, Some(text)).unwrap();
    assert_eq!(body(next), body(anew));
}
