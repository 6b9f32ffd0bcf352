//! Draws a row of counts as the outline of bars, which is the data of an SVG path.

use crate::telemetry::{CELLS, Cell};

/// Height of the picture in units of the SVG.
pub(super) const HEIGHT: u32 = 32;
/// Width of the picture in units of the SVG, one for each cell.
pub(super) const WIDTH: usize = CELLS;

/// The outlines of all counts and of the failed ones, on the same scale. An outline of zeros is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Spark {
    pub(super) total: String,
    pub(super) failed: String,
}

impl Spark {
    pub(super) fn of(cells: &[Cell]) -> Self {
        let most = cells.iter().map(|cell| cell.total).max().unwrap_or(0);
        Self {
            total: outline(cells.iter().map(|cell| cell.total), most),
            failed: outline(cells.iter().map(|cell| cell.failed), most),
        }
    }
}

/// Draws bars from left to right. A count above zero is at least one unit high.
fn outline(counts: impl Iterator<Item = u32>, most: u32) -> String {
    let heights = counts.map(|count| match count {
        0 => 0,
        count => (u64::from(count) * u64::from(HEIGHT) / u64::from(most)).max(1) as i64,
    });
    let mut path = String::new();
    let (mut height, mut run) = (0, 0);
    for next in heights.chain([0]) {
        if next != height {
            step(&mut path, run, height - next);
            (height, run) = (next, 0);
        }
        run += 1;
    }
    path
}

fn step(path: &mut String, run: usize, down: i64) {
    use std::fmt::Write;
    if path.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(path, "M{run} {HEIGHT}v{down}");
    } else {
        let _ = write!(path, "h{run}v{down}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(total: u32, failed: u32) -> Cell {
        Cell { total, failed }
    }

    #[test]
    fn bars_are_drawn_in_one_line_and_in_one_measure() {
        let spark = Spark::of(&[cell(0, 0), cell(8, 0), cell(8, 4), cell(4, 0)]);
        assert_eq!(spark.total, "M1 32v-32h2v16h1v16");
        assert_eq!(spark.failed, "M2 32v-16h1v16");
        assert_eq!(Spark::of(&[cell(0, 0)]), Spark::default());
        assert_eq!(Spark::of(&[]), Spark::default());
    }

    #[test]
    fn a_single_one_among_many_is_seen() {
        let spark = Spark::of(&[cell(u32::MAX, 1)]);
        assert_eq!(spark.total, "M0 32v-32h1v32");
        assert_eq!(spark.failed, "M0 32v-1h1v1");
    }
}
