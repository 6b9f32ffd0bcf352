//! The parameters of `SearchLog`.

use serde_json::{Value, json};

use crate::config::FunctionSelector;
use crate::ledger::{ChainAsk, ChainPlace};

/// The platform's reports, and what else has the word in it. A phrase, not the wildcard `Report*`
/// of the vendor's tutorial, which stands for a bounded number of words only; a phrase means the
/// same in both syntaxes, and finds `Init Report` as well.
const REPORTS: &str = r#"SCF_Type:"Platform" AND SCF_Message:"Report""#;
/// The vendor's newer syntax, CQL.
const CQL: u8 = 1;
/// Functions named in a query at most.
const NAMES_MAX: usize = 20;
/// Bytes of a query at most; the vendor's pages say 12 KB, or 12,000 characters.
const QUERY_MAX: usize = 12_000;

/// Returns the query for the reports of the selected functions, or of more; rows are filtered later.
pub(super) fn reports(wanted: &FunctionSelector) -> String {
    let names = wanted.functions.exact_names().unwrap_or_default();
    if names.is_empty() || names.len() > NAMES_MAX {
        return REPORTS.to_owned();
    }
    let terms: Vec<String> = names
        .iter()
        .map(|name| format!("SCF_FunctionName:{}", quoted(name)))
        .collect();
    let query = format!("{REPORTS} AND ({})", terms.join(" OR "));
    if query.len() > QUERY_MAX {
        return REPORTS.to_owned();
    }
    query
}

/// Returns the parameters of one request. Everything is said explicitly: the defaults differ between
/// the versions of the API.
pub(super) fn params(topic: &str, query: &str, ask: &ChainAsk) -> Value {
    let mut params = json!({
        "TopicId": topic,
        "From": ask.from.as_millis(),
        "To": ask.to.as_millis(),
        "QueryString": query,
        "QuerySyntax": CQL,
        "Limit": ask.limit,
        "Sort": if ask.newest_first { "desc" } else { "asc" },
    });
    match &ask.place {
        ChainPlace::Start => {}
        ChainPlace::Context(context) => params["Context"] = json!(context),
        ChainPlace::Offset(offset) => params["Offset"] = json!(offset),
    }
    params
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', r"\\").replace('"', r#"\""#))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FunctionFilter;

    fn query(names: &[String]) -> String {
        let functions = FunctionFilter::new(names.to_vec(), Vec::new(), Vec::new());
        reports(&FunctionSelector {
            functions,
            ..FunctionSelector::default()
        })
    }

    #[test]
    fn a_few_exact_names_are_asked_for() {
        assert_eq!(query(&[]), REPORTS);
        assert_eq!(
            query(&["b\"c\\".into(), "a".into()]),
            r#"SCF_Type:"Platform" AND SCF_Message:"Report" AND (SCF_FunctionName:"a" OR SCF_FunctionName:"b\"c\\")"#
        );
        let many: Vec<String> = (0..=NAMES_MAX).map(|n| format!("f{n}")).collect();
        assert_eq!(query(&many), REPORTS);
        assert_eq!(query(&["x".repeat(QUERY_MAX)]), REPORTS);
    }
}
