//! Every shape of line that a function's log can hold, as a record of the platform in a log topic,
//! and every message and status that tells how a call ended: `tests/data/log_lines.tsv`.

use serde_json::{Value, json};

use super::bench::Bench;
use super::case::COUNTED;
use crate::support::exposition::Exposition;
use crate::support::text_of;

/// A line of the list; `function` is the one that it is laid to, so that each line is seen alone.
struct Line {
    kind: String,
    expected: String,
    text: String,
    function: String,
}

fn lines() -> Vec<Line> {
    let list = text_of("tests/data/log_lines.tsv");
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let line = |(number, line): (usize, &str)| {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        let mut part = || parts.next().unwrap();
        Line {
            kind: part(),
            expected: part(),
            text: part().replace("\\t", "\t"),
            function: format!("line-{number}"),
        }
    };
    lines.enumerate().map(line).collect()
}

/// The number in front of a STATUS line, if there is one.
fn status(line: &Line) -> Option<&str> {
    let number = line.text.split(' ').next()?;
    number.parse::<u16>().is_ok().then_some(number)
}

/// The numbers that are expected of a line.
fn numbers<const COUNT: usize>(line: &Line) -> [f64; COUNT] {
    let numbers = line
        .expected
        .split(' ')
        .map(|number| number.parse().unwrap());
    let numbers: Vec<f64> = numbers.collect();
    numbers.try_into().unwrap()
}

fn record(number: usize, line: &Line, status: &str, message: &str) -> Value {
    let id = format!("0a1b2c3d-0000-4000-8000-{number:012}");
    let record = json!({
        "SCF_FunctionName": line.function, "SCF_Namespace": "default", "SCF_RequestId": id,
        "SCF_RetryNum": "0", "SCF_StatusCode": status, "SCF_Type": "Platform",
        "SCF_Message": message, "SCF_StartTime": "1614805567000",
    });
    json!({"Time": 1_614_805_567_000_u64 + number as u64, "PkgId": "p",
        "PkgLogId": number.to_string(), "LogJson": record.to_string()})
}

fn search_answer(records: &[Value]) -> Vec<u8> {
    let answer = json!({"Context": "", "ListOver": true, "Results": records, "RequestId": "r"});
    json!({"Response": answer}).to_string().into_bytes()
}

/// Serves `body` until so many invocations are counted and the same rows came again.
async fn metrics_of(api: &str, action: &str, body: &[u8], invocations: usize) -> Exposition {
    let bench = Bench::start(api, action, 200, body).await;
    let missing = |metrics: &Exposition| {
        let counted = metrics.sum(COUNTED, &[]);
        let again = [("disposition", "duplicate")];
        let again = metrics.sum("scf_exporter_records_total", &again);
        let seen = counted >= invocations as f64 && again >= counted;
        (!seen).then(|| format!("{counted} of {invocations} invocations, {again} again"))
    };
    let metrics = bench.until(action, missing).await;
    bench.stop().await;
    assert_eq!(metrics.sum(COUNTED, &[]), invocations as f64);
    assert_eq!(metrics.sum("scf_exporter_rejected_rows_total", &[]), 0.0);
    metrics
}

fn assert_sum(metrics: &Exposition, name: &str, line: &Line, sum: f64) {
    let labels = [("function_name", line.function.as_str())];
    assert_eq!(metrics.sum(name, &labels), sum, "{name}: {}", line.text);
}

#[tokio::test]
async fn of_all_lines_reports_count_once_and_cold_starts_apart() {
    let lines = lines();
    let records: Vec<Value> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| record(number, line, "200", &line.text))
        .collect();
    let of_kind = |kind: &str| lines.iter().filter(|line| line.kind == kind).count();
    let body = search_answer(&records);
    let metrics = metrics_of("cls", "SearchLog", &body, of_kind("REPORT")).await;
    let colds = metrics.sum("scf_cold_starts_total", &[]);
    assert_eq!(colds, of_kind("INIT") as f64);
    for line in &lines {
        let is = |kind: &str| f64::from(u8::from(line.kind == kind));
        assert_sum(&metrics, COUNTED, line, is("REPORT"));
        assert_sum(&metrics, "scf_cold_starts_total", line, is("INIT"));
        if line.kind == "REPORT" {
            let [ms, bytes] = numbers(line);
            let seconds = ms / 1_000.0;
            for name in ["duration", "billed_duration"] {
                let name = format!("scf_invocation_{name}_seconds_sum");
                assert_sum(&metrics, &name, line, seconds);
            }
            let memory = "scf_invocation_memory_usage_bytes_sum";
            assert_sum(&metrics, memory, line, bytes);
        } else if line.kind == "INIT" {
            check_cold_start(&metrics, line);
        }
    }
}

fn check_cold_start(metrics: &Exposition, line: &Line) {
    let [total, parts @ ..]: [f64; 4] = numbers(line).map(|ms: f64| ms / 1_000.0);
    assert_sum(metrics, "scf_cold_start_duration_seconds_sum", line, total);
    for (part, seconds) in ["pull_code", "init_runtime", "init_function"]
        .iter()
        .zip(parts)
    {
        let labels = [("function_name", line.function.as_str()), ("part", part)];
        let sum = metrics.sum("scf_cold_start_part_seconds_total", &labels);
        assert_eq!(sum, seconds, "{part}: {}", line.text);
    }
}

#[tokio::test]
async fn every_status_has_its_outcome_through_cls() {
    let lines = lines();
    let ended: Vec<(&Line, &str)> = lines
        .iter()
        .filter(|line| line.kind == "STATUS")
        .filter_map(|line| Some((line, status(line)?)))
        .collect();
    let report = "Report RequestId: x Duration:1ms Memory:128MB MemUsage:1MB";
    let records: Vec<Value> = ended
        .iter()
        .enumerate()
        .map(|(number, (line, status))| record(number, line, status, report))
        .collect();
    let body = search_answer(&records);
    let metrics = metrics_of("cls", "SearchLog", &body, ended.len()).await;
    for (line, status) in ended {
        check_end(&metrics, line, status);
    }
}

#[tokio::test]
async fn every_message_has_its_outcome_through_api_3() {
    let lines = lines();
    let is_message = |line: &&Line| match line.kind.as_str() {
        "RETMSG" => true,
        "STATUS" => status(line).is_none(),
        _ => false,
    };
    let ended: Vec<&Line> = lines.iter().filter(is_message).collect();
    let row = |(number, line): (usize, &&Line)| {
        json!({"FunctionName": line.function, "RetMsg": line.text, "RetCode": 1,
            "RequestId": format!("0a1b2c3d-0000-4000-8000-{number:012}"),
            "StartTime": "2021-03-04 05:06:07", "InvokeFinished": 1, "Duration": 1,
            "BillDuration": 1, "MemUsage": 1, "Log": "", "RetryNum": 0})
    };
    let rows: Vec<Value> = ended.iter().enumerate().map(row).collect();
    let answer = json!({"Response": {"TotalCount": rows.len(), "Data": rows, "RequestId": "r"}});
    let body = answer.to_string().into_bytes();
    let metrics = metrics_of("v3", "GetFunctionLogs", &body, ended.len()).await;
    for line in ended {
        check_end(&metrics, line, "1");
    }
}

fn check_end(metrics: &Exposition, line: &Line, ret_code: &str) {
    let labels = [
        ("function_name", line.function.as_str()),
        ("ret_code", ret_code),
        ("outcome", line.expected.as_str()),
    ];
    let all = metrics.matching(COUNTED, &labels[..1]);
    assert_eq!(metrics.sum(COUNTED, &labels), 1.0, "{}: {all:?}", line.text);
}
