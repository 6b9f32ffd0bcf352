//! Bodies as they come, and what is made of them.

use super::*;
use crate::config::FunctionSelector;
use crate::ledger::TargetId;
use crate::model::{Bytes, Nanos};

/// Two rows in the shape of the documents' example (values of our own).
const BODY: &str = r#"{"code":0,"message":"","codeDesc":"Success","total":189,"data":[
    {"functionName":"a","retMsg":"x","requestId":"11111111-1111-4111-8111-111111111111",
     "startTime":"2024-01-01 08:00:05","retCode":0,"duration":1.5,"billDuration":100,
     "memUsage":1024,"log":"Report RequestId: \u0041 \"quoted\"\n","invokeFinished":1},
    {"functionName":"b","retMsg":"x","requestId":"22222222-2222-4222-8222-222222222222",
     "startTime":"2024-01-01 08:00:04","retCode":1,"duration":2,"billDuration":100,
     "memUsage":2048,"log":""}]}"#;

/// 2024-01-01 00:00:00 UTC, which is 08:00 in Beijing (date -u -d 2024-01-01 +%s).
const MIDNIGHT: i64 = 1_704_067_200;

fn read(body: &str) -> Result<(Head, Option<LogsAnswer>), Malformed> {
    let context = ParseContext {
        target: &TargetId::region("ap-x"),
        wanted: &FunctionSelector::default(),
    };
    parse(body.as_bytes(), context, 40)
}

fn answer(body: &str) -> LogsAnswer {
    read(body).unwrap().1.unwrap()
}

/// A body of rows with these start seconds.
fn seconds(list: &[String]) -> String {
    let row = |start: &String| format!(r#"{{"functionName":"f","startTime":{start}}}"#);
    let rows: Vec<String> = list.iter().map(row).collect();
    format!(r#"{{"code":0,"total":9,"data":[{}]}}"#, rows.join(","))
}

fn at(second: u32) -> String {
    format!("\"2024-01-01 08:00:{second:02}\"")
}

#[test]
fn rows_of_many_functions_come_out_in_order() {
    let page = answer(BODY).page;
    let names: Vec<_> = page.functions.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["ap-x/default/a", "ap-x/default/b"]);
    let [first, second] = &page.rows[..] else {
        panic!("two rows")
    };
    assert_eq!((first.function, second.function), (0, 1));
    assert_eq!(first.position, Timestamp::from_secs(MIDNIGHT + 5));
    assert_eq!(first.duration, Nanos(1_500_000));
    assert_eq!(
        (second.billed, second.memory),
        (Nanos(100_000_000), Bytes(2_048))
    );
    assert_eq!((page.unfinished, page.rejects.len()), (0, 0));
}

#[test]
fn the_shape_describes_the_order_of_the_rows() {
    let shape = answer(BODY).shape;
    assert_eq!((shape.rows, shape.offset, shape.total), (2, 40, Some(189)));
    assert_eq!(shape.newest, Some(Timestamp::from_secs(MIDNIGHT + 5)));
    assert_eq!(shape.oldest, Some(Timestamp::from_secs(MIDNIGHT + 4)));
    assert_eq!((shape.marks.len(), shape.sorted), (2, true));
}

#[test]
fn ties_are_found_also_beside_unreadable_times() {
    for (starts, tie_start, sorted) in [
        (vec![at(9), at(9)], 0, true),
        (vec![at(9), at(8), at(8)], 1, true),
        (vec![at(9), at(8), at(7)], 2, true),
        (vec![at(9), "null".into(), at(8)], 1, true),
        (vec![at(9), at(8), "null".into()], 1, true),
        (vec!["null".into(), at(8), at(8)], 0, true),
        (vec![at(8), at(9)], 0, false),
        (vec![at(9), at(7), at(8)], 1, false),
    ] {
        let shape = answer(&seconds(&starts)).shape;
        let found = (shape.tie_start, shape.sorted);
        assert_eq!(found, (tie_start, sorted), "{starts:?}");
    }
}

#[test]
fn one_odd_row_does_not_stop_the_others() {
    for (odd, reason) in [
        ("7", RejectReason::NotAnObject),
        ("null", RejectReason::NotAnObject),
        ("[]", RejectReason::NotAnObject),
        (
            r#"{"functionName":"a","requestId":"x","startTime":"2024-01-01 08:00:04",
            "retCode":1,"duration":1e999,"billDuration":1,"memUsage":1}"#,
            RejectReason::Duration,
        ),
        (r#"{"functionName":"\ud800"}"#, RejectReason::FunctionName),
        (r#"{"requestId":"x"}"#, RejectReason::FunctionName),
    ] {
        let body = BODY.replace("[\n", &format!("[{odd},"));
        let read = answer(&body);
        assert_eq!(read.page.rejects, [reason], "{odd}");
        assert_eq!(read.page.rows, answer(BODY).page.rows, "{odd}");
        assert_eq!(read.shape.rows, 3);
    }
}

#[test]
fn of_two_spellings_of_a_name_the_later_counts_also_beside_an_odd_row() {
    let body = BODY.replace("\"retCode\":0", "\"ret_code\":1,\"retCode\":0");
    let odd = body.replace("\"memUsage\":2048", "\"memUsage\":1e999");
    assert_ne!(odd, body);
    assert_eq!(answer(&odd).page.rows[0], answer(&body).page.rows[0]);
    assert_eq!(answer(&odd).page.rows[0].ret_code.to_string(), "0");
}

#[test]
fn an_odd_text_that_is_not_needed_costs_nothing() {
    let body = BODY.replace(
        r#""retMsg":"x""#,
        r#""retMsg":"\udc00","extra":{"a":[1,{}]}"#,
    );
    let read = answer(&body);
    assert_eq!((read.page.rows.len(), read.page.rejects.len()), (2, 0));
}

#[test]
fn both_spellings_mean_the_same() {
    let snake = [
        ("functionName", "function_name"),
        ("retMsg", "ret_msg"),
        ("retCode", "ret_code"),
        ("requestId", "request_id"),
        ("startTime", "start_time"),
        ("billDuration", "bill_duration"),
        ("memUsage", "mem_usage"),
        ("invokeFinished", "invoke_finished"),
    ];
    let body = BODY.to_owned();
    let snake = snake
        .iter()
        .fold(body, |body, (from, to)| body.replace(from, to));
    let (camel, snake) = (answer(BODY), answer(&snake));
    assert_eq!((camel.page, camel.shape), (snake.page, snake.shape));
}

#[test]
fn a_running_row_is_unfinished_and_a_row_without_the_mark_is_finished() {
    for (mark, unfinished) in [
        ("", 0),
        (r#","invokeFinished":1"#, 0),
        (r#","invokeFinished":0"#, 1),
        (r#","invokeFinished":"0""#, 1),
        (r#","invoke_finished":0"#, 1),
        (r#","invokeFinished":null"#, 0),
    ] {
        let body = BODY.replace(r#","invokeFinished":1"#, mark);
        let page = answer(&body).page;
        let rows = (page.rows.len() as u64, page.unfinished);
        assert_eq!(rows, (2 - unfinished, unfinished), "{mark}");
    }
}

/// v2 has no retry numbers, whatever a field of that name holds.
#[test]
fn invocations_of_a_request_differ_by_their_start() {
    let body = BODY.replace("\"retCode\":0", "\"retryNum\":3,\"retCode\":0");
    let [first, _] = &answer(&body).page.rows[..] else {
        panic!("two rows")
    };
    assert_eq!(i64::from(first.key.attempt), MIDNIGHT + 5);
    assert!(!first.retried);
}

#[test]
fn a_failure_has_no_rows_and_a_broken_body_is_malformed() {
    let failure = r#"{"code":4400,"message":"request quota exceeded","codeDesc":"RequestLimit"}"#;
    let (head, rows) = read(failure).unwrap();
    let says = (head.code, head.message.as_str());
    assert_eq!(says, (4400, "request quota exceeded"));
    assert!(rows.is_none());
    assert!(read(r#"{"code":0,"data":null}"#).unwrap().1.is_none());
    for broken in ["", "<html>502</html>", &BODY[..BODY.len() - 9], "[]", "{}x"] {
        assert!(read(broken).is_err(), "{broken}");
    }
}
