//! Wall clock, random numbers and background tasks of the process.
//!
//! No other file uses them directly, so that the rest of the program runs the same under a
//! simulated clock and a fixed seed.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Timestamp;

/// A wall clock.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;

    /// Returns whether the clock may decide that something has expired. A clock that follows
    /// another one may not before it has received a time.
    fn is_vouched(&self) -> bool {
        true
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// A clock that starts at a given time and runs with tokio's time, which tests can pause.
#[derive(Debug, Clone)]
pub struct TokioClock {
    origin: Timestamp,
    started: tokio::time::Instant,
}

/// A seeded generator of random numbers (SplitMix64) for jitter and nonces. Not for secrets.
#[derive(Debug)]
pub struct Random(Mutex<u64>);

/// Clock, random numbers and cancellation token, passed down from the wiring.
#[derive(Clone)]
pub struct Runtime {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// Random numbers for jitter and nonces.
    pub random: Arc<Random>,
    /// Cancelled when the program stops.
    pub stop: CancellationToken,
    blocking: Blocking,
}

/// How blocking work is run.
#[derive(Debug, Clone, Copy)]
enum Blocking {
    /// On a thread of its own.
    Thread,
    /// In the calling task, between two waits of up to [`DISK_WAIT`]. The order of events then
    /// depends on the seed alone, and other tasks can run just before and after the work.
    Inline,
}

/// Longest simulated wait before and after blocking work.
const DISK_WAIT: Duration = Duration::from_millis(4);

// === impl Runtime ===

impl Runtime {
    /// Uses the machine's clock, and a seed from the clock and the process id.
    pub fn system() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let seed = since_epoch.as_nanos() as u64 ^ (u64::from(std::process::id()) << 32);
        Self::of(Arc::new(SystemClock), seed, Blocking::Thread)
    }

    /// Uses a clock that follows tokio's (possibly paused) time from `origin`, and a fixed seed.
    ///
    /// Must be called inside a tokio runtime.
    pub fn simulated(origin: Timestamp, seed: u64) -> Self {
        let started = tokio::time::Instant::now();
        let clock = Arc::new(TokioClock { origin, started });
        Self::of(clock, seed, Blocking::Inline)
    }

    /// Replaces the token by a new one.
    #[must_use]
    pub fn with_own_stop(self) -> Self {
        let stop = CancellationToken::new();
        Self { stop, ..self }
    }

    /// Replaces the clock, for example by that of the cloud.
    #[must_use]
    pub fn by_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs `work` until it ends or the program stops; returns `None` in the latter case. The stop
    /// has priority.
    pub async fn until_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            value = work => Some(value),
        }
    }

    /// Runs `work` where it may block. It runs to its end even if the caller is dropped.
    pub async fn in_background<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        match self.blocking {
            Blocking::Thread => match spawn_blocking(work).await {
                Ok(value) => value,
                Err(failure) => std::panic::resume_unwind(failure.into_panic()),
            },
            Blocking::Inline => {
                tokio::time::sleep(self.random.jitter(DISK_WAIT)).await;
                let value = work();
                tokio::time::sleep(self.random.jitter(DISK_WAIT)).await;
                value
            }
        }
    }

    fn of(clock: Arc<dyn Clock>, seed: u64, blocking: Blocking) -> Self {
        Self {
            blocking,
            clock,
            random: Arc::new(Random::seeded(seed)),
            stop: CancellationToken::new(),
        }
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

// === impl clocks ===

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        self.origin + self.started.elapsed()
    }
}

// === impl Random ===

impl Random {
    /// Creates a generator. The same seed gives the same numbers.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// Returns the next 64 random bits.
    pub fn next_u64(&self) -> u64 {
        let mut state = self.0.lock();
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns a number in `[0, 1)`.
    pub fn unit(&self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Returns a duration in `[0, limit)`.
    pub fn jitter(&self, limit: Duration) -> Duration {
        limit.mul_f64(self.unit())
    }
}

/// Starts a background task. No other function calls `tokio::spawn`.
pub fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(task)
}

/// Runs blocking work, such as an fsync, off the async threads.
pub fn spawn_blocking<F, T>(work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    tokio::task::spawn_blocking(work)
}
