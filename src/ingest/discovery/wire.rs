//! Requests and responses of `ListNamespaces`, `ListFunctions` and `GetFunction` (API 3.0).
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

/// Entries requested per page at most; the vendor documents no maximum and may send fewer.
pub(super) const PAGE: usize = 100;
/// Longest name or id in bytes. The vendor's are below 100.
const NAME_MAX: usize = 255;
/// Longest runtime in characters, such as `CustomRuntime`.
const RUNTIME_MAX: usize = 64;
/// Longest run time that is accepted, in seconds; logs are kept no longer.
const TIMEOUT_MAX: u64 = 7 * 24 * 3600;
/// The largest memory that is accepted, in MB: 1 TiB. The cloud offers up to 120 GB.
const MEMORY_MAX: u64 = 1 << 20;
/// What the vendor calls MB.
const MIB: u64 = 1 << 20;

/// A page of any list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    /// Including those that cannot be used: the next offset counts them.
    pub(super) rows: usize,
    pub(super) entries: Vec<Entry>,
    /// Entries in the whole list; the documents show 0 beside an entry.
    pub(super) total: usize,
}

/// A named thing in a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: Box<str>,
    /// Modification time as the cloud writes it; only compared, never parsed.
    pub(super) changed: Option<Box<str>>,
}

/// The details of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) about: Option<Arc<FunctionConfig>>,
    pub(super) topic: Topic,
}

/// The response to a list.
pub(super) trait List: DeserializeOwned + Send {
    const ACTION: &'static str;

    /// Parameters besides `Offset` and `Limit`. Sorted by a unique key, so that pages shift only
    /// when an entry is added or removed.
    fn params(namespace: &str) -> Value;

    fn page(self) -> Page;
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "WireList")]
pub(super) struct Namespaces(Page);

#[derive(Debug, Deserialize)]
#[serde(try_from = "WireList")]
pub(super) struct FunctionList(Page);

/// The response to either list, not yet known to be one of the requested action.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireList {
    namespaces: Option<Vec<Box<RawValue>>>,
    functions: Option<Vec<Box<RawValue>>>,
    #[serde(default, deserialize_with = "scalar::whole")]
    total_count: Option<i64>,
}

/// The response to `GetFunction`.
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

impl TryFrom<WireList> for Namespaces {
    type Error = String;

    fn try_from(wire: WireList) -> Result<Self, Self::Error> {
        let page = Page::of(wire.namespaces, wire.total_count, &[&["Name"], &[]]);
        page.map(Self)
            .ok_or_else(|| other_answer("neither Namespaces nor TotalCount"))
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

impl TryFrom<WireList> for FunctionList {
    type Error = String;

    fn try_from(wire: WireList) -> Result<Self, Self::Error> {
        // The entry's own `Namespace` is not read: the documents misspell it.
        let names = &[&["FunctionName"] as &[_], &["ModTime"]];
        let page = Page::of(wire.functions, wire.total_count, names);
        page.map(Self)
            .ok_or_else(|| other_answer("neither Functions nor TotalCount"))
    }
}

// === impl Page ===

impl Page {
    /// Returns `None` without a list and a total: that is the response of another action, and as an
    /// empty list it would mean that there are no functions.
    fn of(list: Option<Vec<Box<RawValue>>>, total: Option<i64>, names: &Names<2>) -> Option<Self> {
        if list.is_none() && total.is_none() {
            return None;
        }
        let rows = list.unwrap_or_default();
        // An entry of another shape counts as one without a name.
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

    /// Requests the details without the code, which may be large.
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

    /// Returns `None` if memory or timeout is missing or 0, as in documented responses: with a run
    /// time of 0 the watermark would pass invocations that still run.
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
