//! Reads keys from a YAML file one by one and collects all errors.
//!
//! A function that returns `None` for a value that exists has recorded an error. The caller goes on
//! and builds its result at the end, so that one run reports everything.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::yaml::{self, Content, Node};
use crate::{Diagnostic, Place, nearest, quote_key};

/// A value with its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// The value.
    pub value: T,
    /// The position, which orders reports.
    pub at: Place,
    /// The path of the key, such as `poll.interval` or `sources[0].topics[1]`, or another name of
    /// the value.
    pub path: String,
}

/// A block of keys with values. Its unknown keys have already been reported.
#[derive(Debug, Clone)]
pub struct Section {
    /// The path for messages, such as `sources[0]`; empty at the top level.
    pub path: String,
    /// Position of the block.
    pub at: Place,
    /// The path without indices, such as `sources[]`.
    table: String,
    node: Option<Rc<Node>>,
}

/// Reads one file.
pub struct Reader<'a> {
    base: &'a Path,
    keys: Vec<&'static str>,
    faults: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

// === impl Found ===

impl<T> Found<T> {
    /// Returns the same position with another value.
    pub fn with<U>(&self, value: U) -> Found<U> {
        Found {
            value,
            at: self.at,
            path: self.path.clone(),
        }
    }
}

// === impl Section ===

impl Section {
    /// Creates an empty block for one that the file does not contain. `path` is its path in the
    /// file, `table` its path in the table of keys.
    pub fn absent(path: impl Into<String>, table: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            at: Place::Nowhere,
            table: table.into(),
            node: None,
        }
    }

    /// Returns the value of the key `name`.
    pub fn get(&self, name: &str) -> Option<&Rc<Node>> {
        match &self.node.as_ref()?.content {
            Content::Map(entries) => entries.get(name).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// Returns the position of a key, given its path in the table. It may be in a nested block.
    pub fn find(&self, key: &str) -> Option<Found<()>> {
        let rest = key.strip_prefix(&self.table)?.trim_start_matches('.');
        let mut node = self.node.as_ref()?;
        for name in rest.split('.') {
            let Content::Map(entries) = &node.content else {
                return None;
            };
            node = &entries.get(name)?.value;
        }
        Some(self.named(rest, node.at))
    }

    /// Returns the position of the key `name`, or of the block if there is no such key.
    pub fn place(&self, name: &str) -> Found<()> {
        self.named(name, self.get(name).map_or(self.at, |node| node.at))
    }

    /// Returns the position of the block, with the path of the key `name`, or of the block itself
    /// if `name` is empty.
    pub fn of_block(&self, name: &str) -> Found<()> {
        self.named(name, self.at)
    }

    fn named(&self, name: &str, at: Place) -> Found<()> {
        let path = join(&self.path, name);
        Found {
            value: (),
            at,
            path,
        }
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    /// Creates a reader. `base` is the directory of the file; `keys` are the known keys, as paths
    /// such as `poll.interval` and `sources[].region`.
    pub fn new(base: &'a Path, keys: Vec<&'static str>) -> Self {
        Self {
            base,
            keys,
            faults: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Parses the file. Returns `None` if it is empty or not YAML.
    pub fn parse(&mut self, text: &str) -> Option<Rc<Node>> {
        let (root, faults) = yaml::read(text.strip_prefix('\u{feff}').unwrap_or(text));
        self.faults.extend(faults);
        root
    }

    /// Returns whether an error was recorded.
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Returns the errors and the warnings.
    pub fn finish(self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        (self.faults, self.warnings)
    }

    /// Records an error in a value.
    pub fn fault<T>(&mut self, found: &Found<T>, message: impl Into<String>) {
        let fault = Diagnostic::new(found.at, found.path.as_str(), message);
        self.faults.push(fault);
    }

    /// Records a warning about a value that is valid but probably not intended.
    pub fn warn<T>(&mut self, found: &Found<T>, message: impl Into<String>) {
        let warning = Diagnostic::new(found.at, found.path.as_str(), message);
        self.warnings.push(warning);
    }

    /// Resolves a path relative to the directory of the file.
    pub fn file(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// Returns the whole file as a block.
    pub fn root(&mut self, node: Option<&Rc<Node>>) -> Section {
        self.block(node, Section::absent("", ""), true)
    }

    /// Returns the block under `name`. An empty one is the same as a missing one.
    pub fn section(&mut self, parent: &Section, name: &str) -> Section {
        let section = Section::absent(join(&parent.path, name), join(&parent.table, name));
        self.block(parent.get(name), section, true)
    }

    /// Like [`Reader::section`], for a block into which a secret may have been pasted by mistake:
    /// messages repeat none of its keys.
    pub fn secret_section(&mut self, parent: &Section, name: &str) -> Section {
        let section = Section::absent(join(&parent.path, name), join(&parent.table, name));
        self.block(parent.get(name), section, false)
    }

    /// Returns the blocks of the list under `name`, at most `most` of them, or `None` if the value
    /// is not such a list.
    pub fn sections(&mut self, parent: &Section, name: &str, most: usize) -> Option<Vec<Section>> {
        let Some(node) = parent.get(name) else {
            return Some(Vec::new());
        };
        let message = match &node.content {
            Content::Null => return Some(Vec::new()),
            Content::List(items) if items.len() <= most => {
                let (path, table) = (join(&parent.path, name), join(&parent.table, name));
                let blocks = items.iter().enumerate().map(|(index, item)| {
                    let path = format!("{path}[{index}]");
                    let section = Section::absent(path, format!("{table}[]"));
                    self.block(Some(item), section, true)
                });
                return Some(blocks.collect());
            }
            Content::List(items) => format!("{} {name}: write at most {most}", items.len()),
            _ => format!(
                "has {}: write a list, each {} after a dash",
                node.kind(),
                name.trim_end_matches('s')
            ),
        };
        self.fault(&parent.place(name), message);
        None
    }

    fn block(&mut self, node: Option<&Rc<Node>>, mut section: Section, shown: bool) -> Section {
        let Some(node) = node else { return section };
        section.at = node.at;
        match &node.content {
            Content::Null => {}
            Content::Map(entries) => {
                section.node = Some(Rc::clone(node));
                let known = self.names_under(&section.table);
                for (name, entry) in entries {
                    if !known.contains(&name.as_str()) {
                        let (path, message) = self.unknown(&section, name, &known, shown);
                        self.faults.push(Diagnostic::new(entry.at, path, message));
                    }
                }
            }
            _ => self.fault_block(node, section.path.clone()),
        }
        section
    }

    fn fault_block(&mut self, node: &Node, path: String) {
        let message = format!("has {} where keys with values belong", node.kind());
        self.faults.push(Diagnostic::new(node.at, path, message));
    }

    /// Returns path and message for an unknown key.
    fn unknown(
        &self,
        section: &Section,
        name: &str,
        known: &[&'static str],
        shown: bool,
    ) -> (String, String) {
        if name == "<<" {
            let message = "merge keys are not supported: write the keys out, or use an alias for a \
                           whole value";
            return (join(&section.path, "<<"), message.to_owned());
        }
        let near = nearest(name, known.iter().copied());
        if !shown && near.is_none() {
            let message = format!("has an unknown key: known are {}", known.join(", "));
            return (section.path.clone(), message);
        }
        let elsewhere = self.keys.iter().find(|key| last(key) == name);
        let message = match (near, elsewhere) {
            (Some(near), _) => format!("unknown key: did you mean {near}?"),
            (None, Some(key)) => format!("unknown key here: {key} exists"),
            (None, None) => format!("unknown key: known are {}", known.join(", ")),
        };
        (join(&section.path, &quote_key(name)), message)
    }

    /// Returns the known keys of the block at this path of the table.
    fn names_under(&self, table: &str) -> Vec<&'static str> {
        let mut names = Vec::new();
        for key in &self.keys {
            let rest = match table {
                "" => Some(*key),
                table => key
                    .strip_prefix(table)
                    .and_then(|key| key.strip_prefix('.')),
            };
            let first = rest.and_then(|rest| rest.split('.').next());
            let Some(name) = first.map(|name| name.trim_end_matches("[]")) else {
                continue;
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns the text under `name`. `wanted` says in messages what to write instead of another
    /// kind of value.
    pub fn text(&mut self, section: &Section, name: &str, wanted: &str) -> Option<Found<String>> {
        let node = Rc::clone(section.get(name)?);
        self.text_of(&node, join(&section.path, name), wanted)
    }

    /// Returns the texts of the list under `name`.
    pub fn list(
        &mut self,
        section: &Section,
        name: &str,
        wanted: &str,
    ) -> Option<Vec<Found<String>>> {
        let node = Rc::clone(section.get(name)?);
        let path = join(&section.path, name);
        let Content::List(items) = &node.content else {
            let message = format!("has {}: write {wanted}", node.kind());
            self.faults.push(Diagnostic::new(node.at, path, message));
            return None;
        };
        let texts = items.iter().enumerate();
        let texts = texts.filter_map(|(at, item)| {
            self.text_of(item, format!("{path}[{at}]"), "one value (text)")
        });
        Some(texts.collect())
    }

    /// Returns the keys and texts of the block under `name`, whose keys are not checked. A missing
    /// value counts as an empty text.
    pub fn entries(&mut self, section: &Section, name: &str) -> Vec<(String, Found<String>)> {
        let mut texts = Vec::new();
        let Some(node) = section.get(name) else {
            return texts;
        };
        let path = join(&section.path, name);
        let Content::Map(entries) = &node.content else {
            if !matches!(node.content, Content::Null) {
                self.fault_block(node, path);
            }
            return texts;
        };
        for (name, entry) in entries {
            let mut text = Found {
                value: String::new(),
                at: entry.value.at,
                path: join(&path, &quote_key(name)),
            };
            if !matches!(entry.value.content, Content::Null) {
                let read = self.text_of(&entry.value, text.path.clone(), "one value");
                text = read.unwrap_or(text);
            }
            texts.push((name.clone(), text));
        }
        texts
    }

    fn text_of(&mut self, node: &Node, path: String, wanted: &str) -> Option<Found<String>> {
        let at = node.at;
        if let Content::Text(text) = &node.content {
            let value = text.clone();
            return Some(Found { value, at, path });
        }
        let message = format!("has {}: write {wanted}", node.kind());
        self.faults.push(Diagnostic::new(at, path, message));
        None
    }

    /// Returns the value that `parse` makes of `text`, or records its error.
    pub fn parsed<T>(
        &mut self,
        text: &Found<String>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<Found<T>> {
        match parse(&text.value) {
            Ok(value) => Some(text.with(value)),
            Err(message) => {
                self.fault(text, message);
                None
            }
        }
    }
}

fn join(path: &str, name: &str) -> String {
    match (path, name) {
        ("", name) => name.to_owned(),
        (path, "") => path.to_owned(),
        (path, name) => format!("{path}.{name}"),
    }
}

/// Returns the last component of a key's path.
fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = ["log.level", "log.format", "of[].name", "of[].in.a", "plain"];

    #[test]
    fn blocks_have_their_keys() {
        let reader = Reader::new(Path::new(""), KEYS.to_vec());
        for (table, names) in [
            ("", &["log", "of", "plain"][..]),
            ("log", &["level", "format"]),
            ("of[]", &["name", "in"]),
        ] {
            assert_eq!(reader.names_under(table), names);
        }
    }

    #[test]
    fn unknown_keys_are_reported_with_a_suggestion() {
        let mut reader = Reader::new(Path::new(""), KEYS.to_vec());
        let root = reader.parse("log: {levl: a, plain: b, x: c}\nof: [{hunter2: d}]\n");
        let root = reader.root(root.as_ref());
        reader.section(&root, "log");
        reader.sections(&root, "of", 1);
        let messages: Vec<String> = reader.finish().0.into_iter().map(|it| it.message).collect();
        assert_eq!(
            messages,
            [
                "unknown key: did you mean level?",
                "unknown key here: plain exists",
                "unknown key: known are level, format",
                "unknown key: known are name, in",
            ]
        );
    }

    #[test]
    fn keys_are_found_in_blocks_within_blocks() {
        let mut reader = Reader::new(Path::new(""), KEYS.to_vec());
        let root = reader.parse("of:\n- name: x\n- in:\n    a: y\n");
        let root = reader.root(root.as_ref());
        let of = reader.sections(&root, "of", 2).unwrap();
        let found = of[1].find("of[].in.a").unwrap();
        assert_eq!(
            (found.at, found.path.as_str()),
            (Place::File { line: 4, column: 8 }, "of[1].in.a")
        );
        assert_eq!(of[0].find("of[].in.a"), None);
    }
}
