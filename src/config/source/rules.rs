//! Rules between keys and between sources: keys without meaning for an API, and sources that would
//! count the same call twice.

use exporter_toolkit::{Reader, Section, quote};

use crate::config::choice::{Api, HttpMethod, Read, SignatureMethod};
use crate::config::keys::key;
use crate::config::scope::Scope;
use crate::config::table::word;
use crate::config::{FunctionFilter, Source};

const NO_NAMESPACES: &str = "it knows no namespaces; leave it out";
const NO_TOPICS: &str = "only cls reads log topics; leave it out";
const NO_CLS: &str = "it never asks CLS; leave it out";

/// Keys without meaning for some APIs, with the reason. They are refused and not ignored, since whoever
/// writes one expects an effect.
const UNFIT: &[(&str, &[Api], &str)] = &[
    (
        "sources[].domain",
        &[Api::V2],
        "it has one host; leave it out, or write another as endpoint",
    ),
    (
        "sources[].endpoints.scf",
        &[Api::V2],
        "its address is written as endpoint",
    ),
    ("sources[].endpoints.cls", &[Api::V2, Api::V3], NO_CLS),
    (
        "sources[].read",
        &[Api::Cls],
        "its streams are log topics; leave it out",
    ),
    ("sources[].topics", &[Api::V2, Api::V3], NO_TOPICS),
    ("sources[].namespaces.names", &[Api::V2], NO_NAMESPACES),
    ("sources[].namespaces.include", &[Api::V2], NO_NAMESPACES),
    ("sources[].namespaces.exclude", &[Api::V2], NO_NAMESPACES),
];

/// Refuses keys without meaning for `api` in the file and among the flags.
pub(super) fn refuse_unfit(scope: &mut Scope<'_, '_>, api: Api) {
    for (path, apis, why) in UNFIT {
        if !apis.contains(&api) {
            continue;
        }
        let message = format!("means nothing for {api}: {why}");
        let flag = key(path).and_then(|key| scope.flag_texts(key).pop());
        let said = [scope.section.find(path), flag.map(|flag| flag.with(()))];
        for said in said.iter().flatten() {
            scope.reader.fault(said, message.as_str());
        }
    }
}

/// Returns the signature method, which is by default that of the API. `None` follows a fault.
pub(super) fn signing(scope: &mut Scope<'_, '_>, api: Api) -> Option<SignatureMethod> {
    let (signing, method) = (key("sources[].signature_method")?, key("sources[].method")?);
    let wanted = scope.peek(signing, |_, text| word(text))?;
    let sent = scope.peek(method, |_, text| word(text))?;
    let written = scope.at(signing);
    let value = match (api, &written) {
        (Api::V2, None) => SignatureMethod::HmacSha256,
        _ => wanted,
    };
    if value != SignatureMethod::Tc3 {
        return Some(value);
    }
    if let (Api::V2, Some(said)) = (api, &written) {
        let message = "is not known to v2: write HmacSHA256 or HmacSHA1, or leave it out";
        scope.reader.fault(said, message);
    } else if let (HttpMethod::Get, Some(said)) = (sent, scope.at(method)) {
        let message = "goes with HmacSHA256 and HmacSHA1 only: write POST, or one of these as \
                       signature_method";
        scope.reader.fault(&said, message);
    }
    Some(value)
}

/// Replaces `auto` by `function` where one stream for many functions is impossible: the source wants
/// only some of them, or another source may read the same stream.
pub(super) fn resolve_auto(read: &mut [Option<Source>]) {
    let is_auto = |source: &Source| source.api != Api::Cls && source.read == Read::Auto;
    for index in 0..read.len() {
        let Some(source) = &read[index] else { continue };
        let others = read.iter().enumerate().filter(|(other, _)| *other != index);
        let mut others = others.filter_map(|(_, other)| other.as_ref());
        let is_part = source.functions != FunctionFilter::default();
        let alone = is_part || others.any(|other| shares_a_stream(source, other));
        if let Some(source) = read[index]
            .as_mut()
            .filter(|source| is_auto(source) && alone)
        {
            source.read = Read::Function;
        }
    }
}

/// Checks that all or no accounts are named, that names are distinct, and that no call is read twice.
pub(super) fn check_together(
    reader: &mut Reader<'_>,
    sections: &[Section],
    read: &[Option<Source>],
) {
    check_accounts(reader, sections);
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
            reader.fault(&section.of_block("name"), message);
        }
        if let Some(index) = earlier(counts_twice) {
            let message = format!(
                "may read functions that sources[{index}] reads, and would count them twice: \
                 give each its own names, or exclude in one what the other includes; where these \
                 are different accounts, give each source its account's name as account"
            );
            reader.fault(&section.of_block("functions"), message);
        } else if let Some(index) = earlier(shares_a_stream) {
            let message = format!(
                "may read the same log as sources[{index}], and what one has read would be complete \
                 for both: make them one source, or give each its own topics (cls) or namespaces \
                 (v3), or both read: function (v2, v3)"
            );
            reader.fault(&section.of_block(""), message);
        }
    }
}

/// Refuses a source without an account beside named ones, since it could be any of these or another one.
fn check_accounts(reader: &mut Reader<'_>, sections: &[Section]) {
    let named = |section: &Section| section.get("account").is_some();
    if !sections.iter().any(named) {
        return;
    }
    for section in sections.iter().filter(|section| !named(section)) {
        let message = "is missing, while other sources have one: name the accounts of all \
                       sources, or of none";
        reader.fault(&section.place("account"), message);
    }
}

/// Returns whether the same call may be read through both. API and credentials do not tell accounts
/// apart: one account may be read through several APIs with several keys.
fn counts_twice(one: &Source, other: &Source) -> bool {
    one.account == other.account
        && one.region == other.region
        && !one.namespaces.is_apart_from(&other.namespaces)
        && !one.functions.is_apart_from(&other.functions)
}

/// Returns whether both may read the same stream (a topic, a namespace or a region of one account), even
/// if each wants other functions of it. The watermark of a stream holds for all functions in it.
fn shares_a_stream(one: &Source, other: &Source) -> bool {
    let is_wide = |source: &Source| source.api != Api::Cls && source.read != Read::Function;
    let topics = || {
        let all = one.topics.is_empty() || other.topics.is_empty();
        all || one.topics.iter().any(|topic| other.topics.contains(topic))
    };
    let shared = match (one.api, other.api) {
        (Api::Cls, Api::Cls) => topics(),
        _ if is_wide(one) || is_wide(other) => !one.namespaces.is_apart_from(&other.namespaces),
        _ => false,
    };
    shared && one.account == other.account && one.region == other.region
}
