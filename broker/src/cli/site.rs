//! `site check|schema|try|record`: the tools of whoever writes a site file.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use latchkey_shared::{env::Env, site::schema::SCHEMA};

mod arguments;
mod asked;
mod check;
mod chromium;
mod recorded;
mod tried;

use super::output::Output;
use arguments::{RecordArguments, TryArguments};

#[derive(Debug, Subcommand)]
pub(super) enum SiteCommand {
    /// Check site files and tell every mistake with its line, its key and what to write instead
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print the JSON Schema of site files, for editors: save it, and begin a file with `#:schema ./site.schema.json`
    Schema,
    /// Sign in with a site file and ask one question; needs no Redis and stores nothing
    ///
    /// Shows each step of the login with its time, what the probe was answered, and every event of the chat beside
    /// what came of it. Asks for the password and the TOTP seed, or reads them as two lines of standard input.
    /// Secrets are masked. Exit code 1: the file or the command is wrong; 3: the login failed; 4: no answer.
    Try(TryArguments),
    /// Draft a site file: opens the site, you sign in and ask one question by hand
    ///
    /// Watches what you do and what the page asks for, and writes selectors, places of tokens, the probe, the chat's
    /// request and how its answer is read. What is typed into password and code fields is never read, and no token is
    /// written. Needs a display; check and try the draft afterwards.
    Record(RecordArguments),
}

pub(super) async fn run(command: SiteCommand, env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        SiteCommand::Check { files } => check::run(&files, output),
        SiteCommand::Schema => {
            output.text(SCHEMA)?;
            Ok(ExitCode::SUCCESS)
        }
        SiteCommand::Record(arguments) => recorded::run(&arguments, env, output).await,
        SiteCommand::Try(arguments) => tried::run(&arguments, env, output).await,
    }
}
