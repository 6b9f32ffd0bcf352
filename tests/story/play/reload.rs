//! A running exporter takes over another configuration.

use std::time::Duration;

use tokio::time::timeout;

use super::super::checks::{self, Broken};
use super::super::plan::{End, Setup};
use super::super::remembered::Remembered;
use super::super::setup::config;
use super::{Player, START_AGAIN, looks};

impl Player<'_> {
    /// The running exporter takes over another configuration; where it cannot, it goes on with the
    /// one before. A cut ends it if that takes longer.
    pub(super) async fn reload(
        &mut self,
        setup: Setup,
        cut: Option<(Duration, End)>,
    ) -> Result<(), Broken> {
        self.scrape()?;
        let has_state = self.has_state;
        let config = config(self.story, &setup, &self.cloud, &self.runtime, has_state);
        let zero_first = Duration::from_secs(setup.zero_first);
        let life = self.now.as_mut().expect("an exporter is at work");
        let reload = life.exporter.running.reload(&config);
        let limit = cut.map_or(Duration::MAX, |(limit, _)| limit);
        let reloaded = timeout(limit, reload).await;
        let now_ms = self.runtime.now().as_millis();
        self.deadlines.begin(now_ms, self.story);
        match (&reloaded, cut) {
            (Ok(Ok(reloaded)), _) => {
                self.log.line(&format!("reloaded: {reloaded:?}"));
                life.refused |= !reloaded.in_time;
                life.looks |= looks(&setup);
                let before = self.in_flight_max();
                self.setup = setup;
                self.remembered = Remembered::default();
                // What ended meanwhile had the limit of before, and nothing else began until then.
                let most = self.wire.take_most_under_way(true);
                checks::in_flight_bound(most, before.max(self.in_flight_max()))?;
                self.zeros.hold_for(zero_first);
                self.looked_at = (0, 0);
                self.scrape()
            }
            (Err(_), Some((_, end))) => {
                self.log.line("cut while it reloads");
                self.zeros.hold_for(zero_first);
                self.end(end).await?;
                self.pass(START_AGAIN).await?;
                self.setup = setup;
                self.start().await
            }
            (failed, _) => {
                self.log.line(&format!("cannot reload: {failed:?}"));
                Ok(())
            }
        }
    }
}
