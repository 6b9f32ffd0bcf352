//! Flags for keys of the configuration, generated from the table of keys.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::{DEMO_DEFAULTS, FIRST_IN_DEMO};
use crate::config::{Key, Kind, Overrides, keys};

/// Values that override the configuration file. They are texts here and are validated with the
/// file. `demo` has its own defaults and sets the endpoint itself.
#[derive(Debug)]
pub struct ValueArgs<const IS_DEMO: bool = false>(pub Overrides);

/// Returns the argument of a key, or `None` if the key has no flag.
fn argument(key: &Key, is_demo: bool) -> Option<Arg> {
    let flag = key.flag?.strip_prefix("--")?;
    let arg = Arg::new(key.path)
        .long(flag)
        .value_name(value_name(key))
        .help(help(key, is_demo));
    // The demo shows its own flags and these without a heading, and the short help shows no others.
    let arg = match is_demo && FIRST_IN_DEMO.contains(&key.path) {
        true => arg,
        false => arg.help_heading(heading(key)).hide_short_help(is_demo),
    };
    // The demo must not write to the state directory of a real exporter.
    let arg = match is_demo && key.path == "state.path" {
        true => arg,
        false => arg.env(key.environment()?),
    };
    Some(match key.kind {
        Kind::Choice(["true", "false"]) => arg.num_args(0..=1).default_missing_value("true"),
        Kind::List(..) => arg.action(ArgAction::Append).value_delimiter(','),
        Kind::Patterns(_) => arg.action(ArgAction::Append),
        _ => arg,
    })
}

/// Returns the heading of a key's flag in the help: the area of the configuration.
fn heading(key: &Key) -> &'static str {
    let block = key.path.rsplit_once('.').map_or("", |(block, _)| block);
    match block {
        "web" => "Web server",
        "state" => "State",
        "poll" => "Polling",
        "limits" => "Limits",
        "series" | "metrics" => "Metrics",
        "log" => "Log",
        "sources[].namespaces" | "sources[].functions" => "Selection of functions",
        block if block.starts_with("sources[]") => "Source",
        _ => "Other options",
    }
}

fn value_name(key: &Key) -> String {
    let word = match key.kind {
        Kind::Duration(..) => "duration",
        Kind::Count(..) | Kind::Rate(..) => "n",
        Kind::Choice(["true", "false"]) => "bool",
        Kind::Choice(_) => key.name(),
        Kind::Text("directory, or empty") => "dir",
        Kind::Text(what) | Kind::List(what, _) => what.rsplit(' ').next().unwrap_or(what),
        Kind::Patterns(_) => "pattern",
    };
    word.trim_end_matches('s').to_uppercase()
}

/// Returns the first sentence of a key's description, followed by bounds and default, such as
/// `[100ms to 1h; default 15s]`. For free texts the sentence names the bounds.
fn help(key: &Key, is_demo: bool) -> String {
    let meaning = key.meaning();
    let sentence = meaning.split_once(". ").map_or(meaning, |(first, _)| first);
    let sentence = sentence.trim_end_matches('.');
    let bounds = match key.kind {
        Kind::Text(_) | Kind::List(..) | Kind::Patterns(_) => None,
        _ => Some(key.kind.bounds()),
    };
    let in_demo = DEMO_DEFAULTS.iter();
    let in_demo = in_demo
        .filter(|_| is_demo)
        .find(|(path, _)| *path == key.path);
    let default = in_demo.map(|(_, value)| *value).or(key.default);
    let default = default.map(|value| match value {
        "" => "default empty".to_owned(),
        value => format!("default {value}"),
    });
    let more: Vec<String> = bounds.into_iter().chain(default).collect();
    match more.is_empty() {
        true => sentence.to_owned(),
        false => format!("{sentence} [{}]", more.join("; ")),
    }
}

fn overrides(matches: &ArgMatches) -> Overrides {
    let mut overrides = Overrides::default();
    for key in keys() {
        let values = matches.try_get_many::<String>(key.path).ok().flatten();
        overrides = overrides.with(key.path, values.into_iter().flatten().cloned());
    }
    overrides
}

// === impl ValueArgs ===

impl<const IS_DEMO: bool> Args for ValueArgs<IS_DEMO> {
    fn augment_args(command: Command) -> Command {
        let keys = keys().filter(|key| !IS_DEMO || key.path != "sources[].endpoint");
        // What is read comes first in the help, because it must be given.
        let (sources, others): (Vec<&Key>, Vec<&Key>) =
            keys.partition(|key| key.path.starts_with("sources[]"));
        let keys = sources.into_iter().chain(others);
        command.args(keys.filter_map(|key| argument(key, IS_DEMO)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const IS_DEMO: bool> FromArgMatches for ValueArgs<IS_DEMO> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut values = overrides(matches);
        for (key, value) in DEMO_DEFAULTS.iter().filter(|_| IS_DEMO) {
            values = values.or(key, [(*value).to_owned()]);
        }
        Ok(Self(values))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
