//! What an exporter of a story is told: how the world is, no better and no worse.

use std::sync::Arc;
use std::time::Duration;

use scf_exporter::config::{
    Api, Config, CredentialsConfig, FunctionFilter, Overrides, Pattern, Read, Role, Source,
};
use scf_sim::Cloud;
use tencentcloud::runtime::Runtime;

use super::plan::{Keys, Layout, Setup, Story};
use super::rotate::Rotated;
use super::support::world::World;

const ROLE: &str = "qcs::cam::uin/100000000001:roleName/scf-reader";

impl Story {
    /// Longest run time, seconds.
    pub fn run_time_s(&self) -> u64 {
        self.world.max_duration_ms.div_ceil(1_000)
    }

    /// How late a row is at the most, seconds. A clock is learned to the second.
    pub fn delivery_s(&self) -> u64 {
        let world = &self.world;
        let burst_ms = world.burst_ms.unwrap_or(0).unsigned_abs();
        let learned = u64::from(world.faults.clock_skew_ms != 0) * 4;
        world.faults.max_delivery_ms().max(burst_ms).div_ceil(1_000) + learned
    }
}

/// The configuration of an exporter; `has_state` where it has read before.
pub fn config(
    story: &Story,
    setup: &Setup,
    cloud: &Arc<Cloud>,
    runtime: &Runtime,
    has_state: bool,
) -> Config {
    let secs = |secs: u64| Some(format!("{secs}s"));
    let first_read = story.later_first_read.filter(|_| has_state);
    let overrides = Overrides::default()
        .with("poll.interval", secs(setup.interval))
        .with("poll.idle_interval", secs(setup.idle_interval))
        .with("poll.sweep_interval", secs(setup.sweep_interval))
        .with("poll.discovery_interval", secs(setup.discovery_interval))
        .with("poll.first_read", secs(first_read.unwrap_or(86_400)))
        .with("series.retention", story.retention.and_then(secs))
        .with("poll.max_run_time", secs(story.run_time_s()))
        .with("poll.delivery_delay", secs(story.delivery_s()))
        .with("poll.page_size", Some(setup.page_size.to_string()))
        .with("poll.stop_timeout", secs(setup.stop_timeout))
        .with("web.zero_first", secs(setup.zero_first))
        .with(
            "limits.requests_per_second",
            Some(setup.requests_per_second.to_string()),
        )
        .with(
            "limits.requests_in_flight",
            Some(setup.in_flight.to_string()),
        )
        .with("limits.request_timeout", secs(story.request_timeout))
        .with("sources[].api", Some(setup.api.as_str().to_owned()))
        .with(
            "sources[].read",
            (setup.api != Api::Cls).then(|| setup.read.as_str().to_owned()),
        );
    let allowed_lateness = Duration::from_millis(cloud.longest_delay_ms());
    let world = World::over(cloud.clone(), runtime.clone(), allowed_lateness, overrides);
    let mut config = world.config;
    let source = &mut config.sources[0];
    source.name = format!("source-{}", setup.name);
    match story.keys {
        // From the environment, which can be read again.
        Keys::Permanent if setup.other_keys || !story.rotations.is_empty() => {
            source.credentials = CredentialsConfig::Chain;
        }
        Keys::Permanent => {}
        Keys::MachineRole => source.credentials = CredentialsConfig::Chain,
        Keys::AssumedRole => {
            if !story.rotations.is_empty() {
                source.credentials = CredentialsConfig::Chain;
            }
            source.role = Some(Role {
                arn: ROLE.to_owned(),
                session_name: format!("scf-exporter-{}", u8::from(setup.other_keys)),
                duration: Duration::from_secs(7_200),
                external_id: None,
            });
        }
    }
    if setup.layout != Layout::One
        && let Some((first, second)) = halves(source, cloud)
    {
        config.sources = match setup.layout {
            Layout::First => vec![first],
            _ => vec![first, second],
        };
    }
    config
}

/// What the exporter's environment holds under a name, at an instant of the world.
pub fn environment(story: &Story, name: &str, now_ms: i64) -> Option<String> {
    if story.keys == Keys::MachineRole {
        return None;
    }
    let known = |rotated: &&Rotated| rotated.known_ms <= now_ms;
    let world = &story.world;
    let (id, key) = match story.rotations.iter().take_while(known).count() {
        0 => (&world.secret_id, &world.secret_key),
        n => {
            let newest = &world.rotations[n - 1];
            (&newest.secret_id, &newest.secret_key)
        }
    };
    match name {
        "TENCENTCLOUD_SECRET_ID" => Some(id.clone()),
        "TENCENTCLOUD_SECRET_KEY" => Some(key.clone()),
        _ => None,
    }
}

/// Two sources that read all between them, and nothing twice; none where there is but one log
/// topic, which only one can read.
fn halves(whole: &Source, cloud: &Cloud) -> Option<(Source, Source)> {
    let pattern = |text: &str| vec![Pattern::new(text).expect("it is one")];
    let only = |text| FunctionFilter::new(Vec::new(), pattern(text), Vec::new());
    let all_but = |text| FunctionFilter::new(Vec::new(), Vec::new(), pattern(text));
    let (mut first, mut second) = (whole.clone(), whole.clone());
    second.name += "-second";
    match whole.api {
        Api::Cls => {
            let mut topics = cloud.topics().into_iter();
            let (topic, names) = topics.next()?;
            let others: Vec<String> = topics.map(|(topic, _)| topic).collect();
            if others.is_empty() {
                return None;
            }
            (first.topics, second.topics) = (vec![topic], others);
            second.functions = all_but(&names.join("|"));
            first.functions = FunctionFilter::new(names, Vec::new(), Vec::new());
        }
        // A stream of a namespace is of that alone.
        Api::V3 if whole.read != Read::Function => {
            first.namespaces = only("default");
            second.namespaces = all_but("default");
        }
        Api::V2 | Api::V3 => {
            first.functions = only("[a-m].*");
            second.functions = all_but("[a-m].*");
            (first.read, second.read) = (Read::Function, Read::Function);
        }
    }
    Some((first, second))
}
