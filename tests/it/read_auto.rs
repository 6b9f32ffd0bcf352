//! One stream for many functions is used as long as the API answers it completely: where it refuses,
//! or leaves a function out, each function is read by itself, and nothing is lost on the way.

use std::sync::Arc;
use std::time::Duration;

use crate::support::cloud::InMemory;
use crate::support::world::{World, calls_for, through};
use bytes::Bytes;
use scf_exporter::web::View;
use scf_sim::Settings;
use serde_json::{Value, json};
use tencentcloud::{BoxFuture, HttpRequest, HttpResponse, Transport, TransportError};

/// What is wrong with reads that name no function.
#[derive(Clone, PartialEq)]
enum Refusal {
    None,
    Refused,
    /// Rows of this function are left out.
    Without(String),
}

struct Refusing {
    inner: Arc<InMemory>,
    refusal: Refusal,
}

impl Refusing {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let v3 = request
            .headers
            .iter()
            .any(|(name, value)| name == "x-tc-action" && value == "GetFunctionLogs");
        let v2 = text.contains("Action=GetFunctionLogs");
        let is_wide =
            (v3 && !text.contains("\"FunctionName\"")) || (v2 && !text.contains("functionName="));
        if !is_wide || self.refusal == Refusal::None {
            return self.inner.send(request).await;
        }
        let name = match &self.refusal {
            Refusal::Without(name) => name,
            _ if v3 => {
                let error = json!({"Code": "InvalidParameterValue.FunctionName", "Message": "?"});
                let body = json!({"Response": {"Error": error, "RequestId": "x"}});
                return Ok(HttpResponse::new(200, body.to_string().into_bytes()));
            }
            _ => {
                let body = json!({"code": 4000, "message": "functionName is missing", "codeDesc": "InvalidParameter"});
                return Ok(HttpResponse::new(200, body.to_string().into_bytes()));
            }
        };
        let mut answer = self.inner.send(request).await?;
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap();
        let (part, rows, total, field) = if v3 {
            ("Response", "Data", "TotalCount", "FunctionName")
        } else {
            ("data", "data", "total", "functionName")
        };
        let inside = if body[part].is_object() {
            &mut body[part]
        } else {
            &mut body
        };
        let before = inside[rows].as_array().map_or(0, Vec::len);
        assert!(
            before < 1_000,
            "the page holds all, so that the total can be written"
        );
        inside[rows]
            .as_array_mut()
            .unwrap()
            .retain(|row| row[field] != json!(name));
        let after = inside[rows].as_array().unwrap().len();
        inside[total] = json!(after);
        answer.body = Bytes::from(body.to_string());
        Ok(answer)
    }
}

impl Transport for Refusing {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        Box::pin(self.answer(request))
    }
}

fn settings(seed: u64) -> Settings {
    Settings {
        functions: 12,
        rate_per_second: 1.0,
        max_duration_ms: 20_000,
        ..calls_for(seed, Duration::from_secs(900))
    }
}

/// The busiest function: its rows are missed at once.
fn some_function(world: &World) -> String {
    let truth = world.cloud.truth(world.now_ms() + 900_000);
    let busiest = truth
        .functions
        .iter()
        .max_by_key(|function| function.count());
    busiest.unwrap().function_name.clone()
}

/// Reads the world to its end; how the functions were read, in the landing page's words.
async fn read(api: &str, seed: u64, refusal: fn(&World) -> Refusal) -> String {
    let world = World::new(settings(seed), through(api, Some("auto")));
    let transport = Refusing {
        inner: world.transport.clone(),
        refusal: refusal(&world),
    };
    let exporter = world.start_through(Arc::new(transport)).await;
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    world
        .assert_exact(&exporter, &format!("{api} seed {seed}"))
        .await;
    let sources = exporter.view.status().sources;
    let told: Vec<_> = sources
        .into_iter()
        .flat_map(|source| source.stream_modes)
        .collect();
    exporter.stop().await;
    assert_eq!(told.len(), 1, "{told:?}");
    told[0].1.clone()
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_completely_is_read_as_one_stream() {
    for (api, seed) in [("v2", 71), ("v3", 72)] {
        let told = read(api, seed, |_| Refusal::None).await;
        assert_eq!(told, "one stream for all functions", "{api}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_it_is_refused_each_function_is_read_by_itself() {
    for (api, seed) in [("v2", 73), ("v3", 74)] {
        let told = read(api, seed, |_| Refusal::Refused).await;
        assert!(
            told.starts_with("each function by itself: "),
            "{api}: {told}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_left_out_is_noticed_before_a_watermark_moves() {
    for (api, seed) in [("v2", 75), ("v3", 76)] {
        let told = read(api, seed, |world| Refusal::Without(some_function(world))).await;
        assert!(told.contains("of one function too few"), "{api}: {told}");
    }
}
