//! Runs the simulated cloud as a process, in real time.

use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;

use super::cloud::Cloud;
use super::replay::{ReplayErrors, read_replay};
use super::serve::serve;
use super::settings::Settings;

/// Options of a simulator process.
pub struct RunOptions {
    /// Listen address; port 0 selects a free port.
    pub listen: SocketAddr,
    /// Settings of the cloud. `start_ms` is replaced by the current time.
    pub settings: Settings,
    /// A replay file, used instead of a generated world.
    pub replay: Option<PathBuf>,
}

/// Why the simulator could not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address is not available.
    #[error("cannot listen on {address}: {source}; choose another address or port")]
    Bind {
        /// The listen address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The replay file is invalid.
    #[error(transparent)]
    Replay(#[from] ReplayErrors),
    /// The line with address and keys could not be printed.
    #[error("cannot print the address: {0}; keep standard output open")]
    Print(io::Error),
}

/// Listens, prints one line of JSON with address and keys on standard output, and serves until
/// `shutdown` resolves.
pub async fn run(
    mut options: RunOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let rows = options.replay.as_deref().map(read_replay).transpose()?;
    let bind_error = |source| RunError::Bind {
        address: options.listen,
        source,
    };
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(bind_error)?;
    let address = listener.local_addr().map_err(bind_error)?;
    let now = steady_clock();
    options.settings.start_ms = now();
    let cloud = match rows {
        Some(rows) => Cloud::with_replay(options.settings, rows),
        None => Cloud::new(options.settings),
    };
    announce(address, cloud.settings()).map_err(RunError::Print)?;
    serve(listener, Arc::new(cloud), now, shutdown).await;
    Ok(())
}

/// Returns a clock in Unix milliseconds that never goes back, because it reads the wall clock only
/// once.
pub fn steady_clock() -> impl Fn() -> i64 + Send + Sync + Clone + 'static {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let started = Instant::now();
    move || i64::try_from((since_epoch + started.elapsed()).as_millis()).unwrap_or(i64::MAX)
}

fn announce(address: SocketAddr, settings: &Settings) -> io::Result<()> {
    let line = serde_json::json!({
        "listening": address.to_string(),
        "secret_id": settings.secret_id,
        "secret_key": settings.secret_key,
    });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(listen: SocketAddr) -> RunOptions {
        RunOptions {
            listen,
            settings: Settings::new(1),
            replay: None,
        }
    }

    #[tokio::test]
    async fn says_that_the_address_is_taken() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        let error = run(options(address), std::future::ready(()))
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("cannot listen on {address}: ")),
            "{text}"
        );
        assert!(text.ends_with("choose another address or port"), "{text}");
    }

    #[tokio::test]
    async fn says_what_is_wrong_with_the_replay_before_it_binds() {
        let mut options = options(SocketAddr::from(([127, 0, 0, 1], 0)));
        options.replay = Some(PathBuf::from("no/such/file.jsonl"));
        let error = run(options, std::future::ready(())).await.unwrap_err();
        assert!(matches!(error, RunError::Replay(_)), "{error}");
    }

    #[test]
    fn the_clock_never_goes_back() {
        let now = steady_clock();
        let read: Vec<i64> = (0..1_000).map(|_| now()).collect();
        assert!(read.is_sorted() && read[0] > 1_700_000_000_000);
    }
}
