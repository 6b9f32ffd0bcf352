//! Command line flags of the simulator.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::faults::Faults;
use super::run::RunOptions;
use super::settings::{Api3, Role, Settings};
use super::settings::{ClsWire, Index};

/// Flags of the simulated world. In `demo` their names begin with `sim.`.
#[derive(Debug, Args)]
pub struct WorldArgs {
    /// Address of the simulated cloud; port 0 takes a free port.
    #[arg(
        long,
        env = "SCF_EXPORTER_SIM_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:0"
    )]
    pub listen: SocketAddr,
    /// Seed of the simulated world. The same seed gives the same functions and calls.
    #[arg(
        long,
        env = "SCF_EXPORTER_SIM_SEED",
        value_name = "N",
        default_value = "1"
    )]
    pub seed: u64,
    /// Number of functions in the simulated world.
    #[arg(long, env = "SCF_EXPORTER_SIM_FUNCTIONS", value_name = "N",
          default_value = "24", value_parser = |text: &str| count(text, 1, 100_000))]
    pub functions: usize,
    /// Number of namespaces that the functions are spread over.
    #[arg(long, env = "SCF_EXPORTER_SIM_NAMESPACES", value_name = "N",
          default_value = "1", value_parser = |text: &str| count(text, 1, 100))]
    pub namespaces: usize,
    /// Number of log topics that the functions are spread over; 0 is one topic for all, as the vendor's
    /// default.
    #[arg(long, env = "SCF_EXPORTER_SIM_TOPICS", value_name = "N",
          default_value = "0", value_parser = |text: &str| count(text, 0, 1_000))]
    pub topics: usize,
    /// Calls a second of all functions together.
    #[arg(long, env = "SCF_EXPORTER_SIM_RATE", value_name = "PER_SECOND",
          default_value = "20", value_parser = simulated_rate)]
    pub rate: f64,
    /// How badly the simulated cloud behaves.
    #[arg(
        long,
        env = "SCF_EXPORTER_SIM_FAULTS",
        value_name = "LEVEL",
        default_value = "none"
    )]
    pub faults: FaultLevel,
}

/// Flags of the simulator.
#[derive(Debug, Args)]
pub struct SimArgs {
    /// The world.
    #[command(flatten)]
    pub world: WorldArgs,
    /// File with calls to replay instead of generated ones, one JSON object a line.
    #[arg(long, env = "SCF_EXPORTER_SIM_REPLAY", value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Permissions and features that are withheld.
    #[command(flatten)]
    pub refusals: RefusalArgs,
}

/// Features that a simulated cloud withholds, as from an account that is not set up yet.
#[derive(Debug, Args)]
pub struct RefusalArgs {
    /// API 3.0 no longer offers GetFunctionLogs, as the vendor announced.
    #[arg(long, env = "SCF_EXPORTER_SIM_OFFLINE_LOGS")]
    pub offline_logs: bool,
    /// Answers have no Date header, as behind some proxies.
    #[arg(long, env = "SCF_EXPORTER_SIM_NO_DATE")]
    pub no_date: bool,
    /// Action of API 3.0 or CLS that is denied; may be repeated.
    #[arg(long, env = "SCF_EXPORTER_SIM_DENY", value_name = "ACTION",
          value_delimiter = ',', value_parser = simulated_action)]
    pub deny: Vec<String>,
    /// Index of the log topics.
    #[arg(
        long,
        env = "SCF_EXPORTER_SIM_INDEX",
        value_name = "INDEX",
        default_value = "keys"
    )]
    pub index: Index,
    /// Lifetime of the temporary keys of a role.
    #[arg(long, env = "SCF_EXPORTER_SIM_KEY_LIFETIME", value_name = "DURATION",
          default_value = "2h", value_parser = simulated_lifetime)]
    pub key_lifetime: u64,
}

/// How badly a simulated cloud behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FaultLevel {
    /// No faults.
    None,
    /// A usual day: some throttling and some late rows.
    Typical,
    /// All recoverable faults, often.
    Harsh,
}

// === impl SimArgs ===

impl SimArgs {
    /// Returns the simulated cloud that these flags describe.
    pub fn settings(&self) -> Settings {
        let defaults = Settings::new(self.world.seed);
        let refusals = &self.refusals;
        let mut faults = self.world.faults.faults();
        if refusals.no_date {
            faults.missing_dates = 1.0;
        }
        Settings {
            functions: self.world.functions,
            namespaces: self.world.namespaces,
            topics: self.world.topics,
            rate_per_second: self.world.rate,
            faults,
            cls: ClsWire {
                index: refusals.index,
                // Over sockets requests arrive at any time, so queries must take a while to
                // overlap.
                query_ms: 20,
                ..defaults.cls
            },
            api3: Api3 {
                logs_offline: refusals.offline_logs,
                denied_actions: refusals.deny.clone(),
            },
            role: Role {
                lifetime_s: refusals.key_lifetime,
                ..defaults.role
            },
            ..defaults
        }
    }
}

impl From<SimArgs> for RunOptions {
    fn from(args: SimArgs) -> Self {
        Self {
            listen: args.world.listen,
            settings: args.settings(),
            replay: args.replay,
        }
    }
}

// === impl FaultLevel ===

impl FaultLevel {
    /// Returns the faults of this level.
    pub fn faults(self) -> Faults {
        match self {
            Self::None => Faults::none(),
            Self::Typical => Faults::typical(),
            Self::Harsh => Faults::harsh(),
        }
    }
}

fn simulated_action(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric());
    if text.is_empty() || text.len() > 64 || !plain {
        return Err("write the name of an action, such as ListFunctions".to_owned());
    }
    Ok(text.to_owned())
}

/// Parses a lifetime in whole seconds, the unit of the vendor.
fn simulated_lifetime(text: &str) -> Result<u64, String> {
    let seconds = seconds(text);
    let good = seconds.filter(|seconds| (1..=43_200).contains(seconds));
    good.ok_or_else(|| "write a duration from 1s to 12h, such as 90s".to_owned())
}

/// Parses hours, minutes and seconds, such as `1h30m` or `90s`.
fn seconds(text: &str) -> Option<u64> {
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let at = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = match rest.as_bytes()[at] {
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(rest[..at].parse::<u64>().ok()?.checked_mul(unit)?)?;
        rest = &rest[at + 1..];
    }
    Some(seconds)
}

fn count(text: &str, least: usize, most: usize) -> Result<usize, String> {
    let good = text
        .parse()
        .ok()
        .filter(|count| (least..=most).contains(count));
    good.ok_or_else(|| format!("write a whole number from {least} to {most}"))
}

fn simulated_rate(text: &str) -> Result<f64, String> {
    let good = text
        .parse()
        .ok()
        .filter(|rate| (0.0..=100_000.0).contains(rate));
    good.ok_or_else(|| "write a number from 0 to 100000".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_whole_seconds_within_bounds() {
        for (text, seconds) in [("1s", 1), ("90s", 90), ("1h30m", 5_400), ("12h", 43_200)] {
            assert_eq!(simulated_lifetime(text), Ok(seconds), "{text}");
        }
        let huge = "99999999999999999999s";
        for text in ["", "0s", "90", "h", "12h1s", "1ms", "-1s", "1\u{e9}", huge] {
            assert!(simulated_lifetime(text).is_err(), "{text}");
        }
    }
}
