//! Where one OpenCode lives: its home, its settings, and an environment in which it reaches nothing but this machine.

use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::{MODEL, api, client};
use crate::{http::NOWHERE, world::SHARED_SECRET};

/// How OpenCode is kept from looking for models, updates, plugins and language servers.
const OFFLINE: [(&str, &str); 4] = [
    ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
    ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
    ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1"),
];

/// A home directory with OpenCode's settings in it.
#[derive(Debug)]
pub(super) struct Home(TempDir);

impl Home {
    /// Makes one whose only providers are these adapters.
    pub(super) fn new(adapters: &[(&str, &Url)]) -> Self {
        Self::with_options(adapters, &Value::Null)
    }

    /// The same, with further options of each.
    pub(super) fn with_options(adapters: &[(&str, &Url)], options: &Value) -> Self {
        Self::with_settings(adapters, options, &Value::Null)
    }

    /// The same, with further settings.
    pub(super) fn with_settings(adapters: &[(&str, &Url)], options: &Value, settings: &Value) -> Self {
        let mut config = config(adapters, options);
        merge(&mut config, settings);
        Self::told(&config)
    }

    /// Makes one with these settings.
    pub(super) fn told(settings: &Value) -> Self {
        let home = Self(tempfile::Builder::new().prefix("latchkey-opencode-").tempdir().unwrap());
        home.write("models.json", &json!({}));
        home.write("config.json", settings);
        home
    }

    /// OpenCode with these settings, in a process group of its own.
    pub(super) async fn command(&self) -> Command {
        let mut command = Command::new(client("opencode").await);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path())
            .env("OPENCODE_CONFIG", self.path().join("config.json"))
            .env("OPENCODE_MODELS_PATH", self.path().join("models.json"))
            .envs(OFFLINE)
            .env("HTTP_PROXY", NOWHERE)
            .env("HTTPS_PROXY", NOWHERE)
            .env("NO_PROXY", "127.0.0.1")
            .env("npm_config_registry", NOWHERE)
            .stdin(Stdio::null())
            .process_group(0);
        command
    }

    /// A file of this home.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The end of a file, for messages.
    pub(super) fn tail(&self, name: &str) -> String {
        let bytes = std::fs::read(self.file(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(4096)..]).into_owned()
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Nobody else may read it: it holds the adapter's secret.
    fn write(&self, name: &str, content: &Value) {
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.file(name)).unwrap();
        file.write_all(content.to_string().as_bytes()).unwrap();
    }
}

/// Adds settings to those that are there.
fn merge(config: &mut Value, more: &Value) {
    for (name, value) in more.as_object().into_iter().flatten() {
        match &mut config[name] {
            known if known.is_object() && value.is_object() => merge(known, value),
            known => *known = value.clone(),
        }
    }
}

fn config(adapters: &[(&str, &Url)], options: &Value) -> Value {
    let names: Vec<&str> = adapters.iter().map(|(name, _)| *name).collect();
    let providers: Value =
        adapters.iter().map(|(name, url)| ((*name).to_owned(), provider(name, url, options))).collect();
    json!({
        "$schema": "https://opencode.ai/config.json",
        "provider": providers,
        "enabled_providers": names,
        "permission": {"*": "allow"},
        "snapshot": false,
        "share": "disabled",
        "autoupdate": false,
    })
}

fn provider(name: &str, adapter: &Url, more: &Value) -> Value {
    // So large that OpenCode never shortens a conversation by itself.
    let model = json!({"name": MODEL, "limit": {"context": 10_000_000, "output": 32_000}});
    let mut options = json!({"baseURL": api(adapter).as_str(), "apiKey": SHARED_SECRET});
    for (name, value) in more.as_object().into_iter().flatten() {
        options[name] = value.clone();
    }
    let models = json!({MODEL: model});
    json!({"npm": "@ai-sdk/openai-compatible", "name": name, "options": options, "models": models})
}
