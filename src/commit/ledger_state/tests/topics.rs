//! Topics, and several APIs one after the other.

use super::*;

fn advance_watermark(ledger: &mut LedgerState, target: &TargetId, second: i64) {
    let mut change = Delta::default();
    ledger.prepare_checkpoint(
        &mut change,
        target,
        Checkpoint::Watermark(Timestamp::from_secs(second)),
    );
    let _stored = ledger.to_store(&mut change);
    ledger.apply(change);
}

#[test]
fn an_attempt_that_v2_brought_is_not_counted_again_from_a_topic() {
    let (mut ledger, region) = opened(100);
    let mut page = logged(0, 7, START + 10, START + 10);
    page.rows[0].key.attempt = (START + 10) as u32;
    assert_eq!(commit(&mut ledger, &region, &[page]).0.counted, 1);

    let topic = TargetId::topic("r", "t");
    let began = ledger.opening(&topic, Timestamp::from_secs(START + 1_050));
    assert_eq!(began, Timestamp::from_secs(START), "where v2 has settled");
    advance_watermark(&mut ledger, &topic, START);
    let same = logged(0, 7, START + 12, START + 10);
    let other = logged(0, 8, START + 12, START + 10);
    let (outcome, _) = commit(&mut ledger, &topic, &[same, other]);
    assert_eq!((outcome.counted, outcome.duplicate), (1, 1));
}

#[test]
fn a_function_in_two_topics_is_remembered_as_long_as_the_slower_one_needs() {
    let mut ledger = LedgerState::new(RULES);
    let (old, new) = (TargetId::topic("r", "old"), TargetId::topic("r", "new"));
    for topic in [&old, &new] {
        advance_watermark(&mut ledger, topic, START);
    }
    let page = logged(0, 1, START + 1, START);
    assert_eq!(
        commit(&mut ledger, &old, std::slice::from_ref(&page))
            .0
            .counted,
        1
    );
    assert_eq!(
        commit(&mut ledger, &new, std::slice::from_ref(&page))
            .0
            .duplicate,
        1
    );

    advance_watermark(&mut ledger, &new, START + 10_000);
    assert_eq!(ledger.keys(), 1, "the old topic is behind");
    assert_eq!(commit(&mut ledger, &old, &[page]).0.duplicate, 1);
    advance_watermark(&mut ledger, &old, START + 10_000);
    assert_eq!(ledger.keys(), 0);
}

#[test]
fn what_no_topic_claims_is_forgotten_after_retention() {
    let (mut ledger, _) = opened(100);
    let topic = TargetId::topic("r", "t");
    advance_watermark(&mut ledger, &topic, START);
    commit(&mut ledger, &topic, &[logged(0, 1, START + 1, START)]);
    // As after a restart, with the function gone from the list.
    ledger.homes.clear();
    advance_watermark(&mut ledger, &topic, START + 10_000);
    assert_eq!(ledger.keys(), 1);
    let week = RETENTION.as_secs() as i64;
    advance_watermark(&mut ledger, &topic, START + week + 10_000);
    assert_eq!(ledger.keys(), 0);
}

#[test]
fn a_cold_start_counts_once_beside_its_invocation() {
    let mut ledger = LedgerState::new(RULES);
    let topic = TargetId::topic("r", "t");
    advance_watermark(&mut ledger, &topic, START);
    let mut page = logged(0, 1, START + 1, START);
    page.cold_starts.push(ColdStart {
        function: 0,
        key: page.rows[0].key.of_cold_start(),
        position: Timestamp::from_secs(START),
        total: Nanos(30),
        parts: [Nanos(0), Nanos(10), Nanos(20)],
    });
    let (outcome, _) = commit(&mut ledger, &topic, &[page.clone(), page]);
    assert_eq!((outcome.counted, outcome.duplicate), (1, 1));
    let snapshot = ledger.snapshot(0);
    let starts = snapshot.series[0].cold_starts.as_ref().unwrap();
    assert_eq!((starts.duration.count(), starts.parts), (1, [0, 10, 20]));
}

#[test]
fn what_is_known_of_a_function_is_shown_counted_with_and_ends_with_it() {
    let mut ledger = LedgerState::new(RULES);
    let target = TargetId::function(name(0));
    let about = Arc::new(FunctionConfig {
        memory_limit: Bytes(1 << 30),
        timeout: Duration::from_secs(3),
        runtime: "Go1".into(),
    });
    let listed = |about: Option<&Arc<FunctionConfig>>| ListedFunction {
        function: name(0),
        target: target.clone(),
        about: about.cloned(),
    };
    let known = |ledger: &mut LedgerState, listed: &[ListedFunction], gone: &[FunctionId]| {
        let mut change = Delta::default();
        let known = ListedFunctions {
            listed: listed.to_vec(),
            gone: gone.to_vec(),
            ..ListedFunctions::default()
        };
        ledger.prepare_functions(&mut change, &known);
        ledger.apply(change);
        ledger.snapshot(0).series[0].about.clone()
    };
    let is_known = known(&mut ledger, &[listed(Some(&about))], &[]);
    assert_eq!(is_known.as_ref(), Some(&about));
    let not_told = known(&mut ledger, &[listed(None)], &[]);
    assert_eq!(
        not_told,
        Some(about),
        "a list that cannot tell takes nothing back"
    );

    advance_watermark(&mut ledger, &target, START);
    let mut page = logged(0, 1, START + 1, START + 1);
    page.rows[0].billed = Nanos(500);
    commit(&mut ledger, &target, &[page]);
    assert_eq!(ledger.snapshot(0).series[0].billed_memory, 500 << 30);
    assert_eq!(known(&mut ledger, &[], &[name(0)]), None);
}
