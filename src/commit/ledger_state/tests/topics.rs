//! Topics, and several APIs one after the other.

use super::*;

#[test]
fn an_invocation_that_v2_brought_is_not_counted_again_from_a_topic() {
    let mut fixture = Fixture::opened(100);
    let mut page = logged(0, 7, START + 10, START + 10);
    page.rows[0].key.attempt = (START + 10) as u32;
    assert_eq!(fixture.read(&region(), &[page]), (1, 0, 0));

    let topic = topic("t");
    let began = fixture.ledger.opening(&topic, at(START + 1_050));
    assert_eq!(began, at(START), "at the watermark of v2");
    fixture.advance(&topic, START);
    let [same, other] = [7, 8].map(|id| logged(0, id, START + 12, START + 10));
    assert_eq!(fixture.read(&topic, &[same, other]), (1, 1, 0));
}

#[test]
fn a_function_in_two_topics_is_remembered_as_long_as_the_slower_one_needs() {
    let mut fixture = Fixture::new(RULES);
    let (old, new) = (topic("old"), topic("new"));
    for topic in [&old, &new] {
        fixture.advance(topic, START);
    }
    let page = [logged(0, 1, START + 1, START)];
    assert_eq!(fixture.read(&old, &page), (1, 0, 0));
    assert_eq!(fixture.read(&new, &page), (0, 1, 0));

    fixture.advance(&new, START + 10_000);
    assert_eq!(fixture.ledger.keys(), 1, "the old topic is behind");
    assert_eq!(fixture.read(&old, &page), (0, 1, 0));
    fixture.advance(&old, START + 10_000);
    assert_eq!(fixture.ledger.keys(), 0);
}

#[test]
fn keys_that_no_topic_claims_are_evicted_after_retention() {
    let mut fixture = Fixture::opened(100);
    let topic = topic("t");
    fixture.advance(&topic, START);
    fixture.page(&topic, &logged(0, 1, START + 1, START));
    // As after a restart, with the function gone from the list.
    fixture.ledger.targets_of.clear();
    let week = RETENTION.as_secs() as i64;
    for (second, keys) in [(10_000, 1), (week + 10_000, 0)] {
        fixture.advance(&topic, START + second);
        assert_eq!(fixture.ledger.keys(), keys);
    }
}

#[test]
fn a_cold_start_counts_once_beside_its_invocation() {
    let mut fixture = Fixture::new(RULES);
    fixture.advance(&topic("t"), START);
    let mut page = logged(0, 1, START + 1, START);
    page.cold_starts.push(ColdStart {
        function: 0,
        key: page.rows[0].key.of_cold_start(),
        position: at(START),
        total: Nanos(30),
        parts: [Nanos(0), Nanos(10), Nanos(20)],
    });
    let pages = [page.clone(), page];
    assert_eq!(fixture.read(&topic("t"), &pages), (1, 1, 0));
    let series = &fixture.ledger.snapshot(0).series[0];
    let starts = series.cold_starts.as_ref().unwrap();
    assert_eq!((starts.duration.count(), starts.parts), (1, [0, 10, 20]));
}

#[test]
fn what_is_known_of_a_function_is_shown_counted_with_and_ends_with_it() {
    let mut fixture = Fixture::new(RULES);
    let target = TargetId::function(name(0));
    let about = Arc::new(FunctionConfig {
        memory_limit: Bytes(1 << 30),
        timeout: Duration::from_secs(3),
        runtime: "Go1".into(),
    });
    let mut known = ListedFunctions {
        listed: vec![listed(0, &target)],
        ..ListedFunctions::default()
    };
    let shown = |fixture: &Fixture| fixture.ledger.snapshot(0).series[0].about.clone();
    known.listed[0].about = Some(about.clone());
    fixture.register(&known);
    assert_eq!(shown(&fixture).as_ref(), Some(&about));
    known.listed[0].about = None;
    fixture.register(&known);
    assert_eq!(shown(&fixture), Some(about), "a list that cannot tell");

    fixture.advance(&target, START);
    let mut page = logged(0, 1, START + 1, START + 1);
    page.rows[0].billed = Nanos(500);
    fixture.page(&target, &page);
    assert_eq!(
        fixture.ledger.snapshot(0).series[0].billed_memory,
        500 << 30
    );
    fixture.register(&ListedFunctions {
        gone: vec![name(0)],
        ..ListedFunctions::default()
    });
    assert_eq!(shown(&fixture), None);
}
