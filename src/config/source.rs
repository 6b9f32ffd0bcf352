//! The sources: reading one, and the rules between them.

mod filters;
mod regions;
mod rules;
mod words;

use super::choice::Api;
use super::endpoint::parse_endpoint;
use super::key::{self, Key, MAX_SOURCES};
use super::overrides::SourceOverrides;
use super::reader::{Reader, Section};
use super::{Endpoints, Source, authorities, credentials, role};
use exporter_toolkit::Found;
use exporter_toolkit::yaml::Content;
use exporter_toolkit::{Place, quote};

/// Reads all sources: those of the file, or the one that flags name.
pub(super) fn sources(
    reader: &mut Reader<'_>,
    root: &Section,
    flags: &SourceOverrides,
) -> Option<Vec<Source>> {
    let sections = sections(reader, root)?;
    if sections.is_empty() && flags.is_empty() {
        let message = "there is nothing to read: give --api cls --region REGION, or a file with \
                       --config.file that holds sources: [{api: cls, region: REGION}]";
        reader.fault(Place::Nowhere, "sources", message);
        return None;
    }
    if sections.is_empty() {
        let section = Section::absent("sources[0]");
        let mut read = [source(reader, &section, flags)];
        rules::settle_auto(&mut read);
        return read.into_iter().collect();
    }
    let nothing = SourceOverrides::default();
    let flags = if sections.len() == 1 {
        flags
    } else {
        refuse_flags(reader, flags, sections.len());
        &nothing
    };
    let mut read: Vec<_> = sections
        .iter()
        .map(|section| source(reader, section, flags))
        .collect();
    rules::settle_auto(&mut read);
    rules::check_together(reader, &sections, &read);
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
    for key in flags.given() {
        let message = format!(
            "changes one source, but the file has {count}: write {} there, and leave this out",
            key.name()
        );
        reader.fault(flag_place(key), "", message);
    }
}

fn source(reader: &mut Reader<'_>, section: &Section, flags: &SourceOverrides) -> Option<Source> {
    let api = required(reader, section, &key::SOURCE_API, &flags.api, words::api);
    let region = required(
        reader,
        section,
        &key::SOURCE_REGION,
        &flags.region,
        words::region,
    );
    let name = reader.optional(section, &key::SOURCE_NAME, None, words::name);
    let account = reader.optional(section, &key::SOURCE_ACCOUNT, None, words::account);
    let domain = reader.choice(section, &key::SOURCE_DOMAIN, flags.domain.as_deref());
    let endpoint = flags.endpoint.as_deref();
    let endpoint = reader.optional(section, &key::SOURCE_ENDPOINT, endpoint, parse_endpoint);
    let endpoints = endpoints(reader, section);
    let block = sub_section(reader, section, "tls");
    let ca_file = authorities::read(reader, &block);
    let read = reader.choice(section, &key::SOURCE_READ, flags.read.as_deref());
    let method = reader.choice(section, &key::SOURCE_METHOD, None);
    let signing = reader.choice(section, &key::SOURCE_SIGNATURE_METHOD, None);
    let topics = filters::topics(reader, section, &flags.topics);
    let namespaces = filters::filter(reader, section, &filters::NAMESPACES, &flags.namespaces);
    let functions = filters::filter(reader, section, &filters::FUNCTIONS, &flags.functions);
    let block = sub_section(reader, section, "credentials");
    let credentials = credentials::read(reader, &block);
    let block = sub_section(reader, section, "role");
    let role = role::read(reader, &block);
    let api = api?.value;
    rules::refuse_unfit(reader, section, flags, api);
    let (method, signing) = (method?, signing?);
    let (credentials, key_files) = credentials?;
    let signature_method = rules::signing(reader, section, api, &method, &signing);
    let region = region?;
    warn_of_region(reader, section, api, &region);
    let (region, account) = (region.value, account?.unwrap_or_default());
    Some(Source {
        name: name?.unwrap_or_else(|| default_name(&account, api.as_str(), &region)),
        account,
        api,
        region,
        domain: domain?.value,
        endpoint: endpoint?,
        endpoints: endpoints?,
        ca_file: ca_file?,
        read: read?.value,
        namespaces,
        functions,
        topics,
        method: method.value,
        signature_method,
        credentials,
        key_files,
        role: role?,
    })
}

/// The older API knows regions by their short names as well.
fn warn_of_region(reader: &mut Reader<'_>, section: &Section, api: Api, region: &Found<String>) {
    let text = region.value.as_str();
    let is_short = !text.contains('-') && text.len() <= 3;
    let Some(likely) = regions::likely(text).filter(|_| !(api == Api::V2 && is_short)) else {
        return;
    };
    let path = match region.at {
        Place::Flag(_) => String::new(),
        Place::File { .. } | Place::Nowhere => section.path_of(key::SOURCE_REGION.name()),
    };
    let message = format!("{} is hardly a region: did you mean {likely}?", quote(text));
    reader.warn(region.at, path, message);
}

/// `v2/ap-guangzhou`, after the account's name where there is one: names are distinct, and
/// several accounts are often read in the same region.
fn default_name(account: &str, api: &str, region: &str) -> String {
    match account {
        "" => format!("{api}/{region}"),
        account => format!("{account}/{api}/{region}"),
    }
}

fn endpoints(reader: &mut Reader<'_>, section: &Section) -> Option<Endpoints> {
    let block = sub_section(reader, section, "endpoints");
    let mut url = |key: &Key| reader.optional(&block, key, None, parse_endpoint);
    let (scf, cls) = (url(&key::ENDPOINT_SCF), url(&key::ENDPOINT_CLS));
    let (sts, metadata) = (url(&key::ENDPOINT_STS), url(&key::ENDPOINT_METADATA));
    Some(Endpoints {
        scf: scf?,
        cls: cls?,
        sts: sts?,
        metadata: metadata?,
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

fn flag_place(key: &Key) -> Place {
    key.flag.map_or(Place::Nowhere, Place::Flag)
}
