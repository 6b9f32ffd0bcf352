//! What a whole look at the functions says of the configuration and of the rights. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::Unmatched;
use crate::ingest::{DiscoveryIssues, FunctionSelector};
use tencentcloud::{ApiError, ErrorClass};

/// Names of things that there are.
pub(super) type Names = BTreeSet<Box<str>>;

/// What a look at the lists met beside the wanted functions.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Why only some namespaces were looked at.
    pub(super) forbidden: Option<ApiError>,
    /// All namespaces, where they were listed.
    pub(super) namespaces: Option<Names>,
    /// Namespaces of the configuration that there are not.
    pub(super) absent: BTreeSet<Arc<str>>,
    /// Every function of the lists, wanted or not.
    pub(super) functions: Names,
    /// Namespaces whose functions were asked for by their configured names, without any list.
    pub(super) by_name: Vec<Arc<str>>,
    /// Namespaces whose functions could not be listed, and why.
    pub(super) unlisted: Vec<(Arc<str>, ApiError)>,
    /// Whether what was not seen is not there.
    pub(super) whole: bool,
}

/// Other names of which one may have been meant.
#[derive(Debug, Default)]
pub(super) struct Alike {
    /// The names for which they were looked for.
    pub(super) of: Vec<String>,
    pub(super) namespaces: Names,
    pub(super) functions: Names,
}

/// Everything that there is to say.
pub(super) struct FunctionConfig<'a> {
    pub(super) wanted: &'a FunctionSelector,
    pub(super) needs_topics: bool,
    pub(super) looked: &'a Looked,
    /// Names of the functions that exist as far as is known.
    pub(super) known: &'a Names,
    pub(super) alike: &'a Alike,
    pub(super) failed: Option<&'a ApiError>,
}

/// `UnauthorizedOperation`, with or without a part behind it or `AuthFailure.` before it.
pub(super) fn is_forbidden(error: &ApiError) -> bool {
    error.class == ErrorClass::Authentication && error.code.contains("UnauthorizedOperation")
}

impl FunctionConfig<'_> {
    /// `functions` are what the last whole list said of the configured ones.
    pub(super) fn remarks(&self, functions: &[Unmatched]) -> DiscoveryIssues {
        let mut remarks = DiscoveryIssues::default();
        for one in self.namespaces() {
            remarks.add_unmatched(one.describe("namespace"));
        }
        for one in functions {
            remarks.add_unmatched(one.describe("function"));
        }
        for (namespace, error) in &self.looked.unlisted {
            remarks.add(format!(
                "the functions of namespace `{namespace}` could not be listed ({}), so new ones are \
                 not found: {}",
                error.code, error.advice
            ));
        }
        if let Some(error) = &self.looked.forbidden {
            remarks.add(format!(
                "namespaces may not be listed ({}), so only `default` and those named are read, and \
                 functions of others are not counted: give this account scf:ListNamespaces, or name \
                 the namespaces in the configuration",
                error.code
            ));
        }
        if let Some(failed) = self.failed {
            remarks.add(self.details(failed));
        }
        remarks
    }

    /// The names that should be there and are not, before it is known what may have been meant.
    pub(super) fn missing(&self) -> Vec<String> {
        let functions = self.functions().unwrap_or_default();
        let names = [self.namespaces(), functions].concat();
        let names = names.into_iter().filter_map(|one| match one {
            Unmatched::Name { name, .. } => Some(name),
            Unmatched::Pattern(_) | Unmatched::All => None,
        });
        names.collect()
    }

    fn namespaces(&self) -> Vec<Unmatched> {
        let wanted = &self.wanted.namespaces;
        if let Some(all) = &self.looked.namespaces {
            return wanted.unmatched(all);
        }
        // They were not listed: only what was asked for by its name is known not to be there.
        let named = wanted.names().iter().map(|name| name.as_str().into());
        let mut there: Names = named.collect();
        there.retain(|name| !self.looked.absent.contains(&**name));
        there.extend(self.alike.namespaces.iter().cloned());
        let mut unmatched = wanted.unmatched(&there);
        unmatched.retain(|one| matches!(one, Unmatched::Name { .. }));
        unmatched
    }

    /// `None` where the lists may have missed some.
    pub(super) fn functions(&self) -> Option<Vec<Unmatched>> {
        let wanted = &self.wanted.functions;
        if !self.looked.whole {
            return None;
        }
        let mut there = self.known.clone();
        if !self.looked.by_name.is_empty() {
            // Nobody asked for those that are excluded.
            let excluded = wanted.names().iter().filter(|name| !wanted.wants(name));
            there.extend(excluded.map(|name| name.as_str().into()));
            there.extend(self.alike.functions.iter().cloned());
        } else {
            there.extend(self.looked.functions.iter().cloned());
        }
        Some(wanted.unmatched(&there))
    }

    fn details(&self, failed: &ApiError) -> String {
        let means = match self.needs_topics {
            true => "what logs to a topic that is not known yet is not read",
            false => {
                "their memory limits and timeouts are not shown, and each call is waited for as \
                 long as `max_run_time` says before it counts as complete"
            }
        };
        let code = &failed.code;
        match is_forbidden(failed) {
            true => format!(
                "details of functions may not be read ({code}), so {means}: give this account \
                 scf:GetFunction"
            ),
            false => format!(
                "details of some functions could not be read ({code}), so {means}: they are asked \
                 for again with the next list"
            ),
        }
    }
}
