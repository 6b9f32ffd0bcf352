//! The simulated cloud as a program. It prints its address and keys and serves until it is
//! interrupted.

use std::process::ExitCode;

use clap::Parser;
use scf_sim::SimArgs;

/// A simulated Tencent Cloud: functions and their logs in three APIs, on one port.
#[derive(Debug, Parser)]
#[command(name = "scf-sim", version)]
struct Program {
    #[command(flatten)]
    args: SimArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Program { args } = Program::parse();
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("scf-sim: signals cannot be received ({error}); end it by its process id");
            std::future::pending::<()>().await;
        }
    };
    match scf_sim::run(args.into(), interrupted).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scf-sim: {error}");
            ExitCode::FAILURE
        }
    }
}
