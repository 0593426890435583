//! A real Open WebUI: installed from PyPI once, started for one test on a free port, gone with its owner.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::wait;

/// Its administrator, who is made at its first start.
pub const EMAIL: &str = "alice@example.org";
/// The administrator's password.
pub const PASSWORD: &str = "correct-horse-battery";

/// 8 s to 27 s were measured on two cores; other tests may want them too.
const START: Duration = Duration::from_secs(120);

/// A running Open WebUI.
#[derive(Debug)]
pub struct OpenWebUi {
    /// Its base URL.
    pub url: Url,
    child: Child,
    directory: TempDir,
}

impl OpenWebUi {
    /// Installs it if need be, and starts one whose only model is behind `model_url`, an API without its `/v1`.
    ///
    /// # Panics
    /// When it cannot be installed or does not start; the message has the end of its log.
    pub async fn start(model_url: &Url) -> Self {
        let install = Command::new(script()).arg("install").stdin(Stdio::null()).output().unwrap();
        assert!(
            install.status.success(),
            "cannot install Open WebUI: {}",
            String::from_utf8_lossy(&install.stderr)
        );
        let directory = tempfile::Builder::new().prefix("latchkey-open-webui-").tempdir().unwrap();
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}").parse().unwrap();
        let child = launch(directory.path(), port, model_url);
        let mut started = Self { url, child, directory };
        started.wait_until_ready().await;
        started
    }

    async fn wait_until_ready(&mut self) {
        let health = self.url.join("/health").unwrap();
        let http = crate::http::client();
        wait::until_some(START, async || {
            let exited = self.child.try_wait().unwrap();
            assert!(exited.is_none(), "Open WebUI stopped by itself: {}", self.log());
            let answer = http.get(health.clone()).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
    }

    fn log(&self) -> String {
        let log = std::fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(4096)..]).into_owned()
    }
}

impl Drop for OpenWebUi {
    fn drop(&mut self) {
        // Its own process group: the server and whatever it has started.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

fn launch(directory: &Path, port: u16, model_url: &Url) -> Child {
    use std::os::unix::process::CommandExt;

    let log = std::fs::File::create(directory.join("log")).unwrap();
    Command::new(script())
        .arg("serve")
        .arg(directory.join("data"))
        .arg(port.to_string())
        .args([model_url.as_str().trim_end_matches('/'), EMAIL])
        .env("WEBUI_ADMIN_PASSWORD", PASSWORD)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .process_group(0)
        .spawn()
        .unwrap()
}

fn script() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "scripts", "open-webui"].iter().collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
