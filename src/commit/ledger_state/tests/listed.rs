//! Where targets begin that lists bring, and what becomes of rows in a topic that is new.

use super::*;

fn topic(name: &str) -> TargetId {
    TargetId::topic("r", name)
}

fn known(ledger: &mut LedgerState, known: &ListedFunctions) -> Changes {
    let mut change = Delta::default();
    ledger.prepare_functions(&mut change, known);
    let changes = ledger.to_store(&mut change);
    ledger.apply(change);
    changes
}

fn page(ledger: &mut LedgerState, target: &TargetId, page: &Page) -> PageOutcome {
    let mut change = Delta::default();
    let outcome = ledger.prepare_page(&mut change, target, page);
    let _stored = ledger.to_store(&mut change);
    ledger.apply(change);
    outcome
}

/// No first read; rows may come 100 s late.
fn rules() -> Rules {
    Rules {
        first_read: Duration::ZERO,
        ..RULES
    }
}

#[test]
fn a_topic_that_a_later_list_brings_begins_where_the_list_before_it_did() {
    let mut ledger = LedgerState::new(rules());
    known(&mut ledger, &list(1_000, vec![listed(0, &topic("old"))]));
    assert_eq!(
        ledger.late_below_after(&Delta::default(), &topic("old")),
        at(1_010)
    );
    // The second list is half a day later: the exporter was down.
    let both = vec![listed(0, &topic("old")), listed(1, &topic("new"))];
    known(&mut ledger, &list(50_000, both));
    let began = |name: &str| ledger.late_below_after(&Delta::default(), &topic(name));
    assert_eq!((began("old"), began("new")), (at(1_010), at(900)));
    // What is opened without a list begins where the lists were when the program began.
    assert_eq!(ledger.opening(&topic("third"), at(60_000)), at(60_000));
    let mut again = ledger.wanting(Functions::all());
    assert_eq!(again.opening(&topic("third"), at(60_000)), at(49_900));
    let outcome = page(&mut again, &topic("new"), &logged(1, 1, 950, 940));
    assert_eq!(outcome.counted, 1);
}

#[test]
fn where_a_list_is_not_certain_the_one_before_it_counts() {
    let mut ledger = LedgerState::new(rules());
    known(&mut ledger, &list(1_000, vec![listed(0, &topic("old"))]));
    let mut unsure = list(2_000, vec![listed(0, &topic("old"))]);
    unsure
        .asked
        .as_mut()
        .unwrap()
        .look
        .as_mut()
        .unwrap()
        .is_certain = false;
    known(&mut ledger, &unsure);
    known(&mut ledger, &list(3_000, vec![listed(1, &topic("new"))]));
    let began = ledger.late_below_after(&Delta::default(), &topic("new"));
    assert_eq!(began, at(900));
}

#[test]
fn the_parts_of_a_first_list_begin_together() {
    let mut ledger = LedgerState::new(rules());
    let part = |now: i64, one: ListedFunction| {
        let mut part = list(now, vec![one]);
        let asked = part.asked.as_mut().unwrap();
        (asked.began, asked.look) = (at(1_000), None);
        part
    };
    known(&mut ledger, &part(1_000, listed(0, &topic("a"))));
    known(&mut ledger, &part(1_600, listed(1, &topic("b"))));
    let began = |name: &str| ledger.late_below_after(&Delta::default(), &topic(name));
    assert_eq!((began("a"), began("b")), (at(1_010), at(1_000)));
}

#[test]
fn sources_have_lists_of_their_own() {
    let mut ledger = LedgerState::new(rules());
    let by = |selection: u64, now: i64, listed: Vec<ListedFunction>| {
        let mut known = list(now, listed);
        known.asked.as_mut().unwrap().by.selection = selection;
        known
    };
    known(&mut ledger, &by(1, 1_000, vec![]));
    known(&mut ledger, &by(2, 5_000, vec![]));
    known(&mut ledger, &by(1, 9_000, vec![listed(0, &topic("a"))]));
    known(&mut ledger, &by(2, 9_000, vec![listed(1, &topic("b"))]));
    let began =
        |ledger: &LedgerState, name: &str| ledger.late_below_after(&Delta::default(), &topic(name));
    assert_eq!(
        (began(&ledger, "a"), began(&ledger, "b")),
        (at(900), at(4_900))
    );
    // One that was never there begins where the last of the others was before it was.
    let mut ledger = ledger.wanting(Functions::all());
    known(&mut ledger, &by(1, 12_000, vec![]));
    known(&mut ledger, &by(3, 12_500, vec![listed(2, &topic("c"))]));
    assert_eq!(began(&ledger, "c"), at(8_900));
}

/// Its rows of there are counted although what lies as far back is forgotten of where it was before.
#[test]
fn a_function_that_moves_to_a_new_topic_is_counted_there_from_the_last_list_on() {
    let mut ledger = LedgerState::new(rules());
    known(&mut ledger, &list(1_000, vec![listed(0, &topic("old"))]));
    let advance_watermark = |ledger: &mut LedgerState, name: &str, second: i64| {
        let mut change = Delta::default();
        ledger.prepare_checkpoint(&mut change, &topic(name), Checkpoint::Watermark(at(second)));
        ledger.apply(change);
    };
    advance_watermark(&mut ledger, "old", 1_000);
    assert_eq!(
        page(&mut ledger, &topic("old"), &logged(0, 1, 1_020, 1_010)).counted,
        1
    );
    advance_watermark(&mut ledger, "old", 9_000);
    assert_eq!(ledger.keys(), 0);
    let mut store = known(&mut ledger, &list(9_500, vec![listed(0, &topic("new"))]));
    let stored = &store.functions.pop().unwrap().1;
    assert_eq!(stored.evicted_below, at(900), "durable");
    let moved = logged(0, 2, 1_500, 1_490);
    assert_eq!(page(&mut ledger, &topic("new"), &moved).counted, 1);
    // The old topic goes on meanwhile.
    advance_watermark(&mut ledger, "old", 9_600);
    assert_eq!(page(&mut ledger, &topic("new"), &moved).duplicate, 1);
    advance_watermark(&mut ledger, "new", 9_600);
    assert_eq!(
        (
            ledger.keys(),
            page(&mut ledger, &topic("new"), &moved).duplicate
        ),
        (0, 1)
    );
}

#[test]
fn what_another_api_has_settled_is_not_counted_again_from_a_new_topic() {
    let mut ledger = LedgerState::new(rules());
    let own = TargetId::function(name(0));
    known(&mut ledger, &list(1_000, vec![listed(0, &own)]));
    let mut row = logged(0, 1, 1_020, 1_020);
    assert_eq!(page(&mut ledger, &own, &row).counted, 1);
    let mut change = Delta::default();
    ledger.prepare_checkpoint(&mut change, &own, Checkpoint::Watermark(at(9_000)));
    ledger.apply(change);
    known(&mut ledger, &list(9_500, vec![listed(0, &topic("new"))]));
    // Logged a little later; without its start it cannot be told by that.
    row.rows[0].position = at(1_025);
    row.rows[0].started = Timestamp::default();
    assert_eq!(page(&mut ledger, &topic("new"), &row).duplicate, 1);
}

#[test]
fn a_function_that_two_complete_lists_miss_is_not_shown_as_there_over_restarts_too() {
    let mut ledger = LedgerState::new(rules());
    let target = TargetId::region("r");
    let both = || vec![listed(0, &target), listed(1, &target)];
    let gone = |ledger: &LedgerState| -> Vec<bool> {
        let shown = ledger.snapshot(1).series;
        shown.iter().map(|series| series.is_gone).collect()
    };
    let mut changes = vec![known(&mut ledger, &list(1_000, both()))];
    let only = || list(2_000, vec![listed(0, &target)]);
    changes.push(known(&mut ledger, &only()));
    assert_eq!(gone(&ledger), [false, false], "missed once");
    changes.push(known(&mut ledger, &list(2_100, both())));
    changes.push(known(&mut ledger, &only()));
    assert_eq!(gone(&ledger), [false, false], "not twice in a row");

    let mut store = FakeStore::default();
    changes.into_iter().for_each(|change| store.write(change));
    let mut ledger = store.restore_by(rules());
    let part = ListedFunctions {
        asked: Some(ListRequest {
            look: None,
            ..only().asked.unwrap()
        }),
        ..only()
    };
    known(&mut ledger, &part);
    assert_eq!(gone(&ledger), [false, false], "a part misses nothing");
    let blind = ListedFunctions {
        asked: Some(ListRequest {
            look: Some(ListScan {
                named: BTreeSet::new(),
                would_name: Functions::new(|_| false),
                is_certain: false,
            }),
            ..only().asked.unwrap()
        }),
        ..only()
    };
    known(&mut ledger, &blind);
    assert_eq!(gone(&ledger), [false, false], "nor do lists of others");
    known(&mut ledger, &only());
    assert_eq!(gone(&ledger), [false, true]);
    known(&mut ledger, &list(4_000, both()));
    assert_eq!(gone(&ledger), [false, false], "it is back");
}
