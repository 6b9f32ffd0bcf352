//! The exporter's own log: one line an event on standard error, as logfmt or JSON.

mod fold;

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use crate::config::{Level, Log, LogFormat};
use fold::Fold;

/// Interval at which left out lines are reported.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// A handle of the running log.
#[derive(Debug, Clone)]
pub struct Logging {
    fold: &'static Fold,
    level: reload::Handle<Targets, Registry>,
}

/// Starts the log. A second start in the same process has no effect.
pub fn start(log: &Log) -> Logging {
    // Leaked once, for the life of the process.
    let fold: &'static Fold = Box::leak(Box::default());
    let (filter, level) = reload::Layer::new(filter(log.level));
    let registry = tracing_subscriber::registry().with(filter).with(fold);
    // Only lines for debugging name the module that wrote them: it helps to read the source, and
    // changes with it.
    let (plain, detailed) = (filter_fn(|line| !is_detail(line)), filter_fn(is_detail));
    let _already_started = match log.format {
        LogFormat::Logfmt => registry
            .with(logfmt(false).with_filter(plain))
            .with(logfmt(true).with_filter(detailed))
            .try_init()
            .is_err(),
        LogFormat::Json => registry
            .with(json(false).with_filter(plain))
            .with(json(true).with_filter(detailed))
            .try_init()
            .is_err(),
    };
    Logging { fold, level }
}

/// Returns whether a line is for debugging.
fn is_detail(line: &Metadata<'_>) -> bool {
    *line.level() > tracing::Level::INFO
}

fn logfmt<S>(with_module: bool) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    tracing_logfmt::builder()
        .with_target(with_module)
        .layer()
        .with_writer(std::io::stderr)
}

fn json<S>(with_module: bool) -> impl Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = fmt::layer().json().flatten_event(true);
    layer
        .with_target(with_module)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(std::io::stderr)
}

/// Returns the filter for a minimum level. Libraries log warnings and errors at most, because their
/// lines about connections and headers may contain secrets.
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
    /// Sets the minimum level that is logged.
    pub fn set_level(&self, level: Level) {
        // This fails if another log was started first, which then keeps its level.
        let _not_ours = self.level.reload(filter(level));
    }

    /// Runs `work`. Reports from time to time and at its end how many lines were left out.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let reporting = async {
            loop {
                sleep(REPORT_EVERY).await;
                self.report_left_out(Some(Instant::now()));
            }
        };
        let done = tokio::select! {
            done = work => done,
            () = reporting => unreachable!("it never ends"),
        };
        self.report_left_out(None);
        done
    }

    fn report_left_out(&self, now: Option<Instant>) {
        for left_out in self.fold.left_out(now) {
            let fold::LeftOut { lines, like } = left_out;
            tracing::warn!(lines, like, "similar lines were left out");
        }
    }
}
