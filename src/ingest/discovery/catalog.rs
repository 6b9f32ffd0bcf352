//! What is known of the functions, and what is to be asked about them. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::scanner::{Seen, Survey};
use super::wire::Details;
use super::{Found, Topic};
use crate::model::FunctionId;

/// Details are asked for again when they are this old: the log topic may change without a change
/// of the function's own time.
const DETAILS_KEPT: Duration = Duration::from_secs(3600);
/// Looks at the lists, one after the other, that must miss a function before it counts as gone:
/// one may miss it because entries shifted between two pages.
const MISSES_MAX: u32 = 2;

/// Every function that is there, as far as can be told.
#[derive(Debug, Default)]
pub(super) struct FunctionCatalog {
    functions: BTreeMap<FunctionId, Entry>,
    looked_at: LookedAt,
}

/// The namespaces whose functions the last look has told of.
#[derive(Debug, Clone, Default)]
pub(super) struct LookedAt {
    /// Those that were not read to the end.
    unsure: BTreeSet<Arc<str>>,
    /// All that were looked at, where there may be others; else what is not listed is not there.
    only: Option<BTreeSet<Arc<str>>>,
}

#[derive(Debug, Default)]
struct Entry {
    /// The cloud named it, or could not be asked whether it exists.
    exists: bool,
    /// Looks that missed it since it was seen last, or its details were had.
    misses: u32,
    /// Whether the last look missed it, whatever its details say.
    is_missed: bool,
    /// When it was changed last, by the list.
    changed: Option<Box<str>>,
    asked: Option<Asked>,
    /// The last good ones.
    details: Option<Details>,
}

/// The last time that details were asked for and an answer, or a failure, came.
#[derive(Debug)]
struct Asked {
    at: Instant,
    /// What the list said at that time.
    changed: Option<Box<str>>,
    failed: bool,
}

impl FunctionCatalog {
    /// Takes in a look at the lists.
    pub(super) fn take(&mut self, survey: Survey) {
        let Survey {
            seen,
            unsure,
            is_partial,
            namespaces,
            looked: _,
        } = survey;
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
        self.looked_at = LookedAt {
            unsure,
            only: is_partial.then_some(namespaces),
        };
    }

    /// The functions that the last look named, and that exist.
    pub(super) fn named(&self) -> BTreeSet<FunctionId> {
        let all = self.functions.iter();
        let named = all.filter(|(_, entry)| entry.exists && !entry.is_missed);
        named.map(|(function, _)| function.clone()).collect()
    }

    /// The namespaces that the last look has told of.
    pub(super) fn looked_at(&self) -> LookedAt {
        self.looked_at.clone()
    }

    /// Whether each function that is there is known, and its topic where that is needed.
    pub(super) fn is_certain(&self, needs_topics: bool) -> bool {
        let unknown = |entry: &Entry| match &entry.details {
            Some(details) => details.topic == Topic::NotAsked,
            None => true,
        };
        let mut all = self.functions.values().filter(|entry| entry.exists);
        self.looked_at.unsure.is_empty() && !(needs_topics && all.any(unknown))
    }

    /// The functions whose details are to be asked for: those never asked for first, then those
    /// whose turn was longest ago.
    pub(super) fn due(&self, now: Instant) -> Vec<FunctionId> {
        let due = self.functions.iter().filter(|(_, entry)| entry.is_due(now));
        let mut due: Vec<_> = due
            .map(|(function, entry)| (entry.asked.as_ref().map(|asked| asked.at), function))
            .collect();
        due.sort();
        due.into_iter()
            .map(|(_, function)| function.clone())
            .collect()
    }

    /// The change of which details asked for now will tell.
    pub(super) fn changed(&self, function: &FunctionId) -> Option<Box<str>> {
        self.functions.get(function)?.changed.clone()
    }

    /// Takes in details that were asked for when the list said `changed`.
    pub(super) fn learned(
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
            entry.asked = Some(Asked {
                at: now,
                changed,
                failed: false,
            });
        }
    }

    /// Details could not be had: the last good ones stay.
    pub(super) fn failed(&mut self, function: &FunctionId, now: Instant) {
        if let Some(entry) = self.functions.get_mut(function) {
            entry.exists = true;
            entry.asked = Some(Asked {
                at: now,
                changed: None,
                failed: true,
            });
        }
    }

    /// It will not be asked for now, so it is taken to be there, as the configuration says.
    pub(super) fn unasked(&mut self, function: &FunctionId) {
        if let Some(entry) = self.functions.get_mut(function) {
            entry.exists = true;
        }
    }

    /// The cloud says that there is none of this name.
    pub(super) fn absent(&mut self, function: &FunctionId) {
        self.functions.remove(function);
    }

    /// All that exist; where topics are needed, those whose topic is known.
    pub(super) fn found(&self, needs_topics: bool) -> Vec<Found> {
        let existing = self.functions.iter().filter(|(_, entry)| entry.exists);
        let found = existing.map(|(function, entry)| Found {
            function: function.clone(),
            about: entry.details.as_ref().and_then(|known| known.about.clone()),
            topic: match &entry.details {
                Some(known) => known.topic.clone(),
                None => Topic::NotAsked,
            },
        });
        found
            .filter(|one| !needs_topics || one.topic != Topic::NotAsked)
            .collect()
    }

    /// The names of all that exist.
    pub(super) fn names(&self) -> BTreeSet<Box<str>> {
        let existing = self.functions.iter().filter(|(_, entry)| entry.exists);
        existing.map(|(one, _)| (*one.name).into()).collect()
    }

    /// The namespaces of all functions.
    pub(super) fn namespaces(&self) -> BTreeSet<Arc<str>> {
        self.functions
            .keys()
            .map(|one| one.namespace.clone())
            .collect()
    }
}

// === impl LookedAt ===

impl LookedAt {
    /// Whether a function of this namespace would have been named.
    pub(super) fn has(&self, namespace: &str) -> bool {
        let only = self.only.as_ref();
        !self.unsure.contains(namespace) && only.is_none_or(|only| only.contains(namespace))
    }
}

impl Entry {
    fn is_due(&self, now: Instant) -> bool {
        let Some(asked) = &self.asked else {
            return true;
        };
        let old = now.duration_since(asked.at) >= DETAILS_KEPT;
        asked.failed || old || asked.changed != self.changed || self.misses > 0
    }
}

#[cfg(test)]
mod tests;
