//! Counts of the recent past by equal cells of time.

use std::time::Duration;

use crate::model::Timestamp;

/// Number of cells: the minutes of an hour, or the seconds of a minute.
pub const CELLS: usize = 60;

/// Counts of the last [`CELLS`] cells of time. It allocates nothing before the first count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// Length of a cell in milliseconds.
    cell: i64,
    /// Number since the epoch of the newest cell that has a count.
    newest: i64,
    /// Cells by their number modulo [`CELLS`], or empty.
    ring: Vec<Cell>,
}

/// Counts of one cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cell {
    /// All events.
    pub total: u32,
    /// Those that failed.
    pub failed: u32,
}

impl Recent {
    /// Returns the counts of an hour by minutes.
    pub fn hour() -> Self {
        Self::by(Duration::from_secs(60))
    }

    /// Returns the counts of a minute by seconds.
    pub fn minute() -> Self {
        Self::by(Duration::from_secs(1))
    }

    fn by(cell: Duration) -> Self {
        Self {
            cell: i64::try_from(cell.as_millis()).unwrap_or(i64::MAX).max(1),
            newest: 0,
            ring: Vec::new(),
        }
    }

    /// Adds counts of the time `at`. Times older than the ring are left out, and times after `now` count
    /// as `now`, so that a clock that is ahead does not evict the past.
    pub fn add(&mut self, now: Timestamp, at: Timestamp, count: Cell) {
        let number = self.number(at.min(now));
        if self.number(now) - number >= CELLS as i64 {
            return;
        }
        if self.ring.is_empty() {
            self.ring = vec![Cell::default(); CELLS];
            self.newest = number;
        }
        // The cells in between are reused and had no counts.
        let passed = (number - self.newest).clamp(0, CELLS as i64);
        for between in 0..passed {
            let place = self.place(number - between);
            self.ring[place] = Cell::default();
        }
        self.newest = self.newest.max(number);
        if self.newest - number < CELLS as i64 {
            let place = self.place(number);
            self.ring[place].add(count);
        }
    }

    /// Returns the cells up to that of `now`, oldest first, or none where all are zero.
    pub fn cells(&self, now: Timestamp) -> Vec<Cell> {
        let last = self.number(now);
        let of = |number: i64| {
            let kept = number <= self.newest && self.newest - number < CELLS as i64;
            self.ring.get(self.place(number)).copied().filter(|_| kept)
        };
        let first = last - (CELLS as i64 - 1);
        let cells = (first..=last).map(of);
        let cells: Vec<Cell> = cells.map(Option::unwrap_or_default).collect();
        if cells.iter().all(|cell| cell.total == 0) {
            return Vec::new();
        }
        cells
    }

    /// Returns the sum of [`Self::cells`].
    pub fn sum(&self, now: Timestamp) -> Cell {
        let mut sum = Cell::default();
        for cell in self.cells(now) {
            sum.add(cell);
        }
        sum
    }

    fn number(&self, at: Timestamp) -> i64 {
        at.as_millis().div_euclid(self.cell)
    }

    fn place(&self, number: i64) -> usize {
        number.rem_euclid(CELLS as i64) as usize
    }
}

impl Cell {
    /// Adds other counts.
    pub fn add(&mut self, other: Self) {
        self.total = self.total.saturating_add(other.total);
        self.failed = self.failed.saturating_add(other.failed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const ONE: Cell = Cell {
        total: 1,
        failed: 0,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn totals(recent: &Recent, now: i64) -> Vec<u32> {
        recent.cells(at(now)).iter().map(|c| c.total).collect()
    }

    #[test]
    fn the_newest_cell_is_the_last_one_and_all_move_on_with_time() {
        let mut recent = Recent::hour();
        assert!(totals(&recent, 36_000).is_empty());
        recent.add(at(36_000), at(36_000), ONE);
        recent.add(at(36_000), at(35_999), ONE);
        recent.add(at(36_000), at(35_941), ONE);
        let shown = totals(&recent, 36_059);
        assert_eq!((shown.len(), &shown[57..]), (60, &[0, 2, 1][..]));
        let shown = totals(&recent, 36_060 + 57 * 60);
        assert_eq!(shown[..3], [2, 1, 0]);
        assert!(totals(&recent, 36_060 + 60 * 60).is_empty());
    }

    #[test]
    fn what_is_too_old_or_ahead_does_not_disturb_the_rest() {
        let mut recent = Recent::minute();
        recent.add(at(1_000), at(999), ONE);
        recent.add(at(1_000), at(100), ONE);
        recent.add(at(1_000), at(99_999), ONE);
        assert_eq!(totals(&recent, 1_000)[58..], [1, 1]);
        assert_eq!(recent.sum(at(1_000)).total, 2);
    }

    proptest! {
        /// Compares with a map of all cells.
        #[test]
        fn the_ring_shows_what_a_map_would(
            steps in prop::collection::vec((0i64..20, 0i64..100, 0u32..3, 0u32..3), 1..200),
        ) {
            let (mut recent, mut map) = (Recent::minute(), BTreeMap::<i64, Cell>::new());
            let mut now = 5_000;
            for (step, age, good, failed) in steps {
                now += step;
                let count = Cell { total: good + failed, failed };
                recent.add(at(now), at(now - age), count);
                if age < 60 {
                    map.entry(now - age).or_default().add(count);
                }
                let shown = (now - 59..=now).map(|n| map.get(&n).copied().unwrap_or_default());
                let shown: Vec<Cell> = shown.collect();
                let nothing = shown.iter().all(|cell| cell.total == 0);
                let expected = if nothing { Vec::new() } else { shown };
                prop_assert_eq!(recent.cells(at(now)), expected);
            }
        }
    }
}
