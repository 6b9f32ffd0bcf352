//! The world of a story, in sentences.

use super::super::rotate;
use super::{Keys, Story};

impl Story {
    pub(super) fn world_in_words(&self) -> Vec<String> {
        let world = &self.world;
        let calls = format!(
            "{} function(s) in {} namespace(s) and {} topic(s) are called {:.2} times a second, \
             each for up to {} s; rows appear within {} ms.",
            world.functions,
            world.namespaces,
            world.topics.max(1),
            world.rate_per_second,
            world.max_duration_ms / 1_000,
            world.faults.usual_delivery_ms,
        );
        let parts = [vec![calls], self.rows(), self.requests(), self.answers()];
        let more = [self.conditions(), self.lives(), rotate::tell(self)];
        parts.into_iter().chain(more).flatten().collect()
    }

    /// What is odd about rows.
    fn rows(&self) -> Vec<String> {
        let faults = &self.world.faults;
        let late = format!(
            "{:.0} % of the rows take up to {} ms to appear.",
            faults.late_rows * 100.0,
            faults.late_delivery_ms
        );
        let text = |text: &str| text.to_owned();
        said([
            (faults.late_rows > 0.0, late),
            (
                faults.running_rows > 0.0,
                text("Rows are shown while they run."),
            ),
            (
                faults.unstable_ties,
                text("Rows of one second change places."),
            ),
            (
                faults.duplicate_lines > 0.0,
                text("Some log lines are stored twice."),
            ),
            (
                faults.odd_fields > 0.0,
                text("Some rows are written oddly."),
            ),
            (
                faults.odd_scalars > 0.0,
                text("Some numbers of answers are texts."),
            ),
            (
                faults.odd_lines > 0.0,
                text("Some log lines end in half a character."),
            ),
        ])
    }

    /// What becomes of requests.
    fn requests(&self) -> Vec<String> {
        let faults = &self.world.faults;
        let parts = [
            (faults.throttle, "throttled"),
            (faults.errors, "answered by an error"),
            (faults.html, "answered by a gateway's page"),
            (faults.empty_body, "answered by nothing"),
            (faults.cut_body, "cut inside the answer"),
            (faults.slow_body, "answered slowly"),
            (
                self.lost_contexts,
                "told that their context is lost, where they have one",
            ),
        ];
        said(parts.map(|(part, what)| {
            let text = format!("{:.1} % of the requests are {what}.", part * 100.0);
            (part > 0.0, text)
        }))
    }

    fn conditions(&self) -> Vec<String> {
        let world = &self.world;
        let skew_ms = world.faults.clock_skew_ms;
        let (storms, outages) = (world.faults.storms, world.faults.outages);
        said([
            (
                skew_ms != 0,
                format!("The cloud's clock is {skew_ms} ms ahead."),
            ),
            (
                storms.is_some(),
                format!("Throttling comes in storms: {storms:?}."),
            ),
            (
                outages.is_some(),
                format!("The cloud fails now and then: {outages:?}."),
            ),
            (
                world.burst_ms.is_some(),
                format!(
                    "Calls come in bursts, every {} ms.",
                    world.burst_ms.unwrap_or(0)
                ),
            ),
            (
                world.cls.query_ms > 0,
                format!("A query of a topic takes {} ms.", world.cls.query_ms),
            ),
            (
                world.history_ms > 0,
                format!("Calls began {} s before.", world.history_ms / 1_000),
            ),
            (
                self.keys != Keys::Permanent,
                format!(
                    "Keys ({:?}) end after {} s.",
                    self.keys, world.role.lifetime_s
                ),
            ),
        ])
    }

    fn lives(&self) -> Vec<String> {
        let at = |ms: i64| match ms {
            i64::MIN => "at the start".to_owned(),
            i64::MAX => "never".to_owned(),
            ms => format!("at {} s", (ms - self.world.start_ms) / 1_000),
        };
        let told = self.world.lives.iter().map(|life| {
            let (created, deleted) = (at(life.created_ms), at(life.deleted_ms));
            format!(
                "Function {} is created {created}, abandoned {} and deleted {deleted}; it returns {}.",
                life.function,
                at(life.abandoned_ms),
                at(life.returns_ms),
            )
        });
        let own = self.world.own_topics && !self.world.lives.is_empty();
        let more = said([
            (own, "Each of these has a topic of its own.".to_owned()),
            (
                self.later_first_read.is_some(),
                format!(
                    "With a state, first reads go {:?} s back.",
                    self.later_first_read
                ),
            ),
            (
                self.retention.is_some(),
                format!("Series of what is gone stay for {:?} s.", self.retention),
            ),
        ]);
        told.chain(more).collect()
    }
}

/// The sentences that apply.
pub fn said<const N: usize>(sentences: [(bool, String); N]) -> Vec<String> {
    let apply = sentences.into_iter().filter(|(applies, _)| *applies);
    apply.map(|(_, text)| text).collect()
}
