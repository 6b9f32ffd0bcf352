//! What a key is, and how its value comes out of the file, the flags and the environment.

use std::time::Duration;

use exporter_toolkit::{Choice, Found, alternatives, format_duration, parse_duration, quote};

use super::keys::keys;
use super::scope::{Scope, Texts};

/// A key of the configuration, as file, command line and documentation know it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The path in the file, such as `poll.interval` or `sources[].region`.
    pub path: &'static str,
    /// What may be written.
    pub kind: Kind,
    /// The flag that overrides it, such as `--poll.interval`.
    pub flag: Option<&'static str>,
    /// What holds where nothing is written, as it would be written.
    pub default: Option<&'static str>,
    /// Whether a reload keeps the old value.
    pub needs_restart: bool,
    help: &'static str,
}

/// What a value looks like, and its bounds (inclusive).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A length of time.
    Duration(Duration, Duration),
    /// A whole number.
    Count(usize, usize),
    /// A number with or without a fraction.
    Rate(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text; the words say of what kind.
    Text(&'static str),
    /// At most so many texts; the words say of what kind. A flag may hold several, with commas.
    List(&'static str, usize),
    /// At most so many patterns, which may hold commas.
    Patterns(usize),
}

/// A key and how its value is read. `None` means that a fault was noted.
pub(super) struct Setting<T> {
    pub key: Key,
    pub read: fn(&mut Scope<'_, '_>, &Key) -> Option<T>,
}

/// A block of keys with a value each.
pub(super) trait Block: Sized {
    const KEYS: &'static [Key];

    /// Reads every key.
    fn read(scope: &mut Scope<'_, '_>) -> Option<Self>;

    /// Puts the old values of keys that need a restart back, and notes those that had changed.
    fn keep(&mut self, old: &Self, kept: &mut Vec<&'static str>);
}

/// Declares blocks of keys. Each row is a field of the block, its documentation (in the code, in
/// `--help` as far as the first sentence goes, and on the reference page) and its [`Setting`].
macro_rules! blocks {
    ($(
        $(#[$about:meta])*
        $block:ident {
            $($(#[doc = $help:literal])+ $field:ident: $type:ty = $setting:expr;)+
        }
    )+) => {
        $(
            $(#[$about])*
            #[derive(Debug, Clone, PartialEq)]
            pub struct $block {
                $($(#[doc = $help])+ pub $field: $type,)+
            }

            impl Block for $block {
                const KEYS: &'static [Key] = &[$({
                    const SETTING: Setting<$type> = $setting;
                    SETTING.key.help(concat!($($help),+))
                }),+];

                fn read(scope: &mut Scope<'_, '_>) -> Option<Self> {
                    $(let $field = {
                        const SETTING: Setting<$type> = $setting;
                        (SETTING.read)(scope, &SETTING.key)
                    };)+
                    Some(Self { $($field: $field?),+ })
                }

                fn keep(&mut self, old: &Self, kept: &mut Vec<&'static str>) {
                    $({
                        const SETTING: Setting<$type> = $setting;
                        SETTING.key.keep(&mut self.$field, &old.$field, kept);
                    })+
                }
            }
        )+

        /// All keys, in the order of the reference page.
        pub fn keys() -> impl Iterator<Item = &'static Key> {
            [$($block::KEYS),+].into_iter().flatten()
        }
    };
}
pub(super) use blocks;

// === settings ===

pub(super) const fn setting<T>(
    path: &'static str,
    kind: Kind,
    read: fn(&mut Scope<'_, '_>, &Key) -> Option<T>,
) -> Setting<T> {
    let key = Key {
        path,
        kind,
        flag: None,
        default: None,
        needs_restart: false,
        help: "",
    };
    Setting { key, read }
}

pub(super) const fn duration(
    path: &'static str,
    min: Duration,
    max: Duration,
) -> Setting<Duration> {
    setting(path, Kind::Duration(min, max), |scope, key| {
        scope.value(key, |text| key.duration(text))
    })
}

pub(super) const fn count(path: &'static str, min: usize, max: usize) -> Setting<usize> {
    setting(path, Kind::Count(min, max), |scope, key| {
        scope.value(key, |text| key.count(text))
    })
}

pub(super) const fn choice<T: Choice>(path: &'static str) -> Setting<T> {
    setting(path, Kind::Choice(T::NAMES), |scope, key| {
        scope.value(key, word)
    })
}

/// A text that may be absent, as `parse` understands it.
pub(super) const fn text(path: &'static str, what: &'static str) -> Setting<Option<Found<String>>> {
    setting(path, Kind::Text(what), |scope, key| Some(scope.text(key)))
}

pub(super) const fn list(path: &'static str, what: &'static str, most: usize) -> Setting<Texts> {
    setting(path, Kind::List(what, most), |scope, key| {
        Some(scope.texts(key, most_of(key)).at_the_key())
    })
}

pub(super) const fn patterns(path: &'static str, most: usize) -> Setting<Texts> {
    setting(path, Kind::Patterns(most), |scope, key| {
        Some(scope.texts(key, most_of(key)).at_the_key())
    })
}

fn most_of(key: &Key) -> usize {
    match key.kind {
        Kind::List(_, most) | Kind::Patterns(most) => most,
        _ => 1,
    }
}

/// One of the words of `T`.
pub(super) fn word<T: Choice>(text: &str) -> Result<T, String> {
    T::from_word(text).ok_or_else(|| {
        let words = alternatives(T::NAMES);
        format!("{} is not known here: write {words}", quote(text))
    })
}

impl<T> Setting<T> {
    pub(super) const fn flag(mut self, flag: &'static str) -> Self {
        self.key.flag = Some(flag);
        self
    }

    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.key.default = Some(default);
        self
    }

    pub(super) const fn needs_restart(mut self) -> Self {
        self.key.needs_restart = true;
        self
    }
}

// === impl Key ===

impl Key {
    pub(super) const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    /// The last word of the path, as it stands in the file.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or(self.path)
    }

    /// The environment variable that overrides it, where a flag does.
    pub fn environment(&self) -> Option<String> {
        self.flag.map(environment_name)
    }

    /// What it means, in Markdown; the first sentence says the most.
    pub fn meaning(&self) -> &'static str {
        self.help.trim_start()
    }

    /// The flag and its variable, for messages.
    pub(super) fn told(&self) -> String {
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
        let fits = |span: &Duration| matches!(&self.kind, Kind::Duration(min, max) if (min..=max).contains(&span));
        self.bounded(text, parse_duration(text), fits)
    }

    pub(super) fn count(&self, text: &str) -> Result<usize, String> {
        let fits = |count: &usize| matches!(&self.kind, Kind::Count(min, max) if (min..=max).contains(&count));
        self.bounded(text, text.parse().ok(), fits)
    }

    pub(super) fn rate(&self, text: &str) -> Result<f64, String> {
        let fits =
            |rate: &f64| matches!(&self.kind, Kind::Rate(min, max) if (min..=max).contains(&rate));
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

/// The keys of the block at `path` and of those within it.
pub(super) fn keys_under(path: &str) -> impl Iterator<Item = &'static Key> {
    keys().filter(move |key| key.path.starts_with(path))
}

/// The environment variable of a flag: `--poll.interval` is `SCF_EXPORTER_POLL_INTERVAL`.
pub fn environment_name(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace(['.', '-'], "_");
    format!("SCF_EXPORTER_{}", name.to_ascii_uppercase())
}

// === impl Kind ===

impl Kind {
    /// What may be written, in words: `100ms to 1h`, `1 to 1000`, `GET or POST`.
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

    pub(super) fn takes_variables(&self) -> bool {
        matches!(self, Self::Text(what) if what.contains("${NAME}"))
    }
}
