//! A real nginx with the configuration of `compose/balancer`, on a free loopback port, gone with its owner.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use reqwest::Url;
use tempfile::TempDir;

use crate::{
    http,
    processes::{self, ProcessInfo},
    wait,
};

/// How long a start, and a change of the adapters, may take.
const START: Duration = Duration::from_secs(30);

const MISSING: &str = "is it installed? apt-get install nginx-light";

/// A running balancer.
#[derive(Debug)]
pub struct Balancer {
    /// Its base URL.
    pub url: Url,
    directory: TempDir,
    child: Child,
}

impl Balancer {
    /// Starts one in front of these adapters.
    ///
    /// # Panics
    /// When nginx is not installed, or refuses the configuration.
    pub async fn start(adapters: &[&Url]) -> Self {
        let directory = tempfile::Builder::new().prefix("latchkey-balancer-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url: Url = format!("http://127.0.0.1:{port}").parse().unwrap();
        install(directory.path(), &url);
        tell(directory.path(), adapters);
        let log = File::create(directory.path().join("log")).unwrap();
        let child = Command::new("sh")
            .arg(directory.path().join("start.sh"))
            .env("TMPDIR", directory.path())
            .arg("-p")
            .arg(directory.path())
            // Root's workers would be nobody's, who cannot open the directory. Others may not say this, and need not.
            .args(["-g", "user root;"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut balancer = Self { url, directory, child };
        let http = http::client();
        let livez = balancer.url.join("/livez").unwrap();
        wait::until_some(START, async || {
            let ended = balancer.child.try_wait().unwrap();
            assert!(ended.is_none(), "nginx ended before it answered: {MISSING}\n{}", balancer.log());
            http.get(livez.clone()).send().await.ok()
        })
        .await;
        balancer
    }

    /// Has Docker's DNS name other adapters, as it does when a service is scaled; what runs, runs on.
    pub async fn change(&self, adapters: &[&Url]) {
        let before = self.workers();
        tell(self.directory.path(), adapters);
        // The old ones let in whoever comes until they are told to end, and end with their last stream.
        wait::until(START, || {
            let now = processes::descendants(self.nginx());
            let is_told = |worker: &ProcessInfo| worker.command.contains("shutting down");
            let (old, new): (Vec<_>, Vec<_>) = now.iter().partition(|worker| before.contains(&worker.pid));
            !new.is_empty() && old.into_iter().all(is_told)
        })
        .await;
    }

    /// Everything that it wrote so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// The requests that are over, a line each.
    #[must_use]
    pub fn requests(&self) -> String {
        fs::read_to_string(self.directory.path().join("access.log")).unwrap_or_default()
    }

    fn nginx(&self) -> u32 {
        fs::read_to_string(self.directory.path().join("nginx.pid")).unwrap().trim().parse().unwrap()
    }

    fn workers(&self) -> Vec<u32> {
        processes::descendants(self.nginx()).iter().map(|process| process.pid).collect()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        // At once, with open streams: its workers end with it only if it may tell them. Who started it sees it go.
        processes::terminate(self.nginx());
        processes::terminate(self.child.id());
        self.child.wait().unwrap();
    }
}

/// Writes compose's own configuration, but for where things are on this machine.
fn install(directory: &Path, url: &Url) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compose/balancer");
    let read = |name: &str| fs::read_to_string(source.join(name)).unwrap();
    let here = [
        // First: the directory is below /tmp itself.
        ("/tmp/", format!("{}/", directory.display())),
        ("/dev/stdout", directory.join("access.log").display().to_string()),
        ("listen 7800;", format!("listen {};", address(url))),
    ];
    let mut text = read("nginx.conf");
    for (there, here) in here {
        assert!(text.contains(there), "compose/balancer/nginx.conf has no {there:?} any more");
        text = text.replace(there, &here);
    }
    fs::write(directory.join("nginx.conf"), text).unwrap();
    fs::write(directory.join("start.sh"), read("start.sh")).unwrap();
    // In the place of Docker's DNS.
    fs::write(directory.join("addresses.sh"), "cat \"$(dirname \"$0\")/addresses\"\n").unwrap();
}

/// Whole at any moment: start.sh may be reading.
fn tell(directory: &Path, adapters: &[&Url]) {
    let lines: String = adapters.iter().map(|url| address(url) + "\n").collect();
    fs::write(directory.join("addresses.new"), lines).unwrap();
    fs::rename(directory.join("addresses.new"), directory.join("addresses")).unwrap();
}

fn address(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())
}
