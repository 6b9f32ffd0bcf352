//! The fast reader against the general one.

use proptest::prelude::*;

use super::*;
use crate::config::FunctionFilter;
use crate::ledger::{PageShape, TargetId};
use crate::model::Page;
use crate::source::v2::logs::{self, Reading};
use crate::tencent::Head;

/// Everything that is made of a body.
type Made = (Head, Option<(Page, PageShape)>);

fn made(body: Body<'_>) -> Made {
    let (head, answer) = body.into_answer(7);
    (head, answer.map(|answer| (answer.page, answer.shape)))
}

/// What the fast reader makes of a body, and what the general one does.
fn both(body: &[u8]) -> (Option<Made>, Option<Made>) {
    let (target, filter) = (TargetId::region("ap-x"), FunctionFilter::default());
    let reading = Reading {
        target: &target,
        filter: &filter,
    };
    let fast = read(body, Builder::new(&reading, body.len())).map(made);
    let general = logs::read_generally(body, &reading, false);
    (fast, general.ok().map(made))
}

/// A body around one row.
fn around(row: &str) -> String {
    format!(r#"{{"code":0,"message":"","codeDesc":"Success","total":1,"data":[{row}]}}"#)
}

const ROW: &str = r#"{"functionName":"a","retMsg":"x","requestId":"11111111-1111-4111-8111-111111111111","startTime":"2024-01-01 08:00:05","retCode":0,"duration":1.5,"billDuration":100,"memUsage":1024,"invokeFinished":1,"log":"Report \u0041 \"q\" \\\n"}"#;

#[test]
fn the_common_shape_is_read_fast_also_with_blanks_and_odd_values() {
    for (from, to) in [
        ("", ""),
        (":", ": "),
        (",", ", "),
        ("1.5", "\"1.5\""),
        ("1.5", "1.5e0"),
        ("1.5", "0.000001"),
        ("1.5", "123456789012345.5"),
        ("1.5", "0.1234567890123456789"),
        ("1.5", "-1.5"),
        ("\"retCode\":0", "\"retCode\":-1"),
        ("\"retCode\":0", "\"retCode\":18446744073709551615"),
        ("\"x\"", "\"a \\u4e2d\\n \u{4e2d}\""),
        ("\"x\"", "null"),
        ("\"x\"", "true"),
        ("\"log\":", "\"more\":12.5,\"log\":"),
        ("\"log\":", "\"retCode\":1,\"log\":"),
        (ROW, ""),
        (ROW, "{}"),
    ] {
        let body = around(ROW).replace(from, to);
        let (fast, general) = both(body.as_bytes());
        assert!(fast.is_some(), "{to} in place of {from}");
        assert_eq!(fast, general, "{to} in place of {from}");
    }
}

#[test]
fn a_broken_escape_in_a_text_that_nobody_needs_costs_nothing() {
    for log in ["\\x", "\\u00g0", "\\ud800"] {
        let body = around(&ROW.replace("\"log\":\"", &format!("\"log\":\"{log}")));
        let (fast, _) = both(body.as_bytes());
        assert_eq!(fast, both(around(ROW).as_bytes()).1, "{log}");
    }
}

#[test]
fn anything_else_is_left_to_the_general_reader() {
    for (from, to) in [
        ("\"total\"", "\n\"total\""),
        ("\"log\":\"", "\"log\":\"\t"),
        ("\"log\":\"", "\"log\":[1],\"l\":\""),
        ("\"log\":\"", "\"l\\u006fg\":\""),
        ("\"log\":\"", "\"log\":1e999,\"l\":\""),
        ("\"log\":\"", "\"log\":01,\"l\":\""),
        ("\"log\":\"", "\"log\":1.,\"l\":\""),
        ("\"log\":\"", "\"log\":.5,\"l\":\""),
        ("\"code\":0", "\"code\":\"0\""),
        ("\"code\":0", "\"code\":0.5"),
        (ROW, "7"),
        (ROW, "null"),
        ("\"data\"", "\"data\":[],\"data\""),
        ("]}", "],}"),
        ("]}", ",]}"),
        ("]}", "]}{"),
        ("]}", "]"),
        ("]}", ""),
    ] {
        let body = around(ROW).replacen(from, to, 1);
        assert_eq!(both(body.as_bytes()).0, None, "{to} in place of {from}");
    }
    let mut broken = around(ROW).into_bytes();
    let at = broken.windows(3).position(|part| part == b"\"x\"");
    broken[at.unwrap() + 1] = 0xff;
    assert_eq!(both(&broken).0, None, "not UTF-8 in a field that matters");
}

/// A value as it may stand in a row.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => any::<i64>().prop_map(|n| n.to_string()),
        20 => any::<f64>().prop_map(|n| format!("{n}")),
        20 => "[1-9][0-9]{0,16}(\\.[0-9]{1,17})?(e-?[0-9]{1,2})?",
        20 => "\"([ !#-\\[\\]-~]|[\u{80}-\u{ffff}]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-f]{4}){0,30}\"",
        20 => Just("\"2024-01-01 08:00:05\"".to_owned()),
        20 => Just("\"11111111-1111-4111-8111-111111111111\"".to_owned()),
        20 => prop::sample::select(vec!["null", "true", "false"]).prop_map(str::to_owned),
        1 => prop::sample::select(vec!["[]", "{\"a\":[1]}", "01", "1.", "-", "\"\\\""])
            .prop_map(str::to_owned),
        1 => "-?[0-9.eE+-]{1,8}",
        1 => "\"[ -~]{0,9}\"",
    ]
}

fn row() -> impl Strategy<Value = String> {
    let names = prop::sample::select(vec![
        "functionName",
        "function_name",
        "retMsg",
        "requestId",
        "startTime",
        "retCode",
        "duration",
        "billDuration",
        "memUsage",
        "invokeFinished",
        "log",
        "more",
    ]);
    let field = (names, value(), prop::sample::select(vec![":", ": ", " : "]))
        .prop_map(|(name, value, colon)| format!("\"{name}\"{colon}{value}"));
    prop::collection::vec(field, 0..12).prop_map(|fields| format!("{{{}}}", fields.join(",")))
}

fn same(body: &[u8]) -> Result<(), TestCaseError> {
    let (fast, general) = both(body);
    if fast.is_some() && general.is_some() {
        prop_assert_eq!(fast, general, "{}", String::from_utf8_lossy(body));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_read_fast_is_read_as_in_general(rows in prop::collection::vec(row(), 0..4)) {
        same(around(&rows.join(",")).as_bytes())?;
    }

    #[test]
    fn also_where_bytes_were_changed(
        changes in prop::collection::vec((0usize..400, any::<u8>()), 1..4),
        cut in 0usize..400,
    ) {
        let mut body = around(ROW).into_bytes();
        for (at, byte) in changes {
            let at = at % body.len();
            body[at] = byte;
        }
        same(&body)?;
        same(&body[..cut.min(body.len())])?;
    }

    #[test]
    fn numbers_are_the_same_floats(digits in "[0-9]{1,10}\\.[0-9]{1,6}") {
        let general: Scalar<'_> = serde_json::from_str(&digits).unwrap_or(Scalar::Other);
        if let Some((fast, length)) = number(format!("{digits},").as_bytes()) {
            prop_assert_eq!(length, digits.len());
            prop_assert_eq!(&fast, &general);
            // And the nearest one, as the standard library reads it.
            prop_assert_eq!(fast.number(), digits.parse().ok());
        }
    }
}
