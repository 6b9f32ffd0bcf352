//! Makes a story that fails smaller while it still fails, so that a person can read why.

use scf_sim::Faults;

use super::plan::{Keys, Story};
use super::play::{Outcome, play};

/// Runs at the most: a run takes about a second.
const TRIES_MAX: usize = 150;

/// A smaller story and what breaks in it.
pub fn shrink(story: Story, outcome: Outcome) -> (Story, Outcome) {
    let (mut story, mut outcome) = (story, outcome);
    let mut tries = 0;
    loop {
        let mut smaller = false;
        for candidate in candidates(&story) {
            if tries >= TRIES_MAX {
                return (story, outcome);
            }
            tries += 1;
            let tried = play(&candidate);
            if tried.broken.is_some() {
                (story, outcome) = (candidate, tried);
                smaller = true;
                break;
            }
        }
        if !smaller {
            return (story, outcome);
        }
    }
}

type Change<'a> = &'a dyn Fn(&mut Story);

/// Stories with one thing less, the largest cuts first.
fn candidates(story: &Story) -> Vec<Story> {
    let mut all = Vec::new();
    let mut with = |change: Change<'_>| {
        let mut candidate = story.clone();
        change(&mut candidate);
        candidate.world.stop_ms = Some(candidate.end_ms());
        all.push(candidate);
    };
    let steps = story.steps.len();
    if steps > 1 {
        with(&|s| s.steps.truncate(steps / 2));
        with(&|s| drop(s.steps.drain(..steps / 2)));
    }
    for at in (0..steps).rev() {
        with(&|s| _ = s.steps.remove(at));
    }
    if story.traffic.as_secs() > 120 {
        with(&|s| s.traffic = s.traffic.mul_f64(0.6));
    }
    if story.world.functions > 1 {
        with(&|s| s.world.functions /= 2);
    }
    for at in 0..story.clock.jumps.len() {
        with(&|s| _ = s.clock.jumps.remove(at));
    }
    if story.clock.drift_ppm != 0 {
        with(&|s| s.clock.drift_ppm = 0);
    }
    for at in 0..story.world.lives.len() {
        with(&|s| _ = s.world.lives.remove(at));
    }
    if story.keys != Keys::Permanent {
        with(&|s| s.keys = Keys::Permanent);
    }
    if story.lost_contexts > 0.0 {
        with(&|s| s.lost_contexts = 0.0);
    }
    if story.calm.is_some() {
        with(&|s| s.calm = None);
    }
    if !story.rotations.is_empty() {
        with(&|s| {
            s.rotations.clear();
            s.world.rotations.clear();
        });
    }
    if story.world.cls.query_ms > 0 {
        with(&|s| s.world.cls.query_ms = 0);
    }
    if story.wide_refused.is_some() {
        with(&|s| s.wide_refused = None);
    }
    if story.world.history_ms > 0 {
        with(&|s| s.world.history_ms = 0);
    }
    if story.world.burst_ms.is_some() {
        with(&|s| s.world.burst_ms = None);
    }
    for at in 0..steps {
        with_same_setup(story, at, &mut with);
    }
    for quiet in QUIET {
        if quieter(&story.world.faults, quiet) != story.world.faults {
            with(&|s| s.world.faults = quieter(&s.world.faults, quiet));
        }
    }
    if story.world.rate_per_second > 0.05 {
        with(&|s| s.world.rate_per_second *= 0.6);
    }
    all
}

/// The exporter goes on as it was, where it was changed.
fn with_same_setup(story: &Story, at: usize, with: &mut dyn FnMut(Change<'_>)) {
    let before = story.setups().nth(story.setups_before(at));
    let before = before.unwrap_or(story.setup);
    if story.steps[at]
        .what
        .setup()
        .is_some_and(|setup| setup != before)
    {
        with(&|s| {
            if let Some(setup) = s.steps[at].what.setup_mut() {
                *setup = before;
            }
        });
    }
}

type Quiet = fn(&mut Faults);

const QUIET: [Quiet; 24] = [
    |f| (f.throttle, f.errors, f.html, f.empty_body, f.cut_body) = (0.0, 0.0, 0.0, 0.0, 0.0),
    |f| (f.sts_errors, f.metadata_errors) = (0.0, 0.0),
    |f| f.slow_body = 0.0,
    |f| f.storms = None,
    |f| f.outages = None,
    |f| f.clock_skew_ms = 0,
    |f| f.missing_dates = 0.0,
    |f| f.wrong_dates = 0.0,
    |f| f.late_rows = 0.0,
    |f| f.running_rows = 0.0,
    |f| f.unstable_ties = false,
    |f| f.odd_fields = 0.0,
    |f| f.odd_scalars = 0.0,
    |f| f.odd_lines = 0.0,
    |f| f.duplicate_lines = 0.0,
    |f| f.odd_bytes = 0.0,
    |f| f.most_rows = None,
    |f| f.most_bytes = None,
    |f| f.cut_at = None,
    |f| f.row_delay = std::time::Duration::ZERO,
    |f| f.oversized_rows = 0.0,
    |f| f.broken_rows = false,
    |f| f.throttle = 0.0,
    |f| f.cut_body = 0.0,
];

fn quieter(faults: &Faults, quiet: Quiet) -> Faults {
    let mut faults = faults.clone();
    quiet(&mut faults);
    faults
}
