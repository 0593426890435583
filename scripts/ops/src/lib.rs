#![doc = include_str!("../README.md")]

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};

mod accept;
pub mod case;
mod client;
mod new_api;
mod output;
mod record;
mod replay;
mod secret;

/// Rolls Latchkey out, and back.
#[derive(Parser)]
#[command(name = "latchkey-ops", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The acceptance run of a migration.
    Accept(accept::Options),
    /// What a client needs to be told.
    Client(client::Options),
    /// New-api's channels for the adapters.
    NewApi(new_api::Options),
    /// A recorded turn as a case.
    Record(record::Options),
    /// Plays cases again.
    Replay(replay::Options),
}

/// Does what the command line says, and says what went wrong.
///
/// # Panics
/// When the process has chosen its cryptography already.
pub async fn run() -> ExitCode {
    let arguments = Arguments::parse();
    rustls::crypto::ring::default_provider().install_default().expect("nobody else installed one");
    let ran = match arguments.command {
        Command::Accept(options) => accept::run(options).await,
        Command::Client(options) => client::run(options).await,
        Command::NewApi(options) => new_api::run(options).await,
        Command::Record(options) => record::run(options).await,
        Command::Replay(options) => replay::run(&options),
    };
    match ran {
        Ok(code) => code,
        Err(error) => {
            // Nobody reads a closed standard error.
            writeln!(std::io::stderr(), "error: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}
