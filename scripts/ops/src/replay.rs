//! `replay`: plays cases against a fresh adapter, and shows what is expected beside what comes.
//!
//! The program that does it is beside this one: it plays the site too, as the tests do, and nothing else here needs them.

use std::{
    env,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::Context;
use clap::Args;

const PROGRAM: &str = "latchkey-replay";

/// Which cases.
#[derive(Args)]
pub(crate) struct Options {
    /// Their files.
    #[arg(required = true)]
    cases: Vec<PathBuf>,
}

/// Becomes the program that plays all of them; its status says whether each came as it is expected.
///
/// # Errors
/// When it is not there.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let program = env::current_exe().context("cannot tell where this program is")?.with_file_name(PROGRAM);
    let error = Command::new(&program).arg("--").args(&options.cases).exec();
    Err(error).with_context(|| format!("cannot run {}: it belongs beside this program", program.display()))
}
