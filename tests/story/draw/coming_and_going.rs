//! Functions that come while nobody looks, with a log topic of their own, and functions that go, end
//! and come back under the same name. Drawn by themselves, so that they move no other knob.

use std::time::Duration;

use scf_sim::Life;

use super::super::plan::{Event, Story};
use super::{BEFORE_DELETION_S, Dice, Layout, RETRY_GAP_S};

/// A story with so much trouble would last too long with a function that goes and comes back.
const TROUBLE_MAX: Duration = Duration::from_secs(1_200);
/// What is watched of a function that came back.
const BACK_S: u64 = 900;

impl Dice<'_> {
    pub(super) fn comings(&self, story: &mut Story) {
        let has_lives = !story.world.lives.is_empty();
        let (comes, goes) = (self.chance(0.4), self.chance(0.25));
        let own_topics = self.chance(0.7);
        let first_read = self.sometimes(0.7, || self.pick(&[0, 5, 60]));
        let created: Vec<f64> = (0..2).map(|_| 0.05 + 0.75 * self.0.unit()).collect();
        let goes_at = 0.1 + 0.4 * self.0.unit();
        let retention = self.between(1_800, 5_400);
        let away = self.pick(&[None, Some(0.4), Some(1.6)]);
        if story.world.functions < 2 {
            return;
        }
        if comes && !has_lives {
            story.world.own_topics = own_topics;
            // What was never listed has no state, though others have.
            let is_whole = story.setups().all(|setup| setup.layout != Layout::First);
            story.later_first_read = first_read.filter(|_| is_whole);
            let total_ms = story.traffic.as_millis() as f64;
            let count = (story.world.functions - 1).min(created.len());
            let made = created.iter().take(count).enumerate();
            story.world.lives = made
                .map(|(function, part)| Life {
                    function,
                    created_ms: story.world.start_ms + (total_ms * part) as i64,
                    ..Life::ALWAYS
                })
                .collect();
        } else if goes && !has_lives {
            story.world.own_topics = own_topics;
            self.goes(story, goes_at, retention, away);
        }
    }

    /// A function that is called until a part of the time has passed, and is deleted well after. It
    /// comes back before or after its series end, or never.
    fn goes(&self, story: &mut Story, part: f64, retention: u64, away: Option<f64>) {
        let trouble: Duration = story.steps.iter().map(|step| step.what.trouble()).sum();
        let refused = story.wide_refused.map_or(Duration::ZERO, |(_, span)| span);
        let is_left = story.setups().any(|setup| setup.layout == Layout::First);
        if trouble + refused > TROUBLE_MAX || is_left {
            return;
        }
        // Long enough for what was held at zero to be seen before it ends.
        let pauses = story.steps.iter().filter_map(|step| match step.what {
            Event::Restart { away, .. } => Some(away),
            Event::FullDisk(lasting) => Some(lasting),
            _ => None,
        });
        let retention = retention + pauses.map(|pause| pause.as_secs()).sum::<u64>();
        let world = &story.world;
        let run_s = world.max_duration_ms / 1_000;
        let rest_s =
            2 * (RETRY_GAP_S + run_s) + world.longest_delay_ms() / 1_000 + BEFORE_DELETION_S;
        let rest_s = rest_s + 2 * (trouble + refused).as_secs();
        let abandoned_s = (story.traffic.as_secs() as f64 * part) as u64;
        let deleted_s = abandoned_s + rest_s;
        let returns_s = away.map(|part| deleted_s + (retention as f64 * part) as u64);
        let at = |secs: u64| world.start_ms + secs as i64 * 1_000;
        let life = Life {
            function: 0,
            abandoned_ms: at(abandoned_s),
            deleted_ms: at(deleted_s),
            returns_ms: returns_s.map_or(i64::MAX, at),
            ..Life::ALWAYS
        };
        // As many calls as before, and what happens is spread over the whole time.
        let before = story.traffic;
        let until = Duration::from_secs(returns_s.map_or(0, |secs| secs + BACK_S));
        story.traffic = story.traffic.max(until);
        let longer = story.traffic.as_secs_f64() / before.as_secs_f64();
        story.world.rate_per_second /= longer;
        story
            .steps
            .iter_mut()
            .for_each(|step| step.after = step.after.mul_f64(longer));
        story.world.stop_ms = Some(story.end_ms());
        story.world.lives = vec![life];
        story.retention = Some(retention);
    }
}
