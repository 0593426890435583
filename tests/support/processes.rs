//! The processes of this machine, as `/proc` shows them: to find, watch and end those that a test caused.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use latchkey_shared::shutdown::Tasks;
use rustix::process::{Pid, Signal, kill_process};

/// Between two looks of a [`ProcessWatch`]: shorter than any process lives that starts and does something.
const STEP: Duration = Duration::from_millis(20);

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// Its id.
    pub pid: u32,
    /// The id of its parent.
    pub parent: u32,
    /// Its command line, with spaces between the arguments.
    pub command: String,
}

/// Every process there is; those that end meanwhile are left out.
#[must_use]
pub fn all() -> Vec<ProcessInfo> {
    let entries = fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| read(entry.ok()?.file_name().to_str()?.parse().ok()?)).collect()
}

/// The children of a process, their children, and so on.
#[must_use]
pub fn descendants(pid: u32) -> Vec<ProcessInfo> {
    let all = all();
    let mut found = Vec::new();
    let mut next = vec![pid];
    while let Some(parent) = next.pop() {
        let children = all.iter().filter(|process| process.parent == parent);
        for child in children {
            next.push(child.pid);
            found.push(child.clone());
        }
    }
    found
}

/// The Chromium processes of this test that own the others.
#[must_use]
pub fn browsers() -> Vec<ProcessInfo> {
    let mut own = descendants(std::process::id());
    own.retain(|process| {
        process.command.contains("--remote-debugging-") && !process.command.contains("--type=")
    });
    own
}

/// Ends a process with SIGKILL; one that has ended already is fine.
pub fn kill(process: &ProcessInfo) {
    signal(process.pid, Signal::KILL);
}

/// Asks a process to end, with SIGTERM.
pub fn terminate(pid: u32) {
    signal(pid, Signal::TERM);
}

/// Stops a process in its tracks, as a machine that swaps does; [`thaw`] undoes it.
pub fn freeze(pid: u32) {
    signal(pid, Signal::STOP);
}

/// Lets a frozen process go on.
pub fn thaw(pid: u32) {
    signal(pid, Signal::CONT);
}

/// Remembers the command line of every process that ran while it watched, and the environments of some.
#[derive(Debug)]
pub struct ProcessWatch {
    seen: Arc<Mutex<SeenProcesses>>,
    tasks: Tasks,
}

/// What a [`ProcessWatch`] saw, each once.
#[derive(Clone, Debug, Default)]
pub struct SeenProcesses {
    /// Command lines, by process.
    pub commands: BTreeMap<u32, String>,
    /// Environments of Chromium's processes, by process.
    pub environments: BTreeMap<u32, Vec<u8>>,
}

impl ProcessWatch {
    /// Begins to watch.
    #[must_use]
    pub fn start() -> Self {
        let seen = Arc::<Mutex<SeenProcesses>>::default();
        let tasks = Tasks::new();
        let into = seen.clone();
        let stopping = tasks.stopping();
        tasks.spawn(async move {
            while !stopping.is_cancelled() {
                into.lock().unwrap().look();
                tokio::time::sleep(STEP).await;
            }
        });
        Self { seen, tasks }
    }

    /// Ends it.
    pub async fn stop(self) -> SeenProcesses {
        self.tasks.stop(Duration::from_secs(5)).await;
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for ProcessWatch {
    fn drop(&mut self) {
        self.tasks.stopping().cancel();
    }
}

impl SeenProcesses {
    fn look(&mut self) {
        for process in all() {
            if process.command.contains("chromium") && !self.environments.contains_key(&process.pid) {
                let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
                self.environments.insert(process.pid, environment);
            }
            self.commands.insert(process.pid, process.command);
        }
    }
}

fn read(pid: u32) -> Option<ProcessInfo> {
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    // The name in brackets may hold spaces and brackets: fields are counted from its end.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let parent = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(ProcessInfo { pid, parent, command })
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).expect("no process has the id 0");
    // It may have ended by itself.
    kill_process(pid, signal).unwrap_or_default();
}
