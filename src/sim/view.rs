//! Which rows the API shows at an instant, kept in order so that deep pages cost no sorting.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::attempt::Attempt;
use super::clock::second_of;
use super::rng::mix;
use super::world::World;

/// The rows shown at one instant, as positions in the world's attempts. Those are in order of
/// start, so a list of positions that ascends is a list of rows by start time.
#[derive(Debug, Default)]
pub(crate) struct View {
    now_ms: Option<i64>,
    /// How many of the world's attempts have been looked at.
    seen: usize,
    /// Rows still to be shown, soonest first.
    waiting: BinaryHeap<Reverse<(i64, u32)>>,
    region: Vec<u32>,
    by_function: Vec<Vec<u32>>,
}

/// What a request wants to see.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Positions of the functions; none for the whole region.
    pub(crate) functions: Option<Vec<u32>>,
    pub(crate) request_id: Option<String>,
    pub(crate) codes: Codes,
    pub(crate) sort: Sort,
    pub(crate) descending: bool,
    pub(crate) offset: usize,
    pub(crate) limit: usize,
    /// Rows that started before are gone.
    pub(crate) oldest_ms: i64,
    /// How far shown start times are ahead of real ones.
    pub(crate) skew_ms: i64,
    /// Order of rows that tie: shuffled by this number, or by real start.
    pub(crate) shuffle: Option<u64>,
}

/// Filter by return code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codes {
    Any,
    Zero,
    NotZero,
}

/// What rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    StartTime,
    FunctionName,
    RequestId,
    Duration,
    MemUsage,
}

/// A page of rows, and how many there are in all.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<Attempt>,
    pub(crate) total: usize,
}

/// The return code that a running row shows (API 3.0's code for it; v2 documents none).
pub(crate) const RUNNING_CODE: i32 = 2;

// === impl View ===

impl View {
    /// Shows what is to be seen at `now_ms`. Cheap as time goes on; going back starts anew.
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

    /// The page that `selection` asks for, at the instant of the last advance.
    pub(crate) fn select(&self, world: &World, selection: &Selection) -> Page {
        let rows = Rows {
            world,
            selection,
            now_ms: self.now_ms.unwrap_or(i64::MIN),
        };
        let merged;
        let shown: &[u32] = match selection.functions.as_deref() {
            None => &self.region,
            Some(&[one]) => self
                .by_function
                .get(one as usize)
                .map_or(&[], Vec::as_slice),
            Some(several) => {
                merged = self.merged(several);
                &merged
            }
        };
        let gone = shown.partition_point(|&at| rows.at(at).start_ms < selection.oldest_ms);
        rows.page(&shown[gone..])
    }

    fn merged(&self, functions: &[u32]) -> Vec<u32> {
        let mut all: Vec<u32> = functions
            .iter()
            .filter_map(|&function| self.by_function.get(function as usize))
            .flatten()
            .copied()
            .collect();
        all.sort_unstable();
        all
    }
}

/// Merges `fresh` into `list`, both ascending. Costs no more than the part of `list` behind the
/// first fresh row, which is short: rows arrive near the end.
fn merge(list: &mut Vec<u32>, fresh: &[u32]) {
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

// === impl Rows ===

/// A selection at work.
struct Rows<'a> {
    world: &'a World,
    selection: &'a Selection,
    now_ms: i64,
}

impl Rows<'_> {
    fn at(&self, position: u32) -> &Attempt {
        &self.world.attempts()[position as usize]
    }

    fn page(&self, shown: &[u32]) -> Page {
        let filtered;
        let matches = if self.takes_all() {
            shown
        } else {
            filtered = shown
                .iter()
                .copied()
                .filter(|&at| self.takes(at))
                .collect::<Vec<_>>();
            &filtered
        };
        let positions = match self.selection.sort {
            Sort::StartTime => self.by_start(matches),
            _ => self.by_value(matches.to_vec()),
        };
        Page {
            rows: positions
                .into_iter()
                .map(|at| self.at(at).clone())
                .collect(),
            total: matches.len(),
        }
    }

    fn takes_all(&self) -> bool {
        self.selection.request_id.is_none() && self.selection.codes == Codes::Any
    }

    fn takes(&self, position: u32) -> bool {
        let attempt = self.at(position);
        let code = if attempt.is_finished(self.now_ms) {
            attempt.ret_code
        } else {
            RUNNING_CODE
        };
        let code_fits = match self.selection.codes {
            Codes::Any => true,
            Codes::Zero => code == 0,
            Codes::NotZero => code != 0,
        };
        code_fits
            && self
                .selection
                .request_id
                .as_ref()
                .is_none_or(|id| *id == attempt.request_id_text())
    }

    /// The part of `count` rows in ascending order that makes up the page.
    fn range(&self, count: usize) -> std::ops::Range<usize> {
        let near = self.selection.offset.min(count);
        let far = near.saturating_add(self.selection.limit).min(count);
        if self.selection.descending {
            count - far..count - near
        } else {
            near..far
        }
    }

    fn by_start(&self, matches: &[u32]) -> Vec<u32> {
        let range = self.range(matches.len());
        let mut positions = match self.selection.shuffle {
            Some(salt) if !range.is_empty() => self.shuffled(matches, range, salt),
            _ => matches[range].to_vec(),
        };
        if self.selection.descending {
            positions.reverse();
        }
        positions
    }

    /// The rows of `range`, where the rows of each shown second stand in an order of their own.
    /// Whole seconds are shuffled before the page is cut out, so that a page is a part of one
    /// order of all rows.
    fn shuffled(&self, matches: &[u32], range: std::ops::Range<usize>, salt: u64) -> Vec<u32> {
        let second =
            |at: u32| second_of(self.at(at).start_ms.saturating_add(self.selection.skew_ms));
        let (first, last) = (second(matches[range.start]), second(matches[range.end - 1]));
        let from = matches.partition_point(|&at| second(at) < first);
        let to = matches.partition_point(|&at| second(at) <= last);
        let mut whole = matches[from..to].to_vec();
        whole.sort_by_key(|&at| (second(at), mix(salt, u64::from(at))));
        whole[range.start - from..range.end - from].to_vec()
    }

    /// Sorts all matches by a value that no list is kept for.
    fn by_value(&self, mut matches: Vec<u32>) -> Vec<u32> {
        let tie = |at: u32| {
            self.selection
                .shuffle
                .map_or(0, |salt| mix(salt, u64::from(at)))
        };
        match self.selection.sort {
            Sort::FunctionName => matches.sort_by_key(|&at| {
                let name = &self.world.functions()[self.at(at).function as usize].name;
                (name, tie(at), at)
            }),
            Sort::RequestId => {
                matches.sort_by_cached_key(|&at| (self.at(at).request_id_text(), tie(at), at));
            }
            Sort::MemUsage => {
                matches.sort_by_key(|&at| (self.when_finished(at, |a| a.mem_bytes), tie(at), at));
            }
            Sort::Duration | Sort::StartTime => {
                matches.sort_by_key(|&at| (self.when_finished(at, |a| a.duration_us), tie(at), at));
            }
        }
        let range = self.range(matches.len());
        let mut positions = matches[range].to_vec();
        if self.selection.descending {
            positions.reverse();
        }
        positions
    }

    /// A value that a running row shows as 0.
    fn when_finished(&self, position: u32, value: impl Fn(&Attempt) -> u64) -> u64 {
        let attempt = self.at(position);
        if attempt.is_finished(self.now_ms) {
            value(attempt)
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::faults::Faults;
    use crate::sim::settings::Settings;
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
            request_id: None,
            codes: Codes::Any,
            sort: Sort::StartTime,
            descending: false,
            offset: 0,
            limit: usize::MAX,
            oldest_ms: i64::MIN,
            skew_ms: 0,
            shuffle: None,
        }
    }

    /// What is shown, by definition.
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
    fn filters_and_other_orders() {
        let (world, now_ms) = world(120_000);
        let mut view = View::default();
        view.advance(&world, now_ms);
        let all = view.select(&world, &everything());
        let zero = view.select(
            &world,
            &Selection {
                codes: Codes::Zero,
                ..everything()
            },
        );
        let not_zero = view.select(
            &world,
            &Selection {
                codes: Codes::NotZero,
                ..everything()
            },
        );
        assert_eq!(zero.total + not_zero.total, all.total);
        assert!(
            zero.rows
                .iter()
                .all(|a| a.ret_code == 0 && a.visible_ms <= now_ms)
        );

        let longest = Selection {
            sort: Sort::Duration,
            descending: true,
            limit: 3,
            ..everything()
        };
        let mut durations: Vec<u64> = shown(&world, now_ms, None)
            .iter()
            .filter(|a| a.visible_ms <= now_ms)
            .map(|a| a.duration_us)
            .collect();
        durations.sort_unstable_by_key(|&d| std::cmp::Reverse(d));
        let page = view.select(&world, &longest);
        assert_eq!(page.total, all.total);
        let got: Vec<u64> = page.rows.iter().map(|a| a.duration_us).collect();
        assert_eq!(got, durations[..3]);

        let id = all.rows[5].request_id_text();
        let one = Selection {
            request_id: Some(id.clone()),
            ..everything()
        };
        let page = view.select(&world, &one);
        assert!(page.total >= 1 && page.rows.iter().all(|a| a.request_id_text() == id));

        let recent = Selection {
            oldest_ms: now_ms - 10_000,
            ..everything()
        };
        let page = view.select(&world, &recent);
        assert!(page.total > 0 && page.rows.iter().all(|a| a.start_ms >= now_ms - 10_000));
    }
}
