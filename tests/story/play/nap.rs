//! Time passes, and rows are due.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::checks::Broken;
use super::Player;

/// How often it is looked whether rows are counted in time.
const LOOK: Duration = Duration::from_secs(5);

impl Player<'_> {
    /// Lets time pass, and looks whether rows are counted in time.
    pub(super) async fn nap(&mut self, span: Duration) -> Result<(), Broken> {
        let until = Instant::now() + span;
        while Instant::now() < until {
            sleep((until - Instant::now()).min(LOOK)).await;
            let now_ms = self.now_ms();
            if self.full_until.is_some() {
                self.deadlines.full_disk(now_ms);
            }
            if self.now.is_some() {
                let (cloud, seen) = (&self.cloud, &self.wire.seen);
                let (story, setup) = (self.story, &self.setup);
                self.deadlines.check(now_ms, cloud, seen, story, setup)?;
            }
        }
        Ok(())
    }
}
