//! What an exporter of a story is told: how the world is, no better and no worse.

use std::sync::Arc;
use std::time::Duration;

use scf_exporter::config::{Api, Config, CredentialsConfig, Overrides, Role, SourceOverrides};
use scf_exporter::runtime::Runtime;
use scf_exporter::sim::Cloud;

use super::plan::{Keys, Setup, Story};
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

/// The configuration of an exporter.
pub fn config(story: &Story, setup: &Setup, cloud: &Arc<Cloud>, runtime: &Runtime) -> Config {
    let secs = |secs: u64| Some(format!("{secs}s"));
    let overrides = Overrides {
        poll_interval: secs(setup.interval),
        idle_interval: secs(setup.idle_interval),
        sweep_interval: secs(setup.sweep_interval),
        discovery_interval: secs(setup.discovery_interval),
        first_read: secs(86_400),
        max_run_time: secs(story.run_time_s()),
        delivery_delay: secs(story.delivery_s()),
        page_size: Some(setup.page_size.to_string()),
        stop_timeout: secs(setup.stop_timeout),
        zero_first: secs(setup.zero_first),
        requests_per_second: Some(setup.requests_per_second.to_string()),
        requests_in_flight: Some(setup.in_flight.to_string()),
        source: SourceOverrides {
            api: Some(setup.api.as_str().to_owned()),
            read: (setup.api != Api::Cls).then(|| setup.read.as_str().to_owned()),
            ..SourceOverrides::default()
        },
        ..Overrides::default()
    };
    let horizon = Duration::from_millis(cloud.horizon_ms());
    let world = World::over(cloud.clone(), runtime.clone(), horizon, overrides);
    let mut config = world.config;
    let source = &mut config.sources[0];
    match story.keys {
        Keys::Permanent => {}
        Keys::MachineRole => source.credentials = CredentialsConfig::Chain,
        Keys::AssumedRole => {
            source.role = Some(Role {
                arn: ROLE.to_owned(),
                session_name: "scf-exporter".to_owned(),
                duration: Duration::from_secs(7_200),
                external_id: None,
            });
        }
    }
    config
}
