//! `ListFunctions` of v2. In the body of its response `total` is inside `data`.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use tracing::warn;

use super::body::{self, Body};
use crate::ingest::page_size::PageSize;
use crate::ingest::scalar::{self, read_fields};
use crate::ingest::values::is_name;
use tencentcloud::{ApiError, Client, Head, Malformed};

/// Functions per request at most. The maximum is not documented.
const PAGE: usize = 100;
/// Pages at most.
const PAGES_MAX: usize = 1_000;
/// Consecutive entries that may be skipped because no response with them arrives; with more of them
/// the API as a whole does not respond.
const WITHHELD_MAX: usize = 3;

/// Reads the list, in pages that adapt.
pub(super) struct Lister {
    size: PageSize,
    /// The names of the last list.
    last: Mutex<BTreeSet<String>>,
}

/// One page of the function list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) names: Vec<String>,
    /// Entries of the response, including those without a usable name.
    pub(super) rows: usize,
    pub(super) total: Option<u64>,
}

/// With neither of the two fields it is the response to another action.
#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    functions: Option<Vec<&'a RawValue>>,
    #[serde(default, deserialize_with = "scalar::count")]
    total: Option<u64>,
}

// === impl Lister ===

impl Lister {
    pub(super) fn new() -> Self {
        Self {
            size: PageSize::new(PAGE),
            last: Mutex::default(),
        }
    }

    /// Returns the names of all functions; if some are `sought`, only until these are found. If an
    /// entry cannot be read even alone, the names of the last list are kept.
    pub(super) async fn names(
        &self,
        client: &Client,
        sought: &[String],
    ) -> Result<BTreeSet<String>, ApiError> {
        let (mut names, mut offset) = (BTreeSet::new(), 0);
        let (mut withheld, mut in_a_row) = (0_usize, 0);
        for _ in 0..PAGES_MAX {
            let asked = self.size.get();
            let params = [
                ("offset", offset.to_string()),
                ("limit", asked.to_string()),
                ("order", "asc".to_owned()),
                ("orderby", "functionname".to_owned()),
            ];
            let page = match client.call("ListFunctions", &params, parse).await {
                Err(error) if error.asks_for_less() && self.size.shrink(asked) => continue,
                Err(error) if error.asks_for_less() && in_a_row < WITHHELD_MAX => {
                    (offset, in_a_row) = (offset + 1, in_a_row + 1);
                    withheld += 1;
                    continue;
                }
                answer => answer?,
            };
            self.size.grow(asked);
            in_a_row = 0;
            offset += page.rows;
            names.extend(page.names);
            let is_found = !sought.is_empty() && sought.iter().all(|one| names.contains(one));
            let is_last = page.rows == 0 || page.total.is_some_and(|all| offset as u64 >= all);
            if is_found || is_last {
                break;
            }
        }
        Ok(self.with_last(names, withheld))
    }

    fn with_last(&self, mut names: BTreeSet<String>, withheld: usize) -> BTreeSet<String> {
        let mut last = self.last.lock();
        if withheld > 0 {
            warn!(
                rows = withheld,
                "rows of the list of functions cannot be had, even one by one; what was known before is kept, and they are asked for again with the next list"
            );
            names.extend(last.iter().cloned());
        }
        last.clone_from(&names);
        names
    }
}

/// Parses a body; `None` if there is no list, as in a failure.
pub(super) fn parse(body: &[u8]) -> Result<(Head, Option<Listed>), Malformed> {
    let Body { head, data, .. } = body::read::<Data<'_>>(body)?;
    let data = data.filter(|data| data.functions.is_some() || data.total.is_some());
    let listed = data.map(|data| {
        let functions = data.functions.unwrap_or_default();
        Listed {
            rows: functions.len(),
            total: data.total,
            names: functions.iter().filter_map(|raw| name_of(raw)).collect(),
        }
    });
    Ok((head, listed))
}

fn name_of(raw: &RawValue) -> Option<String> {
    let [name] = read_fields(raw.get(), &[&["functionName", "function_name"]])?;
    name.to_text().filter(|name| is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_the_total_inside_data_are_read() {
        let body = br#"{"code":0,"message":"","codeDesc":"Success","data":{"functions":[
            {"modTime":"2017-05-04 19:40:38","functionName":"test6"},{"functionName":null},7,
            {"functionName":"test4"}],"total":6}}"#;
        let (head, listed) = parse(body).unwrap();
        assert_eq!(head.code, 0);
        let names = vec!["test6".to_owned(), "test4".to_owned()];
        assert_eq!(
            listed,
            Some(Listed {
                names,
                rows: 4,
                total: Some(6)
            })
        );
    }

    #[test]
    fn a_name_that_no_function_can_have_is_left_out_and_counted() {
        let of_length = |length| format!(r#"{{"functionName":"{}"}}"#, "a".repeat(length));
        let all = [1, 256, 257, 1 << 20].map(of_length).join(",");
        let body = format!(r#"{{"code":0,"data":{{"functions":[{all}],"total":4}}}}"#);
        let listed = parse(body.as_bytes()).unwrap().1.unwrap();
        let lengths: Vec<usize> = listed.names.iter().map(String::len).collect();
        assert_eq!((lengths, listed.rows), (vec![1, 256], 4));
    }

    #[test]
    fn the_answer_to_something_else_is_no_empty_list() {
        let of = |data: &str| parse(format!(r#"{{"code":0,"data":{data}}}"#).as_bytes()).unwrap();
        for other in [
            r#"{"memorySize":128}"#,
            "{}",
            "[]",
            "null",
            r#"{"functions":null}"#,
        ] {
            assert_eq!(of(other).1, None, "{other}");
        }
        for empty in [r#"{"functions":[]}"#, r#"{"functions":null,"total":"0"}"#] {
            assert_eq!(of(empty).1.map(|listed| listed.rows), Some(0), "{empty}");
        }
    }

    #[test]
    fn a_failure_has_no_list() {
        let (head, listed) = parse(br#"{"code":"4104","message":"no","data":[]}"#).unwrap();
        assert_eq!((head.code, listed), (4104, None));
    }
}
