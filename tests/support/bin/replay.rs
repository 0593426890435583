//! Plays cases against a fresh adapter, and shows what is expected beside what comes: `latchkey-ops replay`.

use std::{
    io::{self, ErrorKind, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use latchkey_ops::case::ReplayCase;
use support::replay::replay;

/// Which cases.
#[derive(Parser)]
struct ReplayArguments {
    /// Their files.
    #[arg(required = true)]
    cases: Vec<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let ReplayArguments { cases } = ReplayArguments::parse();
    match play(&cases).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody reads a closed standard error.
            writeln!(io::stderr(), "error: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

/// Plays all of them; whether each came as it is expected.
async fn play(cases: &[PathBuf]) -> anyhow::Result<bool> {
    let mut are_expected = true;
    for path in cases {
        let case = ReplayCase::read(path)?;
        let told = replay(&case).await;
        let differences = case.expected.differences(&told);
        are_expected &= differences.is_empty();
        let shown = path.display();
        if differences.is_empty() {
            print(&format!("as expected  {shown}: ends with {}, {} calls", told.end, told.calls.len()))?;
        } else {
            print(&format!("DIFFERS      {shown}\n{}", differences.join("\n")))?;
        }
    }
    Ok(are_expected)
}

/// A reader who has read enough is no error.
fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{}", text.trim_end()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
