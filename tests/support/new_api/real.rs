//! A real new-api that somebody has brought: a database in a folder of its own, gone with its owner.
//!
//! No part of this project has one: `scripts/test --new-api PATH` names the binary by the variable below.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Url;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Console, NewApi};
use crate::{http, server, wait};

/// Names the binary.
const BINARY: &str = "TEST_NEW_API";
/// It makes its tables first.
const START: Duration = Duration::from_secs(30);
const ROOT: &str = "root";
const PASSWORD: &str = "password-of-a-test";

/// A running new-api. Dropped, it is killed.
#[derive(Debug)]
pub struct Real {
    console: Console,
    child: Child,
    directory: TempDir,
}

/// Either gateway.
#[derive(Debug)]
pub enum Relaying {
    /// The stand-in.
    StandIn(NewApi),
    /// The real one.
    Real(Box<Real>),
}

/// The real binary, where somebody has brought one.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "it is no variable of the product, and nextest hands nothing else through"
)]
pub fn brought() -> Option<PathBuf> {
    std::env::var_os(BINARY).map(PathBuf::from)
}

impl Relaying {
    /// A client of its administrator and of its user.
    #[must_use]
    pub fn console(&self) -> Console {
        match self {
            Self::StandIn(new_api) => new_api.console(),
            Self::Real(real) => real.console.clone(),
        }
    }
}

impl Real {
    /// Starts it, sets it up, and makes a user's key; models need no price.
    ///
    /// Its own default for SQLite, `_busy_timeout=30000`, is no word of its driver, and does nothing (v1.0.0-rc.24 with
    /// glebarez/go-sqlite 1.21.2): some requests of a thousand end in "database is locked".
    pub async fn start(binary: &Path) -> Self {
        let directory = tempfile::Builder::new().prefix("latchkey-new-api-").tempdir().unwrap();
        let port = server::listener().await.local_addr().unwrap().port();
        let file = |name: &str| directory.path().join(name);
        let child = Command::new(binary)
            .arg("--log-dir")
            .arg(file("logs"))
            .current_dir(directory.path())
            .env_clear()
            .env("PORT", port.to_string())
            .env("SQLITE_PATH", format!("{}?_pragma=busy_timeout(30000)", file("new-api.db").display()))
            .env("SESSION_SECRET", "of-a-test")
            .env("GIN_MODE", "release")
            .env("ERROR_LOG_ENABLED", "true")
            .envs(
                ["GLOBAL_API", "GLOBAL_WEB", "CRITICAL"]
                    .map(|name| (format!("{name}_RATE_LIMIT_ENABLE"), "false")),
            )
            .stdin(Stdio::null())
            .stdout(File::create(file("stdout")).unwrap())
            .stderr(File::create(file("stderr")).unwrap())
            .spawn()
            .expect("the binary that was brought can be started");
        let url: Url = format!("http://127.0.0.1:{port}").parse().unwrap();
        let console = Console::new(&url, "", "");
        let http = http::client();
        let mut real = Self { console, child, directory };
        wait::until_some(START, async || {
            let ended = real.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended before it answered:\n{}", real.output());
            http.get(url.join("/api/status").unwrap()).send().await.ok()
        })
        .await;
        let (token, key) = set_up(&url).await;
        real.console = Console::new(&url, &token, &key);
        // A busy machine is no reason to refuse a test.
        real.console.set("performance_setting.monitor_enabled", "false").await;
        real
    }

    /// Its administrator's and its user's client.
    #[must_use]
    pub fn console(&self) -> Console {
        self.console.clone()
    }

    /// What it wrote so far.
    #[must_use]
    pub fn output(&self) -> String {
        let read = |name: &str| std::fs::read(self.directory.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&[read("stdout"), read("stderr")].concat()).into_owned()
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

/// Makes the root user, his access token and a key without a limit.
async fn set_up(url: &Url) -> (String, String) {
    let root = json!({
        "username": ROOT, "password": PASSWORD, "confirmPassword": PASSWORD, "SelfUseModeEnabled": true,
    });
    let post = async |path: &str, token: &str, body: &Value| {
        let request = http::client().post(url.join(path).unwrap()).bearer_auth(token).json(body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["success"], true, "{path}: {answer}");
        answer
    };
    post("/api/setup", "", &root).await;
    let login = post("/api/user/login", "", &root).await;
    let session = login["data"]["access_token"].as_str().unwrap();
    let asked = http::client().get(url.join("/api/user/token").unwrap()).bearer_auth(session);
    let made: Value = asked.send().await.unwrap().json().await.unwrap();
    let token = made["data"].as_str().unwrap().to_owned();
    let unlimited = json!({"name": "test", "expired_time": -1, "unlimited_quota": true, "remain_quota": 0});
    post("/api/token/", &token, &unlimited).await;
    let shown = post("/api/token/1/key", &token, &Value::Null).await;
    (token, format!("sk-{}", shown["data"]["key"].as_str().unwrap()))
}
