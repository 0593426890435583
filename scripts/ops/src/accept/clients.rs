//! Turns by the real clients: each edits a file in a scratch directory, and the file tells how it went.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::{
    process::Command,
    time::{Instant, timeout},
};

use super::{
    scenario::ScenarioRequest,
    turn::{Call, Turn},
};

const BEFORE: &str = "Hello, world!\n";
const AFTER: &str = "Hello, Oslo!\n";
const FILE: &str = "greeting.txt";
const PROMPT: &str = "Read greeting.txt, then change the word `world` in it to `Oslo`. Change nothing else.";

/// Nobody listens here: what a client would fetch from the net fails at once.
const NOWHERE: &str = "http://127.0.0.1:9";
/// How `OpenCode` is kept from looking for models, updates, plugins and language servers.
const OFFLINE_OPENCODE: [(&str, &str); 4] = [
    ("OPENCODE_DISABLE_MODELS_FETCH", "1"),
    ("OPENCODE_DISABLE_AUTOUPDATE", "1"),
    ("OPENCODE_DISABLE_LSP_DOWNLOAD", "1"),
    ("OPENCODE_DISABLE_DEFAULT_PLUGINS", "1"),
];
/// The variables by which Claude Code chooses its model.
const MODELS: [&str; 4] = [
    "ANTHROPIC_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
];

/// Where Codex finds its key.
const CODEX_KEY: &str = "ACCEPT_KEY";

/// Where the clients are.
pub(super) struct Clients {
    programs: PathBuf,
}

impl Clients {
    /// Installs them if they are not there: `scripts/clients` says which.
    ///
    /// # Errors
    /// When they cannot be installed.
    pub(super) async fn install() -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients");
        let output = Command::new(script).stdin(Stdio::null()).stderr(Stdio::inherit()).output().await;
        let output = output.context("cannot run scripts/clients")?;
        if !output.status.success() {
            bail!("scripts/clients cannot install the clients; it says why above");
        }
        let directory = String::from_utf8(output.stdout).context("scripts/clients names no directory")?;
        Ok(Self { programs: Path::new(directory.trim_end()).join("node_modules/.bin") })
    }

    /// A turn by `OpenCode`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) async fn opencode(&self, request: &ScenarioRequest, _number: usize) -> anyhow::Result<Turn> {
        let scratch = Scratch::new()?;
        let url = format!("{}/v1", request.url.as_str().trim_end_matches('/'));
        let model = json!({"name": request.model, "limit": {"context": 200_000, "output": 32_000}});
        let options = json!({"baseURL": url, "apiKey": request.key.expose_secret()});
        let models = json!({&request.model: model});
        let provider = json!({
            "npm": "@ai-sdk/openai-compatible", "name": "accept", "options": options, "models": models,
        });
        let config = json!({
            "provider": {"accept": provider}, "enabled_providers": ["accept"], "permission": {"*": "allow"},
            "snapshot": false, "share": "disabled", "autoupdate": false,
        });
        // By files that only we can read: the key is in them.
        fs::write(scratch.home.path().join("config.json"), config.to_string())?;
        fs::write(scratch.home.path().join("models.json"), "{}")?;
        let mut command = scratch.command(&self.programs.join("opencode"));
        command
            .args([
                "run",
                "--pure",
                "--format",
                "json",
                "--model",
                &format!("accept/{}", request.model),
                PROMPT,
            ])
            .env("OPENCODE_CONFIG", scratch.home.path().join("config.json"))
            .env("OPENCODE_MODELS_PATH", scratch.home.path().join("models.json"))
            .envs(OFFLINE_OPENCODE);
        scratch.turn(command, request).await
    }

    /// A turn by Claude Code.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) async fn claude(&self, request: &ScenarioRequest, _number: usize) -> anyhow::Result<Turn> {
        let scratch = Scratch::new()?;
        let mut command = scratch.command(&self.programs.join("claude"));
        command
            .args(["-p", PROMPT, "--permission-mode", "acceptEdits", "--allowedTools", "Read,Edit,Write"])
            .args(["--output-format", "stream-json", "--verbose"])
            .env("CLAUDE_CONFIG_DIR", scratch.home.path().join("config"))
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("DISABLE_AUTOUPDATER", "1")
            .env("ANTHROPIC_BASE_URL", request.url.as_str().trim_end_matches('/'))
            .env("ANTHROPIC_AUTH_TOKEN", request.key.expose_secret())
            .envs(MODELS.map(|name| (name, &request.model)));
        scratch.turn(command, request).await
    }

    /// A turn by Codex.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) async fn codex(&self, request: &ScenarioRequest, _number: usize) -> anyhow::Result<Turn> {
        let scratch = Scratch::new()?;
        fs::write(scratch.home.path().join("config.toml"), codex_settings(request))?;
        let mut command = scratch.command(&self.programs.join("codex"));
        command
            .args(["exec", "--json", "--skip-git-repo-check", PROMPT])
            .env("CODEX_HOME", scratch.home.path())
            .env(CODEX_KEY, request.key.expose_secret());
        scratch.turn(command, request).await
    }
}

/// How Codex is told of what it is tried with; the key is in a variable of its process.
fn codex_settings(request: &ScenarioRequest) -> String {
    format!(
        "model = {model}\nmodel_provider = \"accept\"\napproval_policy = \"never\"\n\
         sandbox_mode = \"danger-full-access\"\ncheck_for_update_on_startup = false\n\n\
         [model_providers.accept]\nname = \"accept\"\nbase_url = {url}\nenv_key = \"{CODEX_KEY}\"\n\
         wire_api = \"responses\"\n\n[analytics]\nenabled = false\n",
        model = json!(request.model),
        url = json!(format!("{}/v1", request.url.as_str().trim_end_matches('/'))),
    )
}

/// A home and a project that are gone with the turn.
struct Scratch {
    home: tempfile::TempDir,
    project: tempfile::TempDir,
}

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let scratch = Self {
            home: tempfile::Builder::new().prefix("latchkey-accept-").tempdir()?,
            project: tempfile::Builder::new().prefix("latchkey-accept-").tempdir()?,
        };
        fs::write(scratch.project.path().join(FILE), BEFORE)?;
        Ok(scratch)
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("HTTP_PROXY", NOWHERE)
            .env("HTTPS_PROXY", NOWHERE)
            .env("npm_config_registry", NOWHERE)
            .current_dir(self.project.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    async fn turn(&self, mut command: Command, request: &ScenarioRequest) -> anyhow::Result<Turn> {
        let host = request.url.host_str().unwrap_or_default();
        command.env("NO_PROXY", format!("127.0.0.1,localhost,{host}"));
        let begun = Instant::now();
        let mut child = command.spawn().context("cannot start the client")?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let ended = timeout(request.deadline, child.wait()).await;
        // Whatever it has started ends with it.
        if let Some(group) = group {
            kill_process_group(group, Signal::KILL).unwrap_or_default();
        }
        let took = begun.elapsed();
        match ended {
            Err(_) => Ok(Turn::failed("the client does not end", took)),
            Ok(status) => Ok(self.judge(status.context("the client is gone")?, took)),
        }
    }

    fn judge(&self, status: ExitStatus, took: std::time::Duration) -> Turn {
        let text = fs::read_to_string(self.project.path().join(FILE)).unwrap_or_default();
        let call = match text.as_str() {
            AFTER => Call::Made,
            BEFORE => Call::Ended,
            _ => Call::Wrong("the file is spoilt".to_owned()),
        };
        let error = (!status.success()).then(|| "the client says that it failed".to_owned());
        Turn { error, took, first_token: None, call: Some(call) }
    }
}
