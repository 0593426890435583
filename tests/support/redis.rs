//! A private redis-server: a free loopback port, a directory of its own, nothing kept, gone with its owner.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use redis::{AsyncConnectionConfig, aio::MultiplexedConnection};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{product::script, wait};

mod fleet;

pub use fleet::{Fleet, Kind};

/// How long a start may take; redis-server needs some milliseconds, a loaded machine a second.
const START: Duration = Duration::from_secs(10);

/// How long a test waits for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ports are free when they are chosen, and may be taken when redis-server binds.
const ATTEMPTS: usize = 5;

const MISSING: &str = "cannot start redis-server; install it: apt-get install redis-server";

/// A running redis-server, or what speaks the same.
#[derive(Debug)]
pub struct Redis {
    program: PathBuf,
    port: u16,
    arguments: Vec<String>,
    sentinel: bool,
    directory: TempDir,
    child: Option<Child>,
}

/// A connection of a test's own; a machine with other work takes its time, and the half second of the crate is none.
///
/// # Errors
/// When the server refuses it.
pub async fn connect(url: impl redis::IntoConnectionInfo) -> redis::RedisResult<MultiplexedConnection> {
    let limit = Some(PATIENCE);
    let config = AsyncConnectionConfig::new().set_connection_timeout(limit).set_response_timeout(limit);
    redis::Client::open(url)?.get_multiplexed_async_connection_with_config(&config).await
}

impl Redis {
    /// Starts one that keeps nothing and never evicts.
    ///
    /// # Panics
    /// When redis-server is not installed.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with further configuration, as on its command line: `["--maxmemory-policy", "allkeys-lru"]`.
    ///
    /// # Panics
    /// When redis-server is not installed or does not like the arguments.
    pub async fn start_with(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self::start_as("redis-server".into(), arguments, false).await
    }

    /// Starts Valkey with further configuration.
    ///
    /// # Panics
    /// When it cannot be installed or does not like the arguments.
    pub async fn start_valkey_with(arguments: &[&str]) -> Self {
        let script = |word| Command::new(script("valkey")).arg(word).stdin(Stdio::null()).output().unwrap();
        let install = script("install");
        let complaint = String::from_utf8_lossy(&install.stderr);
        assert!(install.status.success(), "cannot install valkey: {complaint}");
        let program = String::from_utf8(script("path").stdout).unwrap();
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self::start_as(program.trim().into(), arguments, false).await
    }

    async fn start_as(program: PathBuf, arguments: Vec<String>, sentinel: bool) -> Self {
        let directory = tempfile::Builder::new().prefix("latchkey-redis-").tempdir().unwrap();
        let mut redis = Self { program, port: 0, arguments, sentinel, directory, child: None };
        for _ in 0..ATTEMPTS {
            redis.port = free_port();
            if redis.launch().await {
                return redis;
            }
        }
        panic!("redis-server does not start: {}", redis.log());
    }

    /// `127.0.0.1:<port>`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `redis://127.0.0.1:<port>/0`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// The URL for a user of its ACL.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}/0", self.port)
    }

    /// Adds a user that may do everything. Unlike `--requirepass`, its password is on no command line.
    pub async fn add_user(&self, user: &str, password: &str) {
        let mut connection = self.connection().await;
        let mut command = redis::cmd("ACL");
        command
            .arg("SETUSER")
            .arg(user)
            .arg("on")
            .arg(format!(">{password}"))
            .arg("~*")
            .arg("&*")
            .arg("+@all");
        command.exec_async(&mut connection).await.unwrap();
    }

    /// A connection of the test's own, as the default user.
    pub async fn connection(&self) -> MultiplexedConnection {
        connect(self.url()).await.unwrap()
    }

    /// Kills the process; what it held is lost, unless it was told to keep it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again on the same port.
    pub async fn restart(&mut self) {
        self.stop();
        assert!(self.launch().await, "redis-server does not start again: {}", self.log());
    }

    /// Stops it from answering, as an overloaded machine or a cut network does. Connections stay open.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Undoes [`Redis::freeze`].
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Everything that it holds, as the uncompressed file that it would write to disk.
    pub async fn dump(&self) -> Vec<u8> {
        let mut connection = self.connection().await;
        redis::cmd("SAVE").exec_async(&mut connection).await.unwrap();
        std::fs::read(self.directory.path().join("dump.rdb")).unwrap()
    }

    async fn launch(&mut self) -> bool {
        let log = std::fs::File::create(self.directory.path().join("log")).unwrap();
        let port = self.port.to_string();
        let mut command = Command::new(&self.program);
        if self.sentinel {
            // A Sentinel writes what it learns into its file.
            let file = self.directory.path().join("sentinel.conf");
            std::fs::write(&file, self.arguments.join("\n")).unwrap();
            command.arg(file).args(["--sentinel", "--port", &port, "--bind", "127.0.0.1"]);
        } else {
            command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.args(["--rdbcompression", "no", "--maxmemory-policy", "noeviction"]);
            command.args(&self.arguments);
        }
        let child = command
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stderr(log.try_clone().unwrap())
            .stdout(log)
            .spawn();
        self.child = Some(child.expect(MISSING));
        wait::until_some(START, async || self.is_up()).await
    }

    /// Whether it listens: some once it does, or once it never will.
    fn is_up(&mut self) -> Option<bool> {
        let exited = self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some());
        let ready =
            self.log().contains(if self.sentinel { "+monitor" } else { "Ready to accept connections" });
        (exited || ready).then_some(!exited)
    }

    fn log(&self) -> String {
        read(&self.directory.path().join("log"))
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.as_ref().expect("redis-server runs");
        kill_process(Pid::from_child(child), signal).unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
