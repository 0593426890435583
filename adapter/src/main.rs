//! The adapter's process: environment in, server up, signal out. Or one question, for `latchkey-broker site try`.

use std::{io::Write, process::ExitCode};

use anyhow::{Context, bail};
use latchkey_adapter::{config::Config, site_trial};
use latchkey_shared::{env::Env, shutdown, telemetry};
use tokio::net::TcpListener;

const USAGE: &str = "usage: latchkey-adapter            serves; README.md tells its variables
       latchkey-adapter site ask   asks one question, which `latchkey-broker site try` pipes in
       latchkey-adapter --version  tells its version";

// The threads that serve have runtimes of their own; this one is the first of them.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => serve().await,
        ["site", "ask"] => {
            let answered = site_trial::run(std::io::stdin(), std::io::stdout()).await?;
            Ok(if answered { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        ["--version" | "-V"] => {
            writeln!(std::io::stdout(), concat!("latchkey-adapter ", env!("CARGO_PKG_VERSION")))?;
            Ok(ExitCode::SUCCESS)
        }
        _ => bail!("unknown arguments\n{USAGE}"),
    }
}

async fn serve() -> anyhow::Result<ExitCode> {
    let env = Env::process();
    let _traces = telemetry::init(&env, "latchkey-adapter")?;
    let config = Config::from_env(&env)?;
    let listen = config.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    latchkey_adapter::run(config, listener, shutdown::signal()).await?;
    Ok(ExitCode::SUCCESS)
}
