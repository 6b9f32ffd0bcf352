use super::*;
use proptest::prelude::*;

/// What the API of version 3.0 allows.
const ALLOWED: u64 = 300_000;
/// How late rows may be.
const LATE: i64 = 60_000;
/// The cloud's time when the monotonic clock shows zero.
const ORIGIN: i64 = 1_700_000_000_000;

/// Returns a machine whose wall clock is `ahead` of the cloud's at a monotonic time.
fn at(monotonic: i64, ahead: i64) -> Reading {
    Reading {
        monotonic,
        wall: ORIGIN + monotonic + ahead,
    }
}

/// Returns the `Date` of an answer that is made at a monotonic time.
fn date(monotonic: i64) -> i64 {
    (ORIGIN + monotonic) / 1_000 * 1_000
}

/// An answer that takes no time.
fn answer(known: &mut Vouched, monotonic: i64, ahead: i64) {
    known.answered(date(monotonic), monotonic, at(monotonic, ahead), ALLOWED);
}

/// Error of the best estimate, in milliseconds.
fn error(known: &Vouched, monotonic: i64, ahead: i64) -> i64 {
    known.now(at(monotonic, ahead)) - ORIGIN - monotonic
}

/// Returns the limit of the watermark after a read from `begin` to `end`, before the lateness.
fn limit_after(known: &mut Vouched, begin: Reading, end: Reading) -> Option<i64> {
    let begun = known.begun(begin);
    known.vouches_for(begun, end, LATE)
}

#[test]
fn a_clock_that_is_right_is_left_as_it_is() {
    let mut known = Vouched::begin(at(0, 0));
    for (sent, received, ahead) in [
        (0, 0, 0),
        (1_000, 31_000, 0),
        (40_000, 40_000, 3_000),
        (50_000, 50_000, -3_000),
    ] {
        known.answered(date(sent), sent, at(received, ahead), ALLOWED);
        assert_eq!(known.date_offset, Some(ORIGIN), "{sent}");
        assert_eq!(error(&known, received, ahead), 0);
    }
}

#[test]
fn a_date_that_cannot_be_teaches_the_middle_of_what_can() {
    for (ahead, took, wrong) in [
        (-180_000, 0, 500),
        (180_000, 0, 500),
        // Ten seconds under way: the date is of some moment among them.
        (180_000, 10_000, -4_500),
        (5_000, 0, 500),
        (4_001, 0, 500),
    ] {
        let mut known = Vouched::begin(at(0, ahead));
        known.answered(date(0), 0, at(took, ahead), ALLOWED);
        assert!((error(&known, took, ahead) - wrong).abs() <= 1, "{ahead}");
        assert_eq!(known.jumps, 1);
    }
}

#[test]
fn a_date_beyond_what_the_cloud_allows_is_not_its_own() {
    for wrong in [302_000, -302_000, i64::MAX / 2, i64::MIN / 2] {
        let mut known = Vouched::begin(at(0, 0));
        known.answered(ORIGIN + wrong, 0, at(0, 0), ALLOWED);
        assert_eq!((known.date_offset, known.jumps), (None, 0), "{wrong}");
    }
}

#[test]
fn a_refusal_teaches_any_time_but_nonsense() {
    let day = 86_400_000;
    for ahead in [421_000, -421_000, 400 * day, -9 * 365 * day] {
        let mut known = Vouched::begin(at(0, ahead));
        assert_eq!(known.refused(date(0), 0, at(0, ahead)), Some(ORIGIN));
        assert_eq!(error(&known, 0, ahead), 0);
        assert_eq!(known.ahead(at(0, ahead)), -ahead);
    }
    for ahead in [11 * 366 * day, -11 * 366 * day, i64::MAX - ORIGIN] {
        let mut known = Vouched::begin(at(0, ahead));
        assert_eq!(known.refused(date(0), 0, at(0, ahead)), None);
        assert_eq!(known.date_offset, None);
    }
}

/// After the first date, the best estimate does not follow the wall clock.
#[test]
fn a_wall_clock_that_jumps_moves_nothing() {
    let mut known = Vouched::begin(at(0, 0));
    answer(&mut known, 0, 0);
    for (monotonic, ahead) in [(8_000, 240_000), (14_000, 0), (20_000, -86_400_000)] {
        known.look(at(monotonic, ahead));
        assert_eq!(error(&known, monotonic, ahead), 0);
        assert_eq!(known.ahead(at(monotonic, ahead)), -ahead);
    }
}

#[test]
fn a_read_in_which_a_clock_jumps_moves_no_watermark() {
    // Wall clock ahead by so much at begin and end, and what the end's date is wrong by.
    for (begin, end, dated, moves) in [
        (0, 0, 0, true),
        (0, 900, 0, true),
        (0, 1_100, 0, false),
        (0, -1_100, 0, false),
        (240_000, 0, 0, false),
        (0, 0, 240_000, false),
        (0, 0, -240_000, false),
        // The date of another machine of the cloud.
        (0, 0, 2_000, true),
    ] {
        let mut known = Vouched::begin(at(0, begin));
        answer(&mut known, 0, begin);
        let begun = known.begun(at(10_000, begin));
        known.answered(date(11_000) + dated, 11_000, at(11_000, end), ALLOWED);
        let limit = known.vouches_for(begun, at(11_000, end), LATE);
        assert_eq!(limit.is_some(), moves, "{begin} {end} {dated}");
    }
}

#[test]
fn small_steps_of_the_wall_clock_add_up() {
    let mut known = Vouched::begin(at(0, 0));
    let begun = known.begun(at(0, 0));
    for step in 0..=10 {
        known.look(at(step, step * 100));
        assert_eq!(known.jumps, 0);
    }
    known.look(at(11, 1_100));
    assert!(known.vouches_for(begun, at(200_000, 1_100), LATE).is_none());
    // An answer vouches for the wall clock too, and steps are measured from there.
    answer(&mut known, 300_000, 1_100);
    let limit = limit_after(&mut known, at(300_000, 1_100), at(300_000, 2_000));
    assert_eq!(limit, Some(ORIGIN + 300_000));
}

#[test]
fn no_watermark_moves_before_something_confirms_the_clock() {
    let mut known = Vouched::begin(at(0, 0));
    let begun = known.begun(at(1_000, 0));
    for (monotonic, vouched) in [(1_000, false), (59_999, false), (60_000, true)] {
        let limit = known.vouches_for(begun, at(monotonic, 0), LATE);
        assert_eq!(limit.is_some(), vouched, "{monotonic}");
    }
    // A jump, and it begins anew.
    known.look(at(61_000, 5_000));
    let begun = known.begun(at(61_000, 5_000));
    for (monotonic, vouched) in [(120_999, false), (121_000, true)] {
        let limit = known.vouches_for(begun, at(monotonic, 5_000), LATE);
        assert_eq!(limit.is_some(), vouched, "{monotonic}");
    }
    let mut known = Vouched::begin(at(0, 0));
    let begun = known.begun(at(1_000, 0));
    answer(&mut known, 1_000, 0);
    let limit = known.vouches_for(begun, at(1_000, 0), LATE);
    assert_eq!(limit, Some(ORIGIN + 1_000), "one date is enough");
}

/// Without dates: a wall clock that is ahead for a while moves no watermark too far.
#[test]
fn a_later_wall_clock_counts_only_when_it_holds() {
    let mut known = Vouched::begin(at(0, 0));
    for monotonic in (100_000..699_000).step_by(10_000) {
        let limit = limit_after(&mut known, at(monotonic, 240_000), at(monotonic, 240_000));
        assert!(limit.is_none_or(|limit| limit <= ORIGIN + monotonic));
        assert_eq!(error(&known, monotonic, 240_000), 240_000, "it is asked by");
    }
    let limit = limit_after(&mut known, at(700_000, 240_000), at(700_000, 240_000));
    assert_eq!(limit, Some(ORIGIN + 940_000));
    // Back at once.
    known.look(at(710_000, 0));
    let limit = limit_after(&mut known, at(800_000, 0), at(800_000, 0));
    assert_eq!(limit, Some(ORIGIN + 800_000));
}

/// The monotonic clock stands still while a machine sleeps; its wall clock goes on.
#[test]
fn a_sleep_of_the_machine_is_found_out_by_date_or_refusal() {
    let slept = 3_600_000;
    let awake = |monotonic: i64| Reading {
        monotonic,
        wall: ORIGIN + monotonic + slept,
    };
    let mut known = Vouched::begin(at(0, 0));
    answer(&mut known, 0, 0);
    let begun = known.begun(at(10_000, 0));
    assert_eq!(known.refused_undated(awake(11_000)), ORIGIN + slept);
    assert_eq!(known.now(awake(11_000)), ORIGIN + 11_000 + slept);
    assert!(known.vouches_for(begun, awake(11_000), LATE).is_none());

    let mut known = Vouched::begin(at(0, 0));
    answer(&mut known, 0, 0);
    let date = date(11_000 + slept);
    assert!(known.refused(date, 11_000, awake(11_000)).is_some());
    assert_eq!(known.now(awake(11_000)), ORIGIN + 11_000 + slept);
}

#[test]
fn one_server_with_a_wrong_clock_moves_no_watermark() {
    let mut known = Vouched::begin(at(0, 0));
    for poll in 1..1_000 {
        let monotonic = poll * 10_000;
        let begun = known.begun(at(monotonic, 0));
        // Nine of ten answers are its own.
        let wrong = if poll % 10 == 0 { 0 } else { 200_000 };
        let dated = date(monotonic) + wrong;
        known.answered(dated, monotonic, at(monotonic, 0), ALLOWED);
        let limit = known.vouches_for(begun, at(monotonic, 0), LATE);
        assert!(limit.is_none_or(|limit| limit <= ORIGIN + monotonic));
    }
}

#[test]
fn it_takes_several_answers_to_be_sure_and_more_after_a_contradiction() {
    let mut known = Vouched::begin(at(0, 0));
    assert_eq!(known.confirmed(at(59_999, 0), LATE), None);
    for answers in 1..=5 {
        answer(&mut known, 100_000 + answers, 0);
        let steady = known.confirmed(at(100_010, 0), LATE).unwrap();
        assert_eq!(steady.is_sure, answers == 5, "{answers}");
        assert_eq!(steady.now.as_millis(), ORIGIN + 100_010);
        assert_eq!(steady.since.as_millis(), ORIGIN + 100_001);
    }
    known.answered(date(0), 200_000, at(200_000, 0), ALLOWED);
    for answers in 0..=60 {
        let monotonic = 200_000 + answers * 10_000;
        answer(&mut known, monotonic, 0);
        let steady = known.confirmed(at(monotonic, 0), LATE).unwrap();
        assert_eq!(steady.is_sure, answers == 60, "{answers}");
    }
}

/// Something that happens to a machine or its answers.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Time passes.
    Pass(i64),
    /// The wall clock is set so far ahead of the cloud's.
    Set(i64),
    /// The machine sleeps: its monotonic clock stands still.
    Sleep(i64),
    /// A request that is answered after so long, the date made at this part of it; or without.
    Response(i64, Option<i64>),
    /// A single answer of a machine whose clock is ahead or behind, and a good one after it.
    Odd(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0i64..120_000).prop_map(Event::Pass),
        (-400_000i64..400_000).prop_map(Event::Set),
        (0i64..280_000).prop_map(Event::Sleep),
        (0i64..30_000, 0i64..=100).prop_map(|(took, part)| Event::Response(took, Some(part))),
        (0i64..30_000).prop_map(|took| Event::Response(took, None)),
        (-290_000i64..290_000).prop_map(Event::Odd),
    ]
}

/// A machine, the cloud, and a reader that moves its watermark as far as it may.
struct Scene {
    known: Vouched,
    monotonic: i64,
    cloud: i64,
    ahead: i64,
}

impl Scene {
    fn read(&self) -> Reading {
        Reading {
            monotonic: self.monotonic,
            wall: self.cloud + self.ahead,
        }
    }

    fn pass(&mut self, span: i64) {
        self.monotonic += span;
        self.cloud += span;
    }

    fn dated(&mut self, took: i64, part: i64, wrong: i64) {
        let sent = self.monotonic;
        self.pass(took * part / 100);
        let date = (self.cloud + wrong).div_euclid(1_000) * 1_000;
        self.pass(took - took * part / 100);
        self.known.answered(date, sent, self.read(), ALLOWED);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Pass(span) => self.pass(span),
            Event::Set(ahead) => self.ahead = ahead,
            Event::Sleep(span) => self.cloud += span,
            Event::Response(took, Some(part)) => self.dated(took, part, 0),
            Event::Response(took, None) => {
                self.pass(took);
                self.known.look(self.read());
            }
            Event::Odd(wrong) => {
                self.dated(100, 50, wrong);
                self.dated(100, 50, 0);
            }
        }
    }
}

proptest! {
    /// After the first date, whatever happens, no watermark moves beyond the true time of the
    /// cloud at the read's beginning less the lateness. A server whose clock is ahead by less than
    /// the range of a date, a second and the time of the request, cannot be told from a right one:
    /// the watermark may be wrong by as much as that clock is.
    #[test]
    fn no_watermark_passes_the_true_time(
        ahead in -280_000i64..280_000,
        events in proptest::collection::vec((event(), event()), 1..60),
    ) {
        let known = Vouched::begin(at(0, ahead));
        let mut scene = Scene { known, monotonic: 0, cloud: ORIGIN, ahead };
        scene.dated(0, 0, 0);
        let mut unseen = 0;
        for (first, second) in events {
            let begun = scene.known.begun(scene.read());
            let true_begin = scene.cloud;
            for event in [first, second] {
                if let Event::Odd(wrong @ 1..1_100) = event {
                    unseen = unseen.max(wrong);
                }
            }
            scene.happen(first);
            scene.happen(second);
            let at = scene.read();
            if let Some(limit) = scene.known.vouches_for(begun, at, LATE) {
                prop_assert!(limit <= true_begin + unseen, "{} beyond", limit - true_begin);
            }
        }
    }

    /// Without any date, a wall clock that is right but for jumps of less than ten minutes does.
    #[test]
    fn without_dates_the_wall_clock_of_the_start_does(
        events in proptest::collection::vec((0i64..600_000, 1i64..400_000, 0i64..90_000), 1..40),
    ) {
        let mut known = Vouched::begin(at(0, 0));
        let mut monotonic = 0;
        for (jumped_for, ahead, rest) in events {
            for (ahead, span) in [(ahead, jumped_for), (0, rest)] {
                let begun = known.begun(at(monotonic, ahead));
                let began = ORIGIN + monotonic;
                monotonic += span;
                if let Some(limit) = known.vouches_for(begun, at(monotonic, ahead), LATE) {
                    prop_assert!(limit <= began, "{} beyond", limit - began);
                }
            }
        }
    }

    #[test]
    fn any_time_is_judged(
        times in proptest::collection::vec(any::<(i64, i64, i64, i64)>(), 1..8), allowed in any::<u64>(),
    ) {
        let mut known = Vouched::begin(at(0, 0));
        for (date, sent, monotonic, wall) in times {
            let at = Reading { monotonic, wall };
            known.answered(date, sent, at, allowed);
            let _ = known.refused(date, sent, at);
            let begun = known.begun(at);
            let _ = (known.vouches_for(begun, at, LATE), known.confirmed(at, LATE), known.ahead(at));
        }
    }
}
