//! Adapts the number of rows per request: fewer if no response arrives, more again after success.

use parking_lot::Mutex;

/// Pages that must arrive before a larger one is tried.
const SUCCESSES: u32 = 2;
/// Upper bound of that number, which doubles while larger pages keep failing.
const SUCCESSES_MAX: u32 = 128;

/// The number of rows per request. One for each source or target; shared by reference.
#[derive(Debug)]
pub(crate) struct PageSize {
    max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    rows: usize,
    /// Pages of this size that arrived.
    successes: u32,
    /// Number of successes before a larger size is tried.
    needed: u32,
    /// The size was raised, and no page of it has arrived yet.
    is_trial: bool,
}

// === impl PageSize ===

impl PageSize {
    /// Starts with pages of `max` rows, at least one.
    pub(crate) fn new(max: usize) -> Self {
        let max = max.max(1);
        Self {
            max,
            state: Mutex::new(State {
                rows: max,
                successes: 0,
                needed: SUCCESSES,
                is_trial: false,
            }),
        }
    }

    /// Returns the number of rows to request now, from 1 to the largest.
    pub(crate) fn get(&self) -> usize {
        self.state.lock().rows
    }

    /// Records that a page of `asked` rows did not arrive: the next ones are at most half as large.
    /// Returns false if it was one row already.
    ///
    /// If only a trial of a larger size failed, the next trial comes after twice as many pages, so
    /// that a permanent limit of the API does not cost a failing request every few pages.
    pub(crate) fn shrink(&self, asked: usize) -> bool {
        if asked <= 1 {
            return false;
        }
        let mut state = self.state.lock();
        let half = asked / 2;
        if half < state.rows {
            state.needed = match state.is_trial {
                true => (state.needed * 2).min(SUCCESSES_MAX),
                false => SUCCESSES,
            };
            state.rows = half;
            state.successes = 0;
            state.is_trial = false;
        }
        true
    }

    /// Records that a page of `asked` rows arrived; after a few of them the size doubles.
    pub(crate) fn grow(&self, asked: usize) {
        let mut state = self.state.lock();
        if asked < state.rows || state.rows == self.max {
            return;
        }
        state.is_trial = false;
        state.successes += 1;
        if state.successes >= state.needed {
            state.rows = (state.rows * 2).min(self.max);
            state.successes = 0;
            state.is_trial = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for `pages` pages of an API that answers up to `limit` rows; the sizes asked for.
    fn asks(size: &PageSize, limit: usize, pages: usize) -> Vec<usize> {
        let mut asked = Vec::new();
        for _ in 0..pages {
            let rows = size.get();
            asked.push(rows);
            if rows > limit {
                assert!(size.shrink(rows));
            } else {
                size.grow(rows);
            }
        }
        asked
    }

    #[test]
    fn it_halves_down_to_one_row_and_says_when_that_is_all() {
        let size = PageSize::new(10);
        assert_eq!(asks(&size, 1, 4), [10, 5, 2, 1]);
        assert!(!size.shrink(1));
        assert_eq!(size.get(), 1);
    }

    #[test]
    fn it_grows_again_up_to_the_largest() {
        let size = PageSize::new(1_000);
        assert_eq!(asks(&size, 300, 3), [1_000, 500, 250]);
        assert_eq!(
            asks(&size, 1_000, 7),
            [250, 500, 500, 1_000, 1_000, 1_000, 1_000]
        );
    }

    #[test]
    fn an_api_that_is_limited_for_good_costs_few_refused_requests() {
        let size = PageSize::new(1_000);
        let asked = asks(&size, 200, 1_000);
        let refused = asked.iter().filter(|rows| **rows > 200).count();
        // Three to get below 200; then after 2, 4, 8, ... 128 pages, and after each 128 more.
        assert!((8..=17).contains(&refused), "{refused}");
        let useful = asked.iter().filter(|rows| **rows == 125).count();
        assert_eq!(useful + refused, 1_000);
    }

    #[test]
    fn what_was_under_way_at_an_older_size_changes_nothing() {
        let size = PageSize::new(1_000);
        assert!(size.shrink(1_000) && size.shrink(500));
        assert!(size.shrink(1_000), "a smaller page can be asked for");
        assert_eq!(size.get(), 250);
        for _ in 0..10 {
            size.grow(100);
        }
        assert_eq!(size.get(), 250, "smaller pages say nothing of larger ones");
        assert_eq!(PageSize::new(0).get(), 1);
    }
}
