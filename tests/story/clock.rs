//! The clock of the exporter's machine: it may jump and drift, while the cloud's own goes on.

use std::sync::Arc;
use std::time::Duration;

use scf_exporter::model::Timestamp;
use scf_sim::Faults;
use tencentcloud::runtime::{Clock, Random};

use super::plan::{Event, Keys, Story};

/// How far the machine's clock is ahead of what it would show if nothing was wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineClock {
    /// When it is set, after the start of the story, and how far ahead it is from then on, in
    /// milliseconds; in their order.
    pub jumps: Vec<(Duration, i64)>,
    /// How much faster it runs, in millionths.
    pub drift_ppm: i64,
}

/// That clock at work.
struct Set {
    right: Arc<dyn Clock>,
    origin: Timestamp,
    clock: MachineClock,
}

// === impl MachineClock ===

impl MachineClock {
    /// The machine's clock from now on, where `right` is one that nothing is wrong with.
    pub fn over(&self, right: Arc<dyn Clock>) -> Arc<dyn Clock> {
        Arc::new(Set {
            origin: right.now(),
            right,
            clock: self.clone(),
        })
    }

    /// The sentences of a story.
    pub fn tell(&self, faults: &Faults) -> Vec<String> {
        let mut told: Vec<String> = self
            .jumps
            .iter()
            .map(|(after, ahead_ms)| {
                let after_s = after.as_secs();
                format!("After {after_s} s the machine's clock is set {ahead_ms} ms ahead of the right time.")
            })
            .collect();
        if self.drift_ppm != 0 {
            told.push(format!(
                "The machine's clock runs {} millionths too fast.",
                self.drift_ppm
            ));
        }
        for (part, what) in [
            (faults.missing_dates, "no"),
            (faults.wrong_dates, "a wrong"),
        ] {
            if part > 0.0 {
                told.push(format!(
                    "{:.1} % of the answers have {what} date.",
                    part * 100.0
                ));
            }
        }
        told
    }

    fn ahead_ms(&self, passed: Duration) -> i64 {
        let jumped = self.jumps.iter().rev().find(|(after, _)| *after <= passed);
        let drifted_ms = passed.as_millis() as i64 * self.drift_ppm / 1_000_000;
        jumped.map_or(0, |(_, ahead_ms)| *ahead_ms) + drifted_ms
    }
}

impl Clock for Set {
    fn now(&self) -> Timestamp {
        let right = self.right.now();
        let ahead_ms = self.clock.ahead_ms(right.since(self.origin));
        Timestamp::from_millis(right.as_millis() + ahead_ms)
    }
}

/// Draws what is wrong with the clock of a machine, and with the dates of answers, by a stream of
/// its own.
pub fn draw(story: &mut Story, random: &Random) {
    let between = |least: u64, most: u64| least + random.next_u64() % (most - least + 1);
    // Answers that have dates tell the time whatever the clock does; without them nothing tells
    // that a clock is ahead from the start, or for longer than ten minutes.
    let undated = between(0, 2) == 0;
    if between(0, 99) >= 40 {
        return;
    }
    let ends = |what: &Event| matches!(what, Event::Restart { .. } | Event::Reload { .. });
    let restarts = story.steps.iter().any(|step| ends(&step.what));
    let faults = &mut story.world.faults;
    if undated && faults.clock_skew_ms == 0 {
        faults.missing_dates = [0.3, 1.0][between(0, 1) as usize];
    } else {
        faults.wrong_dates = [0.0, 0.0, 0.02][between(0, 2) as usize];
        story.clock.drift_ppm = [0, 0, 200, -200, 2_000, -2_000][between(0, 5) as usize];
    }
    // Keys that ended before they were handed out, by a clock that is ahead, cannot be used.
    let may_be_ahead = story.keys == Keys::Permanent && !(undated && restarts);
    let mut at_ms = 60_000;
    for _ in 0..between(0, 6) {
        let rest_ms = between(1_000, 1_200_000);
        let lasting_ms = between(1_000, if undated { 500_000 } else { 1_200_000 });
        let far_ms = between(2_000, 300_000) as i64;
        let ahead_ms = if may_be_ahead && between(0, 2) > 0 {
            far_ms
        } else {
            -far_ms
        };
        story
            .clock
            .jumps
            .push((Duration::from_millis(at_ms + rest_ms), ahead_ms));
        at_ms += rest_ms + lasting_ms;
        story.clock.jumps.push((Duration::from_millis(at_ms), 0));
    }
}
