//! A real Prometheus with the configuration of `compose/observability`, on a free loopback port, gone with its owner.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Url;
use serde_json::Value;
use tempfile::TempDir;

use crate::wait;

/// How long a start may take.
const START: Duration = Duration::from_secs(30);

const MISSING: &str = "cannot start prometheus; install it: apt-get install prometheus";

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    url: Url,
    directory: TempDir,
    child: Child,
}

/// The directory of the configuration.
#[must_use]
pub fn configuration() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose/observability")
}

impl Prometheus {
    /// Starts one that asks these addresses each second, in place of the names that Docker knows.
    ///
    /// # Panics
    /// When prometheus is not installed, or refuses the configuration.
    pub async fn start(targets: &[(&str, &Url)]) -> Self {
        let directory = tempfile::Builder::new().prefix("latchkey-prometheus-").tempdir().unwrap();
        let mut text = std::fs::read_to_string(configuration().join("prometheus.yml")).unwrap();
        for (job, url) in targets {
            let line =
                text.lines().find(|line| line.contains(&format!("names: [{job}]"))).unwrap().to_owned();
            let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
            text = text.replace(&line, &format!("    static_configs: [{{ targets: [\"{address}\"] }}]"));
        }
        let file = directory.path().join("prometheus.yml");
        std::fs::write(&file, text.replace("15s", "1s")).unwrap();
        std::fs::copy(configuration().join("alerts.yml"), directory.path().join("alerts.yml")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect(MISSING);
        let mut started =
            Self { url: format!("http://127.0.0.1:{port}/").parse().unwrap(), directory, child };
        let ready = wait::until_some(START, async || started.is_up().await).await;
        assert!(ready, "prometheus does not start: {}", started.log());
        started
    }

    /// The data of an answer of its API.
    ///
    /// # Panics
    /// When it answers with an error.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let url = self.url.join("/api/v1/").unwrap().join(path).unwrap();
        let answer = reqwest::Client::new().get(url).query(query).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["status"], "success", "{path} {query:?}: {answer}");
        answer["data"].clone()
    }

    /// Whether it is ready: some once it is, or once it never will be.
    async fn is_up(&mut self) -> Option<bool> {
        if self.child.try_wait().unwrap().is_some() {
            return Some(false);
        }
        let ready = reqwest::get(self.url.join("/-/ready").unwrap()).await;
        ready.is_ok_and(|answer| answer.status().is_success()).then_some(true)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
