//! The result of a page.

use crate::model::{Outcome, Row, Timestamp};

const MINUTE_MS: i64 = 60_000;

/// Numbers of the rows of a page, by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageOutcome {
    /// New, and counted.
    pub counted: u64,
    /// Read before.
    pub duplicate: u64,
    /// Too late to be counted.
    pub late: u64,
    /// Of the counted ones, those under `_overflow`.
    pub overflow: u64,
    /// Of the counted ones, those whose return code has no known meaning.
    pub unknown: u64,
    /// Not finished yet.
    pub unfinished: u64,
    /// Unreadable.
    pub invalid: u64,
    /// The counted ones by minute of their position, for the chart of the last hour.
    pub minutes: Vec<Minute>,
}

/// Invocations whose positions lie in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute {
    /// Minutes since the epoch.
    pub number: i64,
    /// Invocations.
    pub invocations: u32,
    /// Invocations without success.
    pub failed: u32,
}

// === impl PageOutcome ===

impl PageOutcome {
    /// Counts a row in its minute. Rows are ordered by position, so it is mostly the last one.
    pub(super) fn count_minute(&mut self, row: &Row) {
        let number = row.position.as_millis().div_euclid(MINUTE_MS);
        let failed = u32::from(row.outcome != Outcome::Success);
        match self.minutes.last_mut() {
            Some(last) if last.number == number => {
                last.invocations += 1;
                last.failed += failed;
            }
            _ => self.minutes.push(Minute {
                number,
                invocations: 1,
                failed,
            }),
        }
    }
}

impl Minute {
    /// Returns its start.
    pub fn begins(&self) -> Timestamp {
        Timestamp::from_millis(self.number.saturating_mul(MINUTE_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(second: i64, outcome: Outcome) -> Row {
        Row {
            position: Timestamp::from_secs(second),
            outcome,
            ..Row::default()
        }
    }

    #[test]
    fn rows_fall_into_the_minutes_of_their_positions() {
        let mut outcome = PageOutcome::default();
        for (second, how) in [
            (125, Outcome::Success),
            (120, Outcome::Timeout),
            (119, Outcome::Success),
        ] {
            outcome.count_minute(&row(second, how));
        }
        let shown = outcome.minutes.iter();
        let shown: Vec<_> = shown
            .map(|minute| (minute.begins().as_secs(), minute.invocations, minute.failed))
            .collect();
        assert_eq!(shown, [(120, 2, 1), (60, 1, 0)]);
    }
}
