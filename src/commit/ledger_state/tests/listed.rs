//! Where targets begin that lists bring, and what becomes of rows in a topic that is new.

use super::*;

/// No first read; rows may come 100 s late.
fn fixture() -> Fixture {
    Fixture::new(Rules {
        first_read: Duration::ZERO,
        ..RULES
    })
}

impl ListedFunctions {
    /// Changes how the list was asked for.
    fn with(mut self, change: impl FnOnce(&mut ListRequest)) -> Self {
        change(self.asked.as_mut().unwrap());
        self
    }
}

impl Fixture {
    /// Takes in a complete list of one function, read by the topic of this name.
    fn list_topic(&mut self, began: i64, function: u8, name: &str) {
        self.register(&list(began, vec![listed(function, &topic(name))]));
    }

    fn begins(&self, name: &str) -> Timestamp {
        self.late_below(&topic(name))
    }

    fn is_gone(&self) -> Vec<bool> {
        let shown = self.ledger.snapshot(1).series;
        shown.iter().map(|series| series.is_gone).collect()
    }
}

#[test]
fn a_topic_that_a_later_list_brings_begins_where_the_list_before_it_did() {
    let mut fixture = fixture();
    fixture.list_topic(1_000, 0, "old");
    assert_eq!(fixture.begins("old"), at(1_010));
    // The second list is half a day later: the exporter was down.
    let both = vec![listed(0, &topic("old")), listed(1, &topic("new"))];
    fixture.register(&list(50_000, both));
    assert_eq!(fixture.begins("old"), at(1_010));
    assert_eq!(fixture.begins("new"), at(900));
    // What is opened without a list begins where the lists were when the program began.
    let third = |ledger: &LedgerState| ledger.opening(&topic("third"), at(60_000));
    assert_eq!(third(&fixture.ledger), at(60_000));
    fixture.ledger = fixture.ledger.wanting(Functions::all());
    assert_eq!(third(&fixture.ledger), at(49_900));
    let row = logged(1, 1, 950, 940);
    assert_eq!(fixture.read(&topic("new"), &[row]), (1, 0, 0));
}

#[test]
fn where_a_list_is_not_certain_the_one_before_it_counts() {
    let mut fixture = fixture();
    fixture.list_topic(1_000, 0, "old");
    let unsure = list(2_000, vec![listed(0, &topic("old"))])
        .with(|asked| asked.look.as_mut().unwrap().is_certain = false);
    fixture.register(&unsure);
    fixture.list_topic(3_000, 1, "new");
    assert_eq!(fixture.begins("new"), at(900));
}

#[test]
fn the_parts_of_a_first_list_begin_together() {
    let mut fixture = fixture();
    for (now, function, name) in [(1_000, 0, "a"), (1_600, 1, "b")] {
        let part = list(now, vec![listed(function, &topic(name))])
            .with(|asked| (asked.began, asked.look) = (at(1_000), None));
        fixture.register(&part);
    }
    assert_eq!(fixture.begins("a"), at(1_010));
    assert_eq!(fixture.begins("b"), at(1_000));
}

#[test]
fn sources_have_lists_of_their_own() {
    let mut fixture = fixture();
    let by = |selection: u64, began: i64, listed: Vec<ListedFunction>| {
        list(began, listed).with(|asked| asked.by.selection = selection)
    };
    fixture.register(&by(1, 1_000, vec![]));
    fixture.register(&by(2, 5_000, vec![]));
    fixture.register(&by(1, 9_000, vec![listed(0, &topic("a"))]));
    fixture.register(&by(2, 9_000, vec![listed(1, &topic("b"))]));
    assert_eq!(fixture.begins("a"), at(900));
    assert_eq!(fixture.begins("b"), at(4_900));
    // One that was never there begins where the last of the others was before it was.
    fixture.ledger = fixture.ledger.wanting(Functions::all());
    fixture.register(&by(1, 12_000, vec![]));
    fixture.register(&by(3, 12_500, vec![listed(2, &topic("c"))]));
    assert_eq!(fixture.begins("c"), at(8_900));
}

/// Its rows there are counted although keys of that time were evicted where it was before.
#[test]
fn a_function_that_moves_to_a_new_topic_is_counted_there_from_the_last_list_on() {
    let mut fixture = fixture();
    let (old, new) = (topic("old"), topic("new"));
    fixture.list_topic(1_000, 0, "old");
    fixture.advance(&old, 1_000);
    let first = logged(0, 1, 1_020, 1_010);
    assert_eq!(fixture.read(&old, &[first]), (1, 0, 0));
    fixture.advance(&old, 9_000);
    assert_eq!(fixture.ledger.keys(), 0);
    fixture.list_topic(9_500, 0, "new");
    let stored = fixture.store.functions[&0].as_ref().unwrap();
    assert_eq!(stored.evicted_below, at(900), "durable");
    let moved = [logged(0, 2, 1_500, 1_490)];
    assert_eq!(fixture.read(&new, &moved), (1, 0, 0));
    // The old topic goes on meanwhile.
    fixture.advance(&old, 9_600);
    assert_eq!(fixture.read(&new, &moved), (0, 1, 0));
    fixture.advance(&new, 9_600);
    assert_eq!(fixture.ledger.keys(), 0);
    assert_eq!(fixture.read(&new, &moved), (0, 1, 0));
}

#[test]
fn what_another_api_has_closed_is_not_counted_again_from_a_new_topic() {
    let mut fixture = fixture();
    let own = TargetId::function(name(0));
    fixture.register(&list(1_000, vec![listed(0, &own)]));
    let mut row = logged(0, 1, 1_020, 1_020);
    assert_eq!(fixture.page(&own, &row).counted, 1);
    fixture.advance(&own, 9_000);
    fixture.list_topic(9_500, 0, "new");
    // Logged a little later; without its start it cannot be recognized by that.
    row.rows[0].position = at(1_025);
    row.rows[0].started = Timestamp::default();
    assert_eq!(fixture.read(&topic("new"), &[row]), (0, 1, 0));
}

#[test]
fn a_function_that_two_complete_lists_miss_is_not_shown_as_there_over_restarts_too() {
    let mut fixture = fixture();
    let both = |began| list(began, vec![listed(0, &region()), listed(1, &region())]);
    let only = || list(2_000, vec![listed(0, &region())]);
    fixture.register(&both(1_000));
    fixture.register(&only());
    assert_eq!(fixture.is_gone(), [false, false], "missed once");
    fixture.register(&both(2_100));
    fixture.register(&only());
    assert_eq!(fixture.is_gone(), [false, false], "not twice in a row");

    fixture.restart();
    let part = only().with(|asked| asked.look = None);
    fixture.register(&part);
    assert_eq!(fixture.is_gone(), [false, false], "a part misses nothing");
    let of_others = ListScan {
        named: BTreeSet::new(),
        would_name: Functions::new(|_| false),
        is_certain: false,
    };
    fixture.register(&only().with(|asked| asked.look = Some(of_others)));
    assert_eq!(fixture.is_gone(), [false, false], "nor do lists of others");
    fixture.register(&only());
    assert_eq!(fixture.is_gone(), [false, true]);
    fixture.register(&both(4_000));
    assert_eq!(fixture.is_gone(), [false, false], "it is back");
}
