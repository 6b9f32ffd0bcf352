//! The command line. This module defines names, environment variables and help of the flags;
//! [`crate::config`] validates their values.

mod pages;
mod sections;
#[cfg(feature = "demo")]
mod simulation;
mod values;
mod variables;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use pages::{CompletionArgs, ManArgs, completions, manual};
#[cfg(feature = "demo")]
pub use simulation::DemoArgs;
pub use values::ValueArgs;
pub use variables::unknown_variables;

/// Defaults of `demo` that differ from those of `run`: it listens on this machine only, keeps no
/// state, and shows invocations within seconds.
pub const DEMO_DEFAULTS: &[(&str, &str)] = &[
    ("web.listen_address", "127.0.0.1:10112"),
    ("web.zero_first", "5s"),
    ("state.path", ""),
    ("poll.interval", "5s"),
    ("poll.idle_interval", "5s"),
    ("poll.sweep_interval", "5s"),
    ("poll.max_run_time", "20s"),
    ("poll.delivery_delay", "40s"),
    ("poll.discovery_interval", "30s"),
    ("limits.requests_per_second", "50"),
    ("sources[].api", "cls"),
    ("sources[].region", "ap-guangzhou"),
];

/// Keys whose flags stand in the first group of the help of `demo`, with those of the simulated cloud.
const FIRST_IN_DEMO: &[&str] = &["sources[].api", "web.listen_address", "log.level"];

/// Turns the invocation logs of Tencent Cloud SCF into exact Prometheus metrics.
#[derive(Debug, Parser)]
#[command(name = "scf-exporter", version, arg_required_else_help = true)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Action,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Read the logs and serve the metrics.
    Run(Box<RunArgs>),
    /// Run the exporter against a simulated cloud in the same process, without an account.
    #[cfg(feature = "demo")]
    Demo(Box<DemoArgs>),
    /// Run the simulated cloud alone.
    #[cfg(feature = "demo")]
    Sim(scf_sim::SimArgs),
    /// Check a configuration and print what would run.
    CheckConfig(Box<CheckArgs>),
    /// Check web configuration files and their certificates.
    CheckWebConfig(WebCheckArgs),
    /// Check whether a running exporter is alive, and set the exit code.
    Health(HealthArgs),
    /// Print the completion script of a shell.
    Completions(CompletionArgs),
    /// Print a manual page in roff. To read it, pipe it into `man -l -`.
    Man(ManArgs),
}

/// Flags of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Configuration file (YAML).
    #[arg(
        long = "config.file",
        env = "SCF_EXPORTER_CONFIG_FILE",
        value_name = "FILE"
    )]
    pub config_file: Option<PathBuf>,
    /// Values that override the file.
    #[command(flatten)]
    pub values: ValueArgs,
}

/// Flags of `check-config`. They include those of `run`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Configuration file (YAML).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Values that override the file.
    #[command(flatten)]
    pub values: ValueArgs,
}

/// Flags of `check-web-config`.
#[derive(Debug, Args)]
pub struct WebCheckArgs {
    /// Web configuration files (YAML).
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// Flags of `health`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The URL to request. A response that asks for a password counts as alive. Certificates are not
    /// checked on this machine.
    #[arg(
        value_name = "URL",
        env = "SCF_EXPORTER_HEALTH_URL",
        default_value = "http://127.0.0.1:10112/-/healthy"
    )]
    pub url: String,
}

/// Returns the definition of the command line. Its help hides the values of environment variables,
/// because some are secrets.
pub fn command() -> Command {
    let command = sections::with_long_help(pages::with_names(Cli::command()));
    #[cfg(feature = "demo")]
    let command = command.mut_subcommand("demo", simulation::named_for_demo);
    command.mut_subcommands(|sub| {
        let sub = sub.next_line_help(true);
        sub.mut_args(|arg| arg.hide_env_values(true))
    })
}

/// Parses a command line whose first argument is the program's name. `--help` and `--version` are
/// errors too, which `clap::Error::exit` prints with the right exit code.
pub fn parse<I, T>(args: I) -> Result<Cli, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let matches = command().try_get_matches_from(args)?;
    Cli::from_arg_matches(&matches)
}

#[cfg(test)]
mod tests;
