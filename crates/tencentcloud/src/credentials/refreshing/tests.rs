use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::credentials::Sts;
use crate::credentials::assume_role::{AssumeRole, RoleConfig};
use crate::credentials::tests::scripted::{Asked, ScriptedSts, fixed, issued, sts_failed};
use crate::runtime::spawn;

const START: i64 = 1_790_000_000;

type Script = fn(&Asked, i64) -> Result<Value, CredentialError>;

/// Returns a role whose credentials come from `script`, which gets the second since the start.
fn role(
    takes: Duration,
    script: Script,
) -> (Arc<Refreshing<AssumeRole>>, Arc<ScriptedSts>, Runtime) {
    let runtime = Runtime::simulated(Timestamp::from_secs(START), 1);
    let clock = runtime.clone();
    let sts = ScriptedSts::new(takes, move |asked| {
        script(asked, clock.now().as_secs() - START)
    });
    let provider = Arc::new(over(sts.clone(), runtime.clone()));
    (provider, sts, runtime)
}

fn over(sts: Arc<dyn Sts>, runtime: Runtime) -> Refreshing<AssumeRole> {
    let role = RoleConfig::new("qcs::cam::uin/1:roleName/r");
    Refreshing::new(AssumeRole::new(role, Arc::new(fixed("base")), sts), runtime)
}

/// Credentials that end at `second` since the start, and say so in their id.
fn until(second: i64) -> Result<Value, CredentialError> {
    Ok(issued(&format!("until-{second}"), START + second))
}

fn end_of(credentials: &Credentials) -> i64 {
    let end = credentials.secret_id.strip_prefix("until-");
    end.unwrap().parse().unwrap()
}

fn second(runtime: &Runtime) -> i64 {
    runtime.now().as_secs() - START
}

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

/// Seven callers ask at their own pace for an hour; none may get an expired one.
async fn an_hour(
    provider: &Arc<Refreshing<AssumeRole>>,
    runtime: &Runtime,
) -> (u32, Vec<CredentialError>) {
    let callers = (0..7u64).map(|at| {
        let (provider, runtime) = (provider.clone(), runtime.clone());
        spawn(async move {
            let (mut good, mut errors) = (0, Vec::new());
            while second(&runtime) < 3_600 {
                match provider.current().await {
                    Ok(held) => {
                        assert!(second(&runtime) < end_of(&held), "expired {held:?}");
                        good += 1;
                    }
                    Err(error) => errors.push(error),
                }
                tokio::time::sleep(Duration::from_millis(700 + 130 * at)).await;
            }
            (good, errors)
        })
    });
    let (mut good, mut errors) = (0, Vec::new());
    for caller in callers.collect::<Vec<_>>() {
        let (more, failed) = caller.await.unwrap();
        good += more;
        errors.extend(failed);
    }
    (good, errors)
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_credentials_that_end_every_minute() {
    let (provider, sts, runtime) = role(Duration::from_secs(2), |_, now| until(now + 60));
    let (good, errors) = an_hour(&provider, &runtime).await;
    assert_eq!(errors, []);
    assert!(good > 7 * 2_000, "{good}");
    // Each is 2 s under way, comes with 60 s to live and is due after 30 s: one in 32 to 34 s.
    let asked = sts.asked().len();
    assert!((105..=114).contains(&asked), "{asked}");
    assert_eq!(sts.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_hour_in_which_two_of_three_renewals_fail() {
    let (provider, sts, runtime) = role(Duration::from_secs(1), |asked, now| {
        match asked.number % 3 {
            1 => until(now + 60),
            _ => Err(sts_failed("it is down", false)),
        }
    });
    let (_, errors) = an_hour(&provider, &runtime).await;
    // Due with 30 s to live, and each failure costs 1 s and a pause of 10 s: 22 s in all.
    assert_eq!(errors, []);
    assert_eq!(sts.most.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_dead_issuer_costs_one_try_in_ten_seconds() {
    let (provider, sts, runtime) = role(Duration::ZERO, |asked, now| match asked.number {
        1 => until(now + 60),
        _ => Err(sts_failed("it is down", false)),
    });
    let (_, errors) = an_hour(&provider, &runtime).await;
    assert!(!errors.is_empty());
    assert!(errors.iter().all(|e| *e == sts_failed("it is down", false)));
    let asked = sts.asked().len();
    assert!((320..=360).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn the_old_one_serves_until_its_end_and_not_beyond() {
    let (provider, sts, _) = role(Duration::ZERO, |asked, now| match asked.number {
        1 => until(now + 1_000),
        2 | 3 => Err(sts_failed("it is down", false)),
        _ => until(now + 1_000),
    });
    assert_eq!(end_of(&provider.current().await.unwrap()), 1_000);
    pass(699).await;
    provider.current().await.unwrap();
    assert_eq!(sts.asked().len(), 1, "300 s before the end it is due");
    pass(1).await;
    for _ in 0..3 {
        assert_eq!(end_of(&provider.current().await.unwrap()), 1_000);
    }
    assert_eq!(sts.asked().len(), 2);
    pass(300).await;
    let error = provider.current().await.unwrap_err();
    assert_eq!(error, sts_failed("it is down", false));
    pass(9).await;
    assert!(provider.current().await.is_err());
    assert_eq!(sts.asked().len(), 3);
    pass(1).await;
    assert_eq!(end_of(&provider.current().await.unwrap()), 2_010);
}

#[tokio::test(start_paused = true)]
async fn while_one_renews_the_others_go_on_or_wait() {
    let (provider, sts, runtime) = role(Duration::from_secs(5), |_, now| until(now + 60));
    let ask = || {
        let (provider, runtime) = (provider.clone(), runtime.clone());
        spawn(async move {
            let held = provider.current().await.unwrap();
            (end_of(&held), second(&runtime))
        })
    };
    // Nothing valid: both wait for the one fetch, made in the fifth second.
    let (a, b) = tokio::join!(ask(), ask());
    assert_eq!((a.unwrap(), b.unwrap()), ((65, 5), (65, 5)));
    pass(31).await;
    // Due: the second one goes on with the old one.
    let (a, b) = tokio::join!(ask(), ask());
    assert_eq!((a.unwrap(), b.unwrap()), ((101, 41), (65, 36)));
    assert_eq!(sts.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_hangs_is_given_up() {
    let (provider, _, runtime) = role(Duration::from_secs(3_600), |_, now| until(now + 60));
    let error = provider.current().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "AssumeRole for qcs::cam::uin/1:roleName/r gave no credentials within 20s; check the \
         network and the endpoint"
    );
    assert_eq!(second(&runtime), 20);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_the_way_free() {
    let (provider, _, _) = role(Duration::from_secs(5), |_, now| until(now + 60));
    let impatient = tokio::time::timeout(Duration::from_secs(1), provider.current());
    assert!(impatient.await.is_err());
    assert_eq!(end_of(&provider.current().await.unwrap()), 66);
}

#[tokio::test(start_paused = true)]
async fn what_comes_expired_is_an_error_and_not_used() {
    for end in [0, -1, i64::MIN + START, -START] {
        let runtime = Runtime::simulated(Timestamp::from_secs(START), 1);
        let sts = ScriptedSts::new(Duration::ZERO, move |_| {
            Ok(issued("x", START.saturating_add(end)))
        });
        let error = over(sts, runtime).current().await.unwrap_err();
        assert!(matches!(error, CredentialError::Stale { .. }), "{error}");
    }
}

/// A clock half an hour ahead of the right one, until it has heard of that.
struct Ahead {
    right: Arc<dyn crate::runtime::Clock>,
    has_heard: std::sync::atomic::AtomicBool,
}

impl crate::runtime::Clock for Ahead {
    fn now(&self) -> Timestamp {
        match self.is_vouched() {
            true => self.right.now(),
            false => self.right.now() + Duration::from_secs(1_800),
        }
    }

    fn is_vouched(&self) -> bool {
        self.has_heard.load(Ordering::Relaxed)
    }
}

/// Without a request nobody would ever tell this machine the time.
#[tokio::test(start_paused = true)]
async fn what_is_handed_out_is_used_until_something_tells_the_time() {
    let runtime = Runtime::simulated(Timestamp::from_secs(START), 1);
    let clock = Arc::new(Ahead {
        right: runtime.clock.clone(),
        has_heard: false.into(),
    });
    let sts = ScriptedSts::new(Duration::ZERO, |_| until(600));
    let provider = over(sts, runtime.by_clock(clock.clone()));
    assert_eq!(end_of(&provider.current().await.unwrap()), 600);
    clock.has_heard.store(true, Ordering::Relaxed);
    pass(500).await;
    assert_eq!(end_of(&provider.current().await.unwrap()), 600);
    pass(100).await;
    let error = provider.current().await.unwrap_err();
    assert!(matches!(error, CredentialError::Stale { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_renews_once() {
    let (provider, sts, _) = role(Duration::ZERO, |asked, _| {
        until(7_000 + asked.number as i64)
    });
    let first = provider.current().await.unwrap();
    assert!(provider.refused(&first).await);
    assert!(provider.refused(&first).await, "others are there already");
    assert_eq!(sts.asked().len(), 2);
    let second = provider.current().await.unwrap();
    assert_eq!(end_of(&second), 7_002);
    // Refused as well: it is not their age.
    assert!(!provider.refused(&second).await);
    assert_eq!(sts.asked().len(), 2);
    pass(60).await;
    assert!(provider.refused(&second).await);
    assert_eq!(sts.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_gives_the_same_again_is_the_last() {
    let (provider, sts, _) = role(Duration::ZERO, |_, _| until(7_000));
    let only = provider.current().await.unwrap();
    for _ in 0..3 {
        assert!(!provider.refused(&only).await);
        pass(61).await;
    }
    assert_eq!(sts.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_while_the_issuer_is_down_is_tried_again_later() {
    let (provider, sts, _) = role(Duration::ZERO, |asked, _| match asked.number {
        2 => Err(sts_failed("it is down", false)),
        number => until(7_000 + number as i64),
    });
    let first = provider.current().await.unwrap();
    assert!(!provider.refused(&first).await);
    assert_eq!(provider.current().await.unwrap(), first);
    pass(60).await;
    assert!(provider.refused(&first).await);
    assert_eq!(sts.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_format_shows_a_secret() {
    let (provider, _, _) = role(Duration::ZERO, |_, _| until(7_000));
    provider.current().await.unwrap();
    let shown = format!("{provider:?} {provider:#?}");
    assert!(shown.contains("unti***"), "{shown}");
    assert!(
        !shown.contains("k3y") && !shown.contains("t0ken"),
        "{shown}"
    );
}

#[test]
fn a_clock_set_back_does_not_prolong_a_pause() {
    let at = Timestamp::from_secs;
    assert!(within(PAUSE, at(100), at(109)));
    assert!(!within(PAUSE, at(100), at(110)));
    assert!(!within(PAUSE, at(100), at(99)));
}

/// A step of the property below: time passes, a try gives credentials or fails.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Succeed { lives: u64, early: u64 },
    Fail,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..200u64).prop_map(Step::Wait),
        (1..400u64, 0..400u64).prop_map(|(lives, early)| Step::Succeed { lives, early }),
        Just(Step::Fail),
    ]
}

proptest! {
    #[test]
    fn no_order_of_events_hands_out_an_expired_one(steps in prop::collection::vec(step(), 0..60)) {
        let mut state = State::default();
        let (mut now, mut end, mut tried) = (0u64, None, None);
        for step in steps {
            match step {
                Step::Wait(seconds) => now += seconds,
                Step::Fail => {
                    state.note(Err(sts_failed("x", false)), Timestamp::from_secs(now as i64));
                    tried = Some(now);
                }
                Step::Succeed { lives, early } => {
                    let expires = Timestamp::from_secs((now + lives) as i64);
                    let due = expires - Duration::from_secs(early);
                    let held = Held { credentials: fixed("x"), due, expires, refused: false };
                    state.note(Ok(held), Timestamp::from_secs(now as i64));
                    (end, tried) = (Some(now + lives), Some(now));
                }
            }
            let verdict = state.verdict(Timestamp::from_secs(now as i64), true);
            let valid = end.is_some_and(|end| now < end);
            let resting = tried.is_some_and(|tried| now - tried < 10);
            match verdict {
                Verdict::Good(_) => prop_assert!(valid),
                Verdict::Due(_) => prop_assert!(valid && !resting),
                Verdict::Missing => prop_assert!(!valid),
                Verdict::Failing(_) => prop_assert!(!valid && resting),
            }
        }
    }
}
