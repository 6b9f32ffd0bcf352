//! What the fuzz targets of all adapters check.

use std::collections::HashSet;
use std::fmt::{self, Debug};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::page::ParseContext;
use crate::config::FunctionSelector;
use crate::ledger::TargetId;
use crate::model::{Page, Timestamp};

/// A month in nanoseconds, 1 TiB, and the first day of 2201: the largest values that are accepted.
const NANOS_MAX: u64 = 31 * 24 * 3_600 * 1_000_000_000;
const BYTES_MAX: u64 = 1 << 40;
const POSITION_MAX: Timestamp = Timestamp::from_secs(7_289_654_400);
/// Depth to which [`turned`] reverses objects; deeper ones stay as they are.
const DEPTH_MAX: usize = 6;

/// What an adapter makes of a body.
pub(super) struct Parsed<T> {
    pub(super) page: Page,
    /// Rows that the body holds.
    pub(super) rows: usize,
    /// Whether each of them is counted, unfinished or rejected.
    pub(super) are_all_judged: bool,
    /// What is read beside the page.
    pub(super) beside: T,
}

/// Checks that every page is sound, that the order of members and blanks do not matter, and that a cut
/// body is no page.
pub(super) fn check_body<T: PartialEq + Debug>(
    target: &TargetId,
    bytes: &[u8],
    parse: impl Fn(&[u8], ParseContext<'_>) -> Option<Parsed<T>>,
) {
    let wanted = &FunctionSelector::default();
    let parse = |bytes: &[u8]| parse(bytes, ParseContext { target, wanted });
    let Some(parsed) = parse(bytes) else { return };
    let page = &parsed.page;
    check_page(page);
    let judged = page.rows.len() + page.cold_starts.len() + page.rejects.len();
    let judged = judged as u64 + page.unfinished;
    assert!(judged <= parsed.rows as u64);
    assert!(!parsed.are_all_judged || judged == parsed.rows as u64);
    if let Some(turned) = str::from_utf8(bytes).ok().and_then(turned) {
        let other = parse(turned.as_bytes()).expect("the same answer");
        assert_eq!(&other.page, page);
        assert_eq!(other.beside, parsed.beside);
    }
    let whole = bytes.trim_ascii_end();
    for cut in [whole.len() / 2, whole.len() - 1] {
        assert!(parse(&whole[..cut]).is_none());
    }
}

/// What holds for every page, whatever was read.
fn check_page(page: &Page) {
    let functions = page.functions.len();
    let distinct: HashSet<_> = page.functions.iter().collect();
    assert_eq!(distinct.len(), functions, "a function is there twice");
    for row in &page.rows {
        assert!(usize::from(row.function) < functions, "{row:?}");
        assert!(row.duration.0 <= NANOS_MAX, "{row:?}");
        assert!(row.billed.0 <= NANOS_MAX + 1_000_000, "{row:?}");
        assert!(row.memory.0 <= BYTES_MAX, "{row:?}");
        assert!(row.position > Timestamp::from_millis(0), "{row:?}");
        assert!(row.position < POSITION_MAX, "{row:?}");
    }
    for cold in &page.cold_starts {
        assert!(usize::from(cold.function) < functions, "{cold:?}");
        assert!(cold.total.0 <= NANOS_MAX, "{cold:?}");
    }
}

/// The members of an object in their order.
struct Members<'a>(Vec<(Box<str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// Returns the same JSON with the members of its objects in the opposite order and blanks between
/// them. `None` if a name occurs twice, or in two spellings, because then the order matters.
fn turned(json: &str) -> Option<String> {
    let mut text = String::new();
    turn(serde_json::from_str(json).ok()?, DEPTH_MAX, &mut text)?;
    Some(text)
}

fn turn(raw: &RawValue, depth: usize, text: &mut String) -> Option<()> {
    let json = raw.get();
    let separated = |text: &mut String, first: &mut bool| {
        text.push_str(if std::mem::take(first) { "\n" } else { " ,\t" });
    };
    let mut first = true;
    match json.as_bytes().first()? {
        _ if depth == 0 => text.push_str(json),
        b'{' => {
            let Members(members) = serde_json::from_str(json).ok()?;
            let alike = |name: &str| name.replace('_', "").to_lowercase();
            let names: HashSet<_> = members.iter().map(|(name, _)| alike(name)).collect();
            if names.len() < members.len() {
                return None;
            }
            text.push('{');
            for (name, value) in members.iter().rev() {
                separated(text, &mut first);
                text.push_str(&serde_json::to_string(name).ok()?);
                text.push_str(" : ");
                turn(value, depth - 1, text)?;
            }
            text.push_str(" }");
        }
        b'[' => {
            let values: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            text.push('[');
            for value in values {
                separated(text, &mut first);
                turn(value, depth - 1, text)?;
            }
            text.push_str("\r\n]");
        }
        _ => text.push_str(json),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn turning_keeps_the_meaning_and_changes_the_text() {
        let json = r#"{"a":[1.50,{"c":"x","d":{}}],"b":null}"#;
        let turned = turned(json).unwrap();
        assert!(turned.find("\"b\"").unwrap() < turned.find("\"a\"").unwrap());
        assert!(turned.contains("1.50"));
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&turned), value(json));
        assert_eq!(super::turned(r#"{"a_b":1,"aB":2}"#), None);
        assert_eq!(super::turned(r#"{"a":[{"b":1,"b":2}]}"#), None);
    }
}
