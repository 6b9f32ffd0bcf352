use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

/// A line with two fields.
struct Two(&'static str, &'static str);

impl Fields for Two {
    fn field(&self, key: &str) -> Option<Cow<'_, str>> {
        match key {
            "SCF_Type" => Some(Cow::Borrowed(self.0)),
            "SCF_Message" => Some(Cow::Borrowed(self.1)),
            _ => None,
        }
    }

    fn any_field(&self, fits: &mut dyn FnMut(&str) -> bool) -> bool {
        fits(self.0) || fits(self.1)
    }
}

const LINES: [Two; 4] = [
    Two("Platform", "Report RequestId: 1a Duration:3ms"),
    Two("Platform", "Init Report RequestId:1a Coldstart: 9ms"),
    Two("Custom", "Report RequestId:1a Duration:1ms"),
    Two("Platform", "START RequestId: 1a"),
];

fn found(text: &str) -> Vec<usize> {
    let query = Query::parse(text).unwrap();
    (0..LINES.len())
        .filter(|&at| query.fits(&LINES[at], true))
        .collect()
}

#[test]
fn finds_what_the_words_say() {
    for (text, lines) in [
        ("", &[0, 1, 2, 3][..]),
        (" * ", &[0, 1, 2, 3]),
        ("SCF_Type:Platform AND SCF_Message:Report*", &[0, 1]),
        (
            "SCF_Type:platform and SCF_Message:\"report requestid\"",
            &[0, 1],
        ),
        ("\"Report RequestId\"", &[0, 1, 2]),
        ("SCF_Type:Custom OR SCF_Message:START", &[2, 3]),
        ("NOT SCF_Type:Platform", &[2]),
        ("not (SCF_Message:Report* or Coldstart)", &[3]),
        ("SCF_Type:Platform NOT SCF_Message:Init", &[0, 3]),
        ("Coldstart Duration", &[]),
        ("SCF_Type:Custom OR SCF_Type:Platform AND START", &[2, 3]),
        ("(SCF_Type:Custom OR SCF_Type:Platform) AND 3ms", &[0]),
        ("SCF_Nothing:*", &[]),
        ("SCF_Message:*", &[0, 1, 2, 3]),
        ("\"SCF_Type\":\"Custom\"", &[2]),
        ("\"say \\\"Report\\\" loud\"", &[]),
    ] {
        assert_eq!(found(text), lines, "{text}");
    }
}

#[test]
fn without_an_index_of_keys_only_full_text_is_found() {
    let fits = |text, line: &Two| Query::parse(text).unwrap().fits(line, false);
    assert!(!fits("SCF_Type:Platform", &LINES[0]));
    assert!(fits("\"Report RequestId\"", &LINES[0]));
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let equals = "an equals sign compares nothing outside of SQL: write key:value";
    for (text, at, reason) in [
        ("(a", 2, "a parenthesis is not closed"),
        ("a)", 1, "nothing is open that could be closed"),
        ("a AND", 5, "a term is missing"),
        ("OR a", 3, "an operator lacks its term"),
        ("SCF_Type:", 9, "a key lacks its value"),
        ("x:\"abc", 2, "a quotation mark is not closed"),
        ("a AND SCF_StatusCode=200", 6, equals),
        ("x:>5", 4, "ranges are not supported here"),
        ("x:(a b)", 3, "groups behind a key are not supported here"),
        ("* | select 1", 2, "analysis with SQL is not supported here"),
        ("a*b", 3, "a star may only stand at the end of a word"),
    ] {
        let error = Query::parse(text).unwrap_err();
        assert_eq!(error.to_string(), format!("query at byte {at}: {reason}"));
    }
    let deep = "(".repeat(40);
    assert!(Query::parse(&deep).is_err());
    assert!(Query::parse(&"a ".repeat(600)).is_err());
}

#[test]
fn queries_for_reports_only_are_recognized() {
    for (text, expected) in [
        ("SCF_Type:Platform AND SCF_Message:Report*", true),
        (
            "SCF_Type:\"Platform\" SCF_Message:\"Report RequestId\"",
            true,
        ),
        (
            "SCF_Type:Platform AND (SCF_Message:\"Init Report\" OR SCF_Message:Report)",
            true,
        ),
        ("SCF_Message:\"Report RequestId\"", false),
        ("SCF_Type:Platform AND SCF_Message:Rep*", false),
        (
            "SCF_Type:Platform AND (SCF_Message:START OR SCF_Message:Report)",
            false,
        ),
        ("SCF_Type:Platform AND NOT SCF_Message:Report", false),
        ("*", false),
    ] {
        let query = Query::parse(text).unwrap();
        assert_eq!(query.wants_reports_only(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "[a-z:\"()*| \\\\ANDORT\u{5904}]{0,60}") {
        let _ = Query::parse(&text);
        }
}
