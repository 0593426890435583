//! The operator's commands. Those about accounts speak to a running broker over its admin API, like any other client.
//!
//! No secret is an argument: arguments can be read by every process of the host.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
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

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Add an account and sign it in; asks for the password, or reads it from standard input
    Add(AddArguments),
    /// List accounts
    List(FilterArguments),
    /// Show one account
    Show {
        /// Its id or its label
        account: String,
    },
    /// Change what one account is called, where it belongs and what it may do
    Set(SetArguments),
    /// Change one account's password, or its TOTP seed, and sign it in; asks for them, or reads them from standard input
    Credentials(CredentialsArguments),
    /// Give one account a session or a key of the site's API, which is proved first; asks for it, or reads it from
    /// standard input
    Session(SessionArguments),
    /// Sign one account in now and show each step
    Login {
        /// Its id or its label
        account: String,
    },
    /// Give the fields of a damaged account that cannot be read their first values
    Repair {
        /// Its id or its label
        account: String,
    },
    /// Remove one account, its credentials and its session
    Rm {
        /// Its id or its label
        account: String,
    },
}

#[derive(Debug, Args)]
struct AddArguments {
    /// Name of the site
    #[arg(long)]
    site: String,
    /// What the site calls the user; without it, nothing is typed and the account is given its sessions
    #[arg(long, required_unless_present = "label")]
    username: Option<String>,
    #[command(flatten)]
    seed: SeedArguments,
    /// What to call the account here; the username by default
    #[arg(long)]
    label: Option<String>,
    /// Pool that it belongs to; repeat it for several
    #[arg(long = "pool", value_name = "POOL")]
    pools: Vec<String>,
    /// Its share of the turns beside other accounts; 1 by default
    #[arg(long)]
    weight: Option<u32>,
    /// Streams at once, if the site's own limit does not suit
    #[arg(long)]
    concurrency: Option<u32>,
    /// Turns that begin within a minute, if the site's own limit does not suit
    #[arg(long)]
    requests_per_minute: Option<u32>,
    /// Cron expression (UTC) of logins besides the refreshes
    #[arg(long)]
    schedule: Option<String>,
    /// Do not sign in yet
    #[arg(long)]
    no_login: bool,
}

#[derive(Debug, Args)]
struct CredentialsArguments {
    /// Its id or its label
    account: String,
    /// What the site calls the user, if that changes; password and TOTP seed are then other ones too
    #[arg(long)]
    username: Option<String>,
    #[command(flatten)]
    seed: SeedArguments,
    /// The site asks for no codes any more: forget the TOTP seed
    #[arg(long, conflicts_with = "totp_picture")]
    no_totp: bool,
    /// Do not sign in yet
    #[arg(long)]
    no_login: bool,
}

#[derive(Debug, Args)]
struct SeedArguments {
    /// Picture (PNG or JPEG) of the QR code that the site shows at enrolment, in place of a typed TOTP seed
    #[arg(long, value_name = "PATH")]
    totp_picture: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct SessionArguments {
    /// Its id or its label
    account: String,
    #[command(flatten)]
    form: SessionForms,
    /// Read it from this file
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// When it ends, if nothing in it says so, like 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME")]
    expires_at: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct SessionForms {
    /// It is a token, sent as `Authorization: Bearer`
    #[arg(long)]
    bearer: bool,
    /// It is a Cookie header, as the browser's tools show it
    #[arg(long)]
    cookies: bool,
    /// It is the JSON that Playwright's storageState writes
    #[arg(long)]
    storage_state: bool,
    /// It is a key of the site's API, which has no end
    #[arg(long)]
    api_key: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SessionForm {
    Bearer,
    Cookies,
    StorageState,
    ApiKey,
}

impl SessionArguments {
    fn form(&self) -> SessionForm {
        match &self.form {
            SessionForms { bearer: true, .. } => SessionForm::Bearer,
            SessionForms { cookies: true, .. } => SessionForm::Cookies,
            SessionForms { storage_state: true, .. } => SessionForm::StorageState,
            SessionForms { .. } => SessionForm::ApiKey,
        }
    }
}

impl SessionForm {
    /// Its name in the API.
    fn field(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::Cookies => "cookies",
            Self::StorageState => "storage_state",
            Self::ApiKey => "api_key",
        }
    }

    /// Its name on a terminal.
    fn title(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer token",
            Self::Cookies => "Cookie header",
            Self::StorageState => "Storage state",
            Self::ApiKey => "API key",
        }
    }
}

#[derive(Debug, Default, Args)]
struct FilterArguments {
    /// Only of this site
    #[arg(long)]
    site: Option<String>,
    /// Only of this pool
    #[arg(long)]
    pool: Option<String>,
    /// Only those that stand so, like `active` or `needs_human`; a wrong word is answered with all of them
    #[arg(long)]
    state: Option<String>,
}

#[derive(Debug, Args)]
struct SetArguments {
    /// Its id or its label
    account: String,
    /// What to call it here
    #[arg(long)]
    label: Option<String>,
    /// Pool that it belongs to from now on, and to no other; repeat it for several
    #[arg(long = "pool", value_name = "POOL", conflicts_with = "no_pools")]
    pools: Vec<String>,
    /// Take it out of every pool
    #[arg(long)]
    no_pools: bool,
    /// Its share of the turns beside other accounts
    #[arg(long)]
    weight: Option<u32>,
    /// Streams at once; `site` for the site's own limit
    #[arg(long, value_name = "N|site")]
    concurrency: Option<String>,
    /// Turns that begin within a minute; `site` for the site's own limit
    #[arg(long, value_name = "N|site")]
    requests_per_minute: Option<String>,
    /// Cron expression (UTC) of logins besides the refreshes; `none` for none
    #[arg(long, value_name = "CRON|none")]
    schedule: Option<String>,
    /// Switch it off
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    /// Switch it on again
    #[arg(long)]
    enable: bool,
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
