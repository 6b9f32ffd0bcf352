//! Decides when a target is polled next, and in which mode. Pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Poll;
use crate::ingest::Mode;

/// The longest wait after consecutive failures.
const FAILURE_WAIT_MAX: Duration = Duration::from_secs(300);
/// Pause after a sweep while requests are scarce, as a multiple of its duration.
const SWEEP_SHARE: u32 = 3;
/// Number of pages up to which a sweep costs no more than a tail read, so every poll is a sweep.
const CHEAP_SWEEP_PAGES: u64 = 2;

/// A successful poll.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finished {
    pub(super) mode: Mode,
    /// Number of rows counted.
    pub(super) counted: u64,
    /// Number of responses that were read.
    pub(super) pages: u64,
    /// No visible row is missing.
    pub(super) complete: bool,
    /// Rows are known to be missing.
    pub(super) missing: bool,
    /// How long the idle half of the budget takes to pay for the same number of requests.
    pub(super) paid_after: Duration,
    /// Duration of the poll.
    pub(super) took: Duration,
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

    /// Returns the mode of a poll at `now`.
    pub(super) fn mode(&self, now: Instant) -> Mode {
        if self.next_sweep.is_none_or(|at| now >= at) {
            Mode::Sweep
        } else {
            Mode::Tail
        }
    }

    /// Records a poll that succeeded at `now`, and returns the wait before the next one.
    pub(super) fn finished(&mut self, now: Instant, poll: Finished) -> Duration {
        self.succeeded();
        if poll.mode == Mode::Sweep || poll.complete {
            self.next_sweep = Some(now + self.rest(poll));
        }
        // Missing rows are searched for at full speed even in a quiet target.
        self.wait = if poll.counted > 0 || poll.missing {
            self.timing.interval
        } else {
            self.wait.saturating_mul(2).min(self.timing.idle_interval)
        };
        self.wait
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

    /// Returns how long polls are tail reads after a sweep: zero if that saves no requests, or if no
    /// other target needs them.
    fn rest(&self, poll: Finished) -> Duration {
        if poll.pages <= CHEAP_SWEEP_PAGES || poll.paid_after <= self.timing.interval {
            return Duration::ZERO;
        }
        let by_time = poll.took.saturating_mul(SWEEP_SHARE);
        let by_requests = self.timing.sweep_interval.min(poll.paid_after);
        by_requests.max(by_time)
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

    fn tail(counted: u64) -> Finished {
        Finished {
            mode: Mode::Tail,
            counted,
            pages: 1,
            complete: false,
            missing: false,
            paid_after: Duration::MAX,
            took: secs(0),
        }
    }

    fn sweep(pages: u64, took: Duration) -> Finished {
        Finished {
            mode: Mode::Sweep,
            pages,
            took,
            ..tail(3)
        }
    }

    #[test]
    fn an_idle_target_is_polled_less_often_until_something_comes() {
        let (mut schedule, now) = (schedule(), Instant::now());
        let waits = [5, 0, 0, 0, 0, 1].map(|counted| schedule.finished(now, tail(counted)));
        assert_eq!(waits, [15, 30, 60, 60, 60, 15].map(secs));
    }

    #[test]
    fn an_idle_target_of_which_rows_are_missing_is_polled_at_its_pace() {
        let (mut schedule, now) = (schedule(), Instant::now());
        let waits = [false, true, true, false].map(|missing| {
            let poll = Finished {
                mode: Mode::Sweep,
                missing,
                ..tail(0)
            };
            schedule.finished(now, poll)
        });
        assert_eq!(waits, [30, 15, 15, 30].map(secs));
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
            let poll = Finished {
                complete: true,
                paid_after,
                ..sweep(30, took)
            };
            schedule.finished(start, poll);
            assert_eq!(schedule.mode(start + secs(rest)), Mode::Sweep);
            if rest > 0 {
                assert_eq!(schedule.mode(start + secs(rest - 1)), Mode::Tail);
            }
        }
    }

    #[test]
    fn a_failing_target_waits_longer_each_time_but_not_for_ever() {
        let (mut schedule, now) = (schedule(), Instant::now());
        for wait in [15, 30, 60, 120, 240, 300, 300] {
            assert_eq!(schedule.failed(), secs(wait));
        }
        let back = schedule.finished(now, tail(1));
        assert_eq!(back, secs(15), "one success and it is as before");
    }

    #[test]
    fn sweeps_come_first_then_seldom_and_a_long_one_more_seldom() {
        let (mut schedule, start) = (schedule(), Instant::now());
        // The first read is a sweep.
        assert_eq!(schedule.mode(start), Mode::Sweep);
        schedule.finished(start, sweep(10, secs(40)));
        // 3 x 40 s is more than 60 s.
        assert_eq!(schedule.mode(start + secs(119)), Mode::Tail);
        assert_eq!(schedule.mode(start + secs(120)), Mode::Sweep);
        schedule.finished(start + secs(120), sweep(3, secs(1)));
        assert_eq!(schedule.mode(start + secs(179)), Mode::Tail);
        assert_eq!(schedule.mode(start + secs(180)), Mode::Sweep);
    }

    #[test]
    fn a_sweep_of_one_page_is_as_good_as_a_tail_read() {
        let (mut schedule, start) = (schedule(), Instant::now());
        schedule.finished(start, sweep(1, secs(0)));
        assert_eq!(schedule.mode(start + secs(1)), Mode::Sweep);
        schedule.finished(start, sweep(4, secs(0)));
        assert_eq!(schedule.mode(start + secs(1)), Mode::Tail);
    }

    #[test]
    fn a_failed_sweep_is_tried_again() {
        let (mut schedule, start) = (schedule(), Instant::now());
        schedule.failed();
        assert_eq!(schedule.mode(start + secs(15)), Mode::Sweep);
    }
}
