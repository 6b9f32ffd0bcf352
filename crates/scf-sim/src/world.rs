//! The world: attempts in order of their start, generated as time advances.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

use super::attempt::{Attempt, Call, Failure, ReplayTexts};
use super::function::{self, Function};
use super::replay::{ReplayLine, ReplayStart};
use super::rng::{Rng, mix};
use super::settings::Settings;

/// Functions and their attempts, independent of wire formats and requests.
pub(crate) struct World {
    settings: Arc<Settings>,
    functions: Arc<[Function]>,
    /// In order of start time; grows only at its end.
    attempts: Vec<Attempt>,
    generator: Option<Generator>,
}

/// Generates calls from the seed, one after another. Numbers are drawn in the order of the events,
/// so the steps in which time advances make no difference.
#[derive(Debug)]
struct Generator {
    arrivals: Rng,
    /// Milliseconds from the start of the world to the next arrival; `None` in a world without
    /// calls.
    next_arrival: Option<f64>,
    mean_gap_ms: f64,
    first_ms: i64,
    /// Start times are truncated to multiples of this.
    burst_ms: i64,
    calls: u64,
    /// Cumulative weights of the functions.
    shares: Vec<f64>,
    retries: BinaryHeap<Reverse<Call>>,
}

const ARRIVAL_KEY: u64 = 0xA111_0000_0000_0000;
const CHOICE_KEY: u64 = 2;
/// Probability that an arrival is a burst: several calls of one function at one time, so that rows
/// tie even in a quiet world.
const BURST_CHANCE: f64 = 0.03;
const BURST_EXTRA: (u64, u64) = (1, 5);
const MEAN_BURST_EXTRA: f64 = 3.0;
const MAX_RATE: f64 = 1_000_000.0;
/// Maximum number of attempts in memory (about 130 bytes each). No further calls start after that.
const MAX_ATTEMPTS: usize = 20_000_000;

// === impl World ===

impl World {
    /// Creates a world from the seed.
    pub(crate) fn generated(settings: Arc<Settings>) -> Self {
        let functions: Arc<[Function]> = function::generate(&settings).into();
        let generator = Generator::new(&settings, &functions);
        Self {
            settings,
            functions,
            attempts: Vec::new(),
            generator: Some(generator),
        }
    }

    /// Creates a world of these rows; its functions are in order of appearance.
    pub(crate) fn replayed(settings: Arc<Settings>, lines: Vec<ReplayLine>) -> Self {
        let mut functions = Vec::new();
        let mut known: HashMap<(String, String), u32> = HashMap::new();
        let mut attempts = Vec::with_capacity(lines.len());
        for (number, line) in lines.into_iter().enumerate() {
            let name = (line.namespace.clone(), line.function_name.clone());
            let function = *known.entry(name).or_insert_with(|| {
                functions.push(Function::plain(
                    &line.namespace,
                    &line.function_name,
                    functions.len(),
                    &settings,
                ));
                functions.len() as u32 - 1
            });
            attempts.push(replayed_attempt(number as u64, function, line, &settings));
        }
        attempts.sort_by_key(|attempt| attempt.start_ms);
        Self {
            settings,
            functions: functions.into(),
            attempts,
            generator: None,
        }
    }

    /// Generates everything that starts up to and including `now_ms`.
    pub(crate) fn advance(&mut self, now_ms: i64) {
        self.grow(now_ms, MAX_ATTEMPTS);
    }

    fn grow(&mut self, now_ms: i64, max_attempts: usize) {
        let Some(generator) = &mut self.generator else {
            return;
        };
        let stop_ms = self.settings.stop_ms.unwrap_or(i64::MAX);
        while self.attempts.len() < max_attempts
            && generator
                .next_start()
                .is_some_and(|start_ms| start_ms <= now_ms && start_ms < stop_ms)
        {
            generator.emit(&self.settings, &self.functions, &mut self.attempts);
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn functions(&self) -> &Arc<[Function]> {
        &self.functions
    }

    /// Returns the function of the attempt at `position`.
    pub(crate) fn function_of(&self, position: u32) -> &Function {
        &self.functions[self.attempts[position as usize].function as usize]
    }

    /// Returns all attempts so far in order of start time. A replay contains future ones too.
    pub(crate) fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }
}

fn replayed_attempt(number: u64, function: u32, line: ReplayLine, settings: &Settings) -> Attempt {
    let key = mix(settings.seed, number);
    let mut rng = Rng::keyed(key, 0);
    // This number decides nothing. It is drawn so that a seed keeps its world.
    let _ = rng.next_u64();
    let mut attempt = Attempt {
        function,
        request_id: 0,
        retry: line.retry,
        start_ms: match line.start {
            ReplayStart::Absolute(ms) => ms,
            ReplayStart::Offset(ms) => settings.start_ms.saturating_add(ms),
        },
        duration_us: line.duration_us,
        billed_ms: line.billed_ms,
        mem_bytes: line.mem_bytes,
        ret_code: line.ret_code,
        failure: match line.ret_code {
            0 => Failure::None,
            1 => Failure::UserCode,
            _ => Failure::UserCodeOld,
        },
        cold: false,
        oversized: false,
        shown_ms: 0,
        visible_ms: 0,
        key,
        replay_texts: Some(Arc::new(ReplayTexts {
            request_id: line.request_id,
            log: line.log,
        })),
    };
    attempt.place(line.visible_after_ms, settings, &mut rng);
    attempt
}

// === impl Generator ===

impl Generator {
    fn new(settings: &Settings, functions: &[Function]) -> Self {
        let mut sum = 0.0;
        let shares: Vec<f64> = functions
            .iter()
            .map(|function| {
                sum += function.habits.weight;
                sum
            })
            .collect();
        // `clamp` keeps a NaN, `min` would not.
        let rate = settings.rate_per_second.clamp(0.0, MAX_RATE);
        let silent = shares.is_empty() || rate.is_nan() || rate == 0.0;
        let mean_gap_ms = 1_000.0 * (1.0 + BURST_CHANCE * MEAN_BURST_EXTRA) / rate;
        let mut arrivals = Rng::keyed(settings.seed, ARRIVAL_KEY);
        Self {
            next_arrival: (!silent).then(|| arrivals.exponential(mean_gap_ms)),
            arrivals,
            mean_gap_ms,
            first_ms: settings.start_ms.saturating_sub(settings.history_ms),
            burst_ms: settings.burst_ms.unwrap_or(1).max(1),
            calls: 0,
            shares,
            retries: BinaryHeap::new(),
        }
    }

    fn arrival_ms(&self) -> Option<i64> {
        self.next_arrival.map(|offset| {
            let exact_ms = self.first_ms.saturating_add(offset as i64);
            let cut_ms = exact_ms.saturating_sub(exact_ms.rem_euclid(self.burst_ms));
            cut_ms.max(self.first_ms)
        })
    }

    /// Returns the start time of the next event.
    fn next_start(&self) -> Option<i64> {
        let retry = self.retries.peek().map(|Reverse(call)| call.start_ms);
        [self.arrival_ms(), retry].into_iter().flatten().min()
    }

    /// Generates the next event.
    fn emit(&mut self, settings: &Settings, functions: &[Function], out: &mut Vec<Attempt>) {
        let due = self.next_start();
        if self.retries.peek().map(|Reverse(call)| call.start_ms) == due
            && let Some(Reverse(call)) = self.retries.pop()
        {
            self.execute(call, settings, functions, out);
            return;
        }
        let Some(start_ms) = self.arrival_ms() else {
            return;
        };
        let burst = self.arrivals.chance(BURST_CHANCE);
        let extra = self.arrivals.between(BURST_EXTRA.0, BURST_EXTRA.1);
        let gap = self.arrivals.exponential(self.mean_gap_ms);
        self.next_arrival = self.next_arrival.map(|offset| offset + gap);
        let function = self.choose(settings.seed);
        for _ in 0..=if burst { extra } else { 0 } {
            let call = Call {
                start_ms,
                number: self.calls,
                retry: 0,
                function,
            };
            self.calls += 1;
            if functions[function as usize].life.is_called(start_ms) {
                self.execute(call, settings, functions, out);
            }
        }
    }

    /// Chooses the function of the next call by its weight.
    fn choose(&self, seed: u64) -> u32 {
        let total = self.shares.last().copied().unwrap_or(0.0);
        let at = Rng::keyed(mix(seed, self.calls), CHOICE_KEY).unit() * total;
        let index = self.shares.partition_point(|&share| share <= at);
        index.min(self.shares.len().saturating_sub(1)) as u32
    }

    fn execute(
        &mut self,
        call: Call,
        settings: &Settings,
        functions: &[Function],
        out: &mut Vec<Attempt>,
    ) {
        let function = &functions[call.function as usize];
        let attempt = Attempt::draw(call, function, settings);
        self.retries
            .extend(attempt.retry_call(call.number, function).map(Reverse));
        out.push(attempt);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::Faults;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn settings(seed: u64) -> Settings {
        Settings {
            rate_per_second: 50.0,
            faults: Faults::harsh(),
            ..Settings::new(seed)
        }
    }

    fn world(settings: Settings, steps: &[i64]) -> World {
        let mut world = World::generated(Arc::new(settings));
        for step in steps {
            world.advance(*step);
        }
        world
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn steps_of_time_make_no_difference(
            seed in any::<u64>(),
            mut steps in prop::collection::vec(0i64..200_000, 0..20),
        ) {
            let settings = settings(seed);
            let end = settings.start_ms + 200_000;
            steps.sort_unstable();
            let steps: Vec<i64> =
                steps.iter().map(|s| settings.start_ms + s).chain([end]).collect();
            let once = world(settings.clone(), &[end]);
            let stepwise = world(settings, &steps);
            prop_assert_eq!(once.attempts(), stepwise.attempts());
        }
    }

    #[test]
    fn attempts_are_in_order_and_about_as_many_as_asked() {
        let settings = settings(5);
        let (start, end) = (settings.start_ms, settings.start_ms + 600_000);
        let world = world(settings, &[end]);
        let attempts = world.attempts();
        assert!(attempts.is_sorted_by_key(|a| a.start_ms));
        assert!(attempts.iter().all(|a| (start..=end).contains(&a.start_ms)));
        let first = attempts.iter().filter(|a| a.retry == 0).count();
        assert!(
            (28_500..31_500).contains(&first),
            "{first} in 600 s at 50/s"
        );
        assert!(first < attempts.len(), "no retry in ten minutes");
        let mut pairs = attempts.windows(2);
        assert!(pairs.any(|w| (w[0].start_ms, w[0].function) == (w[1].start_ms, w[1].function)));
    }

    #[test]
    fn attempts_are_bounded() {
        assert_eq!(MAX_ATTEMPTS, 20_000_000);
        let mut world = world(settings(7), &[]);
        let end = world.settings.start_ms + 500_000;
        world.grow(end, 10);
        // The last arrival may be a burst.
        assert!((10..20).contains(&world.attempts().len()));
        world.advance(end);
        assert!(world.attempts().len() > 20_000);
    }

    #[test]
    fn bursts_share_their_start_and_the_instant_of_their_last_lines() {
        let settings = Settings {
            burst_ms: Some(1_000),
            ..settings(6)
        };
        let end = settings.start_ms + 100_000;
        let world = world(settings.clone(), &[end]);
        let attempts = world.attempts();
        assert!(attempts.len() > 4_000 && attempts.is_sorted_by_key(|a| a.start_ms));
        for attempt in attempts {
            assert!(attempt.retry > 0 || attempt.start_ms % 1_000 == 0);
            let logged_ms = attempt.logged_ms(&settings);
            assert!(logged_ms % 1_000 == 0 && logged_ms >= attempt.end_ms());
            assert!(attempt.visible_ms >= logged_ms);
        }
    }

    #[test]
    fn keys_of_attempts_are_unique() {
        let settings = settings(6);
        let end = settings.start_ms + 300_000;
        let world = world(settings, &[end]);
        let attempts = world.attempts().iter();
        let keys: HashSet<_> = attempts
            .map(|a| (a.request_id, a.start_ms / 1_000))
            .collect();
        assert_eq!(keys.len(), world.attempts().len());
    }

    #[test]
    fn stops_and_silent_worlds_stay_quiet() {
        let mut stopping = settings(7);
        let stop = stopping.start_ms + 10_000;
        stopping.stop_ms = Some(stop);
        let end = stopping.start_ms + 500_000;
        let stopped = world(stopping, &[end]);
        assert!(!stopped.attempts().is_empty());
        assert!(stopped.attempts().iter().all(|a| a.start_ms < stop));
        for (rate_per_second, functions) in [(0.0, 30), (-1.0, 30), (f64::NAN, 30), (50.0, 0)] {
            let quiet = Settings {
                rate_per_second,
                functions,
                ..settings(7)
            };
            assert!(world(quiet, &[end]).attempts().is_empty());
        }
    }

    #[test]
    fn history_lies_before_the_start() {
        let past = Settings {
            history_ms: 60_000,
            ..settings(8)
        };
        let start = past.start_ms;
        let world = world(past, &[start]);
        assert!(world.attempts().len() > 2_000);
        assert!(world.attempts()[0].start_ms >= start - 60_000);
    }
}
