//! The operator's commands. Those about accounts speak to a running broker over its admin API, like any other client.
//!
//! No secret is an argument: arguments can be read by every process of the host.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use latchkey_shared::{env::Env, shutdown, telemetry};
use tokio::net::TcpListener;

mod account;
mod acl;
mod audit;
mod client;
mod doctor;
mod follow;
mod keys;
mod output;
mod secrets;
mod site;
mod words;

use crate::config::Config;
use account::AccountCommand;
use output::Output;
use site::SiteCommand;

/// Keeps accounts of websites signed in.
#[derive(Debug, Parser)]
#[command(name = "latchkey-broker", version, arg_required_else_help = true, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print JSON for programs instead of text for people
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the broker
    Serve,
    /// Manage accounts of a running broker
    #[command(subcommand)]
    Account(AccountCommand),
    /// Make keys, and rotate them while everything runs
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Show who did what to which account
    Audit(audit::AuditArguments),
    /// Print the ACL file of Redis: a user for the broker and one for the adapters
    Acl(acl::UrlFiles),
    /// Check, try and record site files
    #[command(subcommand)]
    Site(SiteCommand),
    /// Check everything the broker needs and say what to do
    Doctor,
}

/// Runs one command.
///
/// # Errors
/// What the operator has to know; a failed login or a failed check is no error but exit code 1.
pub async fn run(cli: Cli, env: &Env) -> anyhow::Result<ExitCode> {
    let output = Output::new(cli.json);
    match cli.command {
        Command::Serve => serve(env).await,
        Command::Account(command) => account::run(command, env, &output).await,
        Command::Keys(command) => keys::run(command, env, &output).await,
        Command::Audit(wanted) => audit::run(&wanted, env, &output).await,
        Command::Acl(users) => acl::print(&users, &output),
        Command::Site(command) => site::run(command, env, &output).await,
        Command::Doctor => doctor::run(env, &output).await,
    }
}

async fn serve(env: &Env) -> anyhow::Result<ExitCode> {
    let _traces = telemetry::init(env, "latchkey-broker")?;
    let config = Config::from_env(env)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}: LATCHKEY_BROKER_LISTEN", config.listen))?;
    crate::run(config, listener, shutdown::signal()).await?;
    Ok(ExitCode::SUCCESS)
}
