//! What a key is, and how its value comes out of the file, the flags and the environment.

use std::time::Duration;

use exporter_toolkit::yaml::Content;
use exporter_toolkit::{
    Choice, Found, Place, Reader, Section, alternatives, format_duration, parse_duration, quote,
};

use super::keys::keys;
use super::overrides::Overrides;

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

/// A block of the file, and the flags that win over it.
pub(super) struct Scope<'r, 'a> {
    pub reader: &'r mut Reader<'a>,
    pub section: Section,
    pub flags: &'r Overrides,
}

/// The texts of a list in the file and on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    pub file: Vec<Found<String>>,
    pub flags: Vec<Found<String>>,
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

// === impl Texts ===

impl Texts {
    /// The texts with the path of their list: each has its own place.
    fn at_the_key(mut self) -> Self {
        for text in &mut self.file {
            let end = text.path.rfind('[').unwrap_or(text.path.len());
            text.path.truncate(end);
        }
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
    fn told(&self) -> String {
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

    fn wanted(&self) -> String {
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

    fn takes_variables(&self) -> bool {
        matches!(self, Self::Text(what) if what.contains("${NAME}"))
    }
}

// === impl Scope ===

impl<'a> Scope<'_, 'a> {
    /// The block under `name` within this one.
    pub(super) fn block(&mut self, name: &str) -> Scope<'_, 'a> {
        let section = match name {
            // A block written as `ID: KEY` would put a secret there.
            "credentials" => self.reader.secret_section(&self.section, name),
            _ => self.reader.section(&self.section, name),
        };
        Scope {
            section,
            reader: self.reader,
            flags: self.flags,
        }
    }

    /// Where the value of the key at `path` was written, if anywhere: the flag's, else the file's.
    pub(super) fn at(&self, path: &str) -> Option<Found<()>> {
        let key = keys().find(|key| key.path == path)?;
        let flag = self.flag_texts(key).first().map(|text| text.with(()));
        flag.or_else(|| self.section.find(path))
    }

    /// The value of the key at `path` for a rule between keys, where it is good: what is wrong with it
    /// is noted when it is read.
    pub(super) fn peek<T>(
        &self,
        path: &str,
        parse: impl Fn(&Key, &str) -> Result<T, String>,
    ) -> Option<T> {
        let key = keys().find(|key| key.path == path)?;
        let node = self.section.get(key.name());
        let text = match (self.flags.get(path).last(), node.map(|node| &node.content)) {
            (Some(flag), _) => flag.as_str(),
            (None, Some(Content::Text(text))) => text,
            (None, Some(_)) => return None,
            (None, None) => key.default?,
        };
        parse(key, text).ok()
    }

    /// The values that flags give to `key`.
    pub(super) fn flag_texts(&self, key: &Key) -> Vec<Found<String>> {
        let texts = self.flags.get(key.path).iter();
        let found = |text: &String| Found {
            value: text.clone(),
            at: Place::Flag,
            path: key.told(),
        };
        texts.map(found).collect()
    }

    /// The text under `key` in the file.
    pub(super) fn text(&mut self, key: &Key) -> Option<Found<String>> {
        let text = self
            .reader
            .text(&self.section, key.name(), &key.kind.wanted())?;
        self.without_variable(text, key)
    }

    fn without_variable(&mut self, text: Found<String>, key: &Key) -> Option<Found<String>> {
        if key.kind.takes_variables() {
            return Some(text);
        }
        let Some(name) = variable_in(&text.value) else {
            return Some(text);
        };
        let message = format!(
            "has {name}, but variables are not expanded here: write the value itself, or leave the \
             key out and give its flag or SCF_EXPORTER_ variable"
        );
        self.reader.fault(&text, message);
        None
    }

    /// The texts under `key`. An empty list in the file is a fault, because it could mean all as well
    /// as none.
    pub(super) fn texts(&mut self, key: &Key, most: usize) -> Texts {
        let wanted = key.kind.wanted();
        let mut file = Vec::new();
        if let Some(list) = self.reader.list(&self.section, key.name(), &wanted) {
            if list.is_empty() || list.len() > most {
                let message = format!("has {} entries: write 1 to {most}, or no key", list.len());
                self.reader.fault(&self.section.place(key.name()), message);
            } else {
                let good = |text| self.without_variable(text, key);
                file = list.into_iter().filter_map(good).collect();
            }
        }
        let mut flags = self.flag_texts(key);
        if flags.len() > most {
            let message = format!("is given {} times: give it at most {most}", flags.len());
            self.reader.fault(&flags[0], message);
            flags.truncate(1);
        }
        Texts { file, flags }
    }

    /// The value of `key`: the flag's, else the file's, else the default's. What the file says is
    /// judged even where a flag wins.
    pub(super) fn value<T>(
        &mut self,
        key: &Key,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.optional(key, &parse)?
            .or_else(|| parse(key.default?).ok())
    }

    /// Like [`Scope::value`], but `Some(None)` where nothing is written.
    pub(super) fn optional<T>(
        &mut self,
        key: &Key,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let is_written = self.section.get(key.name()).is_some();
        let text = self.text(key);
        let in_file = text.and_then(|text| self.reader.parsed(&text, &parse));
        let found = match self.flag_texts(key).pop() {
            Some(flag) => self.reader.parsed(&flag, &parse),
            None if !is_written => return Some(None),
            None => in_file,
        };
        found.map(|found| Some(found.value))
    }

    /// Like [`Scope::value`] for a key that has no default; `how` says what to do where it is missing.
    pub(super) fn required<T>(
        &mut self,
        key: &Key,
        how: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.optional(key, parse)?;
        if value.is_none() {
            let place = self.section.place(key.name());
            self.reader.fault(&place, format!("is missing: {how}"));
        }
        value
    }
}

/// The first `${NAME}` in a text.
fn variable_in(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        rest = &rest[at..];
        let end = rest.find('}')? + 1;
        let name = &rest[2..end - 1];
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let begins = name.starts_with(|c: char| !c.is_ascii_digit());
        if begins && name.chars().all(letter) {
            return Some(&rest[..end]);
        }
        rest = &rest[2..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found() {
        for (text, found) in [
            ("${REGION}", Some("${REGION}")),
            ("a-${X_1}-b", Some("${X_1}")),
            ("${} ${1A} ${ok}", Some("${ok}")),
            ("$REGION ${", None),
            ("a${2}b", None),
        ] {
            assert_eq!(variable_in(text), found, "{text}");
        }
    }
}
