//! `audit`: who did what to which account.

use std::{process::ExitCode, time::Duration};

use clap::Args;
use latchkey_shared::{env::Env, store::AuditEntry, time::Timestamp};

use super::{
    client::BrokerClient,
    output::Output,
    words::{from_now, table},
};

/// Between two questions of `--follow`.
const STEP: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct AuditArguments {
    /// Only of this account, by its id or its label
    #[arg(long)]
    account: Option<String>,
    /// The newest so many
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Go on with what happens, until Ctrl-C
    #[arg(long)]
    follow: bool,
}

pub(super) async fn run(wanted: &AuditArguments, env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    let client = BrokerClient::from_env(env)?;
    let account = match &wanted.account {
        Some(name) => Some(client.find(name).await?.account.id),
        None => None,
    };
    let query = |limit: usize, after: Option<&str>| {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(account.map(|id| ("account", id.to_string())));
        query.extend(after.map(|id| ("after", id.to_owned())));
        query
    };
    let list = client.audit(&query(wanted.limit, None)).await?;
    output.answer(&list, || overview(&list.entries, Timestamp::now()))?;
    let mut last = list.entries.last().map_or_else(|| "0".to_owned(), |entry| entry.id.clone());
    if !wanted.follow {
        return Ok(ExitCode::SUCCESS);
    }
    loop {
        tokio::time::sleep(STEP).await;
        for entry in client.audit(&query(1000, Some(&last))).await?.entries {
            output.answer(&entry, || line(&entry))?;
            last = entry.id;
        }
    }
}

fn overview(entries: &[AuditEntry], now: Timestamp) -> String {
    let head = ["WHEN", "WHO", "WHAT", "ACCOUNT", "DETAIL"].map(str::to_owned);
    let row = |entry: &AuditEntry| {
        [
            from_now(Some(entry.at), now),
            entry.actor.clone(),
            entry.action.clone(),
            account(entry),
            entry.detail.clone(),
        ]
    };
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(entries.iter().map(row)).collect();
    table(&rows)
}

fn line(entry: &AuditEntry) -> String {
    let AuditEntry { at, actor, action, detail, .. } = entry;
    format!("{at}  {actor}  {action}  {}  {detail}", account(entry))
}

fn account(entry: &AuditEntry) -> String {
    entry.account.map_or_else(|| "-".to_owned(), |id| id.to_string())
}
