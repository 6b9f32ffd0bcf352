//! What is made of the command line's own description: manual pages and shell completions. They
//! come out of the program itself, so that a user of the single binary has those of its version.

use std::io;

use clap::builder::PossibleValuesParser;
use clap::{Args, Command};
use clap_complete::Shell;

use super::command;

/// Which completions.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell that is to complete.
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Which manual page.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command whose page it is; without it, the page of the program.
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}

/// `command` with the names of its subcommands as the values of `man COMMAND`.
pub(super) fn with_names(command: Command) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    command.mut_subcommand("man", |man| {
        man.mut_arg("command", |arg| {
            arg.value_parser(PossibleValuesParser::new(names))
        })
    })
}

/// The script that has a shell complete commands, flags and values.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let mut command = command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    script
}

/// A manual page in roff: of the subcommand `name`, or of the program with the list of them.
///
/// # Errors
/// There is no such subcommand.
pub fn manual(name: Option<&str>) -> io::Result<Vec<u8>> {
    // `help` is said by --help; a page of its own would only repeat the list.
    let mut command = command().disable_help_subcommand(true);
    // Gives the subcommands their full names.
    command.build();
    let command = match name {
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            found.ok_or(io::ErrorKind::NotFound)?
        }
        None => command,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .source(concat!("scf-exporter ", env!("CARGO_PKG_VERSION")))
        .manual("scf-exporter")
        .render(&mut page)?;
    Ok(page)
}
