//! One Chromium process with its profile: started, listened to, and ended without a trace.
//!
//! Chromium is started by us and not by chromiumoxide, so that its stderr is kept, its environment is empty (ours
//! holds keys), everything it writes lies in one directory, and it cannot outlive the broker.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    BrowserConfig, BrowserError,
    bridge::{DevToolsListener, DevToolsPipe},
    profile::{self, ProfileDirectory, REMOVE_TRIES},
};
use latchkey_shared::shutdown::Tasks;

/// From start to an answer; measured 0.3 s on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Chromium ends by itself in 0.1 s when its pipe closes; after this it is killed.
const END_LIMIT: Duration = Duration::from_secs(2);
/// A pipe of Linux has as much.
const PIPE_BUFFER: usize = 64 << 10;
/// Lines of stderr kept for error messages.
const KEPT_LINES: usize = 20;
const KEPT_LINE_BYTES: usize = 400;

/// `--remote-debugging-pipe` makes Chromium take commands on fd 3, answer on fd 4, and end when fd 3 closes: so it ends
/// even when the broker is killed and no guard runs. They are our pipes to its stdin and stdout.
const PIPE_AS_3_AND_4: &str = r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null"#;

/// The automation flag stays on: a site may know that nobody sits here.
const FLAGS: [&str; 13] = [
    "--enable-automation",
    "--remote-debugging-pipe",
    "--window-size=1280,800",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    // An address is opened as it is written, not tried with https first.
    "--disable-features=Translate,OptimizationHints,MediaRouter,HttpsUpgrades",
];

/// A running Chromium.
pub(super) struct ChromiumProcess {
    child: Child,
    /// Dropped, the bridge closes the pipe, and Chromium ends.
    bridge: DropGuard,
    cleanup: ProcessCleanup,
    stderr: Arc<StderrTail>,
    /// Where it takes commands, of the first that connects.
    pub(super) address: String,
}

/// What a Chromium leaves behind: processes of its group, and its profile. Dropped, both are gone.
struct ProcessCleanup {
    group: Option<Pid>,
    profile: ProfileDirectory,
}

/// The last lines that Chromium wrote.
#[derive(Default)]
struct StderrTail(Mutex<VecDeque<String>>);

impl StderrTail {
    fn keep(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines that tell something, as one.
    fn tail(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !is_noise(line)).collect();
        told[told.len().saturating_sub(3)..].join(" | ")
    }
}

/// What Chromium writes on every machine without a desktop.
fn is_noise(line: &str) -> bool {
    line.trim().is_empty() || line.contains("dbus/")
}

impl ChromiumProcess {
    /// Starts Chromium and waits until it takes commands.
    pub(super) async fn start(config: &BrowserConfig, tasks: &Tasks) -> Result<Self, BrowserError> {
        let chromium = config.chromium.as_path();
        let sandbox = config.sandbox;
        check_user(sandbox, rustix::process::geteuid().is_root())?;
        let profile = ProfileDirectory::new()?;
        let listener = DevToolsListener::bind().await.map_err(|cause| no_bridge(&cause))?;
        let address = listener.address().map_err(|cause| no_bridge(&cause))?;
        let mut child = command(config, profile.path()).spawn().map_err(|cause| {
            BrowserError::Unavailable(format!("cannot start {}: {cause}", chromium.display()))
        })?;
        // The group has the id of its first process.
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let cleanup = ProcessCleanup { group, profile };
        let stderr = Arc::new(StderrTail::default());
        let pipes = child.stdout.take().zip(child.stdin.take()).zip(child.stderr.take());
        let ended = CancellationToken::new();
        let bridge = ended.clone().drop_guard();
        let process = Self { child, bridge, cleanup, stderr: Arc::clone(&stderr), address };
        let ((from, to), lines) = pipes.ok_or_else(|| BrowserError::Unavailable("no pipes".to_owned()))?;
        let mut pipe = DevToolsPipe { from: BufReader::with_capacity(PIPE_BUFFER, from), to };
        let mut lines = BufReader::new(lines);
        let answers = tokio::select! {
            greeted = timeout(START_LIMIT, pipe.greet()) => greeted.is_ok_and(|greeted| greeted.is_ok()),
            () = keep_reading(&mut lines, &stderr) => false,
        };
        if !answers {
            process.end().await;
            // Nobody writes there any more.
            let _ = timeout(END_LIMIT, keep_reading(&mut lines, &stderr)).await;
            let told = format!("{} did not start: {}", chromium.display(), stderr.tail());
            return Err(BrowserError::Unavailable(told));
        }
        tasks.spawn(async move { keep_reading(&mut lines, &stderr).await });
        tasks.spawn(listener.serve(pipe, ended));
        Ok(process)
    }

    /// Waits until Chromium ends, or `stop` says so, or somebody found it `dead`; leaves neither process nor
    /// directory. `dead` is cancelled as soon as it can serve no more.
    pub(super) async fn watch(mut self, stop: CancellationToken, dead: CancellationToken) {
        let guard = dead.clone().drop_guard();
        tokio::select! {
            status = self.child.wait() => {
                let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
                let stderr = self.stderr.tail();
                tracing::warn!(chromium.status = status, chromium.stderr = stderr, "chromium ended by itself");
            }
            () = stop.cancelled() => {}
            () = dead.cancelled() => {}
        }
        drop(guard);
        self.end().await;
    }

    async fn end(mut self) {
        drop(self.bridge);
        if timeout(END_LIMIT, self.child.wait()).await.is_err() {
            self.cleanup.kill();
            if timeout(END_LIMIT, self.child.wait()).await.is_err() {
                tracing::error!("chromium does not end");
            }
        }
        self.cleanup.remove().await;
    }
}

impl ProcessCleanup {
    /// After a crash or a kill, renderers may live a moment longer than the browser.
    fn kill(&self) {
        if let Some(group) = self.group {
            // Fails when the whole group has ended, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }

    /// Removes all.
    async fn remove(mut self) {
        self.kill();
        // Its id may be another group's soon.
        self.group = None;
        if let Err(error) = profile::remove(self.profile.path()).await {
            tracing::warn!(%error, "cannot remove the profile directory of chromium");
        }
    }
}

impl Drop for ProcessCleanup {
    /// For when nobody waits any more: the runtime is ending.
    fn drop(&mut self) {
        self.kill();
        for _ in 0..REMOVE_TRIES {
            match std::fs::remove_dir_all(self.profile.path()) {
                Err(error) if error.kind() != ErrorKind::NotFound => std::thread::yield_now(),
                Ok(()) | Err(_) => return,
            }
        }
    }
}

fn no_bridge(cause: &io::Error) -> BrowserError {
    BrowserError::Unavailable(format!("cannot listen on 127.0.0.1 for commands to Chromium: {cause}"))
}

/// Chromium itself ends with a message that few find.
fn check_user(sandbox: bool, is_root: bool) -> Result<(), BrowserError> {
    if !(sandbox && is_root) {
        return Ok(());
    }
    let message = "Chromium refuses its sandbox to root; run the broker as another user, or set \
                   LATCHKEY_CHROMIUM_SANDBOX=off if it opens only sites that you trust";
    Err(BrowserError::Unavailable(message.to_owned()))
}

fn command(config: &BrowserConfig, profile: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(PIPE_AS_3_AND_4).arg(&config.chromium).args(FLAGS);
    if !config.sandbox {
        command.arg("--no-sandbox");
    }
    if config.display.is_empty() {
        command.arg("--headless=new");
    }
    let mut data = std::ffi::OsString::from("--user-data-dir=");
    data.push(profile.join("data"));
    command.arg(data).arg("about:blank");
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("HOME", profile)
        .env("TMPDIR", profile)
        .envs(config.display.iter().cloned())
        .current_dir(profile)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    command
}

/// A full pipe would block Chromium, so it is read to its end.
async fn keep_reading(lines: &mut (impl AsyncBufRead + Unpin), stderr: &StderrTail) {
    while let Some(line) = next_line(lines).await {
        stderr.keep(line);
    }
}

/// The next line, or its beginning: pages have a say in what Chromium writes, so a line may be endless and no text.
async fn next_line(lines: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let piece = lines.fill_buf().await.ok()?;
        let end = piece.iter().position(|&byte| byte == b'\n');
        if piece.is_empty() && line.is_empty() {
            return None;
        }
        let length = end.unwrap_or(piece.len());
        let kept = length.min(KEPT_LINE_BYTES.saturating_sub(line.len()));
        line.extend_from_slice(&piece[..kept]);
        let is_last = piece.is_empty() || end.is_some();
        lines.consume(length + usize::from(end.is_some()));
        if is_last {
            return Some(String::from_utf8_lossy(&line).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_told_how_to_go_on_and_others_are_let_through() {
        let refused = check_user(true, true).unwrap_err().to_string();

        assert!(refused.contains("LATCHKEY_CHROMIUM_SANDBOX=off"), "{refused}");
        assert!(check_user(true, false).is_ok());
        assert!(check_user(false, true).is_ok());
    }

    #[tokio::test]
    async fn stderr_is_read_to_its_end_whatever_stands_there() {
        let mut text: &[u8] = &[&b"\xff\n\n"[..], &[b'x'; 10_000], b"\nlast"].concat();

        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut text).await {
            lines.push(line);
        }

        let lengths: Vec<usize> = lines.iter().map(String::len).collect();
        assert_eq!(lengths, ["\u{fffd}".len(), 0, KEPT_LINE_BYTES, "last".len()]);
    }

    #[test]
    fn the_tail_of_stderr_is_short_and_without_noise() {
        let stderr = StderrTail::default();
        for number in 0..30 {
            stderr.keep(format!("line {number}"));
            stderr.keep("ERROR:dbus/bus.cc:405] Failed to connect to the bus".to_owned());
        }

        assert_eq!(stderr.tail(), "line 27 | line 28 | line 29");
    }
}
