//! The functions of the simulated world.

use std::collections::HashSet;

use super::rng::{Rng, mix, uuid_text, uuid_v4};
use super::settings::{Life, Settings};

/// A function as the cloud describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Function {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) runtime: &'static str,
    pub(crate) memory_mb: u32,
    pub(crate) timeout_ms: u64,
    pub(crate) added_ms: i64,
    pub(crate) modified_ms: i64,
    /// Id of its log topic; empty if it has none.
    pub(crate) topic_id: String,
    pub(crate) habits: Habits,
    pub(crate) life: Life,
}

/// How a function behaves.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Habits {
    /// Share of the world's calls, relative to the other functions.
    pub(crate) weight: f64,
    pub(crate) median_ms: f64,
    pub(crate) sigma: f64,
    pub(crate) failure_rate: f64,
    pub(crate) cold_rate: f64,
    /// Set if it is called asynchronously, so that failed executions are retried.
    pub(crate) asynchronous: bool,
    /// Usual memory use as a fraction of the configured memory.
    pub(crate) memory_share: f64,
}

/// Random streams of functions, which must differ from those of calls.
const FUNCTION_KEY: u64 = 0xF00D_0000_0000_0000;
const MAX_FUNCTIONS: usize = 100_000;
const TOPIC_KEY: u64 = 0x70_91C0_0000_0000;
const MAX_TOPICS: usize = 1_000;
const DAY_MS: u64 = 86_400_000;

const FIRST_WORDS: [&str; 20] = [
    "checkout", "order", "img", "user", "mail", "invoice", "thumb", "search", "stock", "audit",
    "wechat", "coupon", "report", "sync", "push", "login", "cart", "video", "price", "export",
];
const LAST_WORDS: [&str; 16] = [
    "api", "resize", "notify", "worker", "hook", "cron", "index", "upload", "clean", "import",
    "render", "relay", "check", "merge", "fetch", "bot",
];
const RUNTIMES: [&str; 6] = [
    "Python3.6",
    "Nodejs12.16",
    "Go1",
    "Java8",
    "Php7",
    "Python2.7",
];
const MEMORY_MB: [u32; 6] = [64, 128, 128, 256, 512, 1024];

/// Generates the functions of a world, in order of their share of the calls.
pub(crate) fn generate(settings: &Settings) -> Vec<Function> {
    let mut names = HashSet::new();
    (0..settings.functions.min(MAX_FUNCTIONS))
        .map(|rank| {
            let mut rng = Rng::keyed(settings.seed, FUNCTION_KEY | rank as u64);
            let name = unique_name(&mut rng, &mut names);
            draw(rank, name, settings, &mut rng)
        })
        .collect()
}

/// Returns those of `functions` that exist at `now_ms` and that `keep` holds for, by name.
pub(crate) fn listed(
    functions: &[Function],
    now_ms: i64,
    keep: impl Fn(&Function) -> bool,
) -> Vec<&Function> {
    let there = functions.iter().filter(|f| f.life.is_there(now_ms));
    let mut listed: Vec<&Function> = there.filter(|f| keep(f)).collect();
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    listed
}

fn draw(rank: usize, name: String, settings: &Settings, rng: &mut Rng) -> Function {
    let life = life_of(rank, settings);
    let before_ms = settings.start_ms - rng.between(30 * DAY_MS, 900 * DAY_MS) as i64;
    let added_ms = before_ms.max(life.created_ms);
    Function {
        namespace: namespace_of(rank, settings),
        name,
        runtime: rng.pick(&RUNTIMES),
        memory_mb: rng.pick(&MEMORY_MB),
        timeout_ms: settings.max_duration_ms,
        added_ms,
        modified_ms: added_ms.max(before_ms + rng.between(0, 29 * DAY_MS) as i64),
        topic_id: topic_id(topic_of(rank, settings), settings),
        habits: Habits::draw(rank, rng),
        life,
    }
}

fn life_of(rank: usize, settings: &Settings) -> Life {
    let mut lives = settings.lives.iter();
    lives
        .find(|life| life.function == rank)
        .copied()
        .unwrap_or(Life::ALWAYS)
}

/// Returns the number of log topics, at least one.
pub(crate) fn topic_count(settings: &Settings) -> usize {
    shared_topics(settings) + settings.lives.len() * usize::from(settings.own_topics)
}

/// Returns the number of shared log topics.
fn shared_topics(settings: &Settings) -> usize {
    settings.topics.clamp(1, MAX_TOPICS)
}

/// Returns the log topic of the function at `position`, for generated worlds and replays.
pub(crate) fn topic_of(position: usize, settings: &Settings) -> usize {
    let shared = shared_topics(settings);
    let mut lives = settings.lives.iter();
    match lives.position(|life| life.function == position) {
        Some(own) if settings.own_topics => shared + own,
        _ => position % shared,
    }
}

/// Returns the id of a log topic, which is a UUID as the vendor's are.
pub(crate) fn topic_id(topic: usize, settings: &Settings) -> String {
    uuid_text(uuid_v4(mix(settings.seed, TOPIC_KEY | topic as u64)))
}

/// Returns the namespace of a function. Each namespace covers all topics in turn, so that topics
/// and namespaces cross.
fn namespace_of(rank: usize, settings: &Settings) -> String {
    match (rank / shared_topics(settings)) % settings.namespaces.max(1) {
        0 => "default".to_owned(),
        n => format!("team-{n}"),
    }
}

/// Returns a unique name in one of the styles seen in the field.
fn unique_name(rng: &mut Rng, taken: &mut HashSet<String>) -> String {
    let (first, last) = (rng.pick(&FIRST_WORDS), rng.pick(&LAST_WORDS));
    let base = match rng.below(4) {
        0 => format!("{first}-{last}"),
        1 => format!("{first}_{last}"),
        2 => format!("{first}{}", rng.between(2, 99)),
        _ => format!("{first}{}{}", last[..1].to_uppercase(), &last[1..]),
    };
    let mut name = base.clone();
    let mut number = 0;
    while !taken.insert(name.clone()) {
        number += 1;
        name = format!("{base}-{number}");
    }
    name
}

// === impl Function ===

impl Function {
    /// Creates a function of which only the name is known, as in a replay.
    pub(crate) fn plain(namespace: &str, name: &str, position: usize, settings: &Settings) -> Self {
        Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            runtime: RUNTIMES[0],
            memory_mb: 128,
            timeout_ms: settings.max_duration_ms,
            added_ms: settings.start_ms - DAY_MS as i64,
            modified_ms: settings.start_ms - DAY_MS as i64,
            topic_id: topic_id(topic_of(position, settings), settings),
            habits: Habits::default(),
            life: Life::ALWAYS,
        }
    }
}

// === impl Habits ===

impl Habits {
    /// Draws the share by Zipf's law. Every tenth function is mostly idle.
    fn draw(rank: usize, rng: &mut Rng) -> Self {
        let idle = rank % 10 == 9;
        let troubled = rng.unit();
        Self {
            weight: ((rank + 1) as f64).powf(-0.9) * if idle { 0.03 } else { 1.0 },
            median_ms: 2.0 * 400f64.powf(rng.unit()),
            sigma: 0.3 + 0.7 * rng.unit(),
            failure_rate: match troubled {
                t if t < 0.6 => 0.002,
                t if t < 0.9 => 0.02,
                _ => 0.15,
            },
            cold_rate: if idle { 0.5 } else { 0.01 + 0.04 * rng.unit() },
            asynchronous: rng.chance(0.3),
            memory_share: 0.1 + 0.6 * rng.unit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_mixed_in_style() {
        let settings = Settings {
            functions: 3_000,
            ..Settings::new(3)
        };
        let functions = generate(&settings);
        let names: HashSet<&str> = functions.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names.len(), 3_000);
        assert!(names.iter().all(|n| !n.is_empty() && n.len() <= 60));
        let has_number = |name: &&str| name.ends_with(|c: char| c.is_ascii_digit());
        assert!(names.iter().any(|n| n.contains('_')) && names.iter().any(has_number));
    }

    #[test]
    fn topics_and_namespaces_cross() {
        let spread = Settings {
            functions: 40,
            topics: 3,
            namespaces: 2,
            ..Settings::new(3)
        };
        let functions = generate(&spread);
        let pair = |f: &Function| (f.topic_id.clone(), f.namespace.clone());
        let pairs: HashSet<_> = functions.iter().map(pair).collect();
        assert_eq!(pairs.len(), 6);
        let shared = generate(&Settings {
            functions: 40,
            ..Settings::new(3)
        });
        assert!(shared.iter().all(|f| f.namespace == "default"
            && f.topic_id == shared[0].topic_id
            && f.topic_id.len() == 36));
    }

    #[test]
    fn a_function_that_comes_and_goes_may_have_a_topic_of_its_own() {
        let life = Life {
            function: 4,
            deleted_ms: 10,
            returns_ms: 20,
            ..Life::ALWAYS
        };
        let there = [9, 10, 19, 20].map(|now_ms| life.is_there(now_ms));
        assert_eq!(there, [true, false, false, true]);
        let settings = Settings {
            functions: 9,
            topics: 2,
            lives: vec![life],
            own_topics: true,
            ..Settings::new(3)
        };
        let topics = (0..9).map(|position| topic_of(position, &settings));
        assert!(topics.eq([0, 1, 0, 1, 2, 1, 0, 1, 0]));
        assert_eq!(topic_count(&settings), 3);
    }

    #[test]
    fn the_first_functions_are_the_same_in_a_larger_world() {
        let [small, large] = [5, 50].map(|functions| {
            generate(&Settings {
                functions,
                ..Settings::new(3)
            })
        });
        assert_eq!(small[..], large[..5]);
    }
}
