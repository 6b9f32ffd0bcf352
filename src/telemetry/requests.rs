//! Requests of a source in the last minute, by action.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::recent::{CELLS, Cell, Recent};
use crate::model::Timestamp;

/// The requests of one source.
#[derive(Debug, Default)]
pub struct Requests(Mutex<BTreeMap<Box<str>, Recent>>);

impl Requests {
    /// Counts a request at `now`. There are few actions, as all are named in this program.
    pub fn sent(&self, action: &str, now: Timestamp, failed: bool) {
        let count = Cell {
            total: 1,
            failed: u32::from(failed),
        };
        let mut actions = self.0.lock();
        match actions.get_mut(action) {
            Some(recent) => recent.add(now, now, count),
            None => {
                let mut recent = Recent::minute();
                recent.add(now, now, count);
                actions.insert(action.into(), recent);
            }
        }
    }

    /// Returns each action with its requests a second and its failed requests a second over the last
    /// minute, the most frequent action first.
    pub fn rates(&self, now: Timestamp) -> Vec<(String, f64, f64)> {
        let per_second = |count: u32| f64::from(count) / CELLS as f64;
        let actions = self.0.lock();
        let rates = actions.iter().map(|(action, recent)| {
            let sum = recent.sum(now);
            (
                action.to_string(),
                per_second(sum.total),
                per_second(sum.failed),
            )
        });
        let mut rates: Vec<_> = rates.collect();
        rates.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        rates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_last_minute_and_the_busiest_comes_first() {
        let requests = Requests::default();
        for second in 0..600 {
            let now = Timestamp::from_secs(1_000 + second);
            requests.sent("ListFunctions", now, false);
            requests.sent("SearchLog", now, second % 2 == 0);
            requests.sent("SearchLog", now, false);
        }
        let rates = requests.rates(Timestamp::from_secs(1_599));
        let expected = [
            ("SearchLog".to_owned(), 2.0, 0.5),
            ("ListFunctions".to_owned(), 1.0, 0.0),
        ];
        assert_eq!(rates, expected);
        assert_eq!(requests.rates(Timestamp::from_secs(2_000))[0].1, 0.0);
    }
}
