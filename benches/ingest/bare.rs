//! The loop to measure against: pages are fetched and parsed, and nothing is done with them.

use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use tokio::task::JoinSet;

use super::Failure;
use super::meter::{Meter, Spent};
use super::workload::FUNCTIONS;

/// The fields that the exporter needs too; `log` is skipped by the parser.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "they are read to be there, and that is all")]
struct Row<'a> {
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

#[derive(Deserialize)]
struct Answer<'a> {
    total: usize,
    #[serde(borrow)]
    data: Vec<Row<'a>>,
}

/// Reads every row once, `in_flight` functions at a time, on one thread.
pub fn run(port: u16, page_size: usize, in_flight: usize) -> Result<Spent, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // The exporter installs it too; `reqwest` is built without one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let next = Arc::new(AtomicUsize::new(0));
    let meter = Meter::start()?;
    let rows = runtime.block_on(async {
        let mut workers = JoinSet::new();
        for _ in 0..in_flight {
            workers.spawn(worker(client.clone(), port, page_size, next.clone()));
        }
        let mut rows = 0;
        while let Some(worker) = workers.join_next().await {
            rows += worker??;
        }
        Ok::<_, Failure>(rows)
    })?;
    meter.stop(rows, rows as u64)
}

/// Takes one function after the other; how many rows it met.
async fn worker(
    client: reqwest::Client,
    port: u16,
    page_size: usize,
    next: Arc<AtomicUsize>,
) -> Result<usize, Failure> {
    let mut rows = 0;
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        if at >= FUNCTIONS {
            return Ok(rows);
        }
        let mut offset = 0;
        loop {
            let url = format!(
                "http://127.0.0.1:{port}/?Action=GetFunctionLogs&order=desc&functionName=order-service-handler-{at:03}&offset={offset}&limit={page_size}"
            );
            let body = client.get(url).send().await?.bytes().await?;
            let answer: Answer<'_> = serde_json::from_slice(&body)?;
            let page = black_box(&answer.data).len();
            offset += page;
            rows += page;
            if page == 0 || offset >= answer.total {
                break;
            }
        }
    }
}
