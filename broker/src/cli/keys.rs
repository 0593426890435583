//! `keys new|list|add|promote|rewrap|retire`: a rotation, one step at a time, while everything runs.
//!
//! A ring is changed where it is kept, and its services read it there. What they hold, and what each key has sealed, the
//! broker knows; without its word nothing is promoted or retired.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use latchkey_shared::{
    env::Env,
    vault::{KeyId, RingName},
};
use serde_json::json;

use super::{client::BrokerClient, output::Output, words::table};
use crate::{
    admin::keys::{KeyView, KeysView},
    keys::{RewrapProgress, RewrapState},
};

mod file;
mod new;

/// Between two looks at a walk over all records, and how long it may stand still.
const STEP: Duration = Duration::from_millis(300);
const STANDSTILL: Duration = Duration::from_secs(60);

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Write new key rings, an admin token and a shared secret; never over existing ones
    New {
        /// Directory to write to; made if it is not there
        #[arg(long)]
        out: PathBuf,
    },
    /// Show every key: who seals with it, who holds it, what it has sealed
    List,
    /// Add a new key to a ring; it only opens as yet
    Add(RingSource),
    /// Let another key of a ring seal, once every service holds it
    Promote(KeyArgument),
    /// Seal every record anew under the key that seals now
    Rewrap,
    /// Take a key out of a ring, once nothing is sealed under it
    Retire(KeyArgument),
}

/// A ring, and where it goes.
#[derive(Debug, Args)]
pub(super) struct RingSource {
    /// Which ring
    #[arg(long, value_enum)]
    ring: RingArgument,
    /// Write the ring to this new file, where it is not kept in one: in the environment, or behind a command
    #[arg(long)]
    out: Option<PathBuf>,
}

/// A key of a ring.
#[derive(Debug, Args)]
pub(super) struct KeyArgument {
    /// Id of the key
    key: KeyId,
    #[command(flatten)]
    ring: RingSource,
    /// Do it all the same, without asking the broker
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RingArgument {
    Credentials,
    Session,
}

impl RingSource {
    fn name(&self) -> RingName {
        match self.ring {
            RingArgument::Credentials => RingName::Credentials,
            RingArgument::Session => RingName::Session,
        }
    }
}

pub(super) async fn run(command: KeysCommand, env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        KeysCommand::New { out } => new::write_new(&out, output),
        KeysCommand::List => {
            let keys = BrokerClient::from_env(env)?.keys().await?;
            output.answer(&keys, || overview(&keys))?;
            Ok(ExitCode::SUCCESS)
        }
        KeysCommand::Add(ring) => add(&ring, env, output),
        KeysCommand::Promote(chosen) => promote(&chosen, env, output).await,
        KeysCommand::Rewrap => rewrap(&BrokerClient::from_env(env)?, output).await,
        KeysCommand::Retire(chosen) => retire(&chosen, env, output).await,
    }
}

fn add(ring: &RingSource, env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    let name = ring.name();
    let (keys, kept) = name.read(env)?;
    let (keys, id) = keys.with_new_key();
    let path = file::write(name, &keys, kept, ring.out.as_deref())?;
    let added = json!({ "ring": name.to_string(), "key": id.to_string(), "file": path });
    output.answer(&added, || {
        format!(
            "added key {id} to {}; it only opens as yet\n\
             next, when `keys list` shows that every service holds it: keys promote {id} --ring {name}",
            path.display()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn promote(chosen: &KeyArgument, env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    let id = chosen.key;
    let name = chosen.ring.name();
    let (keys, kept) = name.read(env)?;
    let keys = keys.promoted(id).with_context(|| format!("the {name} ring has no key {id}; add it first"))?;
    if !chosen.force {
        may_promote(find(&BrokerClient::from_env(env)?.keys().await?, name, id), id)?;
    }
    let path = file::write(name, &keys, kept, chosen.ring.out.as_deref())?;
    let promoted = json!({ "ring": name.to_string(), "key": id.to_string(), "file": path });
    output.answer(&promoted, || {
        format!(
            "key {id} seals from now on, in {}\nnext, when `keys list` shows that no service seals with another: keys rewrap",
            path.display()
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn retire(chosen: &KeyArgument, env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    let id = chosen.key;
    let name = chosen.ring.name();
    let (keys, kept) = name.read(env)?;
    let Some(keys) = keys.without(id) else {
        bail!("the {name} ring has no key {id}, or seals with it; promote another one first")
    };
    if !chosen.force {
        may_retire(find(&BrokerClient::from_env(env)?.keys().await?, name, id), id)?;
    }
    let path = file::write(name, &keys, kept, chosen.ring.out.as_deref())?;
    let retired = json!({ "ring": name.to_string(), "key": id.to_string(), "file": path });
    output.answer(&retired, || {
        format!("took key {id} out of {}; nothing is sealed under it", path.display())
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn rewrap(client: &BrokerClient, output: &Output) -> anyhow::Result<ExitCode> {
    let mut progress = client.rewrap().await?.rewrap;
    let mut moved = tokio::time::Instant::now();
    while progress.state == RewrapState::Running {
        ensure!(moved.elapsed() < STANDSTILL, "the broker does not get on with it; see its log");
        tokio::time::sleep(STEP).await;
        let now = client.keys().await?.rewrap;
        if now != progress {
            moved = tokio::time::Instant::now();
            output.show(&format!("{} of {} accounts\n", now.accounts, now.of))?;
        }
        progress = now;
    }
    output.answer(&progress, || {
        let RewrapProgress { accounts, rewrapped, newer, unreadable, .. } = &progress;
        format!(
            "looked at {accounts} accounts: {rewrapped} records rewrapped, {newer} replaced by newer ones meanwhile, \
             {unreadable} unreadable"
        )
    })?;
    let went_well = progress.state == RewrapState::Done && progress.unreadable == 0;
    Ok(if went_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find(keys: &KeysView, name: RingName, id: KeyId) -> Option<&KeyView> {
    let ring = match name {
        RingName::Credentials => &keys.credentials,
        RingName::Session => &keys.session,
    };
    ring.iter().find(|key| key.id == id.to_string())
}

/// Whatever a service that lacks the key meets next would be closed to it.
fn may_promote(key: Option<&KeyView>, id: KeyId) -> anyhow::Result<()> {
    let Some(key) = key.filter(|key| !key.held.is_empty()) else {
        bail!("no service holds key {id} yet: they read a file each second and a command each minute")
    };
    ensure!(
        key.lacking.is_empty(),
        "{} of the services do not hold key {id}: {}; see `keys list`, or wait two minutes for one that is gone",
        key.lacking.len(),
        key.lacking.join(", ")
    );
    Ok(())
}

fn may_retire(key: Option<&KeyView>, id: KeyId) -> anyhow::Result<()> {
    let Some(key) = key else { return Ok(()) };
    ensure!(
        key.sealing.is_empty(),
        "{} services still seal with key {id}: {}; promote another one there first",
        key.sealing.len(),
        key.sealing.join(", ")
    );
    ensure!(
        key.records == 0,
        "{} records are sealed under key {id} and would be lost: run `latchkey-broker keys rewrap` first",
        key.records
    );
    Ok(())
}

fn overview(keys: &KeysView) -> String {
    let head = ["RING", "KEY", "SEALS AT", "HELD BY", "RECORDS"].map(str::to_owned);
    let of = |ring: &str, key: &KeyView| {
        let services = key.held.len() + key.lacking.len();
        [
            ring.to_owned(),
            key.id.clone(),
            key.sealing.len().to_string(),
            format!("{} of {services}", key.held.len()),
            key.records.to_string(),
        ]
    };
    let credentials = keys.credentials.iter().map(|key| of("credentials", key));
    let session = keys.session.iter().map(|key| of("session", key));
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(credentials).chain(session).collect();
    table(&rows)
}
