//! The peers and the limit: `serde_json` reads the recorded answers into borrowed rows that are not
//! used, and a search touches every byte.

use std::borrow::Cow;
use std::hint::black_box;

use bytes::Bytes;
use serde::Deserialize;

use super::world::{Meter, World};
use super::{Failure, Spent};

/// The fields that the exporter needs too, by the names of v2 and of API 3.0. Others are skipped.
#[derive(Deserialize)]
#[expect(dead_code, reason = "they are read to be there, and that is all")]
struct Row<'a> {
    #[serde(alias = "functionName", alias = "FunctionName", borrow)]
    function_name: Cow<'a, str>,
    #[serde(alias = "retMsg", alias = "RetMsg", borrow)]
    ret_msg: Cow<'a, str>,
    #[serde(alias = "requestId", alias = "RequestId", borrow)]
    request_id: Cow<'a, str>,
    #[serde(alias = "startTime", alias = "StartTime", borrow)]
    start_time: Cow<'a, str>,
    #[serde(alias = "retCode", alias = "RetCode")]
    ret_code: i64,
    #[serde(alias = "Duration")]
    duration: f64,
    #[serde(alias = "billDuration", alias = "BillDuration")]
    bill_duration: f64,
    #[serde(alias = "memUsage", alias = "MemUsage")]
    mem_usage: f64,
    #[serde(alias = "invokeFinished", alias = "InvokeFinished")]
    invoke_finished: i64,
}

/// An answer of v2, or the content of `Response` of API 3.0.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(alias = "Data", borrow, default)]
    data: Vec<Row<'a>>,
    #[serde(rename = "Results", borrow, default)]
    results: Vec<Line<'a>>,
}

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(rename = "Response", borrow)]
    response: Answer<'a>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "LogJson", borrow)]
    log_json: Cow<'a, str>,
}

/// The JSON in a log line of CLS.
#[derive(Deserialize)]
#[expect(dead_code, reason = "they are read to be there, and that is all")]
struct Record<'a> {
    #[serde(rename = "SCF_FunctionName", borrow)]
    function_name: Cow<'a, str>,
    #[serde(rename = "SCF_RequestId", borrow)]
    request_id: Cow<'a, str>,
    #[serde(rename = "SCF_RetryNum", borrow)]
    retry_num: Cow<'a, str>,
    #[serde(rename = "SCF_StartTime", borrow)]
    start_time: Cow<'a, str>,
    #[serde(rename = "SCF_Duration", borrow)]
    duration: Cow<'a, str>,
    #[serde(rename = "SCF_MemUsage", borrow)]
    memory: Cow<'a, str>,
    #[serde(rename = "SCF_StatusCode", borrow)]
    status: Cow<'a, str>,
    #[serde(rename = "SCF_Message", borrow)]
    message: Cow<'a, str>,
}

/// Fetches the recorded answers one by one and parses them.
pub fn over_http(port: u16, world: &World) -> Result<Spent, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let get = |number: usize| {
        let url = format!("http://127.0.0.1:{port}/{number}");
        let request = client.get(url);
        async { Ok::<Bytes, Failure>(request.send().await?.error_for_status()?.bytes().await?) }
    };
    let meter = Meter::start()?;
    let mut rows = 0;
    for number in 0.. {
        let body = runtime.block_on(get(number))?;
        if body.is_empty() {
            break;
        }
        rows += parse(&world.api, &body)?;
    }
    meter.stop(rows)
}

/// Parses the recorded answers, or searches them for quotes and backslashes.
pub fn in_memory(world: &World, is_parsed: bool) -> Result<Spent, Failure> {
    let answers = world.answers()?;
    let count = |body: &[u8]| parse(&world.api, body);
    let rows = answers.iter().map(|answer| count(&answer.body));
    let rows = rows.sum::<Result<usize, Failure>>()?;
    let meter = Meter::start()?;
    for answer in &answers {
        if is_parsed {
            black_box(count(&answer.body)?);
        } else {
            black_box(memchr::memchr2_iter(b'"', b'\\', &answer.body).count());
        }
    }
    meter.stop(rows)
}

/// Parses an answer and returns the number of its rows.
fn parse(api: &str, body: &[u8]) -> Result<usize, Failure> {
    let answer: Answer<'_> = match api {
        "v2" => serde_json::from_slice(body)?,
        _ => serde_json::from_slice::<Whole<'_>>(body)?.response,
    };
    for line in &answer.results {
        black_box(serde_json::from_str::<Record<'_>>(&line.log_json)?);
    }
    Ok(black_box(answer.data).len() + answer.results.len())
}
