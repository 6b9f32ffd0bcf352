//! The exporter's own log: one line an event on standard error, as logfmt or JSON.

mod fold;

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use crate::config::{Level, Log, LogFormat};
use fold::Fold;

/// How often it is looked for what was left out.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A log at work.
#[derive(Debug, Clone)]
pub struct Logging {
    fold: &'static Fold,
    level: reload::Handle<Targets, Registry>,
}

/// Starts the log. A second start in one process changes nothing.
pub fn start(log: &Log) -> Logging {
    // One for the life of the process.
    let fold: &'static Fold = Box::leak(Box::default());
    let (filter, level) = reload::Layer::new(filter(log.level));
    let registry = tracing_subscriber::registry().with(filter).with(fold);
    let _already_started = match log.format {
        LogFormat::Logfmt => registry
            .with(
                tracing_logfmt::builder()
                    .layer()
                    .with_writer(std::io::stderr),
            )
            .try_init()
            .is_err(),
        LogFormat::Json => {
            let layer = fmt::layer()
                .json()
                .flatten_event(true)
                .with_current_span(false);
            registry
                .with(layer.with_span_list(false).with_writer(std::io::stderr))
                .try_init()
                .is_err()
        }
    };
    Logging { fold, level }
}

/// What is written at a level. Libraries are heard when something is wrong only: what they tell of
/// connections and headers is not theirs to decide whether it is secret.
fn filter(level: Level) -> Targets {
    let level = match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    Targets::new()
        .with_target("scf_exporter", level)
        .with_default(level.min(LevelFilter::WARN))
}

// === impl Logging ===

impl Logging {
    /// Writes from this level on.
    pub fn set_level(&self, level: Level) {
        // Where the log is not the one that this belongs to there is nothing to change.
        let _no_log = self.level.reload(filter(level));
    }

    /// Does `work`, and tells from time to time and at its end how many lines were left out.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let telling = async {
            loop {
                sleep(TELL_EVERY).await;
                self.tell_left_out(Some(Instant::now()));
            }
        };
        let done = tokio::select! {
            done = work => done,
            () = telling => unreachable!("it goes on for ever"),
        };
        self.tell_left_out(None);
        done
    }

    fn tell_left_out(&self, now: Option<Instant>) {
        for left_out in self.fold.left_out(now) {
            let fold::LeftOut { lines, like } = left_out;
            tracing::warn!(lines, like, "more lines of one kind were left out");
        }
    }
}
