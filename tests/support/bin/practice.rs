//! Runs the practice site or the scripted model on its own, for `scripts/up` and for trying things by hand.

use std::{io::Write, net::SocketAddr, time::Duration};

use anyhow::Context;
use clap::{Parser, Subcommand};
use latchkey_shared::shutdown;
use reqwest::Url;
use support::{
    model::{Reply, ScriptedModel},
    practice::{self, Practice, PracticeOptions},
    server::Server,
};
use tokio::net::TcpListener;

/// Between two words of an answer, so that a reader sees it come.
const PACE: Duration = Duration::from_millis(25);

/// A practice site and a scripted model for trying Latchkey.
#[derive(Parser)]
struct PracticeArguments {
    #[command(subcommand)]
    command: PracticeCommand,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, global = true, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

#[derive(Subcommand)]
enum PracticeCommand {
    /// A chat site with a login page.
    Site {
        /// Name of its account.
        #[arg(long, default_value = practice::USERNAME)]
        username: String,
        /// Password of its account. Nothing here is worth a secret.
        #[arg(long, default_value = practice::PASSWORD)]
        password: String,
        /// Base32 seed of one-time codes; the site asks for codes with it. Without a value: a well-known seed.
        #[arg(long, num_args = 0..=1, default_missing_value = practice::TOTP_SEED)]
        totp: Option<String>,
        /// Life of a session.
        #[arg(long, default_value = "1h")]
        life: humantime::Duration,
    },
    /// An OpenAI-compatible model behind `/v1`.
    Model,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = PracticeArguments::parse();
    let listener = TcpListener::bind(arguments.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", arguments.listen))?;
    match arguments.command {
        PracticeCommand::Site { username, password, totp, life } => {
            let life = life.into();
            let options = PracticeOptions {
                username,
                password,
                totp_seed: totp,
                token_life: life,
                ..PracticeOptions::default()
            };
            let site = Practice::on(listener, options).await;
            site.model().always(Reply::paced_echo(PACE));
            stay(&site.url).await
        }
        PracticeCommand::Model => {
            let model = ScriptedModel::new();
            model.always(Reply::paced_echo(PACE));
            let server = Server::on(listener, model.router());
            stay(&server.url()).await
        }
    }
}

/// Tells the URL on standard output, for scripts, and waits for the end.
async fn stay(url: &Url) -> anyhow::Result<()> {
    let line = serde_json::json!({"url": url.as_str().trim_end_matches('/')});
    writeln!(std::io::stdout(), "{line}").context("cannot write the URL")?;
    shutdown::signal().await;
    Ok(())
}
