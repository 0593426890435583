//! The adapter's process: environment in, server up, signal out.

use anyhow::Context;
use latchkey_adapter::config::Config;
use latchkey_shared::{env::Env, shutdown, telemetry};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let env = Env::process();
    telemetry::init(&env)?;
    let config = Config::from_env(&env)?;
    let listen = config.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    latchkey_adapter::run(config, listener, shutdown::signal()).await
}
