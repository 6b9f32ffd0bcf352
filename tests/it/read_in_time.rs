//! What the cloud shows is counted within two polls while half of the request rate is unused,
//! whatever the number of rows, also after a kill. The waits are those of single rows, from the
//! instant at which the cloud shows a row to the answer that brought it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::cloud::InMemory;
use crate::support::faulty_disk::FaultyDisk;
use crate::support::world::{Exporter, World, assert_equal, through};
use scf_exporter::model::Timestamp;
use scf_sim::{Cloud, Faults, ReplayLine, ReplayStart, Settings};
use tencentcloud::runtime::{Random, Runtime};
use tencentcloud::{BoxFuture, HttpRequest, HttpResponse, Transport, TransportError};

const FUNCTIONS: u64 = 73;
const TRAFFIC_MS: i64 = 120_000;
const INTERVAL_MS: i64 = 2_000;
/// Two polls, and what the requests of two reads take.
const DEADLINE_MS: i64 = 2 * INTERVAL_MS + 2_000;
/// Half the time from a request to its answer.
const HALF_WAY: Duration = Duration::from_millis(20);
/// What follows the number of a call in its request id.
const MARK: &str = "-5eed-4000-8000-";

/// Two minutes of traffic.
#[derive(Clone, Copy)]
struct Traffic {
    rows: u64,
    late: f64,
    unstable: bool,
    seed: u64,
}

#[derive(Clone, Copy)]
struct Call {
    visible_ms: i64,
    handed_ms: Option<i64>,
}

/// Notes when each row was handed out, and when requests for rows were made.
struct Watched {
    inner: Arc<InMemory>,
    runtime: Runtime,
    calls: Mutex<Vec<Call>>,
    asked_ms: Mutex<Vec<i64>>,
}

impl Watched {
    async fn answer(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let text = String::from_utf8_lossy(&request.body);
        let action = request
            .headers
            .iter()
            .find(|(name, _)| name == "x-tc-action");
        let is_log = action.is_some_and(|(_, name)| name == "GetFunctionLogs")
            || text.contains("Action=GetFunctionLogs")
            || request.url.contains("Action=GetFunctionLogs");
        if is_log {
            self.asked_ms.lock().unwrap().push(self.now_ms());
        }
        tokio::time::sleep(HALF_WAY).await;
        let answer = self.inner.send(request).await;
        if let (true, Ok(answer)) = (is_log, &answer) {
            self.note(&String::from_utf8_lossy(&answer.body));
        }
        tokio::time::sleep(HALF_WAY).await;
        answer
    }

    fn note(&self, body: &str) {
        let now_ms = self.now_ms();
        let mut calls = self.calls.lock().unwrap();
        for (at, _) in body.match_indices(MARK) {
            let call = usize::from_str_radix(&body[at - 8..at], 16).unwrap();
            calls[call].handed_ms.get_or_insert(now_ms);
        }
    }

    fn now_ms(&self) -> i64 {
        self.runtime.now().as_millis()
    }

    /// Whether half of the requests were unused between two instants.
    fn was_idle(&self, from_ms: i64, to_ms: i64, requests_per_second: f64) -> bool {
        let asked = self.asked_ms.lock().unwrap();
        let range =
            asked.partition_point(|at| *at < from_ms)..asked.partition_point(|at| *at <= to_ms);
        let seconds = (to_ms - from_ms) as f64 / 1_000.0;
        (range.len() as f64) <= requests_per_second / 2.0 * seconds
    }
}

impl Transport for Watched {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        Box::pin(self.answer(request))
    }
}

/// Most calls are short, one in fifty runs for seconds, one in three hundred for up to a minute.
fn run_ms(random: &Random) -> f64 {
    let part = random.unit();
    match random.unit() {
        kind if kind < 0.003 => 10_000.0 + part * 50_000.0,
        kind if kind < 0.02 => 1_000.0 + part * 9_000.0,
        _ => 20.0 + part * part * 800.0,
    }
}

fn calls(traffic: Traffic, start_ms: i64) -> (Vec<ReplayLine>, Vec<Call>) {
    let random = Random::seeded(traffic.seed);
    let mut lines = Vec::new();
    let mut calls = Vec::new();
    for number in 0..traffic.rows {
        let at_ms = (random.unit() * TRAFFIC_MS as f64) as i64;
        let run_us = (run_ms(&random) * 1_000.0) as u64;
        let mut delivery_ms = (random.unit() * 2_000.0) as u64;
        if random.unit() < traffic.late {
            delivery_ms = 10_000 + (random.unit() * 15_000.0) as u64;
        }
        calls.push(Call {
            visible_ms: start_ms + at_ms + run_us.div_ceil(1_000) as i64 + delivery_ms as i64,
            handed_ms: None,
        });
        lines.push(ReplayLine {
            function_name: format!("f{:02}", random.next_u64() % FUNCTIONS),
            namespace: "default".to_owned(),
            request_id: format!("{number:08x}{MARK}{number:012x}"),
            retry: 0,
            start: ReplayStart::Offset(at_ms),
            duration_us: run_us,
            billed_ms: run_us.div_ceil(1_000),
            mem_bytes: 64 << 20,
            ret_code: 0,
            visible_after_ms: delivery_ms,
            log: String::new(),
        });
    }
    (lines, calls)
}

/// The longest wait of a row while the budget was idle, how many waited so, and the requests.
struct Seen {
    longest_ms: i64,
    too_long: usize,
    judged: usize,
    requests: usize,
}

/// Reads the traffic from its start on, with as many kills; every row must be counted in the end.
async fn read(api: &str, traffic: Traffic, requests_per_second: f64, kills: u32) -> Seen {
    let start_ms = 1_700_000_000_000;
    let settings = Settings {
        functions: FUNCTIONS as usize,
        max_duration_ms: 900_000,
        faults: Faults {
            unstable_ties: traffic.unstable,
            ..Faults::none()
        },
        start_ms,
        ..Settings::new(traffic.seed)
    };
    let (lines, calls) = calls(traffic, start_ms);
    let runtime = Runtime::simulated(Timestamp::from_millis(start_ms), traffic.seed);
    let cloud = Arc::new(Cloud::with_replay(settings, lines));
    let overrides = through(api, Some("auto"))
        .with("poll.interval", Some("2s".into()))
        .with("poll.idle_interval", Some("2s".into()))
        .with(
            "limits.requests_per_second",
            Some(requests_per_second.to_string()),
        );
    let allowed_lateness = Duration::from_secs(900);
    let mut world = World::over(cloud, runtime, allowed_lateness, overrides);
    let watched = Arc::new(Watched {
        inner: world.transport.clone(),
        runtime: world.runtime.clone(),
        calls: Mutex::new(calls),
        asked_ms: Mutex::default(),
    });
    let image = FaultyDisk::default();
    let mut starts_ms = Vec::new();
    let life = Duration::from_millis(TRAFFIC_MS as u64) / (kills + 1);
    let mut exporter = start(&mut world, &watched, &image).await;
    starts_ms.push(watched.now_ms());
    for _ in 0..kills {
        tokio::time::sleep(life).await;
        image.kill();
        exporter.kill();
        exporter = start(&mut world, &watched, &image).await;
        starts_ms.push(watched.now_ms());
    }
    let last_ms = watched
        .calls
        .lock()
        .unwrap()
        .iter()
        .map(|call| call.visible_ms)
        .max()
        .unwrap();
    let left_ms = (last_ms + DEADLINE_MS - watched.now_ms()).max(0);
    tokio::time::sleep(Duration::from_millis(left_ms as u64 + 2_000)).await;
    assert_equal(&exporter.counted(), &world.truth(), "after two more polls");
    exporter.stop().await;
    judge(&watched, &starts_ms, requests_per_second)
}

async fn start(world: &mut World, watched: &Arc<Watched>, image: &FaultyDisk) -> Exporter {
    world.disk = Some(image.new_process());
    world.start_through(watched.clone()).await
}

fn judge(watched: &Watched, starts_ms: &[i64], requests_per_second: f64) -> Seen {
    let mut seen = Seen {
        longest_ms: 0,
        too_long: 0,
        judged: 0,
        requests: watched.asked_ms.lock().unwrap().len(),
    };
    // Functions are listed before the first of them is read.
    let first_asked_ms = |start_ms: &i64| {
        let asked = watched.asked_ms.lock().unwrap();
        let first = asked.iter().find(|at| *at >= start_ms);
        (*start_ms, *first.unwrap())
    };
    let lives: Vec<(i64, i64)> = starts_ms.iter().map(first_asked_ms).collect();
    for call in watched.calls.lock().unwrap().iter() {
        let mut from_ms = call.visible_ms;
        for (start_ms, first_asked_ms) in &lives {
            if from_ms + DEADLINE_MS > *start_ms && from_ms < *first_asked_ms {
                from_ms = *first_asked_ms;
            }
        }
        if !watched.was_idle(from_ms, from_ms + DEADLINE_MS, requests_per_second) {
            continue;
        }
        let waited_ms = call.handed_ms.unwrap() - from_ms;
        seen.judged += 1;
        seen.longest_ms = seen.longest_ms.max(waited_ms);
        seen.too_long += usize::from(waited_ms > DEADLINE_MS);
    }
    seen
}

async fn assert_in_time(api: &str, traffic: Traffic, requests_per_second: f64, kills: u32) {
    let seen = read(api, traffic, requests_per_second, kills).await;
    let Traffic { rows, .. } = traffic;
    eprintln!(
        "{api} {rows} rows, {kills} kills: {} requests, {} judged, longest {} ms, {} too long",
        seen.requests, seen.judged, seen.longest_ms, seen.too_long
    );
    assert_eq!(
        seen.too_long, 0,
        "{api} {rows} rows: {} ms",
        seen.longest_ms
    );
    assert!(
        seen.judged as u64 > rows / 2,
        "{api}: only {} of {rows} rows",
        seen.judged
    );
}

fn traffic(rows: u64) -> Traffic {
    Traffic {
        rows,
        late: 0.02,
        unstable: false,
        seed: rows,
    }
}

#[tokio::test(start_paused = true)]
async fn every_row_is_read_within_two_polls() {
    let late = Traffic {
        late: 0.1,
        unstable: true,
        ..traffic(20_000)
    };
    for (api, traffic, requests_per_second, kills) in [
        ("v3", traffic(11_000), 10.0, 0),
        // A tenth of the rows is late, and rows of one second change places.
        ("v3", late, 20.0, 0),
        ("v3", traffic(4_000), 10.0, 3),
        ("v2", traffic(4_000), 20.0, 3),
    ] {
        assert_in_time(api, traffic, requests_per_second, kills).await;
    }
}
