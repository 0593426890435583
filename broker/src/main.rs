//! The `latchkey-broker` binary: the broker itself and the operator's commands.

use std::{io::Write, process::ExitCode};

use clap::Parser;
use latchkey_broker::cli::{self, Cli};
use latchkey_shared::env::Env;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    refuse_core_dumps();
    latchkey_broker::install_crypto();
    match cli::run(cli, &Env::process()).await {
        Ok(code) => code,
        Err(error) => {
            // Nobody reads a closed standard error.
            writeln!(std::io::stderr(), "error: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

/// A core dump would hold every password in the clear.
fn refuse_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let none = Rlimit { current: Some(0), maximum: Some(0) };
    // Lowering a limit is always allowed.
    setrlimit(Resource::Core, none).ok();
}
