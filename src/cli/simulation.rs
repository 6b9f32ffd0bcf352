//! Flags of `demo`.

use std::net::SocketAddr;

use clap::Args;

use super::values::ValueArgs;
use crate::sim::{
    FaultLevel, simulated_functions, simulated_namespaces, simulated_rate, simulated_topics,
};

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Values over the demo's defaults.
    #[command(flatten)]
    pub values: ValueArgs,
    /// Where the simulated cloud listens.
    #[arg(
        long = "sim.listen",
        env = "SCF_EXPORTER_SIM_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:0"
    )]
    pub sim_listen: SocketAddr,
    /// Seed of the simulated world: the same seed, the same world.
    #[arg(
        long = "sim.seed",
        env = "SCF_EXPORTER_SIM_SEED",
        value_name = "N",
        default_value = "1"
    )]
    pub sim_seed: u64,
    /// Functions in the simulated world.
    #[arg(long = "sim.functions", env = "SCF_EXPORTER_SIM_FUNCTIONS", value_name = "N",
          default_value = "24", value_parser = simulated_functions)]
    pub sim_functions: usize,
    /// Namespaces that the functions are spread over.
    #[arg(long = "sim.namespaces", env = "SCF_EXPORTER_SIM_NAMESPACES", value_name = "N",
          default_value = "1", value_parser = simulated_namespaces)]
    pub sim_namespaces: usize,
    /// Log topics that the functions are spread over; 0 is one for all, as the vendor's default.
    #[arg(long = "sim.topics", env = "SCF_EXPORTER_SIM_TOPICS", value_name = "N",
          default_value = "0", value_parser = simulated_topics)]
    pub sim_topics: usize,
    /// Calls a second, over all functions.
    #[arg(long = "sim.rate", env = "SCF_EXPORTER_SIM_RATE", value_name = "PER_SECOND",
          default_value = "20", value_parser = simulated_rate)]
    pub sim_rate: f64,
    /// How badly the simulated cloud behaves.
    #[arg(
        long = "sim.faults",
        env = "SCF_EXPORTER_SIM_FAULTS",
        value_name = "LEVEL",
        default_value = "none"
    )]
    pub sim_faults: FaultLevel,
}
