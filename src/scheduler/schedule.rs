//! Decides when a target is polled next, and in which mode. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Poll;
use crate::ingest::Mode;

/// The longest wait after consecutive failures.
const FAILURE_WAIT_MAX: Duration = Duration::from_secs(300);
/// Where requests are scarce, the pause after a sweep is this many times its duration.
const SWEEP_SHARE: u32 = 3;
/// A sweep of so few pages costs no more than a tail read, so every poll is a sweep.
const CHEAP_SWEEP_PAGES: u64 = 2;

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It failed.
    Failed,
    /// It succeeded.
    Read {
        /// Rows counted.
        counted: u64,
        /// Answers that were read.
        pages: u64,
        /// No visible row is missing.
        complete: bool,
        /// Rows are known to be missing.
        missing: bool,
        /// How long the idle half of the budget takes to pay for the same number of requests.
        paid_after: Duration,
        /// Duration of the poll.
        took: Duration,
    },
}

/// The schedule of one target.
#[derive(Debug)]
pub(super) struct Schedule {
    timing: Poll,
    wait: Duration,
    failures: u32,
    next_sweep: Option<Instant>,
}

impl Schedule {
    pub(super) fn new(timing: Poll) -> Self {
        Self {
            wait: timing.interval,
            timing,
            failures: 0,
            next_sweep: None,
        }
    }

    /// The mode of a poll at `now`.
    pub(super) fn mode(&self, now: Instant) -> Mode {
        if self.next_sweep.is_none_or(|at| now >= at) {
            Mode::Sweep
        } else {
            Mode::Tail
        }
    }

    /// Records a poll that ended at `now`, and returns the wait before the next one.
    pub(super) fn ended(&mut self, mode: Mode, now: Instant, ended: Ended) -> Duration {
        match ended {
            Ended::Failed => self.failed(),
            Ended::Read {
                counted,
                pages,
                complete,
                missing,
                paid_after,
                took,
            } => {
                self.succeeded();
                if mode == Mode::Sweep || complete {
                    self.next_sweep = Some(now + self.rest(pages, paid_after, took));
                }
                // Missing rows are looked for at full speed even in a quiet target.
                self.wait = if counted > 0 || missing {
                    self.timing.interval
                } else {
                    self.wait.saturating_mul(2).min(self.timing.idle_interval)
                };
                self.wait
            }
        }
    }

    /// Records a failure and returns the wait after it, which grows each time.
    pub(super) fn failed(&mut self) -> Duration {
        let interval = self.timing.interval;
        let doubled = interval.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        doubled.min(FAILURE_WAIT_MAX.max(interval))
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// How long polls are tail reads after a sweep: zero where that saves no requests, or where no
    /// other target needs them.
    fn rest(&self, pages: u64, paid_after: Duration, took: Duration) -> Duration {
        let Poll {
            interval,
            sweep_interval,
            ..
        } = self.timing;
        if pages <= CHEAP_SWEEP_PAGES {
            return Duration::ZERO;
        }
        if paid_after <= interval {
            return Duration::ZERO;
        }
        let by_time = took.saturating_mul(SWEEP_SHARE);
        sweep_interval.min(paid_after).max(by_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn schedule() -> Schedule {
        Schedule::new(Poll {
            interval: secs(15),
            idle_interval: secs(60),
            sweep_interval: secs(60),
            first_read: secs(900),
            max_run_time: secs(900),
            delivery_delay: secs(60),
            page_size: 1_000,
            stop_timeout: secs(20),
            discovery_interval: secs(300),
        })
    }

    fn read(counted: u64, pages: u64, took: Duration) -> Ended {
        Ended::Read {
            counted,
            pages,
            complete: false,
            missing: false,
            paid_after: Duration::MAX,
            took,
        }
    }

    #[test]
    fn an_idle_target_is_polled_less_often_until_something_comes() {
        let (mut schedule, now) = (schedule(), Instant::now());
        let mut waits = Vec::new();
        for counted in [5, 0, 0, 0, 0, 1] {
            waits.push(
                schedule
                    .ended(Mode::Tail, now, read(counted, 1, secs(0)))
                    .as_secs(),
            );
        }
        assert_eq!(waits, [15, 30, 60, 60, 60, 15]);
    }

    #[test]
    fn an_idle_target_of_which_rows_are_missing_is_polled_at_its_pace() {
        let (mut schedule, now) = (schedule(), Instant::now());
        let missing = |missing| Ended::Read {
            counted: 0,
            pages: 1,
            complete: false,
            missing,
            paid_after: Duration::MAX,
            took: secs(0),
        };
        let mut waits = Vec::new();
        for is_missing in [false, true, true, false] {
            let wait = schedule.ended(Mode::Sweep, now, missing(is_missing));
            waits.push(wait.as_secs());
        }
        assert_eq!(waits, [30, 15, 15, 30]);
    }

    #[test]
    fn an_idle_budget_pays_for_a_sweep_at_each_poll_or_as_soon_as_it_can() {
        for (paid_after, took, rest) in [
            (secs(15), secs(16), 0),
            (secs(16), secs(3), 16),
            (secs(59), secs(15), 59),
            (secs(61), secs(15), 60),
            (secs(16), secs(16), 48),
        ] {
            let (mut schedule, start) = (schedule(), Instant::now());
            let sweep = Ended::Read {
                counted: 1,
                pages: 30,
                complete: true,
                missing: false,
                paid_after,
                took,
            };
            schedule.ended(Mode::Sweep, start, sweep);
            assert_eq!(schedule.mode(start + secs(rest)), Mode::Sweep);
            if rest > 0 {
                assert_eq!(schedule.mode(start + secs(rest - 1)), Mode::Tail);
            }
        }
    }

    #[test]
    fn a_failing_target_waits_longer_each_time_but_not_for_ever() {
        let (mut schedule, now) = (schedule(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..7 {
            waits.push(schedule.ended(Mode::Tail, now, Ended::Failed).as_secs());
        }
        assert_eq!(waits, [15, 30, 60, 120, 240, 300, 300]);
        let back = schedule.ended(Mode::Tail, now, read(1, 1, secs(0)));
        assert_eq!(back, secs(15), "one success and it is as before");
    }

    #[test]
    fn sweeps_come_first_then_seldom_and_a_long_one_more_seldom() {
        let (mut schedule, start) = (schedule(), Instant::now());
        assert_eq!(
            schedule.mode(start),
            Mode::Sweep,
            "the first read goes all the way"
        );
        schedule.ended(Mode::Sweep, start, read(900, 10, secs(40)));
        assert_eq!(
            schedule.mode(start + secs(119)),
            Mode::Tail,
            "3 x 40 s is more than 60 s"
        );
        assert_eq!(schedule.mode(start + secs(120)), Mode::Sweep);
        schedule.ended(Mode::Sweep, start + secs(120), read(9, 3, secs(1)));
        assert_eq!(schedule.mode(start + secs(179)), Mode::Tail);
        assert_eq!(schedule.mode(start + secs(180)), Mode::Sweep);
    }

    #[test]
    fn a_sweep_of_one_page_is_as_good_as_a_tail_read() {
        let (mut schedule, start) = (schedule(), Instant::now());
        schedule.ended(Mode::Sweep, start, read(3, 1, secs(0)));
        assert_eq!(schedule.mode(start + secs(1)), Mode::Sweep);
        schedule.ended(Mode::Sweep, start, read(300, 4, secs(0)));
        assert_eq!(schedule.mode(start + secs(1)), Mode::Tail);
    }

    #[test]
    fn a_failed_sweep_is_tried_again() {
        let (mut schedule, start) = (schedule(), Instant::now());
        schedule.ended(Mode::Sweep, start, Ended::Failed);
        assert_eq!(schedule.mode(start + secs(15)), Mode::Sweep);
    }
}
