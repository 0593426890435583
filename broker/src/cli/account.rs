//! `account add|list|show|set|credentials|session|login|rm`.

use std::process::ExitCode;

use latchkey_shared::{env::Env, time::Timestamp};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{
    client::{self, BrokerClient},
    output::Output,
    secrets,
};

mod arguments;
mod credentials;
mod login;
mod session;
mod set;
mod show;

pub(super) use arguments::{AccountCommand, FilterArguments};

use arguments::AddArguments;

pub(super) async fn run(command: AccountCommand, env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    let client = BrokerClient::from_env(env)?;
    match command {
        AccountCommand::Add(new) => add(&client, &new, output).await,
        AccountCommand::List(filter) => list(&client, &filter, output).await,
        AccountCommand::Set(changed) => set::run(&client, changed, output).await,
        AccountCommand::Credentials(given) => credentials::run(&client, &given, output).await,
        AccountCommand::Session(given) => session::run(&client, given, output).await,
        AccountCommand::Show { account } => {
            let account = client.find(&account).await?;
            output.answer(&account, || show::details(&account, Timestamp::now()))?;
            Ok(ExitCode::SUCCESS)
        }
        AccountCommand::Login { account } => {
            let account = client.find(&account).await?.account;
            login::run(&client, &account, output).await
        }
        AccountCommand::Repair { account } => {
            let id = client.find(&account).await?.account.id;
            let view = client.repair(id).await?;
            output.answer(&view, || show::details(&view, Timestamp::now()))?;
            Ok(ExitCode::SUCCESS)
        }
        AccountCommand::Rm { account } => {
            let account = client.find(&account).await?.account;
            client.delete(account.id).await?;
            let gone = json!({ "id": account.id, "removed": true });
            output.answer(&gone, || format!("removed account {} ({})", account.id, account.label))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn add(client: &BrokerClient, new: &AddArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let secrets =
        new.username.is_some().then(|| secrets::read(new.seed.totp_picture.as_deref())).transpose()?;
    let credentials = new.username.as_deref().zip(secrets.as_ref()).map(|(username, secrets)| {
        let totp_seed = secrets.totp_seed.as_ref().map(ExposeSecret::expose_secret);
        client::CredentialsPayload { username, password: secrets.password.expose_secret(), totp_seed }
    });
    let account = client::AccountBody {
        site: &new.site,
        label: new.label.as_deref().or(new.username.as_deref()).unwrap_or_default(),
        pools: &new.pools,
        weight: new.weight,
        concurrency: new.concurrency,
        requests_per_minute: new.requests_per_minute,
        schedule: new.schedule.as_deref(),
        credentials,
    };
    let view = client.create(&account).await?;
    let account = &view.account;
    let mut added = format!("added account {} ({} at {})", account.id, account.label, account.site);
    if new.username.is_none() {
        added += &format!("\ngive it a session: latchkey-broker account session {}", account.id);
    }
    if new.no_login || new.username.is_none() {
        output.answer(&view, || added)?;
        return Ok(ExitCode::SUCCESS);
    }
    output.show(&format!("{added}\n"))?;
    login::run(client, account, output).await
}

async fn list(client: &BrokerClient, filter: &FilterArguments, output: &Output) -> anyhow::Result<ExitCode> {
    let list = client.accounts(filter).await?;
    output.answer(&list, || show::overview(&list.accounts, Timestamp::now()))?;
    Ok(ExitCode::SUCCESS)
}
