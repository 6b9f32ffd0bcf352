//! Calls, one by one, out of a day by the minute; and the cloud in which they happen.

use std::collections::BTreeMap;

use scf_exporter::runtime::Random;
use scf_exporter::sim::{Cloud, Faults, ReplayLine, ReplayStart, Settings};

use super::trace::{Day, Function, MINUTES};

/// Calls a day, whatever the number of functions.
const CALLS_A_DAY: f64 = 1_000_000.0;
/// Minutes before the measured stretch: the exporter finds its pace, and the longest call of the
/// day (675 s) may be under way as the stretch begins.
pub const WARM_UP_MINUTES: usize = 30;
const MINUTE_MS: i64 = 60_000;
/// The longest run time that functions are configured for.
const TIMEOUT_MS: u64 = 900_000;
const SEED: u64 = 400;

/// One call.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    pub function: u32,
    /// Since the start of the simulation, as all instants here.
    pub start_ms: i64,
    pub run_us: u64,
    /// From its end to its row.
    pub delivery_ms: u64,
}

/// Everything that happens in one stretch of the day.
pub struct Traffic {
    pub functions: usize,
    pub calls: Vec<Call>,
    /// The stretch that is measured.
    pub from_ms: i64,
    pub to_ms: i64,
    /// How often a call of the day happens here.
    pub scale: f64,
}

// === impl Call ===

impl Call {
    /// When its finished row appears.
    pub fn visible_ms(&self) -> i64 {
        self.start_ms + self.run_us.div_ceil(1_000) as i64 + self.delivery_ms as i64
    }
}

// === impl Traffic ===

impl Traffic {
    /// `functions` of the day over `minutes` minutes: its busiest ones, or the whole of it.
    pub fn new(day: &Day, functions: usize, minutes: usize) -> Self {
        let random = Random::seeded(SEED ^ functions as u64);
        let chosen = choose(day, functions, &random);
        let scale = CALLS_A_DAY / chosen.iter().map(Function::calls).sum::<f64>();
        let first = busiest(day, minutes) + MINUTES - WARM_UP_MINUTES;
        let mut calls = Vec::new();
        for (at, function) in chosen.iter().enumerate() {
            for minute in 0..WARM_UP_MINUTES + minutes {
                let expected = function.minutes[(first + minute) % MINUTES] * scale;
                for _ in 0..drawn(expected, &random) {
                    calls.push(call(at as u32, minute as i64, function, &random));
                }
            }
        }
        Self {
            functions,
            calls,
            from_ms: WARM_UP_MINUTES as i64 * MINUTE_MS,
            to_ms: (WARM_UP_MINUTES + minutes) as i64 * MINUTE_MS,
            scale,
        }
    }

    /// A cloud of exactly these calls. Nothing fails in it, but a third of the calls are shown
    /// while they run, and rows appear up to five seconds late, as on a usual day.
    pub fn cloud(&self) -> Cloud {
        let settings = Settings {
            functions: self.functions,
            max_duration_ms: TIMEOUT_MS,
            faults: Faults {
                running_rows: Faults::typical().running_rows,
                ..Faults::none()
            },
            ..Settings::new(SEED)
        };
        let mut lines: Vec<ReplayLine> = (0..).zip(&self.calls).map(line).collect();
        lines.extend(self.idle());
        Cloud::with_replay(settings, lines)
    }

    /// Calls a second by function, over the stretch.
    pub fn rates(&self) -> Vec<f64> {
        let mut calls = vec![0.0; self.functions];
        let seconds = (self.to_ms - self.from_ms) as f64 / 1_000.0;
        let measured = self.from_ms..self.to_ms;
        for call in &self.calls {
            if measured.contains(&call.start_ms) {
                calls[call.function as usize] += 1.0 / seconds;
            }
        }
        calls
    }

    /// The instant at which the simulation starts, Unix milliseconds.
    pub fn cloud_start_ms(&self) -> i64 {
        Settings::new(SEED).start_ms
    }

    /// Says what it is made of.
    pub fn tell(&self) {
        let shares = [15, 30, 60, 300].map(|seconds| {
            let percent = self.longer_than(seconds) * 100.0;
            format!("{percent:.2} % beyond {seconds} s")
        });
        println!(
            "{} functions: {} calls, the day's times {:.2}; run times: {}",
            self.functions,
            self.calls.len(),
            self.scale,
            shares.join(", ")
        );
    }

    /// The share of the calls that run longer than so many seconds.
    fn longer_than(&self, seconds: u64) -> f64 {
        let long = self
            .calls
            .iter()
            .filter(|call| call.run_us > seconds * 1_000_000);
        long.count() as f64 / self.calls.len() as f64
    }

    /// A replayed world knows only functions that are called: those that are not in this stretch
    /// are called when it is long over.
    fn idle(&self) -> impl Iterator<Item = ReplayLine> {
        let mut idle: BTreeMap<u32, Call> = (0..self.functions as u32)
            .map(|function| {
                let start_ms = self.to_ms * 10;
                let call = Call {
                    function,
                    start_ms,
                    run_us: 1_000,
                    delivery_ms: 0,
                };
                (function, call)
            })
            .collect();
        for call in &self.calls {
            idle.remove(&call.function);
        }
        let first = self.calls.len() as u32;
        let idle: Vec<Call> = idle.into_values().collect();
        (first..).zip(idle).map(|(id, call)| line((id, &call)))
    }
}

/// The name of a function.
pub fn name_of(function: u32) -> String {
    format!("f{function:05}")
}

/// Functions evenly by rank; more than there are come again, their minutes shuffled within each
/// hour, so that copies do not burst together.
fn choose(day: &Day, functions: usize, random: &Random) -> Vec<Function> {
    let all = &day.functions;
    let (copies, rest) = (functions / all.len(), functions % all.len());
    let mut chosen = Vec::new();
    for copy in 0..=copies {
        let wanted = if copy < copies { all.len() } else { rest };
        for at in 0..wanted {
            let mut function = all[(2 * at + 1) * all.len() / (2 * wanted)].clone();
            if copy > 0 {
                function
                    .minutes
                    .chunks_mut(60)
                    .for_each(|hour| shuffle(hour, random));
            }
            chosen.push(function);
        }
    }
    chosen
}

/// The first of the busiest minutes in a row.
fn busiest(day: &Day, minutes: usize) -> usize {
    let all = |minute: usize| day.functions.iter().map(|f| f.minutes[minute]).sum::<f64>();
    let sums: Vec<f64> = (0..MINUTES).map(all).collect();
    let firsts = sums
        .windows(minutes)
        .map(|stretch| stretch.iter().sum::<f64>());
    let best = firsts.enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.map_or(0, |(first, _)| first)
}

/// A whole number of this mean, which is never further from it than one.
fn drawn(mean: f64, random: &Random) -> u64 {
    mean as u64 + u64::from(random.unit() < mean.fract())
}

fn call(function: u32, minute: i64, of: &Function, random: &Random) -> Call {
    let usual_ms = Faults::typical().usual_delivery_ms;
    Call {
        function,
        start_ms: minute * MINUTE_MS + (random.unit() * MINUTE_MS as f64) as i64,
        run_us: (of.run_ms(random.unit()) * 1_000.0) as u64,
        delivery_ms: (random.unit() * (usual_ms + 1) as f64) as u64,
    }
}

fn shuffle(values: &mut [f64], random: &Random) {
    for at in (1..values.len()).rev() {
        values.swap(at, (random.next_u64() % (at as u64 + 1)) as usize);
    }
}

fn line((id, call): (u32, &Call)) -> ReplayLine {
    ReplayLine {
        function_name: name_of(call.function),
        namespace: "default".to_owned(),
        request_id: super::cloud::request_id(id),
        retry: 0,
        start: ReplayStart::Offset(call.start_ms),
        duration_us: call.run_us,
        billed_ms: call.run_us.div_ceil(1_000),
        mem_bytes: 64 << 20,
        ret_code: 0,
        visible_after_ms: call.delivery_ms,
        log: String::new(),
    }
}
