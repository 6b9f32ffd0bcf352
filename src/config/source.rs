//! The sources: reading one, and the rules between them.

use super::choice::{Api, Choice};
use super::credentials;
use super::endpoint::parse_endpoint;
use super::fault::{Place, quote};
use super::filter::{FunctionFilter, Pattern};
use super::key::{self, Key, MAX_NAMES, MAX_PATTERNS, MAX_SOURCES, alternatives};
use super::overrides::SourceOverrides;
use super::reader::{Found, Reader, Section};
use super::yaml::Content;
use super::{CredentialsConfig, Source};

/// Reads all sources: those of the file, or the one that flags name.
pub(super) fn sources(
    reader: &mut Reader<'_>,
    root: &Section,
    flags: &SourceOverrides,
) -> Option<Vec<Source>> {
    let sections = sections(reader, root)?;
    if sections.is_empty() && flags.is_empty() {
        let message = "there is nothing to read: give --api v2 --region REGION, or a file with \
                       --config.file that holds sources: [{api: v2, region: REGION}]";
        reader.fault(Place::Nowhere, "sources", message);
        return None;
    }
    if sections.is_empty() {
        let section = Section::absent("sources[0]");
        return source(reader, &section, flags).map(|source| vec![source]);
    }
    let nothing = SourceOverrides::default();
    let flags = if sections.len() == 1 {
        flags
    } else {
        refuse_flags(reader, flags, sections.len());
        &nothing
    };
    let read: Vec<_> = sections
        .iter()
        .map(|section| source(reader, section, flags))
        .collect();
    check_pairs(reader, &sections, &read);
    read.into_iter().collect()
}

/// The blocks under `sources`; `None` after a fault that leaves nothing to read.
fn sections(reader: &mut Reader<'_>, root: &Section) -> Option<Vec<Section>> {
    let Some(node) = root.get("sources") else {
        return Some(Vec::new());
    };
    let items = match &node.content {
        Content::Null => return Some(Vec::new()),
        Content::List(items) if items.len() <= MAX_SOURCES => items,
        Content::List(items) => {
            let message = format!("{} sources: write at most {MAX_SOURCES}", items.len());
            reader.fault(node.at, "sources", message);
            return None;
        }
        _ => {
            let message = format!(
                "has {}: write a list, each source after a dash",
                node.kind()
            );
            reader.fault(node.at, "sources", message);
            return None;
        }
    };
    let mut sections = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("sources[{index}]");
        sections.push(reader.section(Some(item), path, "sources[]"));
    }
    Some(sections)
}

/// Flags change one source; with several in the file nobody can tell which.
fn refuse_flags(reader: &mut Reader<'_>, flags: &SourceOverrides, count: usize) {
    let given = [
        (&key::SOURCE_API, flags.api.is_some()),
        (&key::SOURCE_REGION, flags.region.is_some()),
        (&key::SOURCE_ENDPOINT, flags.endpoint.is_some()),
        (&key::SOURCE_READ, flags.read.is_some()),
        (&key::FUNCTION_NAMES, !flags.names.is_empty()),
        (&key::FUNCTION_INCLUDE, !flags.include.is_empty()),
        (&key::FUNCTION_EXCLUDE, !flags.exclude.is_empty()),
    ];
    for (key, _) in given.iter().filter(|(_, given)| *given) {
        let message = format!(
            "changes one source, but the file has {count}: write {} there, and leave this out",
            key.name()
        );
        reader.fault(flag_place(key), "", message);
    }
}

fn source(reader: &mut Reader<'_>, section: &Section, flags: &SourceOverrides) -> Option<Source> {
    let api = required(reader, section, &key::SOURCE_API, &flags.api, api);
    let region = required(reader, section, &key::SOURCE_REGION, &flags.region, region);
    let name = reader.value(section, &key::SOURCE_NAME, None, name);
    let endpoint = reader.value(
        section,
        &key::SOURCE_ENDPOINT,
        flags.endpoint.as_deref(),
        parse_endpoint,
    );
    let has_endpoint = flags.endpoint.is_some() || section.get("endpoint").is_some();
    let read = reader.choice(section, &key::SOURCE_READ, flags.read.as_deref());
    let method = reader.choice(section, &key::SOURCE_METHOD, None);
    let signature_method = reader.choice(section, &key::SOURCE_SIGNATURE_METHOD, None);
    let functions = functions(reader, section, flags);
    let block = sub_section(reader, section, "credentials");
    let credentials = credentials::read(reader, &block);
    let (api, region) = (api?.value, region?.value);
    let name = match name {
        Some(name) => name.value,
        None if section.get("name").is_some() => return None,
        None => format!("{api}/{region}"),
    };
    let endpoint = match endpoint {
        None if has_endpoint => return None,
        endpoint => endpoint.map(|found| found.value),
    };
    Some(Source {
        name,
        api,
        region,
        endpoint,
        read: read?.value,
        functions: functions?,
        method: method?.value,
        signature_method: signature_method?.value,
        credentials: credentials?,
    })
}

fn sub_section(reader: &mut Reader<'_>, section: &Section, name: &str) -> Section {
    let table_path = format!("sources[].{name}");
    reader.section(section.get(name), section.path_of(name), &table_path)
}

fn required<T>(
    reader: &mut Reader<'_>,
    section: &Section,
    key: &Key,
    flag: &Option<String>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<Found<T>> {
    if flag.is_none() && section.get(key.name()).is_none() {
        let flag = key.flag.unwrap_or_default();
        let message = format!("is missing: write it in the file, or give {flag}");
        reader.fault(section.at, section.path_of(key.name()), message);
        return None;
    }
    reader.value(section, key, flag.as_deref(), parse)
}

fn api(text: &str) -> Result<Api, String> {
    let words = alternatives(Api::NAMES);
    Api::from_word(text).ok_or_else(|| match text {
        "v3" | "cls" => format!("`{text}` is not available yet: this version reads {words}"),
        _ => format!("{} is not known here: write {words}", quote(text)),
    })
}

/// No list of regions: the vendor adds them, and its own pages disagree. Short names such as
/// `gz` are as good as `ap-guangzhou` to the legacy API.
fn region(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
        return Err(format!(
            "{} is no region: write one such as ap-guangzhou",
            quote(text)
        ));
    }
    Ok(text.to_owned())
}

fn name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/:-".contains(c);
    if text.is_empty() || text.len() > 100 || !text.chars().all(plain) {
        return Err(format!(
            "{} is no name: write 1 to 100 letters, digits and ._/:-",
            quote(text)
        ));
    }
    Ok(text.to_owned())
}

/// Looser than the vendor's own rule for names, which is not the exporter's to enforce.
fn function_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 128 || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(format!(
            "{} is no function name: write one as the console shows it",
            quote(text)
        ));
    }
    Ok(text.to_owned())
}

/// The filter: the flags' where they name any function, else the file's, which is judged anyway.
fn functions(
    reader: &mut Reader<'_>,
    section: &Section,
    flags: &SourceOverrides,
) -> Option<FunctionFilter> {
    let block = sub_section(reader, section, "functions");
    let names = reader.texts(&block, &key::FUNCTION_NAMES, MAX_NAMES);
    let include = reader.texts(&block, &key::FUNCTION_INCLUDE, MAX_PATTERNS);
    let exclude = reader.texts(&block, &key::FUNCTION_EXCLUDE, MAX_PATTERNS);
    let in_file = filter(
        reader,
        |key| block.path_of(key.name()),
        [names, include, exclude],
    );
    if !flags.has_filter() {
        return in_file;
    }
    let lists = [
        flag_texts(reader, &key::FUNCTION_NAMES, &flags.names, MAX_NAMES),
        flag_texts(reader, &key::FUNCTION_INCLUDE, &flags.include, MAX_PATTERNS),
        flag_texts(reader, &key::FUNCTION_EXCLUDE, &flags.exclude, MAX_PATTERNS),
    ];
    filter(reader, |_| String::new(), lists)
}

fn flag_texts(
    reader: &mut Reader<'_>,
    key: &Key,
    texts: &[String],
    most: usize,
) -> Option<Vec<Found<String>>> {
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

fn filter(
    reader: &mut Reader<'_>,
    path: impl Fn(&Key) -> String,
    [names, include, exclude]: [Option<Vec<Found<String>>>; 3],
) -> Option<FunctionFilter> {
    let path = |key: &Key| path(key);
    let names = judged(reader, &path(&key::FUNCTION_NAMES), names, function_name);
    let include = judged(reader, &path(&key::FUNCTION_INCLUDE), include, Pattern::new);
    let exclude = judged(reader, &path(&key::FUNCTION_EXCLUDE), exclude, Pattern::new);
    let mut seen = Vec::new();
    for name in &names {
        if seen.contains(&&name.value) {
            let message = format!("{} is listed twice: keep one", quote(&name.value));
            reader.fault(name.at, path(&key::FUNCTION_NAMES), message);
        }
        seen.push(&name.value);
        if let Some(pattern) = exclude.iter().find(|p| p.value.matches(&name.value)) {
            let pattern = quote(pattern.value.as_str());
            let message = format!(
                "{} is excluded by {pattern}: keep one of the two",
                quote(&name.value)
            );
            reader.fault(name.at, path(&key::FUNCTION_NAMES), message);
        }
    }
    Some(FunctionFilter::new(
        values(names),
        values(include),
        values(exclude),
    ))
}

fn values<T>(found: Vec<Found<T>>) -> Vec<T> {
    found.into_iter().map(|found| found.value).collect()
}

fn judged<T>(
    reader: &mut Reader<'_>,
    path: &str,
    texts: Option<Vec<Found<String>>>,
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

/// Rules between two sources: distinct names, and no invocation read twice.
fn check_pairs(reader: &mut Reader<'_>, sections: &[Section], read: &[Option<Source>]) {
    for (later, section) in sections.iter().enumerate() {
        let Some(source) = &read[later] else { continue };
        let earlier = |wrong: fn(&Source, &Source) -> bool| {
            read[..later]
                .iter()
                .position(|other| other.as_ref().is_some_and(|other| wrong(other, source)))
        };
        if let Some(index) = earlier(|other, source| other.name == source.name) {
            let message = format!(
                "{} is the name of sources[{index}] too: give each its own name",
                quote(&source.name)
            );
            reader.fault(section.at, section.path_of("name"), message);
        }
        if let Some(index) = earlier(counts_twice) {
            let message = format!(
                "may read functions that sources[{index}] reads, and would count them twice: \
                 give each its own names, or exclude in one what the other includes"
            );
            reader.fault(section.at, section.path_of("functions"), message);
        }
    }
}

/// Whether the same rows may come through both. Sources with other credentials are taken for
/// other accounts.
fn counts_twice(one: &Source, other: &Source) -> bool {
    one.api == other.api
        && one.region == other.region
        && one.endpoint == other.endpoint
        && same_account(&one.credentials, &other.credentials)
        && !one.functions.is_apart_from(&other.functions)
}

fn same_account(one: &CredentialsConfig, other: &CredentialsConfig) -> bool {
    use CredentialsConfig::{Chain, Explicit};
    match (one, other) {
        (Chain, Chain) => true,
        (Explicit { secret_id: a, .. }, Explicit { secret_id: b, .. }) => a == b,
        _ => false,
    }
}

fn flag_place(key: &Key) -> Place {
    key.flag.map_or(Place::Nowhere, Place::Flag)
}
