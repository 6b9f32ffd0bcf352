//! What a complete scan says of the configuration and of the account's rights. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::config::{FunctionSelector, Unmatched};
use tencentcloud::{ApiError, ErrorClass};

/// Texts kept at most; a mistake in a long list of names shows in the first ones.
const TEXTS_MAX: usize = 20;

/// What the operator should know of a list of functions although it could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiscoveryIssues {
    /// Number of configured names, patterns and topics that match nothing.
    pub unmatched: usize,
    /// Each says what is missing, what that means, and what to do. Texts of the same meaning are
    /// equal.
    pub texts: Vec<String>,
}

/// Names that exist.
pub(super) type Names = BTreeSet<Box<str>>;

/// What a scan found besides the selected functions.
#[derive(Debug, Default)]
pub(super) struct ScanContext {
    /// Why only some namespaces were scanned.
    pub(super) forbidden: Option<ApiError>,
    /// All namespaces, if they were listed.
    pub(super) namespaces: Option<Names>,
    /// Configured namespaces that do not exist.
    pub(super) absent: BTreeSet<Arc<str>>,
    /// Every listed function, selected or not.
    pub(super) functions: Names,
    /// Namespaces whose functions were taken from the configuration, without any list.
    pub(super) by_name: Vec<Arc<str>>,
    /// Namespaces whose functions could not be listed, and why.
    pub(super) unlisted: Vec<(Arc<str>, ApiError)>,
    /// What the scan did not find does not exist.
    pub(super) is_exhaustive: bool,
}

/// Names to suggest in place of those that do not exist.
#[derive(Debug, Default)]
pub(super) struct Suggestions {
    /// The names that do not exist.
    pub(super) missing: Vec<String>,
    pub(super) namespaces: Names,
    pub(super) functions: Names,
}

/// All that the issues are derived from.
pub(super) struct Findings<'a> {
    pub(super) wanted: &'a FunctionSelector,
    pub(super) needs_topics: bool,
    pub(super) scan: &'a ScanContext,
    /// Names of the functions that exist as far as is known.
    pub(super) known: &'a Names,
    pub(super) suggestions: &'a Suggestions,
    /// Why details of a function could not be read.
    pub(super) failed: Option<&'a ApiError>,
}

/// Returns whether a permission is missing: `UnauthorizedOperation`, with or without a part behind
/// it or `AuthFailure.` before it.
pub(super) fn is_forbidden(error: &ApiError) -> bool {
    error.class == ErrorClass::Authentication && error.code.contains("UnauthorizedOperation")
}

impl DiscoveryIssues {
    pub(in crate::ingest) fn add(&mut self, text: String) {
        if self.texts.len() < TEXTS_MAX {
            self.texts.push(text);
        }
    }

    /// Adds configured names and patterns of a `thing` that match nothing.
    pub(in crate::ingest) fn add_unmatched(&mut self, unmatched: &[Unmatched], thing: &str) {
        self.unmatched += unmatched.len();
        for one in unmatched {
            self.add(one.told(thing));
        }
    }
}

impl Findings<'_> {
    /// Returns all issues. `functions` are the unmatched names and patterns of functions, as of the
    /// last exhaustive scan.
    pub(super) fn issues(&self, functions: &[Unmatched]) -> DiscoveryIssues {
        let mut issues = DiscoveryIssues::default();
        issues.add_unmatched(&self.namespaces(), "namespace");
        issues.add_unmatched(functions, "function");
        for (namespace, error) in &self.scan.unlisted {
            issues.add(format!(
                "the functions of namespace `{namespace}` could not be listed ({}), so new ones are \
                 not found: {}",
                error.code, error.advice
            ));
        }
        if let Some(error) = &self.scan.forbidden {
            issues.add(format!(
                "namespaces may not be listed ({}), so only `default` and those named are read, and \
                 functions of others are not counted: give this account scf:ListNamespaces, or name \
                 the namespaces in the configuration",
                error.code
            ));
        }
        if let Some(failed) = self.failed {
            issues.add(self.details(failed));
        }
        issues
    }

    /// Returns the configured names that do not exist.
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
        if let Some(all) = &self.scan.namespaces {
            return wanted.unmatched(all);
        }
        // Without a list of namespaces, only those that were requested by name are known to be
        // missing.
        let named = wanted.names().iter().map(|name| name.as_str().into());
        let mut existing: Names = named.collect();
        existing.retain(|name| !self.scan.absent.contains(&**name));
        existing.extend(self.suggestions.namespaces.iter().cloned());
        let mut unmatched = wanted.unmatched(&existing);
        unmatched.retain(|one| matches!(one, Unmatched::Name { .. }));
        unmatched
    }

    /// Returns the unmatched names and patterns of functions; `None` if the scan may have missed
    /// some functions.
    pub(super) fn functions(&self) -> Option<Vec<Unmatched>> {
        let wanted = &self.wanted.functions;
        if !self.scan.is_exhaustive {
            return None;
        }
        let mut existing = self.known.clone();
        if self.scan.by_name.is_empty() {
            existing.extend(self.scan.functions.iter().cloned());
        } else {
            // Excluded names were not requested.
            let excluded = wanted.names().iter().filter(|name| !wanted.wants(name));
            existing.extend(excluded.map(|name| name.as_str().into()));
            existing.extend(self.suggestions.functions.iter().cloned());
        }
        Some(wanted.unmatched(&existing))
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
