//! What happens in a story: one seed decides the world, the exporter's configurations and every
//! step. Only what the documents promise to survive is drawn, so that each story must end exact.

use std::fmt;
use std::time::Duration;

use scf_exporter::config::{Api, Read};
use scf_sim::Settings;
use tencentcloud::runtime::Random;

use super::clock::MachineClock;
use super::draw;
use super::rotate::Rotated;

mod tell;

pub use tell::said;

/// Everything that decides a run.
#[derive(Clone)]
pub struct Story {
    pub seed: u64,
    /// The world and what is wrong with it.
    pub world: Settings,
    /// Who the exporter is to the cloud.
    pub keys: Keys,
    /// The permanent key is replaced at these instants of the world, and so long after each the
    /// exporter's environment holds the new one.
    pub rotations: Vec<Rotated>,
    /// The first configuration.
    pub setup: Setup,
    pub steps: Vec<Step>,
    /// How long calls come in.
    pub traffic: Duration,
    /// Longest way of a request to the cloud, and of its answer back.
    pub latency: Duration,
    /// Part of the contexts of cls that are no longer known when they are used.
    pub lost_contexts: f64,
    /// After how long, and for how long, requests for the logs of many functions at once are
    /// refused; those of one function are answered.
    pub wide_refused: Option<(Duration, Duration)>,
    /// After how long, and for how long, nothing goes wrong with requests for rows.
    pub calm: Option<(Duration, Duration)>,
    /// Time between two scrapes.
    pub scrape: Duration,
    /// Most seconds that the exporter waits for one answer.
    pub request_timeout: u64,
    /// What the clock of the exporter's machine does.
    pub clock: MachineClock,
    /// How far back a target begins of which nothing is known, once there is a state, seconds; a day
    /// where that is not said.
    pub later_first_read: Option<u64>,
    /// How long the series of a function stay that is gone, seconds; longer than any story where that
    /// is not said.
    pub retention: Option<u64>,
}

/// Where the exporter's keys come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// The permanent ones.
    Permanent,
    /// A role on top of the permanent ones; its keys end soon.
    AssumedRole,
    /// The role of the machine; its keys end soon.
    MachineRole,
}

/// A configuration of the exporter. What the cloud decides (timeouts, delays) is in the world.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setup {
    pub api: Api,
    /// One stream for many functions or one for each; cls has topics, whatever this says.
    pub read: Read,
    pub page_size: usize,
    pub interval: u64,
    pub idle_interval: u64,
    pub sweep_interval: u64,
    pub discovery_interval: u64,
    pub requests_per_second: f64,
    pub in_flight: usize,
    pub stop_timeout: u64,
    /// For how long a new series is at zero, seconds.
    pub zero_first: u64,
    pub layout: Layout,
    /// What the sources are called.
    pub name: u8,
    /// The same keys from another place, or the same role under another name.
    pub other_keys: bool,
}

/// The sources that share what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One source reads all.
    One,
    /// Two read a part each.
    Two,
    /// Only the first of these two does; the other part waits until it is read again.
    First,
}

/// Something that happens so long after the step before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    pub after: Duration,
    pub what: Event,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// The cloud cannot be reached; the story goes on meanwhile.
    Outage(Duration),
    /// Every request is told to slow down.
    Storm(Duration),
    /// No room is left on the disk.
    FullDisk(Duration),
    /// The exporter ends and begins again.
    Restart {
        end: End,
        /// How long it is away.
        away: Duration,
        /// What it is configured as from then on.
        setup: Setup,
    },
    /// The exporter takes over another configuration.
    Reload {
        setup: Setup,
        /// Where it takes longer than that, it ends so in the middle of it and begins again.
        cut: Option<(Duration, End)>,
    },
}

/// How an exporter ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is asked to.
    Stop,
    /// At any instant.
    Kill,
    /// So many milliseconds after the `n`th answer from now.
    KillAtAnswer { n: u64, then: u64 },
    /// As soon as the `n`th change from now is on the disk, published or not.
    KillAtSync { n: u64 },
    /// As soon as the `n`th snapshot from now is published.
    KillAtPublish { n: u64 },
}

// === impl Story ===

impl Story {
    /// The story of a seed.
    pub fn of(seed: u64) -> Self {
        draw::story(seed, &Random::seeded(seed ^ 0x5702_7000_0000_0000))
    }

    /// The world, without anything wrong in what becomes of requests.
    pub fn calm_world(&self) -> Settings {
        let mut world = self.world.clone();
        let faults = &mut world.faults;
        (faults.throttle, faults.errors, faults.html) = (0.0, 0.0, 0.0);
        (faults.empty_body, faults.cut_body, faults.slow_body) = (0.0, 0.0, 0.0);
        (faults.storms, faults.outages) = (None, None);
        (faults.most_rows, faults.most_bytes, faults.cut_at) = (None, None, None);
        faults.row_delay = Duration::ZERO;
        world.requests_per_second = None;
        // Small answers leave most rows below the newest page. v2 cannot be read so for sure.
        if self.setups().all(|setup| setup.api != Api::V2) {
            world.max_page = 10;
        }
        world
    }

    /// Whether every answer has a date, and the right one.
    pub fn has_right_dates(&self) -> bool {
        let faults = &self.world.faults;
        faults.missing_dates == 0.0 && faults.wrong_dates == 0.0
    }

    /// The instant from which nothing is called any more, Unix milliseconds.
    pub fn end_ms(&self) -> i64 {
        self.world.start_ms + self.traffic.as_millis() as i64
    }

    /// Whether all rows come through one API from start to end.
    pub fn one_api(&self) -> bool {
        self.setups().all(|setup| setup.api == self.setup.api)
    }

    /// All configurations, in their order.
    pub fn setups(&self) -> impl Iterator<Item = Setup> {
        let later = self.steps.iter().filter_map(|step| step.what.setup());
        std::iter::once(self.setup).chain(later)
    }

    /// How many configurations there are before a step, the first one apart.
    pub fn setups_before(&self, step: usize) -> usize {
        let earlier = self.steps[..step].iter();
        earlier.filter(|step| step.what.setup().is_some()).count()
    }

    /// Whether some configuration is taken over by a running exporter.
    pub fn reloads(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| matches!(step.what, Event::Reload { .. }))
    }

    /// Whether some exporter ends without being asked to.
    pub fn kills(&self) -> usize {
        let kill = |step: &&Step| match step.what {
            Event::Restart { end, .. } => end != End::Stop,
            Event::Reload { cut, .. } => cut.is_some_and(|(_, end)| end != End::Stop),
            _ => false,
        };
        self.steps.iter().filter(kill).count()
    }

    /// The story as numbered sentences.
    pub fn tell(&self) -> String {
        let mut sentences = self.world_in_words();
        sentences.extend(self.wide_refused.map(|(after, lasting)| {
            format!(
                "After {} requests for many functions at once are refused for {}.",
                short(after),
                short(lasting)
            )
        }));
        sentences.extend(self.clock.tell(&self.world.faults));
        sentences.extend(self.calm.map(|(after, lasting)| {
            format!(
                "After {} nothing goes wrong with requests for rows for {}.",
                short(after),
                short(lasting)
            )
        }));
        sentences.push(format!("The exporter reads {}.", self.setup));
        let mut before = self.setup;
        for step in &self.steps {
            sentences.push(step.tell(&before));
            before = step.what.setup().unwrap_or(before);
        }
        sentences.push(format!(
            "After {} no more calls come, and the exporter has time to catch up.",
            short(self.traffic)
        ));
        let numbered = sentences.iter().enumerate();
        numbered
            .map(|(at, text)| format!("{:3}. {text}\n", at + 1))
            .collect()
    }
}

// === impl Step ===

impl Step {
    fn tell(&self, before: &Setup) -> String {
        let after = short(self.after);
        match self.what {
            Event::Outage(lasting) => {
                format!(
                    "{after} later the cloud is out of reach for {}.",
                    short(lasting)
                )
            }
            Event::Storm(lasting) => {
                format!(
                    "{after} later every request is throttled for {}.",
                    short(lasting)
                )
            }
            Event::FullDisk(lasting) => {
                format!("{after} later the disk is full for {}.", short(lasting))
            }
            Event::Restart { end, away, setup } => {
                let mut text = format!(
                    "{after} later the exporter {end}, is away for {}",
                    short(away)
                );
                if setup != *before {
                    text += &format!(", and then reads {setup}");
                }
                text + "."
            }
            Event::Reload { setup, cut } => {
                let mut text = format!("{after} later the exporter takes over: {setup}");
                if let Some((after, end)) = cut {
                    text += &format!(", and {end} if that takes {}", short(after));
                }
                text + "."
            }
        }
    }
}

// === impl Event ===

impl Event {
    /// For how long nothing can be read or kept.
    pub fn trouble(&self) -> Duration {
        match *self {
            Self::Outage(lasting) | Self::Storm(lasting) | Self::FullDisk(lasting) => lasting,
            Self::Restart { away, .. } => away,
            Self::Reload { .. } => Duration::ZERO,
        }
    }

    /// What the exporter is configured as from then on, where that is decided.
    pub fn setup(&self) -> Option<Setup> {
        match *self {
            Self::Restart { setup, .. } | Self::Reload { setup, .. } => Some(setup),
            _ => None,
        }
    }

    /// The same, to change it.
    pub fn setup_mut(&mut self) -> Option<&mut Setup> {
        match self {
            Self::Restart { setup, .. } | Self::Reload { setup, .. } => Some(setup),
            _ => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop => f.write_str("is stopped"),
            Self::Kill => f.write_str("is killed"),
            Self::KillAtAnswer { n, then } => {
                write!(f, "is killed {then} ms after the {n}. answer")
            }
            Self::KillAtSync { n } => write!(f, "is killed when the {n}. change is durable"),
            Self::KillAtPublish { n } => write!(f, "is killed when the {n}. change is published"),
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} in pages of {} every {} s (idle {} s, sweep {} s, list {} s) at {} requests/s, \
             {} at once, {} s at zero first{}{}{}",
            self.api.as_str(),
            match (self.api, self.read) {
                (Api::Cls, _) => "by topic",
                (_, Read::Auto) => "in the best way",
                (_, Read::Region) => "by region",
                (_, Read::Function) => "by function",
            },
            self.page_size,
            self.interval,
            self.idle_interval,
            self.sweep_interval,
            self.discovery_interval,
            self.requests_per_second,
            self.in_flight,
            self.zero_first,
            match self.layout {
                Layout::One => "",
                Layout::Two => ", by two sources",
                Layout::First => ", by the first of two sources",
            },
            if self.other_keys {
                ", with other keys"
            } else {
                ""
            },
            match self.name {
                0 => String::new(),
                name => format!(", under name {name}"),
            },
        )
    }
}

fn short(span: Duration) -> String {
    match span.as_secs() {
        0..300 => format!("{:.3} s", span.as_secs_f64()),
        secs => format!("{} min {} s", secs / 60, secs % 60),
    }
}
