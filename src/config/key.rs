//! A key of the configuration: its names, the values that it takes, and its default.

use std::time::Duration;

use exporter_toolkit::{alternatives, format_duration, parse_duration, quote};

/// A key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The path in the file, such as `poll.interval` or `sources[].region`.
    pub path: &'static str,
    /// The values that it takes.
    pub kind: Kind,
    /// The flag that overrides it, such as `--poll.interval`.
    pub flag: Option<&'static str>,
    /// The default, as it would be written.
    pub default: Option<&'static str>,
    /// Whether a reload keeps the old value.
    pub needs_restart: bool,
    help: &'static str,
}

/// The type of a value and its inclusive bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A length of time.
    Duration(Duration, Duration),
    /// A whole number.
    Count(usize, usize),
    /// A number that may have a fraction.
    Rate(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text. The words describe it.
    Text(&'static str),
    /// A list of at most so many texts. A flag may hold several, with commas between.
    List(&'static str, usize),
    /// A list of at most so many patterns, which may contain commas.
    Patterns(usize),
}

// === impl Key ===

impl Key {
    pub(super) const fn new(path: &'static str, kind: Kind) -> Self {
        Self {
            path,
            kind,
            flag: None,
            default: None,
            needs_restart: false,
            help: "",
        }
    }

    pub(super) const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// Returns the last word of the path, which is the key in its block of the file.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// Returns the environment variable of the flag, if there is one.
    pub fn environment(&self) -> Option<String> {
        self.flag.map(environment_name)
    }

    /// Returns its meaning in Markdown. The first sentence is a summary.
    pub fn meaning(&self) -> &'static str {
        self.help.trim_start()
    }

    /// Returns flag and variable for messages.
    pub(super) fn flag_and_variable(&self) -> String {
        let flag = self.flag.unwrap_or_default();
        format!("{flag} ({})", environment_name(flag))
    }

    pub(super) fn keep<T: PartialEq + Clone>(
        &self,
        new: &mut T,
        old: &T,
        kept: &mut Vec<&'static str>,
    ) {
        if self.needs_restart && new != old {
            new.clone_from(old);
            kept.push(self.path);
        }
    }

    pub(super) fn duration(&self, text: &str) -> Result<Duration, String> {
        let fits = |span: &_| matches!(self.kind, Kind::Duration(a, z) if (a..=z).contains(span));
        self.bounded(text, parse_duration(text), fits)
    }

    pub(super) fn count(&self, text: &str) -> Result<usize, String> {
        let fits = |count: &_| matches!(self.kind, Kind::Count(a, z) if (a..=z).contains(count));
        self.bounded(text, text.parse().ok(), fits)
    }

    pub(super) fn rate(&self, text: &str) -> Result<f64, String> {
        let fits = |rate: &_| matches!(self.kind, Kind::Rate(a, z) if (a..=z).contains(rate));
        self.bounded(text, text.parse().ok(), fits)
    }

    fn bounded<T>(
        &self,
        text: &str,
        value: Option<T>,
        fits: impl Fn(&T) -> bool,
    ) -> Result<T, String> {
        let wanted = self.kind.wanted();
        match value {
            Some(value) if fits(&value) => Ok(value),
            Some(_) => Err(format!("{} is out of bounds: write {wanted}", quote(text))),
            None => Err(format!("{} cannot be read: write {wanted}", quote(text))),
        }
    }
}

/// Returns the environment variable of a flag: `--poll.interval` has `SCF_EXPORTER_POLL_INTERVAL`.
pub fn environment_name(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace(['.', '-'], "_");
    format!("SCF_EXPORTER_{}", name.to_ascii_uppercase())
}

// === impl Kind ===

impl Kind {
    /// Returns the possible values in words: `100ms to 1h`, `1 to 1000`, `GET or POST`.
    pub fn bounds(&self) -> String {
        match self {
            Self::Duration(min, max) => {
                format!("{} to {}", format_duration(*min), format_duration(*max))
            }
            Self::Count(min, max) => format!("{min} to {max}"),
            Self::Rate(min, max) => format!("{min} to {max}"),
            Self::Choice(words) => alternatives(words),
            Self::Text(what) => (*what).to_owned(),
            Self::List(what, _) => format!("list of {what}"),
            Self::Patterns(_) => "list of patterns".to_owned(),
        }
    }

    pub(super) fn wanted(&self) -> String {
        let bounds = self.bounds();
        match self {
            Self::Duration(..) => format!("a duration from {bounds}, such as 15s or 1m30s"),
            Self::Count(..) => format!("a whole number from {bounds}"),
            Self::Rate(..) => format!("a number from {bounds}"),
            Self::Choice(_) => bounds,
            Self::Text(what) => format!("one value ({what})"),
            Self::List(..) | Self::Patterns(_) => format!("a {bounds}"),
        }
    }

    /// Returns the maximum number of values.
    pub(super) fn most(&self) -> usize {
        match self {
            Self::List(_, most) | Self::Patterns(most) => *most,
            _ => 1,
        }
    }

    pub(super) fn takes_variables(&self) -> bool {
        matches!(self, Self::Text(what) if what.contains("${NAME}"))
    }
}
