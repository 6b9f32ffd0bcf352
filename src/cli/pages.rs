//! Manual pages and shell completions, generated from the definition of the command line, so that
//! they always match the version of the program.

use std::io;

use clap::builder::PossibleValuesParser;
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::roff::Roff;

use super::{command, sections};

/// Flags of `completions`.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Flags of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// A command; without it, the page of the program is printed.
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}

/// Sets the names of the subcommands as the allowed values of `man COMMAND`.
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

/// Returns the completion script for a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    let mut command = command();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, &name, &mut script);
    if shell != Shell::Bash {
        return script;
    }
    // The generator replaces the `-` of the program's name differently where it defines a command
    // and where it looks the command up, so that no flag would be completed.
    let script = String::from_utf8_lossy(&script);
    let (defined, looked_up) = (name.replace('-', "__subcmd__"), name.replace('-', "__"));
    script.replace(&defined, &looked_up).into_bytes()
}

/// Returns a manual page in roff: of the subcommand `name`, or of the program for `None`.
///
/// # Errors
/// Fails if there is no such subcommand.
pub fn manual(name: Option<&str>) -> io::Result<Vec<u8>> {
    // The page of `help` would repeat the list of subcommands.
    let mut command = command().disable_help_subcommand(true);
    // This gives the subcommands their full names.
    command.build();
    let command = match name {
        Some(name) => {
            let found = command.find_subcommand(name).cloned();
            found.ok_or(io::ErrorKind::NotFound)?
        }
        None => command,
    };
    let has_commands = command.has_subcommands();
    let man = clap_mangen::Man::new(command)
        .source(concat!("scf-exporter ", env!("CARGO_PKG_VERSION")))
        .manual("scf-exporter");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    page.extend(with_subsections(&options));
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    let mut more = Roff::default();
    sections::write_manual(&mut more, name);
    page.extend(more.render().bytes());
    Ok(page)
}

/// Makes the groups of options subsections of OPTIONS; the generator makes each a section.
fn with_subsections(options: &[u8]) -> Vec<u8> {
    let options = String::from_utf8_lossy(options);
    match options.split_once("\n.TP") {
        Some((first, rest)) => format!("{first}\n.TP{}", rest.replace("\n.SH ", "\n.SS ")),
        None => options.into_owned(),
    }
    .into_bytes()
}
