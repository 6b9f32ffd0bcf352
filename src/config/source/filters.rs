//! Reads the lists of a source: filters of namespaces and functions, and log topics.

use exporter_toolkit::{Found, Reader, quote};

use crate::config::filter::{FunctionFilter, Pattern};
use crate::config::keys::{FunctionKeys, NamespaceKeys};
use crate::config::scope::{Scope, Texts};
use crate::config::table::Block;
use crate::config::words;

/// Reads `namespaces`.
pub(super) fn namespaces(scope: &mut Scope<'_, '_>) -> Option<FunctionFilter> {
    let keys = NamespaceKeys::read(scope)?;
    let lists = [keys.names, keys.include, keys.exclude];
    Some(filter(scope, lists, words::namespace_name))
}

/// Reads `functions`.
pub(super) fn functions(scope: &mut Scope<'_, '_>) -> Option<FunctionFilter> {
    let keys = FunctionKeys::read(scope)?;
    let lists = [keys.names, keys.include, keys.exclude];
    Some(filter(scope, lists, words::function_name))
}

/// Returns the filter of the flags if there are any, else that of the file, which is always checked.
fn filter(
    scope: &mut Scope<'_, '_>,
    lists: [Texts; 3],
    word: fn(&str) -> Result<String, String>,
) -> FunctionFilter {
    let has_flags = lists.iter().any(|list| !list.flags.is_empty());
    let in_file = judge(
        scope.reader,
        lists.each_ref().map(|list| &list.file[..]),
        word,
    );
    if !has_flags {
        return in_file;
    }
    judge(
        scope.reader,
        lists.each_ref().map(|list| &list.flags[..]),
        word,
    )
}

/// Returns the log topics of the flags if there are any, else those of the file, which are always checked.
pub(super) fn topics(scope: &mut Scope<'_, '_>, texts: &Texts) -> Vec<String> {
    let in_file = distinct(scope.reader, &texts.file, words::topic);
    if texts.flags.is_empty() {
        return values(in_file);
    }
    values(distinct(scope.reader, &texts.flags, words::topic))
}

fn judge(
    reader: &mut Reader<'_>,
    [names, include, exclude]: [&[Found<String>]; 3],
    word: fn(&str) -> Result<String, String>,
) -> FunctionFilter {
    let names = distinct(reader, names, word);
    let include = judged(reader, include, Pattern::new);
    let exclude = judged(reader, exclude, Pattern::new);
    for name in &names {
        if let Some(pattern) = exclude.iter().find(|p| p.value.matches(&name.value)) {
            let pattern = quote(pattern.value.as_str());
            let message = format!(
                "{} is excluded by {pattern}: keep one of the two",
                quote(&name.value)
            );
            reader.fault(name, message);
        }
    }
    FunctionFilter::new(values(names), values(include), values(exclude))
}

/// Checks names and refuses those that are listed twice.
fn distinct(
    reader: &mut Reader<'_>,
    texts: &[Found<String>],
    word: impl Fn(&str) -> Result<String, String>,
) -> Vec<Found<String>> {
    let names = judged(reader, texts, word);
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|other| other.value == name.value) {
            let message = format!("{} is listed twice: keep one", quote(&name.value));
            reader.fault(name, message);
        }
    }
    names
}

fn judged<T>(
    reader: &mut Reader<'_>,
    texts: &[Found<String>],
    parse: impl Fn(&str) -> Result<T, String>,
) -> Vec<Found<T>> {
    let texts = texts.iter();
    texts
        .filter_map(|text| reader.parsed(text, &parse))
        .collect()
}

fn values<T>(found: Vec<Found<T>>) -> Vec<T> {
    found.into_iter().map(|found| found.value).collect()
}
