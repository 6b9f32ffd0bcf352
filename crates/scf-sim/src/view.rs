//! The rows that the API shows at a time, kept in order so that deep pages need no sorting.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::page::{Page, Selection};
use super::world::World;

/// The rows that are visible at one time, as indexes into the world's attempts. Those are in order
/// of start time, so an ascending list of indexes is a list of rows by start time.
#[derive(Debug, Default)]
pub(crate) struct View {
    now_ms: Option<i64>,
    /// Number of the world's attempts that were processed.
    seen: usize,
    /// Rows that are not visible yet, soonest first.
    waiting: BinaryHeap<Reverse<(i64, u32)>>,
    region: Vec<u32>,
    by_function: Vec<Vec<u32>>,
}

// === impl View ===

impl View {
    /// Advances to `now_ms`. This is cheap as time advances; going back rebuilds the view.
    pub(crate) fn advance(&mut self, world: &World, now_ms: i64) {
        if self.now_ms.is_some_and(|before| now_ms < before) {
            *self = Self::default();
        }
        self.now_ms = Some(now_ms);
        self.by_function
            .resize_with(world.functions().len(), Vec::new);
        let attempts = world.attempts();
        for (offset, attempt) in attempts[self.seen..].iter().enumerate() {
            let position = (self.seen + offset) as u32;
            self.waiting.push(Reverse((attempt.shown_ms, position)));
        }
        self.seen = attempts.len();
        let mut fresh = self.take_due(now_ms);
        fresh.sort_unstable();
        merge(&mut self.region, &fresh);
        fresh.sort_unstable_by_key(|&at| (attempts[at as usize].function, at));
        for group in
            fresh.chunk_by(|&a, &b| attempts[a as usize].function == attempts[b as usize].function)
        {
            let function = attempts[group[0] as usize].function;
            merge(&mut self.by_function[function as usize], group);
        }
    }

    fn take_due(&mut self, now_ms: i64) -> Vec<u32> {
        let mut due = Vec::new();
        while let Some(&Reverse((shown_ms, position))) = self.waiting.peek()
            && shown_ms <= now_ms
        {
            self.waiting.pop();
            due.push(position);
        }
        due
    }

    /// Returns the page for `selection` at the time of the last advance.
    pub(crate) fn select(&self, world: &World, selection: &Selection) -> Page {
        let merged;
        let shown: &[u32] = match selection.functions.as_deref() {
            None => &self.region,
            Some(&[one]) => &self.by_function[one as usize],
            Some(several) => {
                merged = self.merged(several);
                &merged
            }
        };
        selection.page(world, shown)
    }

    fn merged(&self, functions: &[u32]) -> Vec<u32> {
        let rows = functions.iter().map(|&at| &self.by_function[at as usize]);
        let mut all: Vec<u32> = rows.flatten().copied().collect();
        all.sort_unstable();
        all
    }
}

/// Merges `fresh` into `list`; both are in ascending order. The cost is that of the part of `list`
/// after the first fresh row, which is short because rows arrive near the end.
pub(crate) fn merge<T: Ord + Copy>(list: &mut Vec<T>, fresh: &[T]) {
    let Some(&first) = fresh.first() else {
        return;
    };
    let tail = list.split_off(list.partition_point(|&at| at < first));
    list.reserve(tail.len() + fresh.len());
    let (mut old, mut new) = (
        tail.into_iter().peekable(),
        fresh.iter().copied().peekable(),
    );
    while let (Some(&a), Some(&b)) = (old.peek(), new.peek()) {
        list.extend(if a < b { old.next() } else { new.next() });
    }
    list.extend(old);
    list.extend(new);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Attempt;
    use crate::faults::Faults;
    use crate::settings::Settings;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn world(until_ms: i64) -> (World, i64) {
        let settings = Settings {
            rate_per_second: 40.0,
            faults: Faults::harsh(),
            ..Settings::new(77)
        };
        let now_ms = settings.start_ms + until_ms;
        let mut world = World::generated(Arc::new(settings));
        world.advance(now_ms);
        (world, now_ms)
    }

    fn everything() -> Selection {
        Selection {
            functions: None,
            namespace: None,
            descending: false,
            offset: 0,
            limit: usize::MAX,
            oldest_ms: i64::MIN,
            until_ms: i64::MAX,
            skew_ms: 0,
            shuffle: None,
        }
    }

    /// Computes the visible rows directly from their definition.
    fn shown(world: &World, now_ms: i64, function: Option<u32>) -> Vec<Attempt> {
        world
            .attempts()
            .iter()
            .filter(|a| a.shown_ms <= now_ms && function.is_none_or(|f| a.function == f))
            .cloned()
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn steps_forth_and_back_show_what_the_definition_shows(
            steps in prop::collection::vec(-1_000i64..140_000, 1..12),
        ) {
            let (_, end) = world(0);
            let (mut grown, _) = world(0);
            let mut view = View::default();
            for step in steps {
                let now_ms = end + step;
                grown.advance(now_ms);
                view.advance(&grown, now_ms);
                let page = view.select(&grown, &everything());
                prop_assert_eq!(page.rows, shown(&grown, now_ms, None));
                let one = Selection { functions: Some(vec![2]), ..everything() };
                prop_assert_eq!(view.select(&grown, &one).rows, shown(&grown, now_ms, Some(2)));
            }
        }

        #[test]
        fn pages_of_one_instant_cover_everything_once(
            limit in 1usize..700,
            descending: bool,
            shuffle in prop::option::of(any::<u64>()),
        ) {
            let (world, now_ms) = world(60_000);
            let mut view = View::default();
            view.advance(&world, now_ms);
            let mut rows = Vec::new();
            loop {
                let offset = rows.len();
                let selection =
                    Selection { limit, offset, descending, shuffle, ..everything() };
                let page = view.select(&world, &selection);
                if page.rows.is_empty() {
                    break;
                }
                rows.extend(page.rows);
            }
            let in_order = rows.is_sorted_by_key(|a| {
                let second = a.start_ms.div_euclid(1_000);
                if descending { -second } else { second }
            });
            prop_assert!(in_order);
            rows.sort_by_key(|a| a.key);
            let mut expected = shown(&world, now_ms, None);
            expected.sort_by_key(|a| a.key);
            prop_assert_eq!(rows, expected);
        }
    }

    #[test]
    fn shuffled_seconds_differ_between_requests() {
        let (world, now_ms) = world(60_000);
        let mut view = View::default();
        view.advance(&world, now_ms);
        let with = |salt| {
            let selection = Selection {
                shuffle: Some(salt),
                ..everything()
            };
            view.select(&world, &selection).rows
        };
        assert_ne!(with(1), with(2));
        assert_eq!(with(1), with(1));
    }

    #[test]
    fn old_rows_are_left_out() {
        let (world, now_ms) = world(120_000);
        let mut view = View::default();
        view.advance(&world, now_ms);
        let recent = Selection {
            oldest_ms: now_ms - 10_000,
            ..everything()
        };
        let page = view.select(&world, &recent);
        assert!(page.total > 0 && page.rows.iter().all(|a| a.start_ms >= now_ms - 10_000));
    }
}
