//! The peers: `serde_json` reads the recorded answers into borrowed rows, and nothing is done with
//! them; and the limit, a search that has to touch every byte.

use std::borrow::Cow;
use std::hint::black_box;

use bytes::Bytes;
use serde::Deserialize;

use super::world::{Meter, World};
use super::{Failure, Spent};

/// The fields that the exporter needs too, by the names of v2; all else is skipped.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "they are read to be there, and that is all")]
struct RowV2<'a> {
    #[serde(borrow)]
    function_name: Cow<'a, str>,
    #[serde(borrow)]
    ret_msg: Cow<'a, str>,
    #[serde(borrow)]
    request_id: Cow<'a, str>,
    #[serde(borrow)]
    start_time: Cow<'a, str>,
    ret_code: i64,
    duration: f64,
    bill_duration: f64,
    mem_usage: f64,
    invoke_finished: i64,
}

/// The same by the names of API 3.0.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(dead_code, reason = "they are read to be there, and that is all")]
struct RowV3<'a> {
    #[serde(borrow)]
    function_name: Cow<'a, str>,
    #[serde(borrow)]
    ret_msg: Cow<'a, str>,
    #[serde(borrow)]
    request_id: Cow<'a, str>,
    #[serde(borrow)]
    start_time: Cow<'a, str>,
    ret_code: i64,
    retry_num: i64,
    duration: f64,
    bill_duration: f64,
    mem_usage: f64,
    invoke_finished: i64,
}

#[derive(Deserialize)]
struct AnswerV2<'a> {
    #[serde(borrow, default)]
    data: Vec<RowV2<'a>>,
}

/// What API 3.0 puts around every answer.
#[derive(Deserialize)]
struct Answer3<T> {
    #[serde(rename = "Response")]
    response: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LogsV3<'a> {
    #[serde(borrow, default)]
    data: Vec<RowV3<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LogsCls<'a> {
    #[serde(borrow, default)]
    results: Vec<LineCls<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LineCls<'a> {
    #[serde(borrow)]
    log_json: Cow<'a, str>,
}

/// The line within a line.
#[derive(Deserialize)]
#[expect(dead_code, reason = "they are read to be there, and that is all")]
struct RecordCls<'a> {
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

/// Fetches the recorded answers one after the other and parses them.
pub fn over_http(port: u16, world: World) -> Result<Spent, Failure> {
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
        rows += parse(world.api, &body)?;
    }
    meter.stop(rows)
}

pub fn in_memory(world: World) -> Result<Spent, Failure> {
    let answers = world.answers()?;
    let meter = Meter::start()?;
    let mut rows = 0;
    for answer in &answers {
        rows += parse(world.api, &answer.body)?;
    }
    meter.stop(rows)
}

pub fn quotes(world: World) -> Result<Spent, Failure> {
    let answers = world.answers()?;
    let mut rows = 0;
    for answer in &answers {
        rows += parse(world.api, &answer.body)?;
    }
    let meter = Meter::start()?;
    for answer in &answers {
        black_box(memchr::memchr2_iter(b'"', b'\\', &answer.body).count());
    }
    meter.stop(rows)
}

/// How many rows an answer holds.
fn parse(api: &str, body: &[u8]) -> Result<usize, Failure> {
    Ok(match api {
        "v2" => black_box(serde_json::from_slice::<AnswerV2<'_>>(body)?.data).len(),
        "v3" => {
            let answer = serde_json::from_slice::<Answer3<LogsV3<'_>>>(body)?;
            black_box(answer.response.data).len()
        }
        _ => {
            let answer = serde_json::from_slice::<Answer3<LogsCls<'_>>>(body)?;
            for line in &answer.response.results {
                black_box(serde_json::from_str::<RecordCls<'_>>(&line.log_json)?);
            }
            answer.response.results.len()
        }
    })
}
