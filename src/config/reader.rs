//! Reads keys out of the tree, one by one, and keeps every fault it meets.
//!
//! A reading function returns `None` where it has noted a fault, and goes on: the caller reads
//! everything first and builds the value last, so that one run reports all that is wrong.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use super::key::{KEYS, Key, Shape};
use exporter_toolkit::Choice;
use exporter_toolkit::alternatives;
use exporter_toolkit::nearest;
use exporter_toolkit::parse_duration;
use exporter_toolkit::yaml::{Content, Node};
use exporter_toolkit::{Diagnostic, Found, Place, quote};

/// A block of keys, with unknown ones already noted.
pub(super) struct Section {
    /// The path for messages, such as `sources[0]`; empty at the top.
    pub path: String,
    /// Where the block starts.
    pub at: Place,
    node: Option<Rc<Node>>,
}

/// Collects faults; knows the world outside the file.
pub(super) struct Reader<'a> {
    /// The environment, for `${NAME}`.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// The directory that relative names of secret files start from.
    pub base: &'a Path,
    faults: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

// === impl Section ===

impl Section {
    /// A block that nobody wrote.
    pub(super) fn absent(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            at: Place::Nowhere,
            node: None,
        }
    }

    /// The value under `name`.
    pub(super) fn get(&self, name: &str) -> Option<&Rc<Node>> {
        match &self.node.as_ref()?.content {
            Content::Map(entries) => entries.get(name).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// Place and path of `key`, which may stand in a block within this one; `table_path` is the
    /// path of this block in the table.
    pub(super) fn find(&self, key: &Key, table_path: &str) -> Option<(Place, String)> {
        let rest = key.path.strip_prefix(table_path)?.strip_prefix('.')?;
        let mut node = self.node.as_ref()?;
        for name in rest.split('.') {
            let Content::Map(entries) = &node.content else {
                return None;
            };
            node = &entries.get(name)?.value;
        }
        Some((node.at, self.path_of(rest)))
    }

    /// The path of a key in it.
    pub(super) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            return name.to_owned();
        }
        format!("{}.{name}", self.path)
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(super) fn new(
        env: &'a dyn Fn(&str) -> Option<String>,
        base: &'a Path,
        faults: Vec<Diagnostic>,
    ) -> Self {
        Self {
            env,
            base,
            faults,
            warnings: Vec::new(),
        }
    }

    pub(super) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    pub(super) fn into_faults(self) -> Vec<Diagnostic> {
        self.faults
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, at: Place, path: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Diagnostic::new(at, path, message));
    }

    /// Notes something that is not wrong, but hardly meant.
    pub(super) fn warn(&mut self, at: Place, path: impl Into<String>, message: impl Into<String>) {
        self.warnings.push(Diagnostic::new(at, path, message));
    }

    /// What was noted as hardly meant.
    pub(super) fn take_warnings(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.warnings)
    }

    /// The block at `node`, whose keys are those of the table under `table_path` (`sources[]`
    /// where the section's own path is `sources[0]`). An empty block is as good as none.
    pub(super) fn section(
        &mut self,
        node: Option<&Rc<Node>>,
        path: String,
        table_path: &str,
    ) -> Section {
        let mut section = Section::absent(&path);
        let Some(node) = node else { return section };
        section.at = node.at;
        match &node.content {
            Content::Null => {}
            Content::Map(_) => section.node = Some(Rc::clone(node)),
            _ => {
                let message = format!("has {} where keys with values belong", node.kind());
                self.fault(node.at, path, message);
            }
        }
        self.refuse_unknown(&section, table_path);
        section
    }

    fn refuse_unknown(&mut self, section: &Section, table_path: &str) {
        let Some(Content::Map(entries)) = section.node.as_ref().map(|node| &node.content) else {
            return;
        };
        let known = names_under(table_path);
        for (name, entry) in entries {
            if known.contains(&name.as_str()) {
                continue;
            }
            let (path, message) = unknown(section, name, table_path, &known);
            self.fault(entry.at, path, message);
        }
    }

    /// The text under `key` in the file. A missing key is `None` without a fault.
    pub(super) fn text(&mut self, section: &Section, key: &Key) -> Option<Found<String>> {
        let node = Rc::clone(section.get(key.name())?);
        self.text_of(&node, section.path_of(key.name()), &key.shape)
    }

    fn text_of(&mut self, node: &Node, path: String, shape: &Shape) -> Option<Found<String>> {
        if let Content::Text(text) = &node.content {
            if let Some(name) = variable_in(text).filter(|_| !may_be_variable(shape)) {
                let message = format!(
                    "has {name}, but variables are not expanded here: write the value itself, or \
                     leave the key out and give its flag or SCF_EXPORTER_ variable"
                );
                self.fault(node.at, path, message);
                return None;
            }
            return Some(Found {
                value: text.clone(),
                at: node.at,
            });
        }
        let message = format!("has {}: write {}", node.kind(), wanted(shape));
        self.fault(node.at, path, message);
        None
    }

    /// The texts under `key` in the file, at most `most`; an empty list is a fault, because it
    /// could mean all as well as none.
    pub(super) fn texts(
        &mut self,
        section: &Section,
        key: &Key,
        most: usize,
    ) -> Option<Vec<Found<String>>> {
        let node = Rc::clone(section.get(key.name())?);
        let path = section.path_of(key.name());
        let Content::List(items) = &node.content else {
            let message = format!("has {}: write a {}", node.kind(), key.shape.bounds());
            self.fault(node.at, path, message);
            return None;
        };
        if items.is_empty() || items.len() > most {
            let message = format!("has {} entries: write 1 to {most}, or no key", items.len());
            self.fault(node.at, path, message);
            return None;
        }
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            texts.extend(self.text_of(item, format!("{path}[{index}]"), &Shape::Text("text")));
        }
        Some(texts)
    }

    /// The text under `key` in the file, or the list of them, each with its path; none where there
    /// is no such key.
    pub(super) fn one_or_more(
        &mut self,
        section: &Section,
        key: &Key,
        most: usize,
    ) -> Option<Vec<(String, Found<String>)>> {
        let path = section.path_of(key.name());
        let Some(node) = section.get(key.name()) else {
            return Some(Vec::new());
        };
        if !matches!(node.content, Content::List(_)) {
            let text = self.text(section, key)?;
            return Some(vec![(path, text)]);
        }
        let texts = self.texts(section, key, most)?;
        let texts = texts.into_iter().enumerate();
        Some(
            texts
                .map(|(index, text)| (format!("{path}[{index}]"), text))
                .collect(),
        )
    }

    /// The value of `key`: the flag's, else the file's, else the default's. What the file says
    /// is judged even where a flag wins.
    pub(super) fn value<T>(
        &mut self,
        section: &Section,
        key: &Key,
        flag: Option<&str>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Found<T>> {
        let written = section.get(key.name()).is_some();
        let from_file = self.text(section, key).and_then(|text| {
            let path = section.path_of(key.name());
            self.parsed(text, path, &parse)
        });
        if let (Some(text), Some(name)) = (flag, key.flag) {
            let text = Found {
                value: text.to_owned(),
                at: Place::Flag(name),
            };
            return self.parsed(text, String::new(), &parse);
        }
        if written {
            return from_file;
        }
        let value = parse(key.default?).ok()?;
        Some(Found {
            value,
            at: Place::Nowhere,
        })
    }

    /// Like [`Reader::value`] without the place, for a key that may stand nowhere: `None` is a
    /// fault, `Some(None)` means that nothing was written.
    pub(super) fn optional<T>(
        &mut self,
        section: &Section,
        key: &Key,
        flag: Option<&str>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Option<T>> {
        let written = flag.is_some() || section.get(key.name()).is_some();
        match self.value(section, key, flag, parse) {
            None if written => None,
            found => Some(found.map(|found| found.value)),
        }
    }

    fn parsed<T>(
        &mut self,
        text: Found<String>,
        path: String,
        parse: &impl Fn(&str) -> Result<T, String>,
    ) -> Option<Found<T>> {
        match parse(&text.value) {
            Ok(value) => Some(Found { value, at: text.at }),
            Err(message) => {
                self.fault(text.at, path, message);
                None
            }
        }
    }

    /// A length of time inside the key's bounds.
    pub(super) fn duration(
        &mut self,
        section: &Section,
        key: &Key,
        flag: Option<&str>,
    ) -> Option<Found<Duration>> {
        self.value(section, key, flag, |text| {
            let span = parse_duration(text);
            bounded(&key.shape, text, span, |shape, span| match shape {
                Shape::Duration(min, max) => min <= span && span <= max,
                _ => true,
            })
        })
    }

    /// A whole number inside the key's bounds.
    pub(super) fn count(
        &mut self,
        section: &Section,
        key: &Key,
        flag: Option<&str>,
    ) -> Option<Found<usize>> {
        self.value(section, key, flag, |text| {
            bounded(
                &key.shape,
                text,
                text.parse().ok(),
                |shape, count| match shape {
                    Shape::Count(min, max) => min <= count && count <= max,
                    _ => true,
                },
            )
        })
    }

    /// A number inside the key's bounds.
    pub(super) fn rate(
        &mut self,
        section: &Section,
        key: &Key,
        flag: Option<&str>,
    ) -> Option<Found<f64>> {
        self.value(section, key, flag, |text| {
            bounded(
                &key.shape,
                text,
                text.parse().ok(),
                |shape, rate| match shape {
                    Shape::Rate(min, max) => min <= rate && rate <= max,
                    _ => true,
                },
            )
        })
    }

    /// One of the words of `T`.
    pub(super) fn choice<T: Choice>(
        &mut self,
        section: &Section,
        key: &Key,
        flag: Option<&str>,
    ) -> Option<Found<T>> {
        self.value(section, key, flag, |text| {
            T::from_word(text).ok_or_else(|| {
                let words = alternatives(T::NAMES);
                format!("{} is not known here: write {words}", quote(text))
            })
        })
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

/// Whether a key of this shape takes `${NAME}`, as the table says.
fn may_be_variable(shape: &Shape) -> bool {
    matches!(shape, Shape::Text(kind) if kind.contains("${NAME}"))
}

fn bounded<T>(
    shape: &Shape,
    text: &str,
    value: Option<T>,
    fits: impl Fn(&Shape, &T) -> bool,
) -> Result<T, String> {
    let wanted = wanted(shape);
    match value {
        Some(value) if fits(shape, &value) => Ok(value),
        Some(_) => Err(format!("{} is out of bounds: write {wanted}", quote(text))),
        None => Err(format!("{} cannot be read: write {wanted}", quote(text))),
    }
}

fn wanted(shape: &Shape) -> String {
    let bounds = shape.bounds();
    match shape {
        Shape::Duration(..) => format!("a duration from {bounds}, such as 15s or 1m30s"),
        Shape::Count(..) => format!("a whole number from {bounds}"),
        Shape::Rate(..) => format!("a number from {bounds}"),
        Shape::Choice(_) => bounds,
        Shape::Text(kind) => format!("one value ({kind})"),
        Shape::List(_) => format!("a {bounds}"),
    }
}

/// The words that may stand in the block at `table_path`.
fn names_under(table_path: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for key in KEYS {
        let Some(rest) = key.path.strip_prefix(table_path) else {
            continue;
        };
        let first = rest.trim_start_matches('.').split('.').next();
        let name = first.unwrap_or(rest).trim_end_matches("[]");
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Path and message for a key that does not exist. Under `credentials` the key itself is left
/// out: a block written as `ID: KEY` would put a secret there.
fn unknown(
    section: &Section,
    name: &str,
    table_path: &str,
    known: &[&'static str],
) -> (String, String) {
    if name == "<<" {
        let message = "merge keys are not supported: write the keys out, or use an alias for a \
                       whole value";
        return (section.path_of("<<"), message.to_owned());
    }
    let near = nearest(name, known.iter().copied());
    if table_path.ends_with(".credentials") && near.is_none() {
        let message = format!("has an unknown key: known are {}", known.join(", "));
        return (section.path.clone(), message);
    }
    let elsewhere = KEYS.iter().find(|key| key.name() == name);
    let message = match (near, elsewhere) {
        (Some(near), _) => format!("unknown key: did you mean {near}?"),
        (None, Some(key)) => format!("unknown key here: {} exists", key.path),
        (None, None) => format!("unknown key: known are {}", known.join(", ")),
    };
    let shown = quote(name);
    (section.path_of(shown.trim_matches('`')), message)
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

    #[test]
    fn blocks_know_their_words() {
        assert_eq!(
            names_under(""),
            ["web", "state", "poll", "limits", "series", "log", "sources"]
        );
        assert_eq!(names_under("log"), ["level", "format"]);
        assert_eq!(
            names_under("sources[].functions"),
            ["names", "include", "exclude"]
        );
        assert!(names_under("sources[]").contains(&"credentials"));
    }
}
