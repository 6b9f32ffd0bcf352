//! Reads the values of a web configuration file as the toolkit does: what is empty is absent, and
//! each kind of value has the toolkit's words.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use crate::yaml::{Content, Node};
use crate::{Choice, Diagnostic, Found, Place, alternatives, nearest, quote, quote_key};

/// The words for yes and no of YAML 1.1, which the toolkit's reader takes.
const YES: &[&str] = &["y", "yes", "on", "true"];
const NO: &[&str] = &["n", "no", "off", "false"];

/// Keys with values, with unknown ones already noted.
pub(super) struct Block {
    node: Option<Rc<Node>>,
    path: String,
}

/// Collects faults. Where it notes one it goes on with a value of its own: nobody gets to see it.
pub(super) struct Form<'a> {
    base: &'a Path,
    faults: Vec<Diagnostic>,
}

// === impl Block ===

impl Block {
    pub(super) fn get(&self, name: &str) -> Option<&Rc<Node>> {
        match &self.node.as_ref()?.content {
            Content::Map(entries) => entries.get(name).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// Where the block, or the key in it, stands.
    pub(super) fn at(&self, name: &str) -> Place {
        let node = self.get(name).or(self.node.as_ref());
        node.map_or(Place::Nowhere, |node| node.at)
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }
}

// === impl Form ===

impl<'a> Form<'a> {
    pub(super) fn new(base: &'a Path, faults: Vec<Diagnostic>) -> Self {
        Self { base, faults }
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

    /// A file that is named from the directory of the configuration.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.base.join(name)
    }

    /// The block at `node`, whose keys are `known`.
    pub(super) fn block(
        &mut self,
        node: Option<&Rc<Node>>,
        path: &str,
        known: &[&'static str],
    ) -> Block {
        for (name, value) in self.entries_of(node, path) {
            if known.contains(&name.as_str()) {
                continue;
            }
            let message = match nearest(&name, known.iter().copied()) {
                Some(near) => format!("unknown key: did you mean {near}?"),
                None => format!("unknown key: known are {}", known.join(", ")),
            };
            let name = quote_key(&name);
            let path = match path {
                "" => name,
                path => format!("{path}.{name}"),
            };
            self.fault(value.at, path, message);
        }
        Block {
            node: node.cloned(),
            path: path.to_owned(),
        }
    }

    /// The texts of the block at `node`, whatever their keys.
    pub(super) fn entries(
        &mut self,
        node: Option<&Rc<Node>>,
        path: &str,
    ) -> Vec<(String, Found<String>)> {
        let mut texts = Vec::new();
        for (name, value) in self.entries_of(node, path) {
            let path = format!("{path}.{}", quote_key(&name));
            let text = self.text_of(&value, &path).unwrap_or_default();
            let at = value.at;
            texts.push((name, Found { value: text, at }));
        }
        texts
    }

    fn entries_of(&mut self, node: Option<&Rc<Node>>, path: &str) -> Vec<(String, Rc<Node>)> {
        let Some(node) = node else { return Vec::new() };
        match &node.content {
            Content::Map(entries) => {
                let entries = entries.iter();
                let entries = entries.map(|(name, entry)| (name.clone(), entry.value.clone()));
                entries.collect()
            }
            Content::Null => Vec::new(),
            _ => {
                let message = format!("has {} where keys with values belong", node.kind());
                self.fault(node.at, path, message);
                Vec::new()
            }
        }
    }

    fn text_of(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.content {
            Content::Text(text) => Some(text.clone()),
            Content::Null => None,
            _ => {
                let message = format!("has {}: write one value", node.kind());
                self.fault(node.at, path, message);
                None
            }
        }
    }

    /// The text under `name`; an empty one is as good as none.
    pub(super) fn text(&mut self, block: &Block, name: &str) -> Option<Found<String>> {
        let node = Rc::clone(block.get(name)?);
        let value = self.text_of(&node, &block.path_of(name))?;
        let at = node.at;
        Some(Found { value, at }).filter(|found| !found.value.is_empty())
    }

    /// The texts of the list under `name`; no list is not an empty list.
    pub(super) fn list(&mut self, block: &Block, name: &str) -> Option<Vec<Found<String>>> {
        let node = Rc::clone(block.get(name)?);
        let path = block.path_of(name);
        match &node.content {
            Content::Null => None,
            Content::List(items) => {
                let mut texts = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    let text = self.text_of(item, &format!("{path}[{index}]"));
                    let at = item.at;
                    texts.extend(text.map(|value| Found { value, at }));
                }
                Some(texts)
            }
            _ => {
                let message = format!("has {}: write a list", node.kind());
                self.fault(node.at, path, message);
                None
            }
        }
    }

    /// One of the words of `T`. `absent` says what to do about a word that only the toolkit knows.
    pub(super) fn word<T: Choice>(
        &mut self,
        text: &Found<String>,
        path: String,
        absent: impl Fn(&str) -> Option<&'static str>,
    ) -> Option<T> {
        let found = T::from_word(&text.value);
        if found.is_none() {
            let shown = quote(&text.value);
            let message = match absent(&text.value) {
                Some(instead) => format!("{shown} is not offered here: {instead}"),
                None => format!("{shown} is not known: write {}", alternatives(T::NAMES)),
            };
            self.fault(text.at, path, message);
        }
        found
    }

    /// Yes or no.
    pub(super) fn truth(&mut self, block: &Block, name: &str, default: bool) -> bool {
        let Some(text) = self.text(block, name) else {
            return default;
        };
        let word = text.value.to_ascii_lowercase();
        if YES.contains(&word.as_str()) {
            return true;
        }
        if !NO.contains(&word.as_str()) {
            let message = format!("{} is not known: write true or false", quote(&text.value));
            self.fault(text.at, block.path_of(name), message);
        }
        false
    }

    /// A whole number; nothing written is 0.
    pub(super) fn number(&mut self, block: &Block, name: &str) -> i64 {
        let Some(text) = self.text(block, name) else {
            return 0;
        };
        text.value.parse().unwrap_or_else(|_| {
            let message = format!("{} is no whole number", quote(&text.value));
            self.fault(text.at, block.path_of(name), message);
            0
        })
    }

    /// A length of time as Go writes it, where a bare number is of nanoseconds. Nothing for one
    /// below 0.
    pub(super) fn go_duration(&mut self, block: &Block, name: &str) -> Option<Duration> {
        let text = self.text(block, name)?;
        let nanos = text.value.parse().ok().or_else(|| go_nanos(&text.value));
        let Some(nanos) = nanos else {
            let message = format!(
                "{} cannot be read: write a duration such as 100ms, 1.5s or 1m30s",
                quote(&text.value)
            );
            self.fault(text.at, block.path_of(name), message);
            return None;
        };
        u64::try_from(nanos).ok().map(Duration::from_nanos)
    }
}

/// `1h2m3.5s` and the like; one sign in front is allowed, `0` needs no unit.
fn go_nanos(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut nanos = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let end = behind.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, behind) = behind.split_at(end.unwrap_or(behind.len()));
        let unit = match unit {
            "ns" => 1.0,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3_600e9,
            _ => return None,
        };
        nanos += number.parse::<f64>().ok()? * unit;
        rest = behind;
    }
    let fits = !text.is_empty() && !text.ends_with(['-', '+']) && nanos < i64::MAX as f64;
    fits.then_some((sign * nanos) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("0", Some(0)),
            ("1s", Some(1_000_000_000)),
            ("+5s", Some(5_000_000_000)),
            ("-1.5h", Some(-5_400_000_000_000)),
            ("1h15m30.918s", Some(4_530_918_000_000)),
            ("100us", Some(100_000)),
            (".5s", Some(500_000_000)),
            ("1.s", Some(1_000_000_000)),
            ("", None),
            ("-", None),
            ("3", None),
            ("s", None),
            (".s", None),
            ("1d", None),
            ("1 s", None),
            ("1.2.3s", None),
            ("3000000h", None),
        ] {
            assert_eq!(go_nanos(text), nanos, "{text:?}");
        }
    }
}
