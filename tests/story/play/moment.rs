//! The moment at which an exporter ends.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::super::plan::End;
use super::Player;

/// How long a kill waits for its moment.
const MOMENT: Duration = Duration::from_secs(180);

impl Player<'_> {
    /// Waits for the moment at which an exporter ends.
    pub(super) async fn moment(&self, end: End) {
        let waited = match end {
            End::Stop | End::Kill => Ok(()),
            End::KillAtAnswer { n, then } => {
                timeout(MOMENT, async {
                    for _ in 0..n {
                        self.wire.answered.notified().await;
                    }
                    sleep(Duration::from_millis(then)).await;
                })
                .await
            }
            End::KillAtSync { n } => {
                let until = self.image.syncs() + n;
                self.after_answers(|| self.image.syncs() >= until).await
            }
            End::KillAtPublish { n } => {
                let until = self.generation() + n;
                self.after_answers(|| self.generation() >= until).await
            }
        };
        self.log
            .line(&format!("the moment has come: {}", waited.is_ok()));
    }

    /// Waits until something is so that can only become so shortly after an answer.
    async fn after_answers(
        &self,
        is_so: impl Fn() -> bool,
    ) -> Result<(), tokio::time::error::Elapsed> {
        timeout(MOMENT, async {
            loop {
                self.wire.answered.notified().await;
                for _ in 0..60 {
                    if is_so() {
                        return;
                    }
                    sleep(Duration::from_millis(1)).await;
                }
            }
        })
        .await
    }
}
