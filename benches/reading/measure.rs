//! What a reader did in the stretch: requests, polls, and when each row was counted.

use std::ops::Range;
use std::sync::Arc;

use super::cloud::{Gateway, Requests};
use super::traffic::Traffic;

/// When each call was counted, milliseconds since the start of the simulation.
pub struct Ledger {
    traffic: Arc<Traffic>,
    counted_ms: Vec<Option<i64>>,
    /// Rows counted so far.
    counted: usize,
    start: Mark,
    end: Mark,
}

/// Where the counters of a reader stand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark {
    pub requests: Requests,
    /// Reads of one target, from its first page to its last.
    pub polls: u64,
}

/// What a row of the table shows.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub logs: u64,
    pub others: u64,
    pub polls: u64,
    pub counted: usize,
    /// Milliseconds from visible to counted: median, 99th percentile, longest.
    pub waits_ms: [i64; 3],
    /// Rows that were visible and not counted when the stretch ended; their waits go on.
    pub waiting: usize,
}

// === impl Ledger ===

impl Ledger {
    pub fn new(traffic: Arc<Traffic>) -> Self {
        Self {
            counted_ms: vec![None; traffic.calls.len()],
            traffic,
            counted: 0,
            start: Mark::default(),
            end: Mark::default(),
        }
    }

    /// The instants of the stretch, each second of it, and its end.
    pub fn stretch_ms(&self) -> Range<i64> {
        self.traffic.from_ms..self.traffic.to_ms
    }

    /// Notes that at `now_ms` so many rows are counted. Rows are counted in the order in which
    /// they were handed out first: that is exact but for pages under way at one time.
    pub fn counted(&mut self, now_ms: i64, counted: usize, gateway: &Gateway) {
        for call in gateway.calls(self.counted, counted) {
            self.counted_ms[call as usize] = Some(now_ms);
        }
        self.counted = counted;
    }

    pub fn starts(&mut self, mark: Mark) {
        self.start = mark;
    }

    pub fn ends(&mut self, mark: Mark) {
        self.end = mark;
    }

    pub fn measured(&self) -> Measured {
        let stretch = self.stretch_ms();
        let mut waits = Vec::new();
        let (mut counted, mut waiting) = (0, 0);
        for (call, at) in self.traffic.calls.iter().zip(&self.counted_ms) {
            counted += usize::from(at.is_some_and(|at| stretch.contains(&at)));
            if stretch.contains(&call.visible_ms()) {
                waiting += usize::from(at.is_none());
                waits.push(at.unwrap_or(stretch.end) - call.visible_ms());
            }
        }
        waits.sort_unstable();
        let percentile = |part: f64| {
            let rank = (part * waits.len() as f64).ceil() as usize;
            waits.get(rank.max(1) - 1).copied().unwrap_or(0)
        };
        Measured {
            logs: self.end.requests.logs - self.start.requests.logs,
            others: self.end.requests.others - self.start.requests.others,
            polls: self.end.polls - self.start.polls,
            counted,
            waits_ms: [0.5, 0.99, 1.0].map(percentile),
            waiting,
        }
    }
}
