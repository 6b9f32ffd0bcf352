use super::*;

/// A wall clock that is set by hand.
struct Set(Mutex<Timestamp>);

impl Clock for Set {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
const DATE_MS: i64 = 1_700_000_000_000;
const ALLOWED: Duration = Duration::from_secs(300);

fn set(millis: i64) -> (Arc<Set>, CloudClock) {
    let wall = Arc::new(Set(Mutex::new(Timestamp::from_millis(millis))));
    (wall.clone(), CloudClock::over(wall))
}

#[tokio::test(start_paused = true)]
async fn clones_share_what_is_known_and_the_offset_is_reported_once() {
    let (wall, clock) = set(DATE_MS - 180_000);
    let other = clock.clone();
    assert_eq!(clock.now(), Timestamp::from_millis(DATE_MS - 180_000));
    clock.answered(Some(DATE), clock.stamp(), ALLOWED);
    assert_eq!(
        (other.changed_offset(), clock.changed_offset()),
        (Some(180_000), None)
    );
    assert_eq!(other.offset().millis, 180_000);
    let now = other.now().as_millis() - DATE_MS;
    assert!((0..=1_000).contains(&now), "{now}");
    // The machine's clock is put right: the offset goes, the time stays.
    *wall.0.lock() = Timestamp::from_millis(DATE_MS);
    clock.answered(None, clock.stamp(), ALLOWED);
    assert_eq!(
        (other.changed_offset(), clock.changed_offset()),
        (Some(0), None)
    );
    assert_eq!(other.now().as_millis() - DATE_MS, now);
}

#[tokio::test(start_paused = true)]
async fn nonsense_teaches_nothing() {
    let (_, clock) = set(DATE_MS);
    for date in ["yesterday", "", "Tue, 14 Nov 2034 22:13:20 GMT"] {
        let sent = clock.stamp();
        clock.answered(Some(date), sent, ALLOWED);
        assert!(!clock.refused(Some(date), sent), "{date}");
        assert_eq!(clock.changed_offset(), None, "{date}");
    }
}

/// Where keys are issued for less than a date is wrong, they would look expired for ever.
#[tokio::test(start_paused = true)]
async fn one_wrong_date_does_not_say_what_has_expired() {
    let (_, clock) = set(DATE_MS);
    let mut vouched = Vec::new();
    for _ in 0..5 {
        clock.answered(Some(DATE), clock.stamp(), ALLOWED);
        vouched.push(clock.is_vouched());
    }
    assert_eq!(vouched, [false, false, false, false, true]);
    let four_minutes_ahead = "Tue, 14 Nov 2023 22:17:20 GMT";
    clock.answered(Some(four_minutes_ahead), clock.stamp(), ALLOWED);
    assert!(!clock.is_vouched());
}

/// Of several calls under way one learns; all were signed by another time.
#[tokio::test(start_paused = true)]
async fn whoever_signed_by_another_time_goes_again() {
    let (_, clock) = set(DATE_MS - 421_000);
    let (one, two) = (clock.stamp(), clock.stamp());
    assert!(clock.refused(Some(DATE), one));
    assert!(clock.refused(Some(DATE), two));
    assert!(!clock.refused(Some(DATE), clock.stamp()));
    assert_eq!(clock.stamp().time, Timestamp::from_millis(DATE_MS));
}

#[tokio::test(start_paused = true)]
async fn a_read_moves_the_watermark_to_its_beginning_less_the_lateness() {
    let (_, clock) = set(DATE_MS);
    let late = Duration::from_secs(60);
    clock.answered(Some(DATE), clock.stamp(), ALLOWED);
    let begun = clock.begun();
    let limit = clock.watermark_limit(begun, late);
    assert_eq!(limit, Some(Timestamp::from_millis(DATE_MS - 60_000)));
}
