//! The lists of a source: filters of namespaces and functions, and log topics.

use super::{flag_place, sub_section, words};
use crate::config::filter::{FunctionFilter, Pattern};
use crate::config::key::{self, Key, MAX_NAMES, MAX_PATTERNS, MAX_TOPICS};
use crate::config::overrides::FilterOverrides;
use crate::config::reader::{Reader, Section};
use exporter_toolkit::Found;
use exporter_toolkit::quote;

/// A block that chooses by name: where it stands, and what its names look like.
pub(super) struct Kind {
    block: &'static str,
    names: &'static Key,
    include: &'static Key,
    exclude: &'static Key,
    word: fn(&str) -> Result<String, String>,
}

/// `functions`.
pub(super) const FUNCTIONS: Kind = Kind {
    block: "functions",
    names: &key::FUNCTION_NAMES,
    include: &key::FUNCTION_INCLUDE,
    exclude: &key::FUNCTION_EXCLUDE,
    word: words::function_name,
};

/// `namespaces`.
pub(super) const NAMESPACES: Kind = Kind {
    block: "namespaces",
    names: &key::NAMESPACE_NAMES,
    include: &key::NAMESPACE_INCLUDE,
    exclude: &key::NAMESPACE_EXCLUDE,
    word: words::namespace_name,
};

/// The texts of a list and where they stand; `None` where none can be read.
type Texts = Option<Vec<Found<String>>>;

/// A filter: the flags' where they say anything, else the file's, which is judged anyway.
pub(super) fn filter(
    reader: &mut Reader<'_>,
    section: &Section,
    kind: &Kind,
    flags: &FilterOverrides,
) -> FunctionFilter {
    let block = sub_section(reader, section, kind.block);
    let lists = [
        reader.texts(&block, kind.names, MAX_NAMES),
        reader.texts(&block, kind.include, MAX_PATTERNS),
        reader.texts(&block, kind.exclude, MAX_PATTERNS),
    ];
    let in_file = judge(reader, kind, |key| block.path_of(key.name()), lists);
    if flags.is_empty() {
        return in_file;
    }
    let lists = [
        flag_texts(reader, kind.names, &flags.names, MAX_NAMES),
        flag_texts(reader, kind.include, &flags.include, MAX_PATTERNS),
        flag_texts(reader, kind.exclude, &flags.exclude, MAX_PATTERNS),
    ];
    judge(reader, kind, |_| String::new(), lists)
}

/// The log topics: the flags' where there are any, else the file's, which are judged anyway.
pub(super) fn topics(reader: &mut Reader<'_>, section: &Section, flags: &[String]) -> Vec<String> {
    let key = &key::SOURCE_TOPICS;
    let path = section.path_of(key.name());
    let texts = reader.texts(section, key, MAX_TOPICS);
    let in_file = distinct(reader, &path, texts, words::topic);
    if flags.is_empty() {
        return values(in_file);
    }
    let texts = flag_texts(reader, key, flags, MAX_TOPICS);
    values(distinct(reader, "", texts, words::topic))
}

fn flag_texts(reader: &mut Reader<'_>, key: &Key, texts: &[String], most: usize) -> Texts {
    let at = flag_place(key);
    if texts.len() > most {
        let message = format!("is given {} times: give it at most {most}", texts.len());
        reader.fault(at, "", message);
        return None;
    }
    let found = |text: &String| Found {
        value: text.clone(),
        at,
    };
    Some(texts.iter().map(found).collect())
}

fn judge(
    reader: &mut Reader<'_>,
    kind: &Kind,
    path: impl Fn(&Key) -> String,
    [names, include, exclude]: [Texts; 3],
) -> FunctionFilter {
    let names_path = path(kind.names);
    let names = distinct(reader, &names_path, names, kind.word);
    let include = judged(reader, &path(kind.include), include, Pattern::new);
    let exclude = judged(reader, &path(kind.exclude), exclude, Pattern::new);
    for name in &names {
        if let Some(pattern) = exclude.iter().find(|p| p.value.matches(&name.value)) {
            let pattern = quote(pattern.value.as_str());
            let message = format!(
                "{} is excluded by {pattern}: keep one of the two",
                quote(&name.value)
            );
            reader.fault(name.at, &names_path, message);
        }
    }
    FunctionFilter::new(values(names), values(include), values(exclude))
}

/// Names, none of them twice.
fn distinct(
    reader: &mut Reader<'_>,
    path: &str,
    texts: Texts,
    word: impl Fn(&str) -> Result<String, String>,
) -> Vec<Found<String>> {
    let names = judged(reader, path, texts, word);
    let mut seen = Vec::new();
    for name in &names {
        if seen.contains(&&name.value) {
            let message = format!("{} is listed twice: keep one", quote(&name.value));
            reader.fault(name.at, path, message);
        }
        seen.push(&name.value);
    }
    names
}

fn judged<T>(
    reader: &mut Reader<'_>,
    path: &str,
    texts: Texts,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Vec<Found<T>> {
    let mut good = Vec::new();
    for text in texts.unwrap_or_default() {
        match parse(&text.value) {
            Ok(value) => good.push(Found { value, at: text.at }),
            Err(message) => reader.fault(text.at, path, message),
        }
    }
    good
}

fn values<T>(found: Vec<Found<T>>) -> Vec<T> {
    found.into_iter().map(|found| found.value).collect()
}
