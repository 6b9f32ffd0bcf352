//! One look at all lists: which functions there are now, and how sure that is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tracing::warn;

use super::Call;
use super::wire::{FunctionList, List, Namespaces, PAGE};
use crate::model::FunctionId;
use crate::source::{Place, Wanted};
use crate::tencent::{ApiError, ErrorClass};

/// Namespaces read at the most.
const NAMESPACES_MAX: usize = 1_000;
/// Functions read at the most.
const FUNCTIONS_MAX: usize = 100_000;
/// Pages of one list at the most: enough for all functions at the default page of 20.
const PAGES_MAX: usize = FUNCTIONS_MAX / 20;
/// Where every account's functions are unless it made namespaces of its own.
const DEFAULT_NAMESPACE: &str = "default";

/// What a look at the lists found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The wanted functions.
    pub(super) seen: BTreeMap<FunctionId, Seen>,
    /// Namespaces that were not read to the end: what was not seen there may still be there.
    pub(super) unsure: BTreeSet<Arc<str>>,
    /// Why only some namespaces were looked at.
    pub(super) forbidden: Option<ApiError>,
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
pub(super) struct Surveyor<'a, C> {
    pub(super) cloud: &'a C,
    pub(super) place: &'a Place,
    pub(super) wanted: &'a Wanted,
}

/// A list as far as it could be read.
#[derive(Debug, Default)]
struct Rows {
    entries: BTreeMap<Box<str>, Seen>,
    /// Rows without a usable name.
    nameless: usize,
    /// It was longer than the limit.
    cut: bool,
    /// A page brought nothing new: entries shifted, or the server does not obey the offset.
    repeats: bool,
    /// Why it breaks off.
    error: Option<ApiError>,
}

// === impl Surveyor ===

impl<C: Call> Surveyor<'_, C> {
    /// Looks at every list. `before` are the namespaces with functions known so far, for an
    /// account that may not list namespaces.
    ///
    /// # Errors
    /// Namespaces cannot be listed, or the functions of none of them.
    pub(super) async fn survey(&self, before: BTreeSet<Arc<str>>) -> Result<Survey, ApiError> {
        let (namespaces, forbidden) = self.namespaces(before).await?;
        let mut survey = Survey {
            forbidden,
            namespaces: namespaces.iter().cloned().collect(),
            ..Survey::default()
        };
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
            any_read |= rows.error.is_none();
            first_error = first_error.or(rows.error);
            let wants = |name: &str| self.wanted.functions.wants(name);
            let wanted = rows.entries.into_iter().filter(|(name, _)| wants(name));
            let found = wanted.map(|(name, seen)| (self.id(namespace, name), seen));
            survey.seen.extend(found);
        }
        match first_error {
            Some(error) if !any_read => Err(error),
            _ => Ok(survey),
        }
    }

    /// The configured names, where asking for each is better than listing: where it is configured
    /// too which namespaces they are in, or there is only one. Elsewhere each name would have to
    /// be tried in each namespace.
    fn named(&self, namespaces: usize) -> Option<&[String]> {
        let names = self.wanted.functions.exact_names()?;
        let certain = namespaces == 1 || self.wanted.namespaces.exact_names().is_some();
        certain.then_some(names)
    }

    /// The wanted namespaces; and why only some, where the account may not list them.
    async fn namespaces(
        &self,
        before: BTreeSet<Arc<str>>,
    ) -> Result<(Vec<Arc<str>>, Option<ApiError>), ApiError> {
        let of_config = || self.wanted.namespaces.names().iter();
        let of_config = || of_config().map(|name| Arc::from(name.as_str()));
        let (names, forbidden): (BTreeSet<Arc<str>>, _) =
            if self.wanted.namespaces.exact_names().is_some() {
                (of_config().collect(), None)
            } else {
                let rows = self.all::<Namespaces>("", NAMESPACES_MAX).await;
                rows.complain("");
                match rows.error {
                    None => (rows.entries.into_keys().map(Arc::from).collect(), None),
                    Some(refused) if is_forbidden(&refused) => {
                        let usual = std::iter::once(DEFAULT_NAMESPACE.into());
                        let names = before.into_iter().chain(of_config()).chain(usual);
                        (names.collect(), Some(refused))
                    }
                    Some(error) => return Err(error),
                }
            };
        let wants = |name: &Arc<str>| self.wanted.namespaces.wants(name);
        let wanted: Vec<_> = names.into_iter().filter(wants).collect();
        match forbidden {
            Some(refused) if wanted.is_empty() => Err(refused),
            forbidden => Ok((wanted, forbidden)),
        }
    }

    /// Pages through a list. The server may send fewer than asked for, its total may be 0 beside
    /// entries, and whether it obeys the offset shows only in new names.
    async fn all<L: List>(&self, namespace: &str, most: usize) -> Rows {
        let mut rows = Rows::default();
        let mut offset = 0;
        for _ in 0..PAGES_MAX {
            let mut params = L::params(namespace);
            params["Offset"] = Value::from(offset);
            params["Limit"] = Value::from(PAGE);
            let page = match self.cloud.call::<L>(L::ACTION, &params).await {
                Ok(answer) => answer.page(),
                Err(error) => {
                    rows.error = Some(error);
                    return rows;
                }
            };
            offset += page.rows;
            rows.nameless += page.rows - page.entries.len();
            let before = rows.entries.len();
            let named = page.entries.into_iter();
            let named = named.map(|one| (one.name, Seen::Listed(one.changed)));
            rows.entries.extend(named);
            rows.repeats = page.rows > 0 && rows.entries.len() == before;
            let is_last = page.rows < PAGE && page.total > 0 && offset >= page.total;
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
        read && !self.cut && !self.repeats
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
        if self.nameless > 0 {
            warn!(
                namespace = of,
                rows = self.nameless,
                "rows of a list without a usable name are not read"
            );
        }
    }
}

/// `UnauthorizedOperation`, with or without a part behind it or `AuthFailure.` before it.
fn is_forbidden(error: &ApiError) -> bool {
    error.code.contains("UnauthorizedOperation")
}
