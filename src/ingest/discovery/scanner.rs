//! One look at all lists: which functions there are now, and how sure that is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tracing::warn;

use super::Call;
use super::remarks::{Looked, Names, is_forbidden};
use super::wire::{FunctionList, List, Namespaces};
use crate::ingest::page::DEFAULT_NAMESPACE;
use crate::ingest::page_size::PageSize;
use crate::ingest::{FunctionSelector, SourceScope};
use crate::model::FunctionId;
use tencentcloud::{ApiError, ErrorClass};

/// Namespaces read at the most.
const NAMESPACES_MAX: usize = 1_000;
/// Functions read at the most.
const FUNCTIONS_MAX: usize = 100_000;
/// Pages of one list at the most: enough for all functions at the default page of 20.
const PAGES_MAX: usize = FUNCTIONS_MAX / 20;
/// Entries one after the other that no answer can bring: then it is the API that does not answer.
const WITHHELD_MAX: usize = 3;

/// What a look at the lists found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The wanted functions.
    pub(super) seen: BTreeMap<FunctionId, Seen>,
    /// Namespaces that were not read to the end: what was not seen there may still be there.
    pub(super) unsure: BTreeSet<Arc<str>>,
    /// What was met beside them.
    pub(super) looked: Looked,
    /// There may be other namespaces than those that were looked at: they may not be listed.
    pub(super) is_partial: bool,
    /// The namespaces that were looked at.
    pub(super) namespaces: BTreeSet<Arc<str>>,
}

/// How a function was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// In a list, with the time of its last change.
    Listed(Option<Box<str>>),
    /// In the configuration: whether it exists is not known yet.
    Named,
}

/// Looks at the lists of one place.
pub(super) struct ListScanner<'a, C> {
    pub(super) cloud: &'a C,
    pub(super) place: &'a SourceScope,
    pub(super) wanted: &'a FunctionSelector,
    /// Entries of a page.
    pub(super) size: &'a PageSize,
}

/// A list as far as it could be read.
#[derive(Debug, Default)]
struct Rows {
    entries: BTreeMap<Box<str>, Seen>,
    /// Rows without a usable name.
    nameless: usize,
    /// Entries that no answer can bring, even one by one.
    withheld: usize,
    /// It was longer than the limit.
    cut: bool,
    /// A page brought nothing new: entries shifted, or the server does not obey the offset.
    repeats: bool,
    /// Why it breaks off.
    error: Option<ApiError>,
}

// === impl ListScanner ===

impl<C: Call> ListScanner<'_, C> {
    /// Looks at every list. `before` are the namespaces with functions known so far, for an
    /// account that may not list namespaces.
    ///
    /// # Errors
    /// Namespaces cannot be listed, or the functions of none of them.
    pub(super) async fn survey(&self, before: BTreeSet<Arc<str>>) -> Result<Survey, ApiError> {
        let mut survey = Survey::default();
        let namespaces = self.namespaces(before, &mut survey.looked).await?;
        survey.namespaces = namespaces.iter().cloned().collect();
        if self.named(namespaces.len()).is_some() {
            survey.looked.by_name.clone_from(&namespaces);
        }
        let mut first_error = None;
        let mut any_read = namespaces.is_empty();
        for namespace in &namespaces {
            let left = FUNCTIONS_MAX.saturating_sub(survey.seen.len());
            let rows = match self.named(namespaces.len()) {
                Some(names) => Rows::named(names),
                None => self.all::<FunctionList>(namespace, left).await,
            };
            rows.complain(namespace);
            if !rows.is_whole() {
                survey.unsure.insert(namespace.clone());
            }
            if rows.error.as_ref().is_some_and(is_absent) {
                survey.looked.absent.insert(namespace.clone());
            }
            let listed = rows.entries.iter().filter(|(_, how)| **how != Seen::Named);
            let names = listed.map(|(name, _)| name.clone());
            survey.looked.functions.extend(names);
            any_read |= rows.error.is_none();
            // That a configured namespace does not exist is an answer, and is told as what it is.
            let failed = rows.error.filter(|error| !is_absent(error));
            let unlisted = failed.clone().map(|error| (namespace.clone(), error));
            survey.looked.unlisted.extend(unlisted);
            first_error = first_error.or(failed);
            let wants = |name: &str| self.wanted.functions.wants(name);
            let wanted = rows.entries.into_iter().filter(|(name, _)| wants(name));
            let found = wanted.map(|(name, seen)| (self.id(namespace, name), seen));
            survey.seen.extend(found);
        }
        survey.is_partial = survey.looked.forbidden.is_some();
        survey.looked.whole = survey.unsure.is_empty() && survey.looked.forbidden.is_none();
        match first_error {
            Some(error) if !any_read => Err(error),
            _ => Ok(survey),
        }
    }

    /// Names of namespaces and of functions, wanted or not, as far as they can be listed: of use
    /// only to say what may have been meant.
    pub(super) async fn names(&self, namespaces: &[Arc<str>]) -> (Names, Names) {
        let listed = self.all::<Namespaces>("", NAMESPACES_MAX).await;
        let mut functions = Names::new();
        for namespace in namespaces {
            let left = FUNCTIONS_MAX.saturating_sub(functions.len());
            let rows = self.all::<FunctionList>(namespace, left).await;
            functions.extend(rows.entries.into_keys());
        }
        (listed.entries.into_keys().collect(), functions)
    }

    /// The configured names, where asking for each is better than listing: where it is configured
    /// too which namespaces they are in, or there is only one. Elsewhere each name would have to
    /// be tried in each namespace.
    fn named(&self, namespaces: usize) -> Option<&[String]> {
        let names = self.wanted.functions.exact_names()?;
        let certain = namespaces == 1 || self.wanted.namespaces.exact_names().is_some();
        certain.then_some(names)
    }

    /// The wanted namespaces, and in `looked` why they are only some, where the account may not
    /// list them.
    async fn namespaces(
        &self,
        before: BTreeSet<Arc<str>>,
        looked: &mut Looked,
    ) -> Result<Vec<Arc<str>>, ApiError> {
        let of_config = || self.wanted.namespaces.names().iter();
        let of_config = || of_config().map(|name| Arc::from(name.as_str()));
        let names: BTreeSet<Arc<str>> = if self.wanted.namespaces.exact_names().is_some() {
            of_config().collect()
        } else {
            let rows = self.all::<Namespaces>("", NAMESPACES_MAX).await;
            rows.complain("");
            match rows.error {
                None => {
                    let whole = rows.is_whole();
                    let all: Names = rows.entries.into_keys().collect();
                    let names = all.iter().map(|name| Arc::from(&**name)).collect();
                    looked.namespaces = whole.then_some(all);
                    names
                }
                Some(refused) if is_forbidden(&refused) => {
                    looked.forbidden = Some(refused);
                    let usual = std::iter::once(DEFAULT_NAMESPACE.into());
                    before.into_iter().chain(of_config()).chain(usual).collect()
                }
                Some(error) => return Err(error),
            }
        };
        let wants = |name: &Arc<str>| self.wanted.namespaces.wants(name);
        let wanted: Vec<_> = names.into_iter().filter(wants).collect();
        match looked.forbidden.take_if(|_| wanted.is_empty()) {
            Some(refused) => Err(refused),
            None => Ok(wanted),
        }
    }

    /// Pages through a list. The server may send fewer than asked for, its total may be 0 beside
    /// entries, and whether it obeys the offset shows only in new names.
    async fn all<L: List>(&self, namespace: &str, most: usize) -> Rows {
        let mut rows = Rows::default();
        let (mut offset, mut in_a_row) = (0, 0);
        for _ in 0..PAGES_MAX {
            let asked = self.size.get();
            let mut params = L::params(namespace);
            params["Offset"] = Value::from(offset);
            params["Limit"] = Value::from(asked);
            let page = match self.cloud.call::<L>(L::ACTION, &params).await {
                Ok(answer) => answer.page(),
                Err(error) if error.asks_for_less() && self.size.shrink(asked) => continue,
                // One entry must not hide those behind it.
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

    fn id(&self, namespace: &Arc<str>, name: Box<str>) -> FunctionId {
        FunctionId {
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            namespace: namespace.clone(),
            name: name.into(),
        }
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

    /// Whether what is not in it is not there. That its namespace does not exist is an answer too.
    fn is_whole(&self) -> bool {
        let read = match &self.error {
            Some(error) => error.class == ErrorClass::NotFound,
            None => true,
        };
        read && !self.cut && !self.repeats && self.withheld == 0
    }

    /// Of the list of namespaces `of` is empty.
    fn complain(&self, of: &str) {
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

/// Whether there is no such namespace. A service that is switched off is not found either.
fn is_absent(error: &ApiError) -> bool {
    error.code.starts_with("ResourceNotFound")
}
