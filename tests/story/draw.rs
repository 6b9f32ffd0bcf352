//! Drawing a story from a seed. Each knob is drawn by itself, so that rare ones meet.

mod answers;

use std::time::Duration;

use scf_exporter::config::{Api, Read};
use scf_sim::{Faults, Life, Order, Role, Settings, Windows, Wire};
use tencentcloud::runtime::Random;

use super::clock::{self, MachineClock};
use super::plan::{End, Event, Keys, Layout, Setup, Step, Story};
use super::rotate;

mod coming_and_going;

/// A retry comes a minute after the end of the attempt before it, and up to two seconds more.
const RETRY_GAP_S: u64 = 62;
/// What a function's last rows have beyond all known delays before the function is deleted.
const BEFORE_DELETION_S: u64 = 1_200;

struct Dice<'a>(&'a Random);

/// The story of a seed.
pub fn story(seed: u64, random: &Random) -> Story {
    let dice = Dice(random);
    let api = dice.pick(&[Api::V2, Api::V3, Api::V3, Api::Cls, Api::Cls]);
    let traffic = Duration::from_secs(dice.between(600, 5_400));
    let keys = dice.pick(&[
        Keys::Permanent,
        Keys::Permanent,
        Keys::Permanent,
        Keys::AssumedRole,
        Keys::MachineRole,
    ]);
    let setup = dice.setup(api);
    let reloads = Random::seeded(seed ^ 0x2E10_AD00_0000_0000);
    let answers = Random::seeded(seed ^ 0x0A45_3E25_0000_0000);
    let steps = dice.steps(traffic, setup);
    let mut story = Story {
        seed,
        world: dice.world(seed, api, traffic, keys),
        keys,
        rotations: Vec::new(),
        setup,
        steps,
        traffic,
        latency: Duration::from_millis(dice.pick(&[1, 20, 200, 1_500])),
        lost_contexts: dice.pick(&[0.0, 0.0, 0.2, 1.0]),
        wide_refused: dice.sometimes(0.5, || dice.refusal(traffic)),
        calm: None,
        scrape: Duration::from_secs(dice.pick(&[15, 60, 120])),
        request_timeout: 30,
        clock: MachineClock::default(),
        later_first_read: None,
        retention: None,
    };
    // Keys that end, by a wrong clock, before they are handed out cannot be told from dead ones.
    if story.world.faults.clock_skew_ms < 0 {
        story.world.role.lifetime_s += story.world.faults.clock_skew_ms.unsigned_abs() / 1_000;
    }
    story.world.stop_ms = Some(story.end_ms());
    dice.lives(&mut story);
    dice.zeros(&mut story);
    // By themselves, so that they move no other knob.
    Dice(&reloads).reloads(&mut story);
    Dice(&answers).answers(&mut story);
    Dice(&Random::seeded(seed ^ 0x0DD1_7000_0000_0000)).odd_wire(&mut story);
    clock::draw(&mut story, &Random::seeded(seed ^ 0xC10C_0000_0000_0000));
    Dice(&Random::seeded(seed ^ 0xCA13_0000_0000_0000)).calm(&mut story);
    rotate::draw(&mut story);
    slow_queries(&mut story);
    let comings = Random::seeded(seed ^ 0xC011_1265_0000_0000);
    Dice(&comings).comings(&mut story);
    // CLS tells whole milliseconds only.
    story.world.whole_ms |= !story.one_api();
    story
}

/// Queries of log topics that take their time, so that too many may be under way at once: by
/// itself, so that it moves no other knob.
fn slow_queries(story: &mut Story) {
    let random = Random::seeded(story.seed ^ 0x0C15_5000_0000_0000);
    let dice = Dice(&random);
    let query_ms = dice.sometimes(0.2, || dice.between(5, 1_500));
    story.world.cls.query_ms = query_ms.unwrap_or(0);
}

// === impl Dice: the world ===

impl Dice<'_> {
    fn world(&self, seed: u64, api: Api, traffic: Duration, keys: Keys) -> Settings {
        let burst_ms = self.sometimes(0.25, || self.pick(&[1_000, 5_000, 10_000]));
        let calls = self.between(100, 1_200) as f64;
        Settings {
            functions: self.between(1, 8) as usize,
            rate_per_second: calls / traffic.as_secs_f64(),
            faults: self.faults(keys),
            history_ms: self
                .sometimes(0.25, || self.between(1, 1_200_000))
                .unwrap_or(0) as i64,
            // v2 names no order inside a second: one that is wider than a page and changes its
            // order with every answer cannot be read for sure there, and this is said.
            max_page: match api {
                Api::V2 => self.pick(&[100, 1_000]),
                Api::V3 | Api::Cls => self.pick(&[20, 50, 100, 1_000]),
            },
            requests_per_second: self.sometimes(0.2, || self.between(3, 20) as f64),
            max_duration_ms: self.pick(&[3_000, 10_000, 30_000, 120_000]),
            log_bytes: (0, 60),
            wire: Wire {
                snake_case: self.chance(0.2),
                code_as_string: self.chance(0.2),
                default_order: self.pick(&[Order::Ascending, Order::Descending]),
                ..Wire::default()
            },
            // v2 knows no namespaces.
            namespaces: match api {
                Api::V2 => 1,
                Api::V3 | Api::Cls => self.between(1, 3) as usize,
            },
            topics: self.between(1, 3) as usize,
            whole_ms: self.chance(0.5),
            burst_ms,
            role: Role {
                lifetime_s: self.between(60, 1_800),
                ..Role::default()
            },
            ..Settings::new(seed)
        }
    }

    fn faults(&self, keys: Keys) -> Faults {
        let part = |often: f64, most: f64| self.sometimes(often, || self.0.unit() * most);
        let knob = |often, most| part(often, most).unwrap_or(0.0);
        let temporary = keys != Keys::Permanent;
        let windows = |most_s: u64| Windows {
            every_ms: self.between(60_000, 400_000) as i64,
            lasting_ms: self.between(500, most_s * 1_000) as i64,
        };
        Faults {
            throttle: knob(0.3, 0.15),
            errors: knob(0.3, 0.1),
            html: knob(0.2, 0.05),
            empty_body: knob(0.2, 0.03),
            sts_errors: if temporary { knob(0.4, 0.2) } else { 0.0 },
            metadata_errors: if temporary { knob(0.4, 0.2) } else { 0.0 },
            cut_body: knob(0.2, 0.05),
            slow_body: knob(0.3, 0.2),
            max_delay: Duration::from_millis(self.between(100, 8_000)),
            storms: self.sometimes(0.15, || windows(20)),
            outages: self.sometimes(0.15, || windows(20)),
            clock_skew_ms: self.sometimes(0.2, || self.skew_ms()).unwrap_or(0),
            usual_delivery_ms: self.between(200, 5_000),
            late_rows: knob(0.5, 0.3),
            late_delivery_ms: self.between(5_000, 60_000),
            running_rows: knob(0.6, 1.0),
            long_calls: 0.002 + knob(0.6, 0.2),
            unstable_ties: self.chance(0.6),
            odd_fields: knob(0.3, 0.05),
            duplicate_lines: knob(0.3, 0.05),
            ..Faults::none()
        }
    }

    fn skew_ms(&self) -> i64 {
        let ms = match self.between(0, 2) {
            0 => self.between(1, 3_000),
            1 => self.between(3_000, 290_000),
            _ => self.between(290_000, 1_800_000),
        };
        if self.chance(0.5) {
            ms as i64
        } else {
            -(ms as i64)
        }
    }

    /// Answers that are written oddly without losing anything.
    fn odd_wire(&self, story: &mut Story) {
        let knob = |most: f64| self.sometimes(0.3, || self.0.unit() * most).unwrap_or(0.0);
        let faults = &mut story.world.faults;
        faults.odd_scalars = knob(1.0);
        faults.odd_lines = knob(0.5);
    }

    /// Functions that are created late, or abandoned and deleted. One that is read by itself is
    /// read no more soon after it is gone from the list, so that its last calls have to be
    /// readable well before.
    fn lives(&self, story: &mut Story) {
        let functions = story.world.functions;
        if functions < 2 || !self.chance(0.35) {
            return;
        }
        let total_ms = story.traffic.as_millis() as u64;
        let at = |part: f64| story.world.start_ms + (total_ms as f64 * part) as i64;
        let steps: Duration = story.steps.iter().map(|step| step.what.trouble()).sum();
        let trouble = steps
            + story
                .wide_refused
                .map_or(Duration::ZERO, |(_, lasting)| lasting);
        let world = &story.world;
        let run_s = world.max_duration_ms / 1_000;
        let rest_s =
            2 * (RETRY_GAP_S + run_s) + world.longest_delay_ms() / 1_000 + BEFORE_DELETION_S;
        let rest_ms = (rest_s * 1_000) as i64 + 2 * trouble.as_millis() as i64;
        let mut lives = Vec::new();
        for function in 0..functions.min(3) {
            let created_ms = self.sometimes(0.5, || at(self.0.unit() * 0.8));
            let abandoned_ms = self.sometimes(0.5, || at(0.2 + self.0.unit() * 0.6));
            let life = Life {
                function,
                created_ms: created_ms.unwrap_or(i64::MIN),
                abandoned_ms: abandoned_ms.unwrap_or(i64::MAX),
                deleted_ms: abandoned_ms.map_or(i64::MAX, |ms| ms + rest_ms),
                ..Life::ALWAYS
            };
            if life.created_ms < life.abandoned_ms {
                lives.push(life);
            }
        }
        story.world.lives = lives;
    }
}

// === impl Dice: the exporter ===

impl Dice<'_> {
    fn setup(&self, api: Api) -> Setup {
        let interval = self.pick(&[10_u64, 15, 30, 60]);
        Setup {
            api,
            read: self.pick(&[Read::Auto, Read::Auto, Read::Function, Read::Region]),
            page_size: match api {
                Api::V2 => self.pick(&[100, 1_000]),
                Api::V3 => self.pick(&[20, 50, 100, 1_000]),
                Api::Cls => self.pick(&[10, 100, 1_000]),
            },
            interval,
            idle_interval: interval * self.between(1, 3),
            sweep_interval: self.between(20, 180),
            discovery_interval: self.pick(&[30, 60, 300]),
            requests_per_second: self.pick(&[3.0, 10.0, 100.0]),
            in_flight: self.pick(&[1, 2, 16]),
            stop_timeout: self.pick(&[1, 20, 60]),
            zero_first: 0,
            layout: Layout::One,
            name: 0,
            other_keys: false,
        }
    }

    fn steps(&self, traffic: Duration, first: Setup) -> Vec<Step> {
        let count = self.between(0, 7);
        let gap_s = 2 * traffic.as_secs() / (count + 1);
        let mut setup = first;
        let mut steps = Vec::new();
        for _ in 0..count {
            let after = Duration::from_millis(self.between(100, gap_s * 1_000));
            let what = self.event(&mut setup);
            steps.push(Step { after, what });
        }
        steps
    }

    /// When it begins, half the time with the story, so that there is time to try a stream again;
    /// and how long it lasts, which may be longer than that takes.
    fn refusal(&self, traffic: Duration) -> (Duration, Duration) {
        let secs = |least, most| Duration::from_secs(self.between(least, most));
        let after = secs(0, 2 * traffic.as_secs()).saturating_sub(traffic);
        (after, secs(10, 4_500))
    }

    /// A stretch in which rows have to be counted in time. Temporary keys are known to one cloud
    /// only.
    fn calm(&self, story: &mut Story) {
        let secs = |least, most| Duration::from_secs(self.between(least, most));
        let stretch = (secs(0, story.traffic.as_secs()), secs(600, 3_600));
        let is_calm = self.chance(0.8) && story.keys == Keys::Permanent;
        story.calm = Some(stretch).filter(|_| is_calm);
    }

    fn event(&self, setup: &mut Setup) -> Event {
        let ms = Duration::from_millis;
        match self.between(0, 9) {
            0 | 1 => Event::Outage(ms(if self.chance(0.15) {
                self.between(3_600_000, 10_800_000)
            } else {
                self.between(1_000, 900_000)
            })),
            2 => Event::Storm(ms(self.between(1_000, 600_000))),
            3 => Event::FullDisk(ms(self.between(1_000, 300_000))),
            _ => {
                if self.chance(0.5) {
                    let api = self.next_api(setup.api);
                    *setup = self.setup(api);
                }
                Event::Restart {
                    end: self.end(),
                    away: ms(if self.chance(0.1) {
                        self.between(60_000, 3_600_000)
                    } else {
                        self.between(0, 60_000)
                    }),
                    setup: *setup,
                }
            }
        }
    }

    /// For how long new series are at zero: in most stories the same from start to end.
    fn zeros(&self, story: &mut Story) {
        let draw = || self.pick(&[0, 20, 60, 150]);
        let mut zero_first = draw();
        story.setup.zero_first = zero_first;
        for step in &mut story.steps {
            if let Some(setup) = step.what.setup_mut() {
                zero_first = self.sometimes(0.15, draw).unwrap_or(zero_first);
                setup.zero_first = zero_first;
            }
        }
    }

    /// Steps at which a running exporter takes over another configuration, somewhere between the
    /// others.
    fn reloads(&self, story: &mut Story) {
        if !self.chance(0.6) {
            return;
        }
        let gap_ms = story.traffic.as_millis() as u64 / 3;
        for _ in 0..self.between(1, 5) {
            let at = self.between(0, story.steps.len() as u64) as usize;
            let longest = self.pick(&[2_000, 60_000, gap_ms]);
            let mut setups = story.setups();
            let before = setups.nth(story.setups_before(at)).unwrap_or(story.setup);
            drop(setups);
            let step = Step {
                after: Duration::from_millis(self.between(1, longest)),
                what: Event::Reload {
                    setup: self.reloaded(story, before),
                    cut: self.sometimes(0.25, || {
                        let after = Duration::from_millis(self.between(0, 4_000));
                        (after, self.pick(&[End::Stop, End::Kill]))
                    }),
                },
            };
            story.steps.insert(at, step);
        }
        let mut before = story.setup;
        for step in &mut story.steps {
            if let Some(setup) = step.what.setup_mut() {
                if setup.api == Api::V2 {
                    setup.api = before.api;
                }
                before = *setup;
            }
        }
    }

    /// What it may take over.
    fn reloaded(&self, story: &Story, before: Setup) -> Setup {
        let other = Setup {
            zero_first: self
                .sometimes(0.2, || self.pick(&[0, 20, 60, 150]))
                .unwrap_or(before.zero_first),
            ..self.setup(self.next_api(before.api))
        };
        // A function that is deleted while nobody reads it takes its last calls with it.
        let deletes = story.world.lives.iter().any(|l| l.deleted_ms < i64::MAX);
        let layouts: &[Layout] = match deletes {
            true => &[Layout::One, Layout::Two],
            false => &[Layout::One, Layout::Two, Layout::First],
        };
        Setup {
            layout: self.pick(layouts),
            name: self.pick(&[0, 0, 1, 2]),
            other_keys: self.chance(0.3),
            ..if self.chance(0.6) { other } else { before }
        }
    }

    /// Back to v2 is the one move that is not exact.
    fn next_api(&self, api: Api) -> Api {
        if self.chance(0.6) {
            return api;
        }
        self.pick(&[Api::V3, Api::Cls])
    }

    fn end(&self) -> End {
        let n = self.between(1, 6);
        match self.between(0, 9) {
            0..=2 => End::Stop,
            3 | 4 => End::Kill,
            5 | 6 => End::KillAtAnswer {
                n,
                then: self.between(0, 40),
            },
            7 => End::KillAtSync { n },
            _ => End::KillAtPublish { n },
        }
    }

    fn chance(&self, often: f64) -> bool {
        self.0.unit() < often
    }

    fn between(&self, least: u64, most: u64) -> u64 {
        least + self.0.next_u64() % (most - least + 1)
    }

    fn pick<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.between(0, choices.len() as u64 - 1) as usize]
    }

    fn sometimes<T>(&self, often: f64, draw: impl FnOnce() -> T) -> Option<T> {
        // Drawn in any case, so that one knob moves no other.
        let drawn = draw();
        self.chance(often).then_some(drawn)
    }
}
