//! Bodies of the v2 API, the project's own.

use super::bench::Bench;
use super::case::{COUNTED, Case, fails, read};
use crate::support::exposition::Exposition;
use scf_exporter::tencent::ErrorClass::*;

const LOGS: &str = "GetFunctionLogs";

/// The documents' two rows, with values as printed there; the layout is ours.
fn documented(row: impl Fn(&str, &str) -> String) -> String {
    let rows = [
        row("b684ef85-250a-11e7-839d-5254007d2563", "0.241"),
        row("b6842e1a-250a-11e7-aaa8-525400edfec1", "0.269"),
    ];
    let rows = rows.join(",");
    format!(r#"{{"code":0,"message":"","codeDesc":"Success","total":189,"data":[{rows}]}}"#)
}

fn camel(id: &str, duration: &str) -> String {
    format!(
        r#"{{"functionName":"helljin89","retMsg":"no lambda_handler","requestId":"{id}",
        "startTime":"2017-04-19 22:16:00","retCode":1,"duration":{duration},"billDuration":100,
        "memUsage":131072,"log":""}}"#
    )
}

fn snake_in_strings(id: &str, duration: &str) -> String {
    format!(
        r#"{{"function_name":"helljin89","ret_msg":null,"request_id":"{id}",
        "start_time":"2017-04-19 22:16:00","ret_code":"1","duration":"{duration}",
        "bill_duration":"100","mem_usage":"131072"}}"#
    )
}

#[tokio::test]
async fn the_example_of_the_documents_is_counted_exactly() {
    let case = read(
        "the documents' example",
        "v2",
        LOGS,
        super::recorded::HELLJIN89,
    );
    case.check(documented(camel).as_bytes()).await;
    case.check(documented(snake_in_strings).as_bytes()).await;
}

/// Bodies of the shapes that the API is known to send, and the code under which each is counted.
fn odd_bodies() -> Vec<(Case, Vec<u8>)> {
    let non_json = |what| fails(what, "v2", LOGS, "non_json", (Transient, "non_json"));
    let cut = documented(camel).into_bytes()[..200].to_vec();
    let status_502 = Case {
        status: 502,
        ..fails(
            "status 502",
            "v2",
            LOGS,
            "http_502",
            (Transient, "http_502"),
        )
    };
    let mut bodies = vec![
        (non_json("empty"), Vec::new()),
        (
            non_json("page of a proxy"),
            b"<html><h1>502 Bad Gateway</h1></html>".to_vec(),
        ),
        (status_502, b"<html></html>".to_vec()),
        (non_json("cut"), cut),
        (
            non_json("trailing comma"),
            br#"{"code":0,"data":{"requestId":"x",}}"#.to_vec(),
        ),
        (
            fails(
                "code in a string",
                "v2",
                LOGS,
                "4102",
                (Authentication, "4102"),
            ),
            error("\"4102\""),
        ),
        (
            fails(
                "no rows",
                "v2",
                LOGS,
                "no_payload",
                (Transient, "no_payload"),
            ),
            br#"{"code":0,"message":""}"#.to_vec(),
        ),
        (
            read(
                "nothing found",
                "v2",
                LOGS,
                &[("scf_exporter_records_total", 0.0)],
            ),
            br#"{"code":"0","message":"","data":[]}"#.to_vec(),
        ),
    ];
    let codes = [
        ("4000", Invalid),
        ("4100", Authentication),
        ("4104", Authentication),
        ("4400", Throttled),
        ("4500", Authentication),
        ("5000", NotFound),
        ("6000", Transient),
        ("6100", Offline),
        ("6200", Transient),
    ];
    let of_code = |(code, class)| (fails(code, "v2", LOGS, code, (class, code)), error(code));
    bodies.extend(codes.map(of_code));
    bodies
}

/// What a gateway or another endpoint answers in the place of the API.
fn bodies_of_another_api() -> Vec<(Case, Vec<u8>)> {
    let other_json = |what| fails(what, "v2", LOGS, "other_json", (Transient, "other_json"));
    let refusal = fails(
        "an error of API 3.0",
        "v2",
        LOGS,
        "InvalidAction",
        (Offline, "InvalidAction"),
    );
    let list = r#"{"Response":{"Data":[],"TotalCount":0,"RequestId":"r"}}"#;
    let error = r#"{"Response":{"Error":{"Code":"InvalidAction","Message":"m"},"RequestId":"r"}}"#;
    vec![
        (other_json("nothing at all"), b"{}".to_vec()),
        (other_json("an answer of API 3.0"), list.into()),
        (refusal, error.into()),
    ]
}

fn error(code: &str) -> Vec<u8> {
    format!(r#"{{"code":{code},"message":"(1)no","codeDesc":"No"}}"#).into_bytes()
}

#[tokio::test]
async fn every_odd_body_has_its_outcome_and_the_exporter_goes_on() {
    let bodies = odd_bodies().into_iter().chain(bodies_of_another_api());
    for (case, body) in bodies {
        case.check(&body).await;
    }
}

#[tokio::test]
async fn after_a_failure_the_next_poll_counts() {
    let bench = Bench::start("v2", LOGS, 200, &error("4102")).await;
    let failed = |metrics: &Exposition| {
        let failures = metrics.sum("scf_exporter_polls_total", &[("result", "failure")]);
        (failures == 0.0).then(|| "a failed poll".to_owned())
    };
    bench.until("a failure", failed).await;
    bench.serve(LOGS, 200, documented(camel).as_bytes());
    let counted = |metrics: &Exposition| {
        let sum = metrics.sum(COUNTED, &[]);
        (sum != 2.0).then(|| format!("{sum} of 2 invocations"))
    };
    bench.until("after a failure", counted).await;
    bench.stop().await;
}
