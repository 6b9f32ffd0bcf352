//! Every line that a function's log can hold, as a record of the platform in a log topic, and
//! every message and status that tells how a call ended: the project's own lines and, where they
//! are, the collected ones kept beside the project.

use serde_json::{Value, json};

use super::bench::Bench;
use super::case::COUNTED;
use crate::support::exposition::Exposition;

/// Kind, source and text. Same shapes as the collected ones, own numbers.
const OWN: &str = "\
START\town\tSTART RequestId: 00000001-0000-4000-8000-000000000000
INIT\town\tInit Report RequestId: 00000001-0000-4000-8000-000000000000 Coldstart: 60ms (PullCode: 10ms InitRuntime: 20ms InitFunction: 30ms) Memory: 128MB MemUsage: 9.00MB
INIT\town\tInit Report RequestId:00000001-0000-4000-8000-000000000000 InitDuration: 70ms Duration: 40ms Memory: 128MB MemUsage: 9.00MB
PROVISION\town\tPrevisioned Report RequestId:00000001-0000-4000-8000-000000000000 InitDuration: 70ms Duration: 40ms Memory: 128MB MemUsage: 9.00MB
RESPONSE\town\tResponse RequestId:00000001-0000-4000-8000-000000000000 RetMsg:\"Report RequestId\"
ERROR\town\tERROR RequestId:00000001-0000-4000-8000-000000000000 Result:{\"statusCode\":433}
END\town\tEND RequestId:00000001-0000-4000-8000-000000000000
REPORT\town\tReport RequestId:00000001-0000-4000-8000-000000000000 Duration:1500ms Memory:128MB MemUsage:1.5MB
REPORT\town\tReport RequestId: 00000002-0000-4000-8000-000000000000 Duration: 2ms Memory: 128MB MemUsage: 0.25MB
REPORT\town\tReport RequestId: 00000003-0000-4000-8000-000000000000 Duration:0ms Memory:128MB MaxMemoryUsed:0.5MB
LOCAL\town\tREPORT RequestId: 00000004-0000-4000-8000-000000000000 Duration: 0 ms Billed Duration: 100 ms Memory Size: 128 MB Max Memory Used: 14 MB
USER\town\t2021-03-04T05:06:07.000Z\\t00000001\\tReport RequestId: x Duration:1ms Memory:128MB MemUsage:1MB
STATUS\town\t433 TimeLimitReached
STATUS\town\t499 RequestCanceled
STATUS\town\t200 Success
RETMSG\town\t{\"errorCode\":-1,\"errorMessage\":\"own: timed out after 1 seconds\"}
RETMSG\town\t{\"errorCode\":1,\"errorMessage\":\"own: user code\",\"statusCode\":430}
";

/// A part of each REPORT line; milliseconds; bytes: megabytes x 1,048,576 to the nearest.
const REPORTS: &[(&str, u32, u64)] = &[
    ("00000001", 1_500, 1_572_864),
    ("00000002", 2, 262_144),
    ("00000003", 0, 524_288),
    ("825d476e", 5_000, 54_607_872),
    ("179f949c", 3_000, 14_397_473),
    ("a1505ede", 3_000, 28_033_024),
    ("a4c5a23a", 480, 23_450_047),
    ("f4739afa", 0, 65_536),
    ("c86f1057", 0, 53_248),
    ("c93f5fc2", 1, 6_952_059),
    ("b4e8c10f", 1, 27_371_416),
    ("469358ad", 5, 10_088_448),
    ("2de250b8", 220, 26_424_115),
    ("09c346d3", 1, 31_178_752),
    ("b50d63cb", 204, 29_114_368),
    ("6a887d41", 23_761, 25_899_008),
    ("508f9889", 390, 20_631_572),
    ("64e99171", 40_994, 34_833_695),
    ("48faf68d", 2_214, 95_831_772),
    ("53.3672MB", 1, 55_959_565),
    ("53.476562MB", 1, 56_074_239),
    ("93f50016", 35, 11_841_569),
    ("69ffc57f", 64, 22_872_064),
];

/// A part of each INIT line; milliseconds of all, of pulling the code, of the runtime, of the
/// function.
const INITS: &[(&str, [u32; 4])] = &[
    ("Coldstart: 60ms", [60, 10, 20, 30]),
    ("InitDuration: 70ms", [70, 0, 0, 0]),
    ("Coldstart: 2150ms", [2_150, 427, 267, 1_456]),
    ("Coldstart: 2115ms", [2_115, 368, 298, 1_449]),
    ("InitDuration: 4598ms", [4_598, 0, 0, 0]),
    ("InitDuration: 2235ms", [2_235, 0, 0, 0]),
    ("Coldstart: 236ms", [236, 70, 8, 158]),
];

/// A part of each RETMSG and STATUS line; how such a call ended.
const ENDS: &[(&str, &str)] = &[
    ("own: timed out", "timeout"),
    ("own: user code", "function_error"),
    ("7a2ae0d9", "timeout"),
    ("\"Task timed out after 3 seconds\"}", "timeout"),
    ("b17b75c6", "timeout"),
    ("Task memory exceeded 128 MB", "out_of_memory"),
    ("Resource limit exceed for function", "throttled"),
    ("SspanelQd", "function_error"),
    ("a325b967", "function_error"),
    ("\"stackTrace\":\"null\"", "function_error"),
    ("invalid ELF header", "function_error"),
    ("argument must be of type function", "function_error"),
    ("Bootstrap not executable", "function_error"),
    ("\"UserCodeError\"", "function_error"),
    ("User process exit when running", "function_error"),
    ("Process exited before completing", "function_error"),
    ("'lambda_handler'", "function_error"),
    ("433 TimeLimitReached", "timeout"),
    ("499 RequestCanceled", "interrupted"),
    ("200 Success", "success"),
    ("432 ResourceLimitReached", "throttled"),
    ("405 ContainerStateExited", "function_error"),
    ("407 The size of response", "function_error"),
    ("400 InvalidParameterValue", "platform_error"),
    ("401 InvalidCredentials", "platform_error"),
    ("402 ServiceSuspended", "throttled"),
    ("404 InvalidSubnetID", "platform_error"),
    // Texts that the status page gives for 432; they come as messages.
    ("exceeded reserved quota", "throttled"),
    ("exceeded region unreserved quota", "throttled"),
];

/// A collected line; `function` is the one that it is laid to, so that each line is seen alone.
struct Line {
    kind: String,
    text: String,
    function: String,
}

/// Own lines, and the collected ones.
fn lines() -> Vec<Line> {
    let path = super::at("../shared/cases/log_lines.tsv");
    let collected = std::fs::read_to_string(&path).unwrap_or_else(|_| {
        println!("skipped: no {}", path.display());
        String::new()
    });
    let all = OWN.lines().chain(collected.lines());
    let all = all.filter(|line| !line.starts_with('#'));
    let line = |(number, line): (usize, &str)| {
        let mut parts = line.splitn(3, '\t');
        let mut part = || parts.next().unwrap().to_owned();
        let (kind, _source, text) = (part(), part(), part());
        Line {
            kind,
            text: text.replace("\\t", "\t"),
            function: format!("line-{number}"),
        }
    };
    all.enumerate().map(line).collect()
}

/// The number in front of a STATUS line, if there is one.
fn status(line: &Line) -> Option<&str> {
    let number = line.text.split(' ').next()?;
    number.parse::<u16>().is_ok().then_some(number)
}

fn known<T: Copy>(table: &[(&str, T)], line: &Line) -> T {
    let found = table.iter().find(|(part, _)| line.text.contains(part));
    found
        .unwrap_or_else(|| panic!("no table has {:?}", line.text))
        .1
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
    let reports: Vec<_> = REPORTS
        .iter()
        .map(|(part, ms, b)| (*part, (*ms, *b)))
        .collect();
    for line in &lines {
        let is = |kind: &str| f64::from(u8::from(line.kind == kind));
        assert_sum(&metrics, COUNTED, line, is("REPORT"));
        assert_sum(&metrics, "scf_cold_starts_total", line, is("INIT"));
        if line.kind == "REPORT" {
            let (ms, bytes) = known(&reports, line);
            let seconds = f64::from(ms) / 1_000.0;
            for name in ["duration", "billed_duration"] {
                let name = format!("scf_invocation_{name}_seconds_sum");
                assert_sum(&metrics, &name, line, seconds);
            }
            let memory = "scf_invocation_memory_usage_bytes_sum";
            assert_sum(&metrics, memory, line, bytes as f64);
        } else if line.kind == "INIT" {
            check_cold_start(&metrics, line);
        }
    }
}

fn check_cold_start(metrics: &Exposition, line: &Line) {
    let [total, parts @ ..] = known(INITS, line).map(|ms| f64::from(ms) / 1_000.0);
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
        let outcome = known(ENDS, line);
        check_end(&metrics, line, status, outcome);
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
        check_end(&metrics, line, "1", known(ENDS, line));
    }
}

fn check_end(metrics: &Exposition, line: &Line, ret_code: &str, outcome: &str) {
    let labels = [
        ("function_name", line.function.as_str()),
        ("ret_code", ret_code),
        ("outcome", outcome),
    ];
    let all = metrics.matching(COUNTED, &labels[..1]);
    assert_eq!(metrics.sum(COUNTED, &labels), 1.0, "{}: {all:?}", line.text);
}
