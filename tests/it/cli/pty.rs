//! A terminal of a test's own, at which a command is typed to as a person types.

use std::{
    fs::File,
    io::{Read, Write},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};
use support::wait;
use tokio::process::{Child, Command};

use super::binary;

const SOON: Duration = Duration::from_secs(60);
/// What Ctrl-S and Ctrl-Q send: nothing that is written gets to the screen in between.
const STOP: &str = "\u{13}";
const GO_ON: &str = "\u{11}";

/// A command at a terminal.
pub(super) struct Terminal {
    master: File,
    screen: Arc<Mutex<String>>,
    child: Child,
}

impl Terminal {
    /// Starts a command of the CLI.
    pub(super) fn start(arguments: &[&str], environment: &[(String, String)]) -> Self {
        Self::start_stopped_by("", arguments, environment)
    }

    /// Starts one whose output stands still until [`Terminal::goes_on`].
    pub(super) fn start_stopped(arguments: &[&str], environment: &[(String, String)]) -> Self {
        Self::start_stopped_by(STOP, arguments, environment)
    }

    fn start_stopped_by(first: &str, arguments: &[&str], environment: &[(String, String)]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let open = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut master = File::from(master);
        let end = open();
        master.write_all(first.as_bytes()).unwrap();
        // util-linux's `setsid --ctty` makes it the terminal of a session of its own.
        let child = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .arg(binary())
            .args(arguments)
            .env_clear()
            .envs(environment.iter().cloned())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdin(Stdio::from(end.try_clone().unwrap()))
            .stdout(Stdio::from(end.try_clone().unwrap()))
            .stderr(Stdio::from(end))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let screen = Arc::<Mutex<String>>::default();
        let mut shown = master.try_clone().unwrap();
        let kept = Arc::clone(&screen);
        // Ends with the command: a terminal without another end cannot be read.
        std::thread::spawn(move || {
            let mut some = [0; 1024];
            while let Ok(count @ 1..) = shown.read(&mut some) {
                kept.lock().unwrap().push_str(&String::from_utf8_lossy(&some[..count]));
            }
        });
        Self { master, screen, child }
    }

    /// Types.
    pub(super) fn types(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).unwrap();
    }

    /// Lets the output go on.
    pub(super) fn goes_on(&mut self) {
        self.types(GO_ON);
    }

    /// Waits until what is typed is not shown.
    pub(super) async fn hides(&self) {
        wait::until(SOON, || !self.echoes()).await;
    }

    /// Whether what is typed is shown.
    pub(super) fn echoes(&self) -> bool {
        tcgetattr(&self.master).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits until the screen ends so.
    pub(super) async fn shows(&self, end: &str) {
        let shown = wait::holds_within(SOON, || self.screen().trim_end().ends_with(end)).await;
        assert!(shown, "{end:?} is not shown: {}", self.screen());
    }

    /// Everything that was shown.
    pub(super) fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    /// Waits for the command's end; its exit code.
    pub(super) async fn ended(&mut self) -> Option<i32> {
        tokio::time::timeout(SOON, self.child.wait()).await.unwrap().unwrap().code()
    }
}
