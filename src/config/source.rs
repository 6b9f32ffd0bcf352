//! Reads the sources and checks the rules between them.

mod filters;
mod regions;
mod rules;

use exporter_toolkit::{Section, quote};

use super::choice::Api;
use super::keys::{self, Endpoints, MAX_SOURCES, ReadingKeys, Role, SourceKeys, key};
use super::overrides::Overrides;
use super::scope::Scope;
use super::table::{Block, word};
use super::{Source, authorities, credentials};

type Environment<'e> = dyn Fn(&str) -> Option<String> + 'e;

/// Reads the sources of the file, or the one that flags name.
pub(super) fn sources(root: &mut Scope<'_, '_>, env: &Environment<'_>) -> Option<Vec<Source>> {
    let mut sections = root
        .reader
        .sections(&root.section, "sources", MAX_SOURCES)?;
    let has_flags = keys::of_sources().any(|key| !root.flags.get(key.path).is_empty());
    if sections.is_empty() && !has_flags {
        let message = "there is nothing to read: give --api cls --region REGION, or a file with \
                       --config.file that holds sources: [{api: cls, region: REGION}]";
        let place = Section::absent("", "").place("sources");
        root.reader.fault(&place, message);
        return None;
    }
    if sections.is_empty() {
        sections.push(Section::absent("sources[0]", "sources[]"));
    }
    let nothing = Overrides::default();
    let flags = if sections.len() == 1 {
        root.flags
    } else {
        refuse_flags(root, sections.len());
        &nothing
    };
    let each = sections.iter().cloned();
    let mut read: Vec<_> = each
        .map(|section| source(root, section, flags, env))
        .collect();
    rules::resolve_auto(&mut read);
    rules::check_together(root.reader, &sections, &read);
    read.into_iter().collect()
}

/// Refuses flags where the file has several sources, since they do not say which one they change.
fn refuse_flags(root: &mut Scope<'_, '_>, count: usize) {
    for key in keys::of_sources() {
        let Some(flag) = root.flag_texts(key).pop() else {
            continue;
        };
        let message = format!(
            "changes one source, but the file has {count}: write {} there, and leave this out",
            key.name()
        );
        root.reader.fault(&flag, message);
    }
}

fn source(
    root: &mut Scope<'_, '_>,
    section: Section,
    flags: &Overrides,
    env: &Environment<'_>,
) -> Option<Source> {
    let scope = &mut Scope {
        reader: root.reader,
        section,
        flags,
    };
    let keys = SourceKeys::read(scope);
    let endpoints = Endpoints::read(&mut scope.block("endpoints"));
    let ca_file = authorities::read(&mut scope.block("tls"));
    let reading = ReadingKeys::read(scope);
    let topics = reading
        .as_ref()
        .map(|keys| filters::topics(scope, &keys.topics));
    let namespaces = filters::namespaces(&mut scope.block("namespaces"));
    let functions = filters::functions(&mut scope.block("functions"));
    let credentials = credentials::read(&mut scope.block("credentials"), env);
    let role = role(&mut scope.block("role"));
    let signature_method = scope
        .peek(key("sources[].api")?, |_, text| word(text))
        .and_then(|api| {
            rules::refuse_unfit(scope, api);
            rules::signing(scope, api)
        });
    let (keys, reading) = (keys?, reading?);
    warn_of_region(scope, keys.api, &keys.region);
    let (credentials, key_files) = credentials?;
    let account = keys.account.unwrap_or_default();
    Some(Source {
        name: keys
            .name
            .unwrap_or_else(|| default_name(&account, keys.api.as_str(), &keys.region)),
        account,
        api: keys.api,
        region: keys.region,
        domain: keys.domain,
        endpoint: keys.endpoint,
        endpoints: endpoints?,
        ca_file: ca_file?,
        read: reading.read,
        namespaces: namespaces?,
        functions: functions?,
        topics: topics?,
        method: reading.method,
        signature_method: signature_method?,
        credentials,
        key_files,
        role: role?,
    })
}

/// Reads `role`. An absent or empty block means none; `None` is a fault.
fn role(scope: &mut Scope<'_, '_>) -> Option<Option<Role>> {
    if scope.has_none_of(Role::KEYS) {
        return Some(None);
    }
    Role::read(scope).map(Some)
}

/// Warns of a region that probably does not exist. The legacy API also takes short names.
fn warn_of_region(scope: &mut Scope<'_, '_>, api: Api, region: &str) {
    let is_short = !region.contains('-') && region.len() <= 3;
    let likely = regions::likely(region).filter(|_| !(api == Api::V2 && is_short));
    let said = key("sources[].region").and_then(|key| scope.at(key));
    let (Some(likely), Some(said)) = (likely, said) else {
        return;
    };
    let shown = quote(region);
    let message = format!("{shown} is hardly a region: did you mean {likely}?");
    scope.reader.warn(&said, message);
}

/// Returns a name such as `v2/ap-guangzhou`, after the account's name if there is one, as several
/// accounts are often read in the same region.
fn default_name(account: &str, api: &str, region: &str) -> String {
    match account {
        "" => format!("{api}/{region}"),
        account => format!("{account}/{api}/{region}"),
    }
}
