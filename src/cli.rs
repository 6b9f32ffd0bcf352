//! The command line. What a flag means, and whether its value is good, is decided in
//! [`crate::config`]; here it only gets its name, its environment variable and its help.

mod pages;
#[cfg(feature = "demo")]
mod simulation;
mod values;
mod variables;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Arg, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand};

pub use pages::{CompletionArgs, ManArgs, completions, manual};
#[cfg(feature = "demo")]
pub use simulation::DemoArgs;
pub use values::{EndpointArgs, PollArgs, SourceArgs, ValueArgs};
pub use variables::unknown_variables;

use crate::config::{KEYS, Overrides, Shape};

/// Flags whose default differs in `demo`: it keeps to this machine, leaves nothing behind, and
/// shows something soon.
pub const DEMO_DEFAULTS: &[(&str, &str)] = &[
    ("--web.listen-address", "127.0.0.1:10112"),
    ("--web.zero-first", "5s"),
    ("--state.path", ""),
    ("--poll.interval", "5s"),
    ("--poll.idle-interval", "5s"),
    ("--poll.sweep-interval", "5s"),
    ("--poll.max-run-time", "20s"),
    ("--poll.delivery-delay", "40s"),
    ("--poll.discovery-interval", "30s"),
    ("--limits.requests-per-second", "50"),
    ("--api", "cls"),
    ("--region", "ap-guangzhou"),
];

/// Turns the invocation logs of Tencent Cloud SCF into exact Prometheus metrics.
#[derive(Debug, Parser)]
#[command(name = "scf-exporter", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Action,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Read the logs and serve the metrics.
    Run(Box<RunArgs>),
    /// The same against a simulated cloud in this process: no account needed.
    #[cfg(feature = "demo")]
    Demo(Box<DemoArgs>),
    /// The simulated cloud alone.
    #[cfg(feature = "demo")]
    Sim(crate::sim::SimArgs),
    /// Check a configuration and say what would run.
    CheckConfig(Box<CheckArgs>),
    /// Check files for --web.config.file, with the certificates that they name.
    CheckWebConfig(WebCheckArgs),
    /// Ask a running exporter whether it is alive; the exit code is the answer.
    Health(HealthArgs),
    /// Print a script that completes this command line in a shell.
    Completions(CompletionArgs),
    /// Print a manual page, for `man -l -`.
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
    /// Values over the file.
    #[command(flatten)]
    pub values: ValueArgs,
    /// The endpoint of the source.
    #[command(flatten)]
    pub endpoint: EndpointArgs,
}

/// Flags of `check-config`: those of `run`, to see what they would do together.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Configuration file (YAML).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Values over the file.
    #[command(flatten)]
    pub values: ValueArgs,
    /// The endpoint of the source.
    #[command(flatten)]
    pub endpoint: EndpointArgs,
}

/// Files to check.
#[derive(Debug, Args)]
pub struct WebCheckArgs {
    /// Web configuration files (YAML).
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// Whom to ask.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The page to ask for. On this machine any certificate is good; an answer that wants a password
    /// is a good one.
    #[arg(
        value_name = "URL",
        env = "SCF_EXPORTER_HEALTH_URL",
        default_value = "http://127.0.0.1:10112/-/healthy"
    )]
    pub url: String,
}

/// The command with its help completed: defaults and bounds come from the table of keys.
pub fn command() -> Command {
    pages::with_names(Cli::command()).mut_subcommands(|sub| {
        let demo = sub.get_name() == "demo";
        sub.mut_args(|arg| {
            let flag = arg.get_long().map(|long| format!("--{long}"));
            let help = flag.and_then(|flag| key_help(&flag, demo));
            let arg = arg.hide_env_values(true);
            // The real exporter's state is not for invented numbers.
            let arg = if demo && is_state_path(&arg) {
                arg.env(Resettable::Reset)
            } else {
                arg
            };
            match (help, arg.get_help().map(ToString::to_string)) {
                (Some(more), Some(help)) => arg.help(format!("{help} {more}")),
                _ => arg,
            }
        })
    })
}

fn is_state_path(arg: &Arg) -> bool {
    arg.get_long() == Some("state.path")
}

/// Parses a command line, the program's name first. The error is also how `--help` and
/// `--version` come out: `clap::Error::exit` prints it and ends with the right code.
pub fn parse<I, T>(args: I) -> Result<Cli, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let matches = command().try_get_matches_from(args)?;
    Cli::from_arg_matches(&matches)
}

/// The values of `run`.
pub fn overrides(args: &RunArgs) -> Overrides {
    with_endpoint(&args.values, &args.endpoint)
}

/// The values of `check-config`.
pub fn check_overrides(args: &CheckArgs) -> Overrides {
    with_endpoint(&args.values, &args.endpoint)
}

fn with_endpoint(values: &ValueArgs, endpoint: &EndpointArgs) -> Overrides {
    let mut overrides = values.overrides();
    overrides.source.endpoint.clone_from(&endpoint.endpoint);
    overrides
}

/// The values of `demo`, with its own defaults. The endpoint and the credentials are for the
/// caller to fill in, once the simulated cloud listens.
#[cfg(feature = "demo")]
pub fn demo_overrides(args: &DemoArgs) -> Overrides {
    let mut overrides = args.values.overrides();
    for (flag, value) in DEMO_DEFAULTS {
        let field = match *flag {
            "--web.listen-address" => {
                let addresses = &mut overrides.listen_addresses;
                if addresses.is_empty() {
                    addresses.push((*value).to_owned());
                }
                continue;
            }
            "--web.zero-first" => &mut overrides.zero_first,
            "--state.path" => &mut overrides.state_path,
            "--poll.interval" => &mut overrides.poll_interval,
            "--poll.idle-interval" => &mut overrides.idle_interval,
            "--poll.sweep-interval" => &mut overrides.sweep_interval,
            "--poll.max-run-time" => &mut overrides.max_run_time,
            "--poll.delivery-delay" => &mut overrides.delivery_delay,
            "--poll.discovery-interval" => &mut overrides.discovery_interval,
            "--limits.requests-per-second" => &mut overrides.requests_per_second,
            "--api" => &mut overrides.source.api,
            "--region" => &mut overrides.source.region,
            _ => continue,
        };
        field.get_or_insert_with(|| (*value).to_owned());
    }
    overrides
}

/// `[100ms to 1h; default 15s]`, for the help of a flag that stands for a key. Free texts have no
/// bounds that the flag's own help does not tell.
fn key_help(flag: &str, demo: bool) -> Option<String> {
    let key = KEYS.iter().find(|key| key.flag == Some(flag))?;
    let bounds = match key.shape {
        Shape::Text(_) | Shape::List(_) => None,
        _ => Some(key.shape.bounds()),
    };
    let in_demo = DEMO_DEFAULTS.iter().find(|(name, _)| demo && *name == flag);
    let default = in_demo.map(|(_, value)| *value).or(key.default);
    let default = default.map(|value| match value {
        "" => "default empty".to_owned(),
        value => format!("default {value}"),
    });
    let parts: Vec<String> = bounds.into_iter().chain(default).collect();
    (!parts.is_empty()).then(|| format!("[{}]", parts.join("; ")))
}

#[cfg(test)]
mod tests;
