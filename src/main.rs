//! The program: parses the command line, runs a command and returns its exit code: 2 for a faulty
//! command line or configuration, 1 for any other failure.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use scf_exporter::app::{App, BuildError, Dependencies, Doors, Reload};
use scf_exporter::cli::{self, Action};
use scf_exporter::config::{self, Diagnostics, Overrides};
#[cfg(feature = "demo")]
use scf_exporter::demo::{Demo, Report};
use scf_exporter::{check, health, logging};
use tencentcloud::runtime::Runtime;
use tencentcloud::{Environment, HttpLimits, HttpTransport};

/// Exit code for a faulty configuration or command line.
const EXIT_CONFIG: u8 = 2;

/// A failure: the text to print and the exit code.
struct Failure(String, u8);

fn main() -> ExitCode {
    let cli = cli::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Failure(format!("cannot start: {error}"), 1)),
    };
    let result = runtime.block_on(async {
        match cli.command {
            Action::Run(args) => {
                let file = args.config_file.clone();
                run(file, args.values.0).await
            }
            #[cfg(feature = "demo")]
            Action::Demo(args) => demo(&args).await,
            #[cfg(feature = "demo")]
            Action::Sim(args) => scf_sim::run(args.into(), stop_signal())
                .await
                .map_err(failure),
            Action::CheckWebConfig(args) => check_web(&args.files),
            Action::Health(args) => health::ask(&args.url).await.map_err(failure),
            Action::Completions(args) => print(&cli::completions(args.shell)),
            Action::Man(args) => print(&cli::manual(args.command.as_deref()).map_err(failure)?),
            Action::CheckConfig(args) => {
                let config = load(Some(&args.file), &args.values.0)?;
                for warning in warnings(&config) {
                    eprintln!("scf-exporter: warning: {warning}");
                }
                if let Some(file) = &config.web.config_file {
                    check::web_file(file).map_err(|faults| faulty(&faults))?;
                }
                print!("{}", check::describe(&config));
                Ok(())
            }
        }
    });
    // Commits have ended by now. Blocking name lookups are not awaited.
    runtime.shutdown_background();
    result.map_or_else(|failure| fail(&failure), |()| ExitCode::SUCCESS)
}

fn fail(failure: &Failure) -> ExitCode {
    for line in failure.0.trim_end().lines() {
        eprintln!("scf-exporter: {line}");
    }
    ExitCode::from(failure.1)
}

async fn run(file: Option<PathBuf>, overrides: Overrides) -> Result<(), Failure> {
    let config = load(file.as_deref(), &overrides)?;
    let logging = logging::start(&config.log);
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config_file = file
            .as_deref()
            .map_or("none".into(), Path::to_string_lossy)
            .as_ref(),
        sources = config.sources.len(),
        "starting scf-exporter"
    );
    for warning in warnings(&config) {
        tracing::warn!(
            warning,
            "the configuration is valid, but may not be intended"
        );
    }
    let (stop, mut hangups) = (stop_signal(), Hangups::from_now_on());
    let doors = Doors::open(&config).await.map_err(not_built)?;
    let (addresses, tls) = (doors.addresses().map_err(failure)?, doors.is_encrypted());
    let app = App::build(&config, doors, dependencies())
        .await
        .map_err(not_built)?;
    let level = logging.clone();
    let app = app.with_reload(Reload {
        load: Arc::new(move || read(file.as_deref(), &overrides)),
        set_level: Arc::new(move |to| level.set_level(to)),
    });
    let lifecycle = app.lifecycle();
    tencentcloud::runtime::spawn(async move {
        loop {
            hangups.next().await;
            // The reload logs its own failure.
            let _logged = lifecycle.reload().await;
        }
    });
    for address in addresses {
        let path = &config.web.telemetry_path;
        tracing::info!(%address, path, tls, "serving");
    }
    logging.during(app.run(stop)).await;
    Ok(())
}

#[cfg(feature = "demo")]
async fn demo(args: &cli::DemoArgs) -> Result<(), Failure> {
    let demo = Demo::build(args, &|name| std::env::var(name).ok())
        .await
        .map_err(failure)?;
    logging::start(&demo.config.log);
    let is_terminal = std::io::stdout().is_terminal();
    let ended = demo.run(dependencies(), stop_signal(), move |report| {
        match report {
            // The line stays where it is and the next text overwrites it, a line of the log too.
            Report::Progress(line) if is_terminal => print!("{line}\x1b[K\r"),
            Report::Welcome(text) | Report::Progress(text) => println!("{text}"),
        }
        // A terminal that is gone does not end the demo.
        let _ = std::io::stdout().flush();
    });
    let ended = ended.await.map_err(failure);
    if is_terminal {
        println!();
    }
    ended
}

fn load(file: Option<&Path>, overrides: &Overrides) -> Result<config::Config, Failure> {
    read(file, overrides).map_err(|faults| faulty(&faults))
}

fn read(file: Option<&Path>, overrides: &Overrides) -> Result<config::Config, Diagnostics> {
    config::load(file, overrides, &|name| std::env::var(name).ok())
}

/// Returns warnings about settings that are valid but probably not intended, and about unknown
/// environment variables.
fn warnings(config: &config::Config) -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let unknown = cli::unknown_variables(names);
    config.warnings.iter().cloned().chain(unknown).collect()
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    std::io::stdout().write_all(bytes).map_err(failure)
}

/// Checks all files and prints a result for each.
fn check_web(files: &[PathBuf]) -> Result<(), Failure> {
    let mut bad = Vec::new();
    for file in files {
        match check::web_file(file) {
            Ok(()) => println!("{}: good", file.display()),
            Err(faults) => bad.push(faults.to_string()),
        }
    }
    if bad.is_empty() {
        return Ok(());
    }
    Err(Failure(bad.join("\n"), EXIT_CONFIG))
}

fn faulty(faults: &Diagnostics) -> Failure {
    Failure(faults.to_string(), EXIT_CONFIG)
}

fn not_built(error: BuildError) -> Failure {
    match error {
        BuildError::Web(faults) => faulty(&faults),
        error => failure(error),
    }
}

fn failure(error: impl std::fmt::Display) -> Failure {
    Failure(error.to_string(), 1)
}

fn dependencies() -> Dependencies {
    let environment: Environment = Arc::new(|name: &str| std::env::var(name).ok());
    Dependencies {
        runtime: Runtime::system(),
        transport: Arc::new(HttpTransport::new(HttpLimits {
            user_agent: concat!("scf-exporter/", env!("CARGO_PKG_VERSION")),
            ..HttpLimits::default()
        })),
        environment,
        disk: None,
    }
}

/// Returns a future that ends with the first SIGTERM or SIGINT after this call, even if it is polled
/// later. A second signal ends the process at once.
fn stop_signal() -> impl Future<Output = ()> {
    let first = next_signal();
    async {
        first.await;
        tencentcloud::runtime::spawn(async {
            next_signal().await;
            std::process::exit(1);
        });
    }
}

/// Receives SIGHUP, which reloads the configuration. Signals that arrive during a reload count once.
struct Hangups(#[cfg(unix)] std::io::Result<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangups {
    fn from_now_on() -> Self {
        let hangup = tokio::signal::unix::SignalKind::hangup();
        Self(tokio::signal::unix::signal(hangup))
    }

    async fn next(&mut self) {
        let came = match &mut self.0 {
            Ok(signal) => signal.recv().await,
            Err(_) => None,
        };
        if came.is_none() {
            std::future::pending().await
        }
    }
}

#[cfg(not(unix))]
impl Hangups {
    fn from_now_on() -> Self {
        Self()
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}

#[cfg(unix)]
fn next_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (terminate, interrupt) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let came = async |signal: std::io::Result<tokio::signal::unix::Signal>| match signal {
        Ok(mut signal) => signal.recv().await,
        // Without a handler the system ends the process itself.
        Err(_) => std::future::pending().await,
    };
    async move {
        tokio::select! {
            _ = came(terminate) => {}
            _ = came(interrupt) => {}
        }
    }
}

#[cfg(not(unix))]
async fn next_signal() {
    let _ended = tokio::signal::ctrl_c().await;
}
