//! What a stranger on the machine finds while a browser runs.

use std::{collections::BTreeSet, fs};

use latchkey_broker::browser::{Supervisor, TrafficFilter};
use latchkey_shared::shutdown::Tasks;

use super::bench::{browser_config, chromium, processes_running};

/// State of a socket that takes connections, in `/proc/net/tcp`.
const LISTENING: &str = "0A";

#[tokio::test(flavor = "multi_thread")]
async fn no_port_is_open_while_a_browser_runs() {
    let supervisor = Supervisor::new(browser_config(), Tasks::new());
    let page = supervisor.open(TrafficFilter::default()).await.unwrap();
    let (_, profile) = chromium().expect("a browser runs");

    let mut processes = processes_running(&profile);
    assert!(processes.len() > 2, "{processes:?}");
    processes.push(i32::try_from(std::process::id()).unwrap());
    let open: BTreeSet<String> = processes.iter().flat_map(|process| sockets_of(*process)).collect();
    let listening = listening();

    assert!(!open.is_empty(), "the connection to Chromium itself is one");
    assert_eq!(open.intersection(&listening).collect::<Vec<_>>(), Vec::<&String>::new());
    drop(page);
    supervisor.close().await;
}

/// Inodes of the sockets that a process has open.
fn sockets_of(process: i32) -> Vec<String> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let links = files.filter_map(|file| fs::read_link(file.path()).ok());
    let inode = |link: String| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned());
    links.filter_map(|link| inode(link.to_string_lossy().into_owned())).collect()
}

/// Inodes of all TCP sockets that take connections.
fn listening() -> BTreeSet<String> {
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    let fields = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    fields.filter(|fields| fields.get(3) == Some(&LISTENING)).map(|fields| fields[9].to_owned()).collect()
}
