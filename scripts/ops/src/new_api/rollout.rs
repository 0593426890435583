//! The rollout file: where new-api and the adapters are, and what new-api shall offer through them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use reqwest::Url;
use serde::{Deserialize, Deserializer, de::Error};

/// Below it are all APIs for clients of new-api: each failure is told as new-api passes it on.
pub(super) const NEW_API: &str = "/new-api";
/// Below it are the same APIs for Claude clients whose gateway converts: what breaks there is a cut, and no event.
const CLAUDE: &str = "/claude";

/// The type of channel that makes a chat of a message; every release has it.
pub(super) const OPENAI: u64 = 1;
/// The type that passes messages on and nothing else.
const ANTHROPIC: u64 = 14;
/// The type that passes all three APIs on.
pub(super) const PASSING: u64 = 60;

/// What the operator wants.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollout {
    /// New-api's address.
    #[serde(deserialize_with = "one_url")]
    pub url: Url,
    /// A file with an administrator's access token; without it the token is asked for.
    pub token_file: Option<PathBuf>,
    /// The id of that administrator.
    #[serde(default = "root")]
    pub user: u64,
    /// A file whose first line is one of the adapters' shared secrets: the channels' key.
    pub key_file: PathBuf,
    /// The type of the channels; without it the best that this new-api has.
    #[serde(rename = "type")]
    pub kind: Option<u64>,
    /// The balancer's address, or those of adapters: one channel each.
    #[serde(deserialize_with = "urls")]
    pub adapters: Vec<Url>,
    /// The models that the channels offer, by the names that clients use; without them, those of the first adapter.
    #[serde(default)]
    pub models: Vec<String>,
    /// What a model is called at the adapters, where that differs.
    #[serde(default)]
    pub mapping: BTreeMap<String, String>,
    /// The groups of users that get them.
    #[serde(default = "default_groups")]
    pub groups: Vec<String>,
    /// What new-api's own channel test asks; the first model without it.
    pub test_model: Option<String>,
}

fn root() -> u64 {
    1
}

fn default_groups() -> Vec<String> {
    vec!["default".to_owned()]
}

fn one_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Url, D::Error> {
    let text = String::deserialize(deserializer)?;
    url(&text).map_err(D::Error::custom)
}

fn urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Url>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| url(text)).collect::<Result<_, _>>().map_err(D::Error::custom)
}

fn url(text: &str) -> Result<Url, String> {
    let url: Option<Url> = text.parse().ok();
    let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| format!("expected an address like http://127.0.0.1:7802, not {text:?}"))
}

impl Rollout {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read, or the key that is wrong.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read {shown}; scripts/README.md shows what is in it"))?;
        let mut rollout: Self = toml::from_str(&text).with_context(|| format!("{shown} is wrong"))?;
        ensure!(!rollout.adapters.is_empty(), "{shown}: adapters names none");
        for adapter in &rollout.adapters {
            let path = adapter.path().trim_end_matches('/');
            ensure!(
                ["", NEW_API, CLAUDE].contains(&path),
                "{shown}: adapters: {adapter} ends in {path}; new-api adds /v1 by itself, and {NEW_API} is added here"
            );
        }
        let known = rollout.kind.is_none_or(|kind| [OPENAI, ANTHROPIC, PASSING].contains(&kind));
        ensure!(
            known,
            "{shown}: type: expected {PASSING} for all agents, {ANTHROPIC} for Claude alone, or {OPENAI}"
        );
        for name in rollout.mapping.keys() {
            let offered = rollout.models.contains(name);
            ensure!(offered, "{shown}: mapping has {name}, which models does not offer");
        }
        // The files beside the rollout file are named as seen from there.
        let directory = path.parent().unwrap_or(Path::new(""));
        rollout.key_file = directory.join(rollout.key_file);
        rollout.token_file = rollout.token_file.map(|file| directory.join(file));
        Ok(rollout)
    }
}
