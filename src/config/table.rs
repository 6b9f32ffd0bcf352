//! Declares blocks of keys, reads them, and keeps values over a reload.

use std::time::Duration;

use exporter_toolkit::{Choice, Found, alternatives, quote};

use super::key::{Key, Kind};
use super::scope::{Scope, Texts};

/// A key and the function that reads its value, which returns `None` after a fault.
pub(super) struct Setting<T> {
    pub key: Key,
    pub read: fn(&mut Scope<'_, '_>, &Key) -> Option<T>,
}

/// A block of keys with a value each.
pub(super) trait Block: Sized {
    const KEYS: &'static [Key];

    /// Reads every key.
    fn read(scope: &mut Scope<'_, '_>) -> Option<Self>;

    /// Restores the old values of keys that need a restart, and adds those that had changed to `kept`.
    fn keep(&mut self, old: &Self, kept: &mut Vec<&'static str>);
}

/// Declares blocks of keys. Each row is a field of the block with its [`Setting`]. Its doc comment is
/// its row on the reference page, and the first sentence is its text in `--help`.
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

        /// Returns all keys in the order of the reference page.
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
    let key = Key::new(path, kind);
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

pub(super) const fn text(path: &'static str, what: &'static str) -> Setting<Option<Found<String>>> {
    setting(path, Kind::Text(what), |scope, key| Some(scope.text(key)))
}

/// A list of texts or patterns.
pub(super) const fn list(path: &'static str, kind: Kind) -> Setting<Texts> {
    setting(path, kind, |scope, key| Some(scope.texts(key).at_the_key()))
}

/// Parses one of the words of `T`.
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
