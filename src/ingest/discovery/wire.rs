//! Questions and answers of `ListNamespaces`, `ListFunctions` and `GetFunction` (API 3.0).
//!
//! Several fields are nullable, and installations differ in how they write numbers, so every field
//! may be missing here or be of any type; what cannot be used reads as absent, and spoils nothing
//! beside it.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Topic;
use crate::ingest::scalar::{self, Names, Scalar, read_fields};
use crate::model::{Bytes, FunctionConfig, FunctionId};
use tencentcloud::other_answer;

/// Entries asked for in one page at the most; the vendor documents no maximum and may send fewer.
pub(super) const PAGE: usize = 100;
/// Longest name or id in bytes. The vendor's are below 100.
const NAME_MAX: usize = 255;
/// Longest runtime in characters, such as `CustomRuntime`.
const RUNTIME_MAX: usize = 64;
/// Longest run time in seconds that is believed; logs are kept no longer.
const TIMEOUT_MAX: u64 = 7 * 24 * 3600;
/// The largest memory believed, in MB: 1 TiB. The cloud lends up to 120 GB.
const MEMORY_MAX: u64 = 1 << 20;
/// What the vendor calls MB.
const MIB: u64 = 1 << 20;

/// A page of any list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// With those that cannot be used: the next offset counts them.
    pub(super) rows: usize,
    pub(super) entries: Vec<Entry>,
    /// Entries in the whole list; the documents show 0 beside an entry.
    pub(super) total: usize,
}

/// A named thing in a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Box<str>,
    /// When it was changed last, as the cloud writes it; only compared, never read.
    pub(super) changed: Option<Box<str>>,
}

/// What one function's answer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) about: Option<Arc<FunctionConfig>>,
    pub(super) topic: Topic,
}

/// The answer to a list.
pub(super) trait List: DeserializeOwned + Send {
    const ACTION: &'static str;

    /// Parameters besides `Offset` and `Limit`. Sorted by what is unique, so that pages only shift
    /// when something comes or goes.
    fn params(namespace: &str) -> Value;

    fn page(self) -> Page;
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "WireNamespaces")]
pub(super) struct Namespaces(Page);

/// The same before it is known to be an answer of this action.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireNamespaces {
    namespaces: Option<Vec<Box<RawValue>>>,
    #[serde(default, deserialize_with = "scalar::whole")]
    total_count: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "WireFunctions")]
pub(super) struct FunctionList(Page);

/// The same before it is known to be an answer of this action.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireFunctions {
    functions: Option<Vec<Box<RawValue>>>,
    #[serde(default, deserialize_with = "scalar::whole")]
    total_count: Option<i64>,
}

/// The answer of `GetFunction`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct FunctionAnswer {
    /// In MB.
    #[serde(deserialize_with = "scalar::whole")]
    memory_size: Option<i64>,
    /// In seconds.
    #[serde(deserialize_with = "scalar::whole")]
    timeout: Option<i64>,
    #[serde(deserialize_with = "scalar::text")]
    runtime: Option<String>,
    #[serde(deserialize_with = "scalar::text")]
    cls_topic_id: Option<String>,
}

// === impl List ===

impl List for Namespaces {
    const ACTION: &'static str = "ListNamespaces";

    fn params(_: &str) -> Value {
        json!({"Orderby": "Name", "Order": "ASC"})
    }

    fn page(self) -> Page {
        self.0
    }
}

impl TryFrom<WireNamespaces> for Namespaces {
    type Error = String;

    fn try_from(wire: WireNamespaces) -> Result<Self, Self::Error> {
        let page = Page::of(wire.namespaces, wire.total_count, &[&["Name"], &[]]);
        let page = page.ok_or_else(|| other_answer("neither Namespaces nor TotalCount"))?;
        Ok(Self(page))
    }
}

impl List for FunctionList {
    const ACTION: &'static str = "ListFunctions";

    fn params(namespace: &str) -> Value {
        json!({"Namespace": namespace, "Orderby": "FunctionName", "Order": "ASC"})
    }

    fn page(self) -> Page {
        self.0
    }
}

impl TryFrom<WireFunctions> for FunctionList {
    type Error = String;

    fn try_from(wire: WireFunctions) -> Result<Self, Self::Error> {
        // The entry's own `Namespace` is not read: the one that was asked for is right, while the
        // documents misspell it.
        let names = &[&["FunctionName"] as &[_], &["ModTime"]];
        let page = Page::of(wire.functions, wire.total_count, names);
        let page = page.ok_or_else(|| other_answer("neither Functions nor TotalCount"))?;
        Ok(Self(page))
    }
}

// === impl Page ===

impl Page {
    /// Nothing, where there is neither a list nor a total: that is the answer of another action,
    /// and taken for an empty list it would say that there are no functions.
    fn of(list: Option<Vec<Box<RawValue>>>, total: Option<i64>, names: &Names<2>) -> Option<Self> {
        if list.is_none() && total.is_none() {
            return None;
        }
        let rows = list.unwrap_or_default();
        // An entry of another shape has no name, and is counted as such.
        let entry = |raw: &RawValue| -> Option<Entry> {
            let [name, changed] = read_fields(raw.get(), names)?;
            let usable = |text: Scalar<'_>| text.to_text().filter(|text| is_usable(text));
            Some(Entry {
                name: usable(name)?.into(),
                changed: usable(changed).map(Into::into),
            })
        };
        Some(Self {
            rows: rows.len(),
            entries: rows.iter().filter_map(|raw| entry(raw)).collect(),
            total: total.and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        })
    }
}

// === impl FunctionAnswer ===

impl FunctionAnswer {
    pub(super) const ACTION: &'static str = "GetFunction";

    /// The code is not wanted: it may be large.
    pub(super) fn params(function: &FunctionId) -> Value {
        json!({
            "FunctionName": &*function.name,
            "Namespace": &*function.namespace,
            "ShowCode": "FALSE",
        })
    }

    pub(super) fn details(self) -> Details {
        let about = self.about().map(Arc::new);
        let topic = self.cls_topic_id.filter(|id| is_usable(id));
        Details {
            about,
            topic: topic.map_or(Topic::None, |id| Topic::Id(id.into())),
        }
    }

    /// Nothing, where memory or timeout is missing or 0, as in documented answers: a run time of 0
    /// would settle calls before they end.
    fn about(&self) -> Option<FunctionConfig> {
        let positive = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
        let runtime = self.runtime.as_deref().unwrap_or_default();
        Some(FunctionConfig {
            memory_limit: Bytes(positive(self.memory_size)?.min(MEMORY_MAX) * MIB),
            timeout: Duration::from_secs(positive(self.timeout)?.min(TIMEOUT_MAX)),
            runtime: runtime.chars().take(RUNTIME_MAX).collect(),
        })
    }
}

fn is_usable(name: &str) -> bool {
    (1..=NAME_MAX).contains(&name.len())
}

#[cfg(test)]
mod tests;
