//! `site check|schema`: the tools of whoever writes a site file.

use std::{path::PathBuf, process::ExitCode};

use clap::Subcommand;
use latchkey_shared::site::schema::SCHEMA;

mod check;

use super::output::Output;

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
}

pub(super) fn run(command: SiteCommand, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        SiteCommand::Check { files } => check::run(&files, output),
        SiteCommand::Schema => {
            output.text(SCHEMA)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
