//! `client`: prints what a client needs to be told so that it works with an adapter, or with a gateway before one.
//!
//! The key is never printed: what is printed says where the client reads it, by the client's own means.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use reqwest::Url;

use crate::{output, secret};

mod files;
mod served;

use files::ClientSettings;
use served::ServedModels;

/// Which client, and where to.
#[derive(Args)]
pub(crate) struct Options {
    /// The client.
    client: ClientName,
    /// The base URL of an adapter, or of a gateway before it, without /v1.
    #[arg(long)]
    url: Url,
    /// A file that holds the key alone, at the path at which the client will find it.
    #[arg(long)]
    key_file: PathBuf,
    /// The model; without it the first that is listed.
    #[arg(long)]
    model: Option<String>,
}

/// A client, or a gateway that is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClientName {
    /// The file `opencode.json`.
    Opencode,
    /// The file `settings.json` of Claude Code.
    Claude,
    /// The file `config.toml` of Codex.
    Codex,
    /// The file `config.yaml` of `LiteLLM`.
    Litellm,
    /// The headers for a client of Portkey's gateway.
    Portkey,
}

/// Prints it.
///
/// # Errors
/// When the key cannot be read, or the models are not listed.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let Options { client, url, key_file, model } = options;
    ensure!(url.has_host(), "--url: expected an address like http://127.0.0.1:7802");
    let path = key_file.canonicalize().with_context(|| format!("cannot read {}", key_file.display()))?;
    let path = path.to_str().filter(|path| path.bytes().all(is_plain));
    let path = path.context("--key-file: expected a path of letters, digits and /._- alone")?;
    let key = secret::alone_in(&key_file)?;
    let served = ServedModels::ask(&url, &key).await?;
    let base = url.as_str().trim_end_matches('/').to_owned();
    let settings =
        ClientSettings { base, key_file: path.to_owned(), model: served.named(model.as_deref())?, served };
    output::print(&match client {
        ClientName::Opencode => settings.opencode()?,
        ClientName::Claude => settings.claude()?,
        ClientName::Codex => settings.codex(),
        ClientName::Litellm => settings.litellm(),
        ClientName::Portkey => settings.portkey(),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a byte stands for itself in a shell, in JSON, TOML and YAML, and in `{file:...}` of `OpenCode`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-".contains(&byte)
}
