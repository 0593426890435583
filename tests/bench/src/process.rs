//! A process of the run, ended by the id that was started.

use std::{
    ffi::OsStr,
    fs::File,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

/// A Python process with a thousand modules takes six seconds on a quiet machine.
const START: Duration = Duration::from_secs(90);

/// A running process; dropped, it ends.
pub(crate) struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts a program that writes nothing.
    pub(crate) fn start(
        program: impl AsRef<OsStr>,
        arguments: &[&str],
        env: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(&program);
        command.stdout(Stdio::null());
        Self::spawn(program.as_ref(), command, arguments, env)
    }

    /// Starts a program of others: its output goes into a file, and it sees nothing of our environment but the path.
    pub(crate) fn start_foreign(
        program: impl AsRef<OsStr>,
        arguments: &[&str],
        env: &[(String, String)],
        log: &Path,
    ) -> anyhow::Result<Self> {
        let file = File::create(log)?;
        #[expect(clippy::disallowed_methods, reason = "where programs are is no configuration of ours")]
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut command = Command::new(&program);
        command.env_clear().env("PATH", path).env("HOME", log.parent().unwrap_or(Path::new("/")));
        command.stdout(file.try_clone()?).stderr(file);
        Self::spawn(program.as_ref(), command, arguments, env)
    }

    fn spawn(
        program: &OsStr,
        mut command: Command,
        arguments: &[&str],
        env: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let name = program.to_string_lossy().into_owned();
        command.args(arguments).envs(env.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        let child = command.spawn().with_context(|| format!("cannot start {name}; is it installed?"))?;
        Ok(Self { child, name })
    }

    /// Its id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it answers, and says for how long.
    pub(crate) async fn ready(&mut self, url: &str) -> anyhow::Result<Duration> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(1)).build()?;
        let begun = Instant::now();
        while begun.elapsed() < START {
            if client.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(begun.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at once: {status}", self.name);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        bail!("{} is not ready after {START:?}: no answer from {url}", self.name)
    }

    /// Ends it with SIGTERM and waits until it has ended by itself, so that it can write what it has to write.
    pub(crate) async fn end(mut self, deadline: Duration) -> anyhow::Result<()> {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            kill_process(pid, Signal::TERM)?;
        }
        let begun = Instant::now();
        while begun.elapsed() < deadline {
            match self.child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("{} ended with {status}", self.name),
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        bail!("{} did not end in {deadline:?} after SIGTERM", self.name)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.child.id().cast_signed()) {
            kill_process(pid, Signal::TERM).unwrap_or_default();
        }
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::yield_now();
        }
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// A loopback address that nobody listens on.
pub(crate) fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
