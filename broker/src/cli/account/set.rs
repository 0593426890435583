//! `account set`.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value, json};

use super::{arguments::SetArguments, show};
use crate::cli::{client::BrokerClient, output::Output};

/// Sends what was given, and nothing else.
pub(super) async fn run(
    client: &BrokerClient,
    changed: SetArguments,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let id = client.find(&changed.account).await?.account.id;
    let view = client.change(id, &body(changed)?).await?;
    output.answer(&view, || show::details(&view, latchkey_shared::time::Timestamp::now()))?;
    Ok(ExitCode::SUCCESS)
}

fn body(changed: SetArguments) -> anyhow::Result<Map<String, Value>> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    if let Some(label) = changed.label {
        set("label", label.into());
    }
    if changed.no_pools || !changed.pools.is_empty() {
        set("pools", changed.pools.into());
    }
    if let Some(weight) = changed.weight {
        set("weight", weight.into());
    }
    for (name, limit) in
        [("concurrency", changed.concurrency), ("requests_per_minute", changed.requests_per_minute)]
    {
        if let Some(limit) = limit {
            set(name, own_limit(name, &limit)?);
        }
    }
    if let Some(schedule) = changed.schedule {
        set("schedule", if schedule == "none" { Value::Null } else { schedule.into() });
    }
    if changed.disable || changed.enable {
        set("disabled", json!(changed.disable));
    }
    ensure!(!body.is_empty(), "nothing to change: say what, like --pool NAME; --help lists it");
    Ok(body)
}

/// A limit of its own, or the site's.
fn own_limit(name: &str, text: &str) -> anyhow::Result<Value> {
    if text == "site" {
        return Ok(Value::Null);
    }
    let limit: u32 = text
        .parse()
        .with_context(|| format!("--{}: expected a number, or `site`", name.replace('_', "-")))?;
    Ok(limit.into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{AccountCommand, Cli, Command};

    fn body_of(arguments: &[&str]) -> Value {
        let all = ["latchkey-broker", "account", "set", "alice"].iter().chain(arguments);
        match Cli::parse_from(all).command {
            Command::Account(AccountCommand::Set(changed)) => {
                body(changed).map_or_else(|error| error.to_string().into(), Value::Object)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_is_given_is_sent() {
        assert_eq!(body_of(&["--pool", "a", "--pool", "b"]), json!({"pools": ["a", "b"]}));
        assert_eq!(body_of(&["--no-pools", "--weight", "3"]), json!({"pools": [], "weight": 3}));
        assert_eq!(
            body_of(&["--concurrency", "site", "--schedule", "none"]),
            json!({"concurrency": null, "schedule": null})
        );
        assert_eq!(
            body_of(&["--requests-per-minute", "20", "--disable"]),
            json!({"requests_per_minute": 20, "disabled": true})
        );
        assert_eq!(body_of(&["--enable"]), json!({"disabled": false}));
        assert_eq!(body_of(&["--concurrency", "many"]), "--concurrency: expected a number, or `site`");
        assert_eq!(body_of(&[]), "nothing to change: say what, like --pool NAME; --help lists it");
    }
}
