use super::*;
use crate::config::FunctionSelector;
use crate::ledger::TargetId;
use crate::model::{Bytes, InvocationKey, Nanos, Outcome, attempt_id};

fn sorted(response: &str) -> Sorted {
    let wanted = &FunctionSelector::default();
    let answer: SearchAnswer = serde_json::from_str(response).unwrap();
    let target = TargetId::topic("ap-x", "t").of_account("a");
    let context = ParseContext {
        target: &target,
        wanted,
    };
    answer.sort(context, Timestamp::from_millis(5))
}

fn line(time: &str, record: &str) -> String {
    let record = serde_json::to_string(record).unwrap();
    format!(
        r#"{{"Time":{time},"TopicId":"t","PkgId":"p","PkgLogId":"1","HighLights":[],"LogJson":{record},"RawLog":"","IndexStatus":""}}"#
    )
}

fn report(name: &str, status: &str, kind: &str) -> String {
    format!(
        r#"{{"SCF_FunctionName":"{name}","SCF_Namespace":"default","SCF_RequestId":"r","SCF_RetryNum":"0",
        "SCF_StatusCode":"{status}","SCF_Type":"{kind}","SCF_MemUsage":"1048576.00",
        "SCF_Message":"Report RequestId: r Duration:1ms Memory:128MB MemUsage:1.00MB"}}"#
    )
}

/// A response with these lines.
fn lines(lines: &[String]) -> Sorted {
    sorted(&format!(
        r#"{{"Context":"c","ListOver":false,"Analysis":false,"ColNames":null,"Results":[{}],"AnalysisRecords":null}}"#,
        lines.join(",")
    ))
}

#[test]
fn lines_become_rows_in_their_order() {
    let read = lines(&[
        line("10", &report("f", "200", "Platform")),
        line("11", &report("g", "202", "Platform")),
        line("11", &report("f", "200", "Custom")),
        line("12", &report("g", "499", "Platform")),
    ]);
    let names: Vec<&str> = read.page.functions.iter().map(|f| &*f.name).collect();
    assert_eq!(names, ["f", "g"]);
    assert_eq!(read.page.functions[0].account.as_ref(), "a");
    let rows: Vec<_> = read
        .page
        .rows
        .iter()
        .map(|row| (row.function, row.outcome, row.position.as_millis()))
        .collect();
    assert_eq!(
        rows,
        [(0, Outcome::Success, 10), (1, Outcome::Interrupted, 12)]
    );
    assert_eq!((read.page.unfinished, read.page.rejects.len()), (1, 0));
    let times: Vec<i64> = read.shape.marks.iter().map(|m| m.at.as_millis()).collect();
    assert_eq!(times, [10, 11, 11, 12]);
    assert_eq!(read.shape.list_over, Some(false));
    assert_eq!(read.shape.context.as_deref(), Some("c"));
}

#[test]
fn an_odd_line_does_not_stop_the_others() {
    use RejectReason as R;
    let good = line("10", &report("f", "200", "Platform"));
    let whole = report("f", "200", "Platform");
    let raw = good.replace(r#""RawLog":"""#, r#""RawLog":"x""#);
    for (odd, reason) in [
        // No reports, whatever they are.
        ("7".to_owned(), None),
        ("null".to_owned(), None),
        ("{}".to_owned(), None),
        (line("10", "xx"), None),
        (line("10", ""), None),
        (line("10", "[]"), None),
        (line("1e999", &report("f", "200", "Custom")), None),
        (line("10", r#"{"referer":"x","a":[1,{}]}"#), None),
        (line("10", r#"{"SCF_Message":[1e999],"SCF_Type":{}}"#), None),
        (good.replace("[]", r#""\ud800""#), None),
        // Reports that cannot be read.
        (raw.replace("LogJson", "Other"), Some(R::NotAnObject)),
        (line("null", &whole), Some(R::StartTime)),
        (line("1e999", &whole), Some(R::NotAnObject)),
        (
            line("10", &whole.replace("\"f\"", "\"\"")),
            Some(R::FunctionName),
        ),
        (line("10", &whole.replace("200", "")), Some(R::RetCode)),
    ] {
        let read = lines(&[good.clone(), odd.clone()]);
        assert_eq!(read.page.rejects.first().copied(), reason, "{odd}");
        assert!(!read.page.rows.is_empty(), "{odd}");
        assert_eq!(read.shape.marks.len(), 2);
        assert_eq!(read.shape.marks[1].at.as_millis(), 10);
    }
}

/// User code prints what it likes, and its texts are cut between two halves of a character.
#[test]
fn half_a_character_or_cut_json_in_a_line_that_is_no_report_is_no_invalid_row() {
    let good = line("10", &report("f", "200", "Platform"));
    let printed = r#"{"SCF_FunctionName":"f","SCF_Message":"Response RequestId: x RetMsg: Report @",
        "SCF_StatusCode":"202","SCF_Type":"Platform"}"#;
    let cut = |at: usize| line("10", &printed[..at]);
    let odd = [
        // In the record's JSON, and in that of the line around it.
        line("10", &printed.replace('@', r"\ud83d")),
        line("10", printed).replace('@', r"\ud83d"),
        line("10", &printed.replace("SCF_StatusCode", r"\ude00")),
        cut(40),
        cut(75),
        cut(printed.len() - 1),
    ];
    for odd in odd {
        let read = lines(&[odd.clone(), good.clone()]);
        assert_eq!(
            (read.page.rejects.len(), read.page.rows.len()),
            (0, 1),
            "{odd}"
        );
        assert_eq!(read.shape.marks.len(), 2);
    }
}

#[test]
fn half_a_character_in_a_report_costs_its_own_text_alone() {
    let whole = report("f", "200", "Platform");
    let more =
        |value: &str| whole.replace(r#""SCF_Type""#, &format!(r#""x":"{value}","SCF_Type""#));
    let report = lines(&[line("10", &whole)]).page;
    for odd in [
        line("10", &more(r"\ud83d")),
        line("10", &more("@")).replace('@', r"\ude00"),
    ] {
        let read = lines(&[odd]).page;
        assert_eq!(read, report);
    }
    // Without its whole name it is nobody's.
    let name = line("10", &whole.replace(r#":"f""#, r#":"f\ud83d""#));
    let read = lines(&[name]).page;
    assert_eq!(read.rejects, [RejectReason::FunctionName]);
}

#[test]
fn the_end_of_the_list_is_told_in_any_spelling() {
    for (told, over) in [
        ("true", Some(true)),
        ("1", Some(true)),
        (r#""true""#, Some(true)),
        ("0", Some(false)),
        (r#""False""#, Some(false)),
        (r#""perhaps""#, None),
        ("[]", None),
    ] {
        let response = format!(r#"{{"Results":[],"Context":"c","ListOver":{told}}}"#);
        let read = sorted(&response);
        assert_eq!(read.shape.list_over, over, "{told}");
    }
}

#[test]
fn nulls_are_nothing() {
    for response in [
        r#"{"Results":null,"Context":null,"ListOver":true}"#,
        r#"{"Results":[],"Context":null,"ListOver":null}"#,
        r#"{"Results":[],"Context":"","ListOver":true}"#,
    ] {
        let read = sorted(response);
        assert_eq!(read.page, Page::default());
        assert!(read.shape.marks.is_empty());
    }
}

#[test]
fn what_holds_neither_lines_nor_an_end_is_no_answer() {
    for response in [
        r#"{"Results":null,"Context":null,"ListOver":null}"#,
        r#"{"RequestId":"x"}"#,
        r#"{"Topics":[],"TotalCount":0,"RequestId":"x"}"#,
    ] {
        assert!(
            serde_json::from_str::<SearchAnswer>(response).is_err(),
            "{response}"
        );
    }
}

#[test]
fn one_call_with_a_cold_start_is_one_row_and_one_cold_start() {
    let id = "6f71a3f5-0000-4c49-a566-1e0f6e5d0001";
    let of = |status: &str, message: &str| {
        let record = format!(
            r#"{{"SCF_FunctionName":"log-test","SCF_Namespace":"default","SCF_RequestId":"{id}",
            "SCF_RetryNum":"0","SCF_StatusCode":"{status}","SCF_Type":"Platform","SCF_Duration":"1",
            "SCF_StartTime":"1653523171317","SCF_MemUsage":"31178752.00","SCF_Message":"{message}"}}"#
        );
        line("1653523171320", &record)
    };
    let page = lines(&[
        of("202", &format!("START RequestId:{id}")),
        of(
            "202",
            &format!(
                "Init Report RequestId: {id} Coldstart: 236ms (PullCode: 70ms InitRuntime: 8ms \
                 InitFunction: 158ms) Memory: 640MB MemUsage: 57.86MB"
            ),
        ),
        of("200", &format!("END RequestId:{id}")),
        of(
            "200",
            &format!("Report RequestId:{id} Duration:1ms Memory:128MB MemUsage:29.734375MB"),
        ),
    ])
    .page;
    let key = InvocationKey {
        id: attempt_id(id),
        attempt: 0,
    };
    let [cold] = page.cold_starts[..] else {
        panic!("{:?}", page.cold_starts);
    };
    assert_eq!(cold.key, key.of_cold_start());
    assert_eq!(cold.total, Nanos(236_000_000));
    assert_eq!(cold.parts, [70_000_000, 8_000_000, 158_000_000].map(Nanos));
    let rows: Vec<_> = page.rows.iter().map(|row| (row.key, row.memory)).collect();
    assert_eq!(rows, [(key, Bytes(31_178_752))]);
}
