//! Flags of `demo`.

use clap::{Args, Command};

use super::values::ValueArgs;
use scf_sim::WorldArgs;

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The simulated cloud.
    #[command(flatten)]
    pub world: WorldArgs,
    /// Values that override the demo's defaults.
    #[command(flatten)]
    pub values: ValueArgs<true>,
}

/// Arguments of `demo` in the order of its help. The others follow.
const ORDER: &[&str] = &[
    "sources[].api",
    "functions",
    "rate",
    "faults",
    "web.listen_address",
    "log.level",
    "seed",
    "namespaces",
    "topics",
    "listen",
];

/// Renames the flags of the simulated cloud to `--sim.NAME`, as `demo` has them, and sorts the help.
pub(super) fn named_for_demo(command: Command) -> Command {
    let world = WorldArgs::augment_args(Command::new(""));
    let command = world.get_arguments().fold(command, |command, arg| {
        let Some(long) = arg.get_long() else {
            return command;
        };
        let name = format!("sim.{long}");
        command.mut_arg(arg.get_id().as_str(), |arg| arg.long(name))
    });
    let order = ORDER.iter().enumerate();
    order.fold(command, |command, (at, id)| {
        command.mut_arg(id, |arg| arg.display_order(at))
    })
}
