//! What happens in a story: one seed decides the world, the exporter's configurations and every
//! step. Only what the documents promise to survive is drawn, so that each story must end exact.

use std::fmt;
use std::time::Duration;

use scf_exporter::config::Api;
use scf_exporter::runtime::Random;
use scf_exporter::sim::Settings;

use super::draw;

/// Everything that decides a run.
#[derive(Clone)]
pub struct Story {
    pub seed: u64,
    /// The world and what is wrong with it.
    pub world: Settings,
    /// Who the exporter is to the cloud.
    pub keys: Keys,
    /// The first configuration.
    pub setup: Setup,
    pub steps: Vec<Step>,
    /// How long calls come in.
    pub traffic: Duration,
    /// Longest way of a request to the cloud, and of its answer back.
    pub latency: Duration,
    /// Time between two scrapes.
    pub scrape: Duration,
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
    /// One stream for many functions, where the API can.
    pub region: bool,
    pub page_size: usize,
    pub interval: u64,
    pub idle_interval: u64,
    pub sweep_interval: u64,
    pub discovery_interval: u64,
    pub requests_per_second: f64,
    pub in_flight: usize,
    pub stop_timeout: u64,
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
        let later = self.steps.iter().filter_map(|step| match step.what {
            Event::Restart { setup, .. } => Some(setup),
            _ => None,
        });
        std::iter::once(self.setup).chain(later)
    }

    /// Whether some exporter ends without being asked to.
    pub fn kills(&self) -> usize {
        let kill = |step: &&Step| match step.what {
            Event::Restart { end, .. } => end != End::Stop,
            _ => false,
        };
        self.steps.iter().filter(kill).count()
    }

    /// The story as numbered sentences.
    pub fn tell(&self) -> String {
        let mut sentences = self.world_in_words();
        sentences.push(format!("The exporter reads {}.", self.setup));
        let mut before = self.setup;
        for step in &self.steps {
            sentences.push(step.tell(&before));
            if let Event::Restart { setup, .. } = step.what {
                before = setup;
            }
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

    fn world_in_words(&self) -> Vec<String> {
        let world = &self.world;
        let faults = &world.faults;
        let mut told = vec![format!(
            "{} function(s) in {} namespace(s) and {} topic(s) are called {:.2} times a second, \
             each for up to {} s; rows appear within {} ms.",
            world.functions,
            world.namespaces,
            world.topics.max(1),
            world.rate_per_second,
            world.max_duration_ms / 1_000,
            faults.usual_delivery_ms,
        )];
        let mut say = |applies: bool, text: String| {
            if applies {
                told.push(text);
            }
        };
        say(
            faults.late_rows > 0.0,
            format!(
                "{:.0} % of the rows take up to {} ms to appear.",
                faults.late_rows * 100.0,
                faults.late_delivery_ms
            ),
        );
        for (part, what) in [
            (faults.throttle, "throttled"),
            (faults.errors, "answered by an error"),
            (faults.html, "answered by a gateway's page"),
            (faults.empty_body, "answered by nothing"),
            (faults.cut_body, "cut inside the answer"),
            (faults.slow_body, "answered slowly"),
        ] {
            say(
                part > 0.0,
                format!("{:.1} % of the requests are {what}.", part * 100.0),
            );
        }
        say(
            faults.running_rows > 0.0,
            "Rows are shown while they run.".into(),
        );
        say(
            faults.unstable_ties,
            "Rows of one second change places.".into(),
        );
        say(
            faults.duplicate_lines > 0.0,
            "Some log lines are stored twice.".into(),
        );
        say(
            faults.odd_fields > 0.0,
            "Some rows are written oddly.".into(),
        );
        say(
            faults.clock_skew_ms != 0,
            format!("The cloud's clock is {} ms ahead.", faults.clock_skew_ms),
        );
        say(
            world.burst_ms.is_some(),
            format!(
                "Calls come in bursts, every {} ms.",
                world.burst_ms.unwrap_or(0)
            ),
        );
        say(
            world.history_ms > 0,
            format!("Calls began {} s before.", world.history_ms / 1_000),
        );
        say(
            self.keys != Keys::Permanent,
            format!(
                "Keys ({:?}) end after {} s.",
                self.keys, world.role.lifetime_s
            ),
        );
        for life in &world.lives {
            let at = |ms: i64| (ms - world.start_ms) / 1_000;
            say(
                true,
                format!(
                    "Function {} is created at {} s, called until {} s and deleted at {} s.",
                    life.function,
                    at(life.created_ms).max(0),
                    at(life.abandoned_ms.min(self.end_ms())),
                    at(life.deleted_ms.min(self.end_ms() * 2)),
                ),
            );
        }
        told
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
             {} at once",
            self.api.as_str(),
            if self.region {
                "by region"
            } else {
                "by function"
            },
            self.page_size,
            self.interval,
            self.idle_interval,
            self.sweep_interval,
            self.discovery_interval,
            self.requests_per_second,
            self.in_flight,
        )
    }
}

fn short(span: Duration) -> String {
    match span.as_secs() {
        0..300 => format!("{:.3} s", span.as_secs_f64()),
        secs => format!("{} min {} s", secs / 60, secs % 60),
    }
}
