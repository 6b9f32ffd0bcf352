//! Questions and answers of `ListNamespaces`, `ListFunctions` and `GetFunction` (API 3.0).
//!
//! Several fields are nullable, so every field may be missing here; what cannot be used reads as
//! absent.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Topic;
use crate::model::{About, Bytes, FunctionId};

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
    pub(super) about: Option<Arc<About>>,
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
#[serde(rename_all = "PascalCase")]
pub(super) struct Namespaces {
    namespaces: Option<Vec<Named>>,
    total_count: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionList {
    functions: Option<Vec<Function>>,
    total_count: Option<i64>,
}

/// The entry's own `Namespace` is not read: the one that was asked for is right, while the
/// documents misspell it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Function {
    function_name: Option<String>,
    mod_time: Option<String>,
}

/// The answer of `GetFunction`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FunctionAnswer {
    /// In MB.
    memory_size: Option<i64>,
    /// In seconds.
    timeout: Option<i64>,
    runtime: Option<String>,
    cls_topic_id: Option<String>,
}

// === impl List ===

impl List for Namespaces {
    const ACTION: &'static str = "ListNamespaces";

    fn params(_: &str) -> Value {
        json!({"Orderby": "Name", "Order": "ASC"})
    }

    fn page(self) -> Page {
        let found = self.namespaces.unwrap_or_default();
        let named = found.into_iter().map(|one| (one.name, None)).collect();
        Page::of(named, self.total_count)
    }
}

impl List for FunctionList {
    const ACTION: &'static str = "ListFunctions";

    fn params(namespace: &str) -> Value {
        json!({"Namespace": namespace, "Orderby": "FunctionName", "Order": "ASC"})
    }

    fn page(self) -> Page {
        let found = self.functions.unwrap_or_default().into_iter();
        let named = found.map(|one| (one.function_name, one.mod_time)).collect();
        Page::of(named, self.total_count)
    }
}

// === impl Page ===

impl Page {
    fn of(named: Vec<(Option<String>, Option<String>)>, total: Option<i64>) -> Self {
        Self {
            rows: named.len(),
            entries: named
                .into_iter()
                .filter_map(|(name, changed)| {
                    Some(Entry {
                        name: name.filter(|name| is_usable(name))?.into(),
                        changed: changed.filter(|text| is_usable(text)).map(Into::into),
                    })
                })
                .collect(),
            total: total.and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        }
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
    fn about(&self) -> Option<About> {
        let positive = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
        let runtime = self.runtime.as_deref().unwrap_or_default();
        Some(About {
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
