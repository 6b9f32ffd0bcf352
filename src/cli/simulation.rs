//! Flags of `demo`.

use clap::{Args, Command};

use super::values::ValueArgs;
use scf_sim::WorldArgs;

/// Flags of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Values over the demo's defaults.
    #[command(flatten)]
    pub values: ValueArgs<true>,
    /// The world that is read.
    #[command(flatten)]
    pub world: WorldArgs,
}

/// Renames the flags of the simulated cloud to `--sim.NAME`, as `demo` has them.
pub(super) fn named_for_demo(command: Command) -> Command {
    let world = WorldArgs::augment_args(Command::new(""));
    world.get_arguments().fold(command, |command, arg| {
        let Some(long) = arg.get_long() else {
            return command;
        };
        let name = format!("sim.{long}");
        command.mut_arg(arg.get_id().as_str(), |arg| arg.long(name))
    })
}
