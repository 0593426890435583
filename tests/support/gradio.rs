//! A real Gradio: installed from PyPI once, with a small chat page of ours, started for one test on a free port.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::wait;

/// Who may come in.
pub const USERNAME: &str = "alice";
/// Their password.
pub const PASSWORD: &str = "correct-horse-battery";

/// 13 s to 20 s were measured on two cores; other tests may want them too.
const START: Duration = Duration::from_secs(120);

/// A running Gradio.
#[derive(Debug)]
pub struct Gradio {
    /// Its base URL.
    pub url: Url,
    child: Child,
    directory: TempDir,
    settings: Settings,
}

/// How the page is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The model behind it, an API without its `/v1`.
    pub model_url: Url,
    /// How many answers it gives at once.
    pub concurrency: u32,
    /// How many questions may wait.
    pub queue: u32,
}

impl Gradio {
    /// Installs it if need be, and starts one.
    ///
    /// # Panics
    /// When it cannot be installed or does not start; the message has the end of its log.
    pub async fn start(settings: Settings) -> Self {
        let install = Command::new(script()).arg("install").stdin(Stdio::null()).output().unwrap();
        let complaint = String::from_utf8_lossy(&install.stderr);
        assert!(install.status.success(), "cannot install Gradio: {complaint}");
        let directory = tempfile::Builder::new().prefix("latchkey-gradio-").tempdir().unwrap();
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}").parse().unwrap();
        let child = launch(directory.path(), port, &settings);
        let mut started = Self { url, child, directory, settings };
        started.wait_until_ready().await;
        started
    }

    /// Ends it and starts it again at the same address: whoever was signed in is so no more.
    pub async fn restart(&mut self) {
        self.end();
        self.child = launch(self.directory.path(), self.url.port().unwrap(), &self.settings);
        self.wait_until_ready().await;
    }

    async fn wait_until_ready(&mut self) {
        let http = crate::http::client();
        wait::until_some(START, async || {
            let exited = self.child.try_wait().unwrap();
            assert!(exited.is_none(), "Gradio stopped by itself: {}", self.log());
            let answer = http.get(self.url.clone()).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
    }

    fn log(&self) -> String {
        let log = std::fs::read(self.directory.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log[log.len().saturating_sub(4096)..]).into_owned()
    }

    fn end(&mut self) {
        // Its own process group: the server and whatever it has started.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Gradio {
    fn drop(&mut self) {
        self.end();
    }
}

fn launch(directory: &Path, port: u16, settings: &Settings) -> Child {
    use std::os::unix::process::CommandExt;

    let log = File::options().create(true).append(true).open(directory.join("log")).unwrap();
    let app: PathBuf = [env!("CARGO_MANIFEST_DIR"), "support", "gradio", "app.py"].iter().collect();
    Command::new(script())
        .arg("serve")
        .arg(app)
        .env("PORT", port.to_string())
        .env("MODEL_URL", settings.model_url.as_str().trim_end_matches('/'))
        .env("USERS", format!("{USERNAME}={PASSWORD}"))
        .env("CONCURRENCY", settings.concurrency.to_string())
        .env("QUEUE", settings.queue.to_string())
        .env("HOME", directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .process_group(0)
        .spawn()
        .unwrap()
}

fn script() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "scripts", "gradio"].iter().collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
