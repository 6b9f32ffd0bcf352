//! The visible lines of each topic, in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::line::{self, Line, Written};
use crate::attempt::Attempt;
use crate::function;
use crate::settings::Settings;
use crate::view::merge;
use crate::world::World;

/// All lines of a world in two indexes: one of the few lines that counting readers search for, and
/// one of all lines, which is built on demand because a busy world has ten times as many.
#[derive(Debug)]
pub(crate) struct TopicIndexes {
    heads: TopicIndex,
    all: TopicIndex,
}

/// The lines of every topic that can be found at one time.
#[derive(Debug)]
struct TopicIndex {
    lines_of: fn(u32, &Attempt, &Settings) -> Vec<Written>,
    now_ms: Option<i64>,
    /// Number of the world's attempts that were processed.
    seen: usize,
    /// Lines that are not visible yet, soonest first.
    waiting: BinaryHeap<Reverse<(i64, Line)>>,
    topics: Vec<Vec<Line>>,
}

// === impl TopicIndexes ===

impl TopicIndexes {
    /// Returns the visible lines of a topic at `now_ms` in order: the heads, or all of them. This
    /// is cheap as time advances; going back rebuilds the index.
    pub(super) fn lines(
        &mut self,
        world: &World,
        now_ms: i64,
        topic: usize,
        heads_only: bool,
    ) -> &[Line] {
        let topic_index = if heads_only {
            &mut self.heads
        } else {
            &mut self.all
        };
        topic_index.advance(world, now_ms);
        topic_index.topics.get(topic).map_or(&[], Vec::as_slice)
    }
}

impl Default for TopicIndexes {
    fn default() -> Self {
        Self {
            heads: TopicIndex::of(line::heads),
            all: TopicIndex::of(line::all),
        }
    }
}

// === impl TopicIndex ===

impl TopicIndex {
    fn of(lines_of: fn(u32, &Attempt, &Settings) -> Vec<Written>) -> Self {
        Self {
            lines_of,
            now_ms: None,
            seen: 0,
            waiting: BinaryHeap::new(),
            topics: Vec::new(),
        }
    }

    fn advance(&mut self, world: &World, now_ms: i64) {
        if self.now_ms.is_some_and(|before| now_ms < before) {
            *self = Self::of(self.lines_of);
        }
        if self.now_ms == Some(now_ms) {
            return;
        }
        self.now_ms = Some(now_ms);
        let count = function::topic_count(world.settings());
        self.topics.resize_with(count, Vec::new);
        let mut fresh: Vec<Vec<Line>> = vec![Vec::new(); count];
        let mut put = |line: Line| {
            let attempt = &world.attempts()[line.attempt as usize];
            let topic = function::topic_of(attempt.function as usize, world.settings());
            fresh[topic].push(line);
        };
        while let Some(&Reverse((visible_ms, line))) = self.waiting.peek()
            && visible_ms <= now_ms
        {
            self.waiting.pop();
            put(line);
        }
        for (offset, attempt) in world.attempts()[self.seen..].iter().enumerate() {
            let position = (self.seen + offset) as u32;
            for written in (self.lines_of)(position, attempt, world.settings()) {
                if written.visible_ms <= now_ms {
                    put(written.line);
                } else {
                    let later = (written.visible_ms, written.line);
                    self.waiting.push(Reverse(later));
                }
            }
        }
        self.seen = world.attempts().len();
        for (list, mut fresh) in self.topics.iter_mut().zip(fresh) {
            fresh.sort_unstable();
            merge(list, &fresh);
        }
    }
}
