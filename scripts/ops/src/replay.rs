//! `replay`: plays cases against a fresh adapter, and shows what is expected beside what comes.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use support::case::{self, ReplayCase};

use crate::output;

/// Which cases.
#[derive(Args)]
pub(crate) struct Options {
    /// Their files.
    #[arg(required = true)]
    cases: Vec<PathBuf>,
}

/// Plays all of them; the status says whether each came as it is expected.
///
/// # Errors
/// When a file is no case.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let mut failed = 0;
    for path in &options.cases {
        let case = ReplayCase::read(path)?;
        let told = case::replay(&case).await;
        let differences = case.expected.differences(&told);
        let shown = path.display();
        if differences.is_empty() {
            output::print(&format!(
                "as expected  {shown}: ends with {}, {} calls",
                told.end,
                told.calls.len()
            ))?;
        } else {
            failed += 1;
            output::print(&format!("DIFFERS      {shown}\n{}", differences.join("\n")))?;
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
