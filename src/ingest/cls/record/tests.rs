use super::*;
use crate::model::{InvocationKey, Outcome, RetCode, Row};

const GOOD: &str = r#"{"SCF_Alias":"","SCF_Duration":"1","SCF_FunctionName":"f","SCF_Level":"INFO",
    "SCF_LogTime":"1653523171320000000","SCF_MemUsage":"31178752.00","SCF_Message":"Report RequestId:6f71a3f5-0000-4c49-a566-1e0f6e5d0001 Duration:1ms Memory:128MB MemUsage:29.73MB",
    "SCF_Namespace":"n","SCF_Qualifier":"$LATEST","SCF_RequestId":"6f71a3f5-0000-4c49-a566-1e0f6e5d0001",
    "SCF_RetryNum":"2","SCF_StartTime":"1653523171317","SCF_StatusCode":"433","SCF_Type":"Platform"}"#;
const AT: Timestamp = Timestamp::from_millis(1_653_523_171_320);

fn judge(json: &str) -> Result<Row, RejectReason> {
    judge_at(json, Some(AT))
}

fn judge_at(json: &str, position: Option<Timestamp>) -> Result<Row, RejectReason> {
    let record = Record::read(json).unwrap();
    match record.entry(record.kind(), position)? {
        Entry::Invocation(row) => Ok(row),
        _ => panic!("{json} is no report of an end"),
    }
}

fn changed(from: &str, to: &str) -> String {
    let json = GOOD.replace(from, to);
    assert_ne!(json, GOOD, "{from}");
    json
}

#[test]
fn a_report_becomes_a_row() {
    let row = judge(GOOD).unwrap();
    let expected = Row {
        function: 0,
        ret_code: RetCode::new(433),
        outcome: Outcome::Timeout,
        key: InvocationKey {
            id: 0x6f71_a3f5_0000_4c49_a566_1e0f_6e5d_0001,
            attempt: 2,
        },
        id_is_uuid: true,
        position: AT,
        duration: Nanos(1_000_000),
        billed: Nanos(1_000_000),
        memory: Bytes(31_178_752),
        memory_limit: Bytes(128 << 20),
        started: Timestamp::from_millis(1_653_523_171_317),
        retried: true,
    };
    assert_eq!(row, expected);
}

#[test]
fn numbers_in_place_of_texts_are_read_too() {
    let numbers = changed(r#""2""#, "2").replace(r#""433""#, "433");
    let numbers = numbers
        .replace(r#""31178752.00""#, "31178752.0")
        .replace(r#""1653523171317""#, "1653523171317");
    assert_eq!(judge(&numbers), judge(GOOD));
}

#[test]
fn the_key_has_the_bytes_where_it_agrees_with_the_text() {
    // 29.73 MB are 31,174,164.48 bytes.
    for (key, bytes) in [
        ("31178752.00", 31_178_752),
        ("31168000", 31_168_000),
        ("29.73", 31_174_164),
        ("0.00", 31_174_164),
        ("", 31_174_164),
        ("x", 31_174_164),
    ] {
        let row = judge(&GOOD.replace("31178752.00", key)).unwrap();
        assert_eq!(row.memory, Bytes(bytes), "{key}");
    }
}

#[test]
fn the_keys_stand_in_for_what_the_text_does_not_say() {
    let json = changed(" Duration:1ms Memory:128MB MemUsage:29.73MB", "");
    let row = judge(&json.replace(r#""SCF_Duration":"1""#, r#""SCF_Duration":"2.5""#)).unwrap();
    assert_eq!(
        (row.duration, row.billed, row.memory, row.memory_limit),
        (
            Nanos(2_500_000),
            Nanos(3_000_000),
            Bytes(31_178_752),
            Bytes(0)
        )
    );
    let without = json.replace(r#""SCF_MemUsage":"31178752.00""#, r#""SCF_MemUsage":null"#);
    assert_eq!(judge(&without), Err(RejectReason::Memory));
}

#[test]
fn each_needed_value_is_judged_by_itself() {
    use RejectReason as R;
    for (from, to, reason) in [
        (r#""433""#, r#""""#, R::RetCode),
        (r#""433""#, r#""x""#, R::RetCode),
        (r#""SCF_StatusCode":"433","#, "", R::RetCode),
        (r#""2""#, r#""x""#, R::RequestId),
        (r#""2""#, r#""-1""#, R::RequestId),
        (r#""2""#, r#""4294967295""#, R::RequestId),
        ("Duration:1ms", "Duration:1s", R::Duration),
        ("MemUsage:29.73MB", "MemUsage:29.73KB", R::Memory),
    ] {
        assert_eq!(judge(&changed(from, to)), Err(reason), "{to} for {from}");
    }
    assert_eq!(judge_at(GOOD, None), Err(R::StartTime));
}

#[test]
fn what_may_be_missing_has_a_fallback() {
    let row = judge(&changed(r#""SCF_RetryNum":"2","#, "")).unwrap();
    assert_eq!((row.key.attempt, row.retried), (0, false));
    let row = judge(&changed(r#""SCF_StartTime":"1653523171317","#, "")).unwrap();
    assert_eq!(row.started, Timestamp::MIN);
    let id = r#""SCF_RequestId":"6f71a3f5-0000-4c49-a566-1e0f6e5d0001","#;
    let of_text = judge(&changed(id, "")).unwrap();
    assert_eq!(of_text.key, judge(GOOD).unwrap().key);
    let without = changed(r#""SCF_Namespace":"n","#, "");
    let record = Record::read(&without).unwrap();
    assert_eq!(record.function(), ("default".into(), Some("f".into())));
}

#[test]
fn only_the_platform_reports() {
    for (from, to) in [
        ("Platform", "Custom"),
        ("Platform", ""),
        ("Report RequestId:6f", "END RequestId:6f"),
        ("Report RequestId:6f", "Provisioned Report RequestId:6f"),
    ] {
        let json = changed(from, to);
        let record = Record::read(&json).unwrap();
        assert_eq!(record.kind(), Kind::Other, "{to}");
    }
    let running = changed(r#""433""#, r#""202""#);
    let record = Record::read(&running).unwrap();
    let said = record.entry(record.kind(), Some(AT));
    assert!(matches!(said, Ok(Entry::Unfinished)));
}

#[test]
fn lines_are_told_apart_by_package_and_number() {
    let mark = |json: &str| Line::read(json).unwrap().mark();
    let one = mark(r#"{"PkgId":"a","PkgLogId":"1","LogJson":"{}"}"#);
    assert_eq!(
        one,
        mark(r#"{"PkgId":"a","PkgLogId":1,"LogJson":"{\"x\":1}"}"#)
    );
    assert_ne!(one, mark(r#"{"PkgId":"a","PkgLogId":"2","LogJson":"{}"}"#));
    let unnamed = mark(r#"{"PkgId":"","LogJson":"{}"}"#);
    assert_ne!(unnamed, mark(r#"{"PkgId":"","LogJson":"{\"x\":1}"}"#));
}
