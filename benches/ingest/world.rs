//! The day that every contestant reads, and the recorded answers in which an adapter reads it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use scf_sim::{Cloud, Settings};
use serde::{Deserialize, Serialize};
use tencentcloud::{BoxFuture, HttpRequest, HttpResponse, Transport, TransportError};

use super::process::{Cpu, memory_kib};
use super::{Failure, Spent, alone, cloud};

const FUNCTIONS: usize = 200;
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Age of the newest call. All have ended by then, and every row is visible.
const AGE: Duration = Duration::from_secs(3_600);
const SEED: u64 = 1;
/// Bytes of `log` in a row.
const LOG_BYTES: (usize, usize) = (300, 2_000);
/// The default number of rows a page.
pub const PAGE: usize = 1_000;

/// A day of calls, as the processes hand it to each other.
#[derive(Debug, Serialize, Deserialize)]
pub struct World {
    pub api: String,
    rows: usize,
    /// The instant at which the day is read, in Unix milliseconds.
    pub now_ms: i64,
}

/// A transport to a cloud that records all answers to requests for rows.
struct Recorder {
    cloud: Cloud,
    now_ms: i64,
    answers: Mutex<Vec<HttpResponse>>,
}

/// A transport that replays recorded answers in order, whatever is asked.
struct Replay(Mutex<VecDeque<HttpResponse>>);

/// A measurement under way.
pub struct Meter {
    began: Instant,
    cpu: Cpu,
}

// === impl World ===

impl World {
    pub fn new(api: &str, rows: usize) -> Result<Self, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        Ok(Self {
            api: api.to_owned(),
            rows,
            now_ms: now.as_millis() as i64,
        })
    }

    /// Returns the time of the first call, in Unix milliseconds.
    pub fn first_ms(&self) -> i64 {
        self.last_ms() - DAY.as_millis() as i64
    }

    fn last_ms(&self) -> i64 {
        self.now_ms - AGE.as_millis() as i64
    }

    pub fn settings(&self) -> Settings {
        Settings {
            functions: FUNCTIONS,
            rate_per_second: self.rows as f64 / DAY.as_secs_f64(),
            start_ms: self.last_ms(),
            history_ms: DAY.as_millis() as i64,
            stop_ms: Some(self.last_ms()),
            log_bytes: LOG_BYTES,
            max_page: PAGE,
            ..Settings::new(SEED)
        }
    }

    /// Records the answers in which the adapter reads all rows.
    pub fn answers(&self) -> Result<Vec<HttpResponse>, Failure> {
        let recorder = Arc::new(Recorder {
            cloud: Cloud::new(self.settings()),
            now_ms: self.now_ms,
            answers: Mutex::default(),
        });
        let rows = alone::read(self, recorder.clone())?;
        let truth = recorder.cloud.truth(self.now_ms).totals.invocations;
        if (rows as u64) < truth {
            return Err(format!("{rows} rows read of {truth}").into());
        }
        Ok(std::mem::take(&mut *recorder.answers.lock()))
    }

    /// Returns a transport that replays `answers`.
    pub fn replay(answers: Vec<HttpResponse>) -> Arc<dyn Transport> {
        Arc::new(Replay(Mutex::new(answers.into())))
    }
}

impl Transport for Recorder {
    fn send<'a>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        Box::pin(async move {
            let answer = cloud::answer(&self.cloud, self.now_ms, request);
            self.answers.lock().push(answer.clone());
            Ok(answer)
        })
    }
}

impl Transport for Replay {
    fn send<'a>(&'a self, _: HttpRequest) -> BoxFuture<'a, Result<HttpResponse, TransportError>> {
        // The adapter sends the same requests as when the answers were recorded.
        let answer = self
            .0
            .lock()
            .pop_front()
            .ok_or_else(|| TransportError::Timeout {
                host: "the record".into(),
                limit: Duration::ZERO,
            });
        Box::pin(async { answer })
    }
}

// === impl Meter ===

impl Meter {
    pub fn start() -> Result<Self, Failure> {
        Ok(Self {
            cpu: Cpu::of("self")?,
            began: Instant::now(),
        })
    }

    pub fn stop(self, rows: usize) -> Result<Spent, Failure> {
        Ok(Spent {
            rows,
            wall: self.began.elapsed().as_secs_f64(),
            cpu: Cpu::of("self")?.since(&self.cpu).as_secs_f64(),
            peak: memory_kib("self", "VmHWM:")? / 1_024.0,
        })
    }
}
