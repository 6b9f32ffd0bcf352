//! What is known of the functions, and which details are due to be fetched. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::scanner::{Scan, Seen};
use super::wire::Details;
use super::{Found, Topic};
use crate::model::FunctionId;

/// Age at which details are fetched again: the log topic may change without a change of the
/// function's modification time.
const DETAILS_KEPT: Duration = Duration::from_secs(3600);
/// Number of consecutive scans that must miss a function before it counts as gone: one may miss it
/// because entries shifted between two pages.
const MISSES_MAX: u32 = 2;

/// Every function that exists, as far as is known.
#[derive(Debug, Default)]
pub(super) struct FunctionCatalog {
    functions: BTreeMap<FunctionId, Entry>,
    scanned: ScannedNamespaces,
}

/// The namespaces that the last scan covered.
#[derive(Debug, Clone, Default)]
pub(super) struct ScannedNamespaces {
    /// Those that were not read to the end.
    unsure: BTreeSet<Arc<str>>,
    /// The scanned ones, if there may be others; `None` if what is not listed does not exist.
    only: Option<BTreeSet<Arc<str>>>,
}

#[derive(Debug, Default)]
struct Entry {
    /// The cloud named it, or could not be asked whether it exists.
    exists: bool,
    /// Scans that missed it since it was last listed or its details were fetched.
    misses: u32,
    /// The last scan missed it, whatever its details say.
    is_missed: bool,
    /// Modification time as of the list.
    changed: Option<Box<str>>,
    fetched: Option<Fetched>,
    /// The details that were last fetched with success.
    details: Option<Details>,
}

/// The last fetch of details, successful or not.
#[derive(Debug)]
struct Fetched {
    at: Instant,
    /// Modification time in the list at that time.
    changed: Option<Box<str>>,
    failed: bool,
}

impl FunctionCatalog {
    /// Applies a scan of the lists.
    pub(super) fn take(&mut self, scan: Scan) {
        let Scan {
            seen, unsure, only, ..
        } = scan;
        self.functions.retain(|function, entry| {
            if !seen.contains_key(function) && !unsure.contains(&function.namespace) {
                entry.misses += 1;
                entry.is_missed = true;
            }
            entry.misses < MISSES_MAX
        });
        for (function, seen) in seen {
            let entry = self.functions.entry(function).or_default();
            entry.misses = 0;
            entry.is_missed = false;
            if let Seen::Listed(changed) = seen {
                entry.exists = true;
                entry.changed = changed;
            }
        }
        self.scanned = ScannedNamespaces { unsure, only };
    }

    /// Returns the existing functions that the last scan named.
    pub(super) fn named(&self) -> BTreeSet<FunctionId> {
        let all = self.functions.iter();
        let named = all.filter(|(_, entry)| entry.exists && !entry.is_missed);
        named.map(|(function, _)| function.clone()).collect()
    }

    pub(super) fn scanned(&self) -> ScannedNamespaces {
        self.scanned.clone()
    }

    /// Returns whether every existing function is known, and its topic where that is needed.
    pub(super) fn is_certain(&self, needs_topics: bool) -> bool {
        let mut all = self.functions.values().filter(|entry| entry.exists);
        let unknown = needs_topics && all.any(|entry| entry.topic() == Topic::Unknown);
        self.scanned.unsure.is_empty() && !unknown
    }

    /// Returns the functions whose details are due: those never fetched first, then the ones
    /// fetched longest ago.
    pub(super) fn due(&self, now: Instant) -> Vec<FunctionId> {
        let due = self.functions.iter().filter(|(_, entry)| entry.is_due(now));
        let mut due: Vec<_> = due
            .map(|(function, entry)| (entry.fetched.as_ref().map(|last| last.at), function))
            .collect();
        due.sort();
        due.into_iter()
            .map(|(_, function)| function.clone())
            .collect()
    }

    /// Returns the modification time that details fetched now belong to.
    pub(super) fn changed(&self, function: &FunctionId) -> Option<Box<str>> {
        self.functions.get(function)?.changed.clone()
    }

    /// Stores details that were requested when the list said `changed`.
    pub(super) fn fetched(
        &mut self,
        function: &FunctionId,
        changed: Option<Box<str>>,
        details: Details,
        now: Instant,
    ) {
        if let Some(entry) = self.functions.get_mut(function) {
            entry.exists = true;
            entry.misses = 0;
            entry.details = Some(details);
            entry.fetched = Some(Fetched {
                at: now,
                changed,
                failed: false,
            });
        }
    }

    /// Records that details could not be fetched; the last good ones stay.
    pub(super) fn failed(&mut self, function: &FunctionId, now: Instant) {
        if let Some(entry) = self.functions.get_mut(function) {
            entry.exists = true;
            entry.fetched = Some(Fetched {
                at: now,
                changed: None,
                failed: true,
            });
        }
    }

    /// Records that details are not fetched now: the function is taken to exist, as the configuration
    /// says.
    pub(super) fn assume(&mut self, function: &FunctionId) {
        if let Some(entry) = self.functions.get_mut(function) {
            entry.exists = true;
        }
    }

    /// Removes a function that does not exist according to the cloud.
    pub(super) fn absent(&mut self, function: &FunctionId) {
        self.functions.remove(function);
    }

    /// Returns all that exist; where topics are needed, those whose topic is known.
    pub(super) fn found(&self, needs_topics: bool) -> Vec<Found> {
        let existing = self.functions.iter().filter(|(_, entry)| entry.exists);
        let found = existing.map(|(function, entry)| Found {
            function: function.clone(),
            about: entry.details.as_ref().and_then(|known| known.about.clone()),
            topic: entry.topic(),
        });
        found
            .filter(|one| !needs_topics || one.topic != Topic::Unknown)
            .collect()
    }

    /// Returns the names of all that exist.
    pub(super) fn names(&self) -> BTreeSet<Box<str>> {
        let existing = self.functions.iter().filter(|(_, entry)| entry.exists);
        existing.map(|(one, _)| (*one.name).into()).collect()
    }

    /// Returns the namespaces of all functions.
    pub(super) fn namespaces(&self) -> BTreeSet<Arc<str>> {
        self.functions
            .keys()
            .map(|one| one.namespace.clone())
            .collect()
    }
}

impl ScannedNamespaces {
    /// Returns whether the scan would have named a function of this namespace.
    pub(super) fn has(&self, namespace: &str) -> bool {
        let only = self.only.as_ref();
        !self.unsure.contains(namespace) && only.is_none_or(|only| only.contains(namespace))
    }
}

impl Entry {
    fn is_due(&self, now: Instant) -> bool {
        let Some(last) = &self.fetched else {
            return true;
        };
        let old = now.duration_since(last.at) >= DETAILS_KEPT;
        last.failed || old || last.changed != self.changed || self.misses > 0
    }

    fn topic(&self) -> Topic {
        let known = self.details.as_ref().map(|known| known.topic.clone());
        known.unwrap_or(Topic::Unknown)
    }
}

#[cfg(test)]
mod tests;
