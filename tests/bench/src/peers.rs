//! Gateways that others made, beside ours on the same site: `scripts/peers` installs them.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::Context;

use crate::process::Process;

/// Those that a run with peers measures.
pub(crate) const ALL: [Peer; 2] = [Peer::Portkey, Peer::Litellm];

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    /// In JavaScript, on Node.js; one process.
    Portkey,
    /// In Python; one worker, which is its default.
    Litellm,
}

impl Peer {
    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Portkey => "portkey",
            Self::Litellm => "litellm",
        }
    }

    /// What it must be told with each request.
    pub(crate) fn head(self, site: SocketAddr) -> String {
        match self {
            Self::Portkey => {
                format!("x-portkey-provider: openai\r\nx-portkey-custom-host: http://{site}/v1\r\n")
            }
            Self::Litellm => String::new(),
        }
    }

    /// Starts it; gives how long it took to be ready.
    pub(crate) async fn start(
        self,
        installed: &Path,
        directory: &Path,
        listen: SocketAddr,
        site: SocketAddr,
    ) -> anyhow::Result<(Process, Duration)> {
        let log = directory.join(format!("{}.log", self.name()));
        let (mut process, path) = match self {
            Self::Portkey => (portkey(installed, directory, listen, site, &log)?, "/"),
            Self::Litellm => (litellm(installed, directory, listen, site, &log)?, "/health/liveliness"),
        };
        let ready = process.ready(&format!("http://{listen}{path}")).await;
        let took = ready.with_context(|| format!("{} wrote last:\n{}", self.name(), last_lines(&log)))?;
        Ok((process, took))
    }
}

/// Portkey has no option for a host and would listen on every address of the machine.
const LOOPBACK: &str = "const { Server } = require('node:net');\nconst listen = Server.prototype.listen;\n\
    Server.prototype.listen = function (first, ...rest) {\n  const port = first?.port ?? first;\n  \
    const done = rest.find((one) => typeof one === 'function');\n  \
    return listen.call(this, { port: Number(port), host: '127.0.0.1' }, done);\n};\n";

fn portkey(
    installed: &Path,
    directory: &Path,
    listen: SocketAddr,
    site: SocketAddr,
    log: &Path,
) -> anyhow::Result<Process> {
    let program = installed.join("node_modules/@portkey-ai/gateway/build/start-server.js");
    let loopback = directory.join("loopback.cjs");
    std::fs::write(&loopback, LOOPBACK)?;
    let program = program.display().to_string();
    let port = format!("--port={}", listen.port());
    // Nor does it forward to loopback unasked.
    let env = [("TRUSTED_CUSTOM_HOSTS", site.ip().to_string()), ("NODE_ENV", "production".to_owned())]
        .map(|(name, value)| (name.to_owned(), value));
    let arguments = ["--require", &loopback.display().to_string(), &program, &port, "--headless"];
    Process::start_foreign("node", &arguments, &env, log)
}

fn litellm(
    installed: &Path,
    directory: &Path,
    listen: SocketAddr,
    site: SocketAddr,
    log: &Path,
) -> anyhow::Result<Process> {
    let config = directory.join("litellm.yaml");
    let text = format!(
        "model_list:\n  - model_name: bench\n    litellm_params: \
         {{model: openai/bench, api_base: \"http://{site}/v1\", api_key: unused}}\n"
    );
    std::fs::write(&config, text)?;
    // It refuses to start without a key. The rest keeps it from fetching and sending.
    let env = [
        ("LITELLM_MASTER_KEY", crate::adapter::SECRET),
        ("LITELLM_LOCAL_MODEL_COST_MAP", "True"),
        ("LITELLM_TELEMETRY", "False"),
        ("LITELLM_LOG", "ERROR"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = config.display().to_string();
    let port = listen.port().to_string();
    let arguments = ["--config", &config, "--host", "127.0.0.1", "--port", &port, "--telemetry", "False"];
    Process::start_foreign(installed.join("bin/litellm"), &arguments, &env, log)
}

fn last_lines(log: &Path) -> String {
    let written = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = written.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
