//! One scan of all lists: which functions exist now, and how certain that is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tracing::warn;

use super::issues::{Names, ScanContext, Suggestions, is_forbidden};
use super::wire::{FunctionList, List, Namespaces};
use crate::config::FunctionSelector;
use crate::ingest::page::DEFAULT_NAMESPACE;
use crate::ingest::page_size::PageSize;
use crate::ingest::{JsonApi, SourceScope};
use crate::model::FunctionId;
use tencentcloud::{ApiError, ErrorClass};

/// Namespaces read at most.
const NAMESPACES_MAX: usize = 1_000;
/// Functions read at most.
const FUNCTIONS_MAX: usize = 100_000;
/// Pages of one list at most: enough for all functions at the default page of 20.
const PAGES_MAX: usize = FUNCTIONS_MAX / 20;
/// Consecutive entries that may be skipped because no response with them arrives; with more of them
/// the API as a whole does not respond.
const WITHHELD_MAX: usize = 3;

/// The result of a scan.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The selected functions.
    pub(super) seen: BTreeMap<FunctionId, Seen>,
    /// Namespaces that were not read to the end: functions that were not seen may exist.
    pub(super) unsure: BTreeSet<Arc<str>>,
    /// The scanned namespaces, if there may be others because they may not be listed.
    pub(super) only: Option<BTreeSet<Arc<str>>>,
    pub(super) context: ScanContext,
}

/// Where a function was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// In a list, with its modification time.
    Listed(Option<Box<str>>),
    /// In the configuration: whether it exists is not known yet.
    Named,
}

/// Scans the lists of one source.
pub(super) struct ListScanner<'a, C> {
    pub(super) cloud: &'a C,
    pub(super) place: &'a SourceScope,
    pub(super) wanted: &'a FunctionSelector,
    /// Entries of a page.
    pub(super) size: &'a PageSize,
}

/// A list, as far as it could be read.
#[derive(Debug, Default)]
struct Rows {
    entries: BTreeMap<Box<str>, Seen>,
    /// Rows without a usable name.
    nameless: usize,
    /// Entries that could not be read even one by one.
    withheld: usize,
    /// It was longer than the limit.
    cut: bool,
    /// A page brought nothing new: entries shifted, or the server ignores the offset.
    repeats: bool,
    /// Why the list breaks off.
    error: Option<ApiError>,
}

// === impl ListScanner ===

impl<C: JsonApi> ListScanner<'_, C> {
    /// Reads every list. `before` are the namespaces with functions known so far, for an account
    /// that may not list namespaces.
    ///
    /// # Errors
    /// Namespaces cannot be listed, or the functions of none of them.
    pub(super) async fn scan(&self, before: BTreeSet<Arc<str>>) -> Result<Scan, ApiError> {
        let mut scan = Scan::default();
        let namespaces = self.namespaces(before, &mut scan.context).await?;
        let named = self.named(namespaces.len());
        let mut first_error = None;
        let mut any_read = namespaces.is_empty();
        for namespace in &namespaces {
            let left = FUNCTIONS_MAX.saturating_sub(scan.seen.len());
            let rows = match named {
                Some(names) => Rows::named(names),
                None => self.all::<FunctionList>(namespace, left).await,
            };
            rows.warn(namespace);
            if !rows.is_whole() {
                scan.unsure.insert(namespace.clone());
            }
            if named.is_none() {
                scan.context.functions.extend(rows.entries.keys().cloned());
            }
            match rows.error {
                None => any_read = true,
                // A configured namespace that does not exist is an issue, not a failure.
                Some(error) if is_absent(&error) => {
                    scan.context.absent.insert(namespace.clone());
                }
                Some(error) => {
                    let unlisted = (namespace.clone(), error.clone());
                    scan.context.unlisted.push(unlisted);
                    first_error.get_or_insert(error);
                }
            }
            let wants = |name: &str| self.wanted.functions.wants(name);
            let wanted = rows.entries.into_iter().filter(|(name, _)| wants(name));
            let id = |name: Box<str>| self.place.function(namespace.clone(), &name);
            scan.seen
                .extend(wanted.map(|(name, seen)| (id(name), seen)));
        }
        let is_partial = scan.context.forbidden.is_some();
        scan.context.is_exhaustive = scan.unsure.is_empty() && !is_partial;
        scan.only = is_partial.then(|| namespaces.iter().cloned().collect());
        if named.is_some() {
            scan.context.by_name = namespaces;
        }
        match first_error {
            Some(error) if !any_read => Err(error),
            _ => Ok(scan),
        }
    }

    /// Lists namespaces and functions, selected or not, as suggestions for the `missing` names.
    pub(super) async fn suggest(
        &self,
        missing: Vec<String>,
        namespaces: &[Arc<str>],
    ) -> Suggestions {
        let listed = self.all::<Namespaces>("", NAMESPACES_MAX).await;
        let mut functions = Names::new();
        for namespace in namespaces {
            let left = FUNCTIONS_MAX.saturating_sub(functions.len());
            let rows = self.all::<FunctionList>(namespace, left).await;
            functions.extend(rows.entries.into_keys());
        }
        Suggestions {
            missing,
            namespaces: listed.entries.into_keys().collect(),
            functions,
        }
    }

    /// Returns the configured names if requesting each is better than listing: if their namespaces
    /// are configured too, or there is only one. Otherwise each name would have to be tried in each
    /// namespace.
    fn named(&self, namespaces: usize) -> Option<&[String]> {
        let names = self.wanted.functions.exact_names()?;
        let certain = namespaces == 1 || self.wanted.namespaces.exact_names().is_some();
        certain.then_some(names)
    }

    /// Returns the selected namespaces. If the account may not list them, they are only some, and
    /// `context` says why.
    async fn namespaces(
        &self,
        before: BTreeSet<Arc<str>>,
        context: &mut ScanContext,
    ) -> Result<Vec<Arc<str>>, ApiError> {
        let of_config = || self.wanted.namespaces.names().iter();
        let of_config = || of_config().map(|name| Arc::from(name.as_str()));
        let names: BTreeSet<Arc<str>> = if self.wanted.namespaces.exact_names().is_some() {
            of_config().collect()
        } else {
            let rows = self.all::<Namespaces>("", NAMESPACES_MAX).await;
            rows.warn("");
            match rows.error {
                None => {
                    let whole = rows.is_whole();
                    let all: Names = rows.entries.into_keys().collect();
                    let names = all.iter().map(|name| Arc::from(&**name)).collect();
                    context.namespaces = whole.then_some(all);
                    names
                }
                Some(refused) if is_forbidden(&refused) => {
                    context.forbidden = Some(refused);
                    let usual = std::iter::once(DEFAULT_NAMESPACE.into());
                    before.into_iter().chain(of_config()).chain(usual).collect()
                }
                Some(error) => return Err(error),
            }
        };
        let wants = |name: &Arc<str>| self.wanted.namespaces.wants(name);
        let wanted: Vec<_> = names.into_iter().filter(wants).collect();
        match context.forbidden.take_if(|_| wanted.is_empty()) {
            Some(refused) => Err(refused),
            None => Ok(wanted),
        }
    }

    /// Pages through a list. The server may send fewer entries than requested, its total may be 0
    /// although there are entries, and only new names show that it respects the offset.
    async fn all<L: List>(&self, namespace: &str, most: usize) -> Rows {
        let mut rows = Rows::default();
        let (mut offset, mut in_a_row) = (0, 0);
        for _ in 0..PAGES_MAX {
            let asked = self.size.get();
            let mut params = L::params(namespace);
            params["Offset"] = Value::from(offset);
            params["Limit"] = Value::from(asked);
            let page = match self.cloud.call_json::<L>(L::ACTION, &params).await {
                Ok(answer) => answer.page(),
                Err(error) if error.asks_for_less() && self.size.shrink(asked) => continue,
                // One entry must not hide those after it.
                Err(error) if error.asks_for_less() && in_a_row < WITHHELD_MAX => {
                    (offset, in_a_row) = (offset + 1, in_a_row + 1);
                    rows.withheld += 1;
                    continue;
                }
                Err(error) => {
                    rows.error = Some(error);
                    return rows;
                }
            };
            self.size.grow(asked);
            in_a_row = 0;
            offset += page.rows;
            rows.nameless += page.rows - page.entries.len();
            let before = rows.entries.len();
            let named = page.entries.into_iter();
            let named = named.map(|one| (one.name, Seen::Listed(one.changed)));
            rows.entries.extend(named);
            rows.repeats = page.rows > 0 && rows.entries.len() == before;
            let is_last = page.rows < asked && page.total > 0 && offset >= page.total;
            if is_last || page.rows == 0 || rows.repeats {
                rows.repeats &= !is_last;
                return rows.cut_to(most);
            }
            if rows.entries.len() > most {
                break;
            }
        }
        rows.cut = true;
        rows.cut_to(most)
    }
}

// === impl Rows ===

impl Rows {
    fn named(names: &[String]) -> Self {
        let named = names.iter().map(|name| (name.as_str().into(), Seen::Named));
        Self {
            entries: named.collect(),
            ..Self::default()
        }
    }

    fn cut_to(mut self, most: usize) -> Self {
        while self.entries.len() > most {
            self.cut = true;
            self.entries.pop_last();
        }
        self
    }

    /// Returns whether what it lacks does not exist. The response that its namespace does not exist
    /// is a whole list.
    fn is_whole(&self) -> bool {
        let not_found = |error: &ApiError| error.class == ErrorClass::NotFound;
        self.error.as_ref().is_none_or(not_found)
            && !self.cut
            && !self.repeats
            && self.withheld == 0
    }

    /// Logs what is wrong with the list of a namespace, or of all namespaces if `of` is empty.
    fn warn(&self, of: &str) {
        if let (Some(error), false) = (&self.error, of.is_empty()) {
            warn!(
                namespace = of,
                request_id = error.request_id.as_deref(),
                %error,
                "the functions of a namespace could not be listed; what is known of it is kept"
            );
        }
        if self.cut {
            warn!(
                namespace = of,
                read = self.entries.len(),
                "a list is longer than can be read; choose fewer namespaces or functions in the configuration"
            );
        }
        if self.withheld > 0 {
            warn!(
                namespace = of,
                rows = self.withheld,
                "rows of a list cannot be had, even one by one; what is known of the namespace is kept, and they are asked for again with the next list"
            );
        }
        if self.nameless > 0 {
            warn!(
                namespace = of,
                rows = self.nameless,
                "rows of a list without a usable name are not read"
            );
        }
    }
}

/// Returns whether the namespace does not exist. The class alone does not tell: a service that is
/// switched off is not found either.
fn is_absent(error: &ApiError) -> bool {
    error.code.starts_with("ResourceNotFound")
}
