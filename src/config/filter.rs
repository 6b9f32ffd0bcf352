//! Filters of names: which functions, or which namespaces, of a source are read.

use std::collections::BTreeSet;
use std::fmt;

use regex::{Regex, RegexBuilder};

use exporter_toolkit::nearest;
use exporter_toolkit::quote;

/// Maximum length of a pattern in bytes.
const MAX_PATTERN: usize = 1_000;
/// Maximum size of a compiled pattern in bytes: `a{1000}{1000}` is short, but compiles to megabytes.
const MAX_COMPILED: usize = 1 << 20;
/// Maximum number of unknown names for which a similar one is searched, as each search compares all names.
const SUGGESTED_MAX: usize = 10;

/// A regular expression that must match the whole name, as in Prometheus.
#[derive(Clone)]
pub struct Pattern {
    text: String,
    regex: Regex,
}

/// Exact names and patterns. Without names and `include` every name is wanted. What `exclude` matches
/// is not wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionFilter {
    /// Sorted, so that millions of rows find theirs quickly.
    names: Vec<String>,
    /// Patterns of wanted names, besides the exact ones.
    pub include: Vec<Pattern>,
    /// Patterns of unwanted names.
    pub exclude: Vec<Pattern>,
}

/// A part of a filter that matches no existing name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmatched {
    /// A name that does not exist.
    Name {
        /// As it was written.
        name: String,
        /// The most similar name that exists.
        nearest: Option<String>,
    },
    /// A pattern that matches no name.
    Pattern(String),
    /// Every existing name is excluded.
    All,
}

// === impl Unmatched ===

impl Unmatched {
    /// Says what is wrong and what to do, where names are those of a `thing`.
    pub fn describe(&self, thing: &str) -> String {
        match self {
            Self::Name {
                name,
                nearest: Some(nearest),
            } => format!(
                "no {thing} is called {}; did you mean {}?",
                quote(name),
                quote(nearest)
            ),
            Self::Name { name, .. } => format!(
                "no {thing} is called {}: check how it is written, and the region",
                quote(name)
            ),
            Self::Pattern(pattern) => format!(
                "the pattern {} fits no {thing}: compare it with their names",
                quote(pattern)
            ),
            Self::All => format!("every {thing} that there is is excluded: check `exclude`"),
        }
    }
}

// === impl Pattern ===

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// A message that says why it is no pattern.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > MAX_PATTERN {
            return Err(format!(
                "a pattern of {} bytes: write 1 to {MAX_PATTERN}",
                text.len()
            ));
        }
        // It must compile without anchors too: `a)|(b` is a pattern only between them.
        let compiled = compile(text).and_then(|_| compile(&format!("^(?:{text})$")));
        match compiled {
            Ok(regex) => Ok(Self {
                text: text.to_owned(),
                regex,
            }),
            Err(regex::Error::CompiledTooBig(_)) => Err(format!(
                "{} is too large a pattern: repeat less",
                quote(text)
            )),
            Err(error) => Err(format!(
                "{} is no regular expression: {}",
                quote(text),
                last_line(&error)
            )),
        }
    }

    /// Returns whether it matches the whole of `name`.
    pub fn matches(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }

    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

// === impl FunctionFilter ===

impl FunctionFilter {
    /// Returns a filter of exact names, patterns of wanted names, and patterns of unwanted ones.
    pub fn new(mut names: Vec<String>, include: Vec<Pattern>, exclude: Vec<Pattern>) -> Self {
        names.sort_unstable();
        Self {
            names,
            include,
            exclude,
        }
    }

    /// Returns whether this name is wanted.
    pub fn wants(&self, name: &str) -> bool {
        let matched = |patterns: &[Pattern]| patterns.iter().any(|p| p.matches(name));
        let named = self
            .names
            .binary_search_by(|known| known.as_str().cmp(name));
        let included = self.wants_all_by_default() || named.is_ok() || matched(&self.include);
        included && !matched(&self.exclude)
    }

    /// Returns the names where no pattern adds others, so that no list has to be fetched.
    pub fn exact_names(&self) -> Option<&[String]> {
        let exact = self.include.is_empty() && !self.names.is_empty();
        exact.then_some(self.names.as_slice())
    }

    /// Returns the exact names, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the parts that match none of the `existing` names, except patterns of unwanted names.
    pub fn unmatched(&self, existing: &BTreeSet<Box<str>>) -> Vec<Unmatched> {
        let known: Vec<&str> = existing.iter().map(|name| &**name).collect();
        let absent = self
            .names
            .iter()
            .filter(|&name| !existing.contains(name.as_str()));
        let names = absent.enumerate().map(|(index, name)| Unmatched::Name {
            name: name.clone(),
            nearest: (index < SUGGESTED_MAX)
                .then(|| nearest(name, known.iter().copied()).map(str::to_owned))
                .flatten(),
        });
        let idle = self.include.iter();
        let idle = idle.filter(|pattern| !known.iter().any(|name| pattern.matches(name)));
        let patterns = idle.map(|pattern| Unmatched::Pattern(pattern.text.clone()));
        let mut unmatched: Vec<Unmatched> = names.chain(patterns).collect();
        let nothing_left = !known.is_empty() && !known.iter().any(|name| self.wants(name));
        if unmatched.is_empty() && nothing_left {
            unmatched.push(Unmatched::All);
        }
        unmatched
    }

    fn wants_all_by_default(&self) -> bool {
        self.names.is_empty() && self.include.is_empty()
    }

    /// Returns whether surely no name is wanted by both. Patterns are not solved: the other filter must
    /// exclude the same patterns.
    pub(super) fn is_apart_from(&self, other: &Self) -> bool {
        self.is_outside(other) || other.is_outside(self)
    }

    fn is_outside(&self, other: &Self) -> bool {
        let excluded = |pattern| other.exclude.contains(pattern);
        !self.wants_all_by_default()
            && !self.names.iter().any(|name| other.wants(name))
            && self.include.iter().all(excluded)
    }
}

fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(MAX_COMPILED).build()
}

/// Returns the last line of an error of the regex crate, whose other lines repeat the pattern.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filter(names: &[&str], include: &[&str], exclude: &[&str]) -> FunctionFilter {
        let patterns = |texts: &[&str]| texts.iter().map(|t| Pattern::new(t).unwrap()).collect();
        let names = names.iter().map(ToString::to_string).collect();
        FunctionFilter::new(names, patterns(include), patterns(exclude))
    }

    #[test]
    fn patterns_match_whole_names() {
        let pattern = Pattern::new("a|bc").unwrap();
        assert!(pattern.matches("a") && pattern.matches("bc"));
        assert!(!pattern.matches("ac") && !pattern.matches("abc") && !pattern.matches("a\n"));
    }

    #[test]
    fn bad_patterns_say_why() {
        assert_eq!(
            Pattern::new("(a").unwrap_err(),
            "`(a` is no regular expression: unclosed group"
        );
        assert!(Pattern::new("a)|(b").is_err());
        assert!(Pattern::new("").is_err());
        assert_eq!(
            Pattern::new("a{1000}{1000}").unwrap_err(),
            "`a{1000}{1000}` is too large a pattern: repeat less"
        );
    }

    #[test]
    fn wanted_names() {
        let all = filter(&[], &[], &[]);
        assert!(all.wants("x") && all.exact_names().is_none());
        let exact = filter(&["a", "b"], &[], &[]);
        assert!(exact.wants("a") && !exact.wants("c"));
        assert_eq!(exact.exact_names().unwrap(), ["a", "b"]);
        let mixed = filter(&["a"], &["web-.*"], &[".*-old"]);
        assert!(mixed.wants("a") && mixed.wants("web-1"));
        assert!(!mixed.wants("b") && !mixed.wants("web-old"));
        assert!(mixed.exact_names().is_none());
        assert!(!filter(&[], &[], &["x"]).wants("x"));
    }

    #[test]
    fn what_fits_nothing_is_told_with_what_may_be_meant() {
        let existing = ["hello", "web-1", "old"].map(Into::into).into();
        let told = |filter: FunctionFilter| -> Vec<String> {
            let unmatched = filter.unmatched(&existing);
            unmatched
                .iter()
                .map(|one| one.describe("function"))
                .collect()
        };
        let nothing: [&str; 0] = [];
        assert_eq!(
            told(filter(&["helo", "old"], &["web-.*", "wev-.*"], &[])),
            [
                "no function is called `helo`; did you mean `hello`?",
                "the pattern `wev-.*` fits no function: compare it with their names",
            ]
        );
        assert_eq!(
            told(filter(&["payments"], &[], &[])),
            ["no function is called `payments`: check how it is written, and the region",]
        );
        assert_eq!(
            told(filter(&[], &[], &[".*"])),
            ["every function that there is is excluded: check `exclude`",]
        );
        assert_eq!(
            told(filter(&["old"], &[], &["old"])),
            ["every function that there is is excluded: check `exclude`",]
        );
        assert_eq!(told(filter(&["old"], &["web-1"], &["nothing-.*"])), nothing);
        assert_eq!(told(filter(&[], &[], &[])), nothing);
        let none = BTreeSet::new();
        assert_eq!(filter(&[], &[], &["x"]).unmatched(&none), []);
    }

    #[test]
    fn what_is_seen_to_be_apart() {
        let hot = filter(&["login"], &["hot-.*"], &[]);
        let rest = filter(&[], &[], &["hot-.*", "login"]);
        assert!(hot.is_apart_from(&rest) && rest.is_apart_from(&hot));
        assert!(filter(&["a"], &[], &[]).is_apart_from(&filter(&["b"], &["c.*"], &[])));
        assert!(!filter(&["a"], &[], &[]).is_apart_from(&filter(&[], &["a.*"], &[])));
        assert!(!filter(&[], &["a.*"], &[]).is_apart_from(&filter(&[], &["b.*"], &[])));
        assert!(!filter(&[], &[], &[]).is_apart_from(&filter(&["a"], &[], &[])));
    }

    proptest! {
        // Filters that are apart share no name of a small alphabet.
        #[test]
        fn apart_filters_share_no_name(
            lists in prop::collection::vec(prop::collection::vec("[ab.]{1,2}", 0..3), 6),
            names in prop::collection::vec("[ab]{1,2}", 20),
        ) {
            let lists: Vec<Vec<&str>> = lists
                .iter()
                .map(|list| list.iter().map(String::as_str).collect())
                .collect();
            let one = filter(&lists[0], &lists[1], &lists[2]);
            let other = filter(&lists[3], &lists[4], &lists[5]);
            if one.is_apart_from(&other) {
                for name in &names {
                    prop_assert!(!(one.wants(name) && other.wants(name)), "{name}");
                }
            }
        }
    }
}
