//! The exporter's own log: one line an event on standard error, as logfmt or JSON.

use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

use crate::config::{Level, Log, LogFormat};

/// Changes the level of a log that was started.
#[derive(Clone, Debug)]
pub struct LevelSwitch(reload::Handle<LevelFilter, Registry>);

/// Starts the log. A second start in one process changes nothing.
pub fn start(log: &Log) -> LevelSwitch {
    let (level, switch) = reload::Layer::new(filter(log.level));
    let registry = tracing_subscriber::registry().with(level);
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
    LevelSwitch(switch)
}

impl LevelSwitch {
    /// Writes from this level on.
    pub fn set(&self, level: Level) {
        // Where the log is not the one that this belongs to there is nothing to change.
        let _no_log = self.0.reload(filter(level));
    }
}

fn filter(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}
