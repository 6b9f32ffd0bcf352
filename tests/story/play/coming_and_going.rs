//! Functions that come and go: which series may end, and which have to.

use std::time::Duration;

use scf_exporter::web::{Readiness, View};
use scf_sim::{Cloud, Life};

use super::super::checks::{Broken, function_of};
use super::super::plan::Story;
use super::super::support::world::Exporter;
use super::Player;

/// From a list to the one after it, at most, and what a clock is learned to.
const LISTS_APART_MS: i64 = 310_000;

/// Whether the series of a function may have ended by now: once it is on no list, and was on none for
/// as long as series stay. When the exporter has listed it last is known to one list and what kept it
/// from that.
pub fn may_end(story: &Story, cloud: &Cloud, function: &str, now_ms: i64) -> bool {
    let Some(retention) = story.retention else {
        return false;
    };
    let steps = story.steps.iter().map(|step| step.what.trouble());
    let trouble: Duration = steps.sum();
    let slack_ms = LISTS_APART_MS + trouble.as_millis() as i64;
    let mut lives = lives_of(story, cloud, function);
    lives.any(|life| {
        let gone_ms = now_ms.min(life.returns_ms).saturating_sub(life.deleted_ms);
        gone_ms.saturating_add(slack_ms) >= retention as i64 * 1_000
    })
}

fn lives_of<'a>(
    story: &'a Story,
    cloud: &'a Cloud,
    function: &'a str,
) -> impl Iterator<Item = &'a Life> {
    let lives = story.world.lives.iter();
    lives.filter(move |life| cloud.name_of(life.function).as_deref() == Some(function))
}

/// Whether it has listed all functions and opened their targets, which is durable then.
pub fn has_state(exporter: &Exporter) -> bool {
    let status = exporter.view.status();
    let mut troubles = status.sources.iter().filter_map(|one| one.trouble.as_ref());
    let is_opened =
        !status.targets.is_empty() && status.targets.iter().all(|t| t.watermark.is_some());
    exporter.view.readiness() == Readiness::Ready
        && is_opened
        && troubles.all(|trouble| !trouble.is_going_on())
}

impl Player<'_> {
    /// What is gone for good does end.
    pub(super) async fn wait_for_ends(&mut self) -> Result<(), Broken> {
        let Some(retention) = self.story.retention else {
            return Ok(());
        };
        let lives = self.story.world.lives.iter();
        let gone = lives.filter(|life| life.deleted_ms < i64::MAX && life.returns_ms == i64::MAX);
        for life in gone {
            let last_ms = life.deleted_ms + retention as i64 * 1_000;
            let until_ms = last_ms + 4 * LISTS_APART_MS;
            let left = (until_ms - self.now_ms()).max(0) as u64;
            self.pass(Duration::from_millis(left)).await?;
            let scrape = self.life().exporter.scrape();
            let name = self.cloud.name_of(life.function);
            let shown = scrape.matching("scf_invocations_total", &[]);
            if shown
                .iter()
                .any(|sample| Some(function_of(&sample.labels)) == name)
            {
                return Err(format!("the series of {name:?} never end"));
            }
        }
        Ok(())
    }
}
