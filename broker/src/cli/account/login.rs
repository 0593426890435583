//! `account login`, and the login after whatever needs one.

use std::process::ExitCode;

use latchkey_shared::account::Account;

use crate::cli::{client::BrokerClient, follow::follow, output::Output};

/// Signs the account in and shows each step.
pub(super) async fn run(
    client: &BrokerClient,
    account: &Account,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let operation = client.start_login(account.id).await?;
    output.show(&format!("signing in {} at {}\n", account.label, account.site))?;
    follow(client, operation, output).await
}
