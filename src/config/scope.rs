//! Reads values from a block of the file and from the flags that win over it.

use exporter_toolkit::yaml::Content;
use exporter_toolkit::{Found, Place, Reader, Section};

use super::key::Key;
use super::overrides::Overrides;

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

// === impl Texts ===

impl Texts {
    /// Gives each text the path of its list, as its place already tells them apart.
    pub(super) fn at_the_key(mut self) -> Self {
        for text in &mut self.file {
            let end = text.path.rfind('[').unwrap_or(text.path.len());
            text.path.truncate(end);
        }
        self
    }
}

// === impl Scope ===

impl<'a> Scope<'_, 'a> {
    /// Returns the block `name` within this one.
    pub(super) fn block(&mut self, name: &str) -> Scope<'_, 'a> {
        let section = match name {
            // In a block written as `ID: KEY`, faults would print the secret.
            "credentials" => self.reader.secret_section(&self.section, name),
            _ => self.reader.section(&self.section, name),
        };
        Scope {
            section,
            reader: self.reader,
            flags: self.flags,
        }
    }

    /// Returns whether the file has none of these keys.
    pub(super) fn has_none_of(&self, keys: &[Key]) -> bool {
        keys.iter()
            .all(|key| self.section.get(key.name()).is_none())
    }

    /// Returns the place of the value of `key`: the flag's, else the file's.
    pub(super) fn at(&self, key: &Key) -> Option<Found<()>> {
        let flag = self.flag_texts(key).first().map(|text| text.with(()));
        flag.or_else(|| self.section.find(key.path))
    }

    /// Returns the value of `key` for a rule between keys, or `None` where it is invalid, which is
    /// reported when it is read.
    pub(super) fn peek<T>(
        &self,
        key: &Key,
        parse: impl Fn(&Key, &str) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.section.get(key.name());
        let text = match (
            self.flags.get(key.path).last(),
            node.map(|node| &node.content),
        ) {
            (Some(flag), _) => flag.as_str(),
            (None, Some(Content::Text(text))) => text,
            (None, Some(_)) => return None,
            (None, None) => key.default?,
        };
        parse(key, text).ok()
    }

    /// Returns the values that flags give to `key`.
    pub(super) fn flag_texts(&self, key: &Key) -> Vec<Found<String>> {
        let texts = self.flags.get(key.path).iter();
        let found = |text: &String| Found {
            value: text.clone(),
            at: Place::Flag,
            path: key.flag_and_variable(),
        };
        texts.map(found).collect()
    }

    /// Reads the text under `key` in the file.
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

    /// Reads the texts under `key`. An empty list in the file is a fault, because it could mean all or
    /// none.
    pub(super) fn texts(&mut self, key: &Key) -> Texts {
        let (wanted, most) = (key.kind.wanted(), key.kind.most());
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

    /// Reads the value of `key`: the flag's, else the file's, else the default. The value of the file is
    /// checked even where a flag wins.
    pub(super) fn value<T>(
        &mut self,
        key: &Key,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.optional(key, &parse)?
            .or_else(|| parse(key.default?).ok())
    }

    /// Reads a value as [`Scope::value`] does, but returns `Some(None)` where nothing is written.
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

    /// Reads the value of a key without a default. `how` says what to do where it is missing.
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

/// Returns the first `${NAME}` in a text.
pub(super) fn variable_in(text: &str) -> Option<&str> {
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
