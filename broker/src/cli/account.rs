//! `account add|list|show|login|rm`.

use std::process::ExitCode;

use latchkey_shared::{account::Account, env::Env, time::Timestamp};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    AccountCommand, NewAccount,
    client::{self, Client},
    follow::follow,
    output::Output,
    secrets,
    words::{from_now, rough, table},
};

pub(super) async fn run(command: AccountCommand, env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    let client = Client::from_env(env)?;
    match command {
        AccountCommand::Add(new) => add(&client, &new, output).await,
        AccountCommand::List { site } => list(&client, site.as_deref(), output).await,
        AccountCommand::Show { account } => {
            let account = client.find(&account).await?;
            output.answer(&account, || details(&account, Timestamp::now()))?;
            Ok(ExitCode::SUCCESS)
        }
        AccountCommand::Login { account } => {
            let account = client.find(&account).await?;
            login(&client, &account, output).await
        }
        AccountCommand::Rm { account } => {
            let account = client.find(&account).await?;
            client.delete(account.id).await?;
            let gone = json!({ "id": account.id, "removed": true });
            output.answer(&gone, || format!("removed account {} ({})", account.id, account.label))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn add(client: &Client, new: &NewAccount, output: &Output) -> anyhow::Result<ExitCode> {
    let secrets = secrets::read()?;
    let account = client::NewAccount {
        site: &new.site,
        label: new.label.as_deref().unwrap_or(&new.username),
        concurrency: new.concurrency,
        schedule: new.schedule.as_deref(),
        credentials: client::NewCredentials {
            username: &new.username,
            password: secrets.password.expose_secret(),
            totp_seed: secrets.totp_seed.as_ref().map(ExposeSecret::expose_secret),
        },
    };
    let account = client.create(&account).await?;
    let added = format!("added account {} ({} at {})", account.id, account.label, account.site);
    if new.no_login {
        output.answer(&account, || added)?;
        return Ok(ExitCode::SUCCESS);
    }
    output.show(&format!("{added}\n"))?;
    login(client, &account, output).await
}

async fn login(client: &Client, account: &Account, output: &Output) -> anyhow::Result<ExitCode> {
    let operation = client.start_login(account.id).await?;
    output.show(&format!("signing in {} at {}\n", account.label, account.site))?;
    follow(client, operation, output).await
}

async fn list(client: &Client, site: Option<&str>, output: &Output) -> anyhow::Result<ExitCode> {
    let list = client.accounts(site).await?;
    output.answer(&list, || overview(&list.accounts, Timestamp::now()))?;
    Ok(ExitCode::SUCCESS)
}

fn overview(accounts: &[Account], now: Timestamp) -> String {
    if accounts.is_empty() {
        return "no accounts yet: add one with `latchkey-broker account add --site SITE --username NAME`"
            .to_owned();
    }
    let head = ["ID", "SITE", "LABEL", "STATE", "SESSION ENDS", "NEXT LOGIN"].map(str::to_owned);
    let row = |account: &Account| {
        [
            account.id.to_string(),
            account.site.to_string(),
            account.label.clone(),
            account.state.to_string(),
            from_now(account.expires_at, now),
            from_now(account.refresh_at, now),
        ]
    };
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(accounts.iter().map(row)).collect();
    table(&rows)
}

fn details(account: &Account, now: Timestamp) -> String {
    let state = match account.reason.as_str() {
        "" => account.state.to_string(),
        reason => format!("{} ({reason})", account.state),
    };
    let last_login = account.last_login.as_ref().map_or_else(
        || "-".to_owned(),
        |last| {
            let took = rough(std::time::Duration::from_millis(last.duration_ms));
            format!("{}, {}, took {took}", last.result, from_now(Some(last.at), now))
        },
    );
    let concurrency =
        account.concurrency.map_or_else(|| "as the site says".to_owned(), |limit| limit.to_string());
    let rows = [
        ["id", &account.id.to_string()],
        ["site", account.site.as_str()],
        ["label", &account.label],
        ["state", &state],
        ["since", &from_now(Some(account.state_since), now)],
        ["session", &account.generation.to_string()],
        ["session ends", &from_now(account.expires_at, now)],
        ["next login", &from_now(account.refresh_at, now)],
        ["last login", &last_login],
        ["schedule", account.schedule.as_deref().unwrap_or("-")],
        ["concurrency", &concurrency],
        ["credentials", &format!("version {}", account.credentials_version)],
    ];
    table(&rows.map(|row| row.map(str::to_owned)))
}
