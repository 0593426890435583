//! Steady streams against one address, for `scripts/compose`: until SIGTERM, a line for each as it ends.
#![expect(clippy::print_stdout, reason = "it talks to whoever started it")]

use std::{cell::Cell, path::PathBuf, pin::pin, process::ExitCode, time::Duration};

use anyhow::ensure;
use clap::Parser;
use latchkey_shared::shutdown;
use reqwest::Url;
use support::streams::{self, AnswerEnd, StreamAnswer, StreamsPlan};
use tokio_util::sync::CancellationToken;

/// Asks the practice site, through whatever is at the URL, and judges every answer.
#[derive(Parser)]
struct StreamsArguments {
    /// Address of the balancer, on this machine.
    #[arg(long)]
    url: Url,
    /// File with the shared secret; read anew for each request.
    #[arg(long)]
    secret: PathBuf,
    /// Name of the model.
    #[arg(long, default_value = "practice-1")]
    model: String,
    /// Streams at once.
    #[arg(long, default_value_t = 8)]
    at_once: usize,
    /// How long each takes.
    #[arg(long, default_value = "10s")]
    length: humantime::Duration,
    /// How many each of them asks for; until SIGTERM without.
    #[arg(long)]
    each: Option<u64>,
    /// Ends by itself after this time at the latest.
    #[arg(long, default_value = "20m")]
    most: humantime::Duration,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = StreamsArguments::parse();
    let here = arguments.url.host_str().is_some_and(|host| host == "127.0.0.1" || host == "localhost");
    ensure!(here, "--url is {}: load is for an address of this machine only", arguments.url);
    ensure!((1..=200).contains(&arguments.at_once), "--at-once is {}: 1 to 200", arguments.at_once);
    let most: Duration = arguments.most.into();
    let plan = StreamsPlan {
        url: arguments.url,
        secret: arguments.secret,
        model: arguments.model,
        at_once: arguments.at_once,
        length: arguments.length.into(),
        each: arguments.each,
    };
    let (whole, failed) = stream(plan, most).await;
    Ok(if failed == 0 && whole > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Streams until SIGTERM, or for as long as is allowed; gives how many answers were whole, and how many not.
async fn stream(plan: StreamsPlan, most: Duration) -> (u64, u64) {
    let stop = CancellationToken::new();
    let told = async {
        tokio::time::timeout(most, shutdown::signal()).await.ok();
        stop.cancel();
    };
    let whole = Cell::new(0);
    let failed = Cell::new(0);
    let streaming = streams::run(plan, stop.clone(), |answer| {
        let count = if answer.end == AnswerEnd::Whole { &whole } else { &failed };
        count.set(count.get() + 1);
        println!("{}", line(&answer));
    });
    let told = pin!(told);
    let mut streaming = pin!(streaming);
    tokio::select! {
        () = &mut streaming => {}
        () = told => streaming.await,
    }
    (whole.get(), failed.get())
}

/// How it ended, its id, when it began and ended in milliseconds since 1970, and why it is not whole.
fn line(answer: &StreamAnswer) -> String {
    let end = match answer.end {
        AnswerEnd::Whole => "whole",
        AnswerEnd::Middle => "middle",
        AnswerEnd::Refused => "refused",
    };
    let id = if answer.id.is_empty() { "-" } else { &answer.id };
    format!("{end} {id} {} {} {}", answer.begun.millis(), answer.ended.millis(), answer.why)
}
