//! Runs a soak and prints what came of it; ends with 1 when anything was lost.
#![expect(clippy::print_stdout, reason = "it talks to whoever started it")]

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Parser;
use support::soak::{self, SoakPlan, SoakReport};

/// Many accounts with short sessions, steady chat, and parts that die meanwhile.
#[derive(Parser)]
struct SoakArguments {
    /// How long there is chat, in seconds.
    #[arg(long, default_value_t = 180)]
    seconds: u64,
    /// Accounts of the site.
    #[arg(long, default_value_t = 100)]
    accounts: usize,
    /// Life of a session.
    #[arg(long, default_value = "30s")]
    life: humantime::Duration,
    /// Renewals over HTTP that a login is good for.
    #[arg(long, default_value_t = 10)]
    renewals: u32,
    /// Conversations at once.
    #[arg(long, default_value_t = 8)]
    chats: usize,
    /// Where to write the report as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = SoakArguments::parse();
    let plan = SoakPlan {
        length: Duration::from_secs(arguments.seconds),
        accounts: arguments.accounts,
        life: arguments.life.into(),
        renewals: arguments.renewals,
        chats: arguments.chats,
    };
    let report = soak::run(plan, &|line| println!("{line}")).await;
    print(&report);
    if let Some(path) = arguments.json {
        let json = serde_json::to_vec_pretty(&report)?;
        std::fs::write(&path, json).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let complaints = report.complaints();
    for complaint in &complaints {
        println!("  wrong: {complaint}");
    }
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(report: &SoakReport) {
    let SoakReport {
        answered,
        failed,
        renewed_over_http,
        typed,
        early,
        in_the_air,
        serving,
        accounts,
        left,
        recovered_in_secs,
        ..
    } = report;
    println!("\n  chats answered                      {answered:6}");
    println!("  chats failed                        {:6}", failed.len());
    println!("  sessions renewed without a browser  {renewed_over_http:6}   (browser launches avoided)");
    println!("  sessions for a password             {typed:6}");
    println!("  sessions that came early            {early:6}   ({in_the_air} logins were cut off)");
    println!(
        "  accounts that served afterwards     {serving:6}   of {accounts}, the last {recovered_in_secs:.0} s after the last chat"
    );
    println!("  processes of Chromium left          {left:6}");
}
