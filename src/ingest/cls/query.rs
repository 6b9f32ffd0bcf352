//! What is asked of `SearchLog`.

use serde_json::{Value, json};

use crate::config::FunctionSelector;
use crate::ledger::{ChainAsk, ChainPlace};
use crate::model::Timestamp;

/// The platform's reports, and what else has the word in it. A phrase, not the wildcard `Report*`
/// of the vendor's tutorial, which stands for a bounded number of words only; a phrase means the
/// same in both syntaxes, and finds `Init Report` as well.
const REPORTS: &str = r#"SCF_Type:"Platform" AND SCF_Message:"Report""#;
/// The vendor's newer syntax, CQL.
const CQL: u8 = 1;
/// Functions that are named in a query at the most.
const NAMES_MAX: usize = 20;
/// Bytes of a query at the most; the vendor's pages say 12 KB, or 12,000 characters.
const QUERY_MAX: usize = 12_000;

/// The query for the reports of the wanted functions, or of more: rows are judged by themselves.
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

/// The parameters for a page of a read in chains.
pub(super) fn chain(topic: &str, query: &str, ask: &ChainAsk) -> Value {
    let mut params = span(topic, query, ask.limit, ask.from, ask.to);
    params["Sort"] = json!(if ask.newest_first { "desc" } else { "asc" });
    match &ask.place {
        ChainPlace::Start => {}
        ChainPlace::Context(context) => params["Context"] = json!(context),
        ChainPlace::Offset(offset) => params["Offset"] = json!(offset),
    }
    params
}

/// The parameters for a page of a read that goes newest first.
pub(super) fn descending(
    topic: &str,
    query: &str,
    limit: usize,
    (from, to): (Timestamp, Timestamp),
    context: Option<&str>,
) -> Value {
    let mut params = span(topic, query, limit, from, to);
    params["Sort"] = json!("desc");
    if let Some(context) = context {
        params["Context"] = json!(context);
    }
    params
}

/// Everything is said explicitly: the defaults differ between the ages of the API.
fn span(topic: &str, query: &str, limit: usize, from: Timestamp, to: Timestamp) -> Value {
    json!({
        "TopicId": topic,
        "From": from.as_millis(),
        "To": to.as_millis(),
        "QueryString": query,
        "QuerySyntax": CQL,
        "Limit": limit,
    })
}

fn quoted(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 2);
    text.push('"');
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
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
