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

fn found(text: &str, syntax: Syntax) -> Vec<usize> {
    let query = Query::parse(text, syntax).unwrap();
    (0..LINES.len())
        .filter(|&at| query.fits(&LINES[at], true))
        .collect()
}

#[test]
fn finds_what_the_words_say() {
    for (text, cql, lucene) in [
        ("", vec![0, 1, 2, 3], vec![0, 1, 2, 3]),
        (" * ", vec![0, 1, 2, 3], vec![0, 1, 2, 3]),
        (
            "SCF_Type:Platform AND SCF_Message:Report*",
            vec![0, 1],
            vec![0, 1],
        ),
        (
            "SCF_Type:platform and SCF_Message:\"report requestid\"",
            vec![0, 1],
            vec![0, 1],
        ),
        ("\"Report RequestId\"", vec![0, 1, 2], vec![0, 1, 2]),
        (
            "SCF_Type:Custom OR SCF_Message:START",
            vec![2, 3],
            vec![2, 3],
        ),
        ("NOT SCF_Type:Platform", vec![2], vec![2]),
        ("not (SCF_Message:Report* or Coldstart)", vec![3], vec![3]),
        (
            "SCF_Type:Platform NOT SCF_Message:Init",
            vec![0, 3],
            vec![0, 1, 2, 3],
        ),
        ("Coldstart Duration", vec![], vec![0, 1, 2]),
        (
            "SCF_Type:Custom OR SCF_Type:Platform AND START",
            vec![2, 3],
            vec![2, 3],
        ),
        (
            "(SCF_Type:Custom OR SCF_Type:Platform) AND 3ms",
            vec![0],
            vec![0],
        ),
        ("SCF_Nothing:*", vec![], vec![]),
        ("SCF_Message:*", vec![0, 1, 2, 3], vec![0, 1, 2, 3]),
        ("\"SCF_Type\":\"Custom\"", vec![2], vec![2]),
        ("\"say \\\"Report\\\" loud\"", vec![], vec![]),
    ] {
        assert_eq!(found(text, Syntax::Cql), cql, "CQL {text}");
        assert_eq!(found(text, Syntax::Lucene), lucene, "Lucene {text}");
    }
}

#[test]
fn without_an_index_of_keys_only_full_text_is_found() {
    let fits = |text, line: &Two| Query::parse(text, Syntax::Cql).unwrap().fits(line, false);
    assert!(!fits("SCF_Type:Platform", &LINES[0]));
    assert!(fits("\"Report RequestId\"", &LINES[0]));
}

#[test]
fn tells_what_it_does_not_understand() {
    for (text, message) in [
        ("(a", "query at byte 2: a parenthesis is not closed"),
        (
            "a)",
            "query at byte 1: nothing is open that could be closed",
        ),
        ("a AND", "query at byte 5: a term is missing"),
        ("OR a", "query at byte 3: an operator lacks its term"),
        ("SCF_Type:", "query at byte 9: a key lacks its value"),
        ("x:\"abc", "query at byte 2: a quotation mark is not closed"),
        (
            "a AND SCF_StatusCode=200",
            "query at byte 6: an equals sign compares nothing outside of SQL: write key:value",
        ),
        ("x:>5", "query at byte 4: ranges are not supported here"),
        (
            "x:(a b)",
            "query at byte 3: groups behind a key are not supported here",
        ),
        (
            "* | select 1",
            "query at byte 2: analysis with SQL is not supported here",
        ),
        (
            "a*b",
            "query at byte 3: a star may only stand at the end of a word",
        ),
    ] {
        let error = Query::parse(text, Syntax::Cql).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let deep = "(".repeat(40);
    assert!(Query::parse(&deep, Syntax::Cql).is_err());
    assert!(Query::parse(&"a ".repeat(600), Syntax::Cql).is_err());
}

#[test]
fn knows_when_reports_are_all_that_is_wanted() {
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
        let query = Query::parse(text, Syntax::Cql).unwrap();
        assert_eq!(query.wants_reports_only(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "[a-z:\"()*| \\\\ANDORT\u{5904}]{0,60}") {
        let _ = Query::parse(&text, Syntax::Cql);
        let _ = Query::parse(&text, Syntax::Lucene);
    }
}
