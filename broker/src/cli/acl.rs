//! `acl`: the users of Redis, written from what the store does. Passwords stay in the files that name them.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Args;
use latchkey_shared::store::{AclRights, AclUser, StoreRole, acl_file};
use serde_json::json;

use super::output::Output;

/// Files that hold a Redis URL each, with a user and a password.
#[derive(Debug, Args)]
pub(super) struct UrlFiles {
    /// File with the URL that the broker uses
    #[arg(long)]
    broker: PathBuf,
    /// File with the URL that the adapters use
    #[arg(long)]
    adapter: PathBuf,
    /// File with a URL whose user and password replicas use (masteruser, masterauth)
    #[arg(long)]
    replica: Option<PathBuf>,
    /// File with a URL whose user and password Sentinels use (sentinel auth-user, auth-pass)
    #[arg(long)]
    sentinel: Option<PathBuf>,
}

pub(super) fn print(files: &UrlFiles, output: &Output) -> anyhow::Result<ExitCode> {
    let mut users = vec![
        user(AclRights::Side(StoreRole::Broker), &files.broker)?,
        user(AclRights::Side(StoreRole::Adapter), &files.adapter)?,
    ];
    if let Some(replica) = &files.replica {
        users.push(user(AclRights::Replica, replica)?);
    }
    if let Some(sentinel) = &files.sentinel {
        users.push(user(AclRights::Sentinel, sentinel)?);
    }
    let file = acl_file(&users);
    output.answer(&json!({ "acl": file }), || file.clone())?;
    Ok(ExitCode::SUCCESS)
}

fn user(rights: AclRights, path: &Path) -> anyhow::Result<AclUser> {
    let url = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    AclUser::of_url(rights, &url.into())
        .with_context(|| format!("{}: expected redis://user:password@host:6379/0", path.display()))
}
